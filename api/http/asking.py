"""What all queries share: both clocks, waiting for a write, and pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, NamedTuple

import msgspec
from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from api.http.service import Running, Service
from ledger import time
from ledger.books import Clocks, head_position, position_at
from ledger.errors import InvalidTime, Malformed
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached

AsOf = Annotated[
    str | None,
    Query(description="As it was effective up to a time: RFC 3339 or a date; a + in a URL is written %2B."),
]
AsAt = Annotated[
    str | None, Query(description="As it was recorded up to a time, or up to a position of the log.")
]
After = Annotated[
    int,
    Query(
        ge=0, lt=2**63, description="Wait until this position has been seen: what your last write answered."
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most entries of a page.")]
OnDay = Annotated[
    str,
    Query(
        description="Of which local day, such as 2021-12-31: that of `as_of`, or today, if nothing is said."
    ),
]
InCurrency = Annotated[str, Query(pattern="^[A-Z]{3}$", description="In which currency: ISO 4217.")]
Cursor = Annotated[
    str | None,
    Query(description="`next` of the page before; it carries the whole query, so all else is ignored."),
]


class Money(msgspec.Struct, frozen=True):
    """A sum in minor units of its currency."""

    amount: int
    currency: str


class Asked(NamedTuple):
    """Both clocks as they were asked for."""

    as_of: str | None
    as_at: str | None

    def clocks(self, database: Database) -> Clocks:
        """The moments they mean; raises InvalidTime or UnknownPosition. Waits for the database."""
        return Clocks(
            moment(self.as_of) if self.as_of is not None else None,
            position_at(database, self.as_at) if self.as_at is not None else None,
        )


def moment(text: str) -> int:
    """The as-of time in UTC microseconds; raises InvalidTime."""
    try:
        return time.micros(time.parse(text))
    except InvalidTime as error:
        raise InvalidTime(error.detail, field="as_of") from None


async def _of_the_log(
    service: Running, as_of: AsOf = None, as_at: AsAt = None, after_position: After = 0
) -> Asked:
    """Ask what is committed with the facts, so that only another process's commit is to be waited for."""
    if after_position > service.position:
        await service.reach(after_position, lambda: head_position(service.database))
    return Asked(as_of, as_at)


OfTheLog = Annotated[Asked, Depends(_of_the_log)]


class Seen(NamedTuple):
    """Both clocks, and a position up to which the answer will have seen everything."""

    clocks: Clocks
    position: int


def of_models(*models: Projection) -> Callable[..., Awaitable[Seen]]:
    """What a query of read models depends on: it waits until they have seen what is asked for."""

    async def seen(
        service: Running, as_of: AsOf = None, as_at: AsAt = None, after_position: After = 0
    ) -> Seen:
        clocks = await run_in_threadpool(Asked(as_of, as_at).clocks, service.database)
        at = await _reached(service, models, max(after_position, clocks.as_at or 0))
        return Seen(clocks, at if clocks.as_at is None else clocks.as_at)

    return seen


def of_models_now(*models: Projection) -> Callable[..., Awaitable[int]]:
    """The same where only the present is known: the position that the answer will have seen."""

    async def seen(request: Request, service: Running, after_position: After = 0) -> int:
        for clock in ("as_of", "as_at"):
            if clock in request.query_params:
                raise Malformed("This is answered as it is now alone.", field=clock)
        return await _reached(service, models, after_position)

    return seen


async def _reached(service: Service, models: Sequence[Projection], wanted: int) -> int:
    """How far these models are, once they have come to the position that is wanted."""

    def position() -> int:
        with service.database.read() as connection:
            return min(reached(connection, model) for model in models)

    if wanted:
        await service.reach(wanted, position)
    return await run_in_threadpool(position)

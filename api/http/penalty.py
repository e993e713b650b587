"""Penalties over HTTP: the public register, which needs no key, and what one penalty is on both clocks."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from starlette.concurrency import run_in_threadpool

from api.http import cursors
from api.http.asking import After, AsAt, Asked, AsOf, Cursor, Limit, Money, OfTheLog
from api.http.openapi import ETAG, answers
from api.http.service import Running, Service, answer, etag
from ledger import codec, time
from ledger.books import Clocks
from projections.penalties import PENALTIES, View, penalty_view, register
from projections.store import reached

router = APIRouter(tags=["penalties"])

PUBLIC = "/v1/penalties"
"""The register answers everybody."""


class Published(msgspec.Struct):
    """A penalty as the register shows it. `party` is shop, host, account, live or gang.

    `fine` is as it stands now; `ruling` is that of the last instance: denied, varied or overturned.
    """

    id: str
    status: str
    party: str
    party_id: str
    shop: str
    reason: str
    fine: Money
    points: int
    measures: list[dict[str, Any]]
    imposed_at: str
    published_at: str
    appeals: list[str]
    ruling: str
    ruled_by: str


class Register(msgspec.Struct):
    """A page of the register in the order of publication."""

    penalties: list[Published]
    next: str | None


class Penalty(msgspec.Struct):
    """A penalty with all that was paid of it; `times` are RFC 3339, by step."""

    id: str
    status: str
    party: str
    party_id: str
    shop: str
    reason: str
    cause: str
    imposed: Money
    fine: Money
    fees: Money
    paid: Money
    collected: Money
    given_back: Money
    held: Money
    released: Money
    outstanding: Money
    overpaid: Money
    owed_back: Money
    points: int
    measures: list[dict[str, Any]]
    in_collection: bool
    trained: bool
    appeals: list[str]
    pending: list[str]
    ruling: str
    ruled_by: str
    accounts: int
    leads: list[str]
    cases: list[str]
    times: dict[str, str]
    position: int


class RegisterQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of the register is asked with; `after` is the position behind which it begins."""

    shop: str
    as_of: int | None
    as_at: int
    limit: int
    after: int = 0


def _position(service: Service) -> int:
    """How far the read model has come; waits for the database."""
    with service.database.read() as connection:
        return reached(connection, PENALTIES)


async def _of_penalties(
    service: Running, as_of: AsOf = None, as_at: AsAt = None, after_position: After = 0
) -> Clocks:
    """Wait until the read model has seen what is asked for."""
    clocks = await run_in_threadpool(Asked(as_of, as_at).clocks, service.database)
    if wanted := max(after_position, clocks.as_at or 0):
        await service.reach(wanted, lambda: _position(service))
    return clocks


@router.get(
    PUBLIC,
    operation_id="penalties",
    summary="The public register of penalties.",
    response_class=Response,
    responses=answers(Register, "A page of published penalties; `next` leads to the one after it."),
    openapi_extra={"security": []},
)
def penalties(
    service: Running,
    clocks: Annotated[Clocks, Depends(_of_penalties)],
    shop: Annotated[str, Query(description="Only those for which this shop answers.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Fix the position at the first page, so that all pages tell of one state of the register."""
    if cursor is not None:
        query = cursors.read(service.secret, RegisterQuery, cursor)
    else:
        as_at = _position(service) if clocks.as_at is None else clocks.as_at
        query = RegisterQuery(shop, clocks.as_of, as_at, limit)
    found = register(
        service.database,
        Clocks(query.as_of, query.as_at),
        shop=query.shop,
        after=query.after,
        limit=query.limit + 1,
    )
    page, following = cursors.page(service.secret, query, found, lambda last: last[0])
    return answer(Register([_published(view) for _, view in page], following), query.as_at)


def _published(view: View) -> Published:
    known = view.penalty
    return Published(
        view.id,
        known.status,
        known.party,
        known.party_id,
        known.shop,
        known.reason,
        Money(known.fine, known.currency),
        known.points,
        codec.plain(known.measures),
        time.rfc3339(*view.times["imposed"]),
        time.rfc3339(*view.times["published"]),
        list(known.appeals),
        known.ruling,
        known.ruled_by,
    )


@router.get(
    "/v1/penalties/{id:path}",
    operation_id="penalty",
    summary="What a penalty is now, or was.",
    response_class=Response,
    responses=answers(Penalty, "The penalty.", ETAG),
)
def penalty(service: Running, asked: OfTheLog, id: str) -> Response:  # noqa: A002 - the name in the path
    """Fold the penalty from its facts, so that it is never behind the log."""
    clocks = asked.clocks(service.database)
    position = service.head() if clocks.as_at is None else clocks.as_at
    version = service.version(f"penalty-{id}", position)
    view = penalty_view(service.database, id, clocks)
    known = view.penalty

    def money(amount: int) -> Money:
        return Money(amount, known.currency)

    return answer(
        Penalty(
            id=view.id,
            status=known.status,
            party=known.party,
            party_id=known.party_id,
            shop=known.shop,
            reason=known.reason,
            cause=known.cause,
            imposed=money(known.first),
            fine=money(known.fine),
            fees=money(known.fees),
            paid=money(known.received),
            collected=money(known.collected),
            given_back=money(known.restored + known.returned),
            held=money(known.held),
            released=money(known.released),
            outstanding=money(known.outstanding),
            overpaid=money(known.overpaid),
            owed_back=money(known.owed_back),
            points=known.points,
            measures=codec.plain(known.measures),
            in_collection=known.in_collection,
            trained=known.trained,
            appeals=list(known.appeals),
            pending=list(known.pending),
            ruling=known.ruling,
            ruled_by=known.ruled_by,
            accounts=known.accounts,
            leads=list(known.leads),
            cases=list(known.cases),
            times={step: time.rfc3339(*at) for step, at in view.times.items()},
            position=view.position,
        ),
        position,
        etag(version),
    )


SCHEMAS = (Register, Penalty)

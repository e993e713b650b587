"""Accounting periods: months are closed in order, and what comes too late posts on the first open day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, NamedTuple

import msgspec

from ledger import time
from ledger.decisions.base import INITIAL, Command, Item, Past, decides, folds
from ledger.errors import InvalidTime, WrongState
from ledger.events.base import Recorded
from ledger.events.period import PeriodClosed

STREAM = "period-books"


class Closing(NamedTuple):
    """A closed period: its name, the first open moment after it (UTC µs), and where its fact stands."""

    period: str
    until: int
    position: int


INITIAL["period"] = ()  # The closings, each later than the one before.


@folds(PeriodClosed)
def _closed(closings: tuple[Closing, ...], fact: PeriodClosed, recorded: Recorded) -> tuple[Closing, ...]:
    return (*closings, Closing(fact.period, fact.until, recorded.position))


def posted_at(closings: tuple[Closing, ...], position: int, effective_at: int) -> int:
    """When a fact counts in the books that were reported: its effective time, or the first open moment.

    Only what was closed before the fact's position matters.
    """
    return max([effective_at, *(closing.until for closing in closings if closing.position < position)])


class ClosePeriod(Command, kw_only=True):
    """Close the books of a month such as 2021-06, and of all before it, once it is over."""

    NAME = "periods.close"
    STREAM = "period"

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$(?!\n)", description="a month")]

    @property
    def stream(self) -> str:
        """All periods stand in one stream, so that they are closed in order."""
        return STREAM


@decides(ClosePeriod)
def close(past: Past, command: ClosePeriod) -> Iterator[Item]:
    """A month is closed once, when it is over; a closed month stays closed."""
    until = _end(command.id)
    closings: tuple[Closing, ...] = past.state(STREAM)
    if closings and until <= closings[-1].until:
        return
    if until > past.moment:
        over = time.rfc3339(until, time.HOME_OFFSET)
        raise WrongState(f"{command.id} is not over before {over}.", field="id")
    yield PeriodClosed(command.id, until)


def _end(month: str) -> int:
    """The first moment after a month in Asia/Shanghai, UTC microseconds; raises InvalidTime."""
    try:
        inside_the_next = time.parse(f"{month}-01") + timedelta(days=31)
        return time.micros(inside_the_next.replace(day=1))
    except (InvalidTime, OverflowError):
        raise InvalidTime(f"{month!r} is no month such as 2021-06.", field="id") from None

"""Visits of shops, which other systems count: what conversion is reckoned against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from ledger import time
from ledger.decisions.base import INITIAL, Command, Item, Name, OptionalName, Past, decides, folds
from ledger.errors import InvalidTime, Malformed
from ledger.events.base import Recorded
from ledger.events.visits import VisitsRecorded


class Visits(msgspec.Struct, frozen=True, gc=False):
    """A shop's visits of a month by day and source."""

    counts: dict[tuple[str, str], int] = {}


INITIAL["visits"] = Visits()


@folds(VisitsRecorded)
def _recorded(visits: Visits, fact: VisitsRecorded, _recorded: Recorded) -> Visits:
    return Visits({**visits.counts, (fact.day, fact.source): fact.visits})


class RecordVisits(Command, kw_only=True):
    """Report how many visits a shop (`id`) had on a local day, through one source or all together."""

    NAME = "visits.record"
    STREAM = "visits"

    id: Name
    day: Annotated[
        str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)", description="local day, such as 2021-06-10")
    ]
    visits: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    source: OptionalName = ""

    @property
    def stream(self) -> str:
        """The months of a shop stand apart, so that no stream grows for ever."""
        return f"visits-{self.id}:{self.day[:7]}"


@decides(RecordVisits)
def record(past: Past, command: RecordVisits) -> Iterator[Item]:
    """The count of a day that has begun may be reported anew; the last one stands."""
    try:
        day = datetime.strptime(command.day, "%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise Malformed(f"{command.day} is no day.", field="day") from None
    marks: tuple[str, ...] = ()
    if day.date() > time.moment(past.moment, time.HOME_OFFSET).date():
        if not past.reported:
            raise InvalidTime(f"{command.day} has not begun.", field="day")
        marks = ("future_day",)
    visits: Visits = past.state(command.stream)
    if visits.counts.get((command.day, command.source)) != command.visits:
        yield VisitsRecorded(command.id, command.day, command.visits, command.source, marks)

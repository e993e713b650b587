"""The dispatch clock of an order: what was promised, when the clock stood still, what left by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from ledger.events.fulfilment import ParcelDispatched, Shipped, Unit

NEVER = 2**62
"""A deadline that will not come: the clock stands still."""


class Mark(NamedTuple):
    """The clock was stopped, or let run, by `cause` at `at` (UTC microseconds); without `lines` for all."""

    at: int
    cause: str
    stops: bool
    lines: tuple[int, ...] = ()


class Left(NamedTuple):
    """A parcel that left at `at` (UTC microseconds); without `items` with all that was still to go."""

    at: int
    waybill: str
    items: tuple[Shipped, ...] = ()


class Gone(NamedTuple):
    """A unit that was given back in full at `at` (UTC microseconds): it need not leave."""

    at: int
    line: int
    unit: int


class Clock(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What decides whether an order left in time; all of it sorted by time, whatever came first."""

    promised: dict[int, tuple[int, int]] = {}
    """By line when that was said and when it was to leave (UTC microseconds); 0 for those not named."""
    marks: tuple[Mark, ...] = ()
    moves: tuple[tuple[int, int], ...] = ()
    """Changes of the address: from when the time is not the shop's, and when the buyer changed it."""
    left: tuple[Left, ...] = ()
    fake: tuple[str, ...] = ()
    """Waybills without a parcel."""
    gone: tuple[Gone, ...] = ()
    overdue: tuple[Unit, ...] = ()
    """Units that are known to be late."""

    @property
    def parcels(self) -> tuple[Left, ...]:
        """Parcels that really left, in order."""
        return tuple(parcel for parcel in self.left if parcel.waybill not in self.fake)

    def stopped(self, cause: str) -> bool:
        """Whether the last word of a cause stopped the clock."""
        words = [mark.stops for mark in self.marks if mark.cause == cause]
        return bool(words) and words[-1]

    def promise(self, line: int) -> int | None:
        """When the units of a line were promised to leave; None if nobody said."""
        said = self.promised.get(line) or self.promised.get(0)
        return said[1] if said else None

    def deadline(self, line: int) -> int | None:
        """When the units of a line had to leave, or NEVER while the clock stands still; None: no promise."""
        by = self.promise(line)
        if by is None:
            return None
        stops = [*self._stops(line)]
        found = _extended(by, stops)
        for since, changed in self.moves:
            # What is late already is not made right by a change of the address.
            if changed <= found:
                stops.append((since, changed))
                found = _extended(by, stops)
        return found

    def _stops(self, line: int) -> Iterator[tuple[int, int]]:
        """From when to when the clock of a line stood still, one cause after the other."""
        since: dict[str, int] = {}
        for mark in self.marks:
            if mark.stops and (not mark.lines or line in mark.lines):
                since.setdefault(mark.cause, mark.at)
            elif not mark.stops and mark.cause in since:
                yield since.pop(mark.cause), mark.at
        yield from ((at, NEVER) for at in since.values())

    def late(self, line: int, quantity: int, moment: int) -> list[int]:
        """Which units of a line (from 1) had not left when they had to, as far as that is over."""
        deadline = self.deadline(line)
        if deadline is None or moment <= deadline:
            return []
        sent = 0
        for parcel in self.parcels:
            if parcel.at <= deadline:
                if not parcel.items:
                    return []
                sent += sum(item.quantity for item in parcel.items if item.line == line)
        gone = {each.unit for each in self.gone if each.line == line and each.at <= deadline}
        return [unit for unit in range(1, quantity + 1) if unit not in gone][sent:]

    def belied(self, at: int) -> bool:
        """Whether a parcel that left at `at` tells that units left in time which were found to be late."""
        return any(at <= (self.deadline(unit.line) or 0) for unit in self.overdue)

    def inside(self, waybill: str, quantities: Sequence[int]) -> tuple[Unit, ...]:
        """The units in a parcel: each parcel takes the lowest numbers that those before it left."""
        taken = [0] * len(quantities)
        for parcel in sorted(self.parcels, key=lambda parcel: not parcel.items):
            counts = {item.line: item.quantity for item in parcel.items}
            units = []
            for index, quantity in enumerate(quantities):
                count = counts.get(index + 1, 0) if parcel.items else quantity
                first = taken[index] + 1
                taken[index] = min(taken[index] + count, quantity)
                units += [Unit(index + 1, unit) for unit in range(first, taken[index] + 1)]
            if parcel.waybill == waybill:
                return tuple(units)
        return ()


def with_promise(clock: Clock, at: int, by: int, lines: tuple[int, ...]) -> Clock:
    """The clock when these lines, or all, were promised at `at`; what was said last counts."""
    said = (at, -by)  # Of what was said at one moment the earlier time counts.
    known = {line: (when, -then) for line, (when, then) in clock.promised.items()}
    before = known.get(0, (0, 0))
    if lines:
        known |= {line: said for line in lines if said > max(known.get(line, before), before)}
    else:
        known = {line: word for line, word in known.items() if line and word > said} | {0: max(said, before)}
    promised = {line: (when, -then) for line, (when, then) in sorted(known.items())}
    return msgspec.structs.replace(clock, promised=promised)


def with_parcel(clock: Clock, at: int, fact: ParcelDispatched) -> Clock:
    """The clock when one more parcel is known to have left."""
    left = sorted((*clock.left, Left(at, fact.waybill, fact.items)), key=lambda parcel: parcel[:2])
    return msgspec.structs.replace(clock, left=tuple(left))


def _extended(by: int, stops: list[tuple[int, int]]) -> int:
    """A deadline with all the time added that the clock stood still before it, none of it twice."""
    covered = 0
    for since, until in sorted(stops):
        start = max(since, covered)
        if start > by:
            break
        if until >= NEVER:
            return NEVER
        if until > start:
            by += until - start
            covered = until
    return by

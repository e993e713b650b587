"""Reports whose parent is missing wait in the parent's stream and follow it in the same commit."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions.base import COMMANDS, DECISIONS, Command, Item, On, Past
from ledger.errors import LedgerError
from ledger.events.base import Recorded
from ledger.events.parking import FactParked


def park(command: Command, stream: str, waits_for: str) -> On:
    """Keep a report until its parent order is `placed` or `paid`."""
    return On(stream, FactParked(command.NAME, msgspec.msgpack.encode(command), waits_for))


def unpack(parked: Recorded) -> Command:
    """The report as it came in."""
    fact = parked.fact
    assert isinstance(fact, FactParked)  # noqa: S101 - states keep nothing else under `parked`
    return msgspec.msgpack.decode(fact.body, type=COMMANDS[fact.command])


def release(past: Past, waiting: tuple[Recorded, ...]) -> Iterator[Item]:
    """Apply waiting reports in the order they count, not the order they came: the end is always the same.

    A report that may not be applied even now is parked once more, for a person to review.
    """
    for parked in sorted(waiting, key=_order):
        command = unpack(parked)
        with past.replaying(parked, command):
            try:
                yield from past.attempt(DECISIONS[type(command)](past, command))
            except LedgerError as refusal:
                fact = parked.fact
                assert isinstance(fact, FactParked)  # noqa: S101 - as above
                yield On(parked.stream, FactParked(fact.command, fact.body, "review", refusal.code))


def _order(parked: Recorded) -> tuple[int, str, bytes]:
    fact = parked.fact
    assert isinstance(fact, FactParked)  # noqa: S101 - as above
    return (parked.envelope.effective_at, fact.command, fact.body)

"""Reports whose parent is missing wait in the parent's stream and follow it in the same commit.

The states and balances at the end are the same for every order in which reports of orders, their goods and
their refunds arrive, newer versions and refunds of more than was paid included. What depends on the order:

* positions, versions of streams and marks; and, of several refunds that together exceed what was paid, which
  one carries the excess (and so whose system's suspense account, if several systems report them);
* reports that contradict each other under one version: the first stands, the others are refused or reviewed;
* versions that leave out or take back what an earlier one said (a payment, a settlement, a buyer), or that
  place the order at another time;
* pots that orders share: what a deposit bears or a pay-out leaves depends on what was in them then. Without
  either, a shop's payable less its advances is the same;
* requests that name no sums, the coupons that refunds asked for by cash take where other refunds of the order
  name theirs, and cash that the platform advanced: they are reckoned from what is left when they are decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ledger.codec import pack
from ledger.decisions.base import COMMANDS, DECISIONS, Command, Item, On, Past, folds
from ledger.errors import LedgerError, Malformed
from ledger.events.base import Recorded
from ledger.events.parking import FactParked


class Waiting(NamedTuple):
    """A parked report in its place."""

    recorded: Recorded
    fact: FactParked

    @property
    def order(self) -> tuple[int, str, bytes]:
        """The order in which reports are applied: that in which they count, not that in which they came."""
        return (self.recorded.envelope.effective_at, self.fact.command, self.fact.body)


@folds(FactParked)
def _parked(state: Any, fact: FactParked, recorded: Recorded) -> Any:  # noqa: ANN401 - of an order or a refund
    return msgspec.structs.replace(state, parked=(*state.parked, Waiting(recorded, fact)))


def for_(parked: tuple[Waiting, ...], parent: str) -> tuple[Waiting, ...]:
    """Those that wait for the order to be `placed` or `paid`, or for the refund to be `requested`."""
    return tuple(waiting for waiting in parked if waiting.fact.waits_for == parent) if parked else ()


def without(parked: tuple[Waiting, ...], parent: str) -> tuple[Waiting, ...]:
    """What goes on waiting when the parent has arrived: the rest follows in the same commit."""
    return tuple(waiting for waiting in parked if waiting.fact.waits_for != parent) if parked else ()


def park(past: Past, command: Command, stream: str, parent: str, reason: str = "") -> Iterator[Item]:
    """Keep a report until its parent arrives; the same report waits once.

    For the parent `review` it waits for a person, `reason` is the code of what is against it.
    """
    fact = FactParked(command.NAME, pack(command), parent, reason)
    _unpack(fact)  # What could not be read back must not wait: it would be lost when the parent comes.
    source = past.request.source
    same = (
        waiting.fact == fact and waiting.recorded.envelope.source == source
        for waiting in past.state(stream).parked
    )
    if not any(same):
        yield On(stream, fact)


def _unpack(fact: FactParked) -> Command:
    """The report as it came in; raises Malformed."""
    try:
        return msgspec.msgpack.decode(fact.body, type=COMMANDS[fact.command])
    except (KeyError, msgspec.DecodeError) as error:
        raise Malformed(f"The report {fact.command} could not be read back: {error}.") from error


def release(past: Past, parked: tuple[Waiting, ...]) -> Iterator[Item]:
    """Apply waiting reports in the order they count, not the order they came.

    A report that may not be applied even now is parked once more, for a person to review.
    """
    return _released(past, parked) if parked else iter(())


def _released(past: Past, parked: tuple[Waiting, ...]) -> Iterator[Item]:
    for recorded, fact in sorted(parked, key=lambda waiting: waiting.order):
        try:
            command = _unpack(fact)
            with past.replaying(recorded, command):
                yield from past.attempt(DECISIONS[type(command)](past, command))
        except LedgerError as refusal:
            with past.replaying(recorded, past.request.command):
                yield On(recorded.stream, FactParked(fact.command, fact.body, "review", refusal.code))

"""Corrections: a fact that should not have been recorded is mirrored, never removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec

from ledger.codec import CODEC
from ledger.decisions.amendment import Recount, difference, recount
from ledger.decisions.base import INITIAL, Command, Item, On, Past, Text, decides, folds, identifier
from ledger.decisions.bearing import recovered
from ledger.decisions.order import Order
from ledger.errors import AlreadyReversed, NotCorrectable, WrongState
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.appraisal import LabPaid
from ledger.events.base import Fact, Recorded
from ledger.events.correction import CorrectionRecorded
from ledger.events.fund import PetFundContributed
from ledger.events.order import OrderSettled, SharesRestored
from ledger.events.refund import RefundCompleted
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    FreightServiceCharged,
    HostPaidOut,
    ShopPaidOut,
    SubsidyGranted,
    WarrantyServiceCharged,
)
from ledger.events.statement import PlatformFundMovementRecorded

_DIGITS = 18  # Of the positions that fit into 64 bits.

INITIAL["correction"] = None
"""A correction stands in the stream of what it reverses: nothing is ever in its own."""


def _same(state: Any) -> Any:  # noqa: ANN401 - of a shop, a host or a lab
    return state


# What reversing a fact does to the state of its stream. Facts that are not listed have commands of their
# own that undo them, or nothing to undo.
_UNDO: dict[type[Fact], Callable[[Any], Any]] = {
    OrderSettled: lambda order: msgspec.structs.replace(
        order, settled=False, whole_commission=0, whole_host_share=0, handed_out=0
    ),
    RefundCompleted: lambda refund: msgspec.structs.replace(refund, completed=0, undone=True),
    AdjustmentRecorded: lambda adjustment: msgspec.structs.replace(adjustment, fact=None),
    PlatformFundMovementRecorded: lambda line: msgspec.structs.replace(line, fact=None),
    DepositPaid: _same,
    DepositRefunded: _same,
    ShopPaidOut: _same,
    HostPaidOut: _same,
    PetFundContributed: _same,
    FreightServiceCharged: _same,
    WarrantyServiceCharged: _same,
    SubsidyGranted: _same,
    LabPaid: _same,
}


@folds(CorrectionRecorded)
def _corrected(state: Any, fact: CorrectionRecorded, _recorded: Recorded) -> Any:  # noqa: ANN401 - of any stream
    return _UNDO[CODEC.types[fact.topic]](state)


class RecordCorrection(Command, kw_only=True):
    """Reverse the fact at a position; `id` is that position."""

    NAME = "corrections.record"
    STREAM = "correction"

    id: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,17}$(?!\n)", description="position of the fact")]
    reason: Text

    def touches(self) -> tuple[str, ...]:
        """The stream is known only once the fact is."""
        return ()


@decides(RecordCorrection)
def record(past: Past, command: RecordCorrection) -> Iterator[Item]:
    """A correctable fact is reversed once, as long as no guarded account would fall below zero."""
    # What is no position is nowhere in the log, and no number that a database would take.
    position = int(command.id) if command.id.isdecimal() and len(command.id) <= _DIGITS else 0
    yield from reverse(past, position, command.reason)


def reverse(past: Past, position: int, reason: str) -> Iterator[On]:
    """The mirror of the fact at a position, for its stream, and what has to follow from it.

    Raises AlreadyReversed, NotCorrectable, WrongState or UnknownPosition.
    """
    target = past.fact(position)
    fact = target.fact
    if past.used(f"reversed/{position}"):
        raise AlreadyReversed(f"Position {position}.", field="id")
    if type(fact) not in _UNDO:
        raise NotCorrectable(f"Position {position} is {fact.TOPIC}.", field="id")
    mirror = On(target.stream, CorrectionRecorded(position, fact.TOPIC, CODEC.encode_body(fact), reason))
    match fact:
        case RefundCompleted():
            yield from _refund_reversed(past, fact, mirror)
        case OrderSettled():
            order: Order = past.state(target.stream)
            if order.handed_out != order.whole - past.used(f"refund/{identifier(target.stream)}"):
                raise WrongState("The order was refunded or amended since it was settled.", field="id")
            yield mirror
        case _:
            yield mirror


def _refund_reversed(past: Past, fact: RefundCompleted, mirror: On) -> Iterator[On]:
    """Reverse a refund, so that all else is as if it had never been."""
    if fact.advanced:
        raise NotCorrectable("The cash of the refund was advanced.", field="id")
    id_, counts = fact.order, bool(fact.order) and "currency_mismatch" not in fact.marks
    order: Order = past.state(f"order-{id_}") if counts else Order()
    if counts:
        yield from _recounted(past, id_, _made_good(past, fact))
    account = f"shop_payable:{fact.shop}"
    before, held = order.shares(past.used(f"refund/{id_}")), past.balance(account, fact.currency)
    yield mirror
    if order.settled:
        yield from _shares_restored(past, fact, order, before)
    credit = past.balance(account, fact.currency) - held
    for made_good in recovered(past, id_, fact.shop, fact.currency, credit):
        yield On(mirror.stream, made_good)
    if counts:
        yield from _recounted(past, id_, recount(past, id_, order, order, _last_line(fact)))


def _recounted(past: Past, id_: str, again: Recount) -> Iterator[On]:
    """Of an order's refunds, more or less counts and less or more waits in suspense."""
    if again[0] or any(again[1]):
        stream = f"order-{id_}"
        order: Order = past.state(stream)
        for item in difference(past, id_, order, order, again):
            yield On(stream, item)


def _last_line(fact: RefundCompleted) -> int:
    """The highest line a refund names, which a newer version of its order may lack."""
    return max((line.line for line in fact.lines), default=0)


def _made_good(past: Past, fact: RefundCompleted) -> Recount:
    """What of a refund had to wait in suspense and no longer does: to be reversed it has to wait again."""
    if not fact.bearers.suspense:
        return 0, ()
    over: dict[int, int] = {}
    for line in fact.lines:
        over[line.line] = over.get(line.line, 0) + line.over
    lines = range(1, max(over, default=0) + 1)
    waiting, *line_waiting = past.used_of([f"over/{fact.order}", *(f"over/{fact.order}/{n}" for n in lines)])
    return min(waiting - fact.bearers.suspense, 0), tuple(
        min(waits - over.get(number, 0), 0) for number, waits in zip(lines, line_waiting, strict=True)
    )


def _shares_restored(
    past: Past, fact: RefundCompleted, order: Order, before: tuple[int, int]
) -> Iterator[On]:
    """Hand out what the escrow of a settled order holds again; all have what is theirs without the refund."""
    after = order.shares(past.used(f"refund/{fact.order}"))
    commission = before[0] + fact.bearers.commission - after[0]
    host_share = before[1] + fact.bearers.host - after[1]
    if fact.bearers.escrow or commission or host_share:
        sums = fact.bearers.escrow, commission, host_share
        yield On(f"order-{fact.order}", SharesRestored(fact.shop, order.host, order.currency, *sums))

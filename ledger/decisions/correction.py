"""Corrections: a fact that should not have been recorded is mirrored, never removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Annotated

import msgspec

from ledger.codec import CODEC
from ledger.decisions.base import Command, Item, On, Past, Text, decides, folds
from ledger.errors import NotCorrectable
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.base import Fact, Recorded
from ledger.events.correction import CorrectionRecorded
from ledger.events.order import OrderSettled
from ledger.events.refund import RefundCompleted
from ledger.events.shop import DepositPaid, DepositRefunded, HostPaidOut, ShopPaidOut


def _same(state: Any) -> Any:
    return state


# What reversing a fact does to the state of its stream. Facts that are not listed have commands of their
# own that undo them, or nothing to undo.
_UNDO: dict[type[Fact], Callable[[Any], Any]] = {
    OrderSettled: lambda order: msgspec.structs.replace(
        order, settled=False, whole_commission=0, whole_host_share=0
    ),
    RefundCompleted: lambda refund: msgspec.structs.replace(refund, status="reversed", completed=0),
    AdjustmentRecorded: lambda adjustment: msgspec.structs.replace(adjustment, fact=None),
    DepositPaid: _same,
    DepositRefunded: _same,
    ShopPaidOut: _same,
    HostPaidOut: _same,
}


@folds(CorrectionRecorded)
def _corrected(state: Any, recorded: Recorded) -> Any:
    fact = recorded.fact
    assert isinstance(fact, CorrectionRecorded)
    return _UNDO[CODEC.types[fact.topic]](state)


class RecordCorrection(Command, kw_only=True):
    """Reverse the fact at a position; `id` is that position."""

    NAME = "corrections.record"
    STREAM = "correction"

    id: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,17}$", description="position of the fact")]
    reason: Text

    def touches(self) -> tuple[str, ...]:
        """The stream is known only once the fact is."""
        return ()


@decides(RecordCorrection)
def record(past: Past, command: RecordCorrection) -> Iterator[Item]:
    """A correctable fact is reversed once, as long as no guarded account would fall below zero."""
    yield reverse(past, int(command.id), command.reason)


def reverse(past: Past, position: int, reason: str) -> On:
    """The mirror of the fact at a position, for its stream; raises NotCorrectable or UnknownPosition."""
    target = past.fact(position)
    if type(target.fact) not in _UNDO:
        raise NotCorrectable(f"Position {position} is {target.fact.TOPIC}.", field="id")
    fact = CorrectionRecorded(position, target.fact.TOPIC, CODEC.encode_body(target.fact), reason)
    return On(target.stream, fact)

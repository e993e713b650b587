"""Adjustments: what a source changed in its own books, kept as a memorandum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from ledger import money
from ledger.decisions.base import (
    INITIAL,
    Command,
    Currency,
    Item,
    Name,
    OptionalName,
    Past,
    SignedAmount,
    Text,
    decides,
    folds,
)
from ledger.errors import AlreadyExists
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.base import Recorded


class Adjustment(msgspec.Struct, frozen=True):
    """The adjustment as it was recorded, None before."""

    fact: AdjustmentRecorded | None = None


INITIAL["adjustment"] = Adjustment()


@folds(AdjustmentRecorded)
def _recorded(_state: Adjustment, fact: AdjustmentRecorded, _recorded: Recorded) -> Adjustment:
    return Adjustment(fact)


class RecordAdjustment(Command, kw_only=True):
    """Record a signed adjustment of a source's books."""

    NAME = "adjustments.record"
    STREAM = "adjustment"
    REPORTED: ClassVar[bool] = True

    id: Name
    shop: OptionalName = ""
    currency: Currency
    amount: SignedAmount
    reason: Text = ""


@decides(RecordAdjustment)
def record(past: Past, command: RecordAdjustment) -> Iterator[Item]:
    """An adjustment is recorded once."""
    before: Adjustment = past.state(command.stream)
    fact = AdjustmentRecorded(
        command.shop,
        money.currency(command.currency),
        money.amount(command.amount, signed=True),
        command.reason,
    )
    if before.fact is None:
        yield fact
    elif before.fact != fact:
        raise AlreadyExists(f"Adjustment {command.id} was recorded with other content.", field="id")

"""Statement lines of platforms and payment providers that no fact stands for, kept to be matched."""

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
from ledger.events.base import Recorded
from ledger.events.statement import PlatformFundMovementRecorded


class StatementLine(msgspec.Struct, frozen=True):
    """The line as it was recorded, None before."""

    fact: PlatformFundMovementRecorded | None = None


INITIAL["statement"] = StatementLine()


@folds(PlatformFundMovementRecorded)
def _recorded(
    _state: StatementLine, fact: PlatformFundMovementRecorded, _recorded: Recorded
) -> StatementLine:
    return StatementLine(fact)


class RecordMovement(Command, kw_only=True):
    """Report a statement line that no fact stands for: a freeze, a reserve, a fee of its own.

    `movement` is the statement's word for it; `amount` and `fee` keep the sign they have there.
    """

    NAME = "statements.record"
    STREAM = "statement"
    REPORTED: ClassVar[bool] = True

    id: Name
    shop: OptionalName = ""
    movement: Name
    currency: Currency
    amount: SignedAmount
    fee: SignedAmount = 0
    order: OptionalName = ""
    reference: OptionalName = ""
    reason: Text = ""


@decides(RecordMovement)
def record(past: Past, command: RecordMovement) -> Iterator[Item]:
    """A line is recorded once; statements do not change what they said."""
    line: StatementLine = past.state(command.stream)
    fact = PlatformFundMovementRecorded(
        command.shop,
        command.movement,
        money.currency(command.currency),
        money.amount(command.amount, signed=True),
        money.amount(command.fee, field="fee", signed=True),
        command.order,
        command.reference,
        command.reason,
    )
    if line.fact is None:
        yield fact
    elif line.fact != fact:
        raise AlreadyExists(f"Line {command.id} was recorded with other content.", field="id")

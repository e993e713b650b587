"""The pet fund: what it still owes to upheld claims, and what the platform gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from ledger import money
from ledger.decisions import funding
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.errors import InvalidAmount
from ledger.events.fund import PetFundContributed


class Fund(msgspec.Struct, frozen=True):
    """What the fund has promised. What it holds is in the books: `pet_fund` is free, the rest reserved."""

    dues: tuple[Any, ...] = ()
    """What stays due of upheld claims, in the order in which it will be paid."""


INITIAL["fund"] = Fund()

folds(PetFundContributed)(unchanged)


class Contribute(Command, kw_only=True):
    """Give the pet fund money of the platform's own."""

    NAME = "fund.contribute"
    STREAM = "fund"

    id: Literal["pet"] = "pet"
    amount: Amount
    currency: Currency = "CNY"
    reason: Text = ""


@decides(Contribute)
def contribute(past: Past, command: Contribute) -> Iterator[Item]:
    """Any sum above zero; what the fund owes is paid from it at once."""
    if command.amount <= 0:
        raise InvalidAmount(f"There is nothing to give: {command.amount}.", field="amount")
    yield PetFundContributed(money.currency(command.currency), money.amount(command.amount), command.reason)
    yield from funding.pay_dues(past, command.currency)

"""Chargebacks: the buyer's bank takes a payment back, and may return it when the dispute is won."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from ledger import money
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    On,
    OrderId,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.bearing import recovered
from ledger.decisions.order import Order
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.decisions.refund import left_of
from ledger.errors import AlreadyExists, InvalidAmount, UnknownChargeback, WrongState
from ledger.events.base import Recorded
from ledger.events.chargeback import ChargebackReceived, ChargebackRepaid, ChargebackReversed
from ledger.events.order import OrderChargedBack, SharesRestored


class Chargeback(msgspec.Struct, frozen=True, gc=False):
    """What a chargeback is now; sums in minor units."""

    received: ChargebackReceived | None = None
    reversed: bool = False
    repaid: int = 0
    parked: tuple[Waiting, ...] = ()

    @property
    def status(self) -> str:
        """One word for people: empty, received or reversed."""
        if self.reversed:
            return "reversed"
        return "received" if self.received else ""


INITIAL["chargeback"] = Chargeback()


@folds(ChargebackReceived)
def _received(chargeback: Chargeback, fact: ChargebackReceived, _recorded: Recorded) -> Chargeback:
    parked = without(chargeback.parked, "received")
    return msgspec.structs.replace(chargeback, received=fact, parked=parked)


@folds(ChargebackReversed)
def _reversed(chargeback: Chargeback, _fact: ChargebackReversed, _recorded: Recorded) -> Chargeback:
    return msgspec.structs.replace(chargeback, reversed=True)


@folds(ChargebackRepaid)
def _repaid(chargeback: Chargeback, fact: ChargebackRepaid, _recorded: Recorded) -> Chargeback:
    return msgspec.structs.replace(chargeback, repaid=chargeback.repaid + fact.amount)


folds(OrderChargedBack)(unchanged)


class ReceiveChargeback(Command, kw_only=True):
    """Report that the buyer's bank took `amount` of an order's payment back."""

    NAME = "chargebacks.receive"
    STREAM = "chargeback"
    REPORTED: ClassVar[bool] = True

    id: Name
    order: OrderId
    currency: Currency = "CNY"
    amount: Amount
    reason: Text = ""

    def touches(self) -> tuple[str, ...]:
        """The chargeback and its order."""
        return (self.stream, f"order-{self.order}")

    def orders(self) -> tuple[str, ...]:
        """The order it names."""
        return (self.order,)


class ReverseChargeback(Command, kw_only=True):
    """Report that the bank returned a chargeback: the dispute was won, or withdrawn."""

    NAME = "chargebacks.reverse"
    STREAM = "chargeback"
    REPORTED: ClassVar[bool] = True

    id: Name


class RepayChargeback(Command, kw_only=True):
    """Record that the buyer paid back what a chargeback gave them twice, or `amount` of it."""

    NAME = "chargebacks.repay"
    STREAM = "chargeback"

    id: Name
    amount: Amount | None = None


@decides(ReceiveChargeback)
def receive(past: Past, command: ReceiveChargeback) -> Iterator[Item]:
    """A chargeback is received once; before its order is paid it waits.

    What the buyer was refunded before becomes the buyer's debt, flagged and never netted.
    """
    chargeback: Chargeback = past.state(command.stream)
    if not command.amount:
        raise InvalidAmount("A chargeback takes something back.", field="amount")
    if (known := chargeback.received) is not None:
        if (known.order, known.currency, known.amount) == (command.order, command.currency, command.amount):
            return
        detail = f"Chargeback {command.id} is {known.amount} {known.currency} of order {known.order}."
        raise AlreadyExists(detail, field="id")
    order: Order = past.state(f"order-{command.order}")
    if not order.paid:
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    fact = _taken_back(past, command, order)
    yield fact
    flags = OrderChargedBack(command.id, fact.amount, ("charged_back", *fact.marks))
    yield On(f"order-{command.order}", flags)
    yield from release(past, for_(chargeback.parked, "received"))


def _taken_back(past: Past, command: ReceiveChargeback, order: Order) -> ChargebackReceived:
    """Who bears it: the order's own money as far as the buyer does not have it back, then the buyer."""
    amount = money.amount(command.amount)
    parties = command.order, order.shop, order.buyer, money.currency(command.currency)
    if command.currency != order.currency:
        borne = 0, 0, 0, amount
        marks: tuple[str, ...] = ("currency_mismatch", "guard_exceeded")
        return ChargebackReceived(*parties, amount, order.whole, *borne, command.reason, past.system, marks)
    own = min(amount, max(left_of(past, command.order, order).cash, 0))
    held = 0 if order.settled else past.balance(f"order_escrow:{command.order}", order.currency)
    escrow = min(own, held)
    twice = min(amount - own, order.cash)
    over = amount - own - twice
    marks = ("already_refunded",) if twice else ()
    if twice and not order.buyer:
        twice, over, marks = 0, over + twice, (*marks, "buyer_unknown")
    if amount > own + order.cash:
        marks = (*marks, "guard_exceeded")
    borne = escrow, own - escrow, twice, over
    source = past.system if over else ""
    return ChargebackReceived(*parties, amount, order.whole, *borne, command.reason, source, marks)


@decides(ReverseChargeback)
def reverse(past: Past, command: ReverseChargeback) -> Iterator[Item]:
    """A chargeback is reversed once, to the accounts that bore it; before it was received it waits.

    What returns to the escrow of an order that was settled meanwhile is handed out by its shares.
    """
    chargeback: Chargeback = past.state(command.stream)
    fact = chargeback.received
    if fact is None:
        yield from park(past, command, command.stream, "received")
        return
    if chargeback.reversed:
        return
    sums = fact.amount, fact.paid, fact.escrow, fact.payable, fact.refunded, fact.suspense
    order: Order = past.state(f"order-{fact.order}")
    account = f"shop_payable:{fact.shop}"
    before, owed = order.shares(past.used(f"refund/{fact.order}")), past.balance(account, fact.currency)
    yield ChargebackReversed(fact.order, fact.shop, fact.buyer, fact.currency, *sums, fact.source)
    yield On(f"order-{fact.order}", OrderChargedBack(command.id, 0, ("chargeback_reversed",)))
    if order.settled and fact.escrow:
        after = order.shares(past.used(f"refund/{fact.order}") + fact.payable)
        shares = before[0] - after[0], before[1] - after[1]
        stream = f"order-{fact.order}"
        yield On(stream, SharesRestored(fact.shop, order.host, fact.currency, fact.escrow, *shares))
    credit = past.balance(account, fact.currency) - owed
    if credit > 0:
        yield from recovered(past, fact.order, fact.shop, fact.currency, credit)


@decides(RepayChargeback)
def repay(past: Past, command: RepayChargeback) -> Iterator[Item]:
    """The buyer pays back at most what a chargeback gave them twice, while it stands."""
    chargeback: Chargeback = past.state(command.stream)
    fact = chargeback.received
    if fact is None:
        raise UnknownChargeback(f"Got {command.id!r}.", field="id")
    if chargeback.reversed:
        raise WrongState("The chargeback was reversed.", field="id")
    owed = fact.refunded - chargeback.repaid
    amount = owed if command.amount is None else command.amount
    if not 0 < amount <= owed:
        raise InvalidAmount(f"The buyer owes {owed} of it, not {amount}.", field="amount")
    yield ChargebackRepaid(fact.buyer, fact.currency, amount, fact.refunded)

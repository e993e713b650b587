"""Facts of a card payment that the buyer's bank took back; the stream is `chargeback-{id}`."""

from __future__ import annotations

from ledger.events.base import Fact


class ChargebackReceived(Fact):
    """The buyer's bank took `amount` (minor units) of an order's payment back.

    `escrow` and `payable` bear what the buyer had not been given back before. What had been refunded is
    `refunded`: the buyer has it twice and owes it. What the order was never paid, or nobody known owes,
    waits as `suspense` in the account of `source`, the system that reported it; so does a sum in another
    currency. `paid` is what the order was paid in all. `marks` name what is odd: `already_refunded`,
    `buyer_unknown`, `guard_exceeded`, `currency_mismatch`.
    """

    TOPIC = "chargeback-received"

    order: str
    shop: str
    buyer: str
    currency: str
    amount: int
    paid: int
    escrow: int
    payable: int
    refunded: int
    suspense: int
    reason: str
    source: str = ""
    marks: tuple[str, ...] = ()


class ChargebackReversed(Fact):
    """The bank gave the money back: the dispute was won, or withdrawn. The sums are those of the receipt."""

    TOPIC = "chargeback-reversed"

    order: str
    shop: str
    buyer: str
    currency: str
    amount: int
    paid: int
    escrow: int
    payable: int
    refunded: int
    suspense: int
    source: str = ""


class ChargebackRepaid(Fact):
    """The buyer paid back what a chargeback gave them twice, or a part of it (minor units)."""

    TOPIC = "chargeback-repaid"

    buyer: str
    currency: str
    amount: int
    owed: int

"""Facts of a refund and the return that may belong to it; the stream is `refund-{id}`."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class RefundLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a refund gives back for one line, in minor units.

    `line` counts from 1, 0 where the refund names no line of an order; `units` are the unit numbers it
    names, if any; `paid` is what cash and coupons paid for the line, the most its refunds may reach; `over`
    is the part of a reported refund beyond that, which is kept in suspense.
    """

    line: int
    sku: str
    quantity: int
    cash: int
    coupon: int = 0
    paid: int = 0
    units: tuple[int, ...] = ()
    over: int = 0


class Bearers(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who bears the money that goes back, in minor units and in this order.

    `commission` and `host` return their shares to the shop's payable first, which then bears them too.
    """

    escrow: int = 0
    commission: int = 0
    host: int = 0
    payable: int = 0
    deposit: int = 0
    advance: int = 0
    suspense: int = 0


class RefundRequested(Fact):
    """A buyer asked for money back; `returns` says whether the goods come back too."""

    TOPIC = "refund-requested"

    order: str
    shop: str
    buyer: str
    currency: str
    cash: int
    coupon: int
    lines: tuple[RefundLine, ...]
    reason: str
    returns: bool


class RefundApproved(Fact):
    """The shop or the platform agreed."""

    TOPIC = "refund-approved"

    marks: tuple[str, ...] = ()


class RefundRefused(Fact):
    """The shop or the platform declined."""

    TOPIC = "refund-refused"

    reason: str
    marks: tuple[str, ...] = ()


class RefundEscalated(Fact):
    """The buyer took it to the platform."""

    TOPIC = "refund-escalated"

    reason: str


class ReturnShipped(Fact):
    """The goods are on their way back; `pickup` when a courier collected them at the door."""

    TOPIC = "return-shipped"

    waybill: str
    carrier: str
    pickup: bool
    marks: tuple[str, ...] = ()


class ReturnReceived(Fact):
    """The shop has the goods again."""

    TOPIC = "return-received"

    marks: tuple[str, ...] = ()


class InstantRefundAdvanced(Fact):
    """The platform paid the cash (`amount`) ahead of the shop's agreement.

    From now on no other refund may take it, nor the `coupon` and the `lines` that go with it. `paid` is what
    the order was paid in all.
    """

    TOPIC = "instant-refund-advanced"

    order: str
    shop: str
    currency: str
    amount: int
    coupon: int
    paid: int
    lines: tuple[RefundLine, ...]


class RefundAdvanceRecovered(Fact):
    """Money of the shop made good what the platform had advanced for it.

    `payable` below zero goes back to the shop: what had been recovered too much, or what its payable lacks.
    """

    TOPIC = "refund-advance-recovered"

    order: str
    shop: str
    currency: str
    escrow: int
    payable: int
    deposit: int


class RefundCompleted(Fact):
    """The buyer has the money back: `cash` in minor units, and `coupon` of coupon cost reversed.

    `order` is empty where the source names none. `advanced` is how much of the cash was paid ahead and is
    not paid again. `paid` is what the order was paid in all, the most its refunds may reach. `bearers` says
    who bears it; its `suspense` waits in the account named by `source`, the system that reported it.
    """

    TOPIC = "refund-completed"

    order: str
    shop: str
    host: str
    buyer: str
    currency: str
    cash: int
    coupon: int
    advanced: int
    paid: int
    lines: tuple[RefundLine, ...]
    bearers: Bearers
    source: str = ""
    marks: tuple[str, ...] = ()

    @property
    def cash_due(self) -> int:
        """The cash that leaves the bank now."""
        return self.cash - self.advanced


class RefundClosed(Fact):
    """The refund ended without money, or there is nothing left to do about it."""

    TOPIC = "refund-closed"

    reason: str


class RefundEntitled(Fact):
    """The buyer uses a benefit of the order: the refund is owed, whether or not the shop agrees.

    `version` is that of the terms the lines carry, `until` the end of their window (UTC microseconds, 0: it
    had not begun), `digest` the SHA-256 of the evidence, empty where the terms ask for none.
    """

    TOPIC = "refund-entitled"

    order: str
    benefit: str
    version: str
    buyer: str
    currency: str
    cash: int
    until: int
    digest: str = ""

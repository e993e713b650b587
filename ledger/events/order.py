"""Facts of an order's life from placing to closing; the stream is `order-{platform}:{id}`."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of an order.

    `amount` is the list price of all its units in minor units, freight excluded; `shop_coupon` and
    `platform_coupon` are what the coupons take off it.
    """

    sku: str
    title: str
    quantity: int
    amount: int
    shop_coupon: int = 0
    platform_coupon: int = 0
    supplier: str = ""
    fulfiller: str = ""


class OrderPlaced(Fact):
    """A buyer ordered; nothing is paid yet. `freight` in minor units; `marks` name anomalies."""

    TOPIC = "order-placed"

    shop: str
    buyer: str
    currency: str
    lines: tuple[Line, ...]
    freight: int = 0
    host: str = ""
    session: str = ""
    channel: str = ""
    traffic: str = ""
    marks: tuple[str, ...] = ()


class OrderPaid(Fact):
    """The buyer paid `cash` (freight included) and the platform's coupons bore `coupon`.

    `line_cash` and `line_coupon` fix each line's share of both, in line order; freight is what is left.
    """

    TOPIC = "order-paid"

    currency: str
    cash: int
    coupon: int
    line_cash: tuple[int, ...]
    line_coupon: tuple[int, ...]
    marks: tuple[str, ...] = ()


class OrderAmended(Fact):
    """The source reported a newer version of the order: what it says now and the difference in money.

    The deltas are signed minor units: what came in on top, or went back. `recounted` is how much more of
    what was refunded counts under the new sums, instead of waiting in the suspense of `source`;
    `line_recounted` says it line by line (empty: nothing changes). Below zero it is what has to wait from
    now on. The rest of the difference stays in the escrow; once the order is settled, `commission` and
    `host_share` return to the shop's payable (signed, as their shares of the new sums require), and the
    shop bears it from `payable` (below zero: receives it), `deposit` and `advance`. The mark `recounted`
    says that the order is as it was, but one of its refunds was reversed, so that others count for more.
    """

    TOPIC = "order-amended"

    version: int
    shop: str
    host: str
    buyer: str
    currency: str
    lines: tuple[Line, ...]
    freight: int
    cash: int
    coupon: int
    line_cash: tuple[int, ...]
    line_coupon: tuple[int, ...]
    cash_delta: int
    coupon_delta: int
    whole_host_share: int
    whole_commission: int
    recounted: int = 0
    line_recounted: tuple[int, ...] = ()
    commission: int = 0
    host_share: int = 0
    payable: int = 0
    deposit: int = 0
    advance: int = 0
    source: str = ""
    marks: tuple[str, ...] = ()

    @property
    def cash_in(self) -> int:
        """Cash that came in on top."""
        return max(self.cash_delta, 0)

    @property
    def coupon_in(self) -> int:
        """Coupon cost that came on top."""
        return max(self.coupon_delta, 0)

    @property
    def cash_out(self) -> int:
        """Cash that went back."""
        return max(-self.cash_delta, 0)

    @property
    def coupon_out(self) -> int:
        """Coupon cost that was reversed."""
        return max(-self.coupon_delta, 0)

    @property
    def made_good(self) -> int:
        """What no longer waits in suspense."""
        return max(self.recounted, 0)

    @property
    def suspense(self) -> int:
        """What waits in suspense from now on."""
        return max(-self.recounted, 0)


class OrderSettled(Fact):
    """The escrow was handed out: `net` to the shop, `host_share` to the host, `commission` to the platform.

    `whole_commission` and `whole_host_share` are what was agreed for the order without refunds; refunds take
    their part of them, later ones give it back.
    """

    TOPIC = "order-settled"

    shop: str
    host: str
    currency: str
    net: int
    host_share: int
    commission: int
    whole_host_share: int
    whole_commission: int
    marks: tuple[str, ...] = ()


class SharesRestored(Fact):
    """A refund of a settled order was reversed: what the escrow holds again is handed out after all.

    `escrow` goes to the shop's payable; `commission` and `host_share` (signed minor units) are what they
    return to it so that both are again what their shares of the order say.
    """

    TOPIC = "shares-restored"

    shop: str
    host: str
    currency: str
    escrow: int
    commission: int
    host_share: int


class OrderCancelled(Fact):
    """The order was called off before anything was kept of its payment."""

    TOPIC = "order-cancelled"

    reason: str
    marks: tuple[str, ...] = ()


class OrderVoided(Fact):
    """The order never counted (brushing, off-platform deal). Buyer and local day number as placed."""

    TOPIC = "order-voided"

    reason: str
    buyer: str
    placed_day: int


class OrderClaimed(Fact):
    """A claim was filed for the order; its story stands in the stream of the claim."""

    TOPIC = "order-claimed"

    claim: str
    benefit: str


class OrderChargedBack(Fact):
    """The buyer's bank took `amount` (minor units) of the payment back, or returned it (0).

    Its money stands in the stream of the chargeback; `marks` flag the order for whoever looks at it.
    """

    TOPIC = "order-charged-back"

    chargeback: str
    amount: int
    marks: tuple[str, ...] = ()


class OrderClosed(Fact):
    """The after-sales time is over."""

    TOPIC = "order-closed"


class SameVersionRecorded(Fact):
    """The source sent a newer version that says the same: it counts from now on, nothing else changes."""

    TOPIC = "same-version-recorded"

    version: int
    counted: int


class StaleVersionRecorded(Fact):
    """The source sent a version older than the one that counts: kept, without effect."""

    TOPIC = "stale-version-recorded"

    version: int
    counted: int

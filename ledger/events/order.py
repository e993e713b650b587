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
    """The source reported a newer version of a paid order: what it says now and the difference in money.

    The deltas are signed minor units. What comes in joins the escrow, or the shop's payable once settled;
    what goes out is taken from `escrow`, `payable`, `deposit`, `advance` and, as far as nothing else may
    bear it, `suspense` (of the system named by `source`), all minor units. `refundable` and
    `line_refundable` are the most that refunds of the order and of its lines may reach from now on.
    """

    TOPIC = "order-amended"

    shop: str
    currency: str
    lines: tuple[Line, ...]
    freight: int
    cash: int
    coupon: int
    line_cash: tuple[int, ...]
    line_coupon: tuple[int, ...]
    cash_delta: int
    coupon_delta: int
    settled: bool
    refundable: int
    line_refundable: tuple[int, ...]
    escrow: int = 0
    payable: int = 0
    deposit: int = 0
    advance: int = 0
    suspense: int = 0
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
    def passed_on(self) -> int:
        """What came in and, the order being settled, belongs to the shop at once."""
        return self.cash_in + self.coupon_in if self.settled else 0


class OrderSettled(Fact):
    """The escrow was handed out: `net` to the shop, `host_share` to the host, `commission` to the platform.

    `whole_commission` and `whole_host_share` are what they would have been without refunds; later refunds
    give their part of them back.
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


class OrderClosed(Fact):
    """The after-sales time is over."""

    TOPIC = "order-closed"


class StaleVersionRecorded(Fact):
    """The source sent a version older than the one that counts: kept, without effect."""

    TOPIC = "stale-version-recorded"

    version: int
    counted: int

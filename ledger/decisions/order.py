"""An order from placing to closing: what it is, what it was paid with, and what may happen to it next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import starmap
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple, replace

from ledger import money, time
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    OptionalName,
    OrderId,
    Past,
    SignedAmount,
    Text,
    Units,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.bearing import recovered
from ledger.decisions.clock import Clock
from ledger.decisions.coverage import attach
from ledger.decisions.host import check_performs
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.decisions.standing import check_sells
from ledger.errors import (
    AlreadyExists,
    InsufficientFunds,
    InvalidAmount,
    UnknownOrder,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.fulfilment import DispatchPromised
from ledger.events.order import (
    Line,
    OrderCancelled,
    OrderClaimed,
    OrderClosed,
    OrderPaid,
    OrderPlaced,
    OrderSettled,
    OrderVoided,
    SameVersionRecorded,
    SharesRestored,
    StaleVersionRecorded,
)

UNSENT = frozenset({"placed", "paid", "at_warehouse", "appraised"})
"""The stages in which nothing of an order has gone to the buyer."""


class InWarehouse(NamedTuple):
    """A piece of an order at the lab's warehouse; `outcome` is certified, failed, or empty until then."""

    serial: str
    line: int
    unit: int
    outcome: str = ""
    certificate: str = ""


class Order(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an order is now; sums in minor units of `currency`.

    Whatever reports bring is kept so that their order makes no difference: `stage` follows from it.
    """

    placed: bool = False
    shop: str = ""
    host: str = ""
    buyer: str = ""
    currency: str = ""
    lines: tuple[Line, ...] = ()
    freight: int = 0
    placed_day: int = 0
    version: int = 0
    paid: bool = False
    paid_at: int = 0
    """When it was paid, UTC microseconds: the terms in force then count."""
    cash: int = 0
    coupon: int = 0
    line_cash: tuple[int, ...] = ()
    line_coupon: tuple[int, ...] = ()
    items: tuple[InWarehouse, ...] = ()
    """The pieces that came to the lab's warehouse, by serial number."""
    sent: dict[int, int] = {}
    """Units by line in parcels that say what they hold."""
    rest_sent: bool = False
    """Whether a parcel carried all that was still to go."""
    parcels: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    delivered_at: int = 0
    """When the last parcel was delivered so far, UTC microseconds."""
    confirmed: bool = False
    confirmed_at: int = 0
    clock: Clock = Clock()
    """Whether the goods left in time."""
    settled: bool = False
    whole_commission: int = 0
    whole_host_share: int = 0
    handed_out: int = 0
    """What the escrow held at the settlement; -1 once an amendment or a reversal changed it since."""
    closed: bool = False
    cancelled: bool = False
    voided: bool = False
    claims: tuple[str, ...] = ()
    """Every claim that was filed for it, in the order recorded."""
    parked: tuple[Waiting, ...] = ()

    @property
    def stage(self) -> str:
        """How far the goods have come; empty if the order is unknown."""
        if self.voided or self.cancelled:
            return "voided" if self.voided else "cancelled"
        if self.confirmed:
            return "confirmed"
        if self.parcels:
            gone = all(sent >= line.quantity for sent, line in zip(self.shipped, self.lines, strict=True))
            if gone and set(self.parcels) <= set(self.delivered):
                return "delivered"
            return "dispatched" if gone else "partly_dispatched"
        if self.delivered:
            return "delivered"
        if self.items and self.paid:
            return "appraised" if all(item.outcome for item in self.items) else "at_warehouse"
        if self.placed:
            return "paid" if self.paid else "placed"
        return ""

    @property
    def received_at(self) -> int:
        """When the buyer had the goods, by delivery or else by word, UTC microseconds; 0: not yet."""
        return self.delivered_at or self.confirmed_at

    @property
    def status(self) -> str:
        """One word for people: how far the order has come."""
        if (self.settled or self.closed) and not (self.voided or self.cancelled):
            return "closed" if self.closed else "settled"
        return self.stage

    @property
    def shipped(self) -> tuple[int, ...]:
        """How many units of each line have left."""
        sent = [self.sent.get(number, 0) for number in range(1, len(self.lines) + 1)]
        if self.rest_sent:
            sent = [max(count, line.quantity) for count, line in zip(sent, self.lines, strict=True)]
        return tuple(sent)

    @property
    def whole(self) -> int:
        """What cash and coupons paid together."""
        return self.cash + self.coupon

    def line_paid(self, number: int) -> int:
        """What cash and coupons paid for a line (from 1); nothing for a line there is not."""
        if not 1 <= number <= len(self.line_cash):
            return 0
        return self.line_cash[number - 1] + self.line_coupon[number - 1]

    def shares(self, refunded: int) -> tuple[int, int]:
        """What commission and host have of a settled order of whose payment `refunded` went back.

        Both are cut to what was paid, and each refund takes its part of both: rounded over all refunds
        together, so that neither their order nor their number makes a difference.
        """
        commission, host_share = self.whole_commission, self.whole_host_share
        if commission + host_share > self.whole:
            commission, host_share = money.split(self.whole, (commission, host_share))
        gone = min(refunded, self.whole)
        return (
            commission - money.share(commission, gone, self.whole),
            host_share - money.share(host_share, gone, self.whole),
        )


INITIAL["order"] = Order()


@folds(OrderPlaced)
def _placed(order: Order, fact: OrderPlaced, recorded: Recorded) -> Order:
    envelope = recorded.envelope
    return replace(
        order,
        placed=True,
        shop=fact.shop,
        host=fact.host,
        buyer=fact.buyer,
        currency=fact.currency,
        lines=fact.lines,
        freight=fact.freight,
        placed_day=time.local_day(envelope.effective_at, envelope.offset),
        version=envelope.source.version if envelope.source else 0,
        parked=order.parked and without(order.parked, "placed"),
    )


@folds(OrderPaid)
def _paid(order: Order, fact: OrderPaid, recorded: Recorded) -> Order:
    return replace(
        order,
        paid=True,
        paid_at=recorded.envelope.effective_at,
        cash=fact.cash,
        coupon=fact.coupon,
        line_cash=fact.line_cash,
        line_coupon=fact.line_coupon,
        parked=order.parked and without(order.parked, "paid"),
    )


@folds(OrderSettled)
def _settled(order: Order, fact: OrderSettled, _recorded: Recorded) -> Order:
    return replace(
        order,
        settled=True,
        whole_commission=fact.whole_commission,
        whole_host_share=fact.whole_host_share,
        handed_out=fact.net + fact.host_share + fact.commission,
    )


@folds(SharesRestored)
def _restored(order: Order, _fact: SharesRestored, _recorded: Recorded) -> Order:
    return replace(order, handed_out=-1)


@folds(OrderCancelled)
def _cancelled(order: Order, _fact: OrderCancelled, _recorded: Recorded) -> Order:
    return replace(order, cancelled=True)


@folds(OrderVoided)
def _voided(order: Order, _fact: OrderVoided, _recorded: Recorded) -> Order:
    return replace(order, voided=True)


@folds(OrderClaimed)
def _claimed(order: Order, fact: OrderClaimed, _recorded: Recorded) -> Order:
    return replace(order, claims=(*order.claims, fact.claim))


@folds(OrderClosed)
def _closed(order: Order, _fact: OrderClosed, _recorded: Recorded) -> Order:
    return replace(order, closed=True)


@folds(SameVersionRecorded)
def _same_version(state: Any, fact: SameVersionRecorded, _recorded: Recorded) -> Any:  # noqa: ANN401 - of an order or a refund
    return replace(state, version=fact.version)


folds(StaleVersionRecorded)(unchanged)


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One line of an order; `amount` is the list price of all its units in minor units."""

    sku: Name
    title: Text = ""
    quantity: Units = 1
    amount: SignedAmount
    shop_coupon: Amount = 0
    platform_coupon: Amount = 0
    supplier: OptionalName = ""
    fulfiller: OptionalName = ""


def kept(lines: Sequence[OrderLine]) -> tuple[Line, ...]:
    """The lines as facts keep them, which have the same fields in the same order."""
    return tuple(starmap(Line, map(astuple, lines)))


class PlaceOrder(Command, kw_only=True):
    """Place an order; `dispatch_by` is when the shop promised its goods to leave."""

    NAME = "orders.place"
    STREAM = "order"

    id: OrderId
    shop: Name
    buyer: OptionalName = ""
    currency: Currency
    lines: tuple[OrderLine, ...]
    freight: Amount = 0
    host: OptionalName = ""
    session: OptionalName = ""
    channel: OptionalName = ""
    traffic: OptionalName = ""
    dispatch_by: datetime | None = None

    def touches(self) -> tuple[str, ...]:
        """The order and its shop, which may not sell."""
        return (self.stream, f"shop-{self.shop}")

    def orders(self) -> tuple[str, ...]:
        """What is new has no refunds and no escrow."""
        return ()


class PayOrder(Command, kw_only=True):
    """Record the payment of an order: `cash` from the buyer, freight included; coupons bear the rest."""

    NAME = "orders.pay"
    STREAM = "order"

    id: OrderId
    cash: Amount

    def orders(self) -> tuple[str, ...]:
        """Nothing is refunded yet."""
        return ()

    def escrows(self) -> tuple[str, ...]:
        """The order."""
        return (self.id,)


class SettleOrder(Command, kw_only=True):
    """Hand out the escrow. `commission` and `host_share` are those of the whole order, before refunds."""

    NAME = "orders.settle"
    STREAM = "order"

    id: OrderId
    commission: Amount = 0
    host_share: Amount = 0


class CancelOrder(Command, kw_only=True):
    """Call an order off; what was paid must have been refunded first."""

    NAME = "orders.cancel"
    STREAM = "order"

    id: OrderId
    reason: Text = ""


class VoidOrder(Command, kw_only=True):
    """Strike an order that never counted: brushing, or a deal off the platform."""

    NAME = "orders.void"
    STREAM = "order"

    id: OrderId
    reason: Text


class CloseOrder(Command, kw_only=True):
    """End the after-sales time of a settled order."""

    NAME = "orders.close"
    STREAM = "order"

    id: OrderId


class Payment(msgspec.Struct, frozen=True):
    """How a payment falls on the lines of an order, minor units."""

    cash: int
    coupon: int
    line_cash: tuple[int, ...]
    line_coupon: tuple[int, ...]
    due: int
    """What cash should have been by the order's lines."""


def payment(lines: Sequence[Line], freight: int, cash: int | None) -> Payment:
    """Fix each line's share: coupons as the lines carry them, cash in proportion to what they leave.

    Freight is met from the cash first; it belongs to no line. Without `cash` exactly what is due was paid.
    """
    line_coupon = tuple([line.platform_coupon for line in lines])
    left = [line.amount - line.shop_coupon - line.platform_coupon for line in lines]
    due = max(sum(left), 0) + freight
    if min(left, default=0) < 0:
        left = [max(amount, 0) for amount in left]
    cash = money.amount(due if cash is None else cash, field="cash")
    goods = max(cash - freight, 0)
    line_cash = tuple(left) if goods == sum(left) else money.split(goods, left)
    return Payment(cash, money.amount(sum(line_coupon), field="lines"), line_cash, line_coupon, due)


def check(order: Order, id_: str, parent: Literal["placed", "paid"], past: Past) -> bool:
    """Whether the order is `placed` or `paid`. A report may wait for it; a command is refused."""
    if getattr(order, parent):
        return True
    if past.reported:
        return False
    if not order.placed:
        raise UnknownOrder(f"Got {id_!r}.", field="id")
    raise WrongState(f"The order is {order.status}, not paid.", field="id")


@decides(PlaceOrder)
def place(past: Past, command: PlaceOrder) -> Iterator[Item]:
    """An order is placed once; the same again changes nothing."""
    order: Order = past.state(command.stream)
    lines = kept(command.lines)
    if order.placed:
        same = (command.shop, command.host, command.buyer, command.currency, lines, command.freight)
        if same == (order.shop, order.host, order.buyer, order.currency, order.lines, order.freight):
            return
        raise AlreadyExists(f"Order {command.id} was placed with other content.", field="id")
    if not past.reported:
        _check_lines(lines)
        check_sells(past, command.shop, "shop")
        if command.host:
            check_performs(past, command.host, "host")
    yield placed(command, lines, ())
    yield from promised(command)
    yield from release(past, for_(order.parked, "placed"))


def promised(command: PlaceOrder) -> Iterator[DispatchPromised]:
    """When the goods of an order that was just placed are to leave, if it says so."""
    if command.dispatch_by is not None:
        yield DispatchPromised(time.micros(command.dispatch_by))


def placed(command: PlaceOrder, lines: tuple[Line, ...], marks: tuple[str, ...]) -> OrderPlaced:
    """The fact that an order was placed, of the command that says so."""
    return OrderPlaced(
        command.shop,
        command.buyer,
        money.currency(command.currency),
        lines,
        command.freight,
        command.host,
        command.session,
        command.channel,
        command.traffic,
        marks,
    )


def _check_lines(lines: Sequence[Line]) -> None:
    if not lines:
        raise InvalidAmount("An order has at least one line.", field="lines")
    for number, line in enumerate(lines, 1):
        if line.quantity < 1 or line.amount < line.shop_coupon + line.platform_coupon:
            detail = (
                f"Line {number}: quantity {line.quantity}, amount {line.amount} and its coupons do not fit."
            )
            raise InvalidAmount(detail, field="lines")


@decides(PayOrder)
def pay(past: Past, command: PayOrder) -> Iterator[Item]:
    """A placed order is paid once, exactly what is due; a report of another sum is marked."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if order.paid:
        if command.cash == order.cash:
            return
        raise WrongState(f"The order is already paid with {order.cash}.", field="cash")
    if (order.voided or order.cancelled) and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    yield from pay_now(past, order, payment(order.lines, order.freight, command.cash))


def pay_now(past: Past, order: Order, found: Payment) -> Iterator[Item]:
    """The payment of a placed order, and what had waited for it."""
    marks: tuple[str, ...] = ()
    if found.cash != found.due:
        if not past.reported:
            raise InvalidAmount(f"{found.due} is due, {found.cash} was paid.", field="cash")
        marks = ("amount_mismatch",)
    yield OrderPaid(order.currency, found.cash, found.coupon, found.line_cash, found.line_coupon, marks)
    if past.state(f"shop-{order.shop}").benefits:
        paid = past.request.command
        yield from attach(past, paid.id, past.state(paid.stream))
    yield from release(past, for_(order.parked, "paid"))


@decides(SettleOrder)
def settle(past: Past, command: SettleOrder) -> Iterator[Item]:
    """A confirmed order is settled once; what it was refunded takes its part of every share with it."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "paid", past):
        yield from park(past, command, command.stream, "paid")
        return
    commission, host_share, marks = agreed(past, order, command.commission, command.host_share)
    if order.settled:
        if (commission, host_share) == (order.whole_commission, order.whole_host_share):
            return
        detail = (
            f"It is settled with {order.whole_commission} commission, {order.whole_host_share} host share."
        )
        raise WrongState(detail, field="commission")
    if order.stage != "confirmed" and not past.reported:
        raise WrongState(f"The order is {order.status}; confirm the receipt first.", field="id")
    if commission + host_share > order.whole:
        if not past.reported:
            detail = f"Commission and host share {commission + host_share} exceed the {order.whole} paid."
            raise InsufficientFunds(detail, field="commission")
        marks = (*marks, "guard_exceeded")
    whole = replace(order, whole_commission=commission, whole_host_share=host_share)
    to_platform, to_host = whole.shares(past.used(f"refund/{command.id}"))
    net = past.balance(f"order_escrow:{command.id}", order.currency) - to_platform - to_host
    yield OrderSettled(
        order.shop, order.host, order.currency, net, to_host, to_platform, host_share, commission, marks
    )
    yield from recovered(past, command.id, order.shop, order.currency, net)


def agreed(past: Past, order: Order, commission: int, host_share: int) -> tuple[int, int, tuple[str, ...]]:
    """Commission and host share of the whole order, and marks; a share for nobody is left to the shop."""
    if host_share and not order.host:
        if not past.reported:
            raise InvalidAmount("The order names no host.", field="host_share")
        return commission, 0, ("host_unknown",)
    return commission, host_share, ()


@decides(CancelOrder)
def cancel(past: Past, command: CancelOrder) -> Iterator[Item]:
    """An order can be called off until its goods leave, once nothing of its payment is held."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if order.cancelled:
        return
    held = past.balance(f"order_escrow:{command.id}", order.currency)
    marks: tuple[str, ...] = ()
    if held or order.stage not in UNSENT:
        if not past.reported:
            early = order.stage in UNSENT
            raise WrongState(
                "Refund what was paid first." if early else f"The order is {order.status}.", field="id"
            )
        marks = ("out_of_order",)
    yield OrderCancelled(command.reason, marks)


@decides(CloseOrder)
def close(past: Past, command: CloseOrder) -> Iterator[Item]:
    """A settled order is closed once."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "paid", past):
        yield from park(past, command, command.stream, "paid")
        return
    if order.closed:
        return
    if not order.settled and not past.reported:
        raise WrongState(f"The order is {order.status}, not settled.", field="id")
    yield OrderClosed()

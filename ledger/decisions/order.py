"""An order from placing to closing: what it is, what it was paid with, and what may happen to it next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from ledger import money, time
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Count,
    Currency,
    Item,
    Name,
    OptionalName,
    OrderId,
    Past,
    SignedAmount,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.bearing import bear
from ledger.decisions.parking import park, release
from ledger.errors import (
    AlreadyExists,
    ChangedWithoutVersion,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidAmount,
    UnknownOrder,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.order import (
    Line,
    OrderAmended,
    OrderCancelled,
    OrderClosed,
    OrderPaid,
    OrderPlaced,
    OrderSettled,
    OrderVoided,
    StaleVersionRecorded,
)
from ledger.events.parking import FactParked
from ledger.events.refund import RefundAdvanceRecovered


class Order(msgspec.Struct, frozen=True):
    """What an order is now. Sums in minor units of `currency`; `stage` is how far its goods have come."""

    stage: str = ""
    shop: str = ""
    host: str = ""
    buyer: str = ""
    currency: str = ""
    lines: tuple[Line, ...] = ()
    freight: int = 0
    cash: int = 0
    coupon: int = 0
    line_cash: tuple[int, ...] = ()
    line_coupon: tuple[int, ...] = ()
    paid: bool = False
    settled: bool = False
    closed: bool = False
    whole_commission: int = 0
    whole_host_share: int = 0
    placed_day: int = 0
    version: int = 0
    shipped: tuple[int, ...] = ()
    parcels: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    parked: tuple[Recorded, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it was placed."""
        return bool(self.stage)

    @property
    def status(self) -> str:
        """One word for people: how far the order has come."""
        if self.stage in {"cancelled", "voided"}:
            return self.stage
        if self.closed:
            return "closed"
        return "settled" if self.settled else self.stage

    @property
    def whole(self) -> int:
        """What cash and coupons paid together."""
        return self.cash + self.coupon

    def line_paid(self, number: int) -> int:
        """What cash and coupons paid for a line (from 1)."""
        return self.line_cash[number - 1] + self.line_coupon[number - 1]


INITIAL["order"] = Order()


@folds(OrderPlaced)
def _placed(order: Order, recorded: Recorded) -> Order:
    fact, envelope = recorded.fact, recorded.envelope
    assert isinstance(fact, OrderPlaced)
    return msgspec.structs.replace(
        order,
        stage="placed",
        shop=fact.shop,
        host=fact.host,
        buyer=fact.buyer,
        currency=fact.currency,
        lines=fact.lines,
        freight=fact.freight,
        shipped=(0,) * len(fact.lines),
        placed_day=time.local_day(envelope.effective_at, envelope.offset),
        version=envelope.source.version if envelope.source else 0,
        parked=_still_waiting(order, "placed"),
    )


@folds(OrderPaid)
def _paid(order: Order, recorded: Recorded) -> Order:
    fact = recorded.fact
    assert isinstance(fact, OrderPaid)
    return msgspec.structs.replace(
        order,
        stage="paid" if order.stage == "placed" else order.stage,
        paid=True,
        cash=fact.cash,
        coupon=fact.coupon,
        line_cash=fact.line_cash,
        line_coupon=fact.line_coupon,
        parked=_still_waiting(order, "paid"),
    )


@folds(OrderAmended)
def _amended(order: Order, recorded: Recorded) -> Order:
    fact, source = recorded.fact, recorded.envelope.source
    assert isinstance(fact, OrderAmended)
    more = len(fact.lines) - len(order.shipped)
    return msgspec.structs.replace(
        order,
        lines=fact.lines,
        freight=fact.freight,
        cash=fact.cash,
        coupon=fact.coupon,
        line_cash=fact.line_cash,
        line_coupon=fact.line_coupon,
        shipped=order.shipped[: len(fact.lines)] + (0,) * more,
        version=source.version if source else order.version,
    )


@folds(OrderSettled)
def _settled(order: Order, recorded: Recorded) -> Order:
    fact = recorded.fact
    assert isinstance(fact, OrderSettled)
    return msgspec.structs.replace(
        order,
        settled=True,
        whole_commission=fact.whole_commission,
        whole_host_share=fact.whole_host_share,
    )


@folds(OrderCancelled)
def _cancelled(order: Order, _recorded: Recorded) -> Order:
    return msgspec.structs.replace(order, stage="cancelled")


@folds(OrderVoided)
def _voided(order: Order, _recorded: Recorded) -> Order:
    return msgspec.structs.replace(order, stage="voided")


@folds(OrderClosed)
def _closed(order: Order, _recorded: Recorded) -> Order:
    return msgspec.structs.replace(order, closed=True)


@folds(FactParked)
def _parked(order: Order, recorded: Recorded) -> Order:
    return msgspec.structs.replace(order, parked=(*order.parked, recorded))


folds(StaleVersionRecorded)(unchanged)


def _still_waiting(order: Order, arrived: str) -> tuple[Recorded, ...]:
    """What goes on waiting when the order is placed or paid: the rest follows in the same commit."""
    return tuple(parked for parked in order.parked if parked.fact.waits_for != arrived)  # type: ignore[attr-defined]


def waiting(order: Order, arrived: str) -> tuple[Recorded, ...]:
    """The parked reports that waited for the order to be `placed` or `paid`."""
    return tuple(parked for parked in order.parked if parked.fact.waits_for == arrived)  # type: ignore[attr-defined]


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of an order; `amount` is the list price of all its units in minor units."""

    sku: Name
    title: Text = ""
    quantity: int = 1
    amount: SignedAmount
    shop_coupon: Amount = 0
    platform_coupon: Amount = 0
    supplier: OptionalName = ""
    fulfiller: OptionalName = ""

    def line(self) -> Line:
        """The same as a fact keeps it."""
        return Line(
            self.sku,
            self.title,
            self.quantity,
            self.amount,
            self.shop_coupon,
            self.platform_coupon,
            self.supplier,
            self.fulfiller,
        )


class PlaceOrder(Command, kw_only=True):
    """Place an order."""

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


class PayOrder(Command, kw_only=True):
    """Record the payment of an order: `cash` from the buyer, freight included; coupons bear the rest."""

    NAME = "orders.pay"
    STREAM = "order"

    id: OrderId
    cash: Amount


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


class RecordOrder(Command, kw_only=True):
    """Report an order as its source knows it, with its payment and settlement as far as they happened.

    A newer version of a known order becomes the difference; an older one is kept without effect.
    """

    NAME = "orders.record"
    STREAM = "order"
    REPORTED: ClassVar[bool] = True

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
    paid: bool = True
    cash: Amount | None = None
    settled: bool = False
    commission: Amount = 0
    host_share: Amount = 0
    marks: tuple[Name, ...] = ()


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
    line_coupon = tuple(line.platform_coupon for line in lines)
    left = [max(line.amount - line.shop_coupon - line.platform_coupon, 0) for line in lines]
    due = max(sum(line.amount - line.shop_coupon - line.platform_coupon for line in lines), 0) + freight
    if cash is None:
        cash = due
    goods = max(cash - freight, 0)
    line_cash = tuple(left) if goods == sum(left) else money.split(goods, left)
    return Payment(cash, sum(line_coupon), line_cash, line_coupon, due)


def check(order: Order, command: Command, waits_for: str, past: Past) -> bool:
    """Whether the parent is there. A report may wait for it; a command is refused."""
    there = order.known if waits_for == "placed" else order.paid
    if there:
        return True
    if past.reported:
        return False
    if not order.known:
        raise UnknownOrder(f"Got {command.id!r}.", field="id")
    raise WrongState(f"The order is {order.status}, not paid.", field="id")


@decides(PlaceOrder)
def place(past: Past, command: PlaceOrder) -> Iterator[Item]:
    """An order is placed once; the same again changes nothing."""
    order: Order = past.state(command.stream)
    lines = tuple(line.line() for line in command.lines)
    if order.known:
        same = (command.shop, command.buyer, command.currency, lines, command.freight)
        if same == (order.shop, order.buyer, order.currency, order.lines, order.freight):
            return
        raise AlreadyExists(f"Order {command.id} was placed with other content.", field="id")
    if not past.reported:
        _check_lines(lines)
    yield _placed_fact(command, lines, ())
    yield from release(past, waiting(order, "placed"))


def _placed_fact(
    command: PlaceOrder | RecordOrder, lines: tuple[Line, ...], marks: tuple[str, ...]
) -> OrderPlaced:
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
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
        return
    if order.paid:
        if command.cash == order.cash:
            return
        raise WrongState(f"The order is already paid with {order.cash}.", field="cash")
    if order.stage != "placed" and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    found = payment(order.lines, order.freight, money.amount(command.cash, field="cash"))
    yield from _pay(past, order.currency, found)
    yield from release(past, waiting(order, "paid"))


def _pay(past: Past, currency: str, found: Payment) -> Iterator[Item]:
    marks: tuple[str, ...] = ()
    if found.cash != found.due:
        if not past.reported:
            raise InvalidAmount(f"{found.due} is due, {found.cash} was paid.", field="cash")
        marks = ("amount_mismatch",)
    yield OrderPaid(currency, found.cash, found.coupon, found.line_cash, found.line_coupon, marks)


@decides(SettleOrder)
def settle(past: Past, command: SettleOrder) -> Iterator[Item]:
    """A confirmed order is settled once; what it was refunded takes its part of every share with it."""
    order: Order = past.state(command.stream)
    if not check(order, command, "paid", past):
        yield park(command, command.stream, "paid")
        return
    if order.settled:
        return
    if order.stage != "confirmed" and not past.reported:
        raise WrongState(f"The order is {order.status}; confirm the receipt first.", field="id")
    yield from _settle(past, command.id, order, command.commission, command.host_share)


def _settle(past: Past, id_: str, order: Order, commission: int, host_share: int) -> Iterator[Item]:
    escrow = past.balance(f"order_escrow:{id_}", order.currency)
    refunded = past.used(f"refund/{id_}")
    marks: tuple[str, ...] = ()
    if commission + host_share > order.whole:
        if not past.reported:
            detail = f"Commission and host share {commission + host_share} exceed the {order.whole} paid."
            raise InsufficientFunds(detail, field="commission")
        commission, host_share = money.split(order.whole, (commission, host_share))
        marks = ("guard_exceeded",)
    to_platform = min(commission - money.share(commission, refunded, order.whole), escrow)
    to_host = min(host_share - money.share(host_share, refunded, order.whole), escrow - to_platform)
    net = escrow - to_platform - to_host
    yield OrderSettled(
        order.shop, order.host, order.currency, net, to_host, to_platform, host_share, commission, marks
    )
    advanced = past.balance(f"refund_advance:{order.shop}", order.currency)
    if recovered := min(advanced, net):
        yield RefundAdvanceRecovered(id_, order.shop, order.currency, 0, recovered, 0)


@decides(CancelOrder)
def cancel(past: Past, command: CancelOrder) -> Iterator[Item]:
    """An order can be called off until its goods leave, once nothing of its payment is held."""
    order: Order = past.state(command.stream)
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
        return
    if order.stage == "cancelled":
        return
    marks: tuple[str, ...] = ()
    if order.stage not in {"placed", "paid"} or past.balance(f"order_escrow:{command.id}", order.currency):
        if not past.reported:
            detail = (
                "Refund what was paid first." if order.stage == "paid" else f"The order is {order.status}."
            )
            raise WrongState(detail, field="id")
        marks = ("out_of_order",)
    yield OrderCancelled(command.reason, marks)


@decides(VoidOrder)
def void(past: Past, command: VoidOrder) -> Iterator[Item]:
    """An order is struck at any time; its money is dealt with by refunds and corrections."""
    order: Order = past.state(command.stream)
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
    elif order.stage != "voided":
        yield OrderVoided(command.reason, order.buyer, order.placed_day)


@decides(CloseOrder)
def close(past: Past, command: CloseOrder) -> Iterator[Item]:
    """A settled order is closed once."""
    order: Order = past.state(command.stream)
    if not check(order, command, "paid", past):
        yield park(command, command.stream, "paid")
        return
    if not order.settled and not past.reported:
        raise WrongState(f"The order is {order.status}, not settled.", field="id")
    if not order.closed:
        yield OrderClosed()


@decides(RecordOrder)
def record(past: Past, command: RecordOrder) -> Iterator[Item]:
    """An unknown order is recorded as far as it has come; of a known one, what a newer version changes."""
    order: Order = past.state(command.stream)
    if order.known and past.source_version < order.version:
        yield StaleVersionRecorded(past.source_version, order.version)
        return
    lines = tuple(line.line() for line in command.lines)
    found = payment(lines, command.freight, command.cash)
    if not order.known:
        yield _placed_fact(command, lines, (*command.marks, *_marks(lines, found)))
        yield from release(past, waiting(order, "placed"))
    elif _content(order, order.paid) != (
        command.currency,
        lines,
        command.freight,
        found.cash if order.paid else 0,
    ):
        yield _amended_fact(past, command, order, lines, found)
    order = past.state(command.stream)
    if command.paid and not order.paid:
        yield from _pay(past, command.currency, found)
        yield from release(past, waiting(order, "paid"))
    order = past.state(command.stream)
    if command.settled and order.paid and not order.settled:
        yield from _settle(past, command.id, order, command.commission, command.host_share)


def _content(order: Order, paid: bool) -> tuple[str, tuple[Line, ...], int, int]:  # noqa: FBT001 - a private helper
    return order.currency, order.lines, order.freight, order.cash if paid else 0


def _marks(lines: Sequence[Line], found: Payment) -> tuple[str, ...]:
    """What is odd about a reported order: nothing to pay, or units that went the other way."""
    if any(line.quantity < 0 for line in lines):
        return ("negative_quantity",)
    return () if found.cash + found.coupon else ("zero_value",)


def _amended_fact(
    past: Past, command: RecordOrder, order: Order, lines: tuple[Line, ...], found: Payment
) -> OrderAmended:
    """The difference a newer version makes; what is taken back is borne like a refund."""
    if past.source_version == order.version:
        detail = f"Order {command.id} is recorded with other content at version {order.version}."
        raise ChangedWithoutVersion(detail, field="lines")
    if command.currency != order.currency:
        raise CurrencyMismatch(f"{command.currency} is not the order's {order.currency}.", field="currency")
    if not order.paid:
        return OrderAmended(
            order.shop, order.currency, lines, command.freight, 0, 0, (), (), 0, 0, False, 0, ()
        )
    cash_delta, coupon_delta = found.cash - order.cash, found.coupon - order.coupon
    back = max(-cash_delta, 0) + max(-coupon_delta, 0)
    escrow = "" if order.settled else f"order_escrow:{command.id}"
    borne = bear(past, order.shop, order.currency, back, escrow=escrow)
    used = [past.used(f"refund/{command.id}/{number}") for number in range(1, len(lines) + 1)]
    paid = [cash + coupon for cash, coupon in zip(found.line_cash, found.line_coupon, strict=True)]
    return OrderAmended(
        order.shop,
        order.currency,
        lines,
        command.freight,
        found.cash,
        found.coupon,
        found.line_cash,
        found.line_coupon,
        cash_delta,
        coupon_delta,
        order.settled,
        max(found.cash + found.coupon, past.used(f"refund/{command.id}")),
        tuple(map(max, paid, used)),
        borne.escrow,
        borne.payable,
        borne.deposit,
        borne.advance,
        borne.suspense,
        past.system if borne.suspense else "",
        ("guard_exceeded",) if borne.suspense else (),
    )

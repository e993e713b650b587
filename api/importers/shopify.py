"""Shopify: orders with their payments, parcels and refunds; disputes, payouts and the lines between them.

Reads what the Admin API answers and what webhooks send: one object, a list, or either behind its name
(`{"orders": […]}`). Amounts are those of the shop's own currency.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from api.importers import payloads, values
from api.importers.documents import Document, Importer, Options, Skip
from api.importers.payloads import Feed, Id, Item, Said
from ledger import money, time
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.chargeback import ReceiveChargeback, ReverseChargeback
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import CancelOrder, OrderLine, PayOrder, SettleOrder
from ledger.decisions.refund import RecordRefund, ReportedLine
from ledger.decisions.shop import PayOutShop
from ledger.decisions.statement import RecordMovement
from ledger.errors import Malformed

SYSTEM = "shopify"
_KNOWN_ORDERS = 100_000
"""Orders whose line numbers are remembered for parcels and refunds that come by themselves."""
_PAID = {"paid", "partially_paid", "partially_refunded", "refunded"}

# What the importer reads of each object; Shopify sends more.


class Tax(msgspec.Struct, frozen=True):
    """A tax on a line or on freight."""

    price: Any = 0


class Discount(msgspec.Struct, frozen=True):
    """A line's part of a discount."""

    amount: Any = 0


class LineItem(msgspec.Struct, frozen=True):
    """A line of an order, or of a parcel."""

    id: Id
    sku: str = ""
    variant_id: Id = ""
    title: str = ""
    quantity: int = 0
    price: Any = 0
    total_discount: Any = 0
    discount_allocations: list[Discount] = []
    tax_lines: list[Tax] = []


class ShippingLine(msgspec.Struct, frozen=True):
    """Freight, before and after its discounts."""

    price: Any = 0
    discounted_price: Any = None
    tax_lines: list[Tax] = []


class Fulfillment(msgspec.Struct, frozen=True):
    """A parcel."""

    id: Id
    order_id: Id
    created_at: str
    updated_at: str = ""
    status: str = ""
    shipment_status: str = ""
    tracking_number: str = ""
    tracking_company: str = ""
    line_items: list[LineItem] = []


class RefundItem(msgspec.Struct, frozen=True):
    """What a refund gives back for a line."""

    line_item_id: Id
    quantity: int = 0
    subtotal: Any = None
    total_tax: Any = 0
    line_item: LineItem | None = None


class Transaction(msgspec.Struct, frozen=True):
    """Money that moved between the buyer and the shop."""

    kind: str = ""
    status: str = ""
    amount: Any = 0
    currency: str = ""


class Adjustment(msgspec.Struct, frozen=True):
    """The difference between a refund's lines and its money."""

    kind: str = ""
    amount: Any = 0
    tax_amount: Any = 0


class Refund(msgspec.Struct, frozen=True):
    """A refund with its lines and its money."""

    id: Id
    order_id: Id
    created_at: str
    currency: str = ""
    processed_at: str = ""
    refund_line_items: list[RefundItem] = []
    transactions: list[Transaction] = []
    order_adjustments: list[Adjustment] = []


class Customer(msgspec.Struct, frozen=True):
    """The buyer."""

    id: Id = ""


class Order(msgspec.Struct, frozen=True):
    """An order with what has become of it."""

    id: Id
    created_at: str
    currency: str
    total_price: Any
    financial_status: str = ""
    processed_at: str = ""
    updated_at: str = ""
    cancelled_at: str = ""
    cancel_reason: str = ""
    source_name: str = ""
    customer: Customer = Customer()
    line_items: list[LineItem] = []
    shipping_lines: list[ShippingLine] = []
    taxes_included: bool = False
    total_tax: Any = 0
    total_discounts: Any = 0
    total_outstanding: Any = 0
    total_tip_received: Any = 0
    test: bool = False
    fulfillments: list[dict[str, Any]] = []
    refunds: list[dict[str, Any]] = []


class Dispute(msgspec.Struct, frozen=True):
    """A chargeback, or an inquiry that may become one."""

    id: Id
    type: str
    status: str
    amount: Any
    currency: str
    initiated_at: str
    order_id: Id = ""
    reason: str = ""
    evidence_sent_on: str = ""
    finalized_on: str = ""


class Payout(msgspec.Struct, frozen=True):
    """What Shopify Payments sent to the shop's bank."""

    id: Id
    status: str
    date: str
    currency: str
    amount: Any


class BalanceTransaction(msgspec.Struct, frozen=True):
    """A line of the statement of Shopify Payments."""

    id: Id
    type: str
    currency: str
    amount: Any
    processed_at: str
    fee: Any = 0
    payout_id: Id = ""
    source_type: str = ""
    source_order_id: Id = ""
    test: bool = False


def documents(path: Path, options: Options) -> Generator[Document]:
    """What the payloads of a file tell."""
    feed = Feed(SYSTEM, values.platform(options.platform or SYSTEM), values.name(options.shop or SYSTEM))
    reader = _Reader(feed)
    return payloads.documents(path, reader.items)


SHOPIFY = Importer(documents, lambda _path: None)


class _Reader:
    """Reads one file; it remembers the line numbers of the orders that the file holds."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._lines: OrderedDict[str, dict[str, int]] = OrderedDict()
        #           name             read                       told by
        self._kinds: dict[str, tuple[Callable[[Any], Iterable[Said]], str]] = {
            "order":       (self._order,       "financial_status"),
            "refund":      (self._refund,      "refund_line_items"),
            "fulfillment": (self._fulfillment, "tracking_number"),
            "dispute":     (self._dispute,     "network_reason_code"),
            "payout":      (self._payout,      "summary"),
            "transaction": (self._transaction, "source_type"),
        }  # fmt: skip

    def items(self, payload: object) -> Iterator[Item]:
        """The items of a payload: lists and objects behind their name, or an object told by its fields."""
        if isinstance(payload, list):
            for each in payload:
                yield from self.items(each)
            return
        if not isinstance(payload, dict):
            yield payloads.misfit(payload)
            return
        named = [name for name in payload if name.removesuffix("s") in self._kinds]
        if "id" not in payload and named:
            for name in named:
                for each in payloads.listed(payload[name]):
                    yield self._item(name.removesuffix("s"), each)
            return
        kinds = (name for name, (_, told_by) in self._kinds.items() if told_by in payload)
        yield self._item(next(kinds, "transaction" if "gateway" in payload else "object"), payload)

    def _item(self, kind: str, raw: object) -> Item:
        name = payloads.label(kind, raw.get("id")) if isinstance(raw, dict) else kind
        if kind not in self._kinds:
            return Item(name, lambda: [Said("", Skip("objects of other kinds"))])
        return Item(name, partial(self._kinds[kind][0], raw))

    def _order(self, raw: object) -> Iterator[Said]:
        feed, order = self._feed, payloads.shape(raw, Order)
        if order.test:
            yield Said("", Skip("test orders"))
            return
        currency = money.currency(order.currency)
        id_, at = feed.named(order.id), _moment(order.processed_at or order.created_at)
        total = values.minor_units(order.total_price, currency)
        unpaid = values.minor_units(order.total_outstanding, currency)
        paid = order.financial_status in _PAID
        cash = total - unpaid if order.financial_status == "partially_paid" else total
        lines, freight = _lines(order, currency)
        self._remember(order)
        record = RecordOrder(
            id=id_,
            at=at,
            shop=feed.shop,
            buyer=payloads.token(order.customer.id),
            currency=currency,
            lines=lines,
            freight=freight,
            channel=payloads.token(order.source_name),
            paid=False,
            cash=cash,
        )
        version = time.micros(_moment(order.updated_at or order.created_at)) // 1_000
        yield feed.says("", record, version=version, kind="sales", amount=total)
        if paid:
            yield feed.says("payment", PayOrder(id=id_, at=at, cash=cash), once=True)
        for fulfillment in order.fulfillments:
            yield from self._fulfillment({**fulfillment, "order_id": order.id})
        for refund in order.refunds:
            yield from self._refund({"currency": currency, **refund, "order_id": order.id})
        if order.cancelled_at:
            cancel = CancelOrder(id=id_, at=_moment(order.cancelled_at), reason=order.cancel_reason)
            yield feed.says("cancellation", cancel, once=True)

    def _remember(self, order: Order) -> None:
        numbers = {str(line.id): number for number, line in enumerate(order.line_items, 1)}
        self._lines[str(order.id)] = numbers
        while len(self._lines) > _KNOWN_ORDERS:
            self._lines.popitem(last=False)

    def _fulfillment(self, raw: object) -> Iterator[Said]:
        parcel = payloads.shape(raw, Fulfillment)
        what = f"fulfillment {parcel.id}"
        if parcel.status != "success":
            yield Said(what, Skip(f"fulfillments with status {parcel.status or 'none'}"))
            return
        numbers = self._lines.get(str(parcel.order_id), {})
        units: dict[int, int] = {}
        for line in parcel.line_items:
            number = numbers.get(str(line.id))
            if not number:
                raise Malformed(
                    f"Line {line.id} belongs to an order that the file does not hold before it; "
                    "import the order with its fulfillments.",
                    field="line_items",
                )
            units[number] = units.get(number, 0) + line.quantity
        id_ = self._feed.named(parcel.order_id)
        waybill = payloads.token(parcel.tracking_number) or f"fulfillment-{parcel.id}"
        dispatch = DispatchParcel(
            id=id_,
            at=_moment(parcel.created_at),
            waybill=waybill,
            carrier=payloads.token(parcel.tracking_company),
            items=tuple(ParcelItem(line=line, quantity=count) for line, count in units.items() if count),
        )
        yield self._feed.says(what, dispatch, part=str(parcel.id), once=True)
        if parcel.shipment_status == "delivered":
            deliver = DeliverParcel(
                id=id_, at=_moment(parcel.updated_at or parcel.created_at), waybill=waybill
            )
            yield self._feed.says(f"delivery of {what}", deliver, part=str(parcel.id), once=True)

    def _refund(self, raw: object) -> Iterator[Said]:
        refund = payloads.shape(raw, Refund)
        what = f"refund {refund.id}"
        moved = [transaction for transaction in refund.transactions if transaction.kind == "refund"]
        if not moved or any(transaction.status != "success" for transaction in moved):
            yield Said(what, Skip("refunds without money, or whose money has not moved"))
            return
        currency = money.currency(moved[0].currency or refund.currency)
        cash = sum(values.minor_units(transaction.amount, currency) for transaction in moved)
        freight = -sum(
            values.minor_units(adjustment.amount, currency)
            + values.minor_units(adjustment.tax_amount, currency)
            for adjustment in refund.order_adjustments
            if adjustment.kind == "shipping_refund"
        )
        freight = max(min(freight, cash), 0)
        numbers = self._lines.get(str(refund.order_id), {})
        record = RecordRefund(
            id=self._feed.named(refund.id),
            at=_moment(refund.processed_at or refund.created_at),
            order=self._feed.named(refund.order_id),
            shop=self._feed.shop,
            currency=currency,
            lines=_refunded(refund.refund_line_items, numbers, cash - freight, currency),
            freight=freight,
        )
        # One that came by itself names no lines; the same with its order does, and replaces it.
        yield self._feed.says(what, record, version=2 if numbers else 1, kind="refunds", amount=cash)

    def _dispute(self, raw: object) -> Iterator[Said]:
        dispute = payloads.shape(raw, Dispute)
        currency = money.currency(dispute.currency)
        amount = values.minor_units(dispute.amount, currency)
        at, id_ = _moment(dispute.initiated_at), self._feed.named(dispute.id)
        if dispute.type != "chargeback":
            yield Said("", Skip("disputes that take no money back"))
            return
        if not dispute.order_id:
            line = RecordMovement(
                id=self._feed.named(f"dispute-{dispute.id}"),
                at=at,
                shop=self._feed.shop,
                movement="chargeback",
                currency=currency,
                amount=-amount,
                reason=payloads.prose(dispute.reason),
            )
            yield self._feed.says("", line, kind="movements", amount=-amount)
            return
        receive = ReceiveChargeback(
            id=id_,
            at=at,
            order=self._feed.named(dispute.order_id),
            currency=currency,
            amount=amount,
            reason=payloads.prose(dispute.reason),
        )
        yield self._feed.says("", receive, kind="chargebacks", amount=amount)
        if dispute.status == "won":
            won = dispute.finalized_on or dispute.evidence_sent_on or dispute.initiated_at
            yield self._feed.says("won", ReverseChargeback(id=id_, at=_moment(won)), once=True)

    def _payout(self, raw: object) -> Iterator[Said]:
        payout = payloads.shape(raw, Payout)
        if payout.status != "paid":
            yield Said("", Skip(f"payouts with status {payout.status}"))
            return
        currency = money.currency(payout.currency)
        amount = values.minor_units(payout.amount, currency)
        at = _moment(payout.date)
        if amount > 0:
            pay_out = PayOutShop(id=self._feed.shop, at=at, amount=amount, currency=currency)
            yield self._feed.says("", pay_out, part=str(payout.id), kind="payouts", amount=amount)
        else:
            line = RecordMovement(
                id=self._feed.named(f"payout-{payout.id}"),
                at=at,
                shop=self._feed.shop,
                movement="payout",
                currency=currency,
                amount=-amount,
            )
            yield self._feed.says("", line, kind="movements", amount=-amount)

    def _transaction(self, raw: object) -> Iterator[Said]:
        if isinstance(raw, dict) and "gateway" in raw:
            yield Said("", Skip("transactions, which their order or refund tells"))
            return
        line = payloads.shape(raw, BalanceTransaction)
        if line.test:
            yield Said("", Skip("test transactions"))
            return
        currency = money.currency(line.currency)
        amount, fee = (values.minor_units(cell, currency) for cell in (line.amount, line.fee))
        at = _moment(line.processed_at)
        if line.type == "charge" and line.source_order_id:
            settle = SettleOrder(id=self._feed.named(line.source_order_id), at=at, commission=fee)
            yield self._feed.says("settlement", settle, part=str(line.id))
            return
        record = RecordMovement(
            id=self._feed.named(line.id),
            at=at,
            shop=self._feed.shop,
            movement=payloads.token(line.type),
            currency=currency,
            amount=amount,
            fee=fee,
            order=self._feed.named(line.source_order_id) if line.source_order_id else "",
            reference=f"payout-{line.payout_id}" if line.payout_id else "",
            reason=payloads.prose(line.source_type),
        )
        yield self._feed.says("", record, kind="movements", amount=amount)


def _moment(cell: str) -> datetime:
    return values.moment(cell, UTC)


def _sum(cells: Iterable[Any], currency: str) -> int:
    return sum(values.minor_units(cell, currency) for cell in cells)


def _shared(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide among lines what is said of the order alone."""
    return money.split(total, weights) if total > 0 and any(weights) else (0,) * len(weights)


def _lines(order: Order, currency: str) -> tuple[tuple[OrderLine, ...], int]:
    """The lines and the freight. Tax on top of the price belongs to the line, or the freight, it is on."""
    items = order.line_items
    if not items:
        raise Malformed("The order has no line_items; ask Shopify for them.", field="line_items")
    gross = [values.minor_units(line.price, currency, times=line.quantity) for line in items]
    off = [
        _sum((each.amount for each in line.discount_allocations), currency)
        or values.minor_units(line.total_discount, currency)
        for line in items
    ]
    freight = [values.minor_units(line.price, currency) for line in order.shipping_lines]
    charged = [
        amount if line.discounted_price is None else values.minor_units(line.discounted_price, currency)
        for line, amount in zip(order.shipping_lines, freight, strict=True)
    ]
    rest = values.minor_units(order.total_discounts, currency) - sum(off) - (sum(freight) - sum(charged))
    room = [max(amount - less, 0) for amount, less in zip(gross, off, strict=True)]
    off = [less + more for less, more in zip(off, _shared(min(rest, sum(room)), room), strict=True)]
    tax, freight_tax = [0] * len(items), 0
    if not order.taxes_included:
        tax = [_sum((each.price for each in line.tax_lines), currency) for line in items]
        freight_tax = _sum((each.price for line in order.shipping_lines for each in line.tax_lines), currency)
        rest = values.minor_units(order.total_tax, currency) - sum(tax) - freight_tax
        tax = [own + more for own, more in zip(tax, _shared(rest, gross), strict=True)]
    lines = tuple(
        OrderLine(
            sku=payloads.token(line.sku) or payloads.token(line.variant_id) or f"line-{line.id}",
            title=payloads.prose(line.title),
            quantity=line.quantity,
            amount=amount + on_top,
            shop_coupon=min(less, max(amount, 0)),
        )
        for line, amount, less, on_top in zip(items, gross, off, tax, strict=True)
    )
    return lines, sum(charged) + freight_tax + values.minor_units(order.total_tip_received, currency)


def _refunded(
    items: Sequence[RefundItem], numbers: dict[str, int], goods: int, currency: str
) -> tuple[ReportedLine, ...]:
    """What went back for goods, divided among the lines that came back as their prices are."""
    if not items:
        return (ReportedLine(cash=goods),) if goods else ()
    weights = []
    for item in items:
        price = values.minor_units(item.subtotal, currency) + values.minor_units(item.total_tax, currency)
        if item.subtotal is None and item.line_item:
            price = values.minor_units(item.line_item.price, currency, times=item.quantity)
        weights.append(max(price, 0))
    return tuple(
        ReportedLine(
            line=numbers.get(str(item.line_item_id), 0),
            sku=payloads.token(item.line_item.sku if item.line_item else ""),
            quantity=item.quantity,
            cash=cash,
        )
        for item, cash in zip(items, money.split(goods, weights), strict=True)
    )

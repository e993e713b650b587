"""Kuaishou shops: orders as far as they have come, after-sales, settled bills and the lines of the wallet.

Reads what the open platform answers (`data.orderList[]`, `data.refundOrderInfoList[]`, `data.orders[]`, lists
of wallet lines) or single objects. Sums are fen, times milliseconds since 1970. An order has one item. What
the platform calls shipped (40) says only that one unit left: units count as its parcels have them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from api.importers import payloads, values
from api.importers.documents import Document, Importer, Options, Skip
from api.importers.payloads import Feed, Id, Item, Said
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command
from ledger.decisions.dispatch import PlaceRiskHold, PromiseDispatch
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import CancelOrder, OrderLine, PayOrder, SettleOrder
from ledger.decisions.refund import (
    ApproveRefund,
    CloseRefund,
    EscalateRefund,
    ReceiveReturn,
    RecordRefund,
    RefundItem,
    RefuseRefund,
    ReportedLine,
    RequestRefund,
    ShipReturn,
)
from ledger.decisions.shop import PayOutShop
from ledger.decisions.statement import RecordMovement
from ledger.errors import Malformed

SYSTEM = "kuaishou"
CURRENCY = "CNY"
ZONE = values.zone_of("Asia/Shanghai")

_SIGNED, _DONE, _CLOSED = 50, 70, 80
_EXECUTING, _REFUNDED, _RETURNS = 50, 60, 1
_PAGE = {"cursor", "pcursor", "pageSize"}

# What the importer reads of each object; the platform sends more.


class BaseInfo(msgspec.Struct, frozen=True, rename="camel"):
    """An order as a whole. `totalFee` is what the buyer pays, freight included."""

    oid: Id
    status: int
    create_time: int
    total_fee: int
    update_time: int = 0
    pay_time: int = 0
    send_time: int = 0
    recv_time: int = 0
    express_fee: int = 0
    discount_fee: int = 0
    risk_code: int = 0
    valid_promise_shipment_time_stamp: int = 0
    promise_time_stamp_of_delivery: int = 0
    buyer_open_id: Id = ""
    seller_open_id: Id = ""
    channel: str = ""


class ItemInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The item of an order; `price` is that of one unit, `discountFee` that of all."""

    item_id: Id = ""
    sku_id: Id = ""
    item_title: str = ""
    num: int = 1
    price: int = 0
    discount_fee: int = 0


class Logistics(msgspec.Struct, frozen=True, rename="camel"):
    """A parcel; `deliveryNum` is how many units it holds, 0 where nobody says."""

    express_no: Id = ""
    express_code: Id = ""
    delivery_num: int = 0


class DeliveryInfo(msgspec.Struct, frozen=True, rename="camel"):
    """How far an order that goes in several parcels has come."""

    split_delivery_order: bool = False
    delivery_num: int = 0


class CpsInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Who sold it for a share."""

    distributor_id: Id = 0


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order with its item and its parcels."""

    order_base_info: BaseInfo
    order_item_info: ItemInfo
    order_logistics_info: list[Logistics] | Logistics = []
    order_delivery_info: DeliveryInfo = DeliveryInfo()
    order_cps_info: CpsInfo = CpsInfo()


class Refund(msgspec.Struct, frozen=True, rename="camel"):
    """An after-sales case."""

    refund_id: Id
    oid: Id
    status: int
    refund_fee: int
    create_time: int
    handling_way: int = 0
    submit_time: int = 0
    update_time: int = 0
    end_time: int = 0
    refund_version: int = 0
    logistics_id: Id = ""
    sku_id: Id = ""
    seller_id: Id = ""
    refund_reason_desc: str = ""


class Bill(msgspec.Struct, frozen=True, rename="camel"):
    """A settled order: what of it goes to whom."""

    order_no: Id
    settlement_time: Any = ""
    platform_commission_amount: int = 0
    distributor_commission_amount: int = 0
    total_outgoing_amount: int = 0


class WalletLine(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the shop's wallet."""

    biz_type: str
    amount: int
    bill_id: Id = ""
    withdraw_no: Id = ""
    bill_time: int = 0
    create_time: int = 0
    order_id: Id = ""
    remark: str = ""


def documents(path: Path, options: Options) -> Generator[Document]:
    """What the payloads of a file tell."""
    shop = values.name(options.shop) if options.shop else ""
    feed = Feed(SYSTEM, values.platform(options.platform or SYSTEM), shop)
    return payloads.documents(path, partial(_items, feed))


KUAISHOU = Importer(documents, lambda _path: None)


def _items(feed: Feed, payload: object) -> Iterator[Item]:
    """The items of a payload: objects told by their fields, wherever an answer has them."""
    if isinstance(payload, list):
        for each in payload:
            yield from _items(feed, each)
        return
    if not isinstance(payload, dict):
        yield payloads.misfit(payload)
        return
    for told_by, (name, id_, read) in _READERS.items():
        if told_by in payload:
            where = payload[told_by] if isinstance(payload[told_by], dict) else payload
            yield Item(payloads.label(name, where.get(id_)), partial(read, feed, payload))
            return
    inside = {key: value for key, value in payload.items() if isinstance(value, dict | list)}
    if "refundOrderInfoList" in inside:
        inside.pop("dataList", None)  # The same once more, under its former name.
    if not inside and not payload.keys() & _PAGE:
        said = str(payload.get("error_msg") or payload.get("msg") or "")
        yield payloads.refused(Malformed(f"It holds neither orders nor refunds nor bills. {said}".strip()))
    for value in inside.values():
        yield from _items(feed, value)


def _order(feed: Feed, raw: object) -> Iterator[Said]:
    order = payloads.shape(raw, Order)
    base, item = order.order_base_info, order.order_item_info
    id_, amount = feed.named(base.oid), item.price * item.num
    discount = item.discount_fee or base.discount_fee
    line = OrderLine(
        sku=payloads.token(item.sku_id) or payloads.token(item.item_id) or "item",
        title=payloads.prose(item.item_title),
        quantity=item.num,
        amount=amount,
        shop_coupon=min(discount, amount),
    )
    record = RecordOrder(
        id=id_,
        at=_moment(base.create_time),
        shop=_shop(feed, base.seller_open_id),
        buyer=payloads.token(base.buyer_open_id),
        currency=CURRENCY,
        lines=(line,),
        freight=base.express_fee,
        host=_party(order.order_cps_info.distributor_id),
        channel=payloads.token(base.channel),
        paid=False,
        cash=base.total_fee,
    )
    updated = base.update_time or base.create_time
    yield feed.says("", record, version=updated, kind="sales", amount=base.total_fee)
    if by := base.valid_promise_shipment_time_stamp or base.promise_time_stamp_of_delivery:
        promise = PromiseDispatch(id=id_, at=_moment(base.create_time), by=_moment(by))
        yield feed.says("promise", promise, part=str(by), once=True)
    if base.pay_time:
        payment = PayOrder(id=id_, at=_moment(base.pay_time), cash=base.total_fee)
        yield feed.says("payment", payment, once=True)
    if base.risk_code:
        hold = PlaceRiskHold(
            id=id_, at=_moment(base.pay_time or updated), reason=f"risk code {base.risk_code}"
        )
        yield feed.says("risk", hold, once=True)
    yield from _delivery(feed, order, id_, updated)
    if base.status == _CLOSED:
        cancel = CancelOrder(id=id_, at=_moment(updated), reason="closed on the platform")
        yield feed.says("closing", cancel, once=True)


def _delivery(feed: Feed, order: Order, id_: str, updated: int) -> Iterator[Said]:
    """The parcels, and whether they arrived."""
    base = order.order_base_info
    if not base.send_time:
        return
    received = _moment(base.recv_time or updated)
    for waybill, carrier, units in _parcels(order):
        items = (ParcelItem(line=1, quantity=units),) if units else ()
        sent = DispatchParcel(
            id=id_, at=_moment(base.send_time), waybill=waybill, carrier=carrier, items=items
        )
        yield feed.says(f"parcel {waybill}", sent, part=waybill, once=True)
        if base.status in {_SIGNED, _DONE}:
            arrived = DeliverParcel(id=id_, at=received, waybill=waybill)
            yield feed.says(f"delivery of {waybill}", arrived, part=waybill, once=True)
    if base.status == _DONE:
        yield feed.says("receipt", ConfirmReceipt(id=id_, at=received), once=True)


def _parcels(order: Order) -> list[tuple[str, str, int]]:
    """Waybill, carrier and units of each parcel, 0 units for all that is still to go.

    Where parcels do not say what they hold, each holds one unit and the last what else has gone.
    """
    found: Sequence[Logistics] = [
        parcel for parcel in payloads.listed(order.order_logistics_info) if payloads.token(parcel.express_no)
    ] or [Logistics(f"sent-{order.order_base_info.oid}")]
    split, all_units = order.order_delivery_info, order.order_item_info.num
    gone = split.delivery_num if split.split_delivery_order and split.delivery_num else all_units
    last = 0 if gone >= all_units else max(gone - len(found) + 1, 1)
    units = [1] * (len(found) - 1) + [last]
    if all(parcel.delivery_num for parcel in found):
        units = [parcel.delivery_num for parcel in found]
    return [
        (payloads.token(parcel.express_no), _party(parcel.express_code), count)
        for parcel, count in zip(found, units, strict=True)
    ]


#       status        what it says has happened since the request
_STEPS: dict[int, tuple[type[Command], ...]] = {
    10: (),
    12: (RefuseRefund,),
    20: (EscalateRefund,),
    22: (EscalateRefund, ApproveRefund),
    30: (ApproveRefund,),
    40: (ApproveRefund, ShipReturn),
    45: (),  # What was sent instead of money is none of the ledger's business.
    50: (ApproveRefund,),
    60: (),
    70: (CloseRefund,),
}  # fmt: skip


def _refund(feed: Feed, raw: object) -> Iterator[Said]:
    refund = payloads.shape(raw, Refund)
    if refund.status not in _STEPS:
        raise Malformed(f"{refund.status} is no status of a refund.", field="status")
    if not refund.refund_fee:
        yield Said("", Skip("after-sales without money"))
        return
    id_, order = feed.named(refund.refund_id), feed.named(refund.oid)
    updated = refund.refund_version or refund.update_time or refund.create_time
    reason = payloads.prose(refund.refund_reason_desc)
    request = RequestRefund(
        id=id_,
        at=_moment(refund.submit_time or refund.create_time),
        order=order,
        items=(RefundItem(line=1, cash=refund.refund_fee),),
        reason=reason,
        returns=refund.handling_way == _RETURNS,
    )
    yield feed.says("", request, once=True)
    steps = _STEPS[refund.status]
    if refund.status == _EXECUTING and request.returns:
        steps = (*steps, ReceiveReturn)
    for step in steps:
        yield feed.says(step.NAME.partition(".")[2], _step(step, id_, _moment(updated), refund), once=True)
    if refund.status == _REFUNDED:
        record = RecordRefund(
            id=id_,
            at=_moment(refund.end_time or updated),
            order=order,
            shop=_shop(feed, refund.seller_id),
            currency=CURRENCY,
            lines=(ReportedLine(line=1, sku=payloads.token(refund.sku_id), cash=refund.refund_fee),),
        )
        yield feed.says("money", record, version=updated, kind="refunds", amount=refund.refund_fee)


def _step(step: type[Command], id_: str, at: datetime, refund: Refund) -> Command:
    if step is RefuseRefund:
        return RefuseRefund(id=id_, at=at, reason="refused by the shop")
    if step is ShipReturn:
        return ShipReturn(id=id_, at=at, waybill=_party(refund.logistics_id) or f"return-{refund.refund_id}")
    return step(id=id_, at=at)


def _bill(feed: Feed, raw: object) -> Iterator[Said]:
    bill = payloads.shape(raw, Bill)
    if not bill.settlement_time:
        yield Said("", Skip("orders that are not settled"))
        return
    host_share = bill.distributor_commission_amount
    # All that goes out and is not the host's stands for the platform's commission: the shop has the rest.
    commission = max(bill.total_outgoing_amount - host_share, bill.platform_commission_amount)
    time = bill.settlement_time
    at = _moment(time) if values.text(time).isdecimal() else values.moment(time, ZONE)
    settle = SettleOrder(id=feed.named(bill.order_no), at=at, commission=commission, host_share=host_share)
    yield feed.says("", settle)


def _wallet_line(feed: Feed, raw: object) -> Iterator[Said]:
    line = payloads.shape(raw, WalletLine)
    number = line.bill_id or line.withdraw_no
    if not number:
        raise Malformed("The line has neither billId nor withdrawNo.", field="billId")
    shop = _shop(feed, "")
    at = _moment(line.bill_time or line.create_time)
    if line.biz_type == "WITHDRAW":
        amount = abs(line.amount)
        pay_out = PayOutShop(id=shop, at=at, amount=amount, currency=CURRENCY)
        yield feed.says("", pay_out, part=str(number), kind="payouts", amount=amount)
        return
    record = RecordMovement(
        id=feed.named(number),
        at=at,
        shop=shop,
        movement=payloads.token(line.biz_type),
        currency=CURRENCY,
        amount=line.amount,
        order=feed.named(line.order_id) if line.order_id else "",
        reason=payloads.prose(line.remark),
    )
    yield feed.says("", record, kind="movements", amount=line.amount)


#   told by              name            its number       read
_READERS: dict[str, tuple[str, str, Callable[[Feed, Any], Iterable[Said]]]] = {
    "orderBaseInfo":   ("order",        "oid",           _order),
    "refundFee":       ("refund",       "refundId",      _refund),
    "bizType":         ("wallet line",  "billId",        _wallet_line),
    "settlementTime":  ("bill of order", "orderNo",      _bill),
}  # fmt: skip


def _shop(feed: Feed, said: Id) -> str:
    """The shop that the caller names, or else the item."""
    if not feed.shop and not _party(said):
        raise Malformed("It does not say whose it is; name the shop with --shop.", field="shop")
    return feed.shop or _party(said)


def _party(number: object) -> str:
    """A number that names somebody; 0 names nobody."""
    return payloads.token(number) if number not in {0, "0"} else ""


def _moment(cell: object) -> datetime:
    return values.moment(cell, ZONE, "epoch_ms")

"""How the goods of an order reach the buyer: dispatch in parts, delivery, receipt."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions.appraisal import kept, warranties
from ledger.decisions.base import (
    Command,
    Count,
    Item,
    Name,
    OptionalName,
    OrderId,
    Past,
    decides,
    folds,
)
from ledger.decisions.clock import with_parcel
from ledger.decisions.order import UNSENT, Order, check
from ledger.decisions.parking import park
from ledger.errors import AlreadyExists, InvalidAmount, NotAppraised, WrongState
from ledger.events.base import Recorded
from ledger.events.fulfilment import ParcelDelivered, ParcelDispatched, ReceiptConfirmed, Shipped


@folds(ParcelDispatched)
def _dispatched(order: Order, fact: ParcelDispatched, recorded: Recorded) -> Order:
    parcels = tuple(sorted({*order.parcels, fact.waybill}))
    clock = with_parcel(order.clock, recorded.envelope.effective_at, fact)
    if not fact.items:
        return msgspec.structs.replace(order, parcels=parcels, rest_sent=True, clock=clock)
    return msgspec.structs.replace(order, parcels=parcels, sent=_sent(order, fact.items), clock=clock)


def _sent(order: Order, items: tuple[Shipped, ...]) -> dict[int, int]:
    """Units by line that left in parcels that say what they hold, these included."""
    sent = dict(order.sent)
    for item in items:
        sent[item.line] = sent.get(item.line, 0) + item.quantity
    return sent


@folds(ParcelDelivered)
def _delivered(order: Order, fact: ParcelDelivered, recorded: Recorded) -> Order:
    return msgspec.structs.replace(
        order,
        delivered=tuple(sorted({*order.delivered, fact.waybill})),
        delivered_at=max(order.delivered_at, recorded.envelope.effective_at),
    )


@folds(ReceiptConfirmed)
def _confirmed(order: Order, _fact: ReceiptConfirmed, recorded: Recorded) -> Order:
    return msgspec.structs.replace(order, confirmed=True, confirmed_at=recorded.envelope.effective_at)


class ParcelItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many units of a line (from 1) are in the parcel."""

    line: Count
    quantity: Count


class DispatchParcel(Command, kw_only=True):
    """Send a parcel; without `items` it carries all that is still to go."""

    NAME = "orders.dispatch"
    STREAM = "order"

    id: OrderId
    waybill: Name
    carrier: OptionalName = ""
    items: tuple[ParcelItem, ...] = ()


class DeliverParcel(Command, kw_only=True):
    """Record that a parcel was delivered."""

    NAME = "orders.deliver"
    STREAM = "order"

    id: OrderId
    waybill: Name


class ConfirmReceipt(Command, kw_only=True):
    """Confirm that the buyer has the goods."""

    NAME = "orders.confirm"
    STREAM = "order"

    id: OrderId


@decides(DispatchParcel)
def dispatch(past: Past, command: DispatchParcel) -> Iterator[Item]:
    """Goods leave once they are paid for, each unit once, under a waybill of its own."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    items = tuple(Shipped(item.line, item.quantity) for item in command.items)
    if command.waybill in {*order.parcels, *order.clock.fake}:
        if past.reported:
            return
        raise AlreadyExists(f"Waybill {command.waybill} was dispatched before.", field="waybill")
    marks: tuple[str, ...] = ()
    if not order.paid or order.stage not in {*UNSENT, "partly_dispatched"}:
        if not past.reported:
            raise WrongState(f"The order is {order.status}.", field="id")
        marks = ("out_of_order",)
    if not _fits(order, items):
        if not past.reported:
            raise InvalidAmount("The parcel holds more units than are still to go.", field="items")
        marks = (*marks, "quantity_mismatch")
    if reason := kept(past, order, items):
        if not past.reported:
            raise NotAppraised(reason, field="items")
        marks = (*marks, "not_appraised")
    if past.reported and order.clock.belied(past.moment):
        marks = (*marks, "judged_late")
    yield ParcelDispatched(command.waybill, command.carrier, items, marks)


def _fits(order: Order, items: tuple[Shipped, ...]) -> bool:
    """Whether a parcel holds no more than is still to go; what the rest was, only the others tell."""
    if order.rest_sent and not items:
        return False
    most = dict(enumerate((line.quantity for line in order.lines), 1))
    return all(count <= most.get(line, 0) for line, count in _sent(order, items).items())


@decides(DeliverParcel)
def deliver(past: Past, command: DeliverParcel) -> Iterator[Item]:
    """A parcel is delivered once, after it left."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if command.waybill in order.delivered:
        return
    left = command.waybill in order.parcels
    if not left and not past.reported:
        raise WrongState(f"No parcel {command.waybill} was dispatched.", field="waybill")
    yield ParcelDelivered(command.waybill, () if left else ("out_of_order",))
    yield from warranties(past, command.id)


@decides(ConfirmReceipt)
def confirm(past: Past, command: ConfirmReceipt) -> Iterator[Item]:
    """A receipt is confirmed once, when everything has left."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if order.confirmed:
        return
    ready = order.stage in {"dispatched", "delivered"}
    if not ready and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    yield ReceiptConfirmed(() if ready else ("out_of_order",))
    yield from warranties(past, command.id)

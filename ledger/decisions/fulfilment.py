"""How the goods of an order reach the buyer: dispatch in parts, delivery, receipt."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

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
from ledger.decisions.order import Order, check
from ledger.decisions.parking import park
from ledger.errors import AlreadyExists, InvalidAmount, WrongState
from ledger.events.base import Recorded
from ledger.events.fulfilment import ParcelDelivered, ParcelDispatched, ReceiptConfirmed, Shipped

ON_THE_WAY = ("partly_dispatched", "dispatched", "delivered", "confirmed")
"""The stages of an order whose goods have left, in order."""


def _shipped(order: Order, fact: ParcelDispatched) -> tuple[int, ...]:
    if not fact.items:
        return tuple(line.quantity for line in order.lines)
    after = list(order.shipped)
    for item in fact.items:
        if item.line <= len(after):
            after[item.line - 1] += item.quantity
    return tuple(after)


@folds(ParcelDispatched)
def _dispatched(order: Order, recorded: Recorded) -> Order:
    fact = recorded.fact
    assert isinstance(fact, ParcelDispatched)
    shipped = _shipped(order, fact)
    whole = all(sent >= line.quantity for sent, line in zip(shipped, order.lines, strict=True))
    stage = order.stage
    if stage in {"placed", "paid", "partly_dispatched"}:
        stage = "dispatched" if whole else "partly_dispatched"
    return msgspec.structs.replace(
        order, stage=stage, shipped=shipped, parcels=(*order.parcels, fact.waybill)
    )


@folds(ParcelDelivered)
def _delivered(order: Order, recorded: Recorded) -> Order:
    fact = recorded.fact
    assert isinstance(fact, ParcelDelivered)
    delivered = (*order.delivered, fact.waybill)
    whole = set(order.parcels) <= set(delivered) and order.stage != "partly_dispatched"
    stage = "delivered" if whole and order.stage in {"paid", "dispatched"} else order.stage
    return msgspec.structs.replace(order, stage=stage, delivered=delivered)


@folds(ReceiptConfirmed)
def _confirmed(order: Order, _recorded: Recorded) -> Order:
    stage = order.stage if order.stage in {"cancelled", "voided"} else "confirmed"
    return msgspec.structs.replace(order, stage=stage)


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
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
        return
    items = tuple(Shipped(item.line, item.quantity) for item in command.items)
    if command.waybill in order.parcels:
        if past.reported:
            return
        raise AlreadyExists(f"Waybill {command.waybill} was dispatched before.", field="waybill")
    marks: tuple[str, ...] = ()
    if not order.paid or order.stage not in {"paid", "partly_dispatched"}:
        if not past.reported:
            raise WrongState(f"The order is {order.status}.", field="id")
        marks = ("out_of_order",)
    fact = ParcelDispatched(command.waybill, command.carrier, items, marks)
    if not _fits(order, fact):
        if not past.reported:
            raise InvalidAmount("The parcel holds more units than are still to go.", field="items")
        fact = msgspec.structs.replace(fact, marks=(*marks, "quantity_mismatch"))
    yield fact


def _fits(order: Order, fact: ParcelDispatched) -> bool:
    return all(item.line <= len(order.lines) for item in fact.items) and all(
        sent <= line.quantity for sent, line in zip(_shipped(order, fact), order.lines, strict=True)
    )


@decides(DeliverParcel)
def deliver(past: Past, command: DeliverParcel) -> Iterator[Item]:
    """A parcel is delivered once, after it left."""
    order: Order = past.state(command.stream)
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
        return
    if command.waybill in order.delivered:
        return
    if command.waybill not in order.parcels and not past.reported:
        raise WrongState(f"No parcel {command.waybill} was dispatched.", field="waybill")
    yield ParcelDelivered(command.waybill, () if command.waybill in order.parcels else ("out_of_order",))


@decides(ConfirmReceipt)
def confirm(past: Past, command: ConfirmReceipt) -> Iterator[Item]:
    """A receipt is confirmed once, when everything has left."""
    order: Order = past.state(command.stream)
    if not check(order, command, "placed", past):
        yield park(command, command.stream, "placed")
        return
    if order.stage == "confirmed":
        return
    ready = order.stage in {"dispatched", "delivered"}
    if not ready and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    yield ReceiptConfirmed(() if ready else ("out_of_order",))

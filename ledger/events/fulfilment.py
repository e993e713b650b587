"""Facts of an order's way to the buyer; they stand in the order's stream."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class Shipped(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many units of which line (from 1) are in a parcel."""

    line: int
    quantity: int


class ParcelDispatched(Fact):
    """A parcel left under a waybill; without `items` it carries all that was still to go."""

    TOPIC = "parcel-dispatched"

    waybill: str
    carrier: str
    items: tuple[Shipped, ...] = ()
    marks: tuple[str, ...] = ()


class ParcelDelivered(Fact):
    """The carrier delivered the parcel."""

    TOPIC = "parcel-delivered"

    waybill: str
    marks: tuple[str, ...] = ()


class ReceiptConfirmed(Fact):
    """The buyer confirmed the receipt, or the time for it ran out."""

    TOPIC = "receipt-confirmed"

    marks: tuple[str, ...] = ()

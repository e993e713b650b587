"""Facts of a return parcel, whatever orders its goods are of; the stream is `return-{waybill}`."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class FreightShare(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of a waybill's cost an order may claim; `value` is what its goods in the parcel gave back."""

    order: str
    value: int
    cost: int


class FreightSplit(Fact):
    """What a return waybill cost was divided by value among the orders in the parcel, once (minor units).

    Where a cap of the terms is below the cost, the cap is divided.
    """

    TOPIC = "freight-split"

    currency: str
    cost: int
    shares: tuple[FreightShare, ...]

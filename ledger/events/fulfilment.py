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


class ItemAtWarehouse(Fact):
    """The piece with this serial number is unit `unit` of a line (from 1); a lab appraises it."""

    TOPIC = "item-at-warehouse"

    serial: str
    line: int
    unit: int


class ItemAppraised(Fact):
    """The lab is done with a piece of the order: it was `certified` and may go, or it `failed`."""

    TOPIC = "item-appraised"

    serial: str
    line: int
    unit: int
    outcome: str
    certificate: str = ""


class ParcelDelivered(Fact):
    """The carrier delivered the parcel."""

    TOPIC = "parcel-delivered"

    waybill: str
    marks: tuple[str, ...] = ()


class ReceiptConfirmed(Fact):
    """The buyer confirmed the receipt, or the time for it ran out."""

    TOPIC = "receipt-confirmed"

    marks: tuple[str, ...] = ()


class DispatchPromised(Fact):
    """The shop promised that units leave by `by` (UTC microseconds): of these lines, or of all others."""

    TOPIC = "dispatch-promised"

    by: int
    lines: tuple[int, ...] = ()


class AddressChanged(Fact):
    """The buyer changed the address: the time since `since` (UTC microseconds) is not the shop's."""

    TOPIC = "address-changed"

    since: int
    marks: tuple[str, ...] = ()


class RiskHoldPlaced(Fact):
    """The platform holds the order back to look at a risk; its dispatch clock stands still."""

    TOPIC = "risk-hold-placed"

    reason: str


class RiskHoldLifted(Fact):
    """Nothing stands against the order any more; its dispatch clock runs again."""

    TOPIC = "risk-hold-lifted"

    reason: str


class DispatchPaused(Fact):
    """A refund was asked for: until it is decided the dispatch clock of its lines stands still."""

    TOPIC = "dispatch-paused"

    refund: str
    lines: tuple[int, ...]


class Unit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit of a line, both from 1."""

    line: int
    unit: int


class DispatchResumed(Fact):
    """A refund is decided: the clock runs again; the units that it gave back need not leave any more."""

    TOPIC = "dispatch-resumed"

    refund: str
    gone: tuple[Unit, ...] = ()


class LateUnit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit that had not left by `deadline` (UTC microseconds), the promise and the stops of its clock."""

    line: int
    unit: int
    promised: int
    deadline: int


class DispatchOverdue(Fact):
    """Units had not left by the promised time, every stop of the clock allowed for."""

    TOPIC = "dispatch-overdue"

    units: tuple[LateUnit, ...]


class FakeDispatchFound(Fact):
    """A waybill was reported and no parcel moved: its units have not left. `digest` is of the evidence."""

    TOPIC = "fake-dispatch-found"

    waybill: str
    units: tuple[Unit, ...]
    reason: str
    digest: str = ""

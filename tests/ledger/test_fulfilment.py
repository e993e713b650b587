"""Stories of an order's goods: dispatched in parts, delivered, received."""

import pytest

from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import CancelOrder, VoidOrder
from ledger.errors import AlreadyExists, InvalidAmount, UnknownOrder, WrongState
from ledger.events.fulfilment import ParcelDelivered, ParcelDispatched, ReceiptConfirmed, Shipped
from ledger.events.parking import FactParked
from tests.ledger.stories import (
    CONFIRM,
    CONFIRMED,
    CUPS,
    DISPATCH,
    DISPATCHED,
    PAID,
    PLACE,
    PLACED,
    RECORD,
    Ledger,
    Reported,
    Row,
    but,
    has,
    stories,
    tell,
)


def send(waybill: str, *items: tuple[int, int]) -> DispatchParcel:
    parts = tuple(ParcelItem(line=line, quantity=quantity) for line, quantity in items)
    return DispatchParcel(id="p:1", waybill=waybill, items=parts)


def arrive(waybill: str) -> DeliverParcel:
    return DeliverParcel(id="p:1", waybill=waybill)


CANCELLED = (*PLACED, CancelOrder(id="p:1"))
VOIDED = (*PAID, VoidOrder(id="p:1", reason="brushing"))
ONE, TWO = send("w1", (1, 1)), send("w2", (1, 2))
OUT_OF_ORDER = ("out_of_order",)
PARKED = [has(FactParked, waits_for="placed")]
NOTHING = ()

STORIES: dict[str, Row] = {
    "a parcel takes everything":        (PAID,           DISPATCH,               [ParcelDispatched("w1", "")]),
    "a parcel takes a part":            (PAID,           ONE,                    [ParcelDispatched("w1", "", (Shipped(1, 1),))]),
    "another the rest":                 ((*PAID, ONE),   TWO,                    [ParcelDispatched("w2", "", (Shipped(1, 2),))]),
    "or whatever the rest is":          ((*PAID, ONE),   send("w2"),             [ParcelDispatched("w2", "")]),
    "a waybill is used once":           ((*PAID, ONE),   send("w1", (1, 1)),     AlreadyExists),
    "a waybill reported again":         ((*PAID, ONE),   Reported(ONE),          NOTHING),
    "more than is still to go":         ((*PAID, ONE),   send("w2", (1, 3)),     InvalidAmount),
    "more of one line than there is":   (PAID,           send("w1", (1, 2), (1, 2)), InvalidAmount),
    "a line that is not there":         (PAID,           send("w1", (2, 1)),     InvalidAmount),
    "a report of more than there is":   ((*PAID, ONE),   Reported(send("w2", (1, 3))), [has(ParcelDispatched, marks=("quantity_mismatch",))]),
    "a report of a strange line":       (PAID,           Reported(send("w1", (9, 1))), [has(ParcelDispatched, marks=("quantity_mismatch",))]),
    "a report of the rest, twice":      (DISPATCHED,     Reported(send("w2")),   [has(ParcelDispatched, marks=("out_of_order", "quantity_mismatch"))]),
    "a part behind the rest":           (DISPATCHED,     Reported(send("w2", (1, 1))), [has(ParcelDispatched, marks=OUT_OF_ORDER)]),
    "not before it is paid":            (PLACED,         DISPATCH,               WrongState),
    "a report of sending it unpaid":    (PLACED,         Reported(DISPATCH),     [has(ParcelDispatched, marks=OUT_OF_ORDER)]),
    "not once all has gone":            (DISPATCHED,     send("w2"),             WrongState),
    "not once it is cancelled":         (CANCELLED,      DISPATCH,               WrongState),
    "not once it is voided":            (VOIDED,         DISPATCH,               WrongState),
    "sending nothing":                  ((),             DISPATCH,               UnknownOrder),
    "a report of sending nothing":      ((),             Reported(DISPATCH),     PARKED),
    "a parcel is delivered":            (DISPATCHED,     arrive("w1"),           [ParcelDelivered("w1")]),
    "delivered again":                  ((*DISPATCHED, arrive("w1")), arrive("w1"), NOTHING),
    "a parcel that never left":         (DISPATCHED,     arrive("w9"),           WrongState),
    "a report of one that never left":  (DISPATCHED,     Reported(arrive("w9")), [ParcelDelivered("w9", OUT_OF_ORDER)]),
    "delivering nothing":               ((),             arrive("w1"),           UnknownOrder),
    "a report of delivering nothing":   ((),             Reported(arrive("w1")), PARKED),
    "the receipt is confirmed":         (DISPATCHED,     CONFIRM,                [ReceiptConfirmed()]),
    "or after the delivery":            ((*DISPATCHED, arrive("w1")), CONFIRM,   [ReceiptConfirmed()]),
    "confirmed again":                  (CONFIRMED,      CONFIRM,                NOTHING),
    "not while a part is to go":        ((*PAID, ONE),   CONFIRM,                WrongState),
    "a report of confirming early":     (PAID,           Reported(CONFIRM),      [ReceiptConfirmed(OUT_OF_ORDER)]),
    "a report on a cancelled order":    (CANCELLED,      Reported(CONFIRM),      [ReceiptConfirmed(OUT_OF_ORDER)]),
    "confirming nothing":               ((),             CONFIRM,                UnknownOrder),
    "a report of confirming nothing":   ((),             Reported(CONFIRM),      PARKED),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


POT = but(CUPS, sku="pot", quantity=1)
BOTH = (but(PLACE, lines=(CUPS, POT)), but(PAID[1], cash=20_000))
CHANGED = Reported(but(RECORD, lines=(but(CUPS, quantity=4),)), 2)


@pytest.mark.parametrize(("steps", "stage", "shipped"), [
    ((*PAID, ONE),                                         "partly_dispatched", (1,)),
    ((*PAID, ONE, TWO),                                    "dispatched",        (3,)),
    ((*PAID, TWO, send("w1")),                             "dispatched",        (3,)),
    ((*BOTH, send("w1", (1, 3))),                          "partly_dispatched", (3, 0)),
    ((*BOTH, send("w1", (1, 3), (2, 1))),                  "dispatched",        (3, 1)),
    ((*PAID, ONE, arrive("w1")),                           "partly_dispatched", (1,)),
    ((*PAID, ONE, TWO, arrive("w1")),                      "dispatched",        (3,)),
    ((*PAID, ONE, TWO, arrive("w1"), arrive("w2")),        "delivered",         (3,)),
    ((*PAID, Reported(arrive("w1"))),                      "delivered",         (0,)),   # Nobody told what it held.
    ((*PAID, Reported(arrive("w1")), Reported(ONE)),       "partly_dispatched", (1,)),
    ((*PAID, Reported(arrive("w1")), Reported(DISPATCH)),  "delivered",         (3,)),
    ((*PLACED, Reported(DISPATCH), PAID[1]),               "dispatched",        (3,)),
    ((*PLACED, Reported(send("w1", (1, 5)))),              "dispatched",        (5,)),
    ((*PLACED, Reported(send("w1", (9, 1)))),              "partly_dispatched", (0,)),
    ((*DISPATCHED, CHANGED),                               "dispatched",        (4,)),
    ((*PAID, ONE, TWO, CHANGED),                           "partly_dispatched", (3,)),
    ((*PAID, ONE, TWO, arrive("w1"), arrive("w2"), CONFIRM), "confirmed",       (3,)),
])  # fmt: skip
def test_how_far_goods_have_come(steps, stage, shipped):
    order = Ledger(steps).state("order-p:1")
    assert (order.stage, order.shipped) == (stage, shipped)


@pytest.mark.parametrize(("command", "fact"), [
    (DISPATCH,      ParcelDispatched),
    (arrive("w1"),  ParcelDelivered),
    (CONFIRM,       ReceiptConfirmed),
])  # fmt: skip
def test_every_report_waits_for_its_order_and_follows_it(command, fact):
    ledger = Ledger([Reported(command)])
    assert type(ledger.do(PLACE)[-1].fact) is fact

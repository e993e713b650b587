"""Stories of a refund: what may be given back, how it comes about, who bears it, what was advanced."""

from datetime import timedelta

import pytest

from ledger.decisions.base import Command
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.decisions.refund import (
    AdvanceRefund,
    ApproveRefund,
    CloseRefund,
    CompleteRefund,
    EscalateRefund,
    ReceiveReturn,
    RefundItem,
    RefuseRefund,
    ReportedLine,
    RequestRefund,
    ShipReturn,
)
from ledger.decisions.shop import OpenShop, PayDeposit, PayOutShop
from ledger.errors import (
    AlreadyExists,
    ChangedWithoutVersion,
    InvalidAmount,
    InvalidCurrency,
    NotCorrectable,
    RefundExceedsPaid,
    UnknownOrder,
    UnknownRefund,
    WrongState,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.order import (
    OrderAmended,
    OrderSettled,
    SameVersionRecorded,
    SharesRestored,
    StaleVersionRecorded,
)
from ledger.events.parking import FactParked
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundClosed,
    RefundCompleted,
    RefundEscalated,
    RefundLine,
    RefundRefused,
    RefundRequested,
    ReturnReceived,
    ReturnShipped,
)
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import (
    CONFIRMED,
    CUPS,
    PAID,
    PLACE,
    PLACED,
    RECORD,
    SETTLE,
    SETTLED,
    START,
    Ledger,
    Reported,
    Row,
    asked,
    but,
    gave,
    has,
    refunded,
    stories,
    tell,
)

ASK = asked("r1", 4_000)
APPROVE, REFUSE = ApproveRefund(id="r1"), RefuseRefund(id="r1", reason="no")
ESCALATE, CLOSE = EscalateRefund(id="r1", reason="help"), CloseRefund(id="r1", reason="done")
SHIP, RECEIVE = ShipReturn(id="r1", waybill="w2", carrier="sf", pickup=True), ReceiveReturn(id="r1")
ADVANCE, COMPLETE = AdvanceRefund(id="r1"), CompleteRefund(id="r1")
ASKED = (*PAID, ASK)
APPROVED = (*ASKED, APPROVE)
DONE = (*APPROVED, COMPLETE)
NOTHING = ()
OUT_OF_ORDER = ("out_of_order",)

# Order p:2: list price 100.00, 10.00 off from the shop, 20.00 from the platform, freight 5.00; cash 75.00.
COUPONS = but(CUPS, shop_coupon=1_000, platform_coupon=2_000)
PLACE_2 = PlaceOrder(id="p:2", shop="s1", currency="CNY", lines=(COUPONS,), freight=500)
PAID_2 = (PLACE_2, PayOrder(id="p:2", cash=7_500))
FREE = but(CUPS, platform_coupon=10_000)
POT = OrderLine(sku="pot", quantity=1, amount=5_000)
PAID_BOTH = (but(PLACE, lines=(CUPS, POT)), PayOrder(id="p:1", cash=15_000))


def wants(*items: RefundItem, order: str = "p:1", id_: str = "r1", **fields) -> RequestRefund:
    return RequestRefund(id=id_, order=order, items=items, **fields)


def units(*numbers: int, line: int = 1) -> RefundItem:
    return RefundItem(line=line, units=numbers)


def cash(amount: int, line: int = 1) -> RefundItem:
    return RefundItem(line=line, cash=amount)


def at(hour: int, command: Command) -> Reported:
    """A report of something that counts at that hour."""
    return Reported(but(command, at=START + timedelta(hours=hour)))


REQUESTING: dict[str, Row] = {
    "all that is left": (PAID, asked("r1"),
        [RefundRequested("p:1", "s1", "b1", "CNY", 10_000, 0, (RefundLine(1, "cup", 3, 10_000, 0, 10_000),), "", False)]),
    "a sum of a line": (PAID, ASK, [has(RefundRequested, cash=4_000, lines=(RefundLine(1, "cup", 0, 4_000, 0, 10_000),))]),
    "a unit": (PAID, wants(units(1)), [has(RefundRequested, cash=3_334, lines=(RefundLine(1, "cup", 1, 3_334, 0, 10_000, (1,)),))]),
    "the other units": (PAID, wants(units(2, 3)), [has(RefundRequested, cash=6_666)]),
    "a line": (PAID_BOTH, wants(RefundItem(line=2)), [has(RefundRequested, cash=5_000)]),
    "parts of one line": (PAID, wants(cash(4_000), cash(6_000)), [has(RefundRequested, cash=10_000)]),
    "parts and the rest of a line": (PAID, wants(cash(4_000), RefundItem(line=1)), [has(RefundRequested, cash=10_000)]),
    "goods come back": (PAID, but(ASK, returns=True), [has(RefundRequested, returns=True)]),
    "what another refund left": ((*PAID, *refunded("r9", 4_000)), asked("r1"), [has(RefundRequested, cash=6_000)]),
    "what reports left of the order": ((*PAID_BOTH, gave("r9", 12_000, 0)), asked("r1"),
        [has(RefundRequested, cash=3_000, lines=(RefundLine(1, "cup", 3, 3_000, 0, 10_000),))]),
    "coupons follow the cash": (PAID_2, wants(cash(3_500), order="p:2"), [has(RefundRequested, cash=3_500, coupon=1_000)]),
    "coupons follow the units": (PAID_2, wants(units(1), order="p:2"), [has(RefundRequested, cash=2_334, coupon=667)]),
    "all with its freight": (PAID_2, asked("r1", order="p:2"), [has(RefundRequested, cash=7_500, coupon=2_000)]),
    "freight as well": (PAID_2, wants(RefundItem(line=1), order="p:2", freight=500), [has(RefundRequested, cash=7_500, coupon=2_000)]),
    "only the freight is left": ((*PAID_2, *refunded("r9", 7_000, "p:2")), asked("r1", order="p:2"), [has(RefundRequested, cash=500, coupon=0, lines=())]),
    "coupons paid it all": ((but(PLACE, lines=(FREE,)), PayOrder(id="p:1", cash=0)), wants(units(2)), [has(RefundRequested, cash=0, coupon=3_333)]),
    "the same again changes nothing": (ASKED, ASK, NOTHING),
    "once it is done": (DONE, ASK, NOTHING),
    "of another order": ((*ASKED, *PAID_2), but(ASK, order="p:2"), AlreadyExists),
    "another sum": (ASKED, asked("r1", 4_001), AlreadyExists),
    "other units": ((*PAID, wants(units(1))), wants(units(2)), AlreadyExists),
    "with goods back": (ASKED, but(ASK, returns=True), AlreadyExists),
    "known from elsewhere": ((*PAID, gave("r1", 4_000)), asked("r1", 5_000), AlreadyExists),
    "an order nobody placed": ((), ASK, UnknownOrder),
    "an order nobody paid": (PLACED, ASK, WrongState),
    "nothing is left": ((*PAID, *refunded("r9")), ASK, RefundExceedsPaid),
    "nothing at all": (PAID, wants(cash(0)), RefundExceedsPaid),
    "all of nothing": ((*PAID, *refunded("r9")), asked("r1"), RefundExceedsPaid),
    "more than the line": (PAID_BOTH, wants(cash(5_001, 2)), RefundExceedsPaid),
    "more than is left of it": ((*PAID, *refunded("r9", 4_000)), asked("r1", 6_001), RefundExceedsPaid),
    "more in two parts": (PAID, wants(cash(6_000), cash(4_001)), RefundExceedsPaid),
    "more cash than was paid in cash": (PAID_2, wants(cash(7_001), order="p:2"), RefundExceedsPaid),
    "more freight than was paid": (PAID_2, wants(RefundItem(line=1), order="p:2", freight=501), RefundExceedsPaid),
    "a unit again": ((*PAID, *refunded("r9")), wants(units(1)), RefundExceedsPaid),
    "a unit that was refunded": ((*PAID, wants(units(1), id_="r9"), *refunded("r9")[1:]), wants(units(1)), RefundExceedsPaid),
    "a line that is not there": (PAID, wants(RefundItem(line=2)), InvalidAmount),
    "line zero": (PAID, wants(RefundItem(line=0)), InvalidAmount),
    "a unit that is not there": (PAID, wants(units(4)), InvalidAmount),
    "unit zero": (PAID, wants(units(0)), InvalidAmount),
    "a unit twice": (PAID, wants(units(1, 1)), InvalidAmount),
    "a unit in two items": (PAID, wants(units(1), units(1)), InvalidAmount),
    "units and a sum": (PAID, wants(RefundItem(line=1, units=(1,), cash=5)), InvalidAmount),
    "a report of asking": (PAID, Reported(ASK), [has(RefundRequested, cash=4_000)]),
    "a report of asking too much": (PAID, Reported(asked("r1", 11_000)), [has(RefundRequested, cash=11_000)]),
    "a report of asking for a unit again": ((*PAID, wants(units(1), id_="r9"), *refunded("r9")[1:]), Reported(wants(units(1))), [has(RefundRequested, cash=3_334)]),
    "a report of asking unpaid": (PLACED, Reported(ASK), [has(FactParked, command="refunds.request", waits_for="paid")]),
    "a report of asking for nothing known": ((), Reported(ASK), [has(FactParked, waits_for="paid")]),
    "a report of asking behind the money": ((*PAID, gave("r1", 4_000)), Reported(but(ASK, returns=True)), [has(RefundRequested, returns=True)]),
    "a report of asking again": (ASKED, Reported(ASK), NOTHING),
}  # fmt: skip

STEPPING: dict[str, Row] = {
    "the shop agrees":                  (ASKED,                     APPROVE,    [RefundApproved()]),
    "agreed again":                     (APPROVED,                  APPROVE,    NOTHING),
    "the shop declines":                (ASKED,                     REFUSE,     [RefundRefused("no")]),
    "declined again":                   ((*ASKED, REFUSE),          REFUSE,     NOTHING),
    "declined, then agreed":            ((*ASKED, REFUSE),          APPROVE,    [RefundApproved()]),
    "agreed, then declined":            (APPROVED,                  REFUSE,     WrongState),
    "the buyer escalates":              ((*ASKED, REFUSE),          ESCALATE,   [RefundEscalated("help")]),
    "escalated at once":                (ASKED,                     ESCALATE,   [RefundEscalated("help")]),
    "escalated again":                  ((*ASKED, ESCALATE),        ESCALATE,   NOTHING),
    "escalated, then agreed":           ((*ASKED, ESCALATE),        APPROVE,    [RefundApproved()]),
    "not once it is done":              (DONE,                      ESCALATE,   WrongState),
    "goods travel back":                (APPROVED,                  SHIP,       [ReturnShipped("w2", "sf", True)]),
    "not before it is agreed":          (ASKED,                     SHIP,       WrongState),
    "goods have arrived":               ((*APPROVED, SHIP),         RECEIVE,    [ReturnReceived()]),
    "not before they travel":           (APPROVED,                  RECEIVE,    WrongState),
    "a report of goods that travel":    (ASKED,                     Reported(SHIP), [ReturnShipped("w2", "sf", True, OUT_OF_ORDER)]),
    "a report that they have arrived":  (ASKED,                     Reported(RECEIVE), [ReturnReceived(OUT_OF_ORDER)]),
    "a report of declining late":       (DONE,                      Reported(REFUSE), [RefundRefused("no", OUT_OF_ORDER)]),
    "closed when it is done":           (DONE,                      CLOSE,      [RefundClosed("done")]),
    "closed when declined":             ((*ASKED, REFUSE),          CLOSE,      [RefundClosed("done")]),
    "closed by the buyer":              (ASKED,                     CLOSE,      [RefundClosed("done")]),
    "closed again":                     ((*DONE, CLOSE),            CLOSE,      NOTHING),
    "not while goods travel":           ((*APPROVED, SHIP),         CLOSE,      WrongState),
    "a report of closing early":        ((*APPROVED, SHIP),         Reported(CLOSE), [RefundClosed("done")]),
    "not while its cash is advanced":   ((*ASKED, ADVANCE),         CLOSE,      WrongState),
    "nor is it declined then":          ((*ASKED, ADVANCE),         REFUSE,     WrongState),
    "a report of declining it":         ((*ASKED, ADVANCE),         Reported(REFUSE), [RefundRefused("no")]),
    "agreeing to nothing":              (PAID,                      APPROVE,    UnknownRefund),
    "declining nothing":                (PAID,                      REFUSE,     UnknownRefund),
    "advancing nothing":                (PAID,                      ADVANCE,    UnknownRefund),
    "completing nothing":               (PAID,                      COMPLETE,   UnknownRefund),
    "a report of agreeing to nothing":  (PAID,                      Reported(APPROVE), [has(FactParked, command="refunds.approve", waits_for="requested")]),
    "a report of completing nothing":   (PAID,                      Reported(COMPLETE), [has(FactParked, waits_for="requested")]),
    "a report of advancing nothing":    (PAID,                      Reported(ADVANCE), [has(FactParked, waits_for="requested")]),
}  # fmt: skip

SHIPPED_BACK = (*PAID, but(ASK, returns=True), APPROVE, SHIP)
COMPLETING: dict[str, Row] = {
    "the money goes back": (APPROVED, COMPLETE,
        [RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 4_000, 0, 0, 10_000, (RefundLine(1, "cup", 0, 4_000, 0, 10_000),), Bearers(escrow=4_000))]),
    "completed again": (DONE, COMPLETE, NOTHING),
    "also once it is closed": ((*DONE, CLOSE), COMPLETE, NOTHING),
    "once goods have arrived": ((*SHIPPED_BACK, RECEIVE), COMPLETE, [has(RefundCompleted, cash=4_000)]),
    "not while they travel": (SHIPPED_BACK, COMPLETE, WrongState),
    "not before it is agreed": (ASKED, COMPLETE, WrongState),
    "a report of it": (ASKED, Reported(COMPLETE), [has(RefundCompleted, cash=4_000, marks=OUT_OF_ORDER)]),
    "others were faster": ((*PAID, asked("r9", 7_000), *APPROVED[2:], *refunded("r9")[1:]), COMPLETE, RefundExceedsPaid),
    "a report that others were faster": ((*PAID, asked("r9", 7_000), *APPROVED[2:], *refunded("r9")[1:]), Reported(COMPLETE),
        [has(RefundCompleted, bearers=Bearers(escrow=3_000, suspense=1_000), source="feed", marks=("guard_exceeded",))]),
    "the unit was refunded meanwhile": ((*PAID, wants(units(1)), wants(units(1), id_="r9"), *refunded("r9")[1:], APPROVE), COMPLETE, RefundExceedsPaid),
    "a report that it was": ((*PAID, wants(units(1)), wants(units(1), id_="r9"), *refunded("r9")[1:], APPROVE), Reported(COMPLETE),
        [has(RefundCompleted, lines=(RefundLine(1, "cup", 1, 3_334, 0, 10_000, ()),), marks=())]),
    "coupons as of now": ((*PAID_2, wants(cash(1), order="p:2"), *refunded("r9", 1, "p:2"), APPROVE), COMPLETE,
        [has(RefundCompleted, cash=1, coupon=1)]),       # 0.29 of each, 0.57 of both.
    "after the settlement": ((*SETTLED, ASK, APPROVE), COMPLETE, [has(RefundCompleted, bearers=Bearers(commission=200, host=120, payable=4_000))]),
    "after a pay-out": ((*SETTLED, PayOutShop(id="s1"), ASK, APPROVE), COMPLETE,
        [has(RefundCompleted, bearers=Bearers(commission=200, host=120, payable=320, advance=3_680))]),
    "with a deposit": ((OpenShop(id="s1"), PayDeposit(id="s1", amount=1_000), *SETTLED, PayOutShop(id="s1"), ASK, APPROVE), COMPLETE,
        [has(RefundCompleted, bearers=Bearers(commission=200, host=120, payable=320, deposit=1_000, advance=2_680))]),
}  # fmt: skip

ADVANCED = (*ASKED, ADVANCE)
CUP_LINE = RefundLine(1, "cup", 0, 4_000, 0, 10_000)
GIVEN = has(RefundCompleted, cash=4_000, advanced=4_000, bearers=Bearers())
OTHER = (
    but(PLACE, id="p:3"),
    PayOrder(id="p:3", cash=10_000),
    *(but(step, id="p:3") for step in CONFIRMED[2:]),
)

ADVANCING: dict[str, Row] = {
    "the platform pays first": (ASKED, ADVANCE, [InstantRefundAdvanced("p:1", "s1", "CNY", 4_000, 0, 10_000, (CUP_LINE,))]),
    "with coupons to follow": ((*PAID_2, wants(units(1), order="p:2")), ADVANCE, [has(InstantRefundAdvanced, amount=2_334, coupon=667, paid=9_500)]),
    "advanced again": (ADVANCED, ADVANCE, NOTHING),
    "without any cash": ((but(PLACE, lines=(FREE,)), PayOrder(id="p:1", cash=0), asked("r1")), ADVANCE, NOTHING),
    "not once it is done": (DONE, ADVANCE, WrongState),
    "nor once it is declined": ((*ASKED, REFUSE), ADVANCE, WrongState),
    "a report once it is done": (DONE, Reported(ADVANCE), NOTHING),
    "a report of it": (ASKED, Reported(ADVANCE), [has(InstantRefundAdvanced)]),
    "more than is left": ((*ASKED, *refunded("r9", 6_001)), ADVANCE, RefundExceedsPaid),
    "more than others were advanced": ((*ASKED, asked("r9", 6_001), AdvanceRefund(id="r9")), ADVANCE, RefundExceedsPaid),
    "a unit that another was advanced": ((*PAID, wants(units(1)), wants(units(1), id_="r9"), AdvanceRefund(id="r9")), ADVANCE, RefundExceedsPaid),
    "what was advanced is not given twice": ((*ASKED, *refunded("r9", 6_001)[:2], ADVANCE), CompleteRefund(id="r9"), RefundExceedsPaid),
    "nor asked for twice": (ADVANCED, asked("r9", 6_001), RefundExceedsPaid),
    "nor reported here": (ADVANCED, gave("r1", 4_000), WrongState),
    "recovered from the escrow": ((*ADVANCED, APPROVE), COMPLETE, [GIVEN, RefundAdvanceRecovered("p:1", "s1", "CNY", 4_000, 0, 0)]),
    "recovered from the payable": ((*SETTLED, ASK, ADVANCE, APPROVE), COMPLETE,
        [has(RefundCompleted, advanced=4_000, bearers=Bearers(commission=200, host=120)), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 4_000, 0)]),
    "recovered from the deposit": ((OpenShop(id="s1"), PayDeposit(id="s1", amount=5_000), *SETTLED, PayOutShop(id="s1"), ASK, ADVANCE, APPROVE), COMPLETE,
        [has(RefundCompleted, advanced=4_000), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 320, 3_680)]),
    "settled meanwhile": ((*ADVANCED, APPROVE, *CONFIRMED[2:]), SETTLE,
        [has(OrderSettled, net=9_200), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 4_000, 0)]),
    "then nothing is to be recovered": ((*ADVANCED, APPROVE, *CONFIRMED[2:], SETTLE), COMPLETE,
        [has(RefundCompleted, advanced=4_000, bearers=Bearers(commission=200, host=120))]),
    "another order made it good": ((*ADVANCED, APPROVE, *OTHER, but(SETTLE, id="p:3")), COMPLETE,
        [GIVEN, RefundAdvanceRecovered("p:1", "s1", "CNY", 4_000, 0, 0), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, -4_000, 0)]),
}  # fmt: skip

RECORDING: dict[str, Row] = {
    "of an order": (PAID, Reported(gave("r1", 4_000)),
        [RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 4_000, 0, 0, 10_000, (RefundLine(1, "", 0, 4_000, 0, 10_000),), Bearers(escrow=4_000))]),
    "of no line": (PAID, Reported(gave("r1", 4_000, 0)), [has(RefundCompleted, lines=(RefundLine(0, "", 0, 4_000),))]),
    "with freight": (PAID, Reported(gave("r1", 4_000, freight=500)), [has(RefundCompleted, cash=4_500)]),
    "of no order": ((), Reported(gave("r1", 4_000, order="")),
        [RefundCompleted("", "s1", "", "b1", "CNY", 4_000, 0, 0, 0, (RefundLine(0, "", 0, 4_000),), Bearers(advance=4_000))]),
    "of no order, the shop has money": (SETTLED, Reported(gave("r1", 9_500, order="")), [has(RefundCompleted, bearers=Bearers(payable=9_200, advance=300))]),
    "of nothing": (PAID, Reported(gave("r1", 0)), [has(RefundCompleted, cash=0, bearers=Bearers())]),
    "after the settlement": (SETTLED, Reported(gave("r1", 4_000)), [has(RefundCompleted, bearers=Bearers(commission=200, host=120, payable=4_000))]),
    "another shop and buyer than the order's": (PAID, Reported(gave("r1", 4_000, shop="s2", buyer="b2")), [has(RefundCompleted, shop="s1", buyer="b1")]),
    "more than the line": (PAID_BOTH, Reported(gave("r1", 6_000, 2)),
        [has(RefundCompleted, lines=(RefundLine(2, "", 0, 6_000, 0, 5_000, (), 1_000),), bearers=Bearers(escrow=5_000, suspense=1_000), source="feed", marks=("guard_exceeded",))]),
    "more than the order": (PAID, Reported(gave("r1", 13_000, 0)), [has(RefundCompleted, bearers=Bearers(escrow=10_000, suspense=3_000))]),
    "more than is left of it": ((*PAID, gave("r9", 6_000)), Reported(gave("r1", 6_000)), [has(RefundCompleted, bearers=Bearers(escrow=4_000, suspense=2_000))]),
    "all of it is too much": ((*PAID, gave("r9", 10_000)), Reported(gave("r1", 6_000)), [has(RefundCompleted, bearers=Bearers(suspense=6_000))]),
    "too much of a line and of the order": ((*PAID_BOTH, gave("r9", 12_000, 0)), Reported(gave("r1", 6_000, 2)),
        [has(RefundCompleted, bearers=Bearers(escrow=3_000, suspense=3_000))]),
    "too much after the settlement": ((*SETTLED, gave("r9", 6_000)), Reported(gave("r1", 6_000)),
        [has(RefundCompleted, bearers=Bearers(commission=200, host=120, payable=4_000, suspense=2_000))]),
    "two parts of one line": (PAID_BOTH, Reported(gave("r1", 0, lines=(ReportedLine(line=2, cash=4_000), ReportedLine(line=2, cash=4_000)))),
        [has(RefundCompleted, lines=(RefundLine(2, "", 0, 4_000, 0, 5_000), RefundLine(2, "", 0, 4_000, 0, 5_000, (), 3_000)))]),
    "a line that is not there": (PAID, Reported(gave("r1", 4_000, 7)),
        [has(RefundCompleted, lines=(RefundLine(7, "", 0, 4_000, 0, 0, (), 4_000),), bearers=Bearers(suspense=4_000))]),
    "another currency": (PAID, Reported(gave("r1", 4_000, currency="USD")),
        [has(RefundCompleted, lines=(RefundLine(0, "", 0, 4_000),), bearers=Bearers(suspense=4_000), marks=("currency_mismatch", "guard_exceeded"))]),
    "no currency": (PAID, Reported(gave("r1", 4_000, order="", currency="?")), InvalidCurrency),
    "more than can be kept": (PAID, Reported(gave("r1", MAX_AMOUNT, freight=1)), InvalidAmount),
    "its coupons too": (PAID, Reported(gave("r1", 0, lines=(ReportedLine(coupon=MAX_AMOUNT, cash=0),) * 2)), InvalidAmount),
    "before the payment": (PLACED, Reported(gave("r1", 4_000)), [has(FactParked, command="refunds.record", waits_for="paid")]),
    "before the order": ((), Reported(gave("r1", 4_000)), [has(FactParked, waits_for="paid")]),
    "what was asked for here": (APPROVED, Reported(gave("r1", 4_000)), [has(RefundCompleted, cash=4_000)]),
    "of another order than was asked": ((*PAID_2, *ASKED), Reported(gave("r1", 4_000, order="p:2")), AlreadyExists),
    "without a source": (PAID, gave("r1", 11_000), [has(RefundCompleted, source="command")]),
}  # fmt: skip

V1, V2 = Reported(gave("r1", 4_000), 1), Reported(gave("r1", 1_000), 2)
V_OVER = Reported(gave("r1", 12_000), 1)
UNDONE = has(CorrectionRecorded, topic="refund-completed", reason="replaced by version 2")
VERSIONS: dict[str, Row] = {
    "the same again": ((*PAID, V1), V1, NOTHING),
    "the same without a version": ((*PAID, gave("r1", 4_000)), gave("r1", 4_000), NOTHING),
    "done here, reported after": (DONE, Reported(gave("r1", 4_000)), NOTHING),
    "other content, no version": ((*PAID, gave("r1", 4_000)), gave("r1", 1_000), ChangedWithoutVersion),
    "other content, same version": ((*PAID, V1), Reported(gave("r1", 1_000), 1), ChangedWithoutVersion),
    "a newer version says the same": ((*PAID, V1), Reported(gave("r1", 4_000), 2), [SameVersionRecorded(2, 1)]),
    "an older version": ((*PAID, V2), V1, [StaleVersionRecorded(1, 2)]),
    "older than one that said the same": ((*PAID, V1, Reported(gave("r1", 4_000), 3)), V2, [StaleVersionRecorded(2, 3)]),
    "a newer version": ((*PAID, V1), V2, [UNDONE, has(RefundCompleted, cash=1_000, bearers=Bearers(escrow=1_000))]),
    "of other lines": ((*PAID_BOTH, V1), Reported(gave("r1", 4_000, 2), 2), [UNDONE, has(RefundCompleted, lines=(RefundLine(2, "", 0, 4_000, 0, 5_000),))]),
    "of an order at last": ((*PAID, Reported(gave("r1", 4_000, order=""), 1)), V2,
        [UNDONE, has(RefundCompleted, order="p:1", bearers=Bearers(escrow=1_000))]),
    "settled meanwhile": ((*PAID, V1, *CONFIRMED[2:], SETTLE), V2,
        [UNDONE, SharesRestored("s1", "h1", "CNY", 4_000, -200, -120), has(RefundCompleted, bearers=Bearers(commission=50, host=30, payable=1_000))]),
    "after the settlement": ((*SETTLED, V1), V2, [UNDONE, has(RefundCompleted, bearers=Bearers(commission=50, host=30, payable=1_000))]),
    "recovered meanwhile": ((Reported(gave("r1", 4_000, order=""), 1), *SETTLED), Reported(gave("r1", 1_000, order=""), 2),
        [UNDONE, RefundAdvanceRecovered("", "s1", "CNY", 0, -4_000, 0), has(RefundCompleted, bearers=Bearers(payable=1_000))]),
    "others count for more": ((*PAID, V1, gave("r9", 8_000)), V2,
        [UNDONE, has(OrderAmended, recounted=2_000, line_recounted=(2_000,), marks=("recounted",)), has(RefundCompleted, bearers=Bearers(escrow=1_000))]),
    "what was made good waits again first": ((Reported(RECORD, 1), V_OVER, Reported(but(RECORD, lines=(but(CUPS, amount=12_000),)), 2)), V2,
        [has(OrderAmended, recounted=-2_000, marks=("recounted", "guard_exceeded")), UNDONE, has(RefundCompleted, bearers=Bearers(escrow=1_000))]),
    "what does not count any more": ((Reported(RECORD, 1), V1, Reported(but(RECORD, lines=(but(CUPS, amount=3_000),)), 2)), V2,
        [UNDONE, has(OrderAmended, recounted=1_000, line_recounted=(1_000,)), has(RefundCompleted, cash=1_000, bearers=Bearers(escrow=1_000))]),
    "its cash was advanced here": ((*ADVANCED, APPROVE, COMPLETE), V2, NotCorrectable),
}  # fmt: skip


@stories(REQUESTING)
def test_requesting(given, when, then):
    tell(given, when, then)


@stories(STEPPING)
def test_stepping(given, when, then):
    tell(given, when, then)


@stories(COMPLETING)
def test_completing(given, when, then):
    tell(given, when, then)


@stories(ADVANCING)
def test_advancing(given, when, then):
    tell(given, when, then)


@stories(RECORDING)
def test_recording(given, when, then):
    tell(given, when, then)


@stories(VERSIONS)
def test_versions(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("steps", "status"), [
    (PAID,                                               ""),
    (ASKED,                                              "requested"),
    ((*ASKED, REFUSE),                                   "refused"),
    ((*ASKED, REFUSE, ESCALATE),                         "escalated"),
    (APPROVED,                                           "approved"),
    (SHIPPED_BACK,                                       "return_shipped"),
    ((*SHIPPED_BACK, RECEIVE),                           "returned"),
    (DONE,                                               "completed"),
    ((*DONE, CLOSE),                                     "closed"),
    ((*DONE, Reported(REFUSE)),                          "completed"),
    ((*PAID, V1),                                        "completed"),
    ((*DONE, RecordCorrection(id="5", reason="wrong")),  "reversed"),
    # Of reports the one that counts last is the status, whatever came first.
    ((*ASKED, at(2, APPROVE), at(1, REFUSE)),            "approved"),
    ((*ASKED, at(1, REFUSE), at(2, APPROVE)),            "approved"),
    ((*ASKED, at(1, APPROVE), at(3, APPROVE), at(2, REFUSE)), "approved"),
    ((*ASKED, at(1, APPROVE), at(1, REFUSE)),            "approved"),     # Of one moment, agreeing comes later.
    ((at(2, APPROVE), at(1, REFUSE), Reported(ASK), *PAID), "approved"),
])  # fmt: skip
def test_how_far_a_refund_has_come(steps, status):
    assert Ledger(steps).state("refund-r1").status == status


def test_coupons_come_back_exactly_whatever_the_parts():
    """Cash of 75.00 and coupons of 20.00 in seven parts, units among them, before and after the settlement."""
    parts = [units(3), cash(1), cash(1), cash(999), units(1), cash(1_111)]
    ledger = Ledger(PAID_2)
    for number, part in enumerate(parts):
        for step in (wants(part, order="p:2", id_=f"r{number}"), *refunded(f"r{number}")[1:]):
            ledger.do(step)
        if number == 2:
            ledger.do(Reported(but(SETTLE, id="p:2", host_share=0)))
    for step in refunded("last", order="p:2"):
        ledger.do(step)
    assert ledger.balances() == {}
    assert ledger.used()["refund/p:2"] == 9_500
    assert ledger.used()["refund-coupon/p:2"] == 2_000


def test_reports_in_cash_leave_no_more_cash_to_give():
    """A source that gives back in cash what coupons paid takes it from what is left in cash."""
    ledger = Ledger([*PAID_2, gave("r1", 1_000, order="p:2"), *refunded("r2", order="p:2")])
    assert ledger.balances() == {}


def test_two_refunds_that_were_asked_for_at_once_both_go_through():
    """Coupons follow the cash as it is given, not as it was asked for."""
    lines = (OrderLine(sku="cup", quantity=1, amount=7, platform_coupon=3),)
    paid = (but(PLACE, lines=lines), PayOrder(id="p:1", cash=4))
    requests = [asked("r1", 2), asked("r2", 2)]
    ledger = Ledger([*paid, *requests])
    assert [ledger.state(f"refund-{id_}").coupon for id_ in ("r1", "r2")] == [2, 2]
    for id_ in ("r1", "r2"):
        ledger.do(ApproveRefund(id=id_))
        ledger.do(CompleteRefund(id=id_))
    assert [ledger.state(f"refund-{id_}").coupon for id_ in ("r1", "r2")] == [2, 1]
    assert ledger.balances() == {}


def test_a_unit_of_a_billion_can_be_refunded():
    lines = (OrderLine(sku="grain", quantity=1_000_000_000, amount=1_000_000_007),)
    paid = (but(PLACE, lines=lines), PayOrder(id="p:1", cash=1_000_000_007))
    tell(paid, wants(units(7, 8)), [has(RefundRequested, cash=3)])


@pytest.mark.parametrize("steps", [
    (*APPROVED, COMPLETE, *CONFIRMED[2:], SETTLE),
    (*SETTLED, ASK, APPROVE, COMPLETE),
    (*ADVANCED, APPROVE, COMPLETE, *CONFIRMED[2:], SETTLE),
    (*ADVANCED, APPROVE, *CONFIRMED[2:], SETTLE, COMPLETE),
    (*SETTLED, ASK, ADVANCE, APPROVE, COMPLETE),
    (*PAID, gave("r1", 4_000), *CONFIRMED[2:], SETTLE),
    (*SETTLED, gave("r1", 1_000), gave("r2", 3_000)),
], ids=["before", "after", "advanced", "advanced, settled", "settled, advanced", "reported", "in two"])  # fmt: skip
def test_everybody_ends_with_the_same_whenever_a_refund_comes(steps):
    assert Ledger(steps).balances() == {
        "bank": 6_000,
        "commission": 300,
        "host_payable:h1": 180,
        "shop_payable:s1": 5_520,
    }


def test_an_advance_that_another_order_made_good_is_the_shops_again_in_the_end():
    ledger = Ledger([*ADVANCED, APPROVE, *OTHER, but(SETTLE, id="p:3")])
    assert ledger.balance("shop_payable:s1") == 9_200 - 4_000
    for step in (COMPLETE, *CONFIRMED[2:], SETTLE):
        ledger.do(step)
    assert ledger.balances() == {
        "bank": 16_000,
        "commission": 800,
        "host_payable:h1": 480,
        "shop_payable:s1": 9_200 + 5_520,
    }

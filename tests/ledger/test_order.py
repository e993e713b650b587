"""Stories of an order from placing to closing, and of what its source says about it later."""

import pytest

from ledger.decisions.order import CancelOrder, CloseOrder, Order, SettleOrder, VoidOrder, payment
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.errors import (
    AlreadyExists,
    ChangedWithoutVersion,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidAmount,
    InvalidCurrency,
    UnknownOrder,
    WrongState,
)
from ledger.events.order import (
    Line,
    OrderAmended,
    OrderCancelled,
    OrderClosed,
    OrderPaid,
    OrderPlaced,
    OrderSettled,
    OrderVoided,
    SameVersionRecorded,
    StaleVersionRecorded,
)
from ledger.events.parking import FactParked
from ledger.events.refund import RefundAdvanceRecovered, RefundCompleted
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import (
    CONFIRM,
    CONFIRMED,
    CUPS,
    DISPATCH,
    DISPATCHED,
    PAID,
    PAY,
    PLACE,
    PLACED,
    RECORD,
    SETTLE,
    SETTLED,
    Ledger,
    Reported,
    Row,
    but,
    gave,
    has,
    refunded,
    stories,
    tell,
)

CANCEL = CancelOrder(id="p:1", reason="late")
VOID = VoidOrder(id="p:1", reason="brushing")
CLOSE = CloseOrder(id="p:1")
PLACED_FACT = OrderPlaced("s1", "b1", "CNY", (Line("cup", "", 3, 10_000),), 0, "h1")
PAID_FACT = OrderPaid("CNY", 10_000, 0, (10_000,), (0,))
SETTLED_FACT = OrderSettled("s1", "h1", "CNY", 9_200, 300, 500, 300, 500)
NOTHING = ()
TWO = (CUPS, but(CUPS, sku="pot"))
COUPONS = but(CUPS, shop_coupon=1_000, platform_coupon=2_000)

PLACING: dict[str, Row] = {
    "an order is placed":               ((),     PLACE,                                  [PLACED_FACT]),
    "the same again changes nothing":   (PLACED, PLACE,                                  NOTHING),
    "once paid too":                    (PAID,   PLACE,                                  NOTHING),
    "another shop":                     (PLACED, but(PLACE, shop="s2"),                  AlreadyExists),
    "another host":                     (PLACED, but(PLACE, host=""),                    AlreadyExists),
    "another buyer":                    (PLACED, but(PLACE, buyer="b2"),                 AlreadyExists),
    "another currency":                 (PLACED, but(PLACE, currency="USD"),             AlreadyExists),
    "other lines":                      (PLACED, but(PLACE, lines=TWO),                  AlreadyExists),
    "other freight":                    (PLACED, but(PLACE, freight=1),                  AlreadyExists),
    "a report of another order too":    (PLACED, Reported(but(PLACE, buyer="b2")),       AlreadyExists),
    "no lines":                         ((),     but(PLACE, lines=()),                   InvalidAmount),
    "no units":                         ((),     but(PLACE, lines=(but(CUPS, quantity=0),)), InvalidAmount),
    "coupons beyond the price":         ((),     but(PLACE, lines=(but(CUPS, shop_coupon=10_001),)), InvalidAmount),
    "a report may have no lines":       ((),     Reported(but(PLACE, lines=())),         [has(OrderPlaced, lines=())]),
    "a report may have units back":     ((),     Reported(but(PLACE, lines=(but(CUPS, quantity=-1),))), [has(OrderPlaced)]),
    "no currency":                      ((),     but(PLACE, currency="yuan"),            InvalidCurrency),
}  # fmt: skip

PAYING: dict[str, Row] = {
    "a placed order is paid":           (PLACED, PAY,                                    [PAID_FACT]),
    "the same again changes nothing":   (PAID,   PAY,                                    NOTHING),
    "another sum later":                (PAID,   but(PAY, cash=9_999),                   WrongState),
    "a report of another sum later":    (PAID,   Reported(but(PAY, cash=9_999)),         WrongState),
    "too little":                       (PLACED, but(PAY, cash=9_999),                   InvalidAmount),
    "too much":                         (PLACED, but(PAY, cash=10_001),                  InvalidAmount),
    "less than nothing":                (PLACED, but(PAY, cash=-1),                      InvalidAmount),
    "more than can be kept":            (PLACED, but(PAY, cash=MAX_AMOUNT + 1),          InvalidAmount),
    "a report of another sum":          (PLACED, Reported(but(PAY, cash=9_000)),
                                         [OrderPaid("CNY", 9_000, 0, (9_000,), (0,), ("amount_mismatch",))]),
    "an order nobody placed":           ((),     PAY,                                    UnknownOrder),
    "a cancelled order":                ((*PLACED, CANCEL), PAY,                         WrongState),
    "a voided order":                   ((*PLACED, VOID), PAY,                           WrongState),
    "a report on a cancelled order":    ((*PLACED, CANCEL), Reported(PAY),               [PAID_FACT]),
    "a report before the order":        ((),     Reported(PAY),                          [has(FactParked, command="orders.pay", waits_for="placed")]),
    "goods may have left before":       ((*PLACED, Reported(DISPATCH)), PAY,       [PAID_FACT]),
}  # fmt: skip

SETTLING: dict[str, Row] = {
    "a confirmed order is settled":     (CONFIRMED,  SETTLE,                             [SETTLED_FACT]),
    "all for the shop":                 (CONFIRMED,  SettleOrder(id="p:1"),              [has(OrderSettled, net=10_000)]),
    "nothing for the shop":             (CONFIRMED,  but(SETTLE, host_share=9_500),      [has(OrderSettled, net=0, host_share=9_500)]),
    "refunds take their part":          ((*PAID, *refunded("r1", 3_333), *CONFIRMED[2:]), SETTLE,
                                         [OrderSettled("s1", "h1", "CNY", 6_134, 200, 333, 300, 500)]),
    "all was refunded":                 ((*PAID, *refunded("r1"), *CONFIRMED[2:]), SETTLE,
                                         [OrderSettled("s1", "h1", "CNY", 0, 0, 0, 300, 500)]),
    "the same again changes nothing":   (SETTLED,    SETTLE,                             NOTHING),
    "another commission later":         (SETTLED,    but(SETTLE, commission=400),        WrongState),
    "a report of another later":        (SETTLED,    Reported(but(SETTLE, host_share=0)), WrongState),
    "too early":                        (PAID,       SETTLE,                             WrongState),
    "a report of it":                   (PAID,       Reported(SETTLE),                   [SETTLED_FACT]),
    "unpaid":                           (PLACED,     SETTLE,                             WrongState),
    "a report of it before it is paid": (PLACED,     Reported(SETTLE),                   [has(FactParked, waits_for="paid")]),
    "an order nobody placed":           ((),         SETTLE,                             UnknownOrder),
    "a report of that":                 ((),         Reported(SETTLE),                   [has(FactParked, waits_for="paid")]),
    "voided since":                     ((*CONFIRMED, VOID), SETTLE,                     WrongState),
    "more than was paid":               (CONFIRMED,  but(SETTLE, host_share=9_501),      InsufficientFunds),
    "a report of more than was paid":   (CONFIRMED,  Reported(but(SETTLE, commission=15_000, host_share=5_000)),
                                         [OrderSettled("s1", "h1", "CNY", 0, 2_500, 7_500, 5_000, 15_000, ("guard_exceeded",))]),
    "a share for nobody":               ((but(PLACE, host=""), *CONFIRMED[1:]), SETTLE,  InvalidAmount),
    "a report of a share for nobody":   ((but(PLACE, host=""), *CONFIRMED[1:]), Reported(SETTLE),
                                         [OrderSettled("s1", "", "CNY", 9_500, 0, 500, 0, 500, ("host_unknown",))]),
    "again with that share":            ((but(PLACE, host=""), *CONFIRMED[1:], Reported(SETTLE)), Reported(SETTLE), NOTHING),
    "advances come first":              ((gave("r9", 4_000, order=""), *CONFIRMED), SETTLE,
                                         [SETTLED_FACT, RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 4_000, 0)]),
    "as far as the net reaches":        ((gave("r9", 40_000, order=""), *CONFIRMED), SETTLE,
                                         [SETTLED_FACT, RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 9_200, 0)]),
}  # fmt: skip

ENDING: dict[str, Row] = {
    "a placed order is cancelled":      (PLACED, CANCEL,                                 [OrderCancelled("late")]),
    "not while its payment is held":    (PAID,   CANCEL,                                 WrongState),
    "once that was refunded":           ((*PAID, *refunded("r1")), CANCEL,               [OrderCancelled("late")]),
    "not once goods have left":         (DISPATCHED, CANCEL,                             WrongState),
    "not once it is voided":            ((*PLACED, VOID), CANCEL,                        WrongState),
    "cancelled again":                  ((*PLACED, CANCEL), CANCEL,                      NOTHING),
    "a report of it with money held":   (PAID,   Reported(CANCEL),                       [OrderCancelled("late", ("out_of_order",))]),
    "a report of it under way":         (DISPATCHED, Reported(CANCEL),                   [OrderCancelled("late", ("out_of_order",))]),
    "a report of it in time":           (PLACED, Reported(CANCEL),                       [OrderCancelled("late")]),
    "cancelling nothing":               ((),     CANCEL,                                 UnknownOrder),
    "a report of cancelling nothing":   ((),     Reported(CANCEL),                       [has(FactParked, waits_for="placed")]),
    "any order is voided":              (PLACED, VOID,                                   [has(OrderVoided, reason="brushing", buyer="b1")]),
    "a settled one too":                (SETTLED, VOID,                                  [has(OrderVoided)]),
    "a cancelled one too":              ((*PLACED, CANCEL), VOID,                        [has(OrderVoided)]),
    "voided again":                     ((*PLACED, VOID), VOID,                          NOTHING),
    "voiding nothing":                  ((),     VOID,                                   UnknownOrder),
    "a report of voiding nothing":      ((),     Reported(VOID),                         [has(FactParked, waits_for="placed")]),
    "a settled order is closed":        (SETTLED, CLOSE,                                 [OrderClosed()]),
    "closed again":                     ((*SETTLED, CLOSE), CLOSE,                       NOTHING),
    "not before it is settled":         (CONFIRMED, CLOSE,                               WrongState),
    "a report of closing early":        (CONFIRMED, Reported(CLOSE),                     [OrderClosed()]),
    "closing what is not paid":         (PLACED, CLOSE,                                  WrongState),
    "a report of closing what is not":  (PLACED, Reported(CLOSE),                        [has(FactParked, waits_for="paid")]),
    "closing nothing":                  ((),     CLOSE,                                  UnknownOrder),
}  # fmt: skip

V1, V2 = Reported(RECORD, 1), Reported(RECORD, 2)
DONE = but(RECORD, settled=True, commission=500, host_share=300)
DONE_1 = Reported(DONE, 1)
MORE = but(RECORD, lines=(but(CUPS, amount=12_000),))
LESS = but(RECORD, lines=(but(CUPS, amount=6_000),))

RECORDING: dict[str, Row] = {
    "placed and paid":                  ((),     Reported(RECORD),                       [PLACED_FACT, PAID_FACT]),
    "without a source":                 ((),     RECORD,                                 [PLACED_FACT, PAID_FACT]),
    "not yet paid":                     ((),     Reported(but(RECORD, paid=False)),      [PLACED_FACT]),
    "paid with another sum":            ((),     Reported(but(RECORD, cash=9_000)),      [PLACED_FACT, has(OrderPaid, cash=9_000, marks=("amount_mismatch",))]),
    "settled":                          ((),     Reported(DONE),                         [PLACED_FACT, PAID_FACT, SETTLED_FACT]),
    "settled before it is paid":        ((),     Reported(but(DONE, paid=False)),        [PLACED_FACT, has(FactParked, command="orders.settle", waits_for="paid")]),
    "settled by a report that waited":  ((Reported(PAY), Reported(but(SETTLE, commission=400))), Reported(DONE),
                                         [PLACED_FACT, PAID_FACT, has(OrderSettled, commission=400), has(OrderAmended, commission=-100, marks=())]),
    "its own marks":                    ((),     Reported(but(RECORD, marks=("odd",), paid=False)), [has(OrderPlaced, marks=("odd",))]),
    "nothing to pay":                   ((),     Reported(but(RECORD, lines=(but(CUPS, amount=0),))),
                                         [has(OrderPlaced, marks=("zero_value",)), has(OrderPaid, cash=0)]),
    "units that went back":             ((),     Reported(but(RECORD, lines=(but(CUPS, amount=-5, quantity=-1),))),
                                         [has(OrderPlaced, marks=("negative_quantity",)), has(OrderPaid, cash=0)]),
    "more than can be kept":            ((),     Reported(but(RECORD, lines=(but(CUPS, amount=MAX_AMOUNT),) * 2)), InvalidAmount),
    "no currency":                      ((),     Reported(but(RECORD, currency="?")),    InvalidCurrency),
    "the same again":                   ((V1,),  V1,                                     NOTHING),
    "the same without a version":       ((Reported(RECORD),), Reported(RECORD),          NOTHING),
    "other content, no version":        ((Reported(RECORD),), Reported(MORE),            ChangedWithoutVersion),
    "other content, same version":      ((V1,),  Reported(MORE, 1),                      ChangedWithoutVersion),
    "another commission, same version": ((DONE_1,), Reported(but(DONE, commission=0), 1), ChangedWithoutVersion),
    "the next step, same version":      ((V1,),  DONE_1,                                 [SETTLED_FACT]),
    "a newer version says the same":    ((V1,),  V2,                                     [SameVersionRecorded(2, 1)]),
    "an older version":                 ((V2,),  V1,                                     [StaleVersionRecorded(1, 2)]),
    "older than one that said the same": ((V1, Reported(RECORD, 3)), Reported(MORE, 2),  [StaleVersionRecorded(2, 3)]),
    "older than an amendment":          ((V1, Reported(MORE, 3)), V2,                    [StaleVersionRecorded(2, 3)]),
    "a step is not taken back":         ((DONE_1,), V2,                                  [SameVersionRecorded(2, 1)]),
    "paid in a newer version":          ((Reported(but(RECORD, paid=False), 1),), V2,    [SameVersionRecorded(2, 1), PAID_FACT]),
    "settled in a newer version":       ((V1,),  Reported(DONE, 2),                      [SameVersionRecorded(2, 1), SETTLED_FACT]),
    "of a placed order":                (PLACED, Reported(RECORD),                       [PAID_FACT]),
    "of a paid order":                  (PAID,   Reported(RECORD),                       NOTHING),
    "of a settled order":               (SETTLED, Reported(DONE),                        NOTHING),
    "another shop":                     ((V1,),  Reported(but(RECORD, shop="s2"), 2),    AlreadyExists),
    "another host":                     ((V1,),  Reported(but(RECORD, host="h2"), 2),    AlreadyExists),
    "another currency":                 ((V1,),  Reported(but(RECORD, currency="USD"), 2), CurrencyMismatch),
    "no host named":                    ((V1,),  Reported(but(RECORD, host=""), 2),      [SameVersionRecorded(2, 1)]),
    "no buyer named":                   ((V1,),  Reported(but(RECORD, buyer=""), 2),     [SameVersionRecorded(2, 1)]),
    "a host named at last":             ((Reported(but(RECORD, host=""), 1),), V2,       [has(OrderAmended, host="h1", cash_delta=0)]),
    "another buyer":                    ((V1,),  Reported(but(RECORD, buyer="b2"), 2),   [has(OrderAmended, version=2, buyer="b2", cash_delta=0)]),
}  # fmt: skip

# A newer version becomes the difference: before the settlement in the escrow, after it the shop's.
DEPOSIT = (OpenShop(id="s1"), PayDeposit(id="s1", amount=1_000))
AMENDING: dict[str, Row] = {
    "not yet paid": ((Reported(but(RECORD, paid=False), 1),), Reported(but(MORE, paid=False), 2),
        [has(OrderAmended, cash=0, cash_delta=0, line_cash=(), lines=(Line("cup", "", 3, 12_000),))]),
    "paid by the new sum": ((Reported(but(RECORD, paid=False), 1),), Reported(MORE, 2),
        [has(OrderAmended, cash=0, cash_delta=0), has(OrderPaid, cash=12_000)]),
    "up": ((V1,), Reported(MORE, 2),
        [OrderAmended(2, "s1", "h1", "b1", "CNY", (Line("cup", "", 3, 12_000),), 0, 12_000, 0, (12_000,), (0,), 2_000, 0, 0, 0)]),
    "down": ((V1,), Reported(LESS, 2), [has(OrderAmended, cash=6_000, cash_delta=-4_000, recounted=0, payable=0)]),
    "a coupon instead of cash": ((V1,), Reported(but(RECORD, lines=(COUPONS,)), 2),
        [has(OrderAmended, cash_delta=-3_000, coupon_delta=2_000, line_cash=(7_000,), line_coupon=(2_000,))]),
    "freight": ((V1,), Reported(but(RECORD, freight=500), 2), [has(OrderAmended, cash_delta=500, line_cash=(10_000,))]),
    "down to what was refunded": ((V1, gave("r1", 6_000)), Reported(LESS, 2), [has(OrderAmended, cash_delta=-4_000, recounted=0)]),
    "below what was refunded": ((V1, gave("r1", 8_000)), Reported(LESS, 2),
        [has(OrderAmended, recounted=-2_000, line_recounted=(-2_000,), source="feed", marks=("guard_exceeded",))]),
    "and up again": ((V1, gave("r1", 8_000), Reported(LESS, 2)), Reported(MORE, 3),
        [has(OrderAmended, cash_delta=6_000, recounted=2_000, line_recounted=(2_000,), marks=())]),
    "up to what was refunded too much": ((V1, gave("r1", 13_000)), Reported(MORE, 2), [has(OrderAmended, recounted=2_000, line_recounted=(2_000,))]),
    "from one line to another": ((Reported(but(RECORD, lines=TWO), 1), gave("r1", 9_000, 2)),
        Reported(but(RECORD, lines=(but(CUPS, amount=15_000), but(TWO[1], amount=5_000))), 2),
        [has(OrderAmended, cash_delta=0, recounted=-4_000, line_recounted=(0, -4_000))]),
    "a refunded line is gone": ((Reported(but(RECORD, lines=TWO), 1), gave("r1", 9_000, 2)), V2,
        [has(OrderAmended, cash_delta=-10_000, recounted=-9_000, line_recounted=(0, -9_000))]),
    "a line that was refunded comes": ((V1, gave("r1", 9_000, 2)), Reported(but(RECORD, lines=TWO), 2),
        [has(OrderAmended, cash_delta=10_000, recounted=9_000, line_recounted=(0, 9_000))]),
    "settled, up": ((DONE_1,), Reported(but(MORE, settled=True, commission=500, host_share=300), 2),
        [has(OrderAmended, cash_delta=2_000, payable=-2_000, commission=0, host_share=0)]),
    "settled, down": ((DONE_1,), Reported(but(LESS, settled=True, commission=500, host_share=300), 2),
        [has(OrderAmended, cash_delta=-4_000, payable=4_000, deposit=0, advance=0)]),
    "settled, other shares": ((DONE_1,), Reported(but(DONE, commission=600, host_share=100), 2),
        [has(OrderAmended, whole_commission=600, whole_host_share=100, commission=-100, host_share=200, payable=0)]),
    "settled, refunded, other shares": ((DONE_1, gave("r1", 5_000)), Reported(but(DONE, commission=600), 2),
        [has(OrderAmended, commission=-50, host_share=0)]),
    "settled, a share for nobody": ((Reported(but(DONE, host="", host_share=0), 1),), Reported(but(DONE, host=""), 2),
        [SameVersionRecorded(2, 1)]),
    "settled, paid out, down": ((*DEPOSIT, DONE_1, gave("r9", 9_000, 0, "")), Reported(but(LESS, settled=True, commission=500, host_share=300), 2),
        [has(OrderAmended, cash_delta=-4_000, payable=200, deposit=1_000, advance=2_800)]),
    "settled, what comes makes good first": ((DONE_1, gave("r9", 10_000, 0, "")), Reported(but(MORE, settled=True, commission=500, host_share=300), 2),
        [has(OrderAmended, payable=-2_000), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 800, 0)]),
    "settled, what the payable lacks": ((DONE_1, gave("r9", 9_200, 0, "")), Reported(but(DONE, commission=600), 2),
        [has(OrderAmended, commission=-100, payable=0), RefundAdvanceRecovered("p:1", "s1", "CNY", 0, -100, 0)]),
}  # fmt: skip


@stories(PLACING)
def test_placing(given, when, then):
    tell(given, when, then)


@stories(PAYING)
def test_paying(given, when, then):
    tell(given, when, then)


@stories(SETTLING)
def test_settling(given, when, then):
    tell(given, when, then)


@stories(ENDING)
def test_ending(given, when, then):
    tell(given, when, then)


@stories(RECORDING)
def test_recording(given, when, then):
    tell(given, when, then)


@stories(AMENDING)
def test_amending(given, when, then):
    tell(given, when, then)


# Lines as (amount, shop coupon, platform coupon), freight, cash: then due, cash by line, coupon by line.
PAYMENTS = [
    ([(10_000, 0, 0)],                       0,   None,  (10_000, (10_000,),       (0,))),
    ([(10_000, 1_000, 2_000)],               0,   None,  (7_000,  (7_000,),        (2_000,))),
    ([(10_000, 1_000, 2_000)],               500, None,  (7_500,  (7_000,),        (2_000,))),
    ([(60, 0, 0), (40, 0, 10)],              5,   None,  (95,     (60, 30),        (0, 10))),
    ([(60, 0, 0), (40, 0, 10)],              5,   50,    (95,     (30, 15),        (0, 10))),   # Half was paid.
    ([(60, 0, 0), (40, 0, 10)],              5,   4,     (95,     (0, 0),          (0, 10))),   # Not even the freight.
    ([(1, 0, 0), (1, 0, 0), (1, 0, 0)],      0,   2,     (3,      (1, 1, 0),       (0, 0, 0))),
    ([(100, 0, 0), (-30, 0, 0)],             0,   None,  (70,     (70, 0),         (0, 0))),    # A line that came back.
    ([(-30, 0, 0)],                          0,   None,  (0,      (0,),            (0,))),
    ([(10, 0, 30)],                          0,   None,  (0,      (0,),            (30,))),
    ([],                                     5,   None,  (5,      (),              ())),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "freight", "cash", "then"), PAYMENTS)
def test_how_a_payment_falls_on_the_lines(lines, freight, cash, then):
    found = payment([Line("", "", 1, *sums) for sums in lines], freight, cash)
    assert (found.due, found.line_cash, found.line_coupon) == then
    assert found.cash == (found.due if cash is None else cash)


def test_coupons_of_more_than_can_be_kept_are_refused():
    lines = [Line("", "", 1, 0, 0, MAX_AMOUNT)] * 2
    with pytest.raises(InvalidAmount) as refusal:
        payment(lines, 0, 0)
    assert refusal.value.field == "lines"


# What an order paid with 100, commission 10 and host share 20 agreed, leaves to both after refunds.
@pytest.mark.parametrize(("whole", "commission", "host_share", "refunded", "shares"), [
    (100, 10, 20,  0,   (10, 20)),
    (100, 10, 20,  50,  (5, 10)),
    (100, 10, 20,  5,   (9, 19)),
    (100, 10, 20,  100, (0, 0)),
    (100, 10, 20,  200, (0, 0)),
    (100, 50, 50,  1,   (49, 49)),
    (100, 90, 60,  0,   (60, 40)),    # Cut to what was paid.
    (100, 90, 60,  50,  (30, 20)),
    (0,   10, 20,  0,   (0, 0)),
])  # fmt: skip
def test_shares(whole, commission, host_share, refunded, shares):
    order = Order(cash=whole, whole_commission=commission, whole_host_share=host_share)
    assert order.shares(refunded) == shares


@pytest.mark.parametrize(("steps", "stage", "status"), [
    ((),                            "",           ""),
    (PLACED,                        "placed",     "placed"),
    (PAID,                          "paid",       "paid"),
    (DISPATCHED,                    "dispatched", "dispatched"),
    (CONFIRMED,                     "confirmed",  "confirmed"),
    (SETTLED,                       "confirmed",  "settled"),
    ((*SETTLED, CLOSE),             "confirmed",  "closed"),
    ((*SETTLED, CLOSE, VOID),       "voided",     "voided"),
    ((*PLACED, CANCEL),             "cancelled",  "cancelled"),
    ((*PLACED, CANCEL, VOID),       "voided",     "voided"),
    ((*PLACED, VOID, Reported(CANCEL)), "voided", "voided"),
    ((*PLACED, Reported(CONFIRM)),  "confirmed",  "confirmed"),
    ((Reported(DONE),),             "paid",       "settled"),
    ((Reported(PAY),),              "",           ""),
])  # fmt: skip
def test_how_far_an_order_has_come(steps, stage, status):
    order = Ledger(steps).state("order-p:1")
    assert (order.stage, order.status) == (stage, status)


def test_an_amendment_ends_as_if_the_newer_version_had_been_the_first():
    """Up and down, before and after refunds and the settlement: only the last version counts."""
    newest = Reported(but(MORE, settled=True, commission=700, host_share=100), 4)
    refunds = (Reported(gave("r1", 3_333)), Reported(gave("r2", 5_000)))
    plain = Ledger([newest, *refunds])
    for steps in (
        (V1, *refunds, Reported(LESS, 2), Reported(DONE, 3), newest),
        (*refunds, Reported(LESS, 2), newest, Reported(DONE, 3)),
        (
            Reported(DONE, 2),
            refunds[0],
            Reported(but(LESS, settled=True, commission=900), 3),
            refunds[1],
            newest,
        ),
    ):
        ledger = Ledger(steps)
        assert ledger.balances() == plain.balances()
        assert ledger.used() == plain.used()
    assert plain.balances() == {
        "bank": 12_000 - 8_333,
        "commission": 700 - 486,
        "host_payable:h1": 100 - 69,
        "shop_payable:s1": 12_000 - 8_333 - 214 - 31,
    }


@pytest.mark.parametrize(("command", "streams", "refunded", "escrows"), [
    (PLACE,   ("order-p:1", "shop-s1"), (),       ()),
    (PAY,     ("order-p:1",),           (),       ("p:1",)),
    (SETTLE,  ("order-p:1",),           ("p:1",), ("p:1",)),
    (RECORD,  ("order-p:1", "shop-s1"), ("p:1",), ("p:1",)),
])  # fmt: skip
def test_what_is_looked_up_beforehand(command, streams, refunded, escrows):
    assert command.stream == "order-p:1"
    assert (command.touches(), command.orders(), command.escrows()) == (streams, refunded, escrows)


def test_a_parked_refund_follows_the_payment():
    ledger = Ledger([gave("r1", 4_000), PLACE])
    assert [type(recorded.fact) for recorded in ledger.do(PAY)] == [OrderPaid, RefundCompleted]


WAITED = (Reported(PAY), Reported(but(SETTLE, host_share=200)))


@stories({
    "two coupons beyond the price": ((), but(PLACE, lines=(but(CUPS, shop_coupon=6_000,
        platform_coupon=5_000),)), InvalidAmount),
    "coupons that pay it all": (
        (),
        but(PLACE, lines=(but(CUPS, shop_coupon=6_000, platform_coupon=4_000),)), [
            OrderPlaced("s1", "b1", "CNY", (Line("cup", "", 3, 10_000, 6_000, 4_000),), host="h1"),
        ]),
    "settled by a report that waited, with another share": (WAITED, Reported(DONE), [
        OrderPlaced("s1", "b1", "CNY", (Line("cup", "", 3, 10_000),), host="h1"),
        OrderPaid("CNY", 10_000, 0, (10_000,), (0,)),
        OrderSettled("s1", "h1", "CNY", 9_300, 200, 500, 200, 500),
        OrderAmended(0, "s1", "h1", "b1", "CNY", (Line("cup", "", 3, 10_000),), 0, 10_000, 0, (10_000,), (0,),
            0, 0, 300, 500, host_share=-100),
    ]),
    "settled by a report that waited, in the same way": ((Reported(PAY), Reported(SETTLE)), Reported(DONE), [
        OrderPlaced("s1", "b1", "CNY", (Line("cup", "", 3, 10_000),), host="h1"),
        OrderPaid("CNY", 10_000, 0, (10_000,), (0,)),
        OrderSettled("s1", "h1", "CNY", 9_200, 300, 500, 300, 500),
    ]),
    "another line before it is paid": (
        (Reported(but(RECORD, paid=False), 1),),
        Reported(but(RECORD, lines=TWO, paid=False), 2), [
            OrderAmended(2, "s1", "h1", "b1", "CNY", (Line("cup", "", 3, 10_000), Line("pot", "", 3, 10_000)),
                0, 0, 0, (), (), 0, 0, 0, 0),
        ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)

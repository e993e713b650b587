"""Stories of the dispatch clock: what was promised, what stops the clock, what is late or was never sent."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from ledger import time
from ledger.decisions.base import FOLDS
from ledger.decisions.clock import NEVER, Clock, Gone, Left, Mark, with_promise
from ledger.decisions.dispatch import ChangeAddress, LiftRiskHold, PlaceRiskHold, PromiseDispatch, due_at
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import CancelOrder, Order, OrderLine, VoidOrder
from ledger.decisions.refund import (
    ApproveRefund,
    CloseRefund,
    CompleteRefund,
    EscalateRefund,
    RefundItem,
    RefuseRefund,
)
from ledger.decisions.unasked import FindFakeDispatch, MarkOverdue
from ledger.errors import InvalidAmount, UnknownOrder, WrongState
from ledger.events.base import Envelope, Recorded
from ledger.events.fulfilment import (
    AddressChanged,
    DispatchOverdue,
    DispatchPaused,
    DispatchPromised,
    DispatchResumed,
    LateUnit,
    RiskHoldLifted,
    RiskHoldPlaced,
    Shipped,
    Unit,
)
from ledger.events.order import OrderPlaced
from ledger.events.parking import FactParked
from ledger.events.refund import RefundApproved, RefundClosed, RefundCompleted, RefundRefused, RefundRequested
from tests.ledger.stories import (
    CONFIRM,
    CUPS,
    DISPATCHED,
    PAID,
    PAY,
    PLACE,
    PLACED,
    RECORD,
    START,
    Ledger,
    Reported,
    Row,
    asked,
    but,
    gave,
    has,
    stories,
    tell,
)

BY = START + timedelta(hours=48)
EARLIER, LATER = BY - timedelta(hours=24), BY + timedelta(hours=24)
PROMISE = PromiseDispatch(id="p:1", by=BY)
MOVE = ChangeAddress(id="p:1")
HOLD, LIFT = PlaceRiskHold(id="p:1", reason="stolen card?"), LiftRiskHold(id="p:1", reason="it is theirs")
PROMISED = (PLACE, PROMISE, PAY)
DUE = DispatchPromised(time.micros(BY))
PAID_AT = time.micros(START + timedelta(hours=2))
TWO_LINES = (but(PLACE, lines=(CUPS, OrderLine(sku="pot", amount=1))), PROMISE, but(PAY, cash=10_001))
FREE_LINE = (but(PLACE, lines=(CUPS, OrderLine(sku="pot", amount=0))), PROMISE, PAY)
PART = DispatchParcel(id="p:1", waybill="w0", items=(ParcelItem(line=1, quantity=1),))
OTHER_PART = DispatchParcel(id="p:1", waybill="w0", items=(ParcelItem(line=2, quantity=1),))
NOTHING = ()
PARKED_ = [has(FactParked, waits_for="placed")]
ALL = tuple(Unit(1, unit) for unit in (1, 2, 3))

STORIES: dict[str, Row] = {
    "promised with the order":        ((),             but(PLACE, dispatch_by=BY),   [has(OrderPlaced), DUE]),
    "a report that promises":         ((),             but(RECORD, dispatch_by=BY, paid=False), [has(OrderPlaced), DUE]),
    "promised later on":              (PAID,           PROMISE,                      [DUE]),
    "promised again":                 (PROMISED,       PROMISE,                      NOTHING),
    "earlier than it was paid for":   (PROMISED,       but(PROMISE, by=EARLIER),     [DispatchPromised(time.micros(EARLIER))]),
    "later than it was paid for":     (PROMISED,       but(PROMISE, by=LATER),       WrongState),
    "later before it is paid":        ((PLACE, PROMISE), but(PROMISE, by=LATER),     [DispatchPromised(time.micros(LATER))]),
    "a line of its own":              (PROMISED,       but(PROMISE, by=EARLIER, lines=(1,)), [DispatchPromised(time.micros(EARLIER), (1,))]),
    "a line of its own, again":       (PROMISED,       but(PROMISE, lines=(1,)),     NOTHING),
    "another line, as it was paid for": ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(1,))), but(PROMISE, lines=(2,)), NOTHING),
    "another line, later":            ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(1,))), but(PROMISE, by=BY + timedelta(hours=1), lines=(2,)), WrongState),
    "a line of its own, twice":       ((*PROMISED, but(PROMISE, by=EARLIER, lines=(1,))), but(PROMISE, by=EARLIER, lines=(1,)), NOTHING),
    "all lines, after one":           ((PLACE, but(PROMISE, lines=(1,)), PAY), PROMISE,      [DUE]),
    "no line of its own any more":    ((*PROMISED, but(PROMISE, by=EARLIER, lines=(1,))), but(PROMISE, by=EARLIER), [DispatchPromised(time.micros(EARLIER))]),
    "a line that is not there":       (PROMISED,       but(PROMISE, lines=(2,)),     InvalidAmount),
    "of an order nobody knows":       ((),             PROMISE,                      UnknownOrder),
    "a report of a promise":          ((),             Reported(PROMISE),            PARKED_),
    "the address changes":            (PROMISED,       MOVE,                         [AddressChanged(PAID_AT + 3_600_000_000)]),
    "not before it is paid":          (PLACED,         MOVE,                         WrongState),
    "the address of nothing":         ((),             MOVE,                         UnknownOrder),
    "letting go of nothing":          ((),             LIFT,                         UnknownOrder),
    "even once a part has left":      ((*PAID, PART),  MOVE,                         [AddressChanged(PAID_AT)]),
    "not once all has left":          (DISPATCHED,     MOVE,                         WrongState),
    "a report of it after all left":  (DISPATCHED,     Reported(MOVE),               [has(AddressChanged, marks=("out_of_order",))]),
    "a report of it before the order": ((),            Reported(MOVE),               [has(FactParked, waits_for="paid")]),
    "held back":                      (PAID,           HOLD,                         [RiskHoldPlaced("stolen card?")]),
    "held back twice":                ((*PAID, HOLD),  HOLD,                         NOTHING),
    "held back once a part has left": ((*PAID, PART),  HOLD,                         [RiskHoldPlaced("stolen card?")]),
    "not once it has left":           (DISPATCHED,     HOLD,                         WrongState),
    "holding nothing":                ((),             HOLD,                         UnknownOrder),
    "a report of holding nothing":    ((),             Reported(HOLD),               PARKED_),
    "let go":                         ((*PAID, HOLD),  LIFT,                         [RiskHoldLifted("it is theirs")]),
    "let go, but it was not held":    (PAID,           LIFT,                         NOTHING),
    "a report of letting go":         ((),             Reported(LIFT),               PARKED_),
    "a refund is asked for":          (PROMISED,       asked("r1", 5_000),           [has(RefundRequested), DispatchPaused("r1", (1,))]),
    "it is refused":                  ((*PROMISED, asked("r1")), RefuseRefund(id="r1", reason=""), [has(RefundRefused), DispatchResumed("r1")]),
    "and approved after all":         ((*PROMISED, asked("r1"), RefuseRefund(id="r1", reason="")), ApproveRefund(id="r1"), [has(RefundApproved), DispatchPaused("r1", (1,))]),
    "it is approved at once":         ((*PROMISED, asked("r1")), ApproveRefund(id="r1"), [has(RefundApproved)]),
    "it is given up":                 ((*PROMISED, asked("r1")), CloseRefund(id="r1"), [has(RefundClosed), DispatchResumed("r1")]),
    "it is paid":                     ((*PROMISED, asked("r1"), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1", ALL)]),
    "a part is paid":                 ((*PROMISED, asked("r1", 50), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1")]),
    "a unit is paid":                 ((*PROMISED, but(asked("r1"), items=(RefundItem(line=1, units=(2,)),)), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1", (Unit(1, 2),))]),
    "all of the first of two lines":  ((*TWO_LINES, asked("r1", 10_000), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1", ALL)]),
    "all of both lines":              ((*TWO_LINES, asked("r1"), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1", (*ALL, Unit(2, 1)))]),
    "a line that was free":           ((*FREE_LINE, asked("r1", 10_000), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), DispatchResumed("r1", ALL)]),
    "a report about a line that was free": (FREE_LINE, gave("r1", 0, line=2),        [has(RefundCompleted)]),
    "a report of a refund":           (PROMISED,       gave("r1", 10_000),           [has(RefundCompleted), DispatchResumed("r1", ALL)]),
    "a report of a small one":        (PROMISED,       gave("r1", 1),                [has(RefundCompleted)]),
    "nobody promised anything":       (PAID,           asked("r1"),                  [has(RefundRequested)]),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


def test_a_refund_that_is_escalated_stops_the_clock_again():
    ledger = Ledger([*PROMISED, asked("r1"), RefuseRefund(id="r1", reason=""), EscalateRefund(id="r1")])
    assert ledger.state("order-p:1").clock.stopped("refund/r1")


def test_every_report_waits_for_its_order_and_they_end_in_the_same_state():
    reports = [but(PROMISE, at=START), but(MOVE, at=EARLIER), but(HOLD, at=EARLIER), but(LIFT, at=BY)]
    orders = (but(PLACE, at=START), but(PAY, at=START))
    first = Ledger([*map(Reported, orders), *map(Reported, reports)])
    last = Ledger([*map(Reported, reports), *map(Reported, orders)])
    assert first.state("order-p:1").clock == last.state("order-p:1").clock
    assert not last.state("order-p:1").parked


def test_changes_of_the_address_count_in_the_order_they_were_made():
    order = Order()
    for since, at in ((10, 100), (50, 60)):
        fact = AddressChanged(since)
        order = FOLDS[AddressChanged](order, fact, Recorded(1, "order-p:1", 1, Envelope(at, at, 0), fact))
    assert order.clock.moves == ((50, 60), (10, 100))
    # The first moves the deadline from 95 to 105; so the second came in time, too.
    assert msgspec.structs.replace(order.clock, promised={0: (0, 95)}).deadline(1) == 95 + 90


def test_of_what_was_said_at_once_the_wider_word_stands_for_all():
    for first, second in (((2,), ()), ((), (2,))):
        assert with_promise(with_promise(Clock(), 2, 48, first), 2, 48, second).promised == {0: (2, 48)}
    assert with_promise(Clock(), 1, 48, (2,)).promised == {2: (1, 48)}
    assert with_promise(Clock(), 1, 48, (2,)).deadline(2) == 48
    assert with_promise(Clock(), 1, 48, (2,)).deadline(1) is None


SAID = [(1, 40, (1,)), (2, 48, ()), (3, 44, (2,)), (3, 43, (2,)), (2, 49, ())]


@pytest.mark.parametrize("said", list(permutations(SAID)))
def test_what_was_said_last_counts_whatever_came_first(said):
    kept = Clock()
    for word in said:
        kept = with_promise(kept, *word)
    assert kept.promised == {0: (2, 48), 2: (3, 43)}


# The clock by itself. Times are hours; goods of line 1 were promised for hour 48.
def clock(*, marks=(), moves=(), left=(), fake=(), gone=(), promised=48) -> Clock:
    return Clock({0: (0, promised)}, tuple(marks), tuple(moves), tuple(left), tuple(fake), tuple(gone))


def stop(
    since: int, until: int | None = None, cause: str = "risk", lines: tuple[int, ...] = ()
) -> list[Mark]:
    marks = [Mark(since, cause, stops=True, lines=lines)]
    return marks if until is None else [*marks, Mark(until, cause, stops=False)]


def both(*stops: list[Mark]) -> list[Mark]:
    return sorted(mark for marks in stops for mark in marks)


@pytest.mark.parametrize(("kept", "deadline"), [
    (clock(),                                                     48),
    (clock(marks=stop(10, 20)),                                   58),
    (clock(marks=stop(10)),                                       NEVER),
    (clock(marks=stop(48, 50)),                                   50),
    (clock(marks=stop(49, 60)),                                   48),    # Late is late.
    (clock(marks=stop(49)),                                       48),
    (clock(marks=both(stop(10, 20), stop(15, 30, "refund/r"))),   68),    # Nothing counts twice.
    (clock(marks=both(stop(10, 30), stop(15, 20, "refund/r"))),   68),
    (clock(marks=both(stop(10, 20), stop(50, 60, "refund/r"))),   68),    # The first makes room for the second.
    (clock(marks=stop(10, 20, lines=(2,))),                       48),    # Not this line.
    (clock(moves=[(0, 24)]),                                      72),    # From the payment to the change.
    (clock(moves=[(0, 24), (0, 60)]),                             108),
    (clock(moves=[(0, 48)]),                                      96),
    (clock(moves=[(0, 50)]),                                      48),    # Too late for that.
    (clock(marks=stop(40, 60), moves=[(0, 50)]),                  108),
], ids=str)  # fmt: skip
def test_when_goods_had_to_leave(kept, deadline):
    assert kept.deadline(1) == deadline


def test_nothing_promised_is_never_late():
    assert Clock().deadline(1) is None
    assert Clock().late(1, 3, 10**18) == []


ONE, TWO = Left(40, "w1", (Shipped(1, 1),)), Left(60, "w2", (Shipped(1, 2),))


@pytest.mark.parametrize(("kept", "moment", "late"), [
    (clock(),                                                     48, []),
    (clock(),                                                     49, [1, 2, 3]),
    (clock(left=[ONE]),                                           49, [2, 3]),
    (clock(left=[ONE, TWO]),                                      99, [2, 3]),   # All has left by now, but not in time.
    (clock(left=[Left(48, "w1")]),                                99, []),
    (clock(left=[Left(49, "w1")]),                                99, [1, 2, 3]),
    (clock(left=[Left(48, "w1")], fake=["w1"]),                   99, [1, 2, 3]),
    (clock(left=[ONE, TWO], marks=stop(10, 22)),                  99, []),
    (clock(left=[ONE], gone=[Gone(47, 1, 1)]),                    99, [3]),      # Two were to leave, one did.
    (clock(left=[ONE], gone=[Gone(48, 1, 1)]),                    99, [3]),
    (clock(left=[ONE], gone=[Gone(49, 1, 1)]),                    99, [2, 3]),
    (clock(left=[Left(40, "w1", (Shipped(2, 5),))]),              99, [1, 2, 3]),
])  # fmt: skip
def test_which_units_are_late(kept, moment, late):
    assert kept.late(1, 3, moment) == late


@pytest.mark.parametrize(("waybill", "units"), [
    ("w1", [(1, 1)]),
    ("w2", [(1, 2), (1, 3)]),
    ("w3", [(2, 1), (2, 2)]),
    ("w4", []),
])  # fmt: skip
def test_what_is_in_a_parcel(waybill, units):
    kept = clock(left=[Left(10, "w3"), ONE, TWO])
    assert kept.inside(waybill, (3, 2)) == tuple(Unit(*unit) for unit in units)


def send(waybill: str, *items: tuple[int, int]) -> DispatchParcel:
    parts = tuple(ParcelItem(line=line, quantity=quantity) for line, quantity in items)
    return DispatchParcel(id="p:1", waybill=waybill, items=parts)


def test_the_order_keeps_what_left_when():
    ledger = Ledger([*PROMISED, send("w1", (1, 1)), send("w2")])
    kept = ledger.state("order-p:1").clock
    hour = 3_600_000_000
    begin = time.micros(START)
    assert kept.left == (Left(begin + 4 * hour, "w1", (Shipped(1, 1),)), Left(begin + 5 * hour, "w2", ()))


def test_a_voided_order_is_left_alone():
    ledger = Ledger([*PROMISED, VoidOrder(id="p:1", reason="brushing")])
    assert ledger.state("order-p:1").clock.promised


BEGIN, HOUR = time.micros(START), 3_600_000_000
KEPT = START + timedelta(hours=30)
HELD = Mark(BEGIN + 30 * HOUR, "risk", stops=True)
FREED = Mark(BEGIN + 30 * HOUR, "risk", stops=False)
ASKED = (*PROMISED, but(asked("r1", 50), at=KEPT))


@pytest.mark.parametrize(("given", "kept"), [
    ((*PROMISED, but(MOVE, at=LATER), but(MOVE, at=BY)),
     {"moves": ((PAID_AT + HOUR, BEGIN + 48 * HOUR), (PAID_AT + HOUR, BEGIN + 72 * HOUR))}),
    ((*PROMISED, but(MOVE, at=LATER), Reported(but(PAY, at=KEPT)), Reported(but(MOVE, at=BY))),
     {"moves": ((PAID_AT + HOUR, BEGIN + 48 * HOUR), (PAID_AT + HOUR, BEGIN + 72 * HOUR))}),
    ((*PROMISED, but(HOLD, at=KEPT)),                        {"marks": (HELD,)}),
    ((*PROMISED, but(HOLD, at=KEPT), but(LIFT, at=KEPT)),    {"marks": (HELD, FREED)}),
    ((*PROMISED, Reported(but(LIFT, at=KEPT)), Reported(but(HOLD, at=KEPT))), {"marks": (HELD, FREED)}),
    (ASKED,                                                  {"marks": (Mark(BEGIN + 30 * HOUR, "refund/r1", stops=True, lines=(1,)),)}),
    ((*ASKED, CloseRefund(id="r1", at=BY)),                  {"marks": (Mark(BEGIN + 30 * HOUR, "refund/r1", stops=True, lines=(1,)),
                                                                        Mark(BEGIN + 48 * HOUR, "refund/r1", stops=False))}),
    ((*PROMISED, but(PROMISE, by=EARLIER, lines=(1,), at=KEPT)),
     {"promised": {0: (BEGIN + 2 * HOUR, BEGIN + 48 * HOUR), 1: (BEGIN + 30 * HOUR, BEGIN + 24 * HOUR)}}),
])  # fmt: skip
def test_what_the_clock_keeps(given, kept):
    known = Ledger(given).state("order-p:1").clock
    assert known == but(Clock({0: (BEGIN + 2 * HOUR, BEGIN + 48 * HOUR)}), **kept)


SENT = (*PROMISED, DispatchParcel(id="p:1", waybill="w1"))
FAKE = FindFakeDispatch(id="p:1", waybill="w1", reason="the carrier never had it")


@pytest.mark.parametrize(("given", "hour"), [
    (PROMISED,                                                    48),
    ((PLACE, PAY),                                                None),    # Nobody promised anything.
    ((PLACE, PROMISE),                                            None),    # Nobody paid.
    ((*PROMISED, Reported(CancelOrder(id="p:1", reason=""))),             None),
    ((*PROMISED, VoidOrder(id="p:1", reason="brushing")),         None),
    ((*PROMISED, MarkOverdue(id="p:1", at=LATER)),                None),    # It is known.
    (SENT,                                                        None),
    ((*SENT, FAKE),                                               48),
    ((*PROMISED, PART),                                           48),
    ((*PROMISED, Reported(CONFIRM)),                              None),    # It must have left; nobody told when.
    ((*PROMISED, PART, Reported(CONFIRM)),                        None),
    ((*SENT, CONFIRM),                                            None),
    ((*PROMISED, Reported(DeliverParcel(id="p:1", waybill="w9"))), None),
    ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(2,))),          24),
    ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(2,)), MarkOverdue(id="p:1", at=KEPT)), 48),
    ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(2,)), OTHER_PART), 48),   # What was to leave first has left.
    ((*PROMISED, but(HOLD, at=KEPT)),                             None),    # As long as it is held.
])  # fmt: skip
def test_when_something_will_be_late(given, hour):
    found = due_at(Ledger(given).state("order-p:1"))
    assert found == (None if hour is None else BEGIN + hour * HOUR)


@pytest.mark.parametrize(("given", "units"), [
    (PROMISED,                                          [(1, unit, 48, 48) for unit in (1, 2, 3)]),
    ((*PROMISED, but(HOLD, at=EARLIER), but(LIFT, at=KEPT)), [(1, unit, 48, 54) for unit in (1, 2, 3)]),
    ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(2,))), [*((1, unit, 48, 48) for unit in (1, 2, 3)), (2, 1, 24, 24)]),
    ((*TWO_LINES, but(PROMISE, by=EARLIER, lines=(2,)), MarkOverdue(id="p:1", at=KEPT)), [(1, unit, 48, 48) for unit in (1, 2, 3)]),
    ((*PROMISED, PART),                                 [(1, 2, 48, 48), (1, 3, 48, 48)]),
    ((*PROMISED, DispatchParcel(id="p:1", waybill="w1", at=LATER), CONFIRM), [(1, unit, 48, 48) for unit in (1, 2, 3)]),
])  # fmt: skip
def test_what_is_late_of_what_was_promised(given, units):
    late = tuple(LateUnit(line, unit, BEGIN + by * HOUR, BEGIN + due * HOUR) for line, unit, by, due in units)
    assert [item.fact for item in Ledger(given).do(MarkOverdue(id="p:1", at=LATER))] == [
        DispatchOverdue(late)
    ]


@pytest.mark.parametrize(("given", "sent", "parcels", "rest_sent"), [
    ((*SENT, FAKE),                                                 {},     (),      False),
    ((*PROMISED, PART, DispatchParcel(id="p:1", waybill="w1"), FAKE), {1: 1}, ("w0",), False),
    ((*PROMISED, PART, DispatchParcel(id="p:1", waybill="w1"), but(FAKE, waybill="w0")), {}, ("w1",), True),
    ((*PROMISED, PART, but(PART, waybill="w2"), but(PART, waybill="w1"), FAKE), {1: 2}, ("w0", "w2"), False),
])  # fmt: skip
def test_what_a_fake_parcel_leaves(given, sent, parcels, rest_sent):
    order = Ledger(given).state("order-p:1")
    assert (order.sent, order.parcels, order.rest_sent) == (sent, parcels, rest_sent)

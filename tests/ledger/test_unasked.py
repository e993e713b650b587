"""Stories of what is paid unasked: cases 15, 16 and 17, and waybills without a parcel."""

from datetime import timedelta

import pytest

from ledger.decisions.claim import FileClaim
from ledger.decisions.dispatch import ChangeAddress, LiftRiskHold, PlaceRiskHold, PromiseDispatch
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel, ParcelItem
from ledger.decisions.order import OrderLine, PayOrder, VoidOrder
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem, RefuseRefund
from ledger.decisions.unasked import FindFakeDispatch, MarkOverdue, fake_claim, late_claim, named
from ledger.errors import AlreadyExists, UnknownOrder, WrongState
from ledger.events.claim import ClaimFiled, ClaimFunded, ClaimUnit, ClaimUpheld, Parts, TraceStep
from ledger.events.fulfilment import DispatchOverdue, FakeDispatchFound, LateUnit, ParcelDispatched, Unit
from ledger.events.order import OrderClaimed
from ledger.events.parking import FactParked
from ledger.events.penalty import PenaltyProposed
from tests.ledger.assured import assured
from tests.ledger.stories import PAY, PLACE, START, Ledger, Reported, Row, asked, but, has, stories, tell


def at(hour: float):
    return START + timedelta(hours=hour)


# The shop opened and assured; the order was paid at hour 10 and promised for hour 48.
WORLD = assured("late-dispatch-2021-06", "fake-dispatch-2021-06")
PROMISE = PromiseDispatch(id="p:1", by=at(48), at=at(10))
ORDERED = (but(PLACE, at=at(10)), PROMISE, but(PAY, at=at(10)))
ASSURED = (*WORLD, *ORDERED)
SCREWS = OrderLine(sku="screw", quantity=2_000, amount=100_000)
MANY = (*WORLD, but(PLACE, lines=(SCREWS,), at=at(10)), PROMISE, but(PAY, cash=100_000, at=at(10)))


def overdue(hour: float = 49) -> MarkOverdue:
    return MarkOverdue(id="p:1", at=at(hour))


def send(hour: float, waybill: str, *items: tuple[int, int]) -> DispatchParcel:
    parts = tuple(ParcelItem(line=line, quantity=quantity) for line, quantity in items)
    return DispatchParcel(id="p:1", waybill=waybill, items=parts, at=at(hour))


FAKE = FindFakeDispatch(id="p:1", waybill="w1", reason="the carrier never had it")
SENT = (*ASSURED, send(40, "w1"))
ALL = tuple(Unit(1, unit) for unit in (1, 2, 3))
NOTHING = ()
LATE = (has(DispatchOverdue), has(ClaimFiled), has(OrderClaimed))


def paid(**parts: int):
    """An upheld claim and who funds it."""
    total = sum(parts.values())
    return [*LATE, has(ClaimUpheld, compensation=total, refund=0), has(ClaimFunded, decided=total)]


STORIES: dict[str, Row] = {
    "in time so far":                 (ASSURED,                      overdue(48),  NOTHING),
    "late":                           (ASSURED,                      overdue(),    paid(deposit=1_000)),
    "late is found once":             ((*ASSURED, overdue()),        overdue(99),  NOTHING),
    "more units than a claim may be about": (MANY, overdue(), paid(deposit=3_000)),
    "it left in time":                (SENT,                         overdue(99),  NOTHING),
    "it left, but late":              ((*ASSURED, send(49, "w1")),   overdue(99),  paid(deposit=1_000)),
    "it had left in time, as is reported now": ((*ASSURED, overdue()), Reported(send(40, "w1")), [has(ParcelDispatched, marks=("judged_late",))]),
    "its waybill is used up":         ((*SENT, FAKE),                send(50, "w1"), AlreadyExists),
    "no benefit was opened":          (ORDERED,                      overdue(),    [has(DispatchOverdue)]),
    "nothing was promised":           ((*WORLD, PLACE, PAY),         overdue(),    NOTHING),
    "it is not paid":                 ((*WORLD, PLACE, PROMISE),     overdue(),    NOTHING),
    "it is voided":                   ((*ASSURED, VoidOrder(id="p:1", reason="")), overdue(), NOTHING),
    "it arrived, nobody told when it left": ((*ASSURED, Reported(DeliverParcel(id="p:1", waybill="w1"))), overdue(), NOTHING),
    "it was claimed before":          ((*ASSURED, FileClaim(id="c1", order="p:1", benefit="late-dispatch")), overdue(), [has(DispatchOverdue)]),
    "an order nobody knows":          ((),                           overdue(),    UnknownOrder),
    "a fake":                         (SENT,                         FAKE,         [
        FakeDispatchFound("w1", ALL, "the carrier never had it"),
        has(ClaimFiled, benefit="fake-dispatch", waybill="w1"), has(OrderClaimed),
        has(ClaimUpheld, compensation=1_000), has(ClaimFunded), has(PenaltyProposed, party="shop", party_id="s1", cause="order-p:1")]),
    "a fake is found once":           ((*SENT, FAKE),                FAKE,         NOTHING),
    "a fake of a late order":         ((*ASSURED, send(49, "w1"), overdue()), FAKE, [has(FakeDispatchFound), has(PenaltyProposed)]),
    "late after a fake":              ((*SENT, FAKE),                overdue(),    [has(DispatchOverdue)]),
    "a fake of a part":               ((*ASSURED, send(40, "w1", (1, 1)), send(41, "w2")), but(FAKE, waybill="w2"), [
        has(FakeDispatchFound, units=ALL[1:]), has(ClaimFiled), has(OrderClaimed),
        has(ClaimUpheld, compensation=667), has(ClaimFunded), has(PenaltyProposed)]),
    "a parcel that arrived":          ((*SENT, DeliverParcel(id="p:1", waybill="w1")), FAKE, WrongState),
    "a parcel that never left":       (ASSURED,                      FAKE,         WrongState),
    "a fake of nothing":              ((),                           FAKE,         UnknownOrder),
    "a report of a fake of nothing":  ((),                           Reported(FAKE), [has(FactParked)]),
    "what was fake has to leave":     ((*SENT, FAKE),                send(50, "w2"), [has(ParcelDispatched, waybill="w2", marks=())]),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


# Case 15: by unit, though the platform says that the order has left; floor and cap once an order.
@pytest.mark.parametrize(("late", "amount"), [
    ((send(40, "w1", (1, 2)), send(60, "w2")),          500),     # 33.33 is late: the floor.
    ((send(40, "w1", (1, 1)), send(60, "w2")),          667),
    ((send(60, "w1", (1, 1)), send(61, "w2", (1, 2))),  1_000),
    ((send(40, "w1", (1, 3)),),                         0),
])  # fmt: skip
def test_case_15_late_by_unit(late, amount):
    ledger = Ledger([*ASSURED, *late, overdue(99)])
    assert ledger.state("order-p:1").status in {"dispatched", "partly_dispatched"}
    assert ledger.balance("buyer_payable:b1") == amount


# Case 16.
@pytest.mark.parametrize(
    ("price", "amount"), [(990, 500), (5_000, 500), (12_345, 1_235), (30_000, 3_000), (100_000, 3_000)]
)
def test_case_16_late_amounts(price, amount):
    placed = but(PLACE, lines=(OrderLine(sku="cup", amount=price),), at=at(10))
    ledger = Ledger([*WORLD, placed, PROMISE, PayOrder(id="p:1", cash=price, at=at(10)), overdue()])
    assert ledger.balance("buyer_payable:b1") == amount
    claim = ledger.state(f"claim-{late_claim('p:1')}")
    assert (claim.status, claim.decided) == ("funded", amount)


# Case 17: the hour from which on it is late, of an order promised for hour 48.
HOLD, LIFT = PlaceRiskHold(id="p:1", reason=""), LiftRiskHold(id="p:1")
ONE = but(asked("r1"), items=(RefundItem(line=1, units=(1,)),))


@pytest.mark.parametrize(("stops", "hour"), [
    ((),                                                                      48),
    ((ChangeAddress(id="p:1", at=at(30)),),                                   68),
    ((ChangeAddress(id="p:1", at=at(47)), ChangeAddress(id="p:1", at=at(60))), 98),
    ((but(HOLD, at=at(20)), but(LIFT, at=at(30))),                            58),
    ((but(HOLD, at=at(20)),),                                                 None),
    ((but(asked("r1"), at=at(20)),),                                          None),
    ((but(asked("r1"), at=at(20)), RefuseRefund(id="r1", reason="", at=at(25))), 53),
    ((but(HOLD, at=at(20)), but(asked("r1"), at=at(25)), but(LIFT, at=at(30)), RefuseRefund(id="r1", reason="", at=at(40))), 68),
    ((but(asked("r1"), at=at(20)), ApproveRefund(id="r1", at=at(21)), CompleteRefund(id="r1", at=at(22))), None),
    ((but(ONE, at=at(20)), ApproveRefund(id="r1", at=at(21)), CompleteRefund(id="r1", at=at(22))), 50),
])  # fmt: skip
def test_case_17_the_clock_stands_still(stops, hour):
    given = Ledger([*ASSURED, *stops])
    if hour is None:
        assert given.do(overdue(10_000)) == []
        return
    assert given.do(overdue(hour)) == []
    assert given.do(overdue(hour + 0.001))


def test_what_was_late_before_the_refund_is_late():
    back = (
        but(asked("r1"), at=at(60)),
        ApproveRefund(id="r1", at=at(61)),
        CompleteRefund(id="r1", at=at(62)),
    )
    ledger = Ledger([*ASSURED, *back, overdue(99)])
    assert ledger.balance("buyer_payable:b1") == 1_000


def test_the_reckoning_can_be_checked_by_hand():
    ledger = Ledger([*ASSURED, overdue()])
    (upheld,) = [r.fact for r in ledger.memory.facts if isinstance(r.fact, ClaimUpheld)]
    assert [(step.expression, step.value) for step in upheld.trace] == [
        ("3334 + 3333 + 3333", 10_000),
        ("min(max(round(10000 × 1000 / 10000), 500), 3000)", 1_000),
    ]


def test_names_stay_within_what_an_identifier_may_be():
    assert fake_claim("p:1", "w1") == "fake:p:1:w1"
    long = "p:" + "1" * 128
    assert late_claim(long) != late_claim(long[:-1] + "2")
    assert len(late_claim(long)) < 128
    assert FileClaim(id=late_claim(long), order=long, benefit="x").stream.startswith("claim-late:")


FINED = but(FAKE, reason="never moved", digest="ab" * 32, fine=5_000, points=3)
DOLLARS = (but(PLACE, currency="USD", at=at(10)), but(PAY, at=at(10)), send(40, "w1"))


@stories({
    "late, in full": (ASSURED, overdue(), [
        DispatchOverdue((LateUnit(1, 1, 1_622_678_400_000_000, 1_622_678_400_000_000), LateUnit(1, 2,
            1_622_678_400_000_000, 1_622_678_400_000_000), LateUnit(1, 3, 1_622_678_400_000_000,
            1_622_678_400_000_000))),
        ClaimFiled("p:1", "s1", "b1", "CNY", "late-dispatch", "dispatch", "2021-06", (ClaimUnit(1, 1, 3_334,
            "cup"), ClaimUnit(1, 2, 3_333, "cup"), ClaimUnit(1, 3, 3_333, "cup")), ("p:1/1/1/dispatch",
            "p:1/1/2/dispatch", "p:1/1/3/dispatch", "p:1/dispatch"), reason="unasked"),
        OrderClaimed("late:p:1", "late-dispatch"),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", (), (ClaimUnit(1, 1,
            3_334, "cup"), ClaimUnit(1, 2, 3_333, "cup"), ClaimUnit(1, 3, 3_333, "cup")), ("payable",
            "deposit", "fund"), "shop", (), (TraceStep("paid", "3334 + 3333 + 3333", 10_000),
            TraceStep("late-dispatch 2021-06", "min(max(round(10000 × 1000 / 10000), 500), 3000)", 1_000)),
            ("p:1/1/1/dispatch", "p:1/1/2/dispatch", "p:1/1/3/dispatch", "p:1/dispatch"), ("p:1/1/1/dispatch",
            "p:1/1/2/dispatch", "p:1/1/3/dispatch", "p:1/dispatch"), paid=10_000, reason="unasked"),
        ClaimFunded("late:p:1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
    ]),
    "a fake, in full": (SENT, FINED, [
        FakeDispatchFound("w1", (Unit(1, 1), Unit(1, 2), Unit(1, 3)), "never moved",
            "abababababababababababababababababababababababababababababababab"),
        ClaimFiled("p:1", "s1", "b1", "CNY", "fake-dispatch", "dispatch", "2021-06", (ClaimUnit(1, 1, 3_334,
            "cup"), ClaimUnit(1, 2, 3_333, "cup"), ClaimUnit(1, 3, 3_333, "cup")), ("p:1/1/1/dispatch",
            "p:1/1/2/dispatch", "p:1/1/3/dispatch", "p:1/dispatch"), waybill="w1", reason="unasked"),
        OrderClaimed("fake:p:1:w1", "fake-dispatch"),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", (), (ClaimUnit(1, 1,
            3_334, "cup"), ClaimUnit(1, 2, 3_333, "cup"), ClaimUnit(1, 3, 3_333, "cup")), ("deposit", "fund"),
            "shop", (), (TraceStep("paid", "3334 + 3333 + 3333", 10_000), TraceStep("fake-dispatch 2021-06",
            "min(max(round(10000 × 1000 / 10000), 500), 3000)", 1_000)), ("p:1/1/1/dispatch",
            "p:1/1/2/dispatch", "p:1/1/3/dispatch", "p:1/dispatch"), ("p:1/1/1/dispatch", "p:1/1/2/dispatch",
            "p:1/1/3/dispatch", "p:1/dispatch"), paid=10_000, reason="unasked"),
        ClaimFunded("fake:p:1:w1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
        PenaltyProposed("shop", "s1", "s1", "CNY", 5_000, 3, (),
            "Fake dispatch of order p:1 under w1: never moved", "order-p:1"),
    ]),
    "a fake of an order that is not paid": ((*WORLD, PLACE, Reported(send(40, "w1"))), FAKE, [
        FakeDispatchFound("w1", (Unit(1, 1), Unit(1, 2), Unit(1, 3)), "the carrier never had it"),
        PenaltyProposed("shop", "s1", "s1", "CNY", 0, 0, (),
            "Fake dispatch of order p:1 under w1: the carrier never had it", "order-p:1"),
    ]),
    "a fake of an order in dollars": (DOLLARS, FAKE, [
        FakeDispatchFound("w1", (Unit(1, 1), Unit(1, 2), Unit(1, 3)), "the carrier never had it"),
        PenaltyProposed("shop", "s1", "s1", "USD", 0, 0, (),
            "Fake dispatch of order p:1 under w1: the carrier never had it", "order-p:1"),
    ]),
    "a fake of an empty parcel": (
        (*ASSURED, send(40, "w1"), Reported(send(41, "w2"))),
        but(FAKE, waybill="w2"), [
            FakeDispatchFound("w2", (), "the carrier never had it"),
            PenaltyProposed("shop", "s1", "s1", "CNY", 0, 0, (),
                "Fake dispatch of order p:1 under w2: the carrier never had it", "order-p:1"),
        ]),
    "more is late": ((*ASSURED, send(40, "w1", (1, 2)), overdue(), but(FAKE, at=at(50))), overdue(60), [
        DispatchOverdue((LateUnit(1, 1, 1_622_678_400_000_000, 1_622_678_400_000_000), LateUnit(1, 2,
            1_622_678_400_000_000, 1_622_678_400_000_000))),
    ]),
    "a report of a fake of nothing yet": ((), Reported(FAKE), [
        has(FactParked, command="orders.find-fake-dispatch", waits_for="placed"),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


def test_a_long_tale_is_cut():
    ledger = Ledger([*ORDERED, send(40, "w1"), but(FAKE, reason="x" * 1_000)])
    reason = ledger.state("penalty-fake:p:1:w1").reason
    assert reason == "Fake dispatch of order p:1 under w1: " + "x" * (1_000 - 37)


@pytest.mark.parametrize(("length", "kept"), [(123, True), (124, False)])
def test_a_name_is_kept_as_long_as_it_may_be(length, kept):
    name = "late:" + "p" * length
    assert (named(name) == name) is kept
    assert named(name).startswith("late:")
    assert named("fake:p:1:w1" + "x" * 200).startswith("fake:")
    assert len(named("fake:p:1:w1" + "x" * 200)) == 5 + 64

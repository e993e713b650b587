"""Stories of traffic: units by reputation and by cause, a day once; and of what the subsidy has left."""

import pytest

from ledger.decisions.lapse import rule_of
from ledger.decisions.shop import GrantSubsidy, OpenShop, RequestClosing
from ledger.decisions.standing import SuspendShop
from ledger.decisions.traffic import (
    RULE,
    AllocateTraffic,
    Counted,
    TrafficRule,
    reckon,
)
from ledger.errors import InsufficientFunds, InvalidTime, UnknownShop, WrongState
from ledger.events.shop import SubsidyGranted
from ledger.events.traffic import TrafficAllocated
from tests.ledger.stories import Ledger, Row, but, has, stories, tell

NOTHING = ()
OPEN = OpenShop(id="s1")  # 2021-06-01
GIVE = AllocateTraffic(id="s1", day="2021-07-10", position=1, index=713, month=30, month_before=30)
GIVEN = (OPEN, GIVE)
DAY = 18_818  # 2021-07-10

TRAFFIC: dict[str, Row] = {
    "by the index":                     ((OPEN,), GIVE,                         [TrafficAllocated("s1", DAY, "basic", "", 7_130, "1", 1,
                                                                                   "100 units × 71.3 (the index) × 100 % for marks")]),
    "the same day again":               (GIVEN, GIVE,                           NOTHING),
    "with other figures":               (GIVEN, but(GIVE, index=0),             NOTHING),
    "a day before":                     (GIVEN, but(GIVE, day="2021-07-09"),    WrongState),
    "the next day":                     (GIVEN, but(GIVE, day="2021-07-11"),    [has(TrafficAllocated, day=DAY + 1)]),
    "a shop without an index":          ((OPEN,), but(GIVE, index=None),        [has(TrafficAllocated, units=1_000)]),
    "with an index of zero":            ((OPEN,), but(GIVE, index=0),           NOTHING),
    "a new shop":                       ((OPEN,), but(GIVE, day="2021-06-02", month=0, month_before=0), [has(TrafficAllocated, kind="basic"),
                                                                                   has(TrafficAllocated, kind="key", cause="cold-start", units=2_000)]),
    "one that grows":                   ((OPEN,), but(GIVE, month=45),          [has(TrafficAllocated), has(TrafficAllocated, cause="growth", units=1_783)]),
    "one that sells all of a sudden":   ((OPEN,), but(GIVE, week=30, week_before=10), [has(TrafficAllocated), has(TrafficAllocated, cause="burst", units=3_565)]),
    "a suspended shop":                 ((OPEN, SuspendShop(id="s1", cause="pe1")), GIVE, WrongState),
    "a shop that leaves":               ((OPEN, RequestClosing(id="s1")), GIVE, WrongState),
    "a shop nobody opened":             ((), but(GIVE, position=0),             UnknownShop),
    "figures of the future":            ((OPEN,), but(GIVE, position=2),        WrongState),
    "no day":                           ((OPEN,), but(GIVE, day="2021-13-01"),  InvalidTime),
}  # fmt: skip

ALL = 10_000_000_000
SUBSIDY = GrantSubsidy(id="s1", amount=ALL)

SUBSIDIES: dict[str, Row] = {
    "all that the programme has":       ((OPEN,), SUBSIDY,                      [SubsidyGranted("s1", "CNY", ALL)]),
    "more than that":                   ((OPEN,), but(SUBSIDY, amount=ALL + 1), InsufficientFunds),
    "when it is spent":                 ((OPEN, OpenShop(id="s2"), but(SUBSIDY, id="s2")), but(SUBSIDY, amount=1), InsufficientFunds),
    "in a currency without one":        ((OPEN,), but(SUBSIDY, amount=ALL + 1, currency="USD"), [has(SubsidyGranted)]),
}  # fmt: skip


@stories(TRAFFIC)
def test_traffic(given, when, then):
    tell(given, when, then)


@stories(SUBSIDIES)
def test_the_subsidy_in_money(given, when, then):
    tell(given, when, then)


COUNTED = Counted(index=500, month=0, month_before=0, week=0, week_before=0, age=100, marks=())


@pytest.mark.parametrize(("counted", "units"), [
    ({},                                                  [5_000]),
    ({"marks": ("trust-purchase",)},                      [5_500]),
    ({"marks": ("trust-purchase", "quality-merchant")},   [7_500]),   # The most counts, not both.
    ({"age": 29},                                         [5_000, 2_000]),
    ({"age": 30},                                         [5_000]),
    ({"age": 29, "month": 30},                            [5_000]),
    ({"month": 45, "month_before": 30},                   [5_000, 1_250]),
    ({"month": 44, "month_before": 30},                   [5_000]),
    ({"month": 29, "month_before": 1},                    [5_000]),
    ({"month": 45},                                       [5_000]),   # Nothing to compare with.
    ({"week": 30, "week_before": 10, "month": 45, "month_before": 30}, [5_000, 1_250, 2_500]),
    ({"index": 0, "age": 0},                              [2_000]),
])  # fmt: skip
def test_the_units_of_a_day(counted: dict[str, object], units: list[int]):
    _, rule = rule_of(RULE, DAY, TrafficRule)
    assert [part.units for part in reckon(rule, but(COUNTED, **counted))] == units


def test_the_book_adds_up():
    ledger = Ledger(
        (OPEN, but(GIVE, day="2021-06-02", month=0), but(GIVE, day="2021-06-03", month=0, index=1))
    )
    told = [each.fact for each in ledger.memory.facts if isinstance(each.fact, TrafficAllocated)]
    book = ledger.state("traffic-s1")
    assert book.units == {"basic": 7_140, "cold-start": 4_000}
    assert sum(book.units.values()) == sum(fact.units for fact in told)
    assert book.day == told[-1].day
    assert ledger.balances() == {}

"""Visits of shops: counted by day and source, the last count stands."""

from ledger.decisions.visits import RecordVisits
from ledger.errors import InvalidTime, Malformed
from ledger.events.visits import VisitsRecorded
from tests.ledger.stories import Ledger, Reported, but, stories, tell

# The stories are told on the first of June 2021.
VISITS = RecordVisits(id="s1", day="2021-05-31", visits=900)
TODAY = RecordVisits(id="s1", day="2021-06-01", visits=40, source="app")
AHEAD = RecordVisits(id="s1", day="2021-06-09", visits=7)


@stories({
    "a day":                     ((),        VISITS,                        [VisitsRecorded("s1", "2021-05-31", 900)]),
    "a day that goes on":        ((),        TODAY,                         [VisitsRecorded("s1", "2021-06-01", 40, "app")]),
    "nobody came":               ((),        but(VISITS, visits=0),         [VisitsRecorded("s1", "2021-05-31", 0)]),
    "the same again":            ((VISITS,), VISITS,                        []),
    "another count":             ((VISITS,), but(VISITS, visits=950),       [VisitsRecorded("s1", "2021-05-31", 950)]),
    "another source":            ((VISITS,), but(VISITS, source="web"),     [VisitsRecorded("s1", "2021-05-31", 900, "web")]),
    "a day to come":             ((),        AHEAD,                         InvalidTime),
    "a day to come, reported":   ((),        Reported(AHEAD),               [VisitsRecorded("s1", "2021-06-09", 7, "", ("future_day",))]),
    "no day":                    ((),        but(VISITS, day="2021-02-30"), Malformed),
})  # fmt: skip
def test_visits(given, when, then):
    tell(given, when, then)


def test_the_months_of_a_shop_stand_apart():
    ledger = Ledger((VISITS, TODAY, but(VISITS, visits=950)))
    assert ledger.state("visits-s1:2021-05").counts == {("2021-05-31", ""): 950}
    assert ledger.state("visits-s1:2021-06").counts == {("2021-06-01", "app"): 40}

"""Closed months: what comes too late keeps its own time and is posted on the first open day."""

from datetime import datetime, timedelta, timezone

import pytest

from ledger import books, time
from ledger.books import Clocks, Posted
from ledger.decisions.base import Request
from ledger.decisions.period import ClosePeriod, Closing, posted_at
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.errors import InvalidTime, WrongState
from ledger.events.period import PeriodClosed
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Writer
from tests.ledger.stories import Ledger, stories, tell

SHANGHAI = timezone(timedelta(hours=8))


def on(month: int, day: int, year: int = 2021) -> datetime:
    return datetime(year, month, day, tzinfo=SHANGHAI)


def close(month: str) -> ClosePeriod:
    return ClosePeriod(id=month, at=on(9, 1))


MAY, JUNE = time.micros(on(6, 1)), time.micros(on(7, 1))


@stories({
    "a month":                    ([], close("2021-06"), [PeriodClosed("2021-06", JUNE)]),
    "the last of a year":         ([], ClosePeriod(id="2021-12", at=on(1, 1, 2022)),
                                   [PeriodClosed("2021-12", time.micros(on(1, 1, 2022)))]),
    "the next":                   ([close("2021-05")], close("2021-06"), [PeriodClosed("2021-06", JUNE)]),
    "the one after the next":     ([close("2021-05")], close("2021-07"), [PeriodClosed("2021-07", time.micros(on(8, 1)))]),
    "the same again":             ([close("2021-06")], close("2021-06"), []),
    "one before":                 ([close("2021-06")], close("2021-05"), []),
    "one that is not over":       ([], close("2021-09"), WrongState),
    "the moment it is over":      ([], ClosePeriod(id="2021-06", at=on(7, 1)), [PeriodClosed("2021-06", JUNE)]),
    "no month":                   ([], close("2021-13"), InvalidTime),
    "a day":                      ([], close("2021-06-10"), InvalidTime),
    "the end of all":             ([], close("9999-12"), InvalidTime),
})  # fmt: skip
def test_closing(given, when, then):
    tell(given, when, then)


def test_the_closings_are_known_in_order():
    ledger = Ledger([close("2021-05"), close("2021-06")])
    assert ledger.state(close("2021-05").stream) == (Closing("2021-05", MAY, 1), Closing("2021-06", JUNE, 2))


CLOSINGS = (Closing("2021-05", MAY, 10), Closing("2021-06", JUNE, 20))


@pytest.mark.parametrize(
    ("position", "effective_at", "posted"),
    [
        (9, MAY - 1, MAY - 1),
        (11, MAY - 1, MAY),
        (19, JUNE - 1, JUNE - 1),
        (19, MAY - 1, MAY),
        (20, MAY - 1, MAY),
        (21, MAY - 1, JUNE),
        (21, JUNE - 1, JUNE),
        (21, JUNE, JUNE),
        (21, JUNE + 1, JUNE + 1),
    ],
)
def test_when_a_fact_is_posted(position, effective_at, posted):
    assert posted_at(CLOSINGS, position, effective_at) == posted
    assert posted_at((), position, effective_at) == effective_at


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    migrate(database)
    writer = Writer(database)
    commands = (
        OpenShop(id="s1", at=on(5, 1)),
        PayDeposit(id="s1", amount=100, at=on(5, 10)),
        PayDeposit(id="s1", amount=20, at=on(6, 10)),
        ClosePeriod(id="2021-05", at=on(6, 11)),
        PayDeposit(id="s1", amount=3, at=on(5, 31)),
        ClosePeriod(id="2021-06", at=on(7, 11)),
        PayDeposit(id="s1", amount=4000, at=on(5, 20)),
        PayDeposit(id="s1", amount=50_000, at=on(7, 20)),
    )
    for command in commands:
        writer.execute(Request(command=command))
    yield database
    writer.close()
    database.close()


END_OF_MAY, END_OF_JUNE = MAY - 1, JUNE - 1


def test_a_late_fact_changes_the_effective_view_and_not_the_reported_one(database: Database):
    """Case 20: the as-of view of the closed month changes, its report does not."""

    def held(asked: Clocks | Posted) -> int:
        found = {
            line["account"]: line["balance"]
            for line in books.trial_balance(database, asked)["currencies"].get("CNY", {}).get("accounts", ())
        }
        balance = books.balances(database, "shop_deposit:s1", asked)["CNY"]
        assert found.get("shop_deposit:s1", 0) == found.get("bank", 0) == balance
        return balance

    closings = books.closings(database)
    assert [closing.period for closing in closings] == ["2021-05", "2021-06"]
    assert held(Clocks(END_OF_MAY)) == 4103
    assert held(Clocks(END_OF_JUNE)) == 4123
    assert held(Posted(closings, END_OF_MAY)) == 100
    assert held(Posted(closings, END_OF_JUNE)) == 123
    assert held(Posted(closings, JUNE)) == 4123
    assert held(Posted(closings)) == held(Clocks()) == 54123
    # As at the closing of a month, both views agree on it for ever.
    for closing, end, reported in zip(closings, (END_OF_MAY, END_OF_JUNE), (100, 123), strict=True):
        assert held(Posted(closings, end, closing.position)) == reported
        assert held(Posted(closings, end)) == reported


def test_the_journal_shows_both_times(database: Database):
    found = [
        (line.amount, line.effective_at, line.posted_at)
        for line in books.journal(database)
        if line.effective_at != line.posted_at
    ]
    assert found == [(3, time.micros(on(5, 31)), MAY), (4000, time.micros(on(5, 20)), JUNE)]


def test_closing_changes_nothing_that_is_proven(database: Database):
    assert verify(database).ok


def test_without_closings_posting_is_effective(database: Database):
    asked = time.micros(on(6, 1))
    assert books.trial_balance(database, Posted((), asked)) == books.trial_balance(database, Clocks(asked))

"""Uplift: equal windows around the day a shop opened a benefit, percent and points kept apart."""

from collections.abc import Iterator

import pytest

from ledger import policies, time
from ledger.books import NOW, Clocks
from ledger.decisions.base import Command
from ledger.decisions.order import PayOrder, VoidOrder
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.visits import RecordVisits
from ledger.store.database import Database
from projections import trust
from projections.engine import Engine
from projections.trust import changed, days, shown, uplift_report
from projections.trust_figures import Value
from projections.uplift import Opening, Side, Wanted, by_benefit, pooled
from tests.projections.story import day, place, write

TERMS = policies.shipped()["seven-day-return-2021-06"]
OPENED = 40
"""The day of the stories on which S1 opens the benefit."""
LATE = time.micros(day(200))
SEVEN = "seven-day-return"


def bought(number: int, when: int, buyer: str, shop: str = "S1") -> tuple[Command, ...]:
    id_ = f"p:{shop}-{number}"
    return place(id_, shop=shop, buyer=buyer, at=day(when)), PayOrder(id=id_, cash=10_000, at=day(when))


def visits(when: int, count: int, shop: str = "S1", source: str = "") -> Command:
    return RecordVisits(
        id=shop, day=time.day_text(time.micros(day(when)) // 86_400_000_000), visits=count, source=source
    )


def opening(shop: str = "S1") -> list[Command]:
    terms = type(TERMS)(id=TERMS.id, version=TERMS.version, effective_from=TERMS.effective_from, rule=TERMS.rule,
                        force=True, reason="the first terms")  # fmt: skip
    return [terms, OpenShop(id=shop, at=day(0)), OpenBenefit(id=shop, benefit=SEVEN, at=day(OPENED))]


def the_article() -> list[Command]:
    """Orders 100 → 150, conversion 10.0 → 12.1 %; 20 of 80 buyers came back, then 50 of 100."""
    story = opening()
    number = 0
    for first, buyers, again in ((OPENED - 30, 80, 20), (OPENED, 100, 50)):
        for buyer in range(buyers):
            for _ in range(2 if buyer < again else 1):
                number += 1
                story += bought(number, first + buyer % 30, f"B{buyer}")
    # What lies outside both windows counts in neither.
    story += [
        *bought(900, OPENED - 31, "B1"),
        *bought(901, OPENED + 30, "B1"),
        *bought(902, OPENED, "B1", "S2"),
    ]
    for offset in range(30):
        story += [
            visits(OPENED - 30 + offset, 33 if offset else 43),
            visits(OPENED + offset, 41 if offset else 21),
        ]
        story.append(visits(OPENED + offset, 0 if offset else 30, source="web"))
    return [*story, visits(OPENED - 31, 5_000), visits(OPENED + 30, 5_000)]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def told(database: Database, story: list[Command], clocks: Clocks = NOW, window: int = 30) -> list[Opening]:
    write(database, story)
    Engine(database).catch_up()
    return uplift_report(database, Wanted(*days(2021)), LATE, clocks, window=window)


def test_the_figures_of_the_article(database: Database):
    (found,) = told(database, the_article())
    assert (found.shop, found.benefit, time.day_text(found.day), found.over) == (
        "S1",
        SEVEN,
        "2021-07-11",
        True,
    )
    assert found.before == Side(100, 80, 20, 1_000, 30)
    assert found.after == Side(150, 100, 50, 1_240, 30)
    (all_,) = by_benefit([found])
    assert all_.conversion is not None
    assert all_.repurchase is not None
    found_ = [
        changed("count", *all_.orders),
        changed("share", *all_.conversion),
        changed("share", *all_.repurchase),
    ]
    assert [shown(each.percent) for each in found_ if each.percent is not None] == ["50.0", "21.0", "100.0"]
    assert [shown(each.points) for each in found_ if each.points is not None] == ["2.1", "25.0"]
    assert [shown(trust.fraction(each) * 100) for each in all_.conversion] == ["10.0", "12.1"]


def test_the_windows_may_be_shorter(database: Database):
    (found,) = told(database, the_article(), window=1)
    assert (found.before, found.after) == (Side(2, 2, 0, 33, 1), Side(6, 4, 2, 51, 1))


def test_an_order_that_is_struck_counts_no_more(database: Database):
    last = write(database, the_article())
    (found,) = told(database, [VoidOrder(id="p:S1-1", reason="brushing", at=day(90))])
    assert found.before.orders == 99
    (as_at,) = uplift_report(database, Wanted(*days(2021)), LATE, Clocks(as_at=last))
    assert as_at.before.orders == 100


def test_windows_that_are_not_over_wait(database: Database):
    write(database, the_article())
    Engine(database).catch_up()
    for number, over in ((OPENED + 29, False), (OPENED + 30, True)):
        (found,) = uplift_report(database, Wanted(*days(2021)), time.micros(day(number)))
        assert found.over is over
    (all_,) = by_benefit(uplift_report(database, Wanted(*days(2021)), time.micros(day(OPENED + 29))))
    assert (all_.openings, all_.waiting, all_.orders) == (1, 1, (Value(0), Value(0)))
    assert all_.conversion_why == "no window is over"


def test_other_years_and_shops_are_not_told(database: Database):
    write(database, [*opening(), *opening("S2")[1:]])
    Engine(database).catch_up()
    assert [each.shop for each in uplift_report(database, Wanted(*days(2021)), LATE)] == ["S1", "S2"]
    assert [each.shop for each in uplift_report(database, Wanted(*days(2021), "S2"), LATE)] == ["S2"]
    assert uplift_report(database, Wanted(*days(2020)), LATE) == []


def test_openings_come_page_by_page(database: Database):
    write(database, [*opening(), *opening("S2")[1:], *bought(1, OPENED, "B1", "S2")])
    Engine(database).catch_up()
    (first,) = uplift_report(database, Wanted(*days(2021), limit=1), LATE)
    (second,) = uplift_report(database, Wanted(*days(2021), after=("S1", SEVEN, first.day), limit=1), LATE)
    assert (first.shop, second.shop, first.after.orders, second.after.orders) == ("S1", "S2", 0, 1)
    assert uplift_report(database, Wanted(*days(2021), after=("S2", SEVEN, second.day)), LATE) == []


FULL = Side(10, 5, 1, 100, 30)


@pytest.mark.parametrize(("sides", "why"), [
    ([(FULL, FULL)], ""),
    ([(FULL, FULL._replace(days=29))], "visits are known on at most 30 and 29 of 30 days"),
    ([(FULL, FULL._replace(days=29)), (FULL, FULL)], ""),
    ([(FULL, FULL._replace(visits=0))], "nobody came in one of the windows"),
])  # fmt: skip
def test_a_conversion_needs_the_visits_of_every_day(sides: list[tuple[Side, Side]], why: str):
    found = pooled(SEVEN, [Opening(f"S{n}", SEVEN, 1, True, *each) for n, each in enumerate(sides)])
    assert found.conversion_why == why
    assert found.conversion == (None if why else (Value(10, 100), Value(10, 100)))


def test_a_window_without_buyers_has_no_repurchase():
    found = pooled(SEVEN, [Opening("S1", SEVEN, 1, True, FULL, Side(days=30, visits=9))])
    assert (found.repurchase, found.repurchase_why) == (None, "one of the windows has no known buyer")
    assert found.conversion == (Value(10, 100), Value(0, 9))

"""The memo book of traffic: by day, month and shop, on both clocks."""

from collections.abc import Iterator

import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.base import Command
from ledger.decisions.shop import OpenShop
from ledger.decisions.traffic import AllocateTraffic
from ledger.errors import ProjectionBehind
from ledger.store.database import Database
from projections.engine import Engine
from projections.traffic import TRAFFIC, book, last_days, of_shop
from tests.projections.story import day, facts, rows, stored, write


def give(shop: str, date: str, number: int, **more: int) -> AllocateTraffic:
    return AllocateTraffic(id=shop, day=date, position=1, at=day(number), **more)


STORY: tuple[Command, ...] = (
    OpenShop(id="S1", at=day(0)),
    OpenShop(id="S2", at=day(0)),
    give("S1", "2021-06-02", 1, index=600),                                     # 6 000, and 2 000 as a new shop.
    give("S2", "2021-06-02", 1),
    give("S1", "2021-07-02", 31, index=600, month=45, month_before=30),         # 6 000, and 1 500 as it grows.
)  # fmt: skip


@pytest.fixture
def told(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    Engine(database).catch_up(names=(TRAFFIC.name,))
    yield database
    database.close()


def test_the_book(told: Database):
    assert book(told) == {
        "2021-06": {"basic": 7_000, "cold-start": 4_000, "growth": 0, "burst": 0},
        "2021-07": {"basic": 6_000, "cold-start": 0, "growth": 1_500, "burst": 0},
    }
    by_shop = book(told, "shop")
    assert {shop: sum(row.values()) for shop, row in by_shop.items()} == {"S1": 15_500, "S2": 3_000}
    number = time.local_day(time.micros(day(31)), time.HOME_OFFSET)
    assert set(book(told, "day", first_day=number)) == {"2021-07-02"}
    assert set(book(told, "day", last_day=number - 1)) == {"2021-06-02"}
    assert set(book(told, "month", Clocks(as_of=time.micros(day(2))))) == {"2021-06"}
    assert last_days(told) == {"S1": number, "S2": number - 30}
    assert sum(each.fact.units for each in of_shop(told, "S1")) == 15_500  # type: ignore[attr-defined] # as above


def test_rows_are_the_same_however_the_log_is_cut(told: Database):
    log = facts(*STORY)
    assert rows(TRAFFIC, log, [3, 5]) == rows(TRAFFIC, log) == stored(told, TRAFFIC)


def test_a_model_that_is_not_built_says_so(sqlite_url: str):
    database = Database(sqlite_url)
    write(database, STORY)
    with pytest.raises(ProjectionBehind):
        book(database)
    database.close()

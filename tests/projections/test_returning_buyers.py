"""Buyers return by order and by day; an order without a buyer, or one that was struck, counts for nobody."""

import pytest

from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command, Request
from ledger.decisions.order import VoidOrder
from ledger.store.database import Database
from projections.engine import Engine
from projections.returning_buyers import RETURNING_BUYERS, report
from tests.projections.story import day, lines, place, source, write


def ordered(number: int, buyer: str, when: int, hour: int = 0) -> Command:
    return place(f"p:{number}", buyer=buyer, at=day(when, hour))


def reported(number: int, buyer: str, version: int, amount: int) -> Request:
    command = RecordOrder(
        id=f"p:{number}", shop="S1", buyer=buyer, currency="CNY", lines=lines(amount), at=day(0)
    )
    return Request(command=command, source=source(command.id, version))


TWICE = (ordered(1, "B1", 0), ordered(2, "B1", 0, 11))
STRUCK = VoidOrder(id="p:2", reason="brushing", at=day(5))


@pytest.mark.parametrize(
    ("story", "buyers", "by_order", "by_day"),
    [
        ((), 0, 0, 0),
        (TWICE[:1], 1, 0, 0),
        (TWICE, 1, 1, 0),
        ((TWICE[0], ordered(2, "B1", 0, 13)), 1, 1, 1),  # After midnight in Shanghai.
        ((TWICE[0], ordered(2, "B2", 9)), 2, 0, 0),
        ((*TWICE, ordered(3, "B2", 1), ordered(4, "B2", 3), ordered(5, "B2", 3)), 2, 2, 1),
        ((ordered(1, "", 0), ordered(2, "", 1)), 0, 0, 0),
        ((*TWICE, STRUCK), 1, 0, 0),
        ((ordered(2, "B1", 0), STRUCK), 0, 0, 0),
        ((ordered(2, "B1", 0), STRUCK, ordered(3, "B1", 2)), 1, 0, 0),
        ((TWICE[0], reported(2, "", 1, 100), reported(2, "B1", 2, 200)), 1, 1, 0),
        ((TWICE[0], reported(2, "B1", 1, 100), reported(2, "B2", 2, 200)), 2, 0, 0),
    ],
)
def test_who_returns(
    sqlite_url: str, story: tuple[Command | Request, ...], buyers: int, by_order: int, by_day: int
):
    assert told(sqlite_url, story) == (buyers, by_order, by_day)


def test_the_same_on_either_store(database_url: str):
    assert told(database_url, (*TWICE, ordered(3, "B2", 1), ordered(4, "B2", 3))) == (2, 2, 1)


def told(url: str, story: tuple[Command | Request, ...]) -> tuple[int, int, int]:
    database = Database(url)
    try:
        write(database, story, size=1)
        Engine(database, (RETURNING_BUYERS,)).catch_up()
        found = report(database)
    finally:
        database.close()
    return found["buyers"], found["returning_by_order"], found["returning_by_day"]

"""Worth-it votes by article, as of any time."""

from collections.abc import Iterator

import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.base import Request
from ledger.decisions.vote import CastVote
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.votes import VOTES, votes
from tests.projections.saying import at, told
from tests.projections.story import day, source


def vote(user: str, worth: bool, item: str = "cup", shop: str = "S1") -> CastVote:
    return CastVote(id=f"{shop}-{item}-{user}-{worth}", item=item, shop=shop, user=user, worth=worth)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    again = Request(command=vote("u1", False), source=source("again"))
    told(
        found,
        (VOTES,),
        *at(day(0), vote("u1", True), vote("u2", False), vote("u1", True, "pot")),
        again,
        *at(day(2), vote("u3", True), vote("u1", True, "cup", "S2")),
    )
    yield found
    found.close()


def test_results(database: Database):
    assert [each[:4] for each in votes(database)] == [
        ("S1", "cup", 2, 1),
        ("S1", "pot", 1, 0),
        ("S2", "cup", 1, 0),
    ]
    assert [each[:4] for each in votes(database, shop="S1", item="cup")] == [("S1", "cup", 2, 1)]
    assert [each.shop for each in votes(database, item="cup")] == ["S1", "S2"]
    assert votes(database, shop="S3") == []


def test_results_on_both_clocks(database: Database):
    then = Clocks(time.micros(day(1)), None)
    assert [each[:4] for each in votes(database, then, item="cup")] == [("S1", "cup", 1, 1)]
    assert [each[2:4] for each in votes(database, Clocks(None, 1))] == [(1, 0)]


def test_pages(database: Database):
    first = votes(database, limit=1)
    second = votes(database, after=(first[0].shop, first[0].item), limit=1)
    third = votes(database, after=(second[0].shop, second[0].item))
    assert [each[:2] for each in (*first, *second, *third)] == [("S1", "cup"), ("S1", "pot"), ("S2", "cup")]

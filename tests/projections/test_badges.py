"""Which marks a shop had when an order was paid, on both clocks."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import time
from ledger.books import Clocks
from ledger.decisions.badge import AssessBadge
from ledger.decisions.base import Command
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import CloseBenefit, OpenBenefit, SuspendShop
from ledger.errors import ProjectionBehind
from ledger.store.database import Database
from projections.badges import BADGES, Held, badges_at, holders, story
from projections.engine import Engine
from tests.api.test_rules import TERMS
from tests.ledger.stories import Ledger, Reported, Step
from tests.projections.story import day, facts, rows, stored, write

BADGE = "trust-purchase"


def assess(number: int, index: int, position: int) -> AssessBadge:
    return AssessBadge(
        id="S1",
        badge="trust-purchase",
        day="2021-06-10",
        position=position,
        index=index,
        points=0,
        at=day(number),
    )


STORY: tuple[Command, ...] = (
    *TERMS,
    OpenShop(id="S1", at=day(0)),
    *(OpenBenefit(id="S1", benefit=each.id, at=day(0)) for each in TERMS),
    assess(2, 500, 1),
    assess(6, 100, 2),
    assess(8, 500, 3),
    assess(4, 100, 4),  # Before the last change: it changes nothing.
)


@pytest.fixture
def told(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    Engine(database).catch_up(names=(BADGES.name,))
    yield database
    database.close()


@pytest.mark.parametrize(("number", "as_at", "held"), [
    (1, None, False), (2, None, True), (5, None, True), (6, None, False), (7, None, False), (8, None, True),
    (7, 6, True), (1, 6, False), (5, 5, False), (9, 7, False),
])  # fmt: skip
def test_what_a_shop_had_on_a_day(told: Database, number: int, as_at: int | None, held: bool):
    found = badges_at(told, "S1", time.micros(day(number)), Clocks(as_at=as_at))
    assert found == ((BADGE,) if held else ())


def test_who_holds_marks(told: Database):
    assert [(each.shop, each.badge, each.since) for each in holders(told)] == [
        ("S1", BADGE, time.micros(day(8)))
    ]
    assert holders(told, Clocks(as_of=time.micros(day(7)))) == []
    first = holders(told, Clocks(as_of=time.micros(day(3))))
    assert [type(each) for each in first] == [Held]
    assert first == holders(told, Clocks(as_at=first[0].position))


def test_what_was_not_yet_effective(told: Database):
    moment = time.micros(day(8))
    assert badges_at(told, "S1", moment, Clocks(as_of=time.micros(day(7)))) == ()
    assert badges_at(told, "S1", None) == badges_at(told, "", moment) == badges_at(told, "S9", moment) == ()


def test_the_story_of_a_mark(told: Database):
    assert [each.fact.TOPIC for each in story(told, "S1", BADGE)] == [
        "badge-granted",
        "badge-revoked",
        "badge-granted",
    ]
    assert story(told, "S1", "quality-merchant") == []


def test_rows_are_the_same_however_the_log_is_cut(told: Database):
    log = facts(*STORY)
    assert rows(BADGES, log, [6, 7]) == rows(BADGES, log) == stored(told, BADGES)


STEPS = st.lists(
    st.tuples(st.sampled_from(["good", "bad", "close", "open", "suspend"]), st.integers(0, 30)), max_size=12
)


@given(STEPS)
def test_the_shop_and_the_history_of_its_marks_agree(steps: list[tuple[str, int]]):
    """Whatever is back-dated: the marks in the shop's state are those that its history leaves it with."""
    ledger = Ledger(STORY[: len(TERMS) + 3])
    for what, number in steps:
        step: dict[str, Step] = {
            "good": assess(number, 900, len(ledger.memory.facts)),
            "bad": assess(number, 0, len(ledger.memory.facts)),
            "close": CloseBenefit(id="S1", benefit="counterfeit", at=day(number)),
            "open": OpenBenefit(id="S1", benefit="counterfeit", at=day(number)),
            "suspend": Reported(SuspendShop(id="S1", cause="x", at=day(number), until=day(number + 2))),
        }
        ledger.try_(step[what])
    history = sorted(rows(BADGES, ledger.memory.facts).values(), key=lambda row: (row[4], row[1]))
    granted = {row[2]: row[3] for row in history}
    assert {badge for badge, held in granted.items() if held} == set(ledger.state("shop-S1").holds)
    # A mark is granted and lost in turn.
    assert all(one[3] != next_[3] for one, next_ in pairwise(history))


def test_a_model_that_is_not_built_says_so(sqlite_url: str):
    database = Database(sqlite_url)
    write(database, STORY)
    with pytest.raises(ProjectionBehind):
        badges_at(database, "S1", time.micros(day(1)))
    database.close()

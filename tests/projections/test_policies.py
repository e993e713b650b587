"""The versions of terms there are, and how each of them stands at a moment."""

from datetime import datetime, timedelta, timezone

import pytest

from ledger import time
from ledger.decisions.policy import PublishPolicy, RetirePolicy
from ledger.errors import ProjectionBehind, UnknownPolicy
from ledger.events.policy import Rule, Terms
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.engine import Engine
from projections.policies import POLICIES, rule_of, status, terms, times
from tests.projections.story import facts, rows, write


def on(month: int, day: int) -> datetime:
    return datetime(2021, month, day, tzinfo=timezone(timedelta(hours=8)))


RULE = Rule(family="freight", formula="cost", payers=("freight_pool",))
STORY = (
    PublishPolicy(id="freight", version="1", effective_from=on(6, 1), rule=RULE, at=on(5, 1)),
    PublishPolicy(id="another", version="1", effective_from=on(6, 1), rule=RULE, at=on(5, 2)),
    PublishPolicy(id="freight", version="2", effective_from=on(7, 1), rule=RULE, at=on(6, 2)),
    RetirePolicy(id="freight", version="2", effective_to=on(9, 1), reason="too dear", at=on(8, 1)),
)


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


def test_a_row_for_each_benefit():
    assert rows(POLICIES, facts(*STORY)) == {"freight": ("freight", 2, 4), "another": ("another", 1, 2)}


def listed(found: list[Terms]) -> list[str]:
    ends = [
        time.day_text(time.local_day(each.effective_to, 480)) if each.effective_to else "" for each in found
    ]
    return [f"{each.benefit} {each.version} {end}".strip() for each, end in zip(found, ends, strict=True)]


def test_what_was_recorded_by_a_position(database: Database):
    write(database, STORY)
    Engine(database, (POLICIES,)).catch_up()
    assert listed(terms(database)) == ["another 1", "freight 1 2021-07-01", "freight 2 2021-09-01"]
    assert listed(terms(database, benefit="freight")) == ["freight 1 2021-07-01", "freight 2 2021-09-01"]
    assert listed(terms(database, 2)) == ["another 1", "freight 1"]
    for benefit, as_at in (("kindness", None), ("another", 1)):
        with pytest.raises(UnknownPolicy):
            terms(database, as_at, benefit)


def test_nothing_before_the_first_fold(database: Database):
    migrate(database)
    with pytest.raises(ProjectionBehind):
        terms(database)


def test_how_a_version_stands():
    version = STORY[0].terms()
    bounded = Terms(
        benefit="freight",
        version="1",
        effective_from=version.effective_from,
        effective_to=time.micros(on(7, 1)),
        family="freight",
        formula="cost",
        payers=("freight_pool",),
    )
    moments = [
        time.micros(on(5, 31)),
        time.micros(on(6, 1)),
        time.micros(on(7, 1)) - 1,
        time.micros(on(7, 1)),
    ]
    assert [status(bounded, moment) for moment in moments] == ["announced", "in_force", "in_force", "ended"]
    assert status(version, time.micros(on(12, 31))) == "in_force"
    assert times(bounded) == {
        "effective_from": "2021-06-01T00:00:00+08:00",
        "effective_to": "2021-07-01T00:00:00+08:00",
    }
    assert rule_of(bounded) == rule_of(version) == RULE

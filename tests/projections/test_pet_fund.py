"""The fund: what came and what went adds up to what the books say it holds, on both clocks."""

from collections.abc import Iterator

import pytest

from ledger import books, policies, time
from ledger.books import Clocks
from ledger.decisions.base import Command
from ledger.decisions.fund import Contribute
from ledger.decisions.incident import (
    AddMembers,
    ApproveBatch,
    CloseIncident,
    DeclareIncident,
    ExcludeMember,
    GrantCompensation,
    Listed,
    OpenBatch,
    PayCompensation,
    ReportFailure,
)
from ledger.errors import ProjectionBehind, UnknownIncident
from ledger.store.database import Database
from projections.engine import Engine
from projections.incidents import INCIDENT_MEMBERS, incident_view, members
from projections.pet_fund import FUND_DUES, PET_FUND, Day, dues, facts_behind, fund_view, named, roll_forward
from tests.projections.story import day, facts, rows, stored, write

SUM = 52_000
TERMS = policies.shipped()["incident-2021-06"]
BUYERS = tuple(f"B{number}" for number in range(1, 6))
# Five buyers, one of them excluded, all approved while the fund is short; then the rest comes in.
STORY: tuple[Command, ...] = (
    type(TERMS)(id=TERMS.id, version=TERMS.version, effective_from=TERMS.effective_from, rule=TERMS.rule,
                force=True, reason="the first terms"),
    Contribute(amount=200_000, at=day(0)),
    DeclareIncident(id="I1", title="Sugar water", cause="birds-nest", at=day(1)),
    OpenBatch(id="I1", at=day(1)),
    AddMembers(id="I1", members=tuple(Listed(buyer=buyer) for buyer in (*BUYERS, "B1")), at=day(1)),
    ApproveBatch(id="I1", by="ann", at=day(2)),
    ApproveBatch(id="I1", by="bob", at=day(2)),
    ExcludeMember(id="I1", buyer="B5", reason="bought elsewhere", at=day(3)),
    GrantCompensation(id="I1", buyers=BUYERS[:3], at=day(3)),
    Contribute(amount=100_000, at=day(31)),
    GrantCompensation(id="I1", buyers=BUYERS[3:4], at=day(31)),
    PayCompensation(id="I1", buyers=BUYERS[:2], at=day(32)),
    ReportFailure(id="I1", buyer="B2", transfer="incident/I1/B2/1", at=day(33)),
    CloseIncident(id="I1", at=day(34)),
)  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def told(database: Database) -> Database:
    """The story, and its read models."""
    assert write(database, STORY) == len(facts(*STORY))
    Engine(database, (PET_FUND, FUND_DUES, INCIDENT_MEMBERS)).catch_up()
    return database


def test_the_fund_now(told: Database):
    view = fund_view(told)
    assert view.came == {"contributions": 300_000, "unused_batches": SUM}
    assert view.went == {"batches": 5 * SUM}
    assert (view.available, view.reserved, view.held, view.recourse, view.due) == (92_000, 0, 0, 0, 0)
    assert fund_view(told, "USD").available == 0


@pytest.mark.parametrize(
    ("at", "available", "reserved", "due"),
    [(-1, 0, 0, 0), (0, 200_000, 0, 0), (2, 0, 200_000, 60_000), (3, 0, 44_000, 60_000),
     (31, 40_000, 52_000, 0), (34, 92_000, 0, 0)],
)  # fmt: skip
def test_the_fund_as_of_a_day(told: Database, at: int, available: int, reserved: int, due: int):
    view = fund_view(told, clocks=Clocks(as_of=time.micros(day(at))))
    assert (view.available, view.reserved, view.due) == (available, reserved, due)
    assert sum(view.came.values()) - sum(view.went.values()) == available


def test_the_fund_as_at_every_position_is_what_the_books_say(told: Database):
    last = books.head_position(told)
    for position in range(2, last + 1):
        view = fund_view(told, clocks=Clocks(as_at=position))
        assert view.available == books.balances(told, "pet_fund", Clocks(as_at=position))["CNY"]
    assert fund_view(told, clocks=Clocks(as_at=last)) == fund_view(told)


def test_the_model_is_the_same_however_it_is_cut(told: Database):
    log = facts(*STORY)
    for projection in (PET_FUND, FUND_DUES, INCIDENT_MEMBERS):
        whole = rows(projection, log)
        assert whole == rows(projection, log, range(len(log)))
        assert whole.keys() == stored(told, projection).keys()


def test_the_fund_through_time(told: Database):
    found = roll_forward(told)
    june, july = Day("2021-06", 0, 200_000, 200_000, 0), Day("2021-07", 0, 152_000, 60_000, 92_000)
    assert (found.rows, found.opening, found.closing) == ([june, july], 0, 92_000)
    assert (found.came, found.went) == (fund_view(told).came, fund_view(told).went)
    first = time.local_day(time.micros(day(31)), 480)
    july_only = roll_forward(told, "day", first_day=first, last_day=first)
    assert july_only.rows == [Day("2021-07-02", 0, 100_000, 60_000, 40_000)]
    assert july_only.went == {"batches": 60_000}
    assert roll_forward(told, first_day=first + 9).opening == 92_000
    assert roll_forward(told, last_day=first - 99).closing == 0


def test_what_is_due_now_is_what_the_log_says(database: Database):
    write(database, STORY[:7])
    Engine(database, (PET_FUND, FUND_DUES)).catch_up()
    found = dues(database)
    assert [(due.claim, due.amount, due.payers) for due in found] == [("incident/I1", 60_000, ("fund",))]
    assert found == dues(database, clocks=Clocks(as_at=books.head_position(database)))
    assert rows(FUND_DUES, facts(*STORY[:7])).keys() == stored(database, FUND_DUES).keys() == {"incident/I1"}
    assert fund_view(database).due == 60_000
    assert dues(database, "USD") == []


def test_the_members_of_an_incident(told: Database):
    view = incident_view(told, "I1")
    assert view.members == {"added": 0, "excluded": 1, "granted": 3, "paid": 1}
    assert view.incident.status == "closed"
    assert members(told, "I1", "granted") == ["B2", "B3", "B4"]
    assert members(told, "I1", "granted", after="B2", limit=1) == ["B3"]
    with pytest.raises(UnknownIncident):
        incident_view(told, "I2")


def test_a_model_that_is_not_built_says_so(database: Database):
    write(database, STORY[:2])
    for asked in (fund_view, roll_forward):
        with pytest.raises(ProjectionBehind):
            asked(database)


@pytest.mark.parametrize(
    ("fact", "came", "name"),
    [
        ("fine-released", True, "fines"),
        ("claim-funded", False, "claims"),
        ("some-new-fact", True, "some_new_fact"),
    ],
)
def test_flows_have_names_that_lead_back(fact: str, came: bool, name: str):
    assert named(fact, came=came) == name
    assert fact in facts_behind(name, came=came)

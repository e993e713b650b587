"""What was reported of each statement in each session, and what followed, on both clocks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.base import Request
from ledger.decisions.host import OpenHost
from ledger.decisions.live import BeginSession
from ledger.decisions.report import DecideReport, FileReport, FlagReport
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.false_claims import FALSE_CLAIMS, REPORTS, Statement, false_claims, reports
from tests.projections.saying import DIGEST, at, told
from tests.projections.story import day, source


def file(number: int, session: str = "l1", statement: str = "silver") -> FileReport:
    return FileReport(
        id=f"{session}-{statement}-{number}", session=session, statement=statement, user=f"u{number}"
    )


def flag(model: str, session: str = "l1") -> FlagReport:
    return FlagReport(
        id=model, session=session, statement="silver", model=model, score_bp=9_900, digest=DIGEST
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    again = Request(
        command=FileReport(id="x", session="l1", statement="silver", user="u1"), source=source("x")
    )
    told(
        found,
        (FALSE_CLAIMS, REPORTS),
        *at(day(0), OpenHost(id="H1"), BeginSession(id="l1", host="H1"), BeginSession(id="l2", host="H1")),
        *at(day(0, 1), *(file(n) for n in range(1, 6)), file(1, statement="last-one")),
        again,
        *at(day(0, 2), flag("ear"), flag("eye")),
        *at(
            day(0, 3),
            DecideReport(id="l1-silver-1", upheld=True),
            DecideReport(id="l1-silver-2", upheld=False),
        ),
        *at(day(1), *(file(n, "l2") for n in range(1, 11))),
    )
    yield found
    found.close()


def test_what_was_reported(database: Database):
    last, silver, second = false_claims(database)
    assert last[:5] == ("l1", "last-one", "H1", 1, 0)
    assert silver._replace(position=0) == Statement("l1", "silver", "H1", 5, 2, 9, 1, 1, 1, 0, "", 0)
    assert second._replace(position=0) == Statement(
        "l2", "silver", "H1", 10, 0, 10, 0, 0, 1, 1, "pinocchio-l2-silver-10", 0
    )


def test_of_a_session_or_a_host(database: Database):
    assert [each.statement for each in false_claims(database, session="l1")] == ["last-one", "silver"]
    assert len(false_claims(database, host="H1")) == 3
    assert false_claims(database, host="H2") == []
    assert [each.session for each in false_claims(database, after=("l1", "last-one"), limit=1)] == ["l1"]


def test_on_both_clocks(database: Database):
    then = false_claims(database, Clocks(time.micros(day(0, 1) + timedelta(minutes=1)), None), session="l1")
    assert [(each.statement, each.reports, each.reminders) for each in then] == [
        ("last-one", 1, 0),
        ("silver", 5, 0),
    ]
    assert false_claims(database, Clocks(None, 3)) == []


def test_reports_one_by_one(database: Database):
    found = reports(database, session="l1", statement="silver")
    assert [(each.report, each.maker, each.machine, each.weight, each.status) for each in found] == [
        ("l1-silver-1", "u1", 0, 1, "upheld"),
        ("l1-silver-2", "u2", 0, 1, "dismissed"),
        *((f"l1-silver-{n}", f"u{n}", 0, 1, "filed") for n in range(3, 6)),
        ("x", "u1", 0, 0, "filed"),
        ("ear", "ear", 1, 5, "filed"),
        ("eye", "eye", 1, 0, "filed"),
    ]
    assert {each.host for each in found} == {"H1"}
    assert len(reports(database, status="filed")) == 17
    assert [each.report for each in reports(database, after=found[-2].position, limit=1)] == ["eye"]
    then = Clocks(time.micros(day(0, 2)), None)
    assert {each.status for each in reports(database, then, session="l1")} == {"filed"}

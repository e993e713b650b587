"""Reports of false claims: what was reported of each statement in each live session, and what followed."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, Table, Text, select

from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier
from ledger.events.base import Recorded
from ledger.events.report import FalseClaimFlagged, FalseClaimReported, HostReminded, ReportDecided
from ledger.store.database import Database
from projections.base import Projection
from projections.store import tables
from projections.then import model

TABLE = Table(
    "p_false_claims_v1",
    tables,
    Column("session", Text, primary_key=True),
    Column("statement", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("reports", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("upheld", Integer, nullable=False),
    Column("dismissed", Integer, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("penalties", Integer, nullable=False),
    Column("penalty", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a statement in a session: the reports of users and the flags of machines, what both weigh
together, how many a person upheld or dismissed, how often the host was reminded and a penalty proposed, and
which last."""
Index(f"{TABLE.name}_host", TABLE.c.host)


REPORTS_TABLE = Table(
    "p_reports_v1",
    tables,
    Column("report", Text, primary_key=True),
    Column("session", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("maker", Text, nullable=False),
    Column("machine", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("said_at", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a report: who made it (a user, or a machine's model), what it weighed when it came, whether it is
filed, upheld or dismissed, and the position where it was filed."""
Index(f"{REPORTS_TABLE.name}_session", REPORTS_TABLE.c.session, REPORTS_TABLE.c.position)

Status = Literal["filed", "upheld", "dismissed"]


class Statement(NamedTuple):
    """A row of the table."""

    session: str
    statement: str
    host: str = ""
    reports: int = 0
    flags: int = 0
    weight: int = 0
    upheld: int = 0
    dismissed: int = 0
    reminders: int = 0
    penalties: int = 0
    penalty: str = ""
    position: int = 0


def touches(recorded: Recorded) -> tuple[tuple[str, str]]:
    """The session and the statement, which all four facts name."""
    fact = recorded.fact
    assert isinstance(fact, FalseClaimReported | FalseClaimFlagged | ReportDecided | HostReminded)  # noqa: S101 - no others come
    return ((fact.session, fact.statement),)


def fold(row: Statement | None, recorded: Recorded, key: tuple[str, str]) -> Statement:
    """A statement after one more fact about it."""
    row = (row or Statement(*key))._replace(position=recorded.position)
    fact = recorded.fact
    match fact:
        case FalseClaimReported():
            again = "again" in fact.marks
            reports = row.reports + (not again)
            return row._replace(host=fact.host or row.host, reports=reports, weight=row.weight + fact.weight)
        case FalseClaimFlagged():
            weight = row.weight + fact.weight
            return row._replace(host=fact.host or row.host, flags=row.flags + 1, weight=weight)
        case ReportDecided() if fact.upheld:
            return row._replace(upheld=row.upheld + 1)
        case ReportDecided():
            return row._replace(dismissed=row.dismissed + 1, weight=row.weight - fact.withdrawn)
        case HostReminded():
            row = row._replace(host=identifier(recorded.stream), reminders=row.reminders + 1)
            if fact.penalty:
                row = row._replace(penalties=row.penalties + 1, penalty=fact.penalty)
            return row
        case _:
            return row


FALSE_CLAIMS = Projection(
    "false_claims",
    1,
    TABLE,
    frozenset({FalseClaimReported, FalseClaimFlagged, ReportDecided, HostReminded}),
    touches,
    fold,
    Statement._make,
)


class Report(NamedTuple):
    """A row of the table of reports; `said_at` in UTC microseconds."""

    report: str
    session: str
    statement: str
    host: str
    maker: str
    machine: int
    weight: int
    status: str
    said_at: int
    digest: str
    position: int


def _own(recorded: Recorded) -> tuple[str]:
    """The report."""
    return (identifier(recorded.stream),)


def _report(row: Report | None, recorded: Recorded, key: str) -> Report | None:
    """A report is filed, and decided."""
    fact = recorded.fact
    match fact:
        case FalseClaimReported() | FalseClaimFlagged():
            by = (fact.user, 0) if isinstance(fact, FalseClaimReported) else (fact.model, 1)
            what, when = (fact.session, fact.statement, fact.host), (fact.said_at, fact.digest)
            return Report(key, *what, *by, fact.weight, "filed", *when, recorded.position)
        case ReportDecided():
            return row and row._replace(status="upheld" if fact.upheld else "dismissed")
        case _:
            return row


REPORTS = Projection(
    "reports",
    1,
    REPORTS_TABLE,
    frozenset({FalseClaimReported, FalseClaimFlagged, ReportDecided}),
    _own,
    _report,
    Report._make,
    own="report",
)


def reports(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    clocks: Clocks = NOW,
    *,
    session: str = "",
    statement: str = "",
    status: Status | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Report]:
    """The reports in the order recorded, on both clocks: all, or those of a session, a statement, a status.

    `after` is the position behind which to begin. Raises ProjectionBehind.
    """
    columns = REPORTS_TABLE.c
    kept: list[ColumnElement[bool]] = [columns.position > after]
    if session:
        kept.append(columns.session == session)
    if statement:
        kept.append(columns.statement == statement)
    if status:
        kept.append(columns.status == status)
    query = select(*columns).where(*kept).order_by(columns.position).limit(limit)
    with model(database, REPORTS, clocks) as connection:
        return [Report._make(row) for row in connection.execute(query)]


def false_claims(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    clocks: Clocks = NOW,
    *,
    session: str = "",
    host: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int = 1_000,
) -> list[Statement]:
    """What was reported, by session and statement, on both clocks: all of it, of a session or of a host.

    `after` is the session and statement behind which to begin. Raises ProjectionBehind.
    """
    columns = TABLE.c
    later = (columns.session == after[0]) & (columns.statement > after[1])
    kept: list[ColumnElement[bool]] = [(columns.session > after[0]) | later]
    if session:
        kept.append(columns.session == session)
    if host:
        kept.append(columns.host == host)
    query = select(*columns).where(*kept).order_by(columns.session, columns.statement).limit(limit)
    with model(database, FALSE_CLAIMS, clocks) as connection:
        return [Statement._make(row) for row in connection.execute(query)]

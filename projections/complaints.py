"""Complaints: how often buyers complained of what, shop by shop, and how many of it led to a claim."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy import Column, Index, Integer, Table, Text, func, select

from ledger import time
from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier
from ledger.events.base import Recorded
from ledger.events.complaint import ComplaintClaimed, ComplaintRecorded
from ledger.store.database import Database
from projections.base import Projection
from projections.store import tables
from projections.then import model

TABLE = Table(
    "p_complaints_v1",
    tables,
    Column("complaint", Text, primary_key=True),
    Column("shop", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a complaint: its local day (as the report's own offset has it), and how many claims it led to."""
Index(f"{TABLE.name}_shop", TABLE.c.shop)

By = Literal["reason", "shop", "host", "day", "month"]


class Row(NamedTuple):
    """A row of the table."""

    complaint: str
    shop: str = ""
    host: str = ""
    reason: str = ""
    day: int = 0
    claims: int = 0


def touches(recorded: Recorded) -> tuple[str]:
    """The complaint."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:
    """A complaint after one more fact of its own."""
    row = row or Row(key)
    fact, envelope = recorded.fact, recorded.envelope
    if isinstance(fact, ComplaintRecorded):
        day = time.local_day(envelope.effective_at, envelope.offset)
        return row._replace(shop=fact.shop, host=fact.host, reason=fact.reason, day=day)
    return row._replace(claims=row.claims + 1)


COMPLAINTS = Projection(
    "complaints",
    1,
    TABLE,
    frozenset({ComplaintRecorded, ComplaintClaimed}),
    touches,
    fold,
    Row._make,
    own="complaint",
)


class Figures(NamedTuple):
    """How many complaints there are, and how many of them led to a claim."""

    complaints: int
    claimed: int


def report(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    clocks: Clocks = NOW,
    *,
    by: By = "reason",
    shop: str = "",
    first_day: int | None = None,
    last_day: int | None = None,
) -> dict[str, dict[str, Figures]]:
    """By group and, in it, by reason: the figures on both clocks; grouped by reason there is one, "".

    Raises ProjectionBehind.
    """
    columns = TABLE.c
    kept = [columns.reason != ""]  # As of a time between, a claim may be known and the complaint not yet.
    if shop:
        kept.append(columns.shop == shop)
    if first_day is not None:
        kept.append(columns.day >= first_day)
    if last_day is not None:
        kept.append(columns.day <= last_day)
    group = {"shop": columns.shop, "host": columns.host}.get(by, columns.day)
    claimed = func.count(func.nullif(columns.claims, 0))
    query = select(group, columns.reason, func.count(), claimed).where(*kept)
    with model(database, COMPLAINTS, clocks) as connection:
        rows = connection.execute(query.group_by(group, columns.reason)).all()
    found: dict[str, dict[str, Figures]] = {}
    for key, reason, count, led in rows:
        name = "" if by == "reason" else _named(by, key)
        known = found.setdefault(name, {}).get(reason, Figures(0, 0))
        found[name][reason] = Figures(known.complaints + count, known.claimed + led)
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _named(by: By, key: str | int) -> str:
    if isinstance(key, str):
        return key
    return time.day_text(key)[: len("2021-06") if by == "month" else None]

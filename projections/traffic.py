"""Traffic: the memo book of units that shops were given, by day, class and cause."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, Table, Text, func, select

from ledger import time
from ledger.books import NOW, Clocks
from ledger.decisions.traffic import subsidy
from ledger.errors import UnknownAccount
from ledger.events.base import Recorded
from ledger.events.traffic import TrafficAllocated
from ledger.store.database import Database
from projections import account_days
from projections.base import Projection
from projections.store import tables
from projections.streams import facts_of
from projections.then import model

TABLE = Table(
    "p_traffic_v1",
    tables,
    Column("shop", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for what a shop was given for a local day: `what` is basic, or the cause of key units."""
Index(f"{TABLE.name}_day", TABLE.c.day)

KINDS = ("basic", "cold-start", "growth", "burst")
"""The columns of the book: basic units, and key units by cause."""


class Row(NamedTuple):
    """A row of the table."""

    shop: str
    day: int
    what: str
    units: int
    position: int


def touches(recorded: Recorded) -> tuple[tuple[str, int, str]]:
    """The shop's units of the day, of their class and cause."""
    fact: Any = recorded.fact
    return ((fact.shop, fact.day, fact.cause or fact.kind),)


def fold(_row: Row | None, recorded: Recorded, key: tuple[str, int, str]) -> Row:
    """A day is given once."""
    fact: Any = recorded.fact
    return Row(*key, fact.units, recorded.position)


TRAFFIC = Projection("traffic", 1, TABLE, frozenset({TrafficAllocated}), touches, fold, Row._make)

By = Literal["day", "month", "shop"]


def book(
    database: Database,
    by: By = "month",
    clocks: Clocks = NOW,
    *,
    first_day: int | None = None,
    last_day: int | None = None,
) -> dict[str, dict[str, int]]:
    """The units given, by day, month or shop and by class and cause; days are local, both included.

    Raises ProjectionBehind.
    """
    columns = TABLE.c
    kept: list[ColumnElement[bool]] = []
    if first_day is not None:
        kept.append(columns.day >= first_day)
    if last_day is not None:
        kept.append(columns.day <= last_day)
    of: ColumnElement[Any] = columns.shop if by == "shop" else columns.day
    query = select(of, columns.what, func.sum(columns.units)).where(*kept).group_by(of, columns.what)
    length = {"day": len("2021-01-01"), "month": len("2021-01")}
    found: dict[str, dict[str, int]] = {}
    with model(database, TRAFFIC, clocks) as connection:
        for group, what, units in connection.execute(query.order_by(of)):
            name = group if by == "shop" else time.day_text(group)[: length[by]]
            row = found.setdefault(name, dict.fromkeys(KINDS, 0))
            row[what] = row.get(what, 0) + int(units)
    return found


def last_days(database: Database) -> dict[str, int]:
    """The last day for which each shop was given traffic; raises ProjectionBehind."""
    query = select(TABLE.c.shop, func.max(TABLE.c.day)).group_by(TABLE.c.shop)
    with model(database, TRAFFIC, NOW) as connection:
        return {name: last for name, last in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def of_shop(database: Database, shop: str, clocks: Clocks = NOW) -> list[Recorded]:
    """All that a shop was ever given, in recorded order, on both clocks."""
    with database.snapshot() as connection:
        return facts_of(connection, database, [f"traffic-{shop}"], clocks)


class Programme(NamedTuple):
    """The subsidy in money, minor units: what may be given in all, what was, what is left."""

    currency: str
    budget: int
    granted: int
    left: int


def programme(database: Database, moment: int, clocks: Clocks = NOW) -> Programme:
    """The subsidy at a moment (UTC microseconds), by the rule in force then."""
    rule = subsidy(moment if clocks.as_of is None else clocks.as_of)
    try:
        granted = account_days.balances(database, "trust_subsidy", clocks).get(rule.currency, 0)
    except UnknownAccount:
        granted = 0
    return Programme(rule.currency, rule.budget, granted, rule.budget - granted)

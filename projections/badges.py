"""Marks: which a shop had at a moment, so that an order can show what its shop had when it was paid."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Integer, Table, Text, func, select

from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier
from ledger.events.badge import BadgeGranted, BadgeRevoked
from ledger.events.base import Recorded
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of

TABLE = Table(
    "p_badges_v1",
    tables,
    Column("shop", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("badge", Text, nullable=False),
    Column("granted", Integer, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row each time a mark was granted (1) or revoked (0), UTC microseconds; it never changes, so that both
clocks can be asked."""


class Row(NamedTuple):
    """A row of the table."""

    shop: str
    position: int
    badge: str
    granted: int
    effective_at: int


def touches(recorded: Recorded) -> tuple[tuple[str, int]]:
    """The change."""
    return ((identifier(recorded.stream), recorded.position),)


def fold(_row: Row | None, recorded: Recorded, key: tuple[str, int]) -> Row:
    """What the fact says stays so."""
    fact: Any = recorded.fact
    return Row(*key, fact.badge, int(isinstance(fact, BadgeGranted)), recorded.envelope.effective_at)


BADGES = Projection("badges", 1, TABLE, frozenset({BadgeGranted, BadgeRevoked}), touches, fold, Row._make)


def badges_at(database: Database, shop: str, moment: int | None, clocks: Clocks = NOW) -> tuple[str, ...]:
    """The marks a shop had at a moment (UTC microseconds; None: there was none), as both clocks know it.

    Raises ProjectionBehind.
    """
    if moment is None or not shop:
        return ()
    columns = TABLE.c
    until = moment if clocks.as_of is None else min(moment, clocks.as_of)
    query = select(columns.badge, columns.granted).where(columns.shop == shop, columns.effective_at <= until)
    if clocks.as_at is not None:
        query = query.where(columns.position <= clocks.as_at)
    with database.snapshot() as connection:
        reached(connection, BADGES)
        rows = connection.execute(query.order_by(columns.effective_at, columns.position)).all()
    last = {badge: granted for badge, granted in rows}  # noqa: C416 - rows are no pairs to the type checker
    return tuple(badge for badge, granted in last.items() if granted)


class Held(NamedTuple):
    """A mark that a shop has, since when (UTC microseconds), and the position of the fact that granted it."""

    shop: str
    badge: str
    since: int
    position: int


def holders(database: Database, clocks: Clocks = NOW) -> list[Held]:
    """All marks that are held, by shop and mark, as both clocks know it; raises ProjectionBehind."""
    columns = TABLE.c
    newest = (columns.effective_at.desc(), columns.position.desc())
    number = func.row_number().over(partition_by=(columns.shop, columns.badge), order_by=newest)
    known = select(TABLE, number.label("number"))
    if clocks.as_of is not None:
        known = known.where(columns.effective_at <= clocks.as_of)
    if clocks.as_at is not None:
        known = known.where(columns.position <= clocks.as_at)
    last = known.subquery()
    query = select(last.c.shop, last.c.badge, last.c.effective_at, last.c.position)
    query = query.where(last.c.number == 1, last.c.granted == 1).order_by(last.c.shop, last.c.badge)
    with database.snapshot() as connection:
        reached(connection, BADGES)
        return [Held(*row) for row in connection.execute(query)]


def story(database: Database, shop: str, badge: str, clocks: Clocks = NOW) -> list[Recorded]:
    """Every time a mark was granted or revoked, in recorded order, on both clocks."""
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"shop-{shop}"], clocks)
    return [
        each
        for each in told
        if isinstance(each.fact, BadgeGranted | BadgeRevoked) and each.fact.badge == badge
    ]

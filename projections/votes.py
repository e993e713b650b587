"""Worth-it votes: how many users hold each article of a shop for worth its price."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, Table, Text, select

from ledger.books import NOW, Clocks
from ledger.events.base import Recorded
from ledger.events.vote import WorthVoteCast
from ledger.store.database import Database
from projections.base import Projection
from projections.store import tables
from projections.then import model

TABLE = Table(
    "p_votes_v1",
    tables,
    Column("shop", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("worth", Integer, nullable=False),
    Column("not_worth", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row an article: the votes that count, and the position of the last of them."""


class Result(NamedTuple):
    """The votes on an article."""

    shop: str
    item: str
    worth: int = 0
    not_worth: int = 0
    position: int = 0


def touches(recorded: Recorded) -> tuple[tuple[str, str], ...]:
    """The article, if the vote counts."""
    fact = recorded.fact
    return ((fact.shop, fact.item),) if isinstance(fact, WorthVoteCast) and fact.counts else ()


def fold(row: Result | None, recorded: Recorded, key: tuple[str, str]) -> Result:
    """One more vote."""
    row = row or Result(*key)
    fact = recorded.fact
    assert isinstance(fact, WorthVoteCast)  # noqa: S101 - the engine brings no other facts
    worth = row.worth + fact.worth, row.not_worth + (not fact.worth)
    return Result(*key, *worth, recorded.position)


VOTES = Projection("votes", 1, TABLE, frozenset({WorthVoteCast}), touches, fold, Result._make)


def votes(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    clocks: Clocks = NOW,
    *,
    shop: str = "",
    item: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int = 1_000,
) -> list[Result]:
    """The results on both clocks, by shop and article: all, those of a shop, of an article, or of both.

    `after` is the shop and article behind which to begin. Raises ProjectionBehind.
    """
    columns = TABLE.c
    kept: list[ColumnElement[bool]] = [
        (columns.shop > after[0]) | ((columns.shop == after[0]) & (columns.item > after[1]))
    ]
    if shop:
        kept.append(columns.shop == shop)
    if item:
        kept.append(columns.item == item)
    query = select(*columns).where(*kept).order_by(columns.shop, columns.item).limit(limit)
    with model(database, VOTES, clocks) as connection:
        return [Result._make(row) for row in connection.execute(query)]

"""Returning buyers: who ordered twice, and who came back on another day."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, Integer, Table, Text, case, func, select

from ledger import time
from ledger.decisions.base import identifier
from ledger.events.base import Recorded
from ledger.events.order import OrderAmended, OrderPlaced, OrderVoided
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables

TABLE = Table(
    "p_returning_buyers_v1",
    tables,
    Column("order_id", Text, primary_key=True),
    Column("buyer", Text, nullable=False),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Whose each order is, and on which local day it was placed; an order without a known buyer belongs to none.

One row an order, for a source may name the buyer later, or another one.
"""


class Row(NamedTuple):
    """A row of the table."""

    order_id: str
    buyer: str
    day: int


def touches(recorded: Recorded) -> tuple[str]:
    """The order."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row | None:
    """An order counts from its placing on, for the buyer named last, unless it is struck."""
    fact, envelope = recorded.fact, recorded.envelope
    match fact:
        case OrderPlaced():
            return Row(key, fact.buyer, time.local_day(envelope.effective_at, envelope.offset))
        case OrderAmended() if row is not None:
            return row._replace(buyer=fact.buyer)
        case OrderVoided():
            return None
        case _:
            return row


RETURNING_BUYERS = Projection(
    "returning_buyers",
    1,
    TABLE,
    frozenset({OrderPlaced, OrderAmended, OrderVoided}),
    touches,
    fold,
    Row._make,
    own="order",
)


def report(database: Database) -> dict[str, int]:
    """How many buyers have an order, two or more orders, and orders on two or more days."""
    with database.snapshot() as connection:
        reached(connection, RETURNING_BUYERS)
        by_buyer = (
            select(func.count().label("orders"), func.count(TABLE.c.day.distinct()).label("days"))
            .where(TABLE.c.buyer != "")
            .group_by(TABLE.c.buyer)
            .subquery()
        )
        query = select(
            func.count(),
            func.count(case((by_buyer.c.orders > 1, 1))),
            func.count(case((by_buyer.c.days > 1, 1))),
        ).select_from(by_buyer)
        buyers, by_order, by_day = connection.execute(query).one()
    return {"buyers": buyers, "returning_by_order": by_order, "returning_by_day": by_day}

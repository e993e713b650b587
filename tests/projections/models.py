"""Models of the tests, and whether models are what one fold over the log makes of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, Text

from ledger.codec import fact_types
from ledger.decisions.base import identifier, kind
from ledger.events.base import Recorded
from ledger.store.database import Database
from projections.base import Projection
from projections.catalogue import PROJECTIONS
from projections.engine import Engine
from tests.projections.story import log_of, rows, stored


def as_folded(database: Database, *, projections: Sequence[Projection] = PROJECTIONS) -> bool:
    """Whether every table holds what one fold over the log makes, and every check says so."""
    log = log_of(database)
    for projection in projections:
        assert stored(database, projection) == rows(projection, log), projection.name
    with database.snapshot() as connection:
        assert [check for check in Engine(database, projections).check(connection) if not check.ok] == []
    return True


def counting(
    table: str = "p_counting_v1", *, version: int = 1, breaks_at: int = 0, shown: str = ""
) -> Projection:
    """A model of the tests: how many facts each order has, unless it breaks at a position."""

    def fold(row: tuple[Any, ...] | None, recorded: Recorded, key: str) -> tuple[Any, ...]:
        if recorded.position == breaks_at and shown != "null":
            message = "a fold that was not ready for this"
            raise ValueError(message)
        empty = recorded.position == breaks_at or (row is not None and row[2] is None)
        return (key, (row[1] if row else 0) + 1, None if empty else "x" * version)

    return Projection(
        "counting",
        version,
        Table(
            table,
            MetaData(),
            Column("order_id", Text, primary_key=True),
            Column("facts", Integer, nullable=False),
            Column("shown", Text, nullable=False),
        ),
        frozenset(fact_types()),
        lambda recorded: [identifier(recorded.stream)] if kind(recorded.stream) == "order" else [],
        fold,
    )

"""A read model as it was on both clocks: folded again from the log into a table beside, for one report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from ledger.books import Clocks, head_position
from ledger.store.database import Database
from ledger.store.log import FactMapper, Pages
from projections.base import Projection, concerns, folded
from projections.store import Rows, left_out, reached

_PAGE = 2_000


@contextmanager
def model(database: Database, projection: Projection, clocks: Clocks) -> Iterator[Connection]:
    """The table of a read model: the live one for now, else one that holds what both clocks had seen.

    Now, it raises ProjectionBehind if the model is not built.
    """
    with models(database, (projection,), clocks) as connection:
        yield connection


@contextmanager
def models(database: Database, projections: Sequence[Projection], clocks: Clocks) -> Iterator[Connection]:
    """The tables of several read models, for a report that joins them; the log is read once for all."""
    if clocks == Clocks(None, None):
        with database.snapshot() as connection:
            for projection in projections:
                reached(connection, projection)
            yield connection
        return
    with (
        TemporaryDirectory(prefix="then-") as folder,
        closing(Database(f"sqlite:///{Path(folder, 'then.db')}")) as beside,
        beside.write() as connection,
    ):
        for projection in projections:
            projection.table.create(connection)
        tables = [(projection, Rows(projection.table, beside)) for projection in projections]
        _fold(database, tables, clocks, connection)
        yield connection


def _fold(
    database: Database,
    tables: Sequence[tuple[Projection, Rows]],
    clocks: Clocks,
    connection: Connection,
) -> None:
    """Read the log page by page, as far as the recorded clock goes, without what the other had not seen."""
    until = head_position(database) if clocks.as_at is None else clocks.as_at
    pages, position = Pages(database, FactMapper()), 0
    with database.read() as reading:
        skipped = left_out(reading, [projection.name for projection, _ in tables])
    while position < until:
        with database.read() as reading:
            page = pages.read(reading, position, min(_PAGE, until - position))
        if not page:
            return
        seen = [
            recorded
            for recorded in page
            if clocks.as_of is None or recorded.envelope.effective_at <= clocks.as_of
        ]
        for projection, rows in tables:
            pairs = concerns(projection, seen, skipped[projection.name])
            stored = rows.load(connection, list(dict.fromkeys(key for key, _ in pairs)))
            rows.save(connection, folded(projection, stored, pairs))
        position = page[-1].position

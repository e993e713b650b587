"""Lines of a file gathered into the documents they belong to, and what an importer makes of each.

The lines of a document need not stand together: one of another invoice may have come between. A document
is complete when none of its lines came for QUIET_ROWS rows; documents leave in the order of their first
lines, and what is held never spans more than HELD_ROWS rows of the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from api.importers.readers import Batch
from ledger.decisions.base import Request
from ledger.errors import DocumentSplit, LedgerError, Malformed

QUIET_ROWS = 10_000
HELD_ROWS = 100_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may say about an import: names that replace the importer's own, a mapping, an early end.

    `limit` is the number of documents after which to stop, 0 for none.
    """

    shop: str = ""
    platform: str = ""
    mapping: Path | None = None
    limit: int = 0


class Skip(NamedTuple):
    """Rows that the importer was told to pass over, and why."""

    reason: str


class Document(NamedTuple):
    """Some rows of a file and what they amount to: a request, a refusal, or nothing on purpose.

    `kind` is `sales`, `refunds`, `adjustments` or one of the importer's own, and `amount` the sum in minor
    units, for the totals of what the file holds; both are empty for what could not be read. `name` is what
    messages call it where rows are not counted by whoever reads the file.
    """

    rows: Sequence[int]
    outcome: Request | LedgerError | Skip
    kind: str = ""
    amount: int = 0
    name: str = ""


class Importer(NamedTuple):
    """A format: the documents of a file in a fixed order, and how many rows it has if it says so itself."""

    documents: Callable[[Path, Options], Generator[Document]]
    rows: Callable[[Path], int | None]


class Lines(NamedTuple):
    """The lines of one document in file order: their numbers, their cells column by column, what is wrong."""

    id: str
    rows: Sequence[int]
    columns: dict[str, list[Any]]
    fault: LedgerError | None


class _Open:
    """A document whose lines are still coming: stretches of batches that hold its rows."""

    __slots__ = ("fault", "first", "id", "last", "stretches")

    def __init__(self, id_: str, first: int) -> None:
        self.id = id_
        self.first = self.last = first
        self.stretches: list[tuple[Batch, int, int]] = []
        self.fault: LedgerError | None = None

    def extend(self, batch: Batch, start: int, stop: int) -> None:
        self.stretches.append((batch, start, stop))
        self.last = batch.first + stop - 1
        if batch.faults and self.fault is None:
            for offset in range(start, stop):
                if fault := batch.faults.get(offset):
                    self.fault = type(fault)(f"Row {batch.first + offset}: {fault.detail}", field=fault.field)
                    return

    def close(self) -> Lines:
        if len(self.stretches) == 1:
            batch, start, stop = self.stretches[0]
            columns = {name: cells[start:stop] for name, cells in batch.columns.items()}
            return Lines(self.id, range(self.first, self.last + 1), columns, self.fault)
        rows = [
            row
            for batch, start, stop in self.stretches
            for row in range(batch.first + start, batch.first + stop)
        ]
        columns = {
            name: list(
                chain.from_iterable(batch.columns[name][start:stop] for batch, start, stop in self.stretches)
            )
            for name in self.stretches[0][0].columns
        }
        return Lines(self.id, rows, columns, self.fault)


def gather(batches: Iterable[Batch], id_column: str) -> Iterator[Lines]:
    """The documents of a file; the texts in `id_column` name the document of each row.

    A row that names none is refused by itself. Lines that come after their document has left are refused as
    DocumentSplit: recorded, they would pass for a changed document.
    """
    waiting: deque[_Open] = deque()
    by_id: dict[str, _Open] = {}
    with closing(_Left()) as left:
        for batch in batches:
            ids = batch.columns[id_column]
            for start, stop in _runs(ids):
                _sort_in(waiting, by_id, batch, ids[start], start, stop)
            yield from left.checked(_complete(waiting, by_id, batch.first + batch.size))
        yield from left.checked(waiting)


def _runs(cells: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Where cells that are the same begin and end."""
    ends = [offset for offset, (one, next_) in enumerate(pairwise(cells), 1) if one != next_]
    return pairwise([0, *ends, len(cells)]) if cells else iter(())


def _complete(waiting: deque[_Open], by_id: dict[str, _Open], reached: int) -> list[_Open]:
    """Take out the documents that leave when row `reached` is next."""
    found = []
    while waiting and (waiting[0].last + QUIET_ROWS < reached or waiting[0].first + HELD_ROWS < reached):
        document = waiting.popleft()
        if document.last + QUIET_ROWS >= reached:
            document.fault = DocumentSplit(f"Lines of {document.id!r} span more than {HELD_ROWS} rows.")
        if by_id.get(document.id) is document:
            del by_id[document.id]
        found.append(document)
    return found


def _sort_in(
    waiting: deque[_Open], by_id: dict[str, _Open], batch: Batch, id_: str, start: int, stop: int
) -> None:
    """Lay a run of rows to their document, or begin one."""
    if not id_:
        for offset in range(start, stop):
            alone = _Open("", batch.first + offset)
            alone.extend(batch, offset, offset + 1)
            alone.fault = alone.fault or Malformed(f"Row {alone.first}: It names no document.")
            waiting.append(alone)
        return
    document = by_id.get(id_)
    if document is None or batch.first + start - document.last > QUIET_ROWS:
        document = by_id[id_] = _Open(id_, batch.first + start)
        waiting.append(document)
    document.extend(batch, start, stop)


class _Left:
    """The documents that have left, by id: a database of its own that moves to the disk as it grows."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE documents (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def checked(self, leaving: Iterable[_Open]) -> Iterator[Lines]:
        """The lines of documents that leave, with a fault if one of the same id has left before."""
        leaving = list(leaving)
        known = self._add([document.id for document in leaving])
        for document in leaving:
            if document.id in known:
                detail = (
                    f"Lines of {document.id!r} stand more than {QUIET_ROWS} rows before row {document.first}."
                )
                document.fault = DocumentSplit(detail)
            if document.id:
                known.add(document.id)
            yield document.close()

    def _add(self, ids: list[str]) -> set[str]:
        """Remember these; answers those that were known."""
        among = "SELECT id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
        known = {id_ for (id_,) in self._database.execute(among, (json.dumps(ids),))}
        rows = [(id_,) for id_ in ids if id_]
        self._database.executemany("INSERT OR IGNORE INTO documents VALUES (?)", rows)
        return known

    def close(self) -> None:
        """Forget them."""
        self._database.close()

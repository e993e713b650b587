"""Proof of the read models: each is folded again from nothing and compared with its table row by row.

The rows that should be there are folded into a scratch database in a temporary file; then both tables are
read side by side in the order of their keys, so that memory stays flat however long the log is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Table, Text, inspect, select

from ledger.events.base import Recorded
from ledger.store.database import Database
from ledger.store.log import FactMapper
from ledger.store.schema import facts
from ledger.verify import Check
from projections import pages
from projections.base import Broken, Projection, concerns, folded
from projections.generations import kept_table
from projections.store import BESIDE, KEPT, Checkpoint, Rows, checkpoints, left_out, look

_PAGE = 2_000

Failure = dict[str, object]


def prove(projections: Sequence[Projection], connection: Connection) -> Iterator[Check]:
    """One check of the checkpoints, then one of each model, all of the state that `connection` sees."""
    there = set(inspect(connection).get_table_names())
    seen = look(connection) if checkpoints.name in there else {}
    known = {name for p in projections for name in (p.name, p.name + BESIDE, p.name + KEPT)}
    unknown = min(seen.keys() - known, default=None)
    failure = unknown and _failure(checkpoints, {"name": unknown}, "there is no such projection")
    yield Check("projections", not failure, len(seen), failure or None)
    yield from _kept(projections, seen, there)
    skipped = left_out(connection, [projection.name for projection in projections])
    proofs = [_Proof(p, seen.get(p.name), connection, there, skipped[p.name]) for p in projections]
    with TemporaryDirectory(prefix="verify-") as folder:
        scratch = Database(f"sqlite:///{Path(folder, 'expected.db')}")
        try:
            with scratch.write() as expected:
                _fold(connection, scratch, expected, proofs)
                for proof in proofs:
                    yield proof.check(expected)
        finally:
            scratch.close()


def _kept(
    projections: Sequence[Projection], seen: Mapping[str, Checkpoint], there: set[str]
) -> Iterator[Check]:
    """If rows of before are kept for a way back: whether their tables stand and the log holds their place.

    What they say is not proved again: another version folded them, or they were found to be wrong.
    """
    pairs = [(p, seen[p.name + KEPT]) for p in projections if p.name in seen and p.name + KEPT in seen]
    failure = None
    for projection, kept in pairs:
        name = kept_table(projection, kept, seen[projection.name])
        if name not in there or not kept.true:
            why = (
                f"the log does not hold its position {kept.position}"
                if name in there
                else f"{name} is missing"
            )
            failure = failure or _failure(checkpoints, {"name": kept.name}, why)
    if pairs:
        yield Check("projections kept", failure is None, len(pairs), failure)


def _fold(connection: Connection, scratch: Database, expected: Connection, proofs: Sequence[_Proof]) -> None:
    """Read the log once, as far as any model has come, and fold it into the scratch tables."""
    for proof in proofs:
        proof.begin(scratch, expected)
    position, mapper = 0, FactMapper()
    while until := max((proof.until for proof in proofs if proof.until > position), default=0):
        query = (
            select(
                facts.c.originator_id,
                facts.c.originator_version,
                facts.c.topic,
                facts.c.state,
                facts.c.position,
            )
            .where(facts.c.position > position, facts.c.position <= until)
            .order_by(facts.c.position)
            .limit(_PAGE)
        )
        rows = connection.execute(query).all()
        if not rows:
            break
        page, unreadable = pages.read(mapper, rows)
        for proof in proofs:
            proof.add(expected, page, unreadable)
        position = rows[-1].position


class _Proof:
    """One model, its checkpoint, and what the log makes of both; `until` is where its fold ends."""

    def __init__(
        self,
        projection: Projection,
        checkpoint: Checkpoint | None,
        connection: Connection,
        there: set[str],
        skipped: frozenset[int],
    ) -> None:
        self._projection = projection
        self._skipped = skipped
        self._connection = connection
        self._table = projection.table
        self._there = self._table.name in there
        self._failure = self._of_checkpoint(checkpoint)
        self._rows: Rows | None = None
        self.until = checkpoint.position if checkpoint and not self._failure else 0

    def _of_checkpoint(self, at: Checkpoint | None) -> Failure | None:
        """What is wrong with the checkpoint by itself."""
        projection, row = self._projection, {"name": self._projection.name}
        if at is None:
            return None
        if at.version != projection.version:
            reason = f"version {at.version} is live, not {projection.version}"
            return _failure(checkpoints, row, reason)
        if at.position and at.true_leaf is None:
            return _failure(checkpoints, row, f"no fact stands at its position {at.position}")
        if not at.true:
            return _failure(checkpoints, row, f"the leaf is not that of position {at.position}")
        if at.failed_position is not None or at.reason is not None:
            return _failure(checkpoints, row, f"stopped at position {at.failed_position}: {at.reason}")
        if not self._there:
            return _failure(self._table, row, "the table is missing")
        return None

    def begin(self, scratch: Database, expected: Connection) -> None:
        """Make the empty table."""
        self._table.create(expected)
        self._rows = Rows(self._table, scratch)

    def add(self, expected: Connection, page: Sequence[Recorded], unreadable: Sequence[Broken]) -> None:
        """Fold a page, as far as the checkpoint goes."""
        mine = [recorded for recorded in page if recorded.position <= self.until]
        try:
            for broken in unreadable:
                if broken.position <= self.until and broken.position not in self._skipped:
                    raise broken
            if self._rows is not None and mine:
                pairs = concerns(self._projection, mine, self._skipped)
                stored_ = self._rows.load(expected, list(dict.fromkeys(key for key, _ in pairs)))
                self._rows.save(expected, folded(self._projection, stored_, pairs))
        except Broken as broken:
            self.until = 0
            self._failure = _failure(facts, {"position": broken.position}, broken.reason)

    def check(self, expected: Connection) -> Check:
        """The result: what was wrong so far, or else the first row that is not what the log makes it."""
        tally = Tally()
        if self._failure is None and self._there:
            self._failure = _compare(self._table, expected, self._connection, tally)
        name = f"projection {self._projection.name}"
        return Check(name, self._failure is None, tally.checked, self._failure)


class Tally:
    """How many rows were compared."""

    checked = 0


def _compare(table: Table, expected: Connection, found: Connection, tally: Tally) -> Failure | None:
    """Walk two tables in the order of their keys to the first difference."""
    with (
        closing(stored(table, expected, sort=True)) as wants,
        closing(stored(table, found, sort=True)) as rows,
    ):
        return next(difference(table, wants, rows, tally), None)


def difference(
    table: Table, wants: Iterator[tuple[Any, ...]], rows: Iterator[tuple[Any, ...]], tally: Tally
) -> Iterator[Failure]:
    """Every row that is not as wanted, by key; both sides are sorted."""
    width = len(table.primary_key)
    names = [column.name for column in table.columns]
    want, row = next(wants, None), next(rows, None)
    while want is not None or row is not None:
        if row is None or (want is not None and _order(want[:width]) < _order(row[:width])):
            assert want is not None  # noqa: S101 - one of the two is a row
            yield _failure(table, dict(zip(names, want[:width], strict=False)), "missing")
            want = next(wants, None)
        elif want is None or want[:width] != row[:width]:
            yield _failure(table, dict(zip(names, row[:width], strict=False)), "no fact stands for this row")
            row = next(rows, None)
        else:
            if reason := _reason(names, row, want):
                yield _failure(table, dict(zip(names, want[:width], strict=False)), reason)
            tally.checked += 1
            want, row = next(wants, None), next(rows, None)


def _reason(names: Sequence[str], row: Sequence[Any], want: Sequence[Any]) -> str:
    """Why two rows of the same key are not the same, "" if they are."""
    for name, is_, should_be in zip(names, row, want, strict=True):
        if type(is_) is not type(should_be) or is_ != should_be:
            return f"{name} is {_shown(is_)}, the facts make it {_shown(should_be)}"
    return ""


def stored(
    table: Table, connection: Connection, between: tuple[str, str] | None = None, *, sort: bool = False
) -> Generator[tuple[Any, ...]]:
    """All rows as the driver gives them, sorted by their keys byte by byte on either database.

    Of a table with one key column those alone whose keys stand `between`: from the first to before the
    second, which may be empty for no end.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    collate, mark = ("", "?") if is_sqlite else (' COLLATE "C"', "%s")
    keys = [f"{c.name}{collate if isinstance(c.type, Text) else ''}" for c in table.primary_key]
    columns = ", ".join(column.name for column in table.columns)
    text = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - names are ours
    bounds: tuple[str, ...] = ()
    if between is not None:
        bounds = between if between[1] else between[:1]
        text += f" WHERE {keys[0]} >= {mark}" + (f" AND {keys[0]} < {mark}" if between[1] else "")
    if sort:
        text += f" ORDER BY {', '.join(keys)}"
    with connection.exec_driver_sql(text, bounds, execution_options={"yield_per": _PAGE}) as result:
        for row in result:
            yield tuple(row)


def _order(key: Sequence[Any]) -> list[tuple[int, Any]]:
    """A key so that it compares as SQL sorts it: numbers before text before bytes, text by its bytes."""
    found: list[tuple[int, Any]] = []
    for value in key:
        if isinstance(value, str):
            found.append((1, value.encode()))
        else:
            found.append((2, value) if isinstance(value, bytes) else (0, value))
    return found


def _shown(value: object) -> str:
    """A value for people; bytes as the first of their hexadecimal digits."""
    return f"{value[:32].hex()}… ({len(value)} bytes)" if isinstance(value, bytes) else repr(value)


def _failure(table: Table, row: Mapping[str, object], reason: str) -> Failure:
    return {
        "table": table.name,
        "row": {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()},
        "reason": reason,
    }

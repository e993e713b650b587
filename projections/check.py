"""Proof of the read models: each is folded again from nothing and compared with its table row by row.

The rows that should be there are folded into a scratch database in a temporary file; then both tables are
read side by side in the order of their keys, so that memory stays flat however long the log is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eventsourcing.persistence import Notification
from sqlalchemy import Connection, Table, Text, inspect, select

from ledger.errors import Corrupt
from ledger.events.base import Recorded
from ledger.store.database import Database
from ledger.store.log import FactMapper
from ledger.store.schema import facts
from ledger.verify import Check
from projections.base import Broken, Projection, concerns, folded
from projections.store import BESIDE, Checkpoint, Rows, checkpoints, look

_PAGE = 2_000

Failure = dict[str, object]


def prove(projections: Sequence[Projection], connection: Connection) -> Iterator[Check]:
    """One check of the checkpoints, then one of each model, all of the state that `connection` sees."""
    there = set(inspect(connection).get_table_names())
    seen = look(connection) if checkpoints.name in there else {}
    known = {name for p in projections for name in (p.name, p.name + BESIDE)}
    unknown = min(seen.keys() - known, default=None)
    failure = unknown and _failure(checkpoints, {"name": unknown}, "there is no such projection")
    yield Check("projections", not failure, len(seen), failure or None)
    proofs = [_Proof(p, seen.get(p.name), connection, there) for p in projections]
    with TemporaryDirectory(prefix="verify-") as folder:
        scratch = Database(f"sqlite:///{Path(folder, 'expected.db')}")
        try:
            with scratch.write() as expected:
                _fold(connection, scratch, expected, proofs)
                for proof in proofs:
                    yield proof.check(expected)
        finally:
            scratch.close()


def _fold(connection: Connection, scratch: Database, expected: Connection, proofs: Sequence[_Proof]) -> None:
    """Read the log once, as far as any model has come, and fold it into the scratch tables."""
    for proof in proofs:
        proof.begin(scratch, expected)
    position = 0
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
        page, unreadable = _read(rows)
        for proof in proofs:
            proof.add(expected, page, unreadable)
        position = rows[-1].position


def _read(rows: Sequence[Any]) -> tuple[list[Recorded], Broken | None]:
    """The facts up to the first that cannot be read, and that one."""
    mapper = FactMapper()
    page: list[Recorded] = []
    with suppress(Corrupt):
        return mapper.recorded(rows), None
    for row in rows:
        try:
            page.append(mapper.to_domain_event(Notification(*row)))
        except Corrupt as error:
            return page, Broken(row.position, error)
    return page, None


class _Proof:
    """One model, its checkpoint, and what the log makes of both; `until` is where its fold ends."""

    def __init__(
        self, projection: Projection, checkpoint: Checkpoint | None, connection: Connection, there: set[str]
    ) -> None:
        self._projection = projection
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

    def add(self, expected: Connection, page: Sequence[Recorded], unreadable: Broken | None) -> None:
        """Fold a page, as far as the checkpoint goes."""
        mine = [recorded for recorded in page if recorded.position <= self.until]
        try:
            if self._rows is not None and mine:
                pairs = concerns(self._projection, mine)
                stored = self._rows.load(expected, list(dict.fromkeys(key for key, _ in pairs)))
                self._rows.save(expected, folded(self._projection, stored, pairs))
            if unreadable is not None and unreadable.position <= self.until:
                raise unreadable
        except Broken as broken:
            self.until = 0
            self._failure = _failure(facts, {"position": broken.position}, broken.reason)

    def check(self, expected: Connection) -> Check:
        """The result: what was wrong so far, or else the first row that is not what the log makes it."""
        tally = _Tally()
        if self._failure is None and self._there:
            self._failure = _compare(self._table, expected, self._connection, tally)
        name = f"projection {self._projection.name}"
        return Check(name, self._failure is None, tally.checked, self._failure)


class _Tally:
    """How many rows were compared."""

    checked = 0


def _compare(table: Table, expected: Connection, found: Connection, tally: _Tally) -> Failure | None:
    """Walk two tables in the order of their keys to the first difference."""
    with closing(_sorted(table, expected)) as wanted, closing(_sorted(table, found)) as there:
        return _first_difference(table, wanted, there, tally)


def _first_difference(
    table: Table, wanted: Iterator[tuple[Any, ...]], there: Iterator[tuple[Any, ...]], tally: _Tally
) -> Failure | None:
    width = len(table.primary_key)
    names = [column.name for column in table.columns]
    for want in wanted:
        row = next(there, None)
        place = dict(zip(names, want[:width], strict=False))
        if row is None or _order(want[:width]) < _order(row[:width]):
            return _failure(table, place, "missing")
        if _order(row[:width]) < _order(want[:width]):
            return _failure(table, dict(zip(names, row[:width], strict=False)), "no fact stands for this row")
        for name, is_, should_be in zip(names, row, want, strict=True):
            if type(is_) is not type(should_be) or is_ != should_be:
                return _failure(
                    table, place, f"{name} is {_shown(is_)}, the facts make it {_shown(should_be)}"
                )
        tally.checked += 1
    if (row := next(there, None)) is not None:
        return _failure(table, dict(zip(names, row[:width], strict=False)), "no fact stands for this row")
    return None


def _sorted(table: Table, connection: Connection) -> Generator[tuple[Any, ...]]:
    """All rows as the driver gives them, in the order of their keys byte by byte on either database."""
    collate = "" if connection.dialect.name == "sqlite" else ' COLLATE "C"'
    order = ", ".join(
        f"{column.name}{collate if isinstance(column.type, Text) else ''}" for column in table.primary_key
    )
    columns = ", ".join(column.name for column in table.columns)
    text = f"SELECT {columns} FROM {table.name} ORDER BY {order}"  # noqa: S608 - names are ours
    with connection.exec_driver_sql(text, execution_options={"yield_per": _PAGE}) as result:
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

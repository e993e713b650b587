"""The tables behind the read models: rows by key, the checkpoint of each model, and who works on it.

None of them is the truth: all may be dropped and are folded again from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import WeakSet

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    inspect,
    or_,
    select,
)
from sqlalchemy import LargeBinary as Bytes
from sqlalchemy.dialects import postgresql, sqlite

from ledger.codec import CODEC
from ledger.errors import Corrupt, ProjectionBehind
from ledger.events.projection import FactSkipped
from ledger.store import schema
from ledger.store.database import Database, Insert, Lookup
from projections.base import Key, Projection

tables = MetaData()
"""Everything here and the tables of the read models: made by the engine, unknown to migrations."""

checkpoints = Table(
    "projection_checkpoints",
    tables,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("leaf", Bytes, nullable=False),
    Column("failed_position", BigInteger),
    Column("reason", Text),
    sqlite_with_rowid=False,
)
"""How far each model is folded. `leaf` is the hash of the fact there: a checkpoint moved by hand shows.

`failed_position` and `reason` name the fact at which the model stopped, if it did.
"""

leases = Table(
    "projection_leases",
    tables,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Which process works on which model, until when (UTC microseconds). A courtesy that saves work done twice:
what keeps the rows right is that checkpoints move only from where they were read."""

BESIDE = ".rebuild"
"""What the name of a model's checkpoint ends with while the model is rebuilt beside the live one."""
KEPT = ".kept"
"""What it ends with for the rows that were live before the last switch: one generation, for a way back."""


class Checkpoint(NamedTuple):
    """The state of a model: its row in `checkpoints`, the log's own leaf there, and its lease."""

    name: str
    version: int
    position: int
    leaf: bytes
    failed_position: int | None
    reason: str | None
    true_leaf: bytes | None = None
    holder: str | None = None
    expires_at: int | None = None

    @property
    def true(self) -> bool:
        """Whether the log still holds the fact that was folded last."""
        return self.leaf == (self.true_leaf if self.position else b"")


# Correlated, so that it is a lookup by key whatever the planner knows about tables that are new.
_true_leaf = (
    select(schema.facts.c.leaf).where(schema.facts.c.position == checkpoints.c.position).scalar_subquery()
)
_LOOK = select(checkpoints, _true_leaf, leases.c.holder, leases.c.expires_at).outerjoin(
    leases, leases.c.name == checkpoints.c.name
)


def look(connection: Connection) -> dict[str, Checkpoint]:
    """Every checkpoint by its model's name."""
    return {row[0]: Checkpoint(*row) for row in connection.execute(_LOOK)}


def hold(connection: Connection, names: Iterable[str]) -> None:
    """Keep others from moving some checkpoints until the transaction ends.

    Whoever moves several takes them in this one order, so that no two wait for each other.
    """
    order = checkpoints.c.name if connection.dialect.name == "sqlite" else checkpoints.c.name.collate("C")
    query = select(checkpoints.c.name).where(checkpoints.c.name.in_(names)).order_by(order)
    connection.execute(query.with_for_update()).all()


def left_out(connection: Connection, names: Iterable[str]) -> dict[str, frozenset[int]]:
    """The positions that people decided a model leaves out, by the name of its checkpoint."""
    streams = {name: f"projection-{name.removesuffix(BESIDE)}" for name in names}
    columns = schema.facts.c
    query = select(columns.originator_id, columns.topic, columns.state)
    found: dict[str, set[int]] = {stream: set() for stream in streams.values()}
    for stream, topic, state in connection.execute(query.where(columns.originator_id.in_(found))):
        with suppress(Corrupt):  # Then a model stops there, as it does at any fact that cannot be read.
            fact = CODEC.decode(topic, state)[1]
            if isinstance(fact, FactSkipped):
                found[stream].add(fact.position)
    return {name: frozenset(found[stream]) for name, stream in streams.items()}


_MADE: WeakSet[Engine] = WeakSet()


def _made(connection: Connection) -> bool:
    """Whether an engine ever made its tables in this database; asked once, for they stay."""
    if connection.engine not in _MADE and inspect(connection).has_table(checkpoints.name):
        _MADE.add(connection.engine)
    return connection.engine in _MADE


def reached(connection: Connection, projection: Projection) -> int:
    """The position a model is folded up to; raises ProjectionBehind if this version of it is not built."""
    if _made(connection):
        query = select(checkpoints.c.position).where(
            checkpoints.c.name == projection.name, checkpoints.c.version == projection.version
        )
        position: int | None = connection.execute(query).scalar()
        if position is not None:
            return position
    raise ProjectionBehind(f"{projection.name} version {projection.version} is not built.")


def take_lease(connection: Connection, name: str, holder: str, now: int, until: int) -> bool:
    """Take or renew the lease of a model unless another holds it; times in UTC microseconds."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(leases).values(name=name, holder=holder, expires_at=until)
    taken = new.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": new.excluded.holder, "expires_at": new.excluded.expires_at},
        where=or_(leases.c.holder == holder, leases.c.expires_at < now),
    ).returning(leases.c.name)
    return connection.execute(taken).first() is not None


class Rows:
    """The rows of one table by key: loaded with one query, put with one statement, removed."""

    def __init__(self, table: Table, database: Database) -> None:
        """Prepare the statements for one database."""
        self._keys = [column.name for column in table.primary_key]
        names = [column.name for column in table.columns]
        self._put = Insert(table, database, replace=[name for name in names if name not in self._keys])
        columns = ", ".join(f"{table.name}.{name}" for name in names)
        self._is_sqlite = database.is_sqlite
        self._one = Lookup(database, columns, table.name, self._keys[0]) if len(self._keys) == 1 else None
        self._many = self._lookup(table, columns)
        mark = "?" if self._is_sqlite else "%s"
        where = " AND ".join(f"{name} = {mark}" for name in self._keys)
        self._remove = f"DELETE FROM {table.name} WHERE {where}"  # noqa: S608 - names are ours

    def _lookup(self, table: Table, columns: str) -> str:
        """Rows by keys of several columns: the list is the outer loop, the primary key the inner."""
        if self._is_sqlite:
            keys = "json_each(?) AS wanted CROSS JOIN"
            values = [f"json_extract(wanted.value, '$[{i}]')" for i in range(len(self._keys))]
        else:
            kinds = [
                "bigint[]" if isinstance(table.c[name].type, Integer) else "text[]" for name in self._keys
            ]
            arrays = ", ".join(f"%s::{kind}" for kind in kinds)
            values = [f"wanted.k{i}" for i in range(len(self._keys))]
            keys = f"unnest({arrays}) AS wanted({', '.join(f'k{i}' for i in range(len(values)))}) JOIN"
        join = " AND ".join(
            f"{table.name}.{name} = {value}" for name, value in zip(self._keys, values, strict=True)
        )
        return f"SELECT {columns} FROM {keys} {table.name} ON {join}"  # noqa: S608 - names are ours

    def load(self, connection: Connection, keys: Sequence[Key]) -> Mapping[Key, Sequence[Any]]:
        """The stored tuples of those keys that have a row."""
        if not keys:
            return {}
        if self._one is not None:
            return {row[0]: row for row in self._one(connection, keys)}
        parameters = (
            (msgspec.json.encode(keys).decode(),)
            if self._is_sqlite
            else tuple(list(column) for column in zip(*keys, strict=True))
        )
        width = len(self._keys)
        return {
            tuple(row[:width]): row for row in connection.exec_driver_sql(self._many, parameters).fetchall()
        }

    def save(self, connection: Connection, rows: Mapping[Key, tuple[Any, ...] | None]) -> None:
        """Put the tuples, and remove the rows that are None."""
        self._put(connection, [row for row in rows.values() if row is not None])
        gone = [key for key, row in rows.items() if row is None]
        if gone:
            several = self._one is None
            connection.exec_driver_sql(self._remove, [tuple(key) if several else (key,) for key in gone])

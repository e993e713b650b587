"""The generations of a model's rows: the live ones, those built beside them, those kept for a way back.

A generation is a table and a checkpoint. They change places in one transaction; who reads sees the rows of
before or those of after, never a mixture.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, MetaData, Table, and_, delete, exists, inspect, select, text, update
from sqlalchemy.sql import quoted_name

from ledger.errors import Missing, WrongState
from ledger.store.database import Database
from projections.base import Projection
from projections.store import BESIDE, KEPT, Checkpoint, checkpoints, hold, leases, look

_SLICE = 5_000
"""Rows that are removed in one transaction where only one may write at a time."""


def beside(projection: Projection) -> Projection:
    """The same model under another name, in a table of its own."""
    table = _renamed(projection.table, f"{projection.table.name}_rebuild")
    return projection._replace(name=projection.name + BESIDE, table=table)


def _renamed(table: Table, name: str) -> Table:
    """The same table by another name; its indexes take names that are free."""
    copy = table.to_metadata(MetaData(), name=name)
    token = secrets.token_hex(4)
    for index in copy.indexes:
        index.name = quoted_name(f"{index.name}_{token}", quote=None)
    return copy


def kept_table(projection: Projection, kept: Checkpoint, live: Checkpoint) -> str:
    """What the table of the kept generation is called: by its version, unless the live one is of the same."""
    name = f"{projection.table.name.removesuffix(f'_v{projection.version}')}_v{kept.version}"
    return f"{name}_kept" if kept.version == live.version else name


def begin(connection: Connection, projection: Projection) -> None:
    """An empty table and a checkpoint before the first fact."""
    projection.table.drop(connection, checkfirst=True)
    for index in projection.table.indexes:
        # Not index.drop, which asks this table for it: the rows that are kept may have taken it with them.
        connection.execute(text(f"DROP INDEX IF EXISTS {index.name}"))
    projection.table.create(connection)
    connection.execute(delete(checkpoints).where(checkpoints.c.name == projection.name))
    first = {"name": projection.name, "version": projection.version, "position": 0, "leaf": b""}
    connection.execute(checkpoints.insert().values(first))


def end(connection: Connection, besides: Iterable[Projection]) -> None:
    """Leave nothing of what was built beside, but for what has taken its place."""
    for each in besides:
        each.table.drop(connection, checkfirst=True)
        connection.execute(delete(checkpoints).where(checkpoints.c.name == each.name))
        connection.execute(delete(leases).where(leases.c.name == each.name))


def locked(connection: Connection, projection: Projection) -> dict[str, Checkpoint]:
    """All checkpoints, while nobody else moves those of this model."""
    hold(connection, (projection.name, projection.name + BESIDE, projection.name + KEPT))
    return look(connection)


def empty(database: Database, name: str) -> None:
    """Remove the rows of a table that nobody reads any more, so that nobody waits while it is dropped."""
    with database.read() as connection:
        if not database.is_sqlite or name not in inspect(connection).get_table_names():
            return
        keys = ", ".join(inspect(connection).get_pk_constraint(name)["constrained_columns"])
    some = f"DELETE FROM {name} WHERE ({keys}) IN (SELECT {keys} FROM {name} LIMIT {_SLICE})"  # noqa: S608 - names are ours
    removed = _SLICE
    while removed == _SLICE:
        with database.write() as connection:
            removed = connection.exec_driver_sql(some).rowcount


def give_up(database: Database, live: Projection) -> None:
    """Remove what is kept of a model: from now on there is no way back to it."""
    with database.write() as connection:
        seen = locked(connection, live)
        kept = seen.get(live.name + KEPT)
        if kept is None:
            return
        _forget(connection, kept.name)
    name = kept_table(live, kept, seen[live.name])
    empty(database, name)
    with database.write() as connection:
        _drop(connection, name)


def switch(connection: Connection, live: Projection, seen: dict[str, Checkpoint]) -> None:
    """Let the rows built beside be the live ones, and keep those that were; `seen` is what `locked` said.

    What was kept before has been given up.
    """
    at, built, kept = seen[live.name], f"{live.table.name}_rebuild", f"{live.table.name}_kept"
    if at.version == live.version and at.position:
        _drop(connection, kept)
        _exchange(connection, live.table, built, kept)
    else:
        _drop(connection, live.table.name)
        _rename(connection, built, live.table.name)
    if at.position and at.true:
        _call(connection, live.name, live.name + KEPT)
    else:
        _forget(connection, live.name)
        _drop(connection, kept)
    _call(connection, live.name + BESIDE, live.name)


def back(connection: Connection, live: Projection) -> None:
    """Let the kept rows be the live ones again, and keep those that are.

    Raises Missing where nothing is kept, and WrongState where another program folds what is kept.
    """
    seen = locked(connection, live)
    at, kept = seen[live.name], seen.get(live.name + KEPT)
    if kept is None:
        raise Missing(f"Nothing is kept of {live.name}.", field="projection")
    if kept.version != live.version:
        detail = (
            f"What is kept of {live.name} is version {kept.version}: the program that folds it goes back."
        )
        raise WrongState(detail, field="projection")
    if not kept.true:
        raise WrongState(f"The log does not hold what is kept of {live.name}.", field="projection")
    if at.version == live.version:
        name, aside = f"{live.table.name}_kept", f"{live.table.name}_rebuild"
        _exchange(connection, live.table, name, aside)
        _rename(connection, aside, name)
    _call(connection, live.name, live.name + BESIDE)
    _call(connection, live.name + KEPT, live.name)
    _call(connection, live.name + BESIDE, live.name + KEPT)


def _exchange(connection: Connection, live: Table, coming: str, going: str) -> None:
    """The rows of the table `coming` become the live ones; those go to the table `going`.

    By names on SQLite, where a reader keeps the tables as it found them. A transaction on PostgreSQL that
    began before would read the new table as it was then: there the rows change, of which it sees the old.
    """
    if connection.dialect.name == "sqlite":
        _rename(connection, live.name, going)
        _rename(connection, coming, live.name)
        return
    connection.execute(text(f"CREATE TABLE {going} (LIKE {live.name} INCLUDING ALL)"))
    connection.execute(text(f"INSERT INTO {going} SELECT * FROM {live.name}"))  # noqa: S608 - names are ours
    _replace(connection, live, _renamed(live, coming))
    _drop(connection, coming)


def _replace(connection: Connection, live: Table, other: Table) -> None:
    """Make the live rows those of another table, touching only what differs."""
    key = and_(*(live.c[column.name] == other.c[column.name] for column in live.primary_key))
    others = [column.name for column in live.columns if not column.primary_key]
    same = and_(key, *(live.c[name].is_not_distinct_from(other.c[name]) for name in others))
    connection.execute(delete(live).where(~exists().where(same)))
    missing = select(other).where(~exists().where(key))
    connection.execute(live.insert().from_select([column.name for column in live.columns], missing))


def _rename(connection: Connection, name: str, new: str) -> None:
    connection.execute(text(f"ALTER TABLE {name} RENAME TO {new}"))


def _drop(connection: Connection, name: str) -> None:
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


def _call(connection: Connection, name: str, new: str) -> None:
    connection.execute(update(checkpoints).where(checkpoints.c.name == name).values(name=new))


def _forget(connection: Connection, name: str) -> None:
    connection.execute(delete(checkpoints).where(checkpoints.c.name == name))

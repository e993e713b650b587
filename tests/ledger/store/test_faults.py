"""Real faults: a full or failing disk, a lost server, a busy database. Nothing is done by half or twice."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from ledger.errors import LedgerError, OutcomeUnknown, StorageUnavailable
from ledger.store.database import Database
from ledger.store.log import FactRecorder
from ledger.store.migrate import migrate
from ledger.writer import Result, Writer
from tests.ledger.store.requests import balances, counts, proven, record, streams


@pytest.fixture
def file(sqlite_url: str):
    database = Database(sqlite_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def server(postgres_url: str):
    database = Database(postgres_url)
    migrate(database)
    yield database
    database.close()


# The disk.


def test_a_full_disk(file: Database):
    """SQLite may not take another page of the file, as if the disk had none."""
    pages = {"most": 1 << 30}

    @event.listens_for(file.engine, "begin")
    def limit(connection: sa.Connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages['most']}")

    writer = Writer(file)
    writer.execute(record("p:0"))
    before = counts(file)
    with file.read() as connection:
        pages["most"] = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 2
    requests = [record(f"p:{number}") for number in range(1, 200)]
    with pytest.raises(StorageUnavailable, match="full"):
        writer.execute_many(requests)
    with ThreadPoolExecutor(len(requests)) as pool:
        waiting = [pool.submit(writer.execute, request) for request in requests]
    refused = [done for done in waiting if done.exception()]
    assert refused
    assert {type(done.exception()) for done in refused} == {StorageUnavailable}
    written = len(requests) - len(refused)
    assert proven(file) == before["facts"] + 3 * written
    pages["most"] = 1 << 30
    again = writer.execute_many(requests)
    assert sum(answer.hit for answer in again if isinstance(answer, Result)) == written
    assert proven(file) == 3 * 200
    writer.close()


@contextmanager
def no_file_grows() -> Iterator[None]:
    """The kernel lets no file of this process grow: what SQLite then sees is a disk that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fails_in_the_commit(file: Database):
    """Whether such a commit is found after a crash of the machine nobody knows; the same key asks."""
    writer = Writer(file)
    first = writer.execute(record("p:0"))
    before = counts(file)
    with no_file_grows(), pytest.raises(OutcomeUnknown, match="I/O"):
        writer.execute(record("p:1"))
    assert counts(file) == before
    assert writer.execute(record("p:1")) == first._replace(first_position=4)
    assert proven(file) == 6
    writer.close()


def test_a_busy_database_is_waited_for(file: Database):
    """Another process holds the write lock for a second."""
    program = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "time.sleep(1)\n"
        "connection.execute('ROLLBACK')\n"
        "connection.close()\n"
    )
    command = [sys.executable, "-c", program, str(file.url.database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        writer = Writer(file)
        assert FactRecorder(file).max_notification_id() is None  # Readers do not wait.
        started = time.monotonic()
        assert writer.execute(record("p:1")) == Result(1, 3)
        assert 0.5 < time.monotonic() - started < 10
    writer.close()


def test_a_file_that_is_no_database(tmp_path: Path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear ledger,\n" * 1_000, encoding="utf-8")
    database = Database(f"sqlite:///{path}")
    writer = Writer(database)
    with pytest.raises(StorageUnavailable, match="not a database"):
        migrate(database)
    with pytest.raises(StorageUnavailable, match="not a database"):
        writer.execute(record("p:1"))
    writer.close()
    database.close()


# The server.


class Killer:
    """Ends server processes as an administrator may, from a connection of its own."""

    def __init__(self, database: Database):
        self.name = database.url.database
        self.engine = sa.create_engine(database.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self.killed = 0

    def kill(self, connection: sa.PoolProxiedConnection | sa.Connection) -> psycopg.Connection:
        """End the server's side of a connection; answers our side of it."""
        if isinstance(connection, sa.Connection):
            connection = connection.connection
        driver = connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        self.kill_where("pid = :pid", pid=driver.info.backend_pid)
        return driver

    def kill_where(self, condition: str, **values: object) -> None:
        """End the processes of this database for which the condition holds, and wait until they are gone."""
        mine = sa.text("datname = :name AND pid <> pg_backend_pid()")
        query = sa.select(sa.column("pid", sa.Integer)).select_from(sa.table("pg_stat_activity"))
        with self.engine.connect() as own:
            found = own.scalars(query.where(mine, sa.text(condition)), {"name": self.name, **values})
            for pid in found.all():
                own.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
                self.killed += 1


@pytest.mark.parametrize("statement", ["SELECT position", "SELECT key", "INSERT INTO facts", "UPDATE head"])
def test_a_connection_lost_before_the_commit(statement: str, server: Database):
    killer, writer = Killer(server), Writer(server)
    writer.execute(record("p:0"))

    @event.listens_for(server.engine, "before_cursor_execute")
    def lose(connection: sa.Connection, _cursor: object, text: str, *_: object):
        if text.startswith(statement) and not killer.killed:
            killer.kill(connection)

    assert writer.execute(record("p:1")) == Result(4, 3)
    assert killer.killed == 1
    assert writer.execute(record("p:2")) == Result(7, 3)
    assert proven(server) == 9
    writer.close()


@pytest.mark.parametrize(
    "arrived", [False, True], ids=["before the server has it", "before its answer arrives"]
)
@pytest.mark.parametrize("rival", [False, True], ids=["alone", "another writes in between"])
def test_a_connection_lost_in_the_commit(
    arrived: bool, rival: bool, server: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The writer asks on a new connection whether its commit is there, and does it once more only if not."""
    killer, writer, other = Killer(server), Writer(server), Database(postgres_url)
    writer.execute(record("p:0"))
    commit = server.engine.dialect.do_commit

    def lose(connection: sa.PoolProxiedConnection):
        if not killer.killed:
            if arrived:
                commit(connection)
            lost = killer.kill(connection)
            if rival:
                Writer(other).execute_many([record("p:rival")])
            lost.execute("SELECT 1")
        commit(connection)

    monkeypatch.setattr(server.engine.dialect, "do_commit", lose)
    result = writer.execute(record("p:1"))
    assert killer.killed == 1
    assert result == Result(7 if rival and not arrived else 4, 3)
    assert streams(server)[result.first_position - 1 : result.last_position] == ["order-p:1"] * 3
    assert writer.execute(record("p:1")) == result._replace(hit=True)
    assert writer.execute(record("p:2")).hit is False
    assert proven(server) == 12 if rival else 9
    assert balances(server)["commission"] == (2000 if rival else 1500)
    writer.close()
    other.close()


def test_a_server_that_is_lost_again_and_again(server: Database, monkeypatch: pytest.MonkeyPatch):
    """Whoever was not answered is told that nobody knows; the same key knows."""
    killer, writer = Killer(server), Writer(server)
    commit = server.engine.dialect.do_commit

    def lose(connection: sa.PoolProxiedConnection):
        commit(connection)
        killer.kill(connection).execute("SELECT 1")

    with monkeypatch.context() as patch:
        patch.setattr(server.engine.dialect, "do_commit", lose)
        with pytest.raises(OutcomeUnknown):
            writer.execute(record("p:1"))
    assert killer.killed == 3
    assert writer.execute(record("p:1")) == Result(1, 3, hit=True)
    assert proven(server) == 3
    writer.close()


@pytest.mark.slow
def test_connections_lost_at_any_moment(server: Database):
    """Eight write while their connections are ended at random; each order is there once."""
    killer, writers, done = Killer(server), (Writer(server), Writer(server)), threading.Event()

    def run(name: int) -> dict[str, Result | LedgerError]:
        answers: dict[str, Result | LedgerError] = {}
        for number in range(30):
            order = f"p:{name}-{number}"
            try:
                answers[order] = writers[name % 2].execute(record(order))
            except LedgerError as error:
                answers[order] = error
        return answers

    def kill():
        while not done.wait(0.02):
            killer.kill_where("(query LIKE '%head%' OR query LIKE 'INSERT%' OR query = 'COMMIT')")

    with ThreadPoolExecutor(9) as pool:
        killing = pool.submit(kill)
        answers = {order: answer for found in pool.map(run, range(8)) for order, answer in found.items()}
        done.set()
        killing.result()
    assert killer.killed > 0
    in_place = streams(server)
    for order, answer in answers.items():
        if isinstance(answer, Result):
            assert in_place[answer.first_position - 1 : answer.last_position] == [f"order-{order}"] * 3
        else:
            assert type(answer) in {OutcomeUnknown, StorageUnavailable}
        again = writers[0].execute(record(order))
        assert again.hit or not isinstance(answer, Result)
        assert not again.hit or not isinstance(answer, StorageUnavailable)
    assert proven(server) == 3 * len(answers)
    for writer in writers:
        writer.close()


def test_no_server_at_all():
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    writer = Writer(database)
    with pytest.raises(StorageUnavailable, match="refused"):
        writer.execute(record("p:1"))
    with pytest.raises(StorageUnavailable, match="refused"):
        migrate(database)
    writer.close()
    database.close()


def test_no_free_connection(database: Database, writer: Writer):
    """All connections of the pool are taken and none comes back in time."""
    pool = database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    pool._timeout = 0.1
    taken = [database.engine.connect() for _ in range(8 + 32)]
    with pytest.raises(StorageUnavailable, match="QueuePool"):
        writer.execute(record("p:1"))
    for connection in taken:
        connection.close()
    assert writer.execute(record("p:1")) == Result(1, 3)

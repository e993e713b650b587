"""The engine: whatever the batches, processes and crashes, the rows are those of one fold over the log."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
from eventsourcing import persistence as es
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from ledger.decisions.base import kind
from ledger.errors import Missing, ProjectionBehind
from ledger.store import schema
from ledger.store.database import Database
from projections import engine as engine_module
from projections.base import Projection
from projections.catalogue import PROJECTIONS
from projections.engine import Engine, Status
from projections.order_status import ORDER_STATUS
from projections.store import checkpoints, leases, look, take_lease
from tests.projections.models import as_folded, counting
from tests.projections.story import busy, busy_facts, log_of, place, rows, stored, write

BUSY = busy_facts(7, 900)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@given(cuts=st.sets(st.integers(1, len(BUSY))))
@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_no_split_of_the_log_into_batches_changes_a_row(projection: Projection, cuts: set[int]):
    assert rows(projection, BUSY, cuts) == WHOLE[projection.name]


WHOLE = {projection.name: rows(projection, BUSY) for projection in PROJECTIONS}


@pytest.mark.parametrize("batch", [1, 7, 2_000])
def test_the_size_of_a_batch_does_not_matter(database: Database, batch: int):
    write(database, busy(3, 120 if batch == 1 else 600))
    engine = Engine(database, batch=batch)
    engine.catch_up()
    assert {status.lag for status in engine.status()} == {0}
    assert as_folded(database)


def test_catching_up_in_parts(database: Database):
    engine = Engine(database)
    last = write(database, busy(4, 200))
    engine.catch_up(last // 3, ["refunds"])
    positions = {status.name: status.position for status in engine.status()}
    assert positions["refunds"] >= last // 3
    assert positions["order_status"] == 0
    engine.catch_up()
    write(database, busy(5, 200))
    engine.catch_up()
    assert as_folded(database)


def test_an_empty_ledger_has_nothing_to_catch_up_with(database: Database):
    write(database, [])
    engine = Engine(database)
    engine.catch_up()
    assert engine.status()[0] == Status("order_status", 4, 0, 0, 0, "", None, "")
    assert as_folded(database)


def test_a_position_that_does_not_come(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_module, "PATIENCE_S", 0.1)
    last = write(database, [place("p:1")])
    with pytest.raises(ProjectionBehind, match=f"the head is at {last}"):
        Engine(database).catch_up(last + 1)
    with pytest.raises(Missing, match="nonsense"):
        Engine(database).catch_up(names=["nonsense"])


def test_threads_that_catch_up_at_once(database: Database):
    write(database, busy(6, 300))
    engines = [Engine(database, models, batch=20) for models in (PROJECTIONS, PROJECTIONS[::-1])]
    failures: list[BaseException] = []

    def catch_up(engine: Engine) -> None:
        try:
            engine.catch_up()
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=catch_up, args=(engine,)) for engine in engines * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert as_folded(database)


# A fact that breaks a fold.


@pytest.mark.parametrize("how", ["fold", "null"])
def test_a_broken_fold_stops_only_itself_and_is_shown(database: Database, how: str):
    last = write(database, busy(8, 200))
    broken = next(each.position for each in log_of(database)[40:] if kind(each.stream) == "order")
    model = counting(breaks_at=broken, shown=how)
    engine = Engine(database, (*PROJECTIONS, model))
    with pytest.raises(ProjectionBehind, match=f"counting is at {broken - 1}; stopped at position {broken}"):
        engine.catch_up()
    *others, status = engine.status()
    assert {other.position for other in others} == {last}
    assert (status.position, status.failed_position, status.lag) == (broken - 1, broken, last - broken + 1)
    assert ("not ready" if how == "fold" else "IntegrityError") in status.reason
    assert stored(database, model) == rows(model, log_of(database)[: broken - 1])
    for projection in PROJECTIONS:
        assert stored(database, projection) == rows(projection, log_of(database))
    with database.snapshot() as connection:
        failed = [check for check in engine.check(connection) if not check.ok]
    assert [check.name for check in failed] == ["projection counting"]
    # Whoever has a fold that can take the fact goes on from there.
    mended = counting()
    Engine(database, (mended,)).catch_up()
    assert as_folded(database, projections=(*PROJECTIONS, mended))
    assert Engine(database, (mended,)).status()[0].reason == ""


def test_what_a_reader_asked_for_before_the_broken_fact_is_there(database: Database):
    write(database, busy(8, 200))
    broken = next(each.position for each in log_of(database)[40:] if kind(each.stream) == "order")
    engine = Engine(database, (counting(breaks_at=broken),))
    engine.catch_up(broken - 1)
    with pytest.raises(ProjectionBehind):
        engine.catch_up(broken)


def test_a_fact_that_cannot_be_read_stops_every_model_before_it(database: Database):
    write(database, busy(9, 100))
    with database.write() as connection:
        connection.execute(update(schema.facts).where(schema.facts.c.position == 20).values(state=b"\x01"))
    engine = Engine(database)
    with pytest.raises(ProjectionBehind, match="stopped at position 20: Corrupt"):
        engine.catch_up()
    assert {(status.position, status.failed_position) for status in engine.status()} == {(19, 20)}


def test_nothing_is_folded_onto_a_checkpoint_that_the_log_does_not_know(database: Database):
    write(database, busy(9, 100))
    engine = Engine(database)
    engine.catch_up(40)
    with database.write() as connection:
        connection.execute(update(checkpoints).values(position=checkpoints.c.position - 1))
    write(database, busy(10, 50))
    with pytest.raises(ProjectionBehind, match="rebuild it"):
        engine.catch_up()
    engine.rebuild()
    engine.catch_up()
    assert as_folded(database)


def test_a_lost_table_or_checkpoint_is_folded_again(database: Database):
    write(database, busy(9, 100))
    Engine(database).catch_up()
    with database.write() as connection:
        connection.execute(text("DROP TABLE p_order_status_v4"))
        connection.execute(text("DELETE FROM projection_checkpoints WHERE name = 'refunds'"))
    Engine(database).catch_up()
    assert as_folded(database)


# Following.


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def until(reached: Any, seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not reached():
        assert monotonic() < deadline
        sleep(0.005)


def test_the_engine_follows_commits(database: Database):
    write(database, busy(18, 100))
    engine, watcher = Engine(database), Engine(database)
    with running(engine):
        until(lambda: {status.lag for status in watcher.status()} == {0})
        for seed in (19, 20):
            begun = monotonic()
            write(database, busy(seed, 50))
            until(lambda: {status.lag for status in watcher.status()} == {0})
            assert monotonic() - begun < 5
        assert {status.holder for status in watcher.status()} == {engine.holder}
    assert {status.holder for status in watcher.status()} == {""}
    assert as_folded(database)


def test_the_engine_outlives_a_database_that_is_away(database: Database, monkeypatch: pytest.MonkeyPatch):
    write(database, busy(18, 50))
    engine = Engine(database)
    really, troubles = engine._folder.recorder.select_notifications, iter([es.OperationalError("gone")])

    def select_notifications(*args: Any, **kwargs: Any) -> Any:
        for trouble in troubles:
            raise trouble
        return really(*args, **kwargs)

    monkeypatch.setattr(engine._folder.recorder, "select_notifications", select_notifications)
    with running(engine):
        until(lambda: {status.lag for status in Engine(database).status()} == {0})
    assert as_folded(database)


def test_a_new_version_is_built_while_the_others_go_on(database: Database):
    write(database, busy(17, 150))
    Engine(database, (counting(),)).catch_up()
    new = counting("p_counting_v2", version=2)
    engine = Engine(database, (*PROJECTIONS, new))
    with running(engine):
        until(
            lambda: (
                {(status.lag, status.reason) for status in Engine(database, (*PROJECTIONS, new)).status()}
                == {(0, "")}
            )
        )
    assert as_folded(database, projections=(*PROJECTIONS, new))


def test_engines_take_the_leases_in_turn(database: Database):
    write(database, busy(21, 50))
    four = PROJECTIONS[:4]
    first, second = Engine(database, four), Engine(database, four)
    shares = []
    for engine in (first, second, first, second, first):
        seen, _ = engine._look()
        shares.append({projection.name for projection in engine._leased(four, seen)})
    assert [len(share) for share in shares] == [1, 1, 2, 2, 2]
    assert shares[3] | shares[4] == {projection.name for projection in four}
    assert not shares[3] & shares[4]


def test_a_lease_ends_when_its_holder_is_dead(database: Database):
    write(database, [])
    Engine(database).status()  # It makes the tables.
    with database.write() as connection:
        assert take_lease(connection, "m", "A", 100, 200)
        assert not take_lease(connection, "m", "B", 150, 250)
        assert take_lease(connection, "m", "A", 150, 250)
        assert not take_lease(connection, "m", "B", 250, 350)
        assert take_lease(connection, "m", "B", 251, 351)
        assert connection.execute(select(leases.c.holder)).scalars().all() == ["B"]


@contextmanager
def process(url: str, batch: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs an engine; killed at the end unless it has been asked to stop."""
    command = [sys.executable, "-m", "tests.projections.engine_process", url, str(batch)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.slow
def test_two_processes_share_the_work(database: Database, database_url: str):
    write(database, busy(22, 100))
    with process(database_url, 40) as first, process(database_url, 40) as second:
        for seed in range(23, 31):
            write(database, busy(seed, 150))
            Engine(database).catch_up(names=["refunds"])
        until(lambda: {status.lag for status in Engine(database).status()} == {0})
        for each in (first, second):
            each.communicate(timeout=20)
            assert each.returncode == 0
    assert as_folded(database)


@pytest.mark.slow
def test_an_engine_that_is_killed_leaves_whole_batches(database: Database, database_url: str):
    last = write(database, busy(31, 700))
    watcher = Engine(database)
    for part in (1, 2):
        with process(database_url, 5) as running:
            until(lambda: max(status.position for status in watcher.status()) > last * part // 4)  # noqa: B023
            running.kill()
            running.wait()
        reached = {status.name: status.position for status in watcher.status()}
        for projection in PROJECTIONS:
            log = log_of(database)[: reached[projection.name]]
            assert stored(database, projection) == rows(projection, log)
        with database.write() as connection:
            connection.execute(leases.delete())  # Nobody waits ten seconds in a test.
    watcher.catch_up()
    assert as_folded(database)


def test_the_checkpoint_holds_the_leaf_of_its_fact(database: Database):
    write(database, busy(32, 60))
    engine = Engine(database, batch=7)
    engine.catch_up()
    leaf = select(schema.facts.c.leaf).order_by(schema.facts.c.position.desc()).limit(1)
    with database.read() as connection:
        expected = connection.execute(leaf).scalar_one()
        assert {each.leaf for each in look(connection).values()} == {expected}
        assert connection.execute(select(func.count()).select_from(checkpoints)).scalar_one() == len(
            PROJECTIONS
        )
    assert ORDER_STATUS in PROJECTIONS

"""Rebuilding: beside the live rows, compared with them, never switched in where only a person may say so."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import pytest
from sqlalchemy import inspect, text, update

from ledger import time
from ledger.books import Clocks
from ledger.decisions.base import Request, identifier, kind
from ledger.decisions.projection import SkipFact
from ledger.errors import Missing, ProjectionBehind, ProjectionDiffers, StorageUnavailable, WrongState
from ledger.events.base import Recorded
from ledger.store import schema
from ledger.store.database import Database
from ledger.writer import Writer
from projections import crew as crew_module
from projections import parts, rebuild, then
from projections.base import Projection
from projections.catalogue import PROJECTIONS
from projections.engine import Engine, Status
from projections.order_status import ORDER_STATUS, order_view
from projections.parts import deal
from projections.store import leases, look, take_lease
from tests.projections.models import as_folded, counting
from tests.projections.story import assured, busy, busy_facts, log_of, place, rows, stored, write

OWN = [projection for projection in PROJECTIONS if projection.own]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def do(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def nothing_beside(database: Database) -> bool:
    """Whether no rebuild has left anything."""
    with database.read() as connection:
        assert not [name for name in look(connection) if name.endswith(".rebuild")]
        assert not connection.execute(leases.select()).all()
    return not [name for name in tables(database) if name.endswith("_rebuild")]


# The same rows.


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_comes_out_the_same_stays(database: Database, processes: int):
    """Parked, late, voided and corrected facts are all among what happens in the busy shops."""
    last = write(database, [*busy(13, 400), *assured()])
    engine = Engine(database, batch=50)
    engine.catch_up()
    before, names = [stored(database, projection) for projection in PROJECTIONS], tables(database)
    found = engine.rebuild(processes=processes)
    assert {(each.outcome, each.position) for each in found} == {("same", last)}
    assert [each.rows for each in found] == [len(rows) for rows in before]
    assert [stored(database, projection) for projection in PROJECTIONS] == before
    assert tables(database) == names
    assert nothing_beside(database)
    assert {status.kept for status in engine.status()} == {None}
    assert as_folded(database)


@pytest.mark.parametrize("processes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_what_nobody_has_built_yet_is_switched_in(database: Database, processes: int):
    last = write(database, [*busy(13, 300), *assured()])
    found = Engine(database).rebuild(processes=processes)
    assert {(each.outcome, each.position) for each in found} == {("switched", last)}
    assert nothing_beside(database)
    assert as_folded(database)
    assert {len(each.digest) for each in Engine(database).rebuild()} == {64}


def test_what_is_not_named_is_left_alone(database: Database):
    last = write(database, busy(13, 60))
    (found,) = Engine(database).rebuild(["refunds"])
    assert (found.outcome, found.position) == ("switched", last)
    behind = [status.name for status in Engine(database).status() if status.lag]
    assert behind == [projection.name for projection in PROJECTIONS if projection.name != "refunds"]


@pytest.mark.parametrize("size", [1, 7])
def test_small_pages_and_little_memory_make_no_difference(
    database: Database, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(parts, "_ASKED", 3 * size)
    monkeypatch.setattr(parts, "_PAGE", size)
    monkeypatch.setattr(parts, "_IN_MEMORY", size)
    write(database, busy(14, 120))
    engine = Engine(database)
    engine.catch_up()
    assert {each.outcome for each in engine.rebuild()} == {"same"}
    do(database, "DELETE FROM p_order_status_v4", "DELETE FROM projection_checkpoints")
    assert {each.outcome for each in Engine(database).rebuild()} == {"switched"}
    assert as_folded(database)


@pytest.mark.parametrize("projection", OWN, ids=lambda projection: projection.name)
def test_a_fact_of_an_own_stream_concerns_its_own_row(projection: Projection):
    for recorded in busy_facts(7, 900):
        if kind(recorded.stream) == projection.own and type(recorded.fact) in projection.facts:
            assert list(projection.touches(recorded)) == [identifier(recorded.stream)]


def test_the_name_of_every_table_ends_with_its_version():
    for projection in PROJECTIONS:
        assert projection.table.name.endswith(f"_v{projection.version}")


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_every_key_falls_to_one_worker(database: Database, workers: int):
    write(database, [*busy(13, 300), place("p:'\\%s"), place("q:é漢😀"), place("Z:😀é")])
    cuts = parts.cut(database, {"order", "claim"}, workers)
    assert [len(names) for names in cuts.values()] == [workers - 1] * 2
    dealt = deal((ORDER_STATUS, *PROJECTIONS[:4]), cuts)
    assert min(len(shares) for shares in dealt) >= 3
    log, found = log_of(database), []
    for shares in dealt:
        text_, bounds = parts._reading([shares[0]], is_sqlite=database.is_sqlite)
        with database.read() as connection:
            rows_ = connection.exec_driver_sql(text_, (0, len(log), *bounds, len(log))).all()
        streams = {row[0] for row in rows_ if row[0].startswith("order-")}
        assert all(shares[0].low <= stream < shares[0].high for stream in streams)
        found.append(streams)
    every = {each.stream for each in log if each.stream.startswith("order-")}
    assert set.union(*found) == every
    assert sum(map(len, found)) == len(every)
    assert max(map(len, found)) < len(every)


# Rows that differ.


def spoil(database: Database) -> None:
    do(
        database,
        "UPDATE p_order_status_v4 SET shop = 'S9', paid = paid + 1 WHERE order_id = 'p:3'",
        "DELETE FROM p_refunds_v1",
        "DELETE FROM p_returning_buyers_v1 WHERE order_id = 'p:x'",
        "INSERT INTO p_returning_buyers_v1 VALUES ('p:x', 'B9', 1)",
    )


SPOILED = ["order_status", "refunds", "returning_buyers"]


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_rows_that_differ_stay_until_somebody_accepts(database: Database, processes: int):
    write(database, busy(13, 200))
    engine = Engine(database)
    engine.catch_up()
    right = stored(database, ORDER_STATUS)
    spoil(database)
    spoiled = stored(database, ORDER_STATUS)
    with pytest.raises(ProjectionDiffers) as refused:
        engine.rebuild(processes=processes)
    detail = refused.value.detail
    assert "1 row of order_status differ" in detail
    assert "the first: {'order_id': 'p:3'}: shop is 'S9', the facts make it" in detail
    assert "rows of refunds differ" in detail
    assert "{'order_id': 'p:x'}: no fact stands for this row" in detail
    assert stored(database, ORDER_STATUS) == spoiled
    assert nothing_beside(database)
    last = write(database, busy(14, 200))
    engine.catch_up()
    spoil(database)
    found = engine.rebuild(SPOILED, processes=processes, accept=True)
    assert [each.outcome for each in found] == ["switched"] * 3
    assert {status.position for status in engine.status()[:3]} == {last}
    assert nothing_beside(database)
    engine.catch_up()
    assert as_folded(database)
    # The way back, and the way back from there.
    engine.back(["order_status"])
    assert stored(database, ORDER_STATUS) == {
        **rows(ORDER_STATUS, log_of(database)),
        "p:3": stored(database, ORDER_STATUS)["p:3"],
    }
    assert stored(database, ORDER_STATUS)["p:3"][2] != right["p:3"][2] or spoiled == right
    engine.back(["order_status"])
    assert as_folded(database)
    assert nothing_beside(database)


def test_indexes_are_there_after_every_switch(database: Database):
    write(database, busy(13, 60))
    engine = Engine(database)
    engine.catch_up()
    for _ in range(3):
        do(database, "UPDATE p_order_status_v4 SET paid = paid + 1")
        engine.rebuild(["order_status"], accept=True)
        with database.read() as connection:
            assert len(inspect(connection).get_indexes("p_order_status_v4")) == 1
    do(database, "DROP TABLE p_order_status_v4")
    Engine(database).catch_up()
    assert as_folded(database)
    # The rows that were live first have the index by its own name, and are kept.
    do(database, "UPDATE p_order_status_v4 SET paid = paid + 1")
    engine.rebuild(["order_status"], accept=True)
    do(database, "DELETE FROM projection_checkpoints WHERE name = 'order_status'")
    Engine(database).catch_up()
    with database.read() as connection:
        assert len(inspect(connection).get_indexes("p_order_status_v4")) == 1
    assert stored(database, ORDER_STATUS) == rows(ORDER_STATUS, log_of(database))


def test_there_is_no_way_back_where_nothing_is_kept(database: Database):
    write(database, busy(13, 20))
    engine = Engine(database)
    engine.catch_up()
    with pytest.raises(Missing, match="Nothing is kept of refunds"):
        engine.back(["refunds"])
    with pytest.raises(Missing, match="no projection"):
        engine.back(["nonsense"])
    assert nothing_beside(database)


def test_a_fold_that_changed_without_a_version_is_never_switched_in(database: Database):
    write(database, busy(15, 150))
    live = counting()
    Engine(database, (live,)).catch_up()
    before = stored(database, live)

    def fold(row: Any, recorded: Recorded, key: str) -> Any:
        after: Any = live.fold(row, recorded, key)
        name, count, shown = after
        return (name, count + (count == 3), shown)

    broken = Engine(database, (live._replace(fold=fold),))
    for _ in range(2):
        with pytest.raises(ProjectionDiffers, match="rows of counting differ"):
            broken.rebuild()
        assert stored(database, live) == before
    assert nothing_beside(database)
    assert as_folded(database, projections=(live,))


def run(database_url: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that rebuilds, once it is about to."""
    command = [sys.executable, "-m", "tests.projections.rebuild_process", database_url, *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


@pytest.mark.slow
def test_so_it_is_where_processes_fold(database: Database, database_url: str):
    write(database, busy(13, 200))
    Engine(database).catch_up()
    out, err = run(database_url, "order_status", "2", "broken").communicate(timeout=60)
    assert out.startswith("projection_differs 1 row of order_status differ"), err
    assert as_folded(database)
    assert nothing_beside(database)


# Life goes on.


def test_readers_see_the_live_rows_until_the_switch(database: Database):
    write(database, busy(15, 150))
    model = counting()
    engine = Engine(database, (model,), batch=10)
    engine.catch_up()
    do(database, "UPDATE p_counting_v1 SET facts = facts + 1")
    live = stored(database, model)
    seen = []

    def fold(row: Any, recorded: Recorded, key: str) -> Any:
        seen.append(stored(database, model) == live)
        return model.fold(row, recorded, key)

    Engine(database, (model._replace(fold=fold),), batch=10).rebuild(accept=True)
    assert len(seen) > 50
    assert all(seen)
    assert as_folded(database, projections=(model,))


@pytest.mark.parametrize("spoiled", [False, True])
def test_the_live_model_moves_on_while_it_is_rebuilt(database: Database, spoiled: bool):
    write(database, busy(16, 100))
    live = Engine(database, (counting(),))
    live.catch_up()
    if spoiled:
        do(database, "UPDATE p_counting_v1 SET facts = facts + 1")
    more = iter(range(20))

    def fold(row: Any, recorded: Recorded, key: str) -> Any:
        if next(more, None) is not None:
            write(database, [place(f"q:{recorded.position}-{key}")])
            live.catch_up()
        return counting().fold(row, recorded, key)

    engine = Engine(database, (counting()._replace(fold=fold),), batch=10)
    assert [each.outcome for each in engine.rebuild(accept=spoiled)] == ["switched" if spoiled else "same"]
    live.catch_up()
    assert as_folded(database, projections=(counting(),))


class Reader:
    """Asks for the same orders again and again, in a thread of its own; every answer has to be right."""

    def __init__(self, database: Database, expected: dict[str, tuple[Any, ...]]) -> None:
        self.answers = 0
        self.failures: list[object] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(database, expected))

    def _read(self, database: Database, expected: dict[str, tuple[Any, ...]]) -> None:
        while not self._stop.is_set():
            for id_, row in expected.items():
                try:
                    view = order_view(database, id_)
                    right = (view.shop, view.buyer, view.cash + view.coupon) == (row[2], row[4], row[6])
                    with database.snapshot() as connection:
                        count = connection.execute(text("SELECT count(*) FROM p_refunds_v1")).scalar_one()
                    if not right or count < self.least:
                        self.failures.append(view)
                except Exception as error:  # noqa: BLE001 - told by the main thread
                    self.failures.append(error)
                self.answers += 1

    least = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def writing(database: Database, rate: int) -> Iterator[list[float]]:
    """So many new orders a second in a thread of their own; collects how long each took in seconds."""
    took: list[float] = []
    failed: list[Exception] = []
    stop = threading.Event()
    writer = Writer(database)

    def write_on() -> None:
        begun, number = monotonic(), 0
        while not stop.is_set():
            number += 1
            start = monotonic()
            try:
                writer.execute(Request(command=place(f"new:{number}", shop="S5")))
            except Exception as error:  # noqa: BLE001 - told by the main thread
                failed.append(error)
            took.append(monotonic() - start)
            stop.wait(max(0.0, begun + number / rate - monotonic()))

    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()
        writer.close()
    assert failed == []


@pytest.mark.slow
@pytest.mark.parametrize("spoiled", [False, True])
def test_everything_is_rebuilt_while_commands_are_written(database: Database, spoiled: bool):
    write(database, busy(13, 800))
    engine = Engine(database)
    engine.catch_up()
    if spoiled:
        do(database, "UPDATE p_order_status_v4 SET host = 'H9'")  # Which nobody asks for.
    old = {id_: row for id_, row in stored(database, ORDER_STATUS).items() if row[1] != "awaited"}
    stop = threading.Event()
    follower = threading.Thread(target=engine.run, args=(stop,))
    follower.start()
    try:
        with Reader(database, old) as reader, writing(database, 200) as took:
            reader.least = len(stored(database, next(p for p in PROJECTIONS if p.name == "refunds")))
            found = Engine(database).rebuild(processes=2, accept=spoiled)
    finally:
        stop.set()
        follower.join()
    assert reader.failures == []
    assert reader.answers > 20
    assert len(took) > 20
    outcomes = {each.name: each.outcome for each in found}
    assert outcomes.pop("order_status") == ("switched" if spoiled else "same")
    assert set(outcomes.values()) == {"same"}
    engine.catch_up()
    assert as_folded(database)
    assert nothing_beside(database)


# Crashes, and others at the same.


def test_a_rebuild_that_breaks_leaves_the_live_model_alone(database: Database):
    write(database, busy(16, 100))
    models = (counting(), *PROJECTIONS)
    Engine(database, models).catch_up()
    before, names = stored(database, counting()), tables(database)
    broken = next(each.position for each in log_of(database)[30:] if kind(each.stream) == "order")
    for how in ("fold", "null"):
        with pytest.raises(ProjectionBehind, match=r"counting\.rebuild stopped at position"):
            Engine(database, (counting(breaks_at=broken, shown=how), *PROJECTIONS)).rebuild()
    assert (stored(database, counting()), tables(database)) == (before, names)
    assert as_folded(database, projections=models)


def test_a_fact_that_comes_meanwhile_and_breaks_the_fold(database: Database):
    last = write(database, busy(16, 100))
    live = Engine(database, (counting(),))
    live.catch_up()
    do(database, "UPDATE p_counting_v1 SET facts = facts + 1")
    spoiled, more = stored(database, counting()), iter([True])
    breaking = counting(breaks_at=last + 1)

    def fold(row: Any, recorded: Recorded, key: str) -> Any:
        if next(more, False):
            write(database, [place("q:late")])
            live.catch_up()
        return breaking.fold(row, recorded, key)

    with pytest.raises(ProjectionBehind, match=rf"counting\.rebuild stopped at position {last + 1}"):
        Engine(database, (breaking._replace(fold=fold),)).rebuild(accept=True)
    found = stored(database, counting())
    assert found.pop("q:late") == ("q:late", 1, "x")
    assert found == spoiled
    assert nothing_beside(database)


def test_a_log_that_the_live_rows_do_not_know_is_folded_anew(database: Database):
    write(database, busy(16, 100))
    Engine(database).catch_up()
    do(database, "UPDATE projection_checkpoints SET position = position - 1 WHERE name = 'refunds'")
    (found,) = Engine(database).rebuild(["refunds"])
    assert found.outcome == "switched"
    assert as_folded(database)
    assert {status.kept for status in Engine(database).status()} == {None}


def test_only_one_process_rebuilds_a_model(database: Database):
    write(database, busy(16, 50))
    engine = Engine(database)
    engine.catch_up()
    with database.write() as connection:
        now = time.now()
        assert take_lease(connection, "refunds.rebuild", "somebody", now, now + 1_000_000)
    for attempt in (engine.rebuild, lambda: engine.back(["refunds"])):
        with pytest.raises(ProjectionBehind, match=r"Another process is at refunds\.rebuild"):
            attempt()
    sleep(1.1)
    engine.rebuild()
    assert as_folded(database)


def test_whoever_lost_the_lease_gives_up(database: Database, monkeypatch: pytest.MonkeyPatch):
    write(database, busy(16, 50))
    model = counting()
    monkeypatch.setattr(rebuild, "LEASE_S", 0)

    def fold(row: Any, recorded: Recorded, key: str) -> Any:
        with database.write() as connection:
            connection.execute(update(leases).values(holder="somebody", expires_at=time.now() + 10**9))
        return model.fold(row, recorded, key)

    with pytest.raises(ProjectionBehind, match="another process is at it"):
        Engine(database, (model._replace(fold=fold),), batch=10).rebuild()
    do(database, "DELETE FROM projection_leases")
    Engine(database, (model,)).rebuild()
    assert as_folded(database, projections=(model,))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to find workers in")
@pytest.mark.parametrize("whom", ["rebuild", "worker"])
@pytest.mark.parametrize("after", [0.0, 0.8, 1.6])
def test_whoever_is_killed_leaves_the_live_rows(
    database: Database, database_url: str, whom: str, after: float
):
    write(database, busy(31, 700))
    Engine(database).catch_up()
    spoil(database)
    spoiled = stored(database, ORDER_STATUS)
    running = run(database_url, "order_status", "2", "accept")
    sleep(after)
    workers = children(running.pid)
    for victim in [running.pid] if whom == "rebuild" else workers[-1:]:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    out, _ = running.communicate(timeout=60)
    deadline = monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert monotonic() < deadline, "a worker has outlived whoever began it"
        sleep(0.02)
    found = stored(database, ORDER_STATUS)
    assert found == spoiled or found == rows(ORDER_STATUS, log_of(database))
    assert found != spoiled or "switched" not in out
    do(database, "DELETE FROM projection_leases")  # Nobody waits ten seconds in a test.
    Engine(database).rebuild(SPOILED, accept=True)
    assert nothing_beside(database)
    assert as_folded(database)


@pytest.mark.slow
def test_a_worker_that_ends_is_told(database: Database, monkeypatch: pytest.MonkeyPatch):
    write(database, busy(31, 100))
    Engine(database).catch_up()
    before = stored(database, ORDER_STATUS)
    asked = crew_module._Together.ask

    def ask(self: Any, method: str, *args: Any) -> Any:
        if method == "compare":
            self.pipes[0].send(("close", ()))
            self.pipes[0].recv()
            self.pipes[0].send(("nonsense", ()))
        return asked(self, method, *args)

    monkeypatch.setattr(crew_module._Together, "ask", ask)
    with pytest.raises(StorageUnavailable, match="nonsense"):
        Engine(database).rebuild(["order_status"], processes=2)
    assert stored(database, ORDER_STATUS) == before
    assert nothing_beside(database)


# Versions.


def test_a_new_version_is_built_beside_the_old(database: Database):
    last = write(database, busy(17, 150))
    old, new = counting(), counting("p_counting_v2", version=2)
    older, newer = Engine(database, (old,)), Engine(database, (new,))
    older.catch_up()
    assert newer.status()[0] == Status("counting", 1, last, last, 0, "", None, "version 1 is live, not 2")
    newer.catch_up()
    assert newer.status()[0] == Status("counting", 2, last, last, 0, "", None, "", 0, last)
    assert as_folded(database, projections=(new,))
    # The old stays as it was, for a way back; whoever still knows only that one is told so.
    assert stored(database, old) == rows(old, log_of(database))
    with pytest.raises(ProjectionBehind, match="version 2 is live, not 1"):
        older.catch_up()
    with pytest.raises(
        WrongState, match="kept of counting is version 1: the program that folds it goes back"
    ):
        newer.back(["counting"])
    write(database, busy(18, 50))
    newer.catch_up()
    older.back(["counting"])
    assert as_folded(database, projections=(old,))
    assert newer.status()[0].reason == "version 1 is live, not 2"
    newer.back(["counting"])
    assert as_folded(database, projections=(new,))
    older.rebuild()
    assert as_folded(database, projections=(old,))
    assert nothing_beside(database)


def test_one_generation_is_kept(database: Database):
    write(database, busy(17, 60))
    for version in (1, 2, 3):
        model = counting(f"p_counting_v{version}", version=version)
        Engine(database, (model,)).catch_up()
    mine = {name for name in tables(database) if name.startswith("p_counting")}
    assert mine == {"p_counting_v3", "p_counting_v2"}
    do(database, "UPDATE p_counting_v3 SET facts = 0")
    Engine(database, (model,)).rebuild(accept=True)
    mine = {name for name in tables(database) if name.startswith("p_counting")}
    assert mine == {"p_counting_v3", "p_counting_v3_kept"}
    assert as_folded(database, projections=(model,))
    with database.snapshot() as connection:
        (kept,) = (check for check in Engine(database, (model,)).check(connection) if "kept" in check.name)
    assert (kept.name, kept.ok, kept.checked) == ("projections kept", True, 1)
    do(database, "DROP TABLE p_counting_v3_kept")
    with database.snapshot() as connection:
        (kept,) = (check for check in Engine(database, (model,)).check(connection) if "kept" in check.name)
    assert not kept.ok
    assert kept.first_failure is not None
    assert kept.first_failure["reason"] == "p_counting_v3_kept is missing"


# What people decide to leave out.


def skip(database: Database, name: str, position: int) -> None:
    write(database, [SkipFact(id=name, position=position, reason="its fold stops there")])


def without(log: Sequence[Recorded], *positions: int) -> list[Recorded]:
    return [recorded for recorded in log if recorded.position not in positions]


@pytest.mark.parametrize("how", ["fold", "null"])
def test_a_fact_that_is_left_out_stops_nobody_any_more(database: Database, how: str):
    write(database, busy(8, 200))
    broken = next(each.position for each in log_of(database)[40:] if kind(each.stream) == "order")
    model = counting(breaks_at=broken, shown=how)
    engine = Engine(database, (model, *PROJECTIONS))
    for _ in range(2):
        with pytest.raises(ProjectionBehind, match=f"stopped at position {broken}"):
            engine.catch_up()
    with pytest.raises(ProjectionBehind, match=f"stopped at position {broken}"):
        engine.retry(["counting"])
    skip(database, "refunds", broken)  # Which is another model, that has taken it already.
    with pytest.raises(ProjectionBehind, match=f"stopped at position {broken}"):
        engine.catch_up()
    skip(database, "counting", broken)
    engine.catch_up()
    status = engine.status()[0]
    assert (status.lag, status.reason, status.failed_position) == (0, "", None)
    assert stored(database, model) == rows(model, without(log_of(database), broken))
    assert [each.outcome for each in Engine(database, (model,)).rebuild()] == ["same"]
    do(database, "UPDATE p_counting_v1 SET facts = 0")
    Engine(database, (model,)).rebuild(accept=True)
    assert stored(database, model) == rows(model, without(log_of(database), broken))
    with database.snapshot() as connection:
        assert all(
            check.ok
            for check in Engine(database, (model, *PROJECTIONS)).check(connection)
            if check.name == "projection counting"
        )


def test_a_model_that_has_taken_what_is_left_out_is_found_and_rebuilt(database: Database):
    write(database, busy(8, 100))
    engine = Engine(database)
    engine.catch_up()
    taken = next(each.position for each in log_of(database) if type(each.fact).__name__ == "OrderPaid")
    skip(database, "order_status", taken)
    engine.catch_up()
    with database.snapshot() as connection:
        failed = [check.name for check in engine.check(connection) if not check.ok]
    assert failed == ["projection order_status"]
    with then.model(database, ORDER_STATUS, Clocks(None, taken + 5)) as connection:
        before = [tuple(row) for row in connection.execute(ORDER_STATUS.table.select())]
    assert before == sorted(rows(ORDER_STATUS, without(log_of(database)[: taken + 5], taken)).values())
    with pytest.raises(ProjectionDiffers):
        engine.rebuild(["order_status"])
    engine.rebuild(["order_status"], accept=True)
    assert stored(database, ORDER_STATUS) == rows(ORDER_STATUS, without(log_of(database), taken))


def test_a_fact_that_cannot_be_read_is_left_out_too(database: Database):
    write(database, busy(9, 100))
    with database.write() as connection:
        connection.execute(update(schema.facts).where(schema.facts.c.position == 20).values(state=b"\x01"))
    models = PROJECTIONS[:2]
    engine = Engine(database, models)
    with pytest.raises(ProjectionBehind, match="stopped at position 20: Corrupt"):
        engine.catch_up()
    skip(database, "refunds", 20)
    with pytest.raises(ProjectionBehind, match="order_status is at 19"):
        engine.catch_up()
    assert [(status.name, status.lag) for status in engine.status() if not status.lag] == [("refunds", 0)]
    skip(database, "order_status", 20)
    engine.catch_up()
    assert {status.lag for status in engine.status()} == {0}
    with database.snapshot() as connection:
        assert all(check.ok for check in engine.check(connection))
    assert {each.outcome for each in engine.rebuild()} == {"same"}

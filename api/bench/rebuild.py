"""Rebuilding: orders folded into their table, against the peer's replay, and everything under load."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from sqlalchemy import URL, delete, text

from api.bench import data, figures, peer
from api.bench.alone import alone
from api.bench.place import Place, opened
from ledger.store.database import Database
from ledger.writer import Writer
from projections.engine import Engine
from projections.order_status import ORDER_STATUS, TABLE, order_view
from projections.store import checkpoints

TARGET = 3.0
"""One process against the peer's, which keeps no table."""
TARGET_TWO = 1.7
"""Two processes against one."""
COMMANDS_A_SECOND = 200
_PAUSE_S = 0.002
_HUNDREDTHS = 100


def run(place: Place, report: figures.Report, *, rounds: int, facts: int) -> None:
    """Rebuild from the log of so many facts of two-line orders, each placed and paid.

    Ours reads, decodes and folds them, and writes, switches in and commits the table of order status. Peer:
    the state of every order in memory, as in the benchmark of replays. Each runs in a process of its own;
    starting that does not count, but the time of starting two workers does. Then all read models are rebuilt
    and compared while commands are written and orders read.
    """
    ledger, orders = place.ledger(), facts // 2
    data.load_orders(ledger, orders)
    Engine(ledger).status()  # It makes the tables.
    url = place.fresh()
    with peer.application(url, batches=True) as application:
        stored = peer.store(data.facts(ledger), application)
    sides: dict[str, figures.Side] = {
        "one": lambda: stored.events / alone(_seconds, ledger.url, 1),
        "theirs": lambda: stored.events / alone(peer.seconds, url),
        "two": lambda: stored.events / alone(_seconds, ledger.url, 2),
    }
    rates = figures.interleaved(rounds, sides)
    case, beside = f"order status, {stored.events:,} facts", {"bytes/fact": data.mean_bytes(ledger)}
    for ours, other, against, target in (
        ("one", "theirs", "eventsourcing's replay, JSON", TARGET),
        ("two", "one", "one process", TARGET_TWO),
    ):
        report(
            figures.compare(
                rates[ours],
                rates[other],
                benchmark="rebuild",
                database=place.name,
                case=f"{case}, {ours} process{'es'[: 2 * (ours == 'two')]}",
                unit="facts/s",
                against=against,
                target=target,
                more=beside,
            )
        )
    _under_load(place, report, ledger, orders)


def _seconds(url: URL, processes: int) -> float:
    """How long the rebuild of a model that nobody has built yet takes."""
    with opened(url) as ledger:
        with ledger.write() as connection:
            connection.execute(delete(checkpoints).where(checkpoints.c.name == ORDER_STATUS.name))
            connection.execute(text(f"DELETE FROM {TABLE.name}"))  # noqa: S608 - the name is ours
        engine = Engine(ledger)
        start = time.perf_counter()
        engine.rebuild([ORDER_STATUS.name], processes=processes)
        return time.perf_counter() - start


def _under_load(place: Place, report: figures.Report, ledger: Database, orders: int) -> None:
    """Everything rebuilt and compared, first in peace, then with writers and readers about."""
    engine = Engine(ledger)
    engine.catch_up()
    start = time.perf_counter()
    engine.rebuild(processes=2)
    quiet = time.perf_counter() - start
    with _followed(ledger), _written(ledger, orders) as took, _read(ledger, orders) as reads:
        start = time.perf_counter()
        Engine(ledger).rebuild(processes=2)
        busy = time.perf_counter() - start
    report(
        figures.compare(
            [busy],
            [quiet],
            less_is_better=True,
            benchmark="rebuild",
            database=place.name,
            case=f"all models, {2 * orders:,} facts, {COMMANDS_A_SECOND} commands/s meanwhile",
            unit="s",
            against="the same in peace",
            more={
                "commands": len(took),
                "commands/s": len(took) / busy,
                "median ms": median(took) * 1e3,
                "99 % ms": quantiles(took, n=_HUNDREDTHS)[-1] * 1e3,
                "longest ms": max(took) * 1e3,
                **reads,
            },
        )
    )


@contextmanager
def _thread(body: Callable[[], object], stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _followed(ledger: Database) -> Iterator[None]:
    """An engine that keeps the live models up to date, as a server has one."""
    stop = threading.Event()
    with _thread(lambda: Engine(ledger).run(stop), stop):
        yield


@contextmanager
def _written(ledger: Database, orders: int) -> Iterator[list[float]]:
    """So many new orders a second; collects how long each took to be durable, in seconds."""
    stop, writer = threading.Event(), Writer(ledger)
    took: list[float] = []

    def write() -> None:
        begun = time.perf_counter()
        while not stop.is_set():
            start = time.perf_counter()
            writer.execute(data.place_order(orders + 1 + len(took)))
            took.append(time.perf_counter() - start)
            stop.wait(max(0.0, begun + len(took) / COMMANDS_A_SECOND - time.perf_counter()))

    with _thread(write, stop):
        yield took
    writer.close()


@contextmanager
def _read(ledger: Database, orders: int) -> Iterator[dict[str, float]]:
    """Orders read again and again, each answer compared with what the order is known to be."""
    stop, found = threading.Event(), {"reads": 0.0, "failed": 0.0, "wrong": 0.0}
    chance = random.Random(7)  # noqa: S311 - the same orders every time

    def read() -> None:
        while not stop.wait(_PAUSE_S):
            number = chance.randint(1, orders)
            placed = data.place_order(number).command
            try:
                view = order_view(ledger, placed.id)
            except Exception:  # noqa: BLE001 - whatever goes wrong is what is counted
                found["failed"] += 1
            else:
                right = (view.status, view.cash, view.shop) == ("paid", data.CASH, f"S{number % 50}")
                found["wrong"] += not right
            found["reads"] += 1

    with _thread(read, stop):
        yield found

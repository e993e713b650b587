"""Appending: commands decided and committed, against events saved one at a time and against bare inserts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import Connection, Select, select

from api.bench import data, figures, peer
from api.bench.place import Place, fsync_us
from ledger.store import schema
from ledger.store.database import Database, Insert
from ledger.writer import Writer

CALLERS = (1, 8, 32, 256)
THREADS = (1, 8)
TARGET = 8.0
"""256 callers of ours against 8 threads of the peer, by whose disk flushes this depends on the disk."""


def run(place: Place, report: figures.Report, *, rounds: int, seconds: float) -> None:
    """Place and pay orders for `seconds` on each side in turn.

    Ours: asyncio callers in one process, each waiting for its commit. Peer: threads, each saving the event of
    one order after the other with `Application.save()`. Limit: the very rows that ours wrote, in the
    same batches, into the same tables of a second ledger.
    """
    ledger, limit = place.ledger(), Limit(place.ledger())
    writer, application = Writer(ledger), peer.application(place.fresh())
    numbers = itertools.count(1)
    sides: dict[str, figures.Side] = {"fsync": partial(fsync_us, place.folder)}
    for callers in CALLERS:
        if callers == CALLERS[-1]:  # The pair that has a target stands side by side.
            for threads in THREADS:
                sides[f"peer {threads}"] = partial(_peer, application, threads, numbers, seconds)
        sides[f"ours {callers}"] = partial(_ours, writer, callers, numbers, seconds)
        sides[f"limit {callers}"] = partial(limit.follow, ledger)
    try:
        rates = figures.interleaved(rounds, sides)
    finally:
        writer.close()
        application.close()
    beside = {"fsync µs": median(rates["fsync"])} if place.on_this_disk else {}
    for callers in CALLERS:
        compared = partial(
            figures.compare,
            rates[f"ours {callers}"],
            benchmark="append",
            database=place.name,
            case=f"{callers} caller{'s'[: callers > 1]}",
            unit="commands/s",
        )
        for threads in THREADS:
            against = f"eventsourcing, {threads} thread{'s'[: threads > 1]}"
            target = TARGET if (callers, threads) == (CALLERS[-1], THREADS[-1]) else None
            report(compared(rates[f"peer {threads}"], against=against, target=target, more=beside))
        report(compared(rates[f"limit {callers}"], against="bare inserts of the same rows"))


def _ours(writer: Writer, callers: int, numbers: Iterator[int], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    deadline = start + seconds

    async def call() -> None:
        nonlocal done
        now = start
        while now < deadline:
            number = next(numbers)
            await writer.submit(data.place_order(number))
            await writer.submit(data.pay_order(number))
            done += 2
            now = time.perf_counter()

    async def all_callers() -> None:
        await asyncio.gather(*(call() for _ in range(callers)))

    asyncio.run(all_callers())
    return done / (time.perf_counter() - start)


def _peer(application: peer.Orders, threads: int, numbers: Iterator[int], seconds: float) -> float:
    start = time.perf_counter()
    deadline = start + seconds

    def call() -> int:
        done, now = 0, start
        while now < deadline:
            number = next(numbers)
            order = application.place(data.place_order(number))
            application.pay(order, data.pay_order(number))
            done += 2
            now = time.perf_counter()
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(future.result() for future in [pool.submit(call) for _ in range(threads)])
    return done / (time.perf_counter() - start)


class Limit:
    """What the database and its driver allow: the rows of another ledger, batch by batch, nothing decided."""

    def __init__(self, database: Database) -> None:
        """Follow into an empty ledger."""
        self._database = database
        self._position = self._commits = 0
        self._inserts = [
            Insert(schema.facts, database),
            Insert(schema.transfers, database),
            Insert(schema.accounts, database, replace=("balance",)),
            Insert(schema.idempotency_keys, database),
            Insert(schema.commits, database),
        ]
        mark = "?" if database.is_sqlite else "%s"
        self._move = f"UPDATE head SET position = {mark}, commits = {mark}"  # noqa: S608 - a placeholder

    def follow(self, ledger: Database) -> float:
        """Insert what the other ledger got since the last time; answers facts a second."""
        with ledger.snapshot() as connection:
            commits = self._commits_since(connection)
        begin, took = self._position, 0.0
        for rows in commits:
            start = time.perf_counter()
            with self._database.write() as connection:
                for insert, batch in zip(self._inserts, rows, strict=True):
                    insert(connection, batch)
                connection.exec_driver_sql(self._move, (rows[-1][0][1], rows[-1][0][0]))
            took += time.perf_counter() - start
        self._commits, self._position = commits[-1][-1][0][:2]
        return (self._position - begin) / took

    def _commits_since(self, connection: Connection) -> list[list[list[tuple[Any, ...]]]]:
        """The rows of each commit, table by table."""

        def rows(query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(query)]

        facts, transfers = schema.facts, schema.transfers
        found = []
        numbers = {row[0]: row for row in rows(select(schema.accounts))}
        before = self._position
        commits = rows(select(schema.commits).where(schema.commits.c.number > self._commits))
        for commit in commits:
            number, position = commit[:2]
            span = (before + 1, position)
            moved = rows(select(transfers).where(transfers.c.position.between(*span)))
            balances = {row[2]: row[6] for row in moved} | {row[3]: row[7] for row in moved}
            accounts = [(*numbers[account][:4], balance) for account, balance in balances.items()]
            keys = rows(
                select(schema.idempotency_keys).where(schema.idempotency_keys.c.commit_number == number)
            )
            facts_rows = rows(select(facts).where(facts.c.position.between(*span)))
            found.append([facts_rows, moved, accounts, keys, [commit]])
            before = position
        return found

"""Reading: balances on both clocks and the state of an order, against the peer's `repository.get`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import func, select

from api.bench import data, figures, peer
from api.bench.place import Place
from ledger import books
from ledger.books import Clocks
from ledger.decisions.base import replay
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.log import DatabaseLoader, FactMapper
from projections import account_days
from projections.engine import Engine

ACCOUNT, CURRENCY = "bank", "CNY"
"""The account that every payment moves: the worst there is for whoever sums."""


def run(place: Place, report: figures.Report, *, rounds: int, orders: int, reads: int) -> None:
    """Read from ledgers of so many two-line orders; each side reads so many times in turn.

    The clocks stand in the middle: half of the account's transfers lie behind them. The peer keeps no
    balances: its `repository.get` of one order with two events is the least it can answer anything with.
    """
    ledger = place.ledger()
    data.load_orders(ledger, orders)
    Engine(ledger).catch_up()
    loader = DatabaseLoader(ledger, FactMapper())
    middle = _middle(ledger)
    as_of, as_at = Clocks(as_of=middle.as_of), Clocks(as_at=middle.as_at)
    chance = random.Random(7)  # noqa: S311 - the same orders every time

    def stream() -> str:
        return data.place_order(chance.randint(1, orders)).command.stream

    def state() -> object:
        name = stream()
        with ledger.read() as connection:
            loader.connection = connection
            return replay(name, loader.streams((name,))[name])

    with peer.application(place.fresh(), batches=True) as application:
        peer.store(data.facts(ledger), application)
        sides: dict[str, Callable[[], object]] = {
            "balance": lambda: account_days.balances(ledger, ACCOUNT),
            "balance as at a position": lambda: account_days.balances(ledger, ACCOUNT, as_at),
            "balance as of a time": lambda: account_days.balances(ledger, ACCOUNT, as_of),
            "state of an order": state,
            "summing transfers": lambda: _summed(ledger, middle),
            "repository.get": lambda: application.repository.get(stream()),
        }
        took = figures.interleaved(
            rounds, {name: partial(_median_us, read, reads) for name, read in sides.items()}
        )
    theirs = {"eventsourcing, repository.get": took.pop("repository.get")}
    summing = {"summing all its transfers": took.pop("summing transfers")}
    for case, ours in took.items():
        others = theirs | (summing if "balance as" in case else {})
        for against, other in others.items():
            report(
                figures.compare(
                    ours,
                    other,
                    less_is_better=True,
                    benchmark="read",
                    database=place.name,
                    case=case,
                    unit="µs",
                    against=against,
                )
            )


def _median_us(read: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        read()
        took.append(time.perf_counter() - start)
    return median(took) * 1e6


def _middle(ledger: Database) -> Clocks:
    """Both clocks at the fact half way."""
    position = books.head_position(ledger) // 2
    transfers = schema.transfers.c
    query = select(func.max(transfers.effective_at)).where(transfers.position <= position)
    with ledger.read() as connection:
        return Clocks(connection.execute(query).scalar_one(), position)


def _summed(ledger: Database, clocks: Clocks) -> int:
    """The balance as it would be found without running balances."""
    transfers, accounts = schema.transfers.c, schema.accounts.c
    named = (accounts.name == ACCOUNT) & (accounts.currency == CURRENCY)
    with ledger.read() as connection:
        number = connection.execute(select(accounts.number).where(named)).scalar_one()
        sums: list[Any] = [
            connection.execute(
                select(func.coalesce(func.sum(transfers.amount), 0)).where(
                    side == number, transfers.position <= clocks.as_at
                )
            ).scalar_one()
            for side in (transfers.debit, transfers.credit)
        ]
    return int(sums[0]) - int(sums[1])

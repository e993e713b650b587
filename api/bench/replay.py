"""Replaying: stored facts to the state of every stream, on one core, against the peer's JSON."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from api.bench import data, figures, peer
from api.bench.alone import alone
from api.bench.place import Place, opened
from ledger.decisions.base import FOLDS, INITIAL, kind
from ledger.events.base import Recorded
from ledger.memory import little_collected
from ledger.store.database import Database

TARGET_ORDERS = 5.0
TARGET_FILE = 4.0


def run(place: Place, report: figures.Report, *, rounds: int, orders: int, file: Path) -> None:
    """Replay two-line orders, then the retail file, on each side in turn; the facts are the same.

    Both sides read the whole log in order of position and keep the state of every stream. Ours: rows from
    the database, the codec, the folds, with cycles looked for as rarely as in a rebuild. Peer: notifications
    from its recorder in pages, its mapper (JSON), `event.mutate(aggregate)`. Each replay runs in a process of
    its own; starting it does not count.
    """
    ledger = place.ledger()
    data.load_orders(ledger, orders)
    _compare(place, report, ledger, rounds=rounds, case="two-line orders", target=TARGET_ORDERS)
    ledger = place.ledger()
    data.load_file(ledger, file)
    _compare(place, report, ledger, rounds=rounds, case=file.name, target=TARGET_FILE)


def _compare(
    place: Place, report: figures.Report, ledger: Database, *, rounds: int, case: str, target: float
) -> None:
    url = place.fresh()
    with peer.application(url, batches=True) as application:
        stored = peer.store(data.facts(ledger), application)
    sides: dict[str, figures.Side] = {
        "ours": lambda: stored.events / alone(_ours, ledger.url),
        "theirs": lambda: stored.events / alone(peer.seconds, url),
    }
    rates = figures.interleaved(rounds, sides)
    report(
        figures.compare(
            rates["ours"],
            rates["theirs"],
            benchmark="replay",
            database=place.name,
            case=f"{case}, {stored.events:,} facts",
            unit="facts/s",
            against="eventsourcing, JSON",
            target=target,
            more={"bytes/fact": data.mean_bytes(ledger), "theirs": stored.bytes / stored.events},
        )
    )


def _ours(url: URL) -> float:
    """How many seconds a replay takes."""
    with opened(url) as ledger, little_collected():
        start = time.perf_counter()
        states(data.facts(ledger))
        return time.perf_counter() - start


def states(facts: Iterable[Recorded]) -> dict[str, Any]:
    """The state of every stream after these facts."""
    found: dict[str, Any] = {}
    folds, initial = FOLDS, INITIAL
    for recorded in facts:
        stream, fact = recorded.stream, recorded.fact
        state = found.get(stream)
        if state is None:
            state = initial[kind(stream)]
        found[stream] = folds[type(fact)](state, fact, recorded)
    return found

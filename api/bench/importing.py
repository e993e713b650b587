"""Importing: a file to facts and books, against the peer storing the very same facts in batches."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import URL

from api import importers
from api.bench import data, figures, peer
from api.bench.alone import alone
from api.bench.place import Place, opened
from ledger.store.database import Database

TARGET = 1.5


def run(place: Place, report: figures.Report, *, rounds: int, file: Path) -> None:
    """Import a retail file on each side in turn.

    Ours: `assurance import uci-retail`, which decides and writes facts, hashes, transfers, balances and keys.
    Peer: reads the file with the same reader; its aggregates then trigger the facts that ours made of it,
    handed over ready-made, and are saved in batches. It keeps no books and checks nothing. Each import runs
    in a process of its own, as a user's does; starting it does not count.
    """
    rows = 0
    beside: dict[str, float] = {}
    ledger: Database

    def ours() -> float:
        nonlocal rows, ledger
        ledger = place.ledger()
        rows, seconds = alone(_ours, ledger.url, file)
        return rows / seconds

    def theirs() -> float:
        stored, read = alone(_theirs, place.fresh(), ledger.url, file)
        beside["bytes/fact"], beside["theirs"] = data.mean_bytes(ledger), stored.bytes / stored.events
        return rows / (read + stored.seconds)

    rates = figures.interleaved(rounds, {"ours": ours, "theirs": theirs})
    report(
        figures.compare(
            rates["ours"],
            rates["theirs"],
            benchmark="import",
            database=place.name,
            case=f"{rows:,} rows of {file.name}",
            unit="rows/s",
            against=f"eventsourcing, batches of {peer.BATCH:,}",
            target=TARGET,
            more=beside,
        )
    )


def _ours(url: URL, file: Path) -> tuple[int, float]:
    """How many rows were imported, and in how many seconds."""
    with opened(url) as ledger:
        start = time.perf_counter()
        return data.load_file(ledger, file), time.perf_counter() - start


def _theirs(url: URL, ledger_url: URL, file: Path) -> tuple[peer.Stored, float]:
    """What was stored, and how many seconds it took to read the file."""
    with opened(ledger_url) as ledger, peer.application(url, batches=True) as application:
        start = time.perf_counter()
        for _ in data.FORMAT.documents(file, importers.Options()):
            pass
        read = time.perf_counter() - start
        return peer.store(data.facts(ledger), application), read

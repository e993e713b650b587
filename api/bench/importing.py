"""Importing: a file to facts and books, against the peer storing the very same facts in batches."""

from __future__ import annotations

import time
from pathlib import Path

from api import importers
from api.bench import data, figures, peer
from api.bench.place import Place
from ledger.store.database import Database

TARGET = 1.5


def run(place: Place, report: figures.Report, *, rounds: int, file: Path) -> None:
    """Import a retail file on each side in turn.

    Ours: `assurance import uci-retail`, which decides and writes facts, hashes, transfers, balances and keys.
    Peer: reads the file with the same reader; its aggregates then trigger the facts that ours made of it,
    handed over ready-made, and are saved in batches. It keeps no books and checks nothing.
    """
    rows = 0
    beside: dict[str, float] = {}
    ledger: Database

    def ours() -> float:
        nonlocal rows, ledger
        ledger = place.ledger()
        start = time.perf_counter()
        rows = data.load_file(ledger, file)
        return rows / (time.perf_counter() - start)

    def theirs() -> float:
        with peer.application(place.fresh(), batches=True) as application:
            start = time.perf_counter()
            for _ in data.FORMAT.documents(file, importers.Options()):
                pass
            read = time.perf_counter() - start
            stored = peer.store(data.facts(ledger), application)
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

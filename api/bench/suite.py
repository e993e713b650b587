"""The suite: every benchmark on every database, and the figures as one value."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from api.bench import append, importing, memory, reading, rebuild, replay
from api.bench.data import retail_file
from api.bench.figures import Figure
from api.bench.place import Place, machine, place, postgresql


class Sizes(NamedTuple):
    """How much is measured: rounds of each pair, seconds of each side of an append, and numbers of things.

    `file_rounds` are those of what reads a whole retail file.
    """

    rounds: int
    file_rounds: int
    seconds: float
    orders: int
    reads: int
    rows: int
    memory_rows: int
    rebuild_facts: int
    rebuild_rounds: int


FULL = Sizes(
    rounds=7,
    file_rounds=7,
    seconds=0.5,
    orders=100_000,
    reads=300,
    rows=200_000,
    memory_rows=500_000,
    rebuild_facts=5_000_000,
    rebuild_rounds=3,
)
QUICK = Sizes(
    rounds=1,
    file_rounds=1,
    seconds=0.05,
    orders=100,
    reads=5,
    rows=1_000,
    memory_rows=2_000,
    rebuild_facts=2_000,
    rebuild_rounds=1,
)


class Benchmark(StrEnum):
    """What can be measured."""

    APPEND = "append"
    IMPORT = "import"
    REPLAY = "replay"
    READ = "read"
    MEMORY = "memory"
    REBUILD = "rebuild"


_FILE_IN_A_FOLDER = "retail/online_retail.parquet"


def run(
    databases: Sequence[str] = (),
    *,
    postgres: bool = False,
    only: Sequence[Benchmark] = tuple(Benchmark),
    quick: bool = False,
    facts: int | None = None,
    data: Path | None = None,
    output: Path | None = None,
    progress: Callable[[str], object] | None = None,
) -> dict[str, Any]:
    """Run the benchmarks; answers `{"machine": …, "sizes": …, "databases": …, "figures": […]}`.

    `databases` are URLs (none: SQLite in a temporary folder) beside which fresh databases are made and
    removed again; with `postgres` a server of our own is started too. `facts` is how many a rebuild reads
    (default: as the size says). `data` is a retail file as `assurance
    import uci-retail` takes it, or a folder that holds it as retail/online_retail.parquet; without it a file
    of the same shape is generated. `progress` is told what is being measured. The answer is also written to
    `output`.
    """
    sizes = QUICK if quick else FULL
    if facts is not None:
        sizes = sizes._replace(rebuild_facts=facts)
    found: dict[str, Any] = {"machine": machine(), "sizes": sizes._asdict(), "databases": {}, "figures": []}
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        urls = list(databases) or [f"sqlite:///{folder / 'ledger.db'}"]
        if postgres:
            urls.append(stack.enter_context(postgresql()))
        file = _retail(data, folder, sizes.rows)
        for url in urls:
            with place(url) as where:
                found["databases"][where.name] = where.durability
                for benchmark in only:
                    if progress is not None:
                        progress(f"{benchmark} on {where.name}")
                    _run(benchmark, where, figures.append, sizes, file)
    found["figures"] = msgspec.to_builtins(figures)
    if output is not None:
        output.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return found


def _run(
    benchmark: Benchmark, where: Place, report: Callable[[Figure], None], sizes: Sizes, file: Path
) -> None:
    match benchmark:
        case Benchmark.APPEND:
            append.run(where, report, rounds=sizes.rounds, seconds=sizes.seconds)
        case Benchmark.IMPORT:
            importing.run(where, report, rounds=sizes.file_rounds, file=file)
        case Benchmark.REPLAY:
            replay.run(where, report, rounds=sizes.file_rounds, orders=sizes.orders, file=file)
        case Benchmark.READ:
            reading.run(where, report, rounds=sizes.rounds, orders=sizes.orders, reads=sizes.reads)
        case Benchmark.MEMORY:
            memory.run(where, report, rows=sizes.memory_rows)
        case Benchmark.REBUILD:
            rebuild.run(where, report, rounds=sizes.rebuild_rounds, facts=sizes.rebuild_facts)


def _retail(data: Path | None, folder: Path, rows: int) -> Path:
    if data is not None:
        return data / _FILE_IN_A_FOLDER if data.is_dir() else data
    file = folder / "generated.csv"
    retail_file(file, rows)
    return file

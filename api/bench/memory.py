"""Memory: the peak of an import and of a replay, ten times the rows against once, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from api.bench import data, figures
from api.bench.place import Place
from ledger.store.database import Database
from projections.engine import Engine

TARGET = 0.8
"""Flat: ten times the rows take at most a quarter more."""
_KIB = 1024


def run(place: Place, report: figures.Report, *, rows: int) -> None:
    """Import and replay generated retail files of `rows` and of a tenth of them.

    The replay is that of a rebuild: the whole log into every read model.
    """
    peaks: dict[str, list[float]] = {"import": [], "replay": []}
    for size in (rows, rows // 10):
        file = place.folder / f"retail-{size}.csv"
        data.retail_file(file, size)
        url = place.ledger().url.render_as_string(hide_password=False)
        for what, found in peaks.items():
            found.append(_peak(what, url, file))
    for what, (large, small) in peaks.items():
        report(
            figures.compare(
                [large],
                [small],
                less_is_better=True,
                benchmark="memory",
                database=place.name,
                case=f"{what}, {rows:,} rows",
                unit="MiB",
                against=f"{rows // 10:,} rows",
                target=TARGET,
            )
        )


def _peak(what: str, url: str, file: Path) -> float:
    command = [sys.executable, "-m", __name__, what, url, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - as above
    return int(done.stdout) / _KIB


def _peak_kib() -> int:
    """The most memory this process ever held.

    Linux counts what the parent held at the fork in `ru_maxrss`, but not in its own VmHWM.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    import resource  # noqa: PLC0415 - not on every system

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // _KIB if sys.platform == "darwin" else peak


def _measure(what: str, url: str, file: Path) -> None:
    ledger = Database(url)
    if what == "import":
        data.load_file(ledger, file)
    else:
        Engine(ledger).catch_up()
    ledger.close()
    print(_peak_kib())  # noqa: T201 - the answer to the process that asked


if __name__ == "__main__":
    _measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

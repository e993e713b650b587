"""Figures: what was measured of ours and of the other side, pair by pair, and the ratio between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

Side = Callable[[], float]
"""Runs one side once and answers its figure."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison on one database.

    `ours` and `theirs` are medians in `unit`; `ratio` is the median of the ratios of the `pairs` that ran one
    after the other, above 1 where ours is better. `target` is the least ratio we ask of ourselves, None where
    there is none. `waits_for_disk` says that the other side flushes the disk for each of its steps, so that
    the ratio depends on the disk. `more` holds what belongs beside the ratio, such as bytes per fact.
    """

    benchmark: str
    database: str
    case: str
    unit: str
    ours: float
    against: str
    theirs: float
    ratio: float
    pairs: tuple[tuple[float, float], ...]
    target: float | None = None
    waits_for_disk: bool = False
    more: dict[str, float] = msgspec.field(default_factory=dict)


Report = Callable[[Figure], None]
"""Told each figure as soon as it is there."""


def interleaved(rounds: int, sides: Mapping[str, Side]) -> dict[str, list[float]]:
    """Run the sides in turn (A B A B …), so that a busy moment of the machine falls on all of them."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    return found


def compare(
    ours: list[float], theirs: list[float], *, less_is_better: bool = False, **what: Any
) -> Figure:
    """A figure of two columns measured in turn; `what` fills the remaining fields."""
    pairs = tuple(zip(ours, theirs, strict=True))
    ratios = [b / a if less_is_better else a / b for a, b in pairs]
    return Figure(
        ours=median(ours),
        theirs=median(theirs),
        ratio=median(ratios),
        pairs=pairs,
        **what,
    )


def show(console: Console, machine: dict[str, Any], figures: list[Figure]) -> None:
    """Print the machine and a table for each benchmark."""
    console.print(", ".join(f"{name} {value}" for name, value in machine.items() if value is not None))
    for benchmark in dict.fromkeys(figure.benchmark for figure in figures):
        table = Table(title=benchmark, title_justify="left")
        for name in ("database", "case", "against"):
            table.add_column(name)
        for name in ("ours", "theirs", "unit", "ratio", "target", "beside it"):
            table.add_column(name, justify="right" if name != "unit" else "left")
        for figure in figures:
            if figure.benchmark == benchmark:
                table.add_row(*_row(figure, machine))
        console.print(table)


def _row(figure: Figure, machine: dict[str, Any]) -> tuple[str, ...]:
    beside = [f"{name} {value:,.4g}" for name, value in figure.more.items()]
    if figure.waits_for_disk:
        fsync = machine["fsync_us"] if figure.database == "sqlite" else machine["postgresql_fsync_us"]
        beside.append(f"fsync {fsync:,.0f} µs" if fsync else "fsync unknown")
    return (
        figure.database,
        figure.case,
        figure.against,
        _rounded(figure.ours),
        _rounded(figure.theirs),
        figure.unit,
        f"{figure.ratio:.2f} ×",
        "" if figure.target is None else f"{'≥' if figure.ratio >= figure.target else 'missed:'} {figure.target:g}",
        ", ".join(beside),
    )


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits say enough

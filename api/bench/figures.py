"""Figures: what was measured of ours and of the other side, pair by pair, and the ratio between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Unpack

import msgspec
from typing_extensions import TypedDict

from api.cli.output import print_line, print_table

Side = Callable[[], float]
"""Runs one side once and answers its figure."""


class What(TypedDict, total=False):
    """What a figure is about: the fields of Figure that are not measured."""

    benchmark: str
    database: str
    case: str
    unit: str
    against: str
    target: float | None
    more: dict[str, float]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison on one database.

    `ours` and `theirs` are medians in `unit`; `ratio` is the median of the ratios of the `pairs` that ran one
    after the other, above 1 where ours is better. `target` is the least ratio we ask of ourselves, None where
    there is none. `more` holds what belongs beside the ratio: bytes per fact, how long the disk takes.
    """

    benchmark: str
    database: str
    case: str
    unit: str
    against: str
    ours: float
    theirs: float
    ratio: float
    pairs: tuple[tuple[float, float], ...]
    target: float | None = None
    more: dict[str, float] = {}


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
    ours: list[float], theirs: list[float], *, less_is_better: bool = False, **what: Unpack[What]
) -> Figure:
    """A figure of two columns that were measured in turn."""
    pairs = tuple(zip(ours, theirs, strict=True))
    ratio = median(b / a if less_is_better else a / b for a, b in pairs)
    return Figure(ours=median(ours), theirs=median(theirs), ratio=ratio, pairs=pairs, **what)


def show(figures: list[Figure]) -> None:
    """Print a table for each benchmark."""
    for benchmark in dict.fromkeys(figure.benchmark for figure in figures):
        rows = [_row(figure) for figure in figures if figure.benchmark == benchmark]
        print_table(
            "database  case  against  >ours  >theirs  unit  >ratio  >target  beside it", rows, title=benchmark
        )
        print_line()


def _row(figure: Figure) -> tuple[str, ...]:
    target = "" if figure.target is None else f"{figure.target:g} ×"
    return (
        figure.database,
        figure.case,
        figure.against,
        _rounded(figure.ours),
        _rounded(figure.theirs),
        figure.unit,
        f"{figure.ratio:.2f} ×",
        target if figure.target is None or figure.ratio >= figure.target else f"{target} MISSED",
        ", ".join(f"{name} {_rounded(value)}" for name, value in figure.more.items()),
    )


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits say enough

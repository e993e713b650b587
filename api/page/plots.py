"""The plots of the trust report's page: bars by matplotlib, as SVG that takes its colours from the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from api.trust import FigureRow, TrustReport
from ledger import money

_WIDTH_IN, _ROW_IN, _FRAME_IN = 7.2, 0.42, 0.75

# Colours to draw with, each of which the page replaces by its own: it knows whether it is dark.
_COLOURS = {
    "#010203": "var(--ink)",
    "#040506": "var(--year)",
    "#070809": "var(--before)",
    "#0a0b0c": "var(--line)",
}
_INK, _YEAR, _BEFORE, _LINE = _COLOURS

_STYLE: dict[Any, Any] = {  # matplotlib lists its names as a type
    "svg.fonttype": "none",
    "svg.hashsalt": "trust",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _LINE,
}

SHARES = (
    "orders.covered",
    "repurchase.buyers",
    "repurchase.new_buyers",
    "disputes.orders",
    "disputes.intervened",
    "dispatch.late",
    "cards.uptake",
    "inspection.coverage",
)
"""The shares that are drawn together."""


class Bar(NamedTuple):
    """One name and its values, None where one is not known; `text` is how they are written."""

    name: str
    values: tuple[float | None, ...]
    text: tuple[str, ...]


class Plot(NamedTuple):
    """A drawing: its heading, what it says to who cannot see it, and the SVG."""

    title: str
    says: str
    svg: str


def of(found: TrustReport) -> list[Plot]:
    """The plots of a report; what has nothing to show is left out."""
    years = str(found.year), str(found.year - 1)
    drawn = [_plot("Shares in percent", years, _shares(found))]
    for name, title in (
        ("claims.filed", "Claims filed by benefit"),
        ("penalties.imposed", "Penalties by party"),
    ):
        drawn.append(_plot(title, years, _grouped(found, name)))
    for currency in _currencies(found):
        drawn.append(
            _plot(f"Compensation by payer, {currency}", years, _grouped(found, "payouts.funded", currency))
        )
        drawn.append(_plot(f"Pet fund, {currency}", years, list(_fund(found, currency))))
    windows = "before", "from the day on"
    drawn.append(
        _plot(f"Orders around the opening of a benefit, {found.window} days", windows, _uplift(found))
    )
    return [
        Plot(plot.title, plot.says, _apart(plot.svg, f"plot{number}"))
        for number, plot in enumerate(filter(None, drawn), 1)
    ]


def _rows(found: TrustReport, name: str) -> list[FigureRow]:
    return next(
        figure.rows for section in found.sections for figure in section.figures if figure.name == name
    )


def _currencies(found: TrustReport) -> list[str]:
    """The currencies of the fund and of payouts."""
    rows = [*_rows(found, "payouts.funded"), *_rows(found, "fund.closing")]
    return sorted({row.currency for row in rows if row.currency})


def _shares(found: TrustReport) -> list[Bar]:
    bars = []
    for section in found.sections:
        for figure in section.figures:
            if figure.name in SHARES:
                (row,) = figure.rows
                told = [each.percent if each else None for each in (row.value, row.before)]
                bars.append(
                    Bar(
                        figure.title,
                        tuple(None if each is None else float(each) for each in told),
                        tuple("" if each is None else f"{each} %" for each in told),
                    )
                )
    return bars


def _grouped(found: TrustReport, name: str, currency: str = "") -> list[Bar]:
    """The rows of a figure, without what they come to."""
    return [
        _amounts(row.subject.replace("_", " "), row)
        for row in _rows(found, name)
        if row.subject and row.currency == currency
    ]


def _amounts(name: str, row: FigureRow) -> Bar:
    told = [each.amount if each else None for each in (row.value, row.before)]
    return Bar(
        name,
        tuple(None if each is None else _size(each, row.currency) for each in told),
        tuple("" if each is None else _written(each, row.currency) for each in told),
    )


def _written(amount: int, currency: str) -> str:
    return money.display(amount, currency) if currency else f"{amount:,}"


def _size(amount: int, currency: str) -> float:
    """How long a bar is; a drawing is no figure, so that it may be rounded."""
    return amount / 10 ** money.exponent(currency) if currency else float(amount)


def _fund(found: TrustReport, currency: str) -> Iterator[Bar]:
    names = (
        ("fund.opening", "at the beginning"),
        ("fund.in", "in: "),
        ("fund.out", "out: "),
        ("fund.closing", "at the end"),
    )
    for name, title in names:
        for row in _rows(found, name):
            if row.currency == currency and (row.subject or not title.endswith(": ")):
                yield _amounts(f"{title}{row.subject.replace('_', ' ')}", row)


def _uplift(found: TrustReport) -> list[Bar]:
    return [
        Bar(each.benefit, (before.amount, after.amount), (f"{before.amount:,}", f"{after.amount:,}"))
        for each in found.uplift
        if (before := each.orders.before) and (after := each.orders.after)
    ]


def _plot(title: str, names: tuple[str, str], bars: Sequence[Bar]) -> Plot | None:
    """Two bars for each name, the first on top; None if no bar has a length."""
    if not any(value for bar in bars for value in bar.values):
        return None
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, _FRAME_IN + _ROW_IN * len(bars)), layout="constrained")
        axes = figure.add_subplot()
        for series, (name, colour, shift) in enumerate(
            zip(names, (_YEAR, _BEFORE), (-0.19, 0.19), strict=True)
        ):
            lengths = [bar.values[series] or 0 for bar in bars]
            drawn = axes.barh(
                [place + shift for place in range(len(bars))], lengths, height=0.36, color=colour, label=name
            )
            axes.bar_label(drawn, [bar.text[series] for bar in bars], padding=3, fontsize=8)
        axes.set_yticks(range(len(bars)), [_plain(bar.name) for bar in bars])
        axes.invert_yaxis()
        axes.margins(x=0.18)
        axes.spines[["top", "right", "bottom"]].set_visible(b=False)
        axes.tick_params(axis="both", length=0)
        axes.xaxis.set_visible(b=False)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8.5)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    said = "; ".join(f"{bar.name}: {_spoken(names, bar)}" for bar in bars)
    return Plot(title, said, out.getvalue())


def _plain(name: str) -> str:
    """A name as matplotlib shows it, which reads formulas between dollars."""
    return name.replace("$", r"\$")


def _spoken(names: tuple[str, str], bar: Bar) -> str:
    return ", ".join(f"{text or 'unknown'} {name}" for name, text in zip(names, bar.text, strict=True))


def _apart(svg: str, prefix: str) -> str:
    """An SVG that can stand in a page beside others: names of its own, no addresses, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg, count=1
    )
    for drawn, colour in _COLOURS.items():
        svg = svg.replace(drawn, colour)
    return svg

"""The yearly trust report as every door tells it: one shape for JSON, the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ledger import money, time
from projections.trust import Change, Line, Report, changed, fraction, shown
from projections.trust_figures import Unit, Value
from projections.uplift import Opening, Side, Uplift, pooled

NOTE = "Equal windows before and from the day a shop opened a benefit: an association, not a cause."


class FigureValue(msgspec.Struct):
    """A count, a sum in minor units, a time in seconds, or the part that a share is of `whole`.

    For a time, `whole` is the number of cases. `percent` is the share with one decimal, half-up.
    """

    amount: int
    whole: int | None
    percent: str | None


class FigureChange(msgspec.Struct):
    """From the value before: absolute in its unit, in percent, and in percentage points for a share.

    Null where it cannot be said. Decimals have one digit, half-up.
    """

    absolute: int | None
    percent: str | None
    points: str | None


class FigureRow(msgspec.Struct):
    """A value of the year and of the year before; where one is null, `unknown` gives the reason.

    `subject` is what it is of (a benefit, a payer …; empty: of all), `currency` is empty but for money.
    """

    subject: str
    currency: str
    value: FigureValue | None
    unknown: str
    before: FigureValue | None
    before_unknown: str
    change: FigureChange | None


class TrustFigure(msgspec.Struct):
    """A figure in counts, shares, money (minor units) or time (seconds); `by` says what its rows are of."""

    name: str
    title: str
    unit: str
    by: str
    means: str
    rows: list[FigureRow]


class TrustSection(msgspec.Struct):
    """Figures that belong together."""

    name: str
    title: str
    figures: list[TrustFigure]


class UpliftFigure(msgspec.Struct):
    """A value of the windows before and from the day on; null where `unknown` gives the reason."""

    before: FigureValue | None
    after: FigureValue | None
    unknown: str
    change: FigureChange | None


class BenefitUplift(msgspec.Struct):
    """All openings of a benefit together; `waiting` of them count in nothing, as their windows are not over.

    `conversion` is purchases of visits, `repurchase` buyers with two or more purchases of all known buyers.
    """

    benefit: str
    openings: int
    waiting: int
    orders: UpliftFigure
    conversion: UpliftFigure
    repurchase: UpliftFigure


class TrustReport(msgspec.Struct):
    """The trust report of a year; `over` says whether the year had ended. `window` is in days."""

    year: int
    over: bool
    position: int
    window: int
    note: str
    sections: list[TrustSection]
    uplift: list[BenefitUplift]


class WindowSide(msgspec.Struct):
    """A window: purchases, known buyers, those with two or more purchases, visits, days with visits."""

    orders: int
    buyers: int
    came_back: int
    visits: int
    days: int


class OpeningUplift(msgspec.Struct):
    """A shop opened a benefit on a local day: both windows, and how the figures changed."""

    shop: str
    benefit: str
    day: str
    over: bool
    before: WindowSide
    after: WindowSide
    orders: UpliftFigure
    conversion: UpliftFigure
    repurchase: UpliftFigure


class UpliftReport(msgspec.Struct):
    """Benefits that were opened in a year, by shop; `next` is the cursor of what follows, if anything."""

    year: int
    window: int
    note: str
    openings: list[OpeningUplift]
    next: str | None


def told(report: Report, position: int) -> TrustReport:
    """The report as doors tell it; `position` is up to where the ledger was read."""
    sections = [
        TrustSection(
            section.name,
            section.title,
            [
                TrustFigure(*_named(each.figure), [_row(each.figure.unit, line) for line in each.lines])
                for each in found
            ],
        )
        for section, found in report.sections
    ]
    uplift = [_uplift(each) for each in report.uplift]
    return TrustReport(report.year, report.over, position, report.window, NOTE, sections, uplift)


def _named(figure: Any) -> tuple[str, str, str, str, str]:  # noqa: ANN401 - a row of the table of figures
    return figure.name, figure.title, figure.unit, figure.by, figure.means


def _row(unit: Unit, line: Line) -> FigureRow:
    now, before = _value(unit, line.now), _value(unit, line.before)
    return FigureRow(*line.row, now, line.why, before, line.before_why, _change(line.change))


def _value(unit: Unit, value: Value | None) -> FigureValue | None:
    if value is None:
        return None
    percent = shown(fraction(value) * 100) if unit == "share" else None
    return FigureValue(value.amount, value.whole, percent)


def _change(change: Change | None) -> FigureChange | None:
    if change is None:
        return None
    percent, points = (None if each is None else shown(each) for each in change[1:])
    return FigureChange(change.absolute, percent, points)


def _sides(unit: Unit, values: tuple[Value, Value] | None, why: str) -> UpliftFigure:
    if values is None:
        return UpliftFigure(None, None, why, None)
    before, after = values
    return UpliftFigure(_value(unit, before), _value(unit, after), "", _change(changed(unit, before, after)))


def _figures(found: Uplift) -> tuple[UpliftFigure, UpliftFigure, UpliftFigure]:
    why = "" if found.openings > found.waiting else "no window is over"
    return (
        _sides("count", None if why else found.orders, why),
        _sides("share", found.conversion, found.conversion_why),
        _sides("share", found.repurchase, why or found.repurchase_why),
    )


def _uplift(found: Uplift) -> BenefitUplift:
    return BenefitUplift(found.benefit, found.openings, found.waiting, *_figures(found))


def opened(year: int, window: int, found: list[Opening], following: str | None = None) -> UpliftReport:
    """The uplift report as doors tell it: each opening, and what its windows alone come to."""
    openings = [
        OpeningUplift(
            each.shop,
            each.benefit,
            time.day_text(each.day),
            each.over,
            _window(each.before),
            _window(each.after),
            *_figures(pooled(each.benefit, [each], window)),
        )
        for each in found
    ]
    return UpliftReport(year, window, NOTE, openings, following)


def _window(side: Side) -> WindowSide:
    return WindowSide(*side)


class Cells(NamedTuple):
    """A row for people: the figure, what it is of, both years, the change or what is missing."""

    title: str
    subject: str
    value: str
    before: str
    change: str


UNKNOWN = "–"
"""What stands for a value that cannot be reckoned."""


def cells(figure: TrustFigure) -> Iterator[Cells]:
    """The rows of a figure for people; the title stands in the first alone."""
    title = figure.title
    for row in figure.rows:
        value = text(figure.unit, row.value, row.currency) or UNKNOWN
        before = text(figure.unit, row.before, row.currency) or UNKNOWN
        subject = row.subject.replace("_", " ") or ("all" if figure.by and len(figure.rows) > 1 else "")
        change = change_text(figure.unit, row.change, row.currency) or missing(row)
        yield Cells(title, subject, value, before, change)
        title = ""


def missing(row: FigureRow) -> str:
    """Why there is nothing to compare."""
    return row.unknown or (f"before: {row.before_unknown}" if row.before_unknown else "")


def text(unit: str, value: FigureValue | None, currency: str = "") -> str:
    """A value for people, empty if there is none."""
    if value is None:
        return ""
    if unit == "share":
        part, whole = (
            f"{each:,}" if not currency else money.display(each or 0, currency)
            for each in (value.amount, value.whole)
        )
        return f"{value.percent} % ({part} of {whole})"
    if unit == "time":
        return f"{duration(value.amount)} ({value.whole:,})"
    return _number(unit, value.amount, currency)


def _number(unit: str, amount: int, currency: str) -> str:
    if unit == "money":
        return f"{money.display(amount, currency)} {currency}" if currency else "none"
    return duration(amount) if unit == "time" else f"{amount:,}"


def change_text(unit: str, change: FigureChange | None, currency: str = "") -> str:
    """A change for people: what it is absolutely, and how many percent that is."""
    if change is None:
        return ""
    if change.points is not None:
        first = f"{_signed(change.points)} points"
    else:
        amount = change.absolute or 0
        first = (
            f"{'-' if amount < 0 else '+'}{_number(unit, abs(amount), currency)}" if amount else "unchanged"
        )
    if first == "unchanged":
        return first
    return first if change.percent is None else f"{first} ({_signed(change.percent)} %)"


def _signed(number: str) -> str:
    return number if number.startswith("-") else f"+{number}"


_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration(seconds: int) -> str:
    """Seconds in the two largest units that they fill: 3 d 4 h."""
    parts: list[str] = []
    for name, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number or parts:
            parts.append(f"{number} {name}" if number else "")
    return " ".join(filter(None, parts[:2])) or "0 s"


def _uplift_cells(found: BenefitUplift | OpeningUplift) -> Iterator[tuple[str, str, str, str]]:
    """Figure, before, after, and change or what is missing, of each of the three."""
    for name, unit in (("orders", "count"), ("conversion", "share"), ("repurchase", "share")):
        each: UpliftFigure = getattr(found, name)
        before, after = text(unit, each.before) or UNKNOWN, text(unit, each.after) or UNKNOWN
        yield name, before, after, change_text(unit, each.change) or each.unknown


def uplift_cells(found: TrustReport) -> Iterator[tuple[str, ...]]:
    """The uplift of each benefit for people: three rows each."""
    for each in found.uplift:
        head = each.benefit, f"{each.openings - each.waiting:,} of {each.openings:,}"
        for row in _uplift_cells(each):
            yield (*head, *row)
            head = "", ""


def opening_cells(found: UpliftReport) -> Iterator[tuple[str, ...]]:
    """The uplift of each opening for people: three rows each."""
    for each in found.openings:
        head = each.shop, each.benefit, each.day
        for row in _uplift_cells(each):
            yield (*head, *row)
            head = "", "", ""

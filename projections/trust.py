"""The yearly trust report: every figure of the table, of a year and of the year before, on both clocks."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import select

from ledger import time
from ledger.books import NOW, Clocks
from ledger.store.database import Database
from ledger.store.schema import commits
from projections import uplift
from projections.penalties import PENALTIES
from projections.pet_fund import PET_FUND
from projections.then import models
from projections.trust_cases import TRUST_CLAIMS, TRUST_REFUNDS
from projections.trust_days import BENEFIT_OPENINGS, SHOP_VISITS, TRUST_DAYS
from projections.trust_figures import (
    SECTIONS,
    Figure,
    Reckoned,
    Row,
    Section,
    Unit,
    Value,
    Values,
    Year,
    holds,
    totals,
)
from projections.trust_orders import TRUST_ORDERS, TRUST_SESSIONS

MODELS = (
    TRUST_ORDERS,
    TRUST_SESSIONS,
    TRUST_REFUNDS,
    TRUST_CLAIMS,
    TRUST_DAYS,
    PENALTIES,
    PET_FUND,
    SHOP_VISITS,
    BENEFIT_OPENINGS,
)
"""The read models that the report needs."""

UPLIFT_MODELS = (TRUST_ORDERS, SHOP_VISITS, BENEFIT_OPENINGS)
"""Those that the uplift report needs."""

_FIRST_DAY = date(1970, 1, 1)


class Change(NamedTuple):
    """From one value to another: in its own unit, in percent, and for shares in percentage points.

    None where it cannot be said: nothing is so many percent more than nothing.
    """

    absolute: int | None
    percent: Fraction | None
    points: Fraction | None


class Line(NamedTuple):
    """A value of the year and of the year before; where one is None, its `why` gives the reason."""

    row: Row
    now: Value | None
    why: str
    before: Value | None
    before_why: str
    change: Change | None


class Told(NamedTuple):
    """A figure and its values."""

    figure: Figure
    lines: list[Line]


class Report(NamedTuple):
    """The report of a year. `over` says whether the year had ended by the moment it is told as of."""

    year: int
    over: bool
    sections: list[tuple[Section, list[Told]]]
    uplift: list[uplift.Uplift]
    window: int


def days(year: int) -> tuple[int, int]:
    """The first and the last local day of a year, as day numbers."""
    return (date(year, 1, 1) - _FIRST_DAY).days, (date(year, 12, 31) - _FIRST_DAY).days


def report(
    database: Database, year: int, now: int, clocks: Clocks = NOW, *, window: int = uplift.WINDOW
) -> Report:
    """Reckon every figure of a year; `now` in UTC microseconds. Raises ProjectionBehind.

    With another moment than now the log is read again, once for all figures.
    """
    today = _today(database, now, clocks)
    first, last = days(year)
    with models(database, MODELS, clocks) as connection:
        asked = Year(connection, first, last), Year(connection, *days(year - 1))
        known = [holds(each) for each in asked]
        sections = []
        for section in SECTIONS:
            found: list[Reckoned] = [
                section.reckon(each) if is_known else _nothing(section, number)
                for each, is_known, number in zip(asked, known, (year, year - 1), strict=True)
            ]
            told = [
                Told(figure, lines(figure, *(each[figure.name] for each in found)))
                for figure in section.figures
            ]
            sections.append((section, told))
        opened = uplift.openings(connection, uplift.Wanted(first, last), window=window, today=today)
    return Report(year, today > last, sections, uplift.by_benefit(opened, window), window)


def _nothing(section: Section, year: int) -> Reckoned:
    """No figure of a year before the ledger began, or after it ends."""
    return {figure.name: f"the ledger holds nothing of {year}" for figure in section.figures}


def _today(database: Database, now: int, clocks: Clocks) -> int:
    """The local day on which the report is told: the earlier of what both clocks say."""
    moments = [now if clocks.as_of is None else clocks.as_of]
    if clocks.as_at is not None:
        query = select(commits.c.recorded_at).where(commits.c.position >= clocks.as_at)
        with database.read() as connection:
            recorded = connection.execute(query.order_by(commits.c.number).limit(1)).scalar()
        moments.append(recorded if recorded is not None else now)
    return time.local_day(min(moments), time.HOME_OFFSET)


def uplift_report(
    database: Database, wanted: uplift.Wanted, now: int, clocks: Clocks = NOW, *, window: int = uplift.WINDOW
) -> list[uplift.Opening]:
    """Every opening of a benefit that is wanted, with its windows; raises ProjectionBehind."""
    today = _today(database, now, clocks)
    with models(database, UPLIFT_MODELS, clocks) as connection:
        return uplift.openings(connection, wanted, window=window, today=today)


_NO_SUCH = "there was none"


def lines(figure: Figure, now: Values | str, before: Values | str) -> list[Line]:
    """A figure of both years row by row; what only one year has was nothing in the other."""
    found = [{} if isinstance(each, str) else dict(totals(figure, each)) for each in (now, before)]
    rows = list(dict.fromkeys(row for each in found for row in each)) or [Row()]
    # What all come to stands last.
    rows.sort(key=lambda row: (figure.by != "" and not row.subject, row))
    told = []
    for row in rows:
        new, why = _of(figure, now, found[0], row)
        old, old_why = _of(figure, before, found[1], row)
        change = None if new is None or old is None else changed(figure.unit, old, new)
        told.append(Line(row, new, why, old, old_why, change))
    return told


def _of(figure: Figure, told: Values | str, found: Values, row: Row) -> tuple[Value | None, str]:
    if isinstance(told, str):
        return None, told
    value = found.get(row)
    if value is None and figure.unit in {"count", "money"}:
        value = Value(0)
    return value, "" if value is not None else _NO_SUCH


def changed(unit: Unit, before: Value, now: Value) -> Change:
    """How a value changed: 10.0 to 12.1 % is 2.1 points and 21 percent more."""
    if unit == "share":
        old, new = fraction(before), fraction(now)
        return Change(None, (new - old) / old * 100 if old else None, (new - old) * 100)
    more = now.amount - before.amount
    return Change(more, Fraction(more * 100, before.amount) if before.amount > 0 else None, None)


def fraction(value: Value) -> Fraction:
    """A share as a part of one."""
    assert value.whole  # noqa: S101 - a share of nothing is none
    return Fraction(value.amount, value.whole)


def shown(value: Fraction) -> str:
    """A number with one decimal, half-up on the absolute value."""
    tenths = (abs(value.numerator) * 20 + value.denominator) // (2 * value.denominator)
    return f"{'-' if value < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"

"""Uplift: a shop's orders, conversion and repurchase in equal windows around the day it opened a benefit.

What changed with a benefit need not have changed because of it: an association, not a cause.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, literal, select, tuple_

from projections.trust_days import OPENINGS, VISITS
from projections.trust_figures import COUNTS, Value
from projections.trust_orders import TABLE as ORDERS

WINDOW = 30
"""Days before and from the day on, unless somebody asks for others."""

Key = tuple[str, str, int]
"""Shop, benefit and local day."""


class Side(NamedTuple):
    """A window: its purchases, known buyers, those with two or more purchases, visits, days with visits."""

    orders: int = 0
    buyers: int = 0
    came_back: int = 0
    visits: int = 0
    days: int = 0


class Opening(NamedTuple):
    """A shop opened a benefit on a local day; `over` says whether the window from then on is over."""

    shop: str
    benefit: str
    day: int
    over: bool
    before: Side
    after: Side


class Uplift(NamedTuple):
    """Windows of one opening, or of all openings of a benefit; a value is None where its `why` says so."""

    benefit: str
    openings: int
    waiting: int
    """Openings whose windows are not over: they count in nothing else."""
    orders: tuple[Value, Value]
    conversion: tuple[Value, Value] | None
    conversion_why: str
    repurchase: tuple[Value, Value] | None
    repurchase_why: str


class Wanted(NamedTuple):
    """Which openings are asked for: from `first` to `last` (local day numbers, included), of a shop or all.

    They come by shop, benefit and day, those behind `after`, at most `limit` if one is given.
    """

    first: int
    last: int
    shop: str = ""
    after: Key | None = None
    limit: int | None = None


def openings(connection: Connection, wanted: Wanted, *, window: int = WINDOW, today: int) -> list[Opening]:
    """Every opening that is wanted, with its windows; those that do not end before `today` are not over."""
    chosen = _chosen(wanted)
    found: dict[Key, tuple[dict[str, int], dict[str, int]]] = {
        (shop, benefit, day): ({}, {}) for shop, benefit, day in connection.execute(chosen)
    }
    near = chosen.subquery()
    for query in (_orders(near, window), _visits(near, window)):
        for row in connection.execute(query).mappings():
            side = found[row["shop"], row["benefit"], row["day"]][row["side"]]
            side.update({name: int(row[name]) for name in Side._fields if name in row})
    return [
        Opening(*key, key[-1] + window <= today, Side(**before), Side(**after))
        for key, (before, after) in found.items()
    ]


def _chosen(wanted: Wanted) -> Select[str, str, int]:
    """The openings in the order of the database, which knows how to go on behind one."""
    columns = OPENINGS.c
    key = (columns.shop, columns.benefit, columns.day)
    query = select(*key).where(columns.day.between(wanted.first, wanted.last)).order_by(*key)
    if wanted.shop:
        query = query.where(columns.shop == wanted.shop)
    if wanted.after is not None:
        query = query.where(tuple_(*key) > tuple_(*map(literal, wanted.after)))
    return query.limit(wanted.limit)


def _side(day: ColumnElement[int], opened: ColumnElement[int]) -> Any:  # noqa: ANN401 - a column with a name
    return case((day >= opened, 1), else_=0).label("side")


def _orders(near: Subquery, window: int) -> Any:  # noqa: ANN401 - a query
    """Purchases and buyers of each side."""
    opening, columns = near.c, ORDERS.c
    days = columns.paid_day.between(opening.day - window, opening.day + window - 1)
    side = _side(columns.paid_day, opening.day)
    within = (
        select(opening.shop, opening.benefit, opening.day, side, columns.buyer)
        .join(ORDERS, columns.shop == opening.shop)
        .where(days, COUNTS)
        .subquery()
    )
    by_buyer = select(*within.c, func.count().label("n")).group_by(*within.c).subquery()
    each = by_buyer.c
    known = each.buyer != ""
    sides = (each.shop, each.benefit, each.day, each.side)
    return select(
        *sides,
        func.sum(each.n).label("orders"),
        func.count(case((known, 1))).label("buyers"),
        func.count(case((known & (each.n > 1), 1))).label("came_back"),
    ).group_by(*sides)


def _visits(near: Subquery, window: int) -> Any:  # noqa: ANN401 - a query
    """Visits of each side, and on how many days they are known."""
    opening, columns = near.c, VISITS.c
    days = columns.day.between(opening.day - window, opening.day + window - 1)
    side = _side(columns.day, opening.day)
    within = (
        select(
            *(opening.shop, opening.benefit, opening.day, side),
            columns.visits,
            columns.day.label("visited"),
        )
        .join(VISITS, columns.shop == opening.shop)
        .where(days)
        .subquery()
    )
    each = within.c
    sides = (each.shop, each.benefit, each.day, each.side)
    return select(
        *sides,
        func.sum(each.visits).label("visits"),
        func.count(each.visited.distinct()).label("days"),
    ).group_by(*sides)


def pooled(benefit: str, found: list[Opening], window: int = WINDOW) -> Uplift:
    """The windows of some openings together; only those that are over count.

    Conversion is that of the openings whose visits are known on every day of both windows.
    """
    over = [each for each in found if each.over]
    counted = [each for each in over if each.before.days == each.after.days == window]
    visits = [(sum(side.visits for side in sides)) for sides in _sides(counted)]
    buyers = [(sum(side.buyers for side in sides)) for sides in _sides(over)]
    conversion = repurchase = None
    if all(visits):
        orders = [sum(side.orders for side in sides) for sides in _sides(counted)]
        conversion = Value(orders[0], visits[0]), Value(orders[1], visits[1])
    if all(buyers):
        again = [sum(side.came_back for side in sides) for sides in _sides(over)]
        repurchase = Value(again[0], buyers[0]), Value(again[1], buyers[1])
    before, after = (sum(side.orders for side in sides) for sides in _sides(over))
    return Uplift(
        benefit,
        len(found),
        len(found) - len(over),
        (Value(before), Value(after)),
        conversion,
        "" if conversion else _unknown(over, counted, window),
        repurchase,
        "" if repurchase else "one of the windows has no known buyer",
    )


def _sides(found: list[Opening]) -> tuple[list[Side], list[Side]]:
    return [each.before for each in found], [each.after for each in found]


def _unknown(over: list[Opening], counted: list[Opening], window: int) -> str:
    """Why there is no conversion."""
    if not over:
        return "no window is over"
    if counted:
        return "nobody came in one of the windows"
    best = max(over, key=lambda each: each.before.days + each.after.days)
    return f"visits are known on at most {best.before.days} and {best.after.days} of {window} days"


def by_benefit(found: list[Opening], window: int = WINDOW) -> list[Uplift]:
    """The openings of each benefit together, by name."""
    names = sorted({each.benefit for each in found})
    return [pooled(name, [each for each in found if each.benefit == name], window) for name in names]

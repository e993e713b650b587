"""The repeat-customer index: of a shop with its peers, of all shops on a day, and what is behind a figure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection

from ledger import reputation
from ledger.books import NOW, Clocks
from ledger.formula import Formula
from ledger.reputation import Observed, Rule, Standing
from ledger.store.database import Database
from projections.reputation import REPUTATION, Asking, Behind, behind, industries, knows, observed
from projections.store import reached
from projections.then import model


class Index(NamedTuple):
    """A shop on a local day: its standing, and those of all shops of its industry, itself included.

    `formula` and `rule` are those of the day; `behind` are the facts behind each metric, behind `orders` and,
    where penalties took points off, behind `deduction`. `known` says whether there ever was such a shop.
    """

    shop: str
    known: bool
    industry: str
    day: int
    formula: Formula
    rule: Rule
    standing: Standing
    peers: dict[str, Standing]
    behind: dict[str, Behind]


def shop_index(database: Database, shop: str, day: int, clocks: Clocks = NOW, *, limit: int = 20) -> Index:
    """The index of a shop, with the first `limit` facts behind each figure.

    A shop of which nothing is known stands in the middle. Raises UnknownFormula, and ProjectionBehind if the
    read model is not built.
    """
    formula, rule = reputation.in_force(day)
    with model(database, REPUTATION, clocks) as connection:
        industry = industries(connection, shop).get(shop, "")
        peers = _standings(connection, rule, day, industry, also=shop)
        found = peers[shop]
        figures = [component.metric for component in found.components]
        named = ["orders", *figures, *(["deduction"] if found.deduction else [])]
        facts = {
            figure: behind(connection, rule, day, figure, Asking(one=shop), limit=limit) for figure in named
        }
        known = knows(connection, shop)
    return Index(shop, known, industry, day, formula, rule, found, peers, facts)


def _standings(
    connection: Connection, rule: Rule, day: int, industry: str, *, also: str
) -> dict[str, Standing]:
    """All shops of an industry, and one that may have no observations."""
    seen = observed(connection, rule, day, Asking(industry=industry))
    seen.setdefault(also, Observed({}))
    return reputation.standings(rule, industry, seen)


class Day(NamedTuple):
    """Every shop that has observations on a local day, by industry and by shop."""

    day: int
    formula: Formula
    rule: Rule
    industries: dict[str, dict[str, Standing]]


def day_index(database: Database, day: int, clocks: Clocks = NOW) -> Day:
    """The index of all shops; raises UnknownFormula, and ProjectionBehind if the read model is not built."""
    with model(database, REPUTATION, clocks) as connection:
        return index_of(connection, day)


def latest_index(database: Database, day: int) -> tuple[int, Day]:
    """The same as it is now, and the position that it has seen."""
    with database.snapshot() as connection:
        return reached(connection, REPUTATION), index_of(connection, day)


def index_of(connection: Connection, day: int) -> Day:
    """The same where the table of the read model is at hand."""
    formula, rule = reputation.in_force(day)
    of = industries(connection)
    seen: dict[str, dict[str, Observed]] = {}
    for shop, counts in observed(connection, rule, day).items():
        seen.setdefault(of.get(shop, ""), {})[shop] = counts
    found = {
        industry: reputation.standings(rule, industry, shops) for industry, shops in sorted(seen.items())
    }
    return Day(day, formula, rule, found)


class Spread(NamedTuple):
    """How the values of all peers lie: the smallest, the quartiles, the largest, and how many there are.

    A quartile is the first value in ascending order, itself included up to which a quarter, a half or three
    quarters of all lie.
    """

    least: Fraction
    lower: Fraction
    middle: Fraction
    upper: Fraction
    most: Fraction
    among: int


def spread(values: Sequence[Fraction]) -> Spread | None:
    """The spread of some values; None without any."""
    if not values:
        return None
    inner = sorted(values)
    lower, middle, upper = (inner[-(-quarter * len(inner) // 4) - 1] for quarter in (1, 2, 3))
    return Spread(inner[0], lower, middle, upper, inner[-1], len(inner))


def metric_spread(index: Index, metric: str) -> Spread | None:
    """How the shrunk values of a metric lie among the peers."""
    values = [
        value
        for standing in index.peers.values()
        for component in standing.components
        if component.metric == metric
        if (value := component.shrunk(index.rule.shrink)) is not None
    ]
    return spread(values)


def index_spread(index: Index) -> Spread | None:
    """How the exact indexes of the peers with enough orders lie."""
    enough = index.rule.minimum_orders
    return spread([standing.exact for standing in index.peers.values() if standing.orders >= enough])

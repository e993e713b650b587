"""Merits: what the rules of marks and traffic know of each shop on a day, and the index of hosts.

Nothing is kept: everything is reckoned from the observations of the reputation model, so that any day can be
asked for on both clocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, case, func, select

from ledger import experience, formula, reputation
from ledger.books import NOW, Clocks
from ledger.experience import Score
from ledger.formula import Formula
from ledger.reputation import Deduction, Metric, Observed, Standing
from ledger.store.database import Database
from projections.repeat_customers import Index, Spread, spread
from projections.reputation import (
    ALL_SHOPS,
    REPUTATION,
    TABLE,
    Asking,
    Behind,
    behind,
    industries,
    observed,
)
from projections.then import model

HOST_INDEX = "host-index"
"""The rule of the index of hosts."""

_WEEK, _MONTH = 7, 30


class Merit(msgspec.Struct, frozen=True):
    """What the rules know of a shop on a day, of the days before it; index and score in tenths.

    `month` are its paid orders of the last thirty days and `month_before` of the thirty before them, `week`
    and `week_before` the same of seven; `points` those of penalties that stand and were imposed in the last
    thirty.
    """

    index: int | None = None
    label: str | None = None
    experience: int | None = None
    month: int = 0
    month_before: int = 0
    week: int = 0
    week_before: int = 0
    points: int = 0


def merits(database: Database, day: int, clocks: Clocks = NOW) -> dict[str, Merit]:
    """By shop, of all of whom anything was observed lately; raises ProjectionBehind."""
    with model(database, REPUTATION, clocks) as connection:
        return _merits(connection, day, industries(connection), ALL_SHOPS)


def merit(database: Database, shop: str, day: int, clocks: Clocks = NOW) -> Merit:
    """The same of one shop, from what was observed of its industry; raises ProjectionBehind."""
    with model(database, REPUTATION, clocks) as connection:
        of_industry = industries(connection)
        asking = Asking(industry=of_industry.get(shop, ""))
        return _merits(connection, day, of_industry, asking).get(shop, Merit())


def _merits(
    connection: Connection, day: int, of_industry: Mapping[str, str], asking: Asking
) -> dict[str, Merit]:
    _, rule = reputation.in_force(day)
    seen, ratings = observed(connection, rule, day, asking), _observed_ratings(connection, day, asking)
    found: dict[str, Merit] = {}
    for industry, shops in _by_industry({*seen, *ratings}, of_industry).items():
        among = reputation.standings(rule, industry, {shop: seen[shop] for shop in shops if shop in seen})
        scores = _scores(day, {shop: ratings[shop] for shop in shops if shop in ratings})
        for shop in shops:
            found[shop] = _merit(among.get(shop), scores.get(shop), seen.get(shop))
    for shop, spans in _orders(connection, day).items():
        found[shop] = msgspec.structs.replace(found.get(shop, Merit()), **spans)
    return found


def _merit(standing: Standing | None, score: Score | None, seen: Observed | None) -> Merit:
    return Merit(
        index=standing.tenths if standing else None,
        label=standing.label if standing else None,
        experience=score.tenths if score else None,
        points=seen.points if seen else 0,
    )


def _by_industry(shops: set[str], of_industry: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for shop in sorted(shops):
        found.setdefault(of_industry.get(shop, ""), []).append(shop)
    return found


def _orders(connection: Connection, day: int) -> dict[str, dict[str, int]]:
    """The paid orders of each shop, by span of days."""
    columns = TABLE.c
    spans = {
        "month": (day - _MONTH, day - 1),
        "month_before": (day - 2 * _MONTH, day - _MONTH - 1),
        "week": (day - _WEEK, day - 1),
        "week_before": (day - 2 * _WEEK, day - _WEEK - 1),
    }
    counts = [func.count(case((columns.day.between(*days), 1))).label(name) for name, days in spans.items()]
    query = (
        select(columns.shop, *counts)
        .where(
            columns.kind == "order",
            columns.day.between(day - 2 * _MONTH, day - 1),
            columns.struck == 0,
            columns.value > 0,
        )
        .group_by(columns.shop)
    )
    return {shop: dict(zip(spans, numbers, strict=True)) for shop, *numbers in connection.execute(query)}


def _as_reputation(day: int) -> reputation.Rule:
    """The rule of the experience score in the words of the index, so that the same sums serve both."""
    _, rule = experience.in_force(day)
    return reputation.Rule(
        shrink=rule.shrink,
        minimum_orders=0,
        margin=0,
        top=0,
        low_repurchase=(),
        quality_reasons=(),
        windows={"early": rule.window},
        deduction=Deduction(0, 0),
        metrics=tuple(Metric(each.name, "", each.weight, "early") for each in rule.metrics),
    )


def _observed_ratings(
    connection: Connection, day: int, asking: Asking = ALL_SHOPS
) -> dict[str, Mapping[str, reputation.Count]]:
    found = observed(connection, _as_reputation(day), day, asking)
    return {shop: seen.counts for shop, seen in found.items() if seen.counts}


def _scores(day: int, ratings: Mapping[str, Mapping[str, reputation.Count]]) -> dict[str, Score]:
    """The score of each rated shop of an industry."""
    _, rule = experience.in_force(day)
    peers = experience.pooled(ratings)
    return {shop: experience.score(rule, counts, peers) for shop, counts in ratings.items()}


class Experience(NamedTuple):
    """A shop's experience score on a day: its rule, its industry, the peers, the facts behind each rating.

    `peers` is how the scores of the industry's rated shops lie.
    """

    shop: str
    day: int
    formula: Formula
    industry: str
    score: Score
    peers: Spread | None
    behind: dict[str, Behind]

    @property
    def missing(self) -> tuple[str, ...]:
        """What nobody has rated the shop for."""
        return tuple(name for name, facts in self.behind.items() if not facts.total)


def experience_of(
    database: Database, shop: str, day: int, clocks: Clocks = NOW, *, limit: int = 20
) -> Experience:
    """The score of a shop with all that it follows from; raises ProjectionBehind.

    Whoever nobody has rated has the score of the industry, marked as missing by each of its ratings.
    """
    found, rule = experience.in_force(day)
    with model(database, REPUTATION, clocks) as connection:
        industry = industries(connection).get(shop, "")
        ratings = _observed_ratings(connection, day, Asking(industry=industry))
        asking = Asking(one=shop)
        facts = {
            metric.name: behind(connection, _as_reputation(day), day, metric.name, asking, limit=limit)
            for metric in rule.metrics
        }
    scores = _scores(day, ratings)
    own = scores.get(shop) or experience.score(rule, {}, experience.pooled(ratings))
    peers = spread([score.exact for score in scores.values() if score.exact is not None])
    return Experience(shop, day, found, industry, own, peers, facts)


def behind_merit(
    database: Database, shop: str, day: int, clocks: Clocks = NOW, *, limit: int = 20
) -> dict[str, Behind]:
    """The facts behind what is counted of a shop, by the name that rules know the figure by."""
    _, rule = reputation.in_force(day)
    asking = Asking(one=shop)
    with model(database, REPUTATION, clocks) as connection:

        def facts(*names: str, by: reputation.Rule = rule) -> Behind:
            found = [behind(connection, by, day, name, asking, limit=limit) for name in names]
            positions = sorted({position for each in found for position in each.positions})
            return Behind(sum(each.total for each in found), tuple(positions[:limit]))

        metrics = [metric.name for metric in rule.of(industries(connection).get(shop, ""))]
        ratings = _as_reputation(day)
        return {
            "index": facts(*metrics, "deduction"),
            "label": facts("orders"),
            "experience": facts(*(metric.name for metric in ratings.metrics), by=ratings),
            "paid_orders": facts("orders"),
            "points": facts("deduction"),
        }


def host_index(database: Database, host: str, day: int, clocks: Clocks = NOW, *, limit: int = 20) -> Index:
    """The index of a host among all hosts, by a rule of its own; raises ProjectionBehind.

    A host of whom nothing is known stands in the middle.
    """
    found = formula.in_force(HOST_INDEX, day)
    rule = found.read(reputation.Rule)
    with model(database, REPUTATION, clocks) as connection:
        seen = observed(connection, rule, day, Asking(by="host"))
        known = host in seen
        peers = reputation.standings(rule, "", {host: Observed({}), **seen})
        own = peers[host]
        figures = [
            "orders",
            *(each.metric for each in own.components),
            *(["deduction"] if own.deduction else []),
        ]
        asking = Asking(by="host", one=host)
        facts = {name: behind(connection, rule, day, name, asking, limit=limit) for name in figures}
    return Index(host, known, "", day, found, rule, own, peers, facts)

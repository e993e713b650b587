"""The shopping experience score: what buyers rate, from 1.0 to 5.0, small shops drawn to their industry.

A pure function of the rule (`ledger/formulas/experience-1.toml`) and of sums of ratings, in exact fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec

from ledger import formula
from ledger.formula import Formula
from ledger.reputation import NOTHING, Count, Window, half_up, shrunk

NAME = "experience"


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rating and its weight."""

    name: str
    weight: Decimal


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version of the rule says; `shrink` is how many ratings of the industry join those of a shop."""

    shrink: int
    window: Window
    metrics: tuple[Metric, ...]


def in_force(day: int) -> tuple[Formula, Rule]:
    """The version of a local day, and what it says; raises UnknownFormula."""
    found = formula.in_force(NAME, day)
    return found, found.read(Rule)


class Rating(NamedTuple):
    """One rating of a shop: the sums of its ratings and of its industry's, and its weight in the score.

    `value` is the mean drawn to that of the industry; the industry's own where the shop has none.
    """

    metric: str
    weight: Fraction
    counted: Count
    peers: Count
    value: Fraction

    @property
    def missing(self) -> bool:
        """Whether nobody has rated the shop so."""
        return not self.counted.n


class Score(NamedTuple):
    """A shop's score; `exact` is None where nobody in its industry was rated."""

    ratings: tuple[Rating, ...]
    exact: Fraction | None

    @property
    def tenths(self) -> int | None:
        """The score as it is shown: tenths, rounded half-up; None without any."""
        return None if self.exact is None else half_up(self.exact * 10)


def score(rule: Rule, counts: Mapping[str, Count], peers: Mapping[str, Count]) -> Score:
    """The score of what was counted of a shop and of its industry, itself included.

    What nobody in the industry was rated for counts for nothing; the weights of the others share its weight
    in proportion.
    """
    rated = [metric for metric in rule.metrics if peers.get(metric.name, NOTHING).n]
    whole = sum((Fraction(metric.weight) for metric in rated), Fraction(0))
    ratings = []
    for metric in rated:
        counted, of_peers = counts.get(metric.name, NOTHING), peers[metric.name]
        value = shrunk(counted, of_peers, rule.shrink)
        if value is None:
            value = Fraction(of_peers.numerator, of_peers.n)
        ratings.append(Rating(metric.name, Fraction(metric.weight) / whole, counted, of_peers, value))
    exact = sum((each.weight * each.value for each in ratings), Fraction(0)) if ratings else None
    return Score(tuple(ratings), exact)


def pooled(observed: Mapping[str, Mapping[str, Count]]) -> dict[str, Count]:
    """The sums over all shops of an industry, by metric."""
    sums: dict[str, Count] = {}
    for counts in observed.values():
        for name, count in counts.items():
            known = sums.get(name, NOTHING)
            sums[name] = Count(known.numerator + count.numerator, known.n + count.n)
    return sums

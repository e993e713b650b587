"""The repeat-customer index: from what was counted of each shop to percentiles, index and label, exactly.

Everything is a pure function of the formula and of counts, in whole numbers and fractions; docs/reputation.md
defines each word. It serves whoever is compared with peers: shops with their industry, hosts with each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec

from ledger import formula
from ledger.formula import Formula

NAME = "repeat-customer"
"""The name of the formula's files."""

MIDDLE = Fraction(50)
"""The mean of all mid-rank percentiles, which stands for what was never observed."""

LOWER_IS_BETTER = frozenset({"dissatisfaction", "quality_refunds", "handling_time"})

SUGGESTIONS = {
    "repeat_rate":     "Few buyers come back within a month: give those who bought once a reason to return.",
    "praise_rate":     "Few reviews praise the goods: sell what you would buy again, and say what it is.",
    "dissatisfaction": "Many buyers are dissatisfied: look at what reviews of 3 and below and votes say.",
    "quality_refunds": "Many refunds are for quality: find the articles and suppliers behind them.",
    "handling_time":   "After-sales requests wait long: decide refunds sooner.",
    "service":         "Service is rated low: answer buyers sooner and settle what they ask for.",
    "logistics":       "Logistics is rated low: dispatch sooner, or with another carrier.",
    "content":         "Sessions and videos are rated low: show the goods as they are.",
    "welfare":         "Welfare is rated low: look at what fans receive that others do not.",
}  # fmt: skip
"""What a shop can do about each metric, in words."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `first` to `last` days before the day of the index, both included."""

    first: int
    last: int

    def days(self, day: int) -> tuple[int, int]:
        """The numbers of its first and last day, both included."""
        return day - self.first, day - self.last


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric and its weight; `instead` takes its place where buyers rarely buy twice."""

    name: str
    dimension: str
    weight: Decimal
    window: str
    instead: str = ""


class Deduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points of the index that a point of a penalty costs, and the most that all may cost."""

    rate: int
    cap: int


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version of the formula says.

    The window `early` is also that of the orders which labels ask for, and of penalties. A refund is one of
    quality if its reason is one of `quality_reasons` or ends like one of `quality_endings`, in small letters.
    """

    shrink: int
    minimum_orders: int
    margin: int
    top: int
    low_repurchase: tuple[str, ...]
    quality_reasons: tuple[str, ...]
    windows: dict[str, Window]
    deduction: Deduction
    metrics: tuple[Metric, ...]
    quality_endings: tuple[str, ...] = ()

    def of(self, industry: str) -> tuple[Metric, ...]:
        """The metrics of an industry."""
        if industry not in self.low_repurchase:
            return self.metrics
        return tuple(
            msgspec.structs.replace(metric, name=metric.instead, instead="") if metric.instead else metric
            for metric in self.metrics
        )

    @property
    def names(self) -> frozenset[str]:
        """Every metric that some industry needs."""
        found = {name for metric in self.metrics for name in (metric.name, metric.instead)}
        return frozenset(found - {""})

    def window(self, metric: str) -> Window:
        """The window of a metric that is in `names`."""
        return next(self.windows[each.window] for each in self.metrics if metric in {each.name, each.instead})


def in_force(day: int) -> tuple[Formula, Rule]:
    """The version of a local day, and what it says; raises UnknownFormula."""
    found = formula.in_force(NAME, day)
    return found, found.read(Rule)


class Count(NamedTuple):
    """What was counted of one metric; without `n` there is no observation."""

    numerator: int = 0
    n: int = 0


NOTHING = Count()


class Observed(NamedTuple):
    """What was counted of one shop: by metric, its purchases of the early window, its penalties' points."""

    counts: Mapping[str, Count]
    orders: int = 0
    points: int = 0


class Component(NamedTuple):
    """One metric of a shop among its peers: `peers` is the sum of all that have observations.

    Of the shops with observations, `among`, `lower` have a lower shrunk value and `equal` the same, itself
    included.
    """

    metric: str
    weight: Fraction
    counted: Count
    peers: Count
    lower: int
    equal: int
    among: int

    def shrunk(self, shrink: int) -> Fraction | None:
        """The shop's value drawn to that of its industry, as if `shrink` observations more were like it."""
        return shrunk(self.counted, self.peers, shrink)

    @property
    def missing(self) -> bool:
        """Whether the shop has no observation of it."""
        return not self.counted.n

    @property
    def percentile(self) -> Fraction:
        """From 0 to 100, higher is better; the middle if it is missing."""
        if self.missing:
            return MIDDLE
        found = mid_rank(self.lower, self.equal, self.among)
        return 100 - found if self.metric in LOWER_IS_BETTER else found

    @property
    def points(self) -> Fraction:
        """What it brings to the index."""
        return self.weight * self.percentile

    @property
    def cost(self) -> Fraction:
        """What it costs against the middle of the industry; below zero where it is better than that."""
        return self.weight * (MIDDLE - self.percentile)


class Rank(NamedTuple):
    """Where an index stands among shops with enough orders: their mean, how many are lower, all of them."""

    mean: Fraction | None
    lower: int
    equal: int
    among: int

    @property
    def percentile(self) -> Fraction | None:
        """The mid-rank of the index, None where no shop has enough orders."""
        return mid_rank(self.lower, self.equal, self.among) if self.among else None


class Standing(NamedTuple):
    """A shop on a day: `exact` is its index without any rounding, `deduction` what penalties took off.

    `points` are those of its penalties that stand.
    """

    orders: int
    points: int
    components: tuple[Component, ...]
    deduction: int
    exact: Fraction
    rank: Rank
    label: str

    @property
    def tenths(self) -> int:
        """The index as it is shown: tenths of a point, rounded half-up."""
        return half_up(self.exact * 10)

    @property
    def missing(self) -> tuple[str, ...]:
        """The metrics without an observation, in the formula's order."""
        return tuple(component.metric for component in self.components if component.missing)

    @property
    def improve(self) -> tuple[str, ...]:
        """The metrics that cost points against the middle, the dearest first."""
        dear = [component for component in self.components if component.cost > 0]
        return tuple(component.metric for component in sorted(dear, key=lambda each: -each.cost))


def half_up(value: Fraction) -> int:
    """A value of zero or more as the nearest whole number, the higher one from the half."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def decimal(value: Fraction, places: int) -> str:
    """A value of zero or more as people write it, rounded half-up: 50.0."""
    return f"{Decimal(half_up(value * 10**places)).scaleb(-places):f}"


def mid_rank(lower: int, equal: int, count: int) -> Fraction:
    """The percentile of what has `lower` below it and `equal` like it (itself included) among `count`."""
    return Fraction(50 * (2 * lower + equal), count)


def shrunk(counted: Count, peers: Count, shrink: int) -> Fraction | None:
    """A value drawn to that of all peers together; None without an observation."""
    if not counted.n:
        return None
    return (counted.numerator + shrink * Fraction(peers.numerator, peers.n)) / (counted.n + shrink)


def standings(rule: Rule, industry: str, observed: Mapping[str, Observed]) -> dict[str, Standing]:
    """Every shop of an industry among the others, of what was counted of each."""
    among = {metric.name: _among(rule.shrink, metric, observed) for metric in rule.of(industry)}
    reckoned: dict[str, tuple[tuple[Component, ...], int, Fraction]] = {}
    for name, seen in observed.items():
        components = tuple(places[name] for places in among.values())
        deducted = deduction(rule, seen.points)
        reckoned[name] = components, deducted, exact(components, deducted)
    enough = [name for name, seen in observed.items() if seen.orders >= rule.minimum_orders]
    indexes = sorted(reckoned[name][2] for name in enough)
    mean = sum(indexes, Fraction(0)) / len(indexes) if indexes else None
    found = {}
    for name, (components, deducted, index) in reckoned.items():
        lower = bisect_left(indexes, index)
        rank = Rank(mean, lower, bisect_right(indexes, index) - lower, len(indexes))
        orders, points = observed[name].orders, observed[name].points
        label_ = label(rule, orders, index, rank)
        found[name] = Standing(orders, points, components, deducted, index, rank, label_)
    return found


def _among(shrink: int, metric: Metric, observed: Mapping[str, Observed]) -> dict[str, Component]:
    """One metric of every shop."""
    counts = {name: seen.counts.get(metric.name, NOTHING) for name, seen in observed.items()}
    have = [count for count in counts.values() if count.n]
    peers = Count(sum(count.numerator for count in have), sum(count.n for count in have))
    values = {name: shrunk(count, peers, shrink) for name, count in counts.items()}
    order = sorted(value for value in values.values() if value is not None)
    weight = Fraction(metric.weight)
    places = {}
    for name, value in values.items():
        lower = bisect_left(order, value) if value is not None else 0
        equal = bisect_right(order, value) - lower if value is not None else 0
        places[name] = Component(metric.name, weight, counts[name], peers, lower, equal, len(order))
    return places


def deduction(rule: Rule, points: int) -> int:
    """What penalties of so many points take off the index."""
    return min(points * rule.deduction.rate, rule.deduction.cap)


def exact(components: Iterable[Component], deducted: int) -> Fraction:
    """The index without any rounding, never below zero."""
    return max(sum((component.points for component in components), Fraction(0)) - deducted, Fraction(0))


def label(rule: Rule, orders: int, index: Fraction, rank: Rank) -> str:
    """The word for an index: insufficient, leading, above_average, on_par or behind."""
    if orders < rule.minimum_orders or rank.mean is None or rank.percentile is None:
        return "insufficient"
    if index > rank.mean + rule.margin:
        return "leading" if rank.percentile >= rule.top else "above_average"
    return "on_par" if index >= rank.mean - rule.margin else "behind"


def suggestions(metrics: Sequence[str]) -> list[str]:
    """The words for metrics to improve."""
    return [SUGGESTIONS[metric] for metric in metrics]

"""The repeat-customer index as people and machines read it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import chain

import msgspec

from api.facts import Reader
from api.figures import Explanation, FigureComponent, FigurePeers, Question, behind
from ledger import reputation, time
from ledger.books import NOW, Clocks
from ledger.errors import InvalidTime, UnknownShop
from ledger.events.score import ScoreSnapshotTaken
from ledger.reputation import Component, Standing, decimal
from ledger.store.database import Database
from projections.repeat_customers import (
    Index,
    Spread,
    index_spread,
    metric_spread,
    shop_index,
)
from projections.streams import facts_of

_FIRST_DAY = date(1970, 1, 1)
_PLACES = 4
"""How many decimals people see of what is exact."""

_RATES = frozenset({"repeat_rate", "praise_rate", "dissatisfaction", "quality_refunds"})


class ScoreMetric(msgspec.Struct, kw_only=True):
    """A metric of the index. `value` and `percentile` are exact fractions; without `n` there is no value.

    `numerator` and `n` were counted of the shop, `peers_numerator` and `peers_n` of all its industry.
    Of the shops with observations, `among`, `lower` have a lower value and `equal` the same, itself included.
    """

    metric: str
    dimension: str
    weight: str
    numerator: int
    n: int
    peers_numerator: int
    peers_n: int
    value: str | None
    percentile: str
    lower: int
    equal: int
    among: int


class ShopScore(msgspec.Struct, kw_only=True):
    """A shop on a day: `index` is a decimal, `exact` the same as a fraction without rounding.

    `orders` were paid in the window that labels ask for, `deduction` are the points that penalties took off.
    `missing` are metrics without an observation, `improve` those that cost most, the dearest first.
    """

    shop: str
    index: str
    exact: str
    label: str
    orders: int
    deduction: int
    missing: list[str]
    improve: list[str]
    components: list[ScoreMetric]


class FactsBehind(msgspec.Struct):
    """The facts behind a figure: how many there are, and the positions of the first."""

    figure: str
    count: int
    positions: list[int]


class Suggestion(msgspec.Struct):
    """A metric to improve: what it costs against the middle of the industry, in points, and what to do."""

    metric: str
    points: str
    suggestion: str


class Snapshot(msgspec.Struct):
    """The index as it was recorded for a day: at `position`, from facts up to `counted_at`."""

    day: str
    index: str
    label: str
    formula: str
    position: int
    counted_at: int


class MetricPeers(msgspec.Struct):
    """How a metric's values lie among the shops of the industry that have observations."""

    metric: str
    spread: FigurePeers | None


class Reputation(msgspec.Struct, kw_only=True):
    """A shop's index on a day with its components, its peers and the facts behind each figure.

    `formula` is the version and `digest` the SHA-256 of its file. `mean` is the mean of the `ranked` shops of
    the industry with enough orders, `rank` the percentile of the index among them, `peers` how their indexes
    lie. `snapshot` is what was recorded for the day, null if nothing was.
    """

    id: str
    industry: str
    day: str
    formula: str
    digest: str
    score: ShopScore
    suggestions: list[Suggestion]
    mean: str | None
    rank: str | None
    ranked: int
    peers: FigurePeers | None
    metrics: list[MetricPeers]
    facts: list[FactsBehind]
    snapshot: Snapshot | None


def asked_day(text: str, clocks: Clocks, moment: int) -> int:
    """The day that is asked for: a date, else that of the as-of time, else of now; raises InvalidTime."""
    if not text:
        return time.local_day(moment if clocks.as_of is None else clocks.as_of, time.HOME_OFFSET)
    try:
        return (date.fromisoformat(text) - _FIRST_DAY).days
    except ValueError:
        raise InvalidTime(f"Got {text!r}, not a date such as 2021-12-31.", field="day") from None


def known_index(database: Database, shop: str, day: int, clocks: Clocks = NOW, *, limit: int = 20) -> Index:
    """The index of a shop; raises UnknownShop if there was never any."""
    found = shop_index(database, shop, day, clocks, limit=limit)
    if not found.known:
        raise UnknownShop(f"Got {shop!r}.", field="id")
    return found


def reputation_of(database: Database, index: Index, clocks: Clocks = NOW) -> Reputation:
    """All that is known of a shop's index on a day."""
    rank = index.standing.rank
    return Reputation(
        id=index.shop,
        industry=index.industry,
        day=time.day_text(index.day),
        formula=index.formula.version,
        digest=index.formula.digest,
        score=score(index.rule, index.industry, index.shop, index.standing),
        suggestions=suggestions(index.standing),
        mean=None if rank.mean is None else decimal(rank.mean, _PLACES),
        rank=None if rank.percentile is None else decimal(rank.percentile, _PLACES),
        ranked=rank.among,
        peers=peers(index_spread(index)),
        metrics=[
            MetricPeers(component.metric, peers(metric_spread(index, component.metric)))
            for component in index.standing.components
        ],
        facts=[
            FactsBehind(figure, found.total, list(found.positions)) for figure, found in index.behind.items()
        ],
        snapshot=snapshot_of(database, index.shop, index.day, clocks),
    )


def score(rule: reputation.Rule, industry: str, shop: str, standing: Standing) -> ShopScore:
    """A standing for machines."""
    dimensions = {metric.name: metric.dimension for metric in rule.of(industry)}
    return ShopScore(
        shop=shop,
        index=decimal(standing.exact, 1),
        exact=str(standing.exact),
        label=standing.label,
        orders=standing.orders,
        deduction=standing.deduction,
        missing=list(standing.missing),
        improve=list(standing.improve),
        components=[_metric(rule, each, dimensions[each.metric]) for each in standing.components],
    )


def _metric(rule: reputation.Rule, component: Component, dimension: str) -> ScoreMetric:
    value = component.shrunk(rule.shrink)
    return ScoreMetric(
        metric=component.metric,
        dimension=dimension,
        weight=decimal(component.weight, _PLACES),
        numerator=component.counted.numerator,
        n=component.counted.n,
        peers_numerator=component.peers.numerator,
        peers_n=component.peers.n,
        value=None if value is None else str(value),
        percentile=str(component.percentile),
        lower=component.lower,
        equal=component.equal,
        among=component.among,
    )


def suggestions(standing: Standing) -> list[Suggestion]:
    """What to improve, the dearest first."""
    costs = {component.metric: component.cost for component in standing.components}
    return [
        Suggestion(metric, decimal(costs[metric], _PLACES), reputation.SUGGESTIONS[metric])
        for metric in standing.improve
    ]


def peers(spread: Spread | None) -> FigurePeers | None:
    """How values lie, for people and machines."""
    if spread is None:
        return None
    least, lower, middle, upper, most = (decimal(value, _PLACES) for value in spread[:5])
    return FigurePeers(least, lower, middle, upper, most, spread.among)


def snapshot_of(database: Database, shop: str, day: int, clocks: Clocks = NOW) -> Snapshot | None:
    """What was recorded of a shop's index for a day, as far as both clocks have seen it."""
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"score-{shop}"], clocks)
    for recorded in told:
        fact = recorded.fact
        if isinstance(fact, ScoreSnapshotTaken) and fact.day == day:
            index = decimal(Fraction(fact.index, 10), 1)
            text = time.day_text(day)
            return Snapshot(text, index, fact.label, fact.formula, recorded.position, fact.position)
    return None


def explain_index(question: Question, shop: str) -> Explanation:
    """A shop's index: each metric with its inputs, its peers and facts, and what penalties took off."""
    found = known_index(question.database, shop, question.day, question.clocks, limit=question.limit)
    parts = [_component(found, each) for each in found.standing.components]
    if found.standing.deduction:
        inputs = f"{found.standing.points} points of penalties that stand"
        taken = f"-{found.standing.deduction}"
        parts.append(_behind(found, FigureComponent(name="deduction", inputs=inputs, points=taken)))
    parts.append(_label(found))
    # The dearest of each component, then the next of each.
    turns = (part.positions[turn : turn + 1] for turn in range(question.limit) for part in parts)
    positions = list(dict.fromkeys(chain.from_iterable(turns)))[: question.limit]
    facts = Reader(question.database).read(positions)
    industry = f"the industry {found.industry}" if found.industry else "shops of no industry"
    return Explanation(
        figure="",
        value=decimal(found.standing.exact, 1),
        means=f"The repeat-customer index on {time.day_text(found.day)} among {industry}, by version "
        f"{found.formula.version} of its formula; without rounding it is {found.standing.exact}.",
        components=parts,
        facts=[behind(facts[position]) for position in sorted(positions)],
        more=any(part.count > len(part.positions) for part in parts) or len(positions) == question.limit,
    )


def _behind(index: Index, component: FigureComponent) -> FigureComponent:
    """The same with the facts behind it; the label has those of the orders it counts."""
    found = index.behind["orders" if component.name == "label" else component.name]
    component.count, component.positions = found.total, list(found.positions)
    return component


def _label(index: Index) -> FigureComponent:
    standing, rank = index.standing, index.standing.rank
    inputs = f"{standing.orders} orders; {rank.among} shops of the industry have enough"
    if rank.mean is not None:
        inputs += f", with a mean of {decimal(rank.mean, _PLACES)}"
    place = "" if rank.percentile is None else decimal(rank.percentile, _PLACES)
    spread = peers(index_spread(index))
    part = FigureComponent(name="label", inputs=inputs, value=standing.label, percentile=place, peers=spread)
    return _behind(index, part)


def _component(index: Index, component: Component) -> FigureComponent:
    value = component.shrunk(index.rule.shrink)
    counted, all_ = component.counted, component.peers
    of = "of" if component.metric in _RATES else "in all from"
    inputs = f"{counted.numerator} {of} {counted.n}; the industry {all_.numerator} {of} {all_.n}"
    part = FigureComponent(
        name=component.metric,
        inputs="no observation" if component.missing else inputs,
        value="" if value is None else decimal(value, _PLACES),
        weight=decimal(component.weight, _PLACES),
        percentile=decimal(component.percentile, _PLACES),
        points=decimal(component.points, _PLACES),
        missing=component.missing,
        peers=peers(metric_spread(index, component.metric)),
    )
    return _behind(index, part)

"""Scores: the snapshot of a shop's index, reckoned by the formula from what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Annotated

import msgspec

from ledger import reputation, time
from ledger.decisions.base import INITIAL, Amount, Command, Item, Name, OptionalName, Past, decides, folds
from ledger.errors import AlreadyExists, InvalidTime, Malformed, UnknownPosition
from ledger.events.base import Recorded
from ledger.events.score import ScoreComponent, ScoreSnapshotTaken
from ledger.reputation import Component, Rank

Ratio = Annotated[
    str, msgspec.Meta(pattern=r"^(\d{1,2000}(/[1-9]\d{0,1999})?)?$(?!\n)", description="a fraction")
]
Position = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1, description="position of the log")]

_FIRST_DAY = date(1970, 1, 1)


class Score(msgspec.Struct, frozen=True):
    """What is kept of a shop's index: the snapshot of the latest day."""

    last: ScoreSnapshotTaken | None = None


INITIAL["score"] = Score()


@folds(ScoreSnapshotTaken)
def _taken(score: Score, fact: ScoreSnapshotTaken, _recorded: Recorded) -> Score:
    return score if score.last and score.last.day > fact.day else Score(fact)


class Counted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One metric: numerator and n of the shop and of all its peers, and its place among them."""

    metric: Name
    numerator: Amount
    n: Amount
    peers_numerator: Amount
    peers_n: Amount
    lower: Amount
    equal: Amount
    among: Amount


class TakeScore(Command, kw_only=True):
    """Keep the index of a shop on a day as what was counted makes it; `assurance run-due` does it daily.

    `position` is the one that the counts had seen, `points` those of penalties that stand, `mean` the exact
    mean of the industry's `ranked` shops with enough purchases, of which `lower` stand below this index and
    `equal` at it.
    """

    NAME = "scores.take"
    STREAM = "score"

    id: Name
    day: date
    position: Position
    industry: OptionalName = ""
    purchases: Amount
    points: Amount = 0
    mean: Ratio = ""
    lower: Amount = 0
    equal: Amount = 0
    ranked: Amount = 0
    components: tuple[Counted, ...]


@decides(TakeScore)
def take(past: Past, command: TakeScore) -> Iterator[Item]:
    """A day has one snapshot, taken when the day has come; the same again changes nothing."""
    day = (command.day - _FIRST_DAY).days
    if day > time.local_day(past.moment, time.HOME_OFFSET):
        raise InvalidTime(f"{command.day} is still to come.", field="day")
    if command.position > past.position:
        raise UnknownPosition(f"The log ends at {past.position}.", field="position")
    fact = _snapshot(command, day)
    score: Score = past.state(command.stream)
    if score.last == fact:
        return
    if past.used(subject(command.id, day)):
        raise AlreadyExists(f"The index of {command.id} on {command.day} is recorded.", field="day")
    yield fact


def subject(shop: str, day: int) -> str:
    """What the snapshot of a day uses up."""
    return f"score/{shop}/{day}"


def _snapshot(command: TakeScore, day: int) -> ScoreSnapshotTaken:
    formula, rule = reputation.in_force(day)
    components = _components(rule, command)
    deducted = reputation.deduction(rule, command.points)
    index = reputation.exact(components, deducted)
    ranked = command.lower + command.equal <= command.ranked
    if not ranked or bool(command.ranked) != bool(command.mean):
        raise Malformed("The rank is not one among the shops that are ranked.", field="ranked")
    mean = Fraction(command.mean) if command.mean else None
    rank = Rank(mean, command.lower, command.equal, command.ranked)
    label = reputation.label(rule, command.purchases, index, rank)
    standing = reputation.Standing(
        command.purchases, command.points, components, deducted, index, rank, label
    )
    return ScoreSnapshotTaken(
        command.id,
        command.industry,
        day,
        formula.version,
        formula.digest,
        command.position,
        standing.tenths,
        label,
        command.purchases,
        deducted,
        command.mean,
        command.lower,
        command.equal,
        command.ranked,
        tuple(_kept(rule, command.industry, component) for component in components),
        standing.missing,
        standing.improve,
    )


def _components(rule: reputation.Rule, command: TakeScore) -> tuple[Component, ...]:
    """What was counted, in the formula's order; raises Malformed unless it is what the formula asks for."""
    counted = {each.metric: each for each in command.components}
    wanted = rule.of(command.industry)
    if len(counted) != len(command.components) or counted.keys() != {metric.name for metric in wanted}:
        names = ", ".join(metric.name for metric in wanted)
        raise Malformed(f"The formula asks for {names}, once each.", field="components")
    for each in counted.values():
        within = each.lower + each.equal <= each.among and each.n <= each.peers_n
        if bool(each.equal) != bool(each.n) or not within:
            raise Malformed(f"{each.metric} is not a place among its peers.", field="components")
    return tuple(
        Component(
            metric.name,
            Fraction(metric.weight),
            reputation.Count(each.numerator, each.n),
            reputation.Count(each.peers_numerator, each.peers_n),
            each.lower,
            each.equal,
            each.among,
        )
        for metric in wanted
        for each in (counted[metric.name],)
    )


def _kept(rule: reputation.Rule, industry: str, component: Component) -> ScoreComponent:
    weight = next(metric.weight for metric in rule.of(industry) if metric.name == component.metric)
    counted, peers = component.counted, component.peers
    return ScoreComponent(
        component.metric,
        str(weight),
        counted.numerator,
        counted.n,
        peers.numerator,
        peers.n,
        component.lower,
        component.equal,
        component.among,
    )

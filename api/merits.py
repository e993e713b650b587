"""What lies behind a shop's experience score, marks and traffic, and behind a host's index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from api.facts import Reader
from api.figures import Explanation, FigureComponent, FigurePeers, Question, behind
from api.reputation import FactsBehind, known_index, peers
from ledger import time
from ledger.decisions.badge import grounds
from ledger.decisions.base import replay
from ledger.decisions.lapse import BADGES, rule_of
from ledger.decisions.standing import Shop
from ledger.decisions.traffic import RULE, Counted, TrafficRule, age, reckon
from ledger.errors import UnknownHost, UnknownShop
from ledger.events.badge import BadgeGranted, BadgeRevoked
from ledger.events.base import Fact
from ledger.events.shop import (
    BenefitClosed,
    BenefitOpened,
    ShopBanned,
    ShopClosed,
    ShopClosingRequested,
    ShopOpened,
    ShopReinstated,
    ShopRestricted,
    ShopSuspended,
)
from ledger.experience import Rating
from ledger.reputation import Component, decimal
from projections.badges import story
from projections.merits import Experience, behind_merit, experience_of, host_index, merit
from projections.repeat_customers import Index, index_spread, metric_spread
from projections.reputation import Behind
from projections.streams import facts_of
from projections.traffic import of_shop

_PLACES = 4
"""How many decimals people see of what is exact."""


class ExperienceRating(msgspec.Struct, kw_only=True):
    """One rating of a score: `total` is the sum of `n` ratings of the shop, and of its industry's.

    `value` is the mean drawn to that of the industry, an exact fraction; the industry's where there is none.
    """

    metric: str
    weight: str
    total: int
    n: int
    peers_total: int
    peers_n: int
    value: str


class ShopExperience(msgspec.Struct, kw_only=True):
    """A shop's experience score on a day, 1.0 to 5.0; null where nobody in its industry was rated.

    `exact` is the same as a fraction, `formula` the version of the rule and `digest` the SHA-256 of its file.
    `missing` are ratings that the shop has none of; `peers` is how the scores of the industry lie.
    """

    id: str
    industry: str
    day: str
    formula: str
    digest: str
    score: str | None
    exact: str | None
    ratings: list[ExperienceRating]
    missing: list[str]
    peers: FigurePeers | None
    facts: list[FactsBehind]


def shop_experience(found: Experience) -> ShopExperience:
    """A score for people and machines."""
    exact = found.score.exact
    return ShopExperience(
        id=found.shop,
        industry=found.industry,
        day=time.day_text(found.day),
        formula=found.formula.version,
        digest=found.formula.digest,
        score=None if exact is None else decimal(exact, 1),
        exact=None if exact is None else str(exact),
        ratings=[
            ExperienceRating(
                metric=each.metric,
                weight=str(each.weight),
                total=each.counted.numerator,
                n=each.counted.n,
                peers_total=each.peers.numerator,
                peers_n=each.peers.n,
                value=str(each.value),
            )
            for each in found.score.ratings
        ],
        missing=list(found.missing),
        peers=peers(found.peers),
        facts=[
            FactsBehind(metric, facts.total, list(facts.positions)) for metric, facts in found.behind.items()
        ],
    )


def _experience(question: Question, shop: str) -> Explanation:
    known_index(question.database, shop, question.day, question.clocks, limit=0)
    found = experience_of(question.database, shop, question.day, question.clocks, limit=question.limit)
    parts = [_rating(found, rating) for rating in found.score.ratings]
    parts.append(
        FigureComponent(
            name="score",
            inputs="the scores of the industry's rated shops",
            value=shown_score(found),
            missing=found.score.exact is None,
            peers=peers(found.peers),
        )
    )
    exact = found.score.exact
    return _answer(
        question,
        value=shown_score(found),
        means=(
            f"The experience score on {time.day_text(found.day)} by version {found.formula.version} "
            "of its rule: " + ("nobody in the industry was rated." if exact is None else f"exactly {exact}.")
        ),
        parts=parts,
        also=found.behind,
    )


def shown_score(found: Experience) -> str:
    """The score as people read it, empty without one."""
    return "" if found.score.exact is None else decimal(found.score.exact, 1)


def _rating(found: Experience, rating: Rating) -> FigureComponent:
    counted, all_ = rating.counted, rating.peers
    facts = found.behind[rating.metric]
    return FigureComponent(
        name=rating.metric,
        inputs=(
            ("no rating" if rating.missing else f"{counted.numerator} from {counted.n} ratings")
            + f"; the industry {all_.numerator} from {all_.n}"
        ),
        value=decimal(rating.value, _PLACES),
        weight=decimal(rating.weight, _PLACES),
        points=decimal(rating.weight * rating.value, _PLACES),
        missing=rating.missing,
        count=facts.total,
        positions=list(facts.positions),
    )


def _known_shop(question: Question, id_: str) -> Shop:
    with question.database.snapshot() as connection:
        facts = facts_of(connection, question.database, [f"shop-{id_}"], question.clocks)
    if not facts:
        raise UnknownShop(f"Got {id_!r}.", field="id")
    shop: Shop = replay(f"shop-{id_}", facts)
    return shop


def _moment(question: Question) -> int:
    return question.moment if question.clocks.as_of is None else question.clocks.as_of


def _badge(question: Question, id_: str, badge: str) -> Explanation:
    """How the shop meets the rule now, and every time the mark was granted or revoked."""
    shop = _known_shop(question, id_)
    known = merit(question.database, id_, question.day, question.clocks)
    counted = {
        "index": known.index,
        "label": known.label,
        "experience": known.experience,
        "paid_orders": known.month,
        "points": known.points,
    }
    version, found = grounds(shop, badge, question.day, _moment(question), counted)
    causes = _behind_grounds(question, id_)
    facts = story(question.database, id_, badge, question.clocks)[::-1]
    held = badge in shop.holds
    lacks = [ground.figure for ground in found if not ground.met]
    return Explanation(
        figure="",
        value="held" if held else "not held",
        means=(
            f"The mark {badge} by version {version} of its rule, with what is asked of a shop that "
            f"{'holds' if held else 'seeks'} it: "
            + (f"it lacks {', '.join(lacks)}." if lacks else "all is met.")
        ),
        components=[
            FigureComponent(
                name=ground.figure,
                inputs=f"{ground.wanted}: {'met' if ground.met else 'not met'}",
                value=ground.value,
                missing=not ground.value,
                count=causes[ground.figure].total,
                positions=list(causes[ground.figure].positions),
            )
            for ground in found
        ],
        facts=[behind(each) for each in facts[: question.limit]],
        more=len(facts) > question.limit,
    )


_OF_STATE: dict[str, tuple[type[Fact], ...]] = {
    "status": (ShopOpened, ShopSuspended, ShopBanned, ShopReinstated, ShopClosingRequested, ShopClosed),
    "restrictions": (ShopRestricted, ShopReinstated),
    "benefits": (BenefitOpened, BenefitClosed),
    "badges": (BadgeGranted, BadgeRevoked),
}
"""The facts of a shop's own behind each figure that its state tells."""


def _behind_grounds(question: Question, shop: str) -> dict[str, Behind]:
    """The facts behind each figure that a rule may ask of a shop, the newest ones of its own."""
    found = behind_merit(question.database, shop, question.day, question.clocks, limit=question.limit)
    with question.database.snapshot() as connection:
        own = facts_of(connection, question.database, [f"shop-{shop}"], question.clocks)
    for figure, kinds in _OF_STATE.items():
        positions = [each.position for each in own if isinstance(each.fact, kinds)]
        found[figure] = Behind(len(positions), tuple(positions[-question.limit :]))
    return found


def _traffic(question: Question, id_: str) -> Explanation:
    """What the rule gives for the day, and what the shop was given."""
    shop = _known_shop(question, id_)
    known = merit(question.database, id_, question.day, question.clocks)
    version, rule = rule_of(RULE, question.day, TrafficRule)
    counts = known.month, known.month_before, known.week, known.week_before
    parts = reckon(rule, Counted(known.index, *counts, age(shop, question.day), shop.holds))
    given = of_shop(question.database, id_, question.clocks)
    sums: dict[str, int] = replay(f"traffic-{id_}", given).units
    return Explanation(
        figure="",
        value=str(sum(sums.values())),
        means=(
            f"Units of traffic given so far ({_in_words(sums.items())}); the components are what version "
            f"{version} of the rule gives for {time.day_text(question.day)}."
        ),
        components=[
            FigureComponent(name=part.cause or part.kind, inputs=part.because, value=str(part.units))
            for part in parts
        ],
        facts=[behind(each) for each in reversed(given[-question.limit :])],
        more=len(given) > question.limit,
    )


def _in_words(sums: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {units}" for name, units in sums) or "none"


def explain_host(question: Question, id_: str) -> Explanation:
    """A host's index: each metric with its inputs, its peers and facts, and what penalties took off."""
    found = host_index(question.database, id_, question.day, question.clocks, limit=question.limit)
    if not found.known:
        with question.database.snapshot() as connection:
            if not facts_of(connection, question.database, [f"host-{id_}"], question.clocks):
                raise UnknownHost(f"Got {id_!r}.", field="id")
    standing = found.standing
    parts = [_component(found, component) for component in standing.components]
    if standing.deduction:
        parts.append(
            FigureComponent(
                name="deduction",
                inputs="points of penalties that stand",
                points=f"-{standing.deduction}",
                count=found.behind["deduction"].total,
                positions=list(found.behind["deduction"].positions),
            )
        )
    parts.append(
        FigureComponent(
            name="label",
            inputs=f"{standing.orders} orders; {standing.rank.among} hosts have enough",
            value=standing.label,
            peers=peers(index_spread(found)),
            count=found.behind["orders"].total,
            positions=list(found.behind["orders"].positions),
        )
    )
    return _answer(
        question,
        value=decimal(standing.exact, 1),
        means=(
            f"The index of the host on {time.day_text(found.day)} among all hosts by version "
            f"{found.formula.version} of its rule: exactly {standing.exact}."
        ),
        parts=parts,
        also=found.behind,
    )


def _component(found: Index, component: Component) -> FigureComponent:
    value, counted, all_ = component.shrunk(found.rule.shrink), component.counted, component.peers
    facts = found.behind[component.metric]
    return FigureComponent(
        name=component.metric,
        inputs=(
            "no observation"
            if component.missing
            else f"{counted.numerator} of {counted.n}; all hosts {all_.numerator} of {all_.n}"
        ),
        value="" if value is None else decimal(value, _PLACES),
        weight=decimal(component.weight, _PLACES),
        percentile=decimal(component.percentile, _PLACES),
        points=decimal(component.points, _PLACES),
        missing=component.missing,
        peers=peers(metric_spread(found, component.metric)),
        count=facts.total,
        positions=list(facts.positions),
    )


def _answer(
    question: Question, *, value: str, means: str, parts: list[FigureComponent], also: dict[str, Behind]
) -> Explanation:
    """The figure with the facts behind its components."""
    positions = sorted({position for found in also.values() for position in found.positions})
    facts = Reader(question.database).read(positions[: question.limit])
    return Explanation(
        figure="",
        value=value,
        means=means,
        components=parts,
        facts=[behind(facts[position]) for position in sorted(facts)],
        more=sum(found.total for found in also.values()) > len(facts),
    )


OF_SHOPS: dict[str, Callable[[Question, str], Explanation]] = {
    "experience": _experience,
    **{f"badge/{badge}": partial(_badge, badge=badge) for badge in BADGES},
    "traffic": _traffic,
}
"""What of a shop can be explained here."""

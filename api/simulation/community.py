"""What is said in the simulation: reviews, votes, a complaint, reports of a false claim, a brand's notice.

And what belongs to it: money back for those who liked it least, and visits around the opening of a benefit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from api.simulation.world import BEGIN, CURRENCY, DAY, Bought, Step, World
from ledger import time

OPENED = BEGIN + 3 * DAY
"""When the busiest shops opened one benefit more: on whole days before and after it there are baskets."""
BENEFIT = "seven-day-return"
UPLIFT = 2
"""Of how many days before and from then on the visits are known."""

_ASPECTS = ("quality", "service", "logistics", "content")
_LEVELS = (3, 4, 4, 5, 5)
"""What buyers of a shop think of an aspect in general; each differs from it by one of the next."""
_DIFFER = (-2, -1, 0, 0, 0, 0, 1)
_WAITS = (1, 2, 2, 3, 4, 5, 6, 9, 0, 0)
"""After how many days a buyer who was invited writes: in time, too late, or never (0)."""
_BAD, _WORST = 2, 1
"""The shop answers a bad review, and gives money back for the worst."""
_SLOWNESS = (2, 8, 30, 60)
"""Hours that a shop takes for it."""
_VISITS = range(40, 90)
_ARTICLES, _VOTERS = 3, 12
_REPORTERS = 8
_HOUR = timedelta(hours=1)


def community(world: World, chance: random.Random) -> Iterator[Step]:
    """Between the baskets and the end of the month; `sim-claim-1` is known by then."""
    yield from _reviews(world, chance)
    yield from _votes(world, chance)
    yield from _complaint(world)
    yield from _live(world, chance)
    yield from _notice()
    yield from _visits(world.busiest, chance)


def _reviews(world: World, chance: random.Random) -> Iterator[Step]:
    """Every buyer is invited; the one who came back most often is disappointed, and gets an answer."""
    levels = {shop: [chance.choice(_LEVELS) for _ in _ASPECTS] for shop in world.busiest}
    slowness = {shop: chance.choice(_SLOWNESS) * _HOUR for shop in world.busiest}
    claimed, loyal = {order.id for order in world.orders}, world.loyal
    for number, bought in enumerate(world.bought, 1):
        wait = chance.choice(_WAITS)
        ratings = [min(max(level + chance.choice(_DIFFER), 1), 5) for level in levels[bought.shop]]
        if bought == loyal:
            wait, ratings = 1, [1, 2, 5, 3]
        yield from _review(f"sim-review-{number}", bought, wait, ratings)
        if wait and ratings[0] == _WORST and bought.order not in claimed:
            asked = bought.at + (1 + wait) * DAY
            yield from _refund(f"sim-refund-{number}", bought.order, asked, slowness[bought.shop])


def _review(id_: str, bought: Bought, wait: int, ratings: Sequence[int]) -> Iterator[Step]:
    """An invitation, what the buyer writes, and what the shop answers to a bad review."""
    invited = bought.at + DAY
    yield Step("reviews.invite", id_, invited, {"order": bought.order})
    if not wait:
        return
    said = dict(zip(_ASPECTS, ratings, strict=True))
    review = {"order": bought.order, **said, "digest": _digest(id_)}
    yield Step("reviews.submit", id_, invited + wait * DAY, review)
    if said["quality"] <= _BAD:
        answer = {"by": "shop", "digest": _digest(f"{id_} answer")}
        yield Step("reviews.answer", id_, invited + (wait + 1) * DAY, answer)


def _refund(id_: str, order: str, at: datetime, slowness: timedelta) -> Iterator[Step]:
    """All of an order is given back."""
    yield Step("refunds.request", id_, at, {"order": order, "reason": "spoilt"})
    yield Step("refunds.approve", id_, at + slowness, {})
    yield Step("refunds.complete", id_, at + slowness + _HOUR, {})


def _digest(words: str) -> str:
    return sha256(f"SIMULATED: {words}".encode()).hexdigest()


def _votes(world: World, chance: random.Random) -> Iterator[Step]:
    """Some buyers vote on the dearest articles of the dearest orders."""
    articles = [
        (order.shop, max(order.lines, key=lambda line: (line.amount, line.sku)).sku) for order in world.orders
    ]
    for number, (shop, sku) in enumerate(list(dict.fromkeys(articles))[:_ARTICLES], 1):
        liked = chance.choice((0.4, 0.6, 0.8))
        voters = chance.sample(world.buyers, min(_VOTERS, len(world.buyers)))
        for count, user in enumerate(voters, 1):
            at = BEGIN + (7 + count) * DAY
            said = {"item": sku, "shop": shop, "user": user, "worth": chance.random() < liked}
            yield Step("votes.cast", f"sim-vote-{number}-{count}", at, said)


def _complaint(world: World) -> Iterator[Step]:
    """What was complained of first became the first claim."""
    order = world.orders[0]
    at = time.moment(*order.times["paid"]) + 2 * DAY
    complained = {"order": order.id, "reason": "counterfeit", "digest": _digest("complaint")}
    yield Step("complaints.record", "sim-complaint", at, complained)
    yield Step("complaints.link-claim", "sim-complaint", at + _HOUR, {"claim": "sim-claim-1"})


def _live(world: World, chance: random.Random) -> Iterator[Step]:
    """A host claims what is not so: a machine hears it, users report it, and the host is reminded.

    Those who report it in the minutes after that are heard, but weigh nothing more.
    """
    live, began = "sim-live", BEGIN + 9 * DAY + 20 * _HOUR
    yield Step("hosts.open", "sim-host", BEGIN - 20 * DAY, {"name": "Simulated host"})
    titled = {"host": "sim-host", "shop": world.busiest[0], "title": "SIMULATED"}
    yield Step("sessions.begin", live, began, titled)
    claimed = {"session": live, "statement": "sim-cures-colds"}
    heard = {"model": "sim-model", "score_bp": 9_400, "digest": _digest("what the machine heard")}
    yield Step("reports.flag", "sim-report-0", began + _HOUR, {**claimed, **heard})
    reporters = chance.sample(world.buyers, min(_REPORTERS, len(world.buyers)))
    for number, user in enumerate(reporters, 1):
        at = began + _HOUR + number * timedelta(minutes=1)
        yield Step("reports.file", f"sim-report-{number}", at, {**claimed, "user": user})
    placed = {
        "shop": world.busiest[0],
        "buyer": reporters[0],
        "currency": CURRENCY,
        "host": "sim-host",
        "session": live,
        "lines": [{"sku": "sim-honey", "title": "Sim Orchard honey, SIMULATED", "amount": 9_99}],
    }
    yield Step("orders.place", "sim:1", began + _HOUR, placed)
    yield Step("sessions.close", live, began + 2 * _HOUR, {})
    decided = {"upheld": True, "reason": "Simulated: nothing says so."}
    yield Step("reports.decide", "sim-report-1", began + DAY, decided)


def _notice() -> Iterator[Step]:
    """A brand warns another of counterfeits; the order that is placed but not paid is what it means."""
    at = BEGIN + 10 * DAY
    for brand, name in (("sim-orchard", "Sim Orchard"), ("sim-meadow", "Sim Meadow")):
        yield Step("brands.register", brand, at, {"names": [name]})
    shared = {"brand": "sim-orchard", "source": "sim-meadow", "skus": ["sim-honey"]}
    yield Step("notices.share", "sim-notice", at + _HOUR, {**shared, "evidence": _digest("the label")})


def _visits(shops: Sequence[str], chance: random.Random) -> Iterator[Step]:
    """Visits on the whole days around the day on which the busiest shops opened a benefit."""
    for shop in shops:
        for number in range(-UPLIFT, UPLIFT):
            day = OPENED + number * DAY
            counted = {"day": day.date().isoformat(), "visits": chance.choice(_VISITS)}
            yield Step("visits.record", shop, day + DAY, counted)

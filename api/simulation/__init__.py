"""A simulation over real baskets: shops, claims, fines, an incident, reviews, marks; none of it happened.

All of it is labelled: the actor of every fact is `simulation`, identifiers begin with `sim`, the terms say
SIMULATED and are in dollars of 2017. The same seed over the same baskets tells the same story.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import msgspec

from api.due import run_due
from api.simulation.community import BENEFIT, OPENED, UPLIFT, community
from api.simulation.world import BEGIN, CURRENCY, DAY, INDUSTRY, Step, World, busiest, look
from ledger import catalogue, policies, time
from ledger.decisions.base import Request
from ledger.errors import LedgerError
from ledger.store.database import Database
from ledger.writer import Result, Writer
from projections.order_status import OrderView

__all__ = ["CURRENCY", "DAYS", "INDUSTRY", "UPLIFT", "World", "judge", "look", "opening", "play", "story"]

_ACTOR = "simulation"
_BATCH = 200

_DEPOSIT = 30_00
_CONTRIBUTION = 5_000_00
_BENEFITS = ("counterfeit", "returnless-refund")
_CLAIMS = 40
_FINES = ((2_000_00, 12), (1_200_00, 6), (500_00, 3), (800_00, 3))
"""What each fined shop is asked for, and its points; the last one appeals."""
_AFFECTED = 30

DAYS = ("2017-01-30", "2017-01-31")
"""When the rules of the day are applied: before the first fine, and on the day after it."""


class Outcome(NamedTuple):
    """What a simulation came to: commands that led to facts, those known already, and refusals by code."""

    recorded: int
    known: int
    refused: dict[str, int]


def opening(baskets: Mapping[str, int], buyers: Sequence[str], seed: int) -> Iterator[Step]:
    """Before the first basket: terms, shops with benefits and deposits, cards, and money in the pet fund.

    `baskets` is how many each shop will have: the busiest open a benefit more after some days.
    """
    for file in sorted(resources.files(__name__).joinpath("terms").iterdir(), key=lambda file: file.name):
        command = msgspec.to_builtins(policies.read(file.read_text(encoding="utf-8")))
        del command["at"]
        yield Step("policies.publish", command.pop("id"), BEGIN - 30 * DAY, command)
    for shop in sorted(baskets):
        opened = {"name": f"Store {shop.removeprefix('store-')}", "currency": CURRENCY, "industry": INDUSTRY}
        yield Step("shops.open", shop, BEGIN - 20 * DAY, opened)
        for benefit in _BENEFITS:
            yield Step("shops.open-benefit", shop, BEGIN - 10 * DAY, {"benefit": benefit})
        yield Step("shops.pay-deposit", shop, BEGIN - 10 * DAY, {"amount": _DEPOSIT})
    for shop in busiest(baskets):
        yield Step("shops.open-benefit", shop, OPENED, {"benefit": BENEFIT})
    chance = random.Random(seed)  # noqa: S311 - the same story every time is the point
    silver = set(chance.sample(buyers, len(buyers) // 5))
    for buyer in buyers:
        yield Step("cards.issue", buyer, BEGIN - DAY, {"tier": "silver" if buyer in silver else "basic"})
    yield Step("fund.contribute", "pet", BEGIN, {"amount": _CONTRIBUTION, "currency": CURRENCY})


def story(world: World, seed: int) -> Iterator[Step]:
    """After the baskets: fines, claims and an incident, and what buyers, a machine and a brand say."""
    chance = random.Random(seed)  # noqa: S311 - as above
    yield from _fines(_fined(world, chance.sample(world.shops, min(len(_FINES), len(world.shops)))))
    for number, order in enumerate(world.orders, 1):
        yield from _claim(f"sim-claim-{number}", order, chance)
    yield from _incident(chance.sample(world.buyers, min(_AFFECTED, len(world.buyers))))
    yield from community(world, chance)


def _fined(world: World, shops: Sequence[str]) -> list[str]:
    """The shops that are fined; first, if there is any, a busy one without claims: it has a mark to lose."""
    claimed = {order.shop for order in world.orders}
    first = [shop for shop in world.busiest if shop not in claimed][-1:]
    return list(dict.fromkeys((*first, *shops)))[: len(shops)]


def _fines(shops: Sequence[str]) -> Iterator[Step]:
    """Fines: paid, released to the fund; one is appealed after that, and varied to two fifths."""
    for number, (shop, (fine, points)) in enumerate(zip(shops, _FINES, strict=False), 1):
        id_, at = f"sim-penalty-{number}", BEGIN + (30 * number - 1) * DAY
        imposed = {
            "party": "shop",
            "party_id": shop,
            "shop": shop,
            "currency": CURRENCY,
            "fine": fine,
            "points": points,
            "reason": "Simulated: goods were not what they were sold as.",
        }
        yield Step("penalties.impose", id_, at, imposed)
        yield Step("penalties.publish", id_, at + DAY, {})
        yield Step("penalties.pay", id_, at + 5 * DAY, {"amount": fine})
        if number == len(_FINES):
            yield Step("penalties.appeal", id_, at + 6 * DAY, {"reason": "Simulated: it was one batch."})
            varied = {"total": fine * 2 // 5, "reason": "Simulated: one batch, recalled at once."}
            yield Step("penalties.vary", id_, at + 20 * DAY, varied)
            yield Step("penalties.return", id_, at + 21 * DAY, {})
        yield Step("penalties.finalize", id_, at + 40 * DAY, {})
        yield Step("penalties.release", id_, at + 41 * DAY, {})


def _claim(id_: str, order: OrderView, chance: random.Random) -> Iterator[Step]:
    """A claim for the dearest line of an order: most are upheld and paid."""
    line = max(range(len(order.lines)), key=lambda i: order.lines[i].amount) + 1
    us, offset = order.times["paid"]
    at = time.moment(us, offset) + 2 * DAY
    items = [{"line": line, "units": [1]}]
    filed = {"order": order.id, "benefit": "counterfeit", "items": items, "reason": "Simulated."}
    yield Step("claims.file", id_, at, filed)
    fate = chance.random()
    if fate < 0.1:  # noqa: PLR2004 - one of ten
        yield Step("claims.withdraw", id_, at + DAY, {"reason": "Simulated: it was the right one."})
        return
    if fate < 0.3:  # noqa: PLR2004 - two of ten
        yield Step("claims.contest", id_, at + DAY, {"reason": "Simulated: the shop disagrees."})
        yield Step("claims.reject", id_, at + 3 * DAY, {"reason": "Simulated: it was what was sold."})
        return
    if fate > 0.95:  # noqa: PLR2004 - one of twenty is not decided yet
        return
    yield Step("claims.uphold", id_, at + 3 * DAY, {"reason": "Simulated."})
    yield Step("claims.pay", id_, at + 4 * DAY, {"transfer": f"{id_}-1"})
    if fate > 0.9:  # noqa: PLR2004 - and one of twenty has closed the account
        yield Step("claims.fail-payment", id_, at + 5 * DAY, {"transfer": f"{id_}-1", "reason": "closed"})
        yield Step("claims.pay", id_, at + 8 * DAY, {"transfer": f"{id_}-2"})


def _incident(buyers: Sequence[str]) -> Iterator[Step]:
    """An incident: two people approve, each buyer is paid once, though one is listed twice."""
    id_, at = "sim-recall", BEGIN + 300 * DAY
    declared = {"title": "Simulated: a recalled salad", "cause": "sim-salad"}
    yield Step("incidents.declare", id_, at, declared)
    yield Step("incidents.open-batch", id_, at + DAY, {})
    listed = [{"buyer": buyer} for buyer in (*buyers, buyers[0])]
    yield Step("incidents.add-members", id_, at + 2 * DAY, {"members": listed})
    for person in ("sim-anna", "sim-bert"):
        yield Step("incidents.approve", id_, at + 3 * DAY, {"by": person})
    yield Step("incidents.grant", id_, at + 4 * DAY, {"buyers": list(buyers)})
    yield Step("incidents.pay", id_, at + 5 * DAY, {"buyers": list(buyers)})
    yield Step("incidents.close", id_, at + 6 * DAY, {})


def play(writer: Writer, steps: Iterable[Step], seed: int) -> Outcome:
    """Carry out the commands in their order; played again they are known."""
    requests = [_request(step, number, seed) for number, step in enumerate(steps)]
    recorded = known = 0
    refused: dict[str, int] = {}
    for start in range(0, len(requests), _BATCH):
        for answer in writer.execute_many(requests[start : start + _BATCH]):
            if isinstance(answer, LedgerError):
                refused[answer.code] = refused.get(answer.code, 0) + 1
            elif isinstance(answer, Result):
                known, recorded = known + answer.hit, recorded + (not answer.hit)
    return Outcome(recorded, known, refused)


def _request(step: Step, number: int, seed: int) -> Request:
    kind = catalogue.command_type(step.name)
    command = msgspec.convert({**step.fields, "id": step.id, "at": step.at}, kind)
    return Request(command=command, key=f"{_ACTOR}/{seed}/{step.name}/{step.id}/{number}", actor=_ACTOR)


def judge(database: Database) -> None:
    """Let the rules of the day keep indexes, grant and revoke marks, and give traffic; again is nothing."""
    for day in DAYS:
        run_due(database, time.micros(time.parse(day)), actor=_ACTOR)

"""A simulation over real baskets: shops, claims, fines, an appeal and an incident, none of which happened.

All of it is labelled: the actor of every fact is `simulation`, identifiers begin with `sim-`, the terms say
SIMULATED and are in dollars of 2017. The same seed over the same baskets tells the same story.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from ledger import catalogue, policies, time
from ledger.decisions.base import Request
from ledger.errors import LedgerError
from ledger.store.database import Database
from ledger.writer import Result, Writer
from projections.order_status import TABLE, OrderView, order_view

CURRENCY = "USD"
_ACTOR = "simulation"
_BEGIN = datetime(2017, 1, 1, tzinfo=ZoneInfo("America/New_York"))
_DAY = timedelta(days=1)
_BATCH = 200

_DEPOSIT = 30_00
_CONTRIBUTION = 5_000_00
_BENEFITS = ("counterfeit", "returnless-refund")
_CLAIMS = 40
_FINES = ((500_00, 3), (1_200_00, 6), (2_000_00, 12), (800_00, 3))
"""What each fined shop is asked for, and its points; the last one appeals."""
_AFFECTED = 30


class Step(NamedTuple):
    """One command of the story: its name in the catalogue, whom it is about, what it says."""

    name: str
    id: str
    at: datetime
    fields: dict[str, Any]


class Outcome(NamedTuple):
    """What a simulation came to: commands that led to facts, those known already, and refusals by code."""

    recorded: int
    known: int
    refused: dict[str, int]


def opening(shops: Iterable[str], buyers: Sequence[str], seed: int) -> Iterator[Step]:
    """Before the first basket: terms, shops with benefits and deposits, cards, and money in the pet fund."""
    for file in sorted(resources.files(__name__).joinpath("terms").iterdir(), key=lambda file: file.name):
        command = msgspec.to_builtins(policies.read(file.read_text(encoding="utf-8")))
        del command["at"]
        yield Step("policies.publish", command.pop("id"), _BEGIN - 30 * _DAY, command)
    for shop in shops:
        opened = {"name": f"Store {shop.removeprefix('store-')}", "currency": CURRENCY, "industry": "food"}
        yield Step("shops.open", shop, _BEGIN - 20 * _DAY, opened)
        for benefit in _BENEFITS:
            yield Step("shops.open-benefit", shop, _BEGIN - 10 * _DAY, {"benefit": benefit})
        yield Step("shops.pay-deposit", shop, _BEGIN - 10 * _DAY, {"amount": _DEPOSIT})
    chance = random.Random(seed)  # noqa: S311 - the same story every time is the point
    silver = set(chance.sample(buyers, len(buyers) // 5))
    for buyer in buyers:
        yield Step("cards.issue", buyer, _BEGIN - _DAY, {"tier": "silver" if buyer in silver else "basic"})
    yield Step("fund.contribute", "pet", _BEGIN, {"amount": _CONTRIBUTION, "currency": CURRENCY})


class World(NamedTuple):
    """What the story is played over: shops and buyers by name, and the dearest orders of known buyers."""

    shops: list[str]
    buyers: list[str]
    orders: list[OrderView]


def look(database: Database) -> World:
    """The baskets that were loaded, as the read model has them."""
    columns = TABLE.c
    ours = columns.currency == CURRENCY, columns.buyer != ""
    dearest = select(columns.order_id).where(*ours).order_by(columns.cash.desc(), columns.order_id)
    with database.snapshot() as connection:
        shops, buyers = (
            list(connection.execute(select(column).where(*ours).distinct().order_by(column)).scalars())
            for column in (columns.shop, columns.buyer)
        )
        orders = list(connection.execute(dearest.limit(_CLAIMS)).scalars())
    return World(shops, buyers, [order_view(database, order) for order in orders])


def story(world: World, seed: int) -> Iterator[Step]:
    """After the baskets: fines feed the fund, claims are decided and paid, an incident is compensated."""
    chance = random.Random(seed)  # noqa: S311 - as above
    yield from _fines(chance.sample(world.shops, min(len(_FINES), len(world.shops))))
    for number, order in enumerate(world.orders, 1):
        yield from _claim(f"sim-claim-{number}", order, chance)
    yield from _incident(chance.sample(world.buyers, min(_AFFECTED, len(world.buyers))))


def _fines(shops: Sequence[str]) -> Iterator[Step]:
    """Fines: paid, released to the fund; one is appealed after that, and varied to two fifths."""
    for number, (shop, (fine, points)) in enumerate(zip(shops, _FINES, strict=False), 1):
        id_, at = f"sim-penalty-{number}", _BEGIN + 30 * number * _DAY
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
        yield Step("penalties.publish", id_, at + _DAY, {})
        yield Step("penalties.pay", id_, at + 5 * _DAY, {"amount": fine})
        if number == len(_FINES):
            yield Step("penalties.appeal", id_, at + 6 * _DAY, {"reason": "Simulated: it was one batch."})
            varied = {"total": fine * 2 // 5, "reason": "Simulated: one batch, recalled at once."}
            yield Step("penalties.vary", id_, at + 20 * _DAY, varied)
            yield Step("penalties.return", id_, at + 21 * _DAY, {})
        yield Step("penalties.finalize", id_, at + 40 * _DAY, {})
        yield Step("penalties.release", id_, at + 41 * _DAY, {})


def _claim(id_: str, order: OrderView, chance: random.Random) -> Iterator[Step]:
    """A claim for the dearest line of an order: most are upheld and paid."""
    line = max(range(len(order.lines)), key=lambda i: order.lines[i].amount) + 1
    us, offset = order.times["paid"]
    at = time.moment(us, offset) + 2 * _DAY
    items = [{"line": line, "units": [1]}]
    filed = {"order": order.id, "benefit": "counterfeit", "items": items, "reason": "Simulated."}
    yield Step("claims.file", id_, at, filed)
    fate = chance.random()
    if fate < 0.1:  # noqa: PLR2004 - one of ten
        yield Step("claims.withdraw", id_, at + _DAY, {"reason": "Simulated: it was the right one."})
        return
    if fate < 0.3:  # noqa: PLR2004 - two of ten
        yield Step("claims.contest", id_, at + _DAY, {"reason": "Simulated: the shop disagrees."})
        yield Step("claims.reject", id_, at + 3 * _DAY, {"reason": "Simulated: it was what was sold."})
        return
    if fate > 0.95:  # noqa: PLR2004 - one of twenty is not decided yet
        return
    yield Step("claims.uphold", id_, at + 3 * _DAY, {"reason": "Simulated."})
    yield Step("claims.pay", id_, at + 4 * _DAY, {"transfer": f"{id_}-1"})
    if fate > 0.9:  # noqa: PLR2004 - and one of twenty has closed the account
        yield Step("claims.fail-payment", id_, at + 5 * _DAY, {"transfer": f"{id_}-1", "reason": "closed"})
        yield Step("claims.pay", id_, at + 8 * _DAY, {"transfer": f"{id_}-2"})


def _incident(buyers: Sequence[str]) -> Iterator[Step]:
    """An incident: two people approve, each buyer is paid once, though one is listed twice."""
    id_, at = "sim-recall", _BEGIN + 300 * _DAY
    declared = {"title": "Simulated: a recalled salad", "cause": "sim-salad"}
    yield Step("incidents.declare", id_, at, declared)
    yield Step("incidents.open-batch", id_, at + _DAY, {})
    listed = [{"buyer": buyer} for buyer in (*buyers, buyers[0])]
    yield Step("incidents.add-members", id_, at + 2 * _DAY, {"members": listed})
    for person in ("sim-anna", "sim-bert"):
        yield Step("incidents.approve", id_, at + 3 * _DAY, {"by": person})
    yield Step("incidents.grant", id_, at + 4 * _DAY, {"buyers": list(buyers)})
    yield Step("incidents.pay", id_, at + 5 * _DAY, {"buyers": list(buyers)})
    yield Step("incidents.close", id_, at + 6 * _DAY, {})


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

"""A town of shops for a season, from a seed: whatever raises, lowers or takes away a figure of reputation."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from msgspec.structs import replace

from ledger.decisions.amendment import RecordOrder
from ledger.decisions.appeal import RecordAppeal
from ledger.decisions.base import Command, Request
from ledger.decisions.order import CancelOrder, OrderLine, VoidOrder
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.refund import CompleteRefund, RecordRefund, RefuseRefund, ReportedLine, RequestRefund
from ledger.decisions.review import SubmitReview
from ledger.decisions.shop import OpenShop
from ledger.decisions.vote import CastVote
from ledger.events.base import Source

BEGIN = datetime(2022, 2, 10, tzinfo=timezone(timedelta(hours=8)))
DAYS = 95
INDUSTRIES = {"shoes": 9, "jewellery": 5, "tea": 1, "toys": 2, "": 3}
"""How many shops each has; those of none are never opened."""

SHOPS = [
    f"{industry or 'stall'}{number}" for industry, count in INDUSTRIES.items() for number in range(count)
]
REASONS = [
    "",
    "quality",
    " Damaged ",
    "WRONG ITEM",
    "质量问题",
    "SN 7 failed its appraisal",
    "failed its appraisal twice",
    "too small",
    "no longer wanted",
    "late",
]
ZONES = [timezone(timedelta(hours=hours)) for hours in (8, 8, 8, 8, 0, -5, 5.5)]
RATINGS = ("quality", "service", "logistics", "content", "welfare")

Chain = Iterator[Command]
"""Commands that follow each other, whatever happens between them."""


class Town:
    """A chance with the memory of how good each shop is, and how much it sells."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.good = {shop: self.chance.random() for shop in SHOPS} | {"shoes0": 0.0}
        self.busy = [self.chance.choice([1, 2, 4, 8]) for _ in SHOPS]

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def at(self, first: float = 0.0, last: float = DAYS) -> datetime:
        """A whole minute between two days of the season, in any zone."""
        minutes = int(self.chance.uniform(first, last) * 1440)
        return (BEGIN + timedelta(minutes=minutes)).astimezone(self.chance.choice(ZONES))

    def after(self, at: datetime, days: float) -> datetime:
        """So many days later at most, to the second."""
        seconds = self.chance.randrange(int(days * 86_400))
        return (at + timedelta(seconds=seconds)).astimezone(self.chance.choice(ZONES))

    def buyer(self, shop: str) -> str:
        """Good shops have few buyers, who come back."""
        return f"{shop}-b{self.chance.randrange(8 + int(150 * (1 - self.good[shop]) ** 2))}"

    def order(self, number: int) -> Chain:
        """An order with all that follows from it."""
        id_, at = f"t:{number}", self.at()
        (shop,) = self.chance.choices(SHOPS, self.busy)
        amount = 0 if self.often(0.04) else self.chance.randrange(1, 50_000)
        order = RecordOrder(
            id=id_,
            shop=shop,
            buyer="" if self.often(0.1) else self.buyer(shop),
            currency="CNY",
            lines=tuple(OrderLine(sku=f"sku{line}", quantity=2, amount=amount) for line in (1, 2)),
            paid=not self.often(0.03),
            settled=True,
            at=at,
        )
        yield order
        for line in (1, 2, 2):
            if self.often(0.3):
                yield self.review(f"{id_}-{self.chance.random()}", order, line)
        if self.often(0.25):
            yield from self.refund(order)
        if self.often(0.05):
            lines = tuple(OrderLine(sku="sku1", amount=self.chance.choice([0, 700])) for _ in (1, 2))
            yield replace(order, buyer=self.buyer(shop), lines=lines, at=self.after(at, 20))
        if self.often(0.03):
            yield VoidOrder(id=id_, reason="brushing", at=self.after(at, 30))
        elif self.often(0.02):
            yield CancelOrder(id=id_, at=self.after(at, 5))

    def review(self, id_: str, order: RecordOrder, line: int) -> Command:
        """What a buyer says, or somebody else; some ratings are left out."""
        good = self.good[order.shop]
        ratings: dict[str, Any] = {
            name: 0 if self.often(0.2) else min(5, 1 + int(3 * good + 3 * self.chance.random()))
            for name in RATINGS
        }
        ratings["quality"] = ratings["quality"] if any(ratings.values()) else 1
        who = "somebody" if self.often(0.03) else ""
        return SubmitReview(
            id=id_, order=order.id, line=line, buyer=who, at=self.after(order.at or BEGIN, 20), **ratings
        )

    def refund(self, order: RecordOrder) -> Chain:
        """One or two refunds: asked for and answered, or only reported; some reports change."""
        for number in range(self.chance.choice([1, 1, 2])):
            id_, asked = f"{order.id}-r{number}", self.after(order.at or BEGIN, 15)
            answered = self.after(asked, 6)
            told = RecordRefund(
                id=id_,
                order=order.id,
                shop=order.shop,
                currency="CNY",
                lines=(
                    ReportedLine(line=number + 1, sku="sku", quantity=1, cash=1 + self.chance.randrange(90)),
                ),
                at=self.after(asked, 6),
            )
            reason = self.chance.choice(REASONS)
            match self.chance.randrange(6):
                case 0:
                    yield told
                case 1:  # The report comes first, and may be of a time before the request.
                    yield told
                    yield RequestRefund(id=id_, order=order.id, reason=reason, at=self.after(asked, 12))
                case 2:
                    yield RequestRefund(id=id_, order=order.id, reason=reason, at=asked)
                    yield RefuseRefund(id=id_, reason="worn", at=answered)
                case 3:
                    yield RequestRefund(id=id_, order=order.id, reason=reason, at=asked)
                    yield RefuseRefund(id=id_, reason="worn", at=answered)
                    yield told
                case 4:  # A newer version of the report undoes the one before.
                    yield told
                    lines = (ReportedLine(line=number + 1, sku="sku", quantity=1, cash=100),)
                    yield replace(told, lines=lines, at=self.after(asked, 9))
                case _:
                    yield RequestRefund(id=id_, order=order.id, reason=reason, at=asked)
                    yield CompleteRefund(id=id_, at=answered)

    def aside(self, number: int) -> Chain:
        """What belongs to no order: votes, refunds that name none, penalties and their appeals."""
        shop, at = self.chance.choice(SHOPS), self.at()
        for vote in range(8):
            yield CastVote(
                id=f"v{number}-{vote}",
                item=f"sku{self.chance.randrange(3)}",
                shop=self.chance.choice(SHOPS),
                user=f"u{self.chance.randrange(40)}",
                worth=self.often(0.3 + self.good[shop] / 2),
                at=self.at(),
            )
        lines = (ReportedLine(sku="sku", cash=self.chance.randrange(1, 500)),)
        yield RecordRefund(id=f"back{number}", shop=shop, currency="CNY", lines=lines, at=at)
        yield from self.penalty(f"p{number}", self.chance.choice([shop, shop, "shoes0"]))

    def penalty(self, id_: str, shop: str) -> Chain:
        """A penalty, which rulings may strike and restore; they need not come in the order of the source."""
        party: Literal["shop", "host"] = "host" if self.often(0.25) else "shop"
        at = self.at()
        yield ImposePenalty(
            id=id_,
            party=party,
            party_id=shop,
            currency="CNY",
            points=self.chance.choice([0, 1, 3, 12]),
            reason="fake dispatch",
            at=at,
        )
        for ruling in range(self.chance.choice([0, 0, 1, 2, 4])):
            yield RecordAppeal(
                id=id_,
                instance="first",
                step="filed",
                ruling=self.chance.choice(["denied", "upheld"]),
                sequence=self.chance.choice([0, 1, 2, 3]),
                reason=f"ruling {ruling}",
                at=self.after(at, 20),
            )


def season(seed: int, orders: int) -> list[Request]:
    """All that is reported of a town, roughly in the order of the days; some of it is refused."""
    town = Town(seed)
    chains = [town.order(number) for number in range(orders)]
    chains += [town.aside(number) for number in range(orders // 25)]
    told: list[tuple[datetime, Command]] = []
    for chain in chains:
        recorded = BEGIN
        for command in chain:
            lag = timedelta(days=town.chance.expovariate(1 / 3))
            recorded = max(recorded, (command.at or BEGIN) + lag)
            told.append((recorded, command))
    told.sort(key=lambda each: each[0])
    opened = [
        OpenShop(id=shop, industry=shop.rstrip("0123456789"), at=BEGIN)
        for shop in SHOPS
        if not shop.startswith("stall")
    ]
    commands: list[Command] = [*opened, *(command for _, command in told)]
    return [_report(command, number) for number, command in enumerate(commands, 1)]


def _report(command: Command, number: int) -> Request:
    """Each report is newer than those before it."""
    id_ = f"{command.NAME}/{command.id}"
    return Request(command=command, source=Source("feed", id_, number, f"{number}".encode()))

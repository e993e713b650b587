"""Traffic: units of exposure that a shop earns by reputation, and what is left of the subsidy in money.

Basic units follow from the index and the marks; key units come on top of them for a shop that is new, that
grows, or that sells much more than the week before. The units are a memo book: they are no money, and nothing
is ever paid for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ledger import money, time
from ledger.decisions.badge import Day, Number, Tenths, day_number
from ledger.decisions.base import INITIAL, Command, Currency, Item, Name, Past, decides, folds
from ledger.decisions.lapse import rule_of
from ledger.decisions.standing import Shop, check_sells
from ledger.errors import InsufficientFunds, UnknownShop, WrongState
from ledger.events.base import Recorded
from ledger.events.traffic import TrafficAllocated

RULE = "traffic"
BASIC, KEY = "basic", "key"
_DAY_US = 86_400_000_000
_HUNDRED = 100


class ColdStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shop is new for so many days from its opening, unless it has that many paid orders before."""

    days: int
    orders: int
    units: int


class Rise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many paid orders, at least `percent` of as many days before, bring `bonus` % of the basic units."""

    orders: int
    percent: int
    bonus: int


class Subsidy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the programme may give shops in money altogether, minor units."""

    currency: Currency
    budget: int


class TrafficRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How traffic is earned: units a point of the index, percent of them by mark.

    `unknown_index` is what a shop without one is taken to have, in tenths.
    """

    units: int
    unknown_index: int
    marks: dict[str, int]
    cold_start: ColdStart
    growth: Rise
    burst: Rise
    subsidy: Subsidy


class Traffic(msgspec.Struct, frozen=True):
    """What a shop was given in all, by class and cause, and the last day for which it was."""

    day: int = 0
    units: dict[str, int] = {}


INITIAL["traffic"] = Traffic()


@folds(TrafficAllocated)
def _allocated(traffic: Traffic, fact: TrafficAllocated, _recorded: Recorded) -> Traffic:
    name = fact.cause or fact.kind
    units = {**traffic.units, name: traffic.units.get(name, 0) + fact.units}
    return Traffic(max(traffic.day, fact.day), units)


class AllocateTraffic(Command, kw_only=True):
    """Give a shop the traffic of a day by rule; `assurance run-due` counts the figures and asks every day.

    The figures are those of the days before `day`: the index in tenths (left out: unknown), and the paid
    orders of the last thirty days, of the thirty before, of the last seven and of the seven before.
    """

    NAME = "traffic.allocate"
    STREAM = "traffic"

    id: Name
    day: Day
    position: Number
    index: Tenths | None = None
    month: Number = 0
    month_before: Number = 0
    week: Number = 0
    week_before: Number = 0

    def touches(self) -> tuple[str, ...]:
        """The shop too."""
        return (self.stream, f"shop-{self.id}")


class Part(NamedTuple):
    """Units of a class and cause, and why in words."""

    kind: str
    cause: str
    units: int
    because: str


class Counted(msgspec.Struct, frozen=True):
    """What traffic follows from; the index in tenths, paid orders by span of days, the shop's age in days."""

    index: int | None
    month: int
    month_before: int
    week: int
    week_before: int
    age: int
    marks: tuple[str, ...]


def reckon(rule: TrafficRule, counted: Counted) -> list[Part]:
    """The units of a day, part by part; parts without any are left out."""
    index = rule.unknown_index if counted.index is None else counted.index
    percent = max((rule.marks[mark] for mark in counted.marks if mark in rule.marks), default=_HUNDRED)
    basic = money.round_ratio(rule.units * index * percent, 10 * _HUNDRED)
    said = "the index of a shop that has none" if counted.index is None else "the index"
    parts = [
        Part(
            BASIC,
            "",
            basic,
            f"{rule.units} units × {index // 10}.{index % 10} ({said}) × {percent} % for marks",
        )
    ]
    cold = rule.cold_start
    if counted.age < cold.days and counted.month < cold.orders:
        because = f"open for {counted.age} of {cold.days} days, {counted.month} of {cold.orders} orders"
        parts.append(Part(KEY, "cold-start", cold.units, because))
    spans = (
        ("growth", rule.growth, counted.month, counted.month_before),
        ("burst", rule.burst, counted.week, counted.week_before),
    )
    for cause, rise, now, before in spans:
        if now >= rise.orders and now * _HUNDRED >= before * rise.percent and before:
            because = f"{now} orders after {before}: {rise.percent} % or more; {rise.bonus} % of {basic}"
            parts.append(Part(KEY, cause, money.round_ratio(basic * rise.bonus, _HUNDRED), because))
    return [part for part in parts if part.units]


def age(shop: Shop, day: int) -> int:
    """For how many days a shop has been open on a local day."""
    return max(day - time.local_day(shop.opened_at, time.HOME_OFFSET), 0)


@decides(AllocateTraffic)
def allocate(past: Past, command: AllocateTraffic) -> Iterator[Item]:
    """A shop that may sell is given each day's traffic once, in the order of the days."""
    shop: Shop = past.state(f"shop-{command.id}")
    if not shop.status:
        raise UnknownShop(f"Got {command.id!r}.", field="id")
    if command.position > past.position:
        raise WrongState(f"The log ends at {past.position}.", field="position")
    day, traffic = day_number(command.day), past.state(command.stream)
    if day == traffic.day:
        return
    if day < traffic.day:
        raise WrongState(f"The traffic of {time.day_text(traffic.day)} is given.", field="day")
    check_sells(past, command.id)
    version, rule = rule_of(RULE, day, TrafficRule)
    counts = command.month, command.month_before, command.week, command.week_before
    for part in reckon(rule, Counted(command.index, *counts, age(shop, day), shop.holds)):
        yield TrafficAllocated(
            command.id, day, part.kind, part.cause, part.units, version, command.position, part.because
        )


def subsidy(moment: int) -> Subsidy:
    """The programme in force at a moment (UTC microseconds)."""
    return rule_of(RULE, time.local_day(moment, time.HOME_OFFSET), TrafficRule)[1].subsidy


def check_budget(past: Past, amount: int, currency: str) -> None:
    """Refuse a subsidy beyond what the programme has left; in another currency there is no programme."""
    programme = subsidy(past.moment)
    if currency != programme.currency:
        return
    left = programme.budget - past.balance("trust_subsidy", currency)
    if amount > left:
        raise InsufficientFunds(
            f"The programme has {left} {currency} left, {amount} is asked for.", field="amount"
        )

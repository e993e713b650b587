"""What rules decide every day without anybody asking: marks, traffic, and the tiers of agencies.

Figures are counted from the read models and brought to the ledger, which decides by the rule in force. A day
may be repeated: a mark that is held is not granted again, and traffic is given once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ledger import time
from ledger.decisions.agency import RULE as TIERS
from ledger.decisions.agency import AssessTier, TierRule
from ledger.decisions.badge import AssessBadge
from ledger.decisions.base import Command
from ledger.decisions.lapse import BADGES, rule_of
from ledger.decisions.standing import Shop
from ledger.decisions.traffic import AllocateTraffic
from ledger.errors import LedgerError
from ledger.events.badge import BadgeGranted, BadgeRevoked
from ledger.events.base import Recorded
from ledger.events.provider import ProviderTierSet
from ledger.events.traffic import TrafficAllocated
from ledger.store.database import Database
from projections.agencies import AGENCIES, providers, sales
from projections.merits import Merit, merits
from projections.order_status import ORDER_STATUS
from projections.penalties import PENALTIES, withheld
from projections.reputation import REPUTATION
from projections.shops import SHOPS, page
from projections.store import reached
from projections.traffic import TRAFFIC, last_days

MODELS = (REPUTATION, SHOPS, PENALTIES, TRAFFIC, AGENCIES, ORDER_STATUS)
"""What the figures are counted from."""

_AT_ONCE = 100
_JANUARY = 1

Decide = Callable[[Sequence[Command]], Sequence[Sequence[Recorded] | LedgerError]]


def apply(database: Database, moment: int, decide: Decide) -> dict[str, int]:
    """Bring all shops and agencies to what the rules say at a moment (UTC microseconds).

    Answers `{"granted", "revoked", "shops", "units", "tiers"}`: marks, shops that were given traffic and its
    units, tiers that changed. Raises ProjectionBehind, and the first refusal: nothing here is refused that
    the read models know enough about.
    """
    found = dict.fromkeys(("granted", "revoked", "shops", "units", "tiers"), 0)
    for commands in (*_of_shops(database, moment), _of_agencies(database, moment)):
        for answer in decide(commands) if commands else ():
            if isinstance(answer, LedgerError):
                raise answer
            _count(found, answer)
    return found


def _of_shops(database: Database, moment: int) -> Iterator[list[Command]]:
    day, at = time.local_day(moment, time.HOME_OFFSET), time.moment(moment, time.HOME_OFFSET)
    with database.snapshot() as connection:
        position = min(reached(connection, model) for model in MODELS)
    known, held_back, after = merits(database, day), withheld(database, moment), ""
    given = last_days(database)
    while shops := page(database, after, _AT_ONCE):
        commands: list[Command] = []
        for name, shop in shops:
            merit = known.get(name, Merit())
            commands += assessments(name, day, position, merit, at)
            if sells(shop, moment) and name not in held_back and given.get(name, -1) < day:
                commands.append(allocation(name, day, position, merit, at))
        yield commands
        after = shops[-1][0]


def sells(shop: Shop, moment: int) -> bool:
    """Whether a shop may be given traffic at a moment (UTC microseconds)."""
    return shop.status == "open" and not any(shop.held(what, moment) for what in ("suspended", "banned"))


def assessments(shop: str, day: int, position: int, merit: Merit, at: datetime) -> list[AssessBadge]:
    """What asks for each mark of a shop by what is known of it."""
    return [
        AssessBadge(
            id=shop,
            badge=badge,
            day=time.day_text(day),
            position=position,
            index=merit.index,
            label=merit.label,
            experience=merit.experience,
            paid_orders=merit.month,
            points=merit.points,
            at=at,
        )
        for badge in BADGES
    ]


def allocation(shop: str, day: int, position: int, merit: Merit, at: datetime) -> AllocateTraffic:
    """What asks for the traffic of a day."""
    return AllocateTraffic(
        id=shop,
        day=time.day_text(day),
        position=position,
        index=merit.index,
        month=merit.month,
        month_before=merit.month_before,
        week=merit.week,
        week_before=merit.week_before,
        at=at,
    )


def _of_agencies(database: Database, moment: int) -> list[Command]:
    """The tiers of this year, and in January of the year that is over, as its last refunds come in."""
    at = time.moment(moment, time.HOME_OFFSET)
    _, rule = rule_of(TIERS, time.local_day(moment, time.HOME_OFFSET), TierRule)
    with database.snapshot() as connection:
        position = min(reached(connection, model) for model in (AGENCIES, ORDER_STATUS))
    names = providers(database)
    commands: list[Command] = []
    for year in (at.year - 1, at.year) if at.month == _JANUARY else (at.year,):
        sold = sales(database, year) if names else {}
        for name in names:
            amount = sold.get(name, {}).get(rule.currency)
            commands.append(
                AssessTier(
                    id=name,
                    year=year,
                    sales=amount.amount if amount else 0,
                    currency=rule.currency,
                    position=position,
                    at=at,
                )
            )
    return commands


def _count(found: dict[str, int], facts: Sequence[Recorded]) -> None:
    told = [recorded.fact for recorded in facts]
    found["shops"] += any(isinstance(fact, TrafficAllocated) for fact in told)
    for fact in told:
        match fact:
            case BadgeGranted():
                found["granted"] += 1
            case BadgeRevoked():
                found["revoked"] += 1
            case TrafficAllocated(units=units):
                found["units"] += units
            case ProviderTierSet():
                found["tiers"] += 1

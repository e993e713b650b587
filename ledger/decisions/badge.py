"""Marks that a shop earns and loses by rule, and campaigns that ask for them.

The rules are data (`ledger/formulas`). What a decision cannot know of itself, figures counted over orders and
reviews, the command brings with the position of the log they were read at; the rest is the shop's own state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from ledger import time
from ledger.decisions.base import Command, Item, Name, Past, Text, decides, folds, unchanged
from ledger.decisions.lapse import BadgeRule, Mark, figures, rule_of
from ledger.decisions.standing import Badge, Shop, known
from ledger.errors import InvalidTime, Malformed, WrongState
from ledger.events.badge import BadgeGranted, BadgeRevoked, Ground
from ledger.events.base import Recorded
from ledger.events.campaign import CampaignEntered, CampaignRefused
from ledger.requirement import Figure, Requirement, judge, met

CAMPAIGN = "campaign"
"""The rule of campaigns."""

Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)", description="a local day")]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Tenths = Annotated[int, msgspec.Meta(ge=0, le=1_000, description="tenths: 713 is 71.3")]


class CampaignKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a kind of campaign asks for."""

    name: str
    requirements: tuple[Requirement, ...]


class CampaignRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What campaigns ask for, by their kind."""

    kinds: tuple[CampaignKind, ...]


def day_number(text: str) -> int:
    """A local day as the days since 1970; raises InvalidTime."""
    try:
        return time.local_day(time.micros(time.parse(text)), time.HOME_OFFSET)
    except InvalidTime:
        raise InvalidTime(f"{text} is no day.", field="day") from None


@folds(BadgeGranted)
def _granted(shop: Shop, fact: BadgeGranted, recorded: Recorded) -> Shop:
    others = tuple(badge for badge in shop.badges if badge.name != fact.badge)
    badge = Badge(fact.badge, fact.rule, recorded.envelope.effective_at, fact.position)
    return msgspec.structs.replace(shop, badges=(*others, badge))


@folds(BadgeRevoked)
def _revoked(shop: Shop, fact: BadgeRevoked, recorded: Recorded) -> Shop:
    until = recorded.envelope.effective_at
    badges = tuple(
        badge._replace(position=fact.position, until=until) if badge.name == fact.badge else badge
        for badge in shop.badges
    )
    return msgspec.structs.replace(shop, badges=badges)


@folds(CampaignEntered)
def _entered(shop: Shop, fact: CampaignEntered, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, campaigns=(*shop.campaigns, fact.campaign))


folds(CampaignRefused)(unchanged)


class AssessBadge(Command, kw_only=True):
    """Grant or revoke a shop's badge by rule; `assurance run-due` counts the figures and asks every day.

    The figures are those of the days before `day`, read at a position of the log: index and experience score
    in tenths, the label, paid orders and penalty points of the last thirty days. What is left out is unknown.
    """

    NAME = "shops.assess-badge"
    STREAM = "shop"

    id: Name
    badge: Mark
    day: Day
    position: Number
    index: Tenths | None = None
    label: Text | None = None
    experience: Tenths | None = None
    paid_orders: Number | None = None
    points: Number | None = None


class EnterCampaign(Command, kw_only=True):
    """Ask for a shop to take part in a campaign of a kind; the answer, no too, is kept with its reasons."""

    NAME = "shops.enter-campaign"
    STREAM = "shop"

    id: Name
    campaign: Name
    kind: Name = "standard"


def grounds(
    shop: Shop, badge: str, day: int, moment: int, counted: Mapping[str, Figure]
) -> tuple[str, tuple[Ground, ...]]:
    """The version of a badge's rule on a day, and how a shop meets each of its requirements."""
    version, rule = rule_of(badge, day, BadgeRule)
    known_ = {**figures(shop, moment), **counted}
    return version, judge(rule.requirements, known_, held=badge in shop.holds)


@decides(AssessBadge)
def assess(past: Past, command: AssessBadge) -> Iterator[Item]:
    """A badge is granted when all is met, and revoked when what its holder must keep is not.

    Figures older than those that decided last change nothing, nor does a moment before the last change.
    """
    shop = known(past, command)
    if command.position > past.position:
        raise WrongState(f"The log ends at {past.position}.", field="position")
    day = day_number(command.day)
    last = next((badge for badge in shop.badges if badge.name == command.badge), None)
    if last is not None and (command.position < last.position or past.moment < last.changed_at):
        return
    counted: dict[str, Figure] = {
        name: getattr(command, name) for name in ("index", "label", "experience", "paid_orders", "points")
    }
    version, found = grounds(shop, command.badge, day, past.moment, counted)
    held = command.badge in shop.holds
    if met(found) and not held:
        yield BadgeGranted(command.badge, version, day, command.position, found)
    elif held and not met(found):
        yield BadgeRevoked(command.badge, version, day, command.position, found)


@decides(EnterCampaign)
def enter_campaign(past: Past, command: EnterCampaign) -> Iterator[Item]:
    """A shop enters a campaign once; where it may not, that is recorded with what it lacks."""
    shop = known(past, command)
    if command.campaign in shop.campaigns:
        return
    day = time.local_day(past.moment, time.HOME_OFFSET)
    version, rule = rule_of(CAMPAIGN, day, CampaignRule)
    kind = next((kind for kind in rule.kinds if kind.name == command.kind), None)
    if kind is None:
        named = ", ".join(kind.name for kind in rule.kinds)
        raise Malformed(f"Campaigns are of these kinds: {named}.", field="kind")
    found = judge(kind.requirements, figures(shop, past.moment))
    said = command.campaign, command.kind, version, found
    if met(found):
        yield CampaignEntered(*said)
    elif past.reported:
        yield CampaignEntered(*said, ("requirement_unmet",))
    else:
        yield CampaignRefused(*said)

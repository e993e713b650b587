"""A shop's standing: which benefits its orders carry, what it may not do, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ledger import policy, time
from ledger.decisions.base import INITIAL, Command, Item, Name, Past, Text, decides, folds
from ledger.decisions.lapse import lapsed
from ledger.errors import UnknownPolicy, UnknownShop, WrongState
from ledger.events.base import Recorded
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

DEPOSIT = "deposit"
"""The cause of a restriction that ends when the fund's advances for the shop are made good."""
ON_THE_WAY_US = 15 * 86_400_000_000
"""How long goods that were sold on the last day may be on their way; most windows begin when they arrive."""


class Opening(NamedTuple):
    """When a shop's orders carry a benefit, in UTC microseconds; `until` is outside, None: it goes on."""

    benefit: str
    since: int
    until: int | None = None


class Restraint(NamedTuple):
    """What a shop may not do: `what` is restricted, suspended or banned, `cause` a penalty or `deposit`."""

    what: str
    cause: str
    since: int
    until: int | None = None


class Badge(NamedTuple):
    """A mark the shop has, or had until it lost it; times in UTC microseconds.

    `rule` is the version of the rule that granted it, `position` that of the log at which its figures were
    read last.
    """

    name: str
    rule: str
    since: int
    position: int
    until: int | None = None

    @property
    def changed_at(self) -> int:
        """When it was granted or lost last."""
        return self.since if self.until is None else self.until


def held(restraints: Sequence[Restraint], what: str, moment: int | None = None) -> bool:
    """Whether somebody is `restricted`, `suspended` or `banned`: at a moment, or until somebody lifts it."""
    return any(
        restraint.what == what and (moment is None or restraint.until is None or moment < restraint.until)
        for restraint in restraints
    )


class Shop(msgspec.Struct, frozen=True):
    """What a shop is now. Its money is in the books: deposit, payable, advances."""

    status: str = ""
    """How its life stands: open, closing or closed; what it may not do besides is in `restraints`."""
    name: str = ""
    currency: str = ""
    industry: str = ""
    benefits: tuple[Opening, ...] = ()
    """Every time a benefit was opened, in the order recorded, those closed since included."""
    restraints: tuple[Restraint, ...] = ()
    recourses: tuple[Any, ...] = ()
    """What the fund holds against the shop, by claim."""
    fines: tuple[Any, ...] = ()
    """What its deposit still owes of fines, in the order in which they came to be due."""
    closing_since: int | None = None
    """When it asked to leave (UTC microseconds)."""
    badges: tuple[Badge, ...] = ()
    """Each mark that it has or had, as it was granted last."""
    campaigns: tuple[str, ...] = ()
    """The campaigns it entered."""
    provider: str = ""
    """The agency that serves it."""
    opened_at: int = 0
    """When it opened (UTC microseconds)."""

    @property
    def holds(self) -> tuple[str, ...]:
        """The names of the marks that it has."""
        return tuple(badge.name for badge in self.badges if badge.until is None)

    def offers(self, moment: int) -> tuple[str, ...]:
        """The benefits that an order paid at this moment (UTC microseconds) carries."""
        return tuple(
            opening.benefit
            for opening in self.benefits
            if opening.since <= moment and (opening.until is None or moment < opening.until)
        )

    def held(self, what: str, moment: int | None = None) -> bool:
        """Whether it is `restricted`, `suspended` or `banned`: at a moment, or until somebody lifts it."""
        return held(self.restraints, what, moment)

    @property
    def left_at(self) -> int | None:
        """Since when it sells no more: it was banned, or asked to leave; None while it may sell."""
        banned = [restraint.since for restraint in self.restraints if restraint.what == "banned"]
        asked = [] if self.closing_since is None else [self.closing_since]
        return min((*banned, *asked), default=None)

    @property
    def restricted(self) -> bool:
        """Whether it may not open benefits for now."""
        return self.held("restricted")

    @property
    def suspended(self) -> bool:
        """Whether it was suspended and nobody has reinstated it; `held` knows whether the time is over."""
        return self.held("suspended")

    @property
    def banned(self) -> bool:
        """Whether it may not sell any more."""
        return self.held("banned")


INITIAL["shop"] = Shop()


@folds(ShopOpened)
def _opened(shop: Shop, fact: ShopOpened, recorded: Recorded) -> Shop:
    return msgspec.structs.replace(
        shop,
        status="open",
        name=fact.name,
        currency=fact.currency,
        industry=fact.industry,
        opened_at=recorded.envelope.effective_at,
    )


@folds(ShopClosingRequested)
def _closing(shop: Shop, _fact: ShopClosingRequested, recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, status="closing", closing_since=recorded.envelope.effective_at)


@folds(ShopClosed)
def _closed(shop: Shop, _fact: ShopClosed, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, status="closed")


@folds(BenefitOpened)
def _benefit_opened(shop: Shop, fact: BenefitOpened, recorded: Recorded) -> Shop:
    opening = Opening(fact.benefit, recorded.envelope.effective_at)
    return msgspec.structs.replace(shop, benefits=(*shop.benefits, opening))


@folds(BenefitClosed)
def _benefit_closed(shop: Shop, fact: BenefitClosed, recorded: Recorded) -> Shop:
    until = recorded.envelope.effective_at
    benefits = tuple(
        opening._replace(until=max(until, opening.since))
        if opening.benefit == fact.benefit and opening.until is None
        else opening
        for opening in shop.benefits
    )
    return msgspec.structs.replace(shop, benefits=benefits)


@folds(ShopRestricted, ShopSuspended, ShopBanned)
def _restrained(shop: Shop, fact: Any, recorded: Recorded) -> Shop:  # noqa: ANN401 - one of the three
    what = fact.TOPIC.removeprefix("shop-")
    until = fact.until if isinstance(fact, ShopSuspended) else None
    restraint = Restraint(what, fact.cause, recorded.envelope.effective_at, until)
    others = tuple(r for r in shop.restraints if (r.what, r.cause) != (what, fact.cause))
    return msgspec.structs.replace(shop, restraints=(*others, restraint))


@folds(ShopReinstated)
def _reinstated(shop: Shop, fact: ShopReinstated, _recorded: Recorded) -> Shop:
    others = tuple(restraint for restraint in shop.restraints if restraint.cause != fact.cause)
    return msgspec.structs.replace(shop, restraints=others)


class OpenBenefit(Command, kw_only=True):
    """Let the orders of a shop carry a benefit from now on."""

    NAME = "shops.open-benefit"
    STREAM = "shop"

    id: Name
    benefit: Name


class CloseBenefit(Command, kw_only=True):
    """Let the orders of a shop carry a benefit no longer; orders paid before keep it."""

    NAME = "shops.close-benefit"
    STREAM = "shop"

    id: Name
    benefit: Name
    reason: Text = ""


class RestrictShop(Command, kw_only=True):
    """Let a shop open no benefits until it is reinstated; `cause` names what must be mended."""

    NAME = "shops.restrict"
    STREAM = "shop"

    id: Name
    cause: Name
    reason: Text = ""


class SuspendShop(Command, kw_only=True):
    """Let a shop sell nothing until a time, or until it is reinstated; `cause` names the penalty."""

    NAME = "shops.suspend"
    STREAM = "shop"

    id: Name
    cause: Name
    reason: Text = ""
    until: datetime | None = None


class BanShop(Command, kw_only=True):
    """Let a shop never sell again; `cause` names the penalty."""

    NAME = "shops.ban"
    STREAM = "shop"

    id: Name
    cause: Name
    reason: Text = ""


class ReinstateShop(Command, kw_only=True):
    """Lift what a cause led to; restrictions, suspensions and bans of other causes stay."""

    NAME = "shops.reinstate"
    STREAM = "shop"

    id: Name
    cause: Name
    reason: Text = ""


def known(past: Past, command: Command) -> Shop:
    """The shop of a command; raises UnknownShop."""
    shop: Shop = past.state(command.stream)
    if not shop.status:
        raise UnknownShop(f"Got {command.id!r}.", field="id")
    return shop


def check_sells(past: Past, id_: str, field: str = "id") -> None:
    """Refuse what only a shop that sells may do; a shop that nobody opened is not our concern."""
    shop: Shop = past.state(f"shop-{id_}")
    if not shop.status:
        return
    status = shop.status
    for what in ("suspended", "banned"):
        if shop.held(what, past.moment):
            status = what
    if status != "open":
        raise WrongState(f"The shop is {status}.", field=field)


def held_until(past: Past, shop: Shop) -> int:
    """The last moment (UTC microseconds) of the longest window that orders of a shop that left may have.

    Windows without an end do not count: nothing could ever be given back.
    """
    left = shop.left_at
    if left is None:
        return policy.NEVER
    last = left
    for benefit in {opening.benefit for opening in shop.benefits}:
        for terms in past.state(f"policy-{benefit}"):
            if terms.window_days:
                last = max(last, policy.window_last(terms, left + ON_THE_WAY_US))
    return last


@decides(OpenBenefit)
def open_benefit(past: Past, command: OpenBenefit) -> Iterator[Item]:
    """A shop that sells and is not restricted opens a benefit of which terms were published."""
    shop = known(past, command)
    if any(opening.benefit == command.benefit and opening.until is None for opening in shop.benefits):
        return
    if not past.version(f"policy-{command.benefit}"):
        raise UnknownPolicy(f"No terms of {command.benefit} were ever published.", field="benefit")
    check_sells(past, command.id)
    if shop.restricted:
        causes = ", ".join(r.cause for r in shop.restraints if r.what == "restricted")
        raise WrongState(f"The shop is restricted: {causes}.", field="id")
    yield BenefitOpened(command.benefit)


@decides(CloseBenefit)
def close_benefit(past: Past, command: CloseBenefit) -> Iterator[Item]:
    """An open benefit is closed once, whatever state the shop is in."""
    shop = known(past, command)
    if any(opening.benefit == command.benefit and opening.until is None for opening in shop.benefits):
        yield BenefitClosed(command.benefit, command.reason)
        yield from lapsed(past, command.id)


@decides(RestrictShop)
def restrict(past: Past, command: RestrictShop) -> Iterator[Item]:
    """A cause restricts once."""
    if not _holds(_not_closed(past, command), "restricted", command.cause):
        yield ShopRestricted(command.cause, command.reason)
        yield from lapsed(past, command.id)


@decides(SuspendShop)
def suspend(past: Past, command: SuspendShop) -> Iterator[Item]:
    """A cause suspends once, until a time that is still to come; another time replaces it."""
    shop = _not_closed(past, command)
    until = None if command.until is None else time.micros(command.until)
    if until is not None and until <= past.moment and not past.reported:
        raise WrongState(f"It would be over at {time.rfc3339(until)}.", field="until")
    if not any((r.what, r.cause, r.until) == ("suspended", command.cause, until) for r in shop.restraints):
        yield ShopSuspended(command.cause, command.reason, until)
        yield from lapsed(past, command.id)


@decides(BanShop)
def ban(past: Past, command: BanShop) -> Iterator[Item]:
    """A cause bans once."""
    if not _holds(_not_closed(past, command), "banned", command.cause):
        yield ShopBanned(command.cause, command.reason)
        yield from lapsed(past, command.id)


@decides(ReinstateShop)
def reinstate(past: Past, command: ReinstateShop) -> Iterator[Item]:
    """A cause is lifted once; one that money is owed for only with the money."""
    shop = known(past, command)
    if not any(restraint.cause == command.cause for restraint in shop.restraints):
        return
    if command.cause == DEPOSIT and (owed := _owed(past, command.id)):
        raise WrongState(f"Its claims are not made good: {', '.join(owed)}.", field="cause")
    yield ShopReinstated(command.cause, command.reason)


def _owed(past: Past, id_: str) -> list[str]:
    """The claims against a shop that stay due, or that the pet fund paid in its place."""
    dues = [due.claim for due in past.state("fund-pet").dues if due.shop == id_]
    return sorted({*dues, *(recourse.claim for recourse in past.state(f"shop-{id_}").recourses)})


def _not_closed(past: Past, command: Command) -> Shop:
    shop = known(past, command)
    if shop.status == "closed":
        raise WrongState("The shop is closed.", field="id")
    return shop


def _holds(shop: Shop, what: str, cause: str) -> bool:
    return any((restraint.what, restraint.cause) == (what, cause) for restraint in shop.restraints)

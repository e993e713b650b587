"""Whom a service provider serves, and the tier that it reached in a year."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ledger import money, time
from ledger.decisions.badge import Number
from ledger.decisions.base import (
    Command,
    Currency,
    Item,
    Name,
    OptionalName,
    Past,
    SignedAmount,
    decides,
    folds,
)
from ledger.decisions.host import Host
from ledger.decisions.lapse import rule_of
from ledger.decisions.provider import Provider, Tier
from ledger.decisions.standing import Shop
from ledger.errors import CurrencyMismatch, UnknownHost, UnknownProvider, UnknownShop, WrongState
from ledger.events.base import Recorded
from ledger.events.host import HostProviderChanged
from ledger.events.provider import ProviderTierSet
from ledger.events.shop import ShopProviderChanged

RULE = "provider-tier"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tier, and the yearly sales from which on it is reached, minor units."""

    name: str
    sales: int


class TierRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tiers, highest first, and the currency in which sales count."""

    currency: Currency
    tiers: tuple[Step, ...]

    def tier(self, sales: int) -> str:
        """The tier of a year's sales in minor units; empty if they reach none."""
        return next((step.name for step in self.tiers if sales >= step.sales), "")


@folds(ShopProviderChanged)
def _shop_moved(shop: Shop, fact: ShopProviderChanged, _recorded: Recorded) -> Shop:
    return msgspec.structs.replace(shop, provider=fact.provider)


@folds(HostProviderChanged)
def _host_moved(host: Host, fact: HostProviderChanged, _recorded: Recorded) -> Host:
    return msgspec.structs.replace(host, provider=fact.provider)


@folds(ProviderTierSet)
def _tier_set(provider: Provider, fact: ProviderTierSet, _recorded: Recorded) -> Provider:
    others = tuple(tier for tier in provider.tiers if tier.year != fact.year)
    tier = Tier(fact.year, fact.tier, fact.sales, fact.position)
    return msgspec.structs.replace(provider, tiers=(*others, tier))


class ChangeShopProvider(Command, kw_only=True):
    """Let an agency serve a shop from now on, in the place of any before it; empty: none does."""

    NAME = "shops.change-provider"
    STREAM = "shop"

    id: Name
    provider: OptionalName


class ChangeHostProvider(Command, kw_only=True):
    """Let an agency manage a host from now on, in the place of any before it; empty: none does."""

    NAME = "hosts.change-provider"
    STREAM = "host"

    id: Name
    provider: OptionalName


class AssessTier(Command, kw_only=True):
    """Set an agency's tier by a year's sales; `assurance run-due` counts them and asks every day."""

    NAME = "providers.assess-tier"
    STREAM = "provider"

    id: Name
    year: Annotated[int, msgspec.Meta(ge=1970, le=9998)]
    sales: SignedAmount
    currency: Currency = "CNY"
    position: Number


def _marks(past: Past, provider: str) -> tuple[str, ...]:
    """Nothing for an agency that is admitted; else a refusal, or the mark of a report."""
    known: Provider = past.state(f"provider-{provider}")
    if not provider or known.status == "admitted":
        return ()
    if past.reported:
        return ("provider_not_admitted",)
    if not known.status:
        raise UnknownProvider(f"Got {provider!r}.", field="provider")
    raise WrongState(f"The provider is {known.status}.", field="provider")


@decides(ChangeShopProvider)
def change_shop(past: Past, command: ChangeShopProvider) -> Iterator[Item]:
    """A shop has one agency at a time."""
    shop: Shop = past.state(command.stream)
    if not shop.status:
        raise UnknownShop(f"Got {command.id!r}.", field="id")
    if shop.provider != command.provider:
        yield ShopProviderChanged(command.provider, _marks(past, command.provider))


@decides(ChangeHostProvider)
def change_host(past: Past, command: ChangeHostProvider) -> Iterator[Item]:
    """A host has one agency at a time."""
    host: Host = past.state(command.stream)
    if not host.status:
        raise UnknownHost(f"Got {command.id!r}.", field="id")
    if host.provider != command.provider:
        yield HostProviderChanged(command.provider, _marks(past, command.provider))


@decides(AssessTier)
def assess_tier(past: Past, command: AssessTier) -> Iterator[Item]:
    """A tier is recorded when it is reached, and when it changes; an older count changes nothing."""
    provider: Provider = past.state(command.stream)
    if not provider.status:
        raise UnknownProvider(f"Got {command.id!r}.", field="id")
    if command.position > past.position:
        raise WrongState(f"The log ends at {past.position}.", field="position")
    day = time.local_day(past.moment, time.HOME_OFFSET)
    version, rule = rule_of(RULE, day, TierRule)
    if money.currency(command.currency) != rule.currency:
        raise CurrencyMismatch(f"Tiers are reckoned in {rule.currency}.", field="currency")
    last = next((tier for tier in provider.tiers if tier.year == command.year), Tier(command.year))
    tier = rule.tier(command.sales)
    if command.position >= last.position and tier != last.name:
        yield ProviderTierSet(command.year, tier, version, command.currency, command.sales, command.position)

"""Service providers: agencies that manage hosts or run shops, from their admission to their exit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ledger.decisions.base import INITIAL, Command, Item, Name, OptionalName, Past, Text, decides, folds
from ledger.errors import AlreadyExists, UnknownProvider
from ledger.events.base import Recorded
from ledger.events.provider import ProviderAdmitted, ProviderExited


class Tier(NamedTuple):
    """What an agency reached in a year, by sales (minor units) as known at a position of the log."""

    year: int
    name: str = ""
    sales: int = 0
    position: int = 0


class Provider(msgspec.Struct, frozen=True):
    """What a provider is now."""

    status: str = ""
    name: str = ""
    plan: str = ""
    tiers: tuple[Tier, ...] = ()
    """Of each year in which it reached one, as it was set last."""


INITIAL["provider"] = Provider()


@folds(ProviderAdmitted)
def _admitted(provider: Provider, fact: ProviderAdmitted, _recorded: Recorded) -> Provider:
    return Provider("admitted", fact.name, fact.plan, provider.tiers)


@folds(ProviderExited)
def _exited(provider: Provider, _fact: ProviderExited, _recorded: Recorded) -> Provider:
    return msgspec.structs.replace(provider, status="exited")


class AdmitProvider(Command, kw_only=True):
    """Admit an agency, to a plan if one is named; one that left may come again."""

    NAME = "providers.admit"
    STREAM = "provider"

    id: Name
    name: Text = ""
    plan: OptionalName = ""


class ExitProvider(Command, kw_only=True):
    """Let an agency go."""

    NAME = "providers.exit"
    STREAM = "provider"

    id: Name
    reason: Text = ""


@decides(AdmitProvider)
def admit(past: Past, command: AdmitProvider) -> Iterator[Item]:
    """An agency is admitted once at a time."""
    provider: Provider = past.state(command.stream)
    if (provider.status, provider.name, provider.plan) == ("admitted", command.name, command.plan):
        return
    if provider.status == "admitted":
        raise AlreadyExists(f"Provider {command.id} is admitted as {provider.name!r}.", field="id")
    yield ProviderAdmitted(command.name, command.plan)


@decides(ExitProvider)
def exit_(past: Past, command: ExitProvider) -> Iterator[Item]:
    """An agency leaves once."""
    provider: Provider = past.state(command.stream)
    if not provider.status:
        raise UnknownProvider(f"Got {command.id!r}.", field="id")
    if provider.status != "exited":
        yield ProviderExited(command.reason)

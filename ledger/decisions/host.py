"""Hosts: opening, what a host may not do, leaving. What a host is owed is in the books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from ledger import time
from ledger.decisions.base import INITIAL, Command, Item, Name, OptionalName, Past, Text, decides, folds
from ledger.decisions.standing import Restraint, held
from ledger.errors import AlreadyExists, UnknownHost, WrongState
from ledger.events.base import Recorded
from ledger.events.host import HostBanned, HostClosed, HostOpened, HostReinstated, HostSuspended


class Host(msgspec.Struct, frozen=True):
    """What a host is now."""

    status: str = ""
    name: str = ""
    provider: str = ""
    restraints: tuple[Restraint, ...] = ()
    reminders: tuple[Any, ...] = ()
    """The last time the host was reminded of each statement."""


INITIAL["host"] = Host()


@folds(HostOpened)
def _opened(host: Host, fact: HostOpened, _recorded: Recorded) -> Host:
    return msgspec.structs.replace(host, status="open", name=fact.name, provider=fact.provider)


@folds(HostSuspended, HostBanned)
def _restrained(host: Host, fact: Any, recorded: Recorded) -> Host:  # noqa: ANN401 - one of the two
    what = fact.TOPIC.removeprefix("host-")
    until = fact.until if isinstance(fact, HostSuspended) else None
    restraint = Restraint(what, fact.cause, recorded.envelope.effective_at, until)
    others = tuple(r for r in host.restraints if (r.what, r.cause) != (what, fact.cause))
    return msgspec.structs.replace(host, restraints=(*others, restraint))


@folds(HostReinstated)
def _reinstated(host: Host, fact: HostReinstated, _recorded: Recorded) -> Host:
    others = tuple(restraint for restraint in host.restraints if restraint.cause != fact.cause)
    return msgspec.structs.replace(host, restraints=others)


@folds(HostClosed)
def _closed(host: Host, _fact: HostClosed, _recorded: Recorded) -> Host:
    return msgspec.structs.replace(host, status="closed")


class OpenHost(Command, kw_only=True):
    """Let a host sell in live sessions."""

    NAME = "hosts.open"
    STREAM = "host"

    id: Name
    name: Text = ""
    provider: OptionalName = ""


class SuspendHost(Command, kw_only=True):
    """Let a host sell nothing until a time, or until reinstated; `cause` names the penalty."""

    NAME = "hosts.suspend"
    STREAM = "host"

    id: Name
    cause: Name
    reason: Text = ""
    until: datetime | None = None


class BanHost(Command, kw_only=True):
    """Let a host never sell again; `cause` names the penalty."""

    NAME = "hosts.ban"
    STREAM = "host"

    id: Name
    cause: Name
    reason: Text = ""


class ReinstateHost(Command, kw_only=True):
    """Lift what a cause led to; suspensions and bans of other causes stay."""

    NAME = "hosts.reinstate"
    STREAM = "host"

    id: Name
    cause: Name
    reason: Text = ""


class CloseHost(Command, kw_only=True):
    """Let a host sell no more; what the host is owed is still paid out."""

    NAME = "hosts.close"
    STREAM = "host"

    id: Name
    reason: Text = ""


def _known(past: Past, command: Command) -> Host:
    host: Host = past.state(command.stream)
    if not host.status:
        raise UnknownHost(f"Got {command.id!r}.", field="id")
    return host


def check_performs(past: Past, id_: str, field: str) -> None:
    """Refuse what only a host who may sell does; a host whom nobody opened is not our concern."""
    host: Host = past.state(f"host-{id_}")
    status = host.status
    for what in ("suspended", "banned"):
        if held(host.restraints, what, past.moment):
            status = what
    if status not in {"", "open"}:
        raise WrongState(f"The host is {status}.", field=field)


@decides(OpenHost)
def open_host(past: Past, command: OpenHost) -> Iterator[Item]:
    """A host is opened once."""
    host: Host = past.state(command.stream)
    if (host.status, host.name, host.provider) == ("open", command.name, command.provider):
        return
    if host.status:
        raise AlreadyExists(f"Host {command.id} is {host.status}.", field="id")
    yield HostOpened(command.name, command.provider)


@decides(SuspendHost)
def suspend(past: Past, command: SuspendHost) -> Iterator[Item]:
    """A cause suspends once, until a time that is still to come; another time replaces it."""
    host = _known(past, command)
    until = None if command.until is None else time.micros(command.until)
    if until is not None and until <= past.moment and not past.reported:
        raise WrongState(f"It would be over at {time.rfc3339(until)}.", field="until")
    if not any((r.what, r.cause, r.until) == ("suspended", command.cause, until) for r in host.restraints):
        yield HostSuspended(command.cause, command.reason, until)


@decides(BanHost)
def ban(past: Past, command: BanHost) -> Iterator[Item]:
    """A cause bans once."""
    host = _known(past, command)
    if not any((r.what, r.cause) == ("banned", command.cause) for r in host.restraints):
        yield HostBanned(command.cause, command.reason)


@decides(ReinstateHost)
def reinstate(past: Past, command: ReinstateHost) -> Iterator[Item]:
    """A cause is lifted once."""
    if any(restraint.cause == command.cause for restraint in _known(past, command).restraints):
        yield HostReinstated(command.cause, command.reason)


@decides(CloseHost)
def close(past: Past, command: CloseHost) -> Iterator[Item]:
    """A host is closed once, owed or not."""
    if _known(past, command).status != "closed":
        yield HostClosed(command.reason)

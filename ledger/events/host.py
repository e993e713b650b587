"""Facts of a host (`host-{id}`) who sells in live sessions: opening, standing, leaving."""

from __future__ import annotations

from ledger.events.base import Fact


class HostOpened(Fact):
    """A host may sell in live sessions; `provider` is the agency that manages the host, empty without one."""

    TOPIC = "host-opened"

    name: str
    provider: str = ""


class HostSuspended(Fact):
    """The host may not sell for a time; `until` in UTC microseconds, None until the host is reinstated."""

    TOPIC = "host-suspended"

    cause: str
    """The penalty that leads to it."""
    reason: str = ""
    until: int | None = None


class HostBanned(Fact):
    """The host may never sell again, unless reinstated."""

    TOPIC = "host-banned"

    cause: str
    """The penalty that leads to it."""
    reason: str = ""


class HostReinstated(Fact):
    """A cause of suspension or ban is gone; others of another cause stay."""

    TOPIC = "host-reinstated"

    cause: str
    reason: str = ""


class HostClosed(Fact):
    """The host sells no more; what the host is owed is still paid out."""

    TOPIC = "host-closed"

    reason: str = ""


class HostProviderChanged(Fact):
    """From now on another agency manages the host; empty: none does."""

    TOPIC = "host-provider-changed"

    provider: str
    marks: tuple[str, ...] = ()

"""Facts of a live session (`live-{id}`) in which a host sells."""

from __future__ import annotations

from ledger.events.base import Fact


class SessionBegun(Fact):
    """A host went on air, for a shop if one is named."""

    TOPIC = "session-begun"

    host: str
    shop: str = ""
    title: str = ""


class SessionClosed(Fact):
    """The session is over."""

    TOPIC = "session-closed"

    reason: str = ""

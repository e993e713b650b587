"""Facts of a service provider (`provider-{id}`), an agency that manages hosts or runs shops."""

from __future__ import annotations

from ledger.events.base import Fact


class ProviderAdmitted(Fact):
    """An agency was admitted, to a plan if one is named."""

    TOPIC = "provider-admitted"

    name: str
    plan: str = ""


class ProviderExited(Fact):
    """The agency left, or was shown out."""

    TOPIC = "provider-exited"

    reason: str = ""

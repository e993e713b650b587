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


class ProviderTierSet(Fact):
    """The agency's tier for a calendar year, by a version of the rule; empty: it reached none.

    `sales` (minor units) is what the shops and hosts it served sold in that year and did not give back, as
    it was known at `position` of the log.
    """

    TOPIC = "provider-tier-set"

    year: int
    tier: str
    rule: str
    currency: str
    sales: int
    position: int

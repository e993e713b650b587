"""Facts of a shop (`shop-{id}`) that asked to take part in a campaign."""

from __future__ import annotations

from ledger.events.badge import Ground
from ledger.events.base import Fact


class CampaignEntered(Fact):
    """The shop takes part: it met what a version of the rule asks of campaigns of this kind."""

    TOPIC = "campaign-entered"

    campaign: str
    kind: str
    rule: str
    grounds: tuple[Ground, ...]
    marks: tuple[str, ...] = ()


class CampaignRefused(Fact):
    """The shop does not take part: `grounds` say which requirement it did not meet. It may ask again."""

    TOPIC = "campaign-refused"

    campaign: str
    kind: str
    rule: str
    grounds: tuple[Ground, ...]

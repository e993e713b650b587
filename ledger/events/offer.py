"""Facts of an article on offer (`offer-{shop}:{article}`): whether its orders are appraised."""

from __future__ import annotations

from ledger.events.base import Fact


class OfferMarked(Fact):
    """Orders of this article paid from now on go to a lab's warehouse before they go to the buyer.

    `said` is what is said of the article on air; the narration is checked against it.
    """

    TOPIC = "offer-marked"

    lab: str
    said: str = ""


class OfferUnmarked(Fact):
    """Orders of this article paid from now on go to the buyer directly."""

    TOPIC = "offer-unmarked"

    reason: str = ""

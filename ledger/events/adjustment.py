"""Adjustments of a source's books: memoranda, kept but not posted; the stream is `adjustment-{id}`."""

from __future__ import annotations

from ledger.events.base import Fact


class AdjustmentRecorded(Fact):
    """The source adjusted its books by a signed sum in minor units: neither a sale nor a refund."""

    TOPIC = "adjustment-recorded"

    shop: str
    currency: str
    amount: int
    reason: str

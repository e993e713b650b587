"""Lines of the statements of platforms and payment providers; the stream is `statement-{platform}:{id}`."""

from __future__ import annotations

from ledger.events.base import Fact


class PlatformFundMovementRecorded(Fact):
    """A statement has a line that none of our facts stands for: kept as it was told, it moves nothing here.

    `movement` is the statement's own word for it (`FUND_FREEZE`), `amount` what it moved and `fee` what was
    kept of that: signed minor units, below zero what left. `order` is the order it names (`platform:id`) and
    `reference` what else it names, if anything.
    """

    TOPIC = "platform-fund-movement-recorded"

    shop: str
    movement: str
    currency: str
    amount: int
    fee: int = 0
    order: str = ""
    reference: str = ""
    reason: str = ""

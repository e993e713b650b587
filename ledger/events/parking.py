"""Reports that wait for their parent; they stand in the stream of the order or refund they wait for."""

from __future__ import annotations

from ledger.events.base import Fact


class FactParked(Fact):
    """Something was reported before what it belongs to: kept whole, without effect until that arrives.

    `command` and `body` are the report by its catalogue name and as stored; `waits_for` is `placed`, `paid`,
    `requested`, `received`, `imposed` or, when it cannot be applied even then, `review` with the code of the
    refusal in `reason`.
    """

    TOPIC = "fact-parked"

    command: str
    body: bytes
    waits_for: str
    reason: str = ""

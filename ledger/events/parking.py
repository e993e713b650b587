"""Reports that wait for their parent; they stand in the parent order's stream."""

from __future__ import annotations

from ledger.events.base import Fact


class FactParked(Fact):
    """Something was reported before what it belongs to: kept whole, without effect until that arrives.

    `command` and `body` are the report by its catalogue name and as stored; `waits_for` is `placed`, `paid`
    or, when it could not be applied even then, `review` with the code of the refusal in `reason`.
    """

    TOPIC = "fact-parked"

    command: str
    body: bytes
    waits_for: str
    reason: str = ""

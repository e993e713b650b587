"""Facts of a complaint (`complaint-{id}`) about an order."""

from __future__ import annotations

from ledger.events.base import Fact


class ComplaintRecorded(Fact):
    """A buyer complained of an order, or of one of its lines (from 1; 0: of all of it).

    `reason` is mismatch, missing-gift, spoilt … The words are not in the ledger, `digest` is their SHA-256
    in hexadecimal ("" if there are none).
    """

    TOPIC = "complaint-recorded"

    order: str
    line: int
    shop: str
    host: str
    buyer: str
    reason: str
    digest: str = ""
    marks: tuple[str, ...] = ()


class ComplaintClaimed(Fact):
    """The complaint led to a claim for the same order."""

    TOPIC = "complaint-claimed"

    claim: str
    benefit: str

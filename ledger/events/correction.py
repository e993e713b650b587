"""Corrections: the mirror of a fact that should not have been recorded; they stand in its stream."""

from __future__ import annotations

from ledger.events.base import Fact


class CorrectionRecorded(Fact):
    """The fact at `position` is reversed, for a reason; `topic` and `body` are that fact as stored."""

    TOPIC = "correction-recorded"

    position: int
    topic: str
    body: bytes
    reason: str

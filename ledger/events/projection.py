"""Facts about read models; those of one stand in the stream `projection-{name}`."""

from __future__ import annotations

from ledger.events.base import Fact


class FactSkipped(Fact):
    """A person decided that a read model leaves out the fact at a position, which its fold cannot take.

    The fact itself stays in the log and counts everywhere else. Who decided it is the envelope's actor.
    """

    TOPIC = "fact-skipped"

    projection: str
    position: int
    reason: str

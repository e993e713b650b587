"""The facts of some streams in recorded order, for views that fold them again on both clocks."""

from __future__ import annotations

from collections.abc import Iterable

from eventsourcing.persistence import Notification
from sqlalchemy import Connection

from ledger.books import NOW, Clocks
from ledger.events.base import Recorded
from ledger.store.database import Database, Lookup
from ledger.store.log import FactMapper

_COLUMNS = "originator_id, originator_version, topic, state, position"


def facts_of(
    connection: Connection, database: Database, streams: Iterable[str], clocks: Clocks = NOW
) -> list[Recorded]:
    """All facts of these streams that both clocks have seen, by position."""
    mapper = FactMapper()
    rows = Lookup(database, _COLUMNS, "facts", "originator_id", "position")(connection, list(streams))
    found = [
        mapper.to_domain_event(Notification(*row))
        for row in rows
        if clocks.as_at is None or row[-1] <= clocks.as_at
    ]
    if clocks.as_of is not None:
        found = [recorded for recorded in found if recorded.envelope.effective_at <= clocks.as_of]
    return sorted(found, key=lambda recorded: recorded.position)

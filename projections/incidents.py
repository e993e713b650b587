"""Incidents: whom each concerns and what became of them, so that long lists can be gone through in pages."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Table, Text, func, select

from ledger.decisions.base import replay
from ledger.decisions.incident import Incident
from ledger.errors import UnknownIncident
from ledger.events.base import Fact, Recorded
from ledger.events.incident import (
    IncidentCompensationFailed,
    IncidentCompensationGranted,
    IncidentCompensationPaid,
    MemberAdded,
    MemberExcluded,
)
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of

TABLE = Table(
    "p_incident_members_v1",
    tables,
    Column("incident", Text, primary_key=True),
    Column("buyer", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("transfer", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a buyer and incident: added, excluded, granted or paid; `transfer` is the latest to the bank."""

Key = tuple[str, str]


class Member(NamedTuple):
    """A row of the table."""

    incident: str
    buyer: str
    order_id: str
    status: str
    transfer: str
    position: int


_STATUS: dict[type[Fact], str] = {
    MemberAdded: "added",
    MemberExcluded: "excluded",
    IncidentCompensationGranted: "granted",
    IncidentCompensationPaid: "paid",
    IncidentCompensationFailed: "granted",
}


def touches(recorded: Recorded) -> list[Key]:
    """The buyer in the incident."""
    fact = recorded.fact
    return [(fact.incident, fact.buyer)]  # type: ignore[attr-defined] # all facts of _STATUS have both


def fold(row: Member | None, recorded: Recorded, key: Key) -> Member:
    """A buyer in an incident after one more fact."""
    fact = recorded.fact
    row = row or Member(*key, "", "", "", 0)
    if isinstance(fact, MemberAdded):
        row = row._replace(order_id=fact.order)
    elif isinstance(fact, IncidentCompensationPaid):
        row = row._replace(transfer=fact.transfer)
    return row._replace(status=_STATUS[type(fact)], position=recorded.position)


INCIDENT_MEMBERS = Projection("incident_members", 1, TABLE, frozenset(_STATUS), touches, fold, Member._make)


class IncidentView(NamedTuple):
    """An incident now: its state, and how many of its buyers are added, excluded, granted and paid."""

    id: str
    incident: Incident
    members: dict[str, int]
    position: int


def incident_view(database: Database, id_: str) -> IncidentView:
    """An incident now; raises UnknownIncident, and ProjectionBehind where the read model is not built."""
    stream = f"incident-{id_}"
    with database.snapshot() as connection:
        position = reached(connection, INCIDENT_MEMBERS)
        told = facts_of(connection, database, (stream,))
        query = select(TABLE.c.status, func.count()).where(TABLE.c.incident == id_).group_by(TABLE.c.status)
        counts = {row[0]: row[1] for row in connection.execute(query)}
    if not told:
        raise UnknownIncident(f"Got {id_!r}.", field="id")
    members = {status: counts.get(status, 0) for status in ("added", "excluded", "granted", "paid")}
    return IncidentView(id_, replay(stream, told), members, position)


def members(database: Database, id_: str, status: str, after: str = "", limit: int = 1_000) -> list[str]:
    """Buyers of an incident with this status, in order of their names behind `after`."""
    query = (
        select(TABLE.c.buyer)
        .where(TABLE.c.incident == id_, TABLE.c.buyer > after, TABLE.c.status == status)
        .order_by(TABLE.c.buyer)
        .limit(limit)
    )
    with database.snapshot() as connection:
        reached(connection, INCIDENT_MEMBERS)
        return list(connection.execute(query).scalars())

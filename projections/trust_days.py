"""What the yearly trust report counts day by day: who paid, appeals, bans, accounts, inspections, cards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Integer, Table, Text

from ledger import time
from ledger.decisions.base import identifier
from ledger.events import appraisal, card, claim, host, incident, penalty, shop
from ledger.events.base import Fact, Recorded
from ledger.events.visits import VisitsRecorded
from projections.base import Projection
from projections.store import tables

TABLE = Table(
    "p_trust_days_v1",
    tables,
    Column("figure", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("facts", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many facts say something of a subject (a payer, an instance, a buyer …) on a local day, and what their
sums come to: minor units of `currency`, or a number where there is no currency."""

Key = tuple[str, str, str, int]
Told = tuple[str, str, str, int]
"""Figure, subject, currency and amount."""


class Row(NamedTuple):
    """A row of the table."""

    figure: str
    subject: str
    currency: str
    day: int
    facts: int
    amount: int


def _parts(figure: str) -> Callable[[Any, str], list[Told]]:
    """Each payer's part of a sum."""

    def told(fact: Any, _id: str) -> list[Told]:  # noqa: ANN401 - facts that have parts
        parts = msgspec.structs.asdict(fact.parts)
        return [(figure, payer, fact.currency, amount) for payer, amount in parts.items() if amount]

    return told


def _sum(figure: str, subject: str) -> Callable[[Any, str], list[Told]]:
    """The fact's own sum."""
    return lambda fact, _id: [(figure, subject, fact.currency, fact.amount)]


def _one(
    figure: str, subject: Callable[[Any, str], str] = lambda _fact, _id: ""
) -> Callable[[Any, str], list[Told]]:
    """One more."""
    return lambda fact, id_: [(figure, subject(fact, id_), "", 1)]


# What each fact says, of itself and the identifier of its stream.
_TELLS: dict[type[Fact], Callable[[Any, str], list[Told]]] = {
    claim.ClaimFunded: _parts("funded"),
    claim.CompensationCancelled: _parts("given_back"),
    claim.CompensationRecovered: _parts("given_back"),
    incident.IncidentCompensationGranted: _sum("funded", "incident"),
    claim.CompensationPaid: _sum("sent", "claim"),
    claim.CompensationFailed: _sum("failed", "claim"),
    incident.IncidentCompensationPaid: _sum("sent", "incident"),
    incident.IncidentCompensationFailed: _sum("failed", "incident"),
    claim.ClaimAppealed: _one("claim_appeal", lambda fact, _id: fact.by),
    claim.ClaimAppealDecided: _one("claim_ruling", lambda fact, _id: fact.outcome),
    penalty.PenaltyImposed: lambda fact, _id: [("measure", each.name, "", 1) for each in fact.measures],
    penalty.PenaltyAppealed: _one("appeal", lambda fact, _id: fact.instance),
    penalty.AppealDenied: _one("ruling", lambda _fact, _id: "denied"),
    penalty.PenaltyVaried: _one("ruling", lambda _fact, _id: "varied"),
    penalty.PenaltyOverturned: _one("ruling", lambda _fact, _id: "overturned"),
    penalty.AccountRemoved: lambda fact, _id: [("again" if fact.again else "removed", "", "", 1)],
    penalty.LeadReferred: _one("lead", lambda fact, _id: fact.authority),
    penalty.CaseLinked: _one("case", lambda fact, _id: fact.authority),
    penalty.BrushingIntercepted: lambda fact, _id: [("brushing", "", "", fact.count)],
    shop.ShopBanned: _one("banned_shop", lambda _fact, id_: id_),
    host.HostBanned: _one("banned_host", lambda _fact, id_: id_),
    card.CardIssued: _one("card", lambda _fact, id_: id_),
    appraisal.ItemReceived: _one("received"),
    appraisal.AppraisalPassed: _one("passed"),
    appraisal.AppraisalFailed: _one("failed_check"),
    appraisal.CertificateIssued: _one("certified"),
    appraisal.DeviceInspected: _one("inspected"),
    appraisal.WarrantyStarted: _one("warranty"),
}


def _day(recorded: Recorded) -> int:
    """The local day that a fact is about."""
    if isinstance(recorded.fact, penalty.BrushingIntercepted):
        return date.fromisoformat(identifier(recorded.stream)).toordinal() - _FIRST
    return time.local_day(recorded.envelope.effective_at, recorded.envelope.offset)


_FIRST = date(1970, 1, 1).toordinal()


def touches(recorded: Recorded) -> list[Key]:
    """Each figure and subject the fact is about, on its day."""
    day = _day(recorded)
    told = _TELLS[type(recorded.fact)](recorded.fact, identifier(recorded.stream))
    return list(dict.fromkeys((*what, day) for *what, _ in told))  # type: ignore[misc] # three names and a day


def fold(row: Row | None, recorded: Recorded, key: Key) -> Row:
    """The day after one more fact; of fake orders that were stopped the last count stands."""
    fact = recorded.fact
    told = _TELLS[type(fact)](fact, identifier(recorded.stream))
    amount = sum(amount for *what, amount in told if (*what, key[-1]) == key)
    if isinstance(fact, penalty.BrushingIntercepted) or row is None:
        return Row(*key, 1 + (row.facts if row else 0), amount)
    return Row(*key, row.facts + 1, row.amount + amount)


TRUST_DAYS = Projection("trust_days", 1, TABLE, frozenset(_TELLS), touches, fold, Row._make)


VISITS = Table(
    "p_visits_v1",
    tables,
    Column("shop", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("visits", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many visits a shop had on a local day through a source, as the last report has it."""

OPENINGS = Table(
    "p_benefit_openings_v1",
    tables,
    Column("shop", Text, primary_key=True),
    Column("benefit", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The local days on which a shop opened a benefit, and the position of the fact."""


class Visit(NamedTuple):
    """A row of the table of visits."""

    shop: str
    day: int
    source: str
    visits: int


def _visits_of(recorded: Recorded) -> list[tuple[str, int, str]]:
    fact = recorded.fact
    assert isinstance(fact, VisitsRecorded)  # noqa: S101 - the engine brings no other facts
    return [(fact.shop, date.fromisoformat(fact.day).toordinal() - _FIRST, fact.source)]


def _visited(_row: Visit | None, recorded: Recorded, key: tuple[str, int, str]) -> Visit:
    """The last count of a day and source."""
    assert isinstance(recorded.fact, VisitsRecorded)  # noqa: S101 - as above
    return Visit(*key, recorded.fact.visits)


SHOP_VISITS = Projection(
    "shop_visits", 1, VISITS, frozenset({VisitsRecorded}), _visits_of, _visited, Visit._make
)


class Opening(NamedTuple):
    """A row of the table of openings."""

    shop: str
    benefit: str
    day: int
    position: int


def _opened_by(recorded: Recorded) -> list[tuple[str, str, int]]:
    assert isinstance(recorded.fact, shop.BenefitOpened)  # noqa: S101 - as above
    day = time.local_day(recorded.envelope.effective_at, recorded.envelope.offset)
    return [(identifier(recorded.stream), recorded.fact.benefit, day)]


def _opened(row: Opening | None, recorded: Recorded, key: tuple[str, str, int]) -> Opening:
    """The first fact of the day."""
    return row or Opening(*key, recorded.position)


BENEFIT_OPENINGS = Projection(
    "benefit_openings", 1, OPENINGS, frozenset({shop.BenefitOpened}), _opened_by, _opened, Opening._make
)

"""Claims: how far each has come, who bears it, what was paid; and every payment of a compensation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    select,
)

from ledger import catalogue, money, postings, time
from ledger.books import NOW, Clocks
from ledger.codec import fact_types
from ledger.decisions import assessment
from ledger.decisions.assessment import Assessment
from ledger.decisions.base import FOLDS, Account, Known, Past, identifier
from ledger.decisions.claim import Claim, Payment
from ledger.decisions.incident import member_stream
from ledger.decisions.order import Order
from ledger.decisions.verdict import matter
from ledger.errors import UnknownClaim
from ledger.events import claim as events
from ledger.events.base import Fact, Recorded
from ledger.events.claim import ClaimUnit, EvidenceSubmitted, TraceStep
from ledger.events.incident import IncidentCompensationFailed, IncidentCompensationPaid
from ledger.store.database import Database
from ledger.uses import uses
from projections.base import Projection
from projections.order_status import order_view
from projections.store import reached, tables
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_claims_v1",
    tables,
    Column("claim", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("benefit", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("filed_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("refund", BigInteger, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("funded", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a claim, sums in minor units, times in UTC microseconds; `state` is MessagePack."""

_FACTS = frozenset(
    fact
    for fact in fact_types()
    if fact.__module__ == events.__name__ and fact is not events.FundingShortfallRecorded
)


class Row(msgspec.Struct, frozen=True, gc=False):
    """A claim, and the position of its last fact."""

    claim: Claim
    position: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Claim).decode


def touches(recorded: Recorded) -> Sequence[str]:
    """The claim in whose stream a fact stands."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:  # noqa: ARG001 - a claim is found by its key
    """A claim after one more of its facts."""
    before = row.claim if row else Claim()
    return Row(FOLDS[type(recorded.fact)](before, recorded.fact, recorded), recorded.position)


def _load(stored: Sequence[Any]) -> Row:
    return Row(_decode(stored[-1]), stored[-2])


def _dump(key: str, row: Row) -> tuple[Any, ...]:
    known = row.claim
    return (
        *(key, known.order, known.shop, known.buyer, known.currency, known.benefit, known.family),
        *(known.version, known.status, known.filed_at, known.decided_at),
        *(known.refund, known.decided, known.funded, known.paid, row.position, _encode(known)),
    )


CLAIMS = Projection("claims", 1, TABLE, _FACTS, touches, fold, _load, _dump, "claim")


class Evidence(NamedTuple):
    """Something that was brought forward, by its SHA-256."""

    by: str
    what: str
    digest: str


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim for people. Sums in minor units of `currency`; `times` by fact: UTC microseconds and offset.

    `compensation` is what is decided beside the `refund`; of it `funded` is the buyer's, `paid` was sent and
    `due` waits for money. `parts` says who bore what was funded, `returned` what of it went back to them.
    `trace` is the reckoning of the last decision from the terms of `version` and the floors of `law`.
    """

    id: str
    status: str
    decision: str
    order: str
    shop: str
    buyer: str
    currency: str
    benefit: str
    family: str
    version: str
    units: tuple[ClaimUnit, ...]
    cost: int
    loss: int
    waybill: str
    cause: str
    basis: str
    fault: str
    law: tuple[str, ...]
    flags: tuple[str, ...]
    trace: tuple[TraceStep, ...]
    reason: str
    refund: int
    compensation: int
    offset: int
    funded: int
    due: int
    paid: int
    payable: int
    forfeited: int
    owed_back: int
    recovered: int
    payers: tuple[str, ...]
    parts: dict[str, int]
    returned: dict[str, int]
    payments: tuple[Payment, ...]
    evidence: tuple[Evidence, ...]
    times: dict[str, tuple[int, int]]
    marks: tuple[str, ...]
    position: int
    version_of_stream: int


def claim_view(database: Database, claim_id: str, clocks: Clocks = NOW) -> ClaimView:
    """A claim on both clocks, folded from its facts; raises UnknownClaim."""
    with database.snapshot() as connection:
        told = facts_of(connection, database, (f"claim-{claim_id}",), clocks)
    if not told:
        raise UnknownClaim(f"Got {claim_id!r}.", field="id")
    return _view(claim_id, told)


class Step(NamedTuple):
    """One fact of a claim's story in its place, the claim after it, and the transfers it stands for."""

    recorded: Recorded
    claim: ClaimView
    transfers: tuple[postings.Transfer, ...]


def claim_story(database: Database, claim_id: str, clocks: Clocks = NOW) -> list[Step]:
    """The facts of a claim, of the refund that goes with it and of its recourse, in recorded order.

    Raises UnknownClaim.
    """
    own = f"claim-{claim_id}"
    with database.snapshot() as connection:
        mine = facts_of(connection, database, (own,), clocks)
        if not mine:
            raise UnknownClaim(f"Got {claim_id!r}.", field="id")
        shop = _view(claim_id, mine).shop
        more = facts_of(connection, database, (f"refund-{claim_id}", f"shop-{shop}"), clocks)
    first = mine[0].position
    told = [
        each
        for each in sorted((*mine, *more), key=lambda each: each.position)
        if each.position >= first
        and (not each.stream.startswith("shop-") or getattr(each.fact, "claim", "") == claim_id)
    ]
    steps = []
    for number, recorded in enumerate(told, 1):
        view = _view(claim_id, [each for each in told[:number] if each.stream == own])
        moved = postings.transfers(recorded.fact, identifier(recorded.stream))
        steps.append(Step(recorded, view, tuple(moved)))
    return steps


def _view(claim_id: str, told: Sequence[Recorded]) -> ClaimView:
    row: Row | None = None
    for recorded in told:
        row = fold(row, recorded, claim_id)
    assert row is not None  # noqa: S101 - there is a fact
    known = row.claim
    decisions = [each.fact for each in told if isinstance(each.fact, events.ClaimUpheld)]
    last = decisions[-1] if decisions else None
    marks = [mark for each in told for mark in getattr(each.fact, "marks", ())]
    said = [reason for each in told if (reason := getattr(each.fact, "reason", ""))]
    return ClaimView(
        **{name: getattr(known, name) for name in _SAME},
        id=claim_id,
        law=last.law if last else (),
        flags=last.flags if last else (),
        trace=last.trace if last else (),
        reason=said[-1] if said else "",
        compensation=known.decided,
        due=max(known.unfunded, 0),
        parts=_shown(known.parts),
        returned=_shown(known.returned),
        evidence=tuple(
            Evidence(each.fact.by, each.fact.what, each.fact.digest)
            for each in told
            if isinstance(each.fact, EvidenceSubmitted)
        ),
        times={each.fact.TOPIC: (each.envelope.effective_at, each.envelope.offset) for each in told},
        marks=tuple(dict.fromkeys(marks)),
        position=row.position,
        version_of_stream=told[-1].version,
    )


# What a view takes from the state as it is.
_SAME = (
    *("status", "decision", "order", "shop", "buyer", "currency", "benefit", "family", "version", "units"),
    *("cost", "loss", "waybill", "cause", "basis", "fault", "refund", "offset", "funded", "paid", "payable"),
    *("forfeited", "owed_back", "recovered", "payers", "payments"),
)


def _shown(parts: events.Parts) -> dict[str, int]:
    return {name: amount for name, amount in msgspec.structs.asdict(parts).items() if amount}


def claim_quote(database: Database, claim_id: str, now: int, clocks: Clocks = NOW) -> Assessment:
    """What the terms and the law give for all units of a claim, on both clocks.

    Reckoned anew: as if nothing of this claim had been decided yet but the refund that went back since.
    Raises UnknownClaim and ProjectionBehind. `now` in UTC microseconds.
    """
    view = claim_view(database, claim_id, clocks)
    refunds = [given.id for given in order_view(database, view.order).refunds]
    moment = now if clocks.as_of is None else clocks.as_of
    with database.snapshot() as connection:
        told = _Told(connection, database, clocks)
        streams = [f"order-{view.order}", *(f"refund-{name}" for name in refunds)]
        order: Order = Past(told, Known(), 0, moment).state(streams[0])
        streams += [f"claim-{name}" for name in order.claims]
        if view.cause:
            streams.append(member_stream(view.cause, view.buyer))
        told.use_up(streams)
        past = Past(told, Known(), 0, moment)
        claim: Claim = past.state(f"claim-{claim_id}")
        return assessment.assess(past, matter(claim, claim.units, claim.cause))


class _Told:
    """The past that a quote needs, as a decision would have known it then."""

    def __init__(self, connection: Connection, database: Database, clocks: Clocks) -> None:
        self._asked = (connection, database)
        self._clocks = clocks
        self._used: dict[str, tuple[int, int]] = {}

    def use_up(self, names: Sequence[str]) -> None:
        """Count what the facts of these streams use up."""
        for recorded in facts_of(*self._asked, names, self._clocks):
            for subject, more, allowed in uses(recorded.fact, identifier(recorded.stream)):
                self._used[subject] = (self._used.get(subject, (0, 0))[0] + more, allowed)

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """The facts of these streams, as both clocks have seen them."""
        found: dict[str, list[Recorded]] = {name: [] for name in names}
        for recorded in facts_of(*self._asked, names, self._clocks):
            found[recorded.stream].append(recorded)
        return found

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:  # noqa: ARG002 - Loader
        """Balances play no part in what a claim is worth."""
        return {}

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        """What was used then of these subjects."""
        return {subject: self._used[subject] for subject in subjects if subject in self._used}

    def fact(self, position: int) -> Recorded | None:  # noqa: ARG002 - Loader
        """Nothing here is asked by position."""
        return None


# Payments.

PAYMENTS = Table(
    "p_payouts_v1",
    tables,
    Column("stream", Text, primary_key=True),
    Column("transfer", Text, primary_key=True),
    Column("buyer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each transfer to a buyer that did not fail, by the stream of its claim or of a member of an
incident; `day` is the number of the local day on which it was sent."""


class Paid(NamedTuple):
    """A row of the table."""

    stream: str
    transfer: str
    buyer: str
    currency: str
    day: int
    amount: int
    position: int


_FAILED = (events.CompensationFailed, IncidentCompensationFailed)


def _payment_touches(recorded: Recorded) -> Sequence[tuple[str, str]]:
    return ((recorded.stream, recorded.fact.transfer),)  # type: ignore[attr-defined] # all four have one


def _payment_fold(_row: Paid | None, recorded: Recorded, key: tuple[str, str]) -> Paid | None:
    fact, envelope = recorded.fact, recorded.envelope
    if isinstance(fact, _FAILED):
        return None
    assert isinstance(fact, events.CompensationPaid | IncidentCompensationPaid)  # noqa: S101 - no others
    day = time.local_day(envelope.effective_at, envelope.offset)
    return Paid(*key, fact.buyer, fact.currency, day, fact.amount, recorded.position)


_PAYMENT_FACTS: frozenset[type[Fact]] = frozenset(
    {events.CompensationPaid, IncidentCompensationPaid, *_FAILED}
)
PAYOUTS = Projection("payouts", 1, PAYMENTS, _PAYMENT_FACTS, _payment_touches, _payment_fold, Paid._make)

By = Literal["day", "month", "shop", "sku", "benefit"]
INCIDENT = "incident"
"""The benefit that payments to members of incidents are reported under; no shop has it."""


def report(
    database: Database,
    by: By = "month",
    *,
    first_day: int | None = None,
    last_day: int | None = None,
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Count and sums of what was paid to buyers and did not fail, one report a currency.

    Each is `{"currency", "rows": [{by, "count", "amount"}], "total": {"count", "amount"}}`, minor units;
    days are local day numbers, both included. Payments of incidents belong to no shop and no article. By
    article a payment counts once under each of its articles, divided by what was paid for their units.
    """
    columns, claims = PAYMENTS.c, TABLE.c
    kept: list[ColumnElement[bool]] = []
    if first_day is not None:
        kept.append(columns.day >= first_day)
    if last_day is not None:
        kept.append(columns.day <= last_day)
    if currency is not None:
        kept.append(columns.currency == currency)
    of: ColumnElement[Any] = columns.day
    if by in {"shop", "benefit"}:
        of = func.coalesce(claims[by], INCIDENT if by == "benefit" else "")
    named = PAYMENTS.outerjoin(TABLE, columns.stream == "claim-" + claims.claim)
    query = select(columns.currency, of, func.count(), func.sum(columns.amount)).select_from(named)
    each = select(columns.currency, TABLE.c.state, columns.amount).select_from(named)
    totals: dict[str, tuple[int, int]] = {}
    sums: dict[str, dict[str, tuple[int, int]]] = {}

    def add(code: str, group: str, count: int, amount: int) -> None:
        before = sums.setdefault(code, {}).get(group, (0, 0))
        sums[code][group] = before[0] + count, before[1] + amount

    with database.snapshot() as connection:
        reached(connection, CLAIMS)
        reached(connection, PAYOUTS)
        for code, group, count, amount in connection.execute(
            query.where(*kept).group_by(columns.currency, of)
        ):
            before = totals.get(code, (0, 0))
            totals[code] = before[0] + int(count), before[1] + int(amount)
            if by != "sku":
                length = {"day": 10, "month": 7}.get(by)
                add(code, time.day_text(group)[:length] if length else group, int(count), int(amount))
        if by == "sku":
            for code, state, amount in connection.execute(each.where(*kept)):
                for sku, part in _by_sku(state, amount).items():
                    add(code, sku, 1, part)
    return [
        {
            "currency": code,
            "rows": [
                {by: name, "count": count, "amount": amount} for name, (count, amount) in sorted(rows.items())
            ],
            "total": {"count": totals[code][0], "amount": totals[code][1]},
        }
        for code, rows in sorted(sums.items())
    ]


def _by_sku(state: bytes | None, amount: int) -> dict[str, int]:
    """A payment divided among the articles of its claim by what was paid for their units."""
    units = _decode(state).units if state else ()
    weights: dict[str, int] = {}
    for unit in units:
        weights[unit.sku] = weights.get(unit.sku, 0) + unit.paid
    parts = money.split(amount, list(weights.values()))
    return dict(zip(weights, parts, strict=True)) if weights else {"": amount}

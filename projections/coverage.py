"""Coverage: what assures the lines of an order, until when, and what it would pay now, on both clocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, select

from ledger import catalogue, policy
from ledger.books import NOW, Clocks
from ledger.decisions import assessment
from ledger.decisions import policy as policies
from ledger.decisions.base import Account, Known, Past, identifier, kind
from ledger.decisions.claim import Claim
from ledger.decisions.coverage import pinned, stream
from ledger.decisions.order import Order
from ledger.events.base import Recorded
from ledger.events.claim import ClaimUnit, TraceStep
from ledger.events.coverage import CoverageAttached
from ledger.events.policy import Terms
from ledger.store.database import Database
from ledger.uses import uses
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_coverage_v1",
    tables,
    Column("order_id", Text, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("benefit", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("attached_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each benefit that a line of an order carries; times in UTC microseconds."""

Key = tuple[str, int, str]


class Row(NamedTuple):
    """A row of the table."""

    order_id: str
    line: int
    benefit: str
    version: str
    shop: str
    buyer: str
    tier: str
    attached_at: int
    position: int


def touches(recorded: Recorded) -> list[Key]:
    """The line and the benefit that a cover is about."""
    fact = recorded.fact
    assert isinstance(fact, CoverageAttached)  # noqa: S101 - the only fact it folds
    return [(fact.order, fact.line, fact.benefit)]


def fold(_row: Row | None, recorded: Recorded, key: Key) -> Row:
    """A cover is attached once."""
    fact = recorded.fact
    assert isinstance(fact, CoverageAttached)  # noqa: S101 - as above
    at = recorded.envelope.effective_at
    return Row(*key, fact.version, fact.shop, fact.buyer, fact.tier, at, recorded.position)


COVERAGE = Projection("coverage", 1, TABLE, frozenset({CoverageAttached}), touches, fold, Row._make)

Status = Literal["live", "claimed", "used", "over", "void"]


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """A benefit that a line carries, under a version of its terms; sums in minor units of `currency`.

    `status` is `live`, `claimed` (a claim for a unit is open), `used` (every unit was paid for in the
    benefit's family), `over` (the window has ended) or `void` (the order does not count). The window runs
    from `starts_at` to `ends_at`, UTC microseconds: None as long as it has not begun, or without end.
    `refund` and `compensation` are what the terms would give for all units that are left, at most where
    `flags` say so; the decision says what a claim gets.
    """

    line: int
    benefit: str
    family: str
    version: str
    tier: str
    status: Status
    window_from: str
    starts_at: int | None
    ends_at: int | None
    currency: str
    units: int
    refund: int
    compensation: int
    basis: str
    flags: tuple[str, ...]
    trace: tuple[TraceStep, ...]


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A claim about the order, minor units: the refund and compensation decided, and what was paid."""

    id: str
    benefit: str
    status: str
    currency: str
    refund: int
    compensation: int
    funded: int
    paid: int


class Assurance(NamedTuple):
    """What assures an order, and what was claimed of it."""

    covers: tuple[Cover, ...]
    claims: tuple[Claimed, ...]


def assurance(
    database: Database, order_id: str, refunds: Sequence[str], now: int, clocks: Clocks = NOW
) -> Assurance:
    """The covers and claims of an order whose refunds are known by name, on both clocks.

    Windows are measured at `now` (UTC microseconds), or at the as-of time. Raises ProjectionBehind.
    """
    moment = now if clocks.as_of is None else clocks.as_of
    with database.snapshot() as connection:
        reached(connection, COVERAGE)
        found = connection.execute(select(TABLE).where(TABLE.c.order_id == order_id)).all()
        log = _Log(connection, database, clocks, order_id, refunds)
        past = Past(log, Known(), 0, moment)
        past.fetch([stream(row.order_id, row.line, row.benefit) for row in found])
        covers = [_cover(past, order_id, Row._make(row)) for row in found]
        claims = [_claimed(past, claim) for claim in sorted(log.order.claims)]
    return Assurance(tuple(cover for cover in covers if cover), tuple(claims))


class _Log:
    """The past of an order on both clocks, as a decision would have known it then."""

    def __init__(
        self,
        connection: Connection,
        database: Database,
        clocks: Clocks,
        order_id: str,
        refunds: Sequence[str],
    ) -> None:
        self._asked = (connection, database)
        self._clocks = clocks
        self._names = [f"order-{order_id}", *(f"refund-{name}" for name in refunds)]
        self.order: Order = Past(self, Known(), 0, 0).state(self._names[0])

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """The facts of these streams, as both clocks have seen them.

        Terms say themselves since when they count, whenever they were published.
        """
        found: dict[str, list[Recorded]] = {name: [] for name in names}
        recorded_by_then = Clocks(None, self._clocks.as_at)
        for clocks, timed in ((self._clocks, True), (recorded_by_then, False)):
            asked = [name for name in names if (kind(name) != "policy") == timed]
            for recorded in facts_of(*self._asked, asked, clocks) if asked else ():
                found[recorded.stream].append(recorded)
        return found

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:  # noqa: ARG002 - Loader
        """Balances play no part in what is owed."""
        return {}

    @cached_property
    def _used(self) -> dict[str, tuple[int, int]]:
        """What the facts of the order, its refunds and its claims have used up."""
        used: dict[str, tuple[int, int]] = {}
        names = [*self._names, *(f"claim-{claim}" for claim in self.order.claims)]
        for recorded in facts_of(*self._asked, names, self._clocks):
            for subject, more, allowed in uses(recorded.fact, identifier(recorded.stream)):
                used[subject] = (used.get(subject, (0, 0))[0] + more, allowed)
        return used

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        """What was used then of these subjects."""
        return {subject: self._used[subject] for subject in subjects if subject in self._used}

    def fact(self, position: int) -> Recorded | None:  # noqa: ARG002 - Loader
        """Nothing here is asked by position."""
        return None


def _cover(past: Past, order_id: str, row: Row) -> Cover | None:
    """A cover as it is at the moment of the past; None if it was not attached yet."""
    order: Order = past.state(f"order-{order_id}")
    terms = policies.terms(past, row.benefit, order.paid_at)
    terms = terms or pinned(past, order_id, row.line, row.benefit)
    attached = past.version(stream(order_id, row.line, row.benefit))
    quantity = order.lines[row.line - 1].quantity if row.line <= len(order.lines) else 0
    if terms is None or not (attached and order.paid and quantity > 0):
        return None
    numbers = range(1, min(quantity, assessment.MOST_UNITS) + 1)
    units = assessment.units(order, [(row.line, tuple(numbers))])
    left, claimed = _left(past, order_id, terms.family, units)
    started = {"paid": order.paid_at, "received": order.received_at}.get(terms.window_from or "", 0)
    ends_at = policy.window_last(terms, started) if started and terms.window_days else None
    if order.voided or order.cancelled:
        status: Status = "void"
    elif not left:
        status = "used"
    elif claimed:
        status = "claimed"
    else:
        status = "over" if ends_at is not None and past.moment > ends_at else "live"
    owed = None if status in {"void", "used", "over"} else _owed(past, order, terms, left, order_id)
    return Cover(
        line=row.line,
        benefit=row.benefit,
        family=terms.family,
        version=terms.version,
        tier=row.tier,
        status=status,
        window_from=terms.window_from or "",
        starts_at=started or None,
        ends_at=ends_at,
        currency=terms.currency,
        units=len(left),
        refund=owed.refund if owed else 0,
        compensation=owed.compensation if owed else 0,
        basis=owed.basis if owed else terms.basis,
        flags=(*owed.flags, *(("at_most",) if terms.formula == "cost" else ())) if owed else (),
        trace=owed.trace if owed else (),
    )


def _left(
    past: Past, order_id: str, family: str, units: Sequence[ClaimUnit]
) -> tuple[tuple[ClaimUnit, ...], bool]:
    """The units that were not paid for in a family, and whether a claim for one of them is open."""
    if past.used(f"payout/{order_id}/{family}"):
        return (), False
    names = [f"{order_id}/{unit.line}/{unit.unit}/{family}" for unit in units]
    paid = past.used_of([f"payout/{name}" for name in names])
    live = past.used_of([f"live/{name}" for name in (*names, f"{order_id}/{family}")])
    left = tuple(unit for unit, used in zip(units, paid, strict=True) if not used)
    return left, any(live)


def _owed(
    past: Past, order: Order, terms: Terms, units: tuple[ClaimUnit, ...], order_id: str
) -> assessment.Assessment:
    """What the terms would give for these units now; a cost that is not known yet counts with its cap."""
    cost = (terms.cap or 0) if terms.formula == "cost" else 0
    matter = assessment.Matter(order_id, order.buyer, terms.benefit, terms.version, units, cost=cost)
    return assessment.assess(past, matter)


def _claimed(past: Past, id_: str) -> Claimed:
    claim: Claim = past.state(f"claim-{id_}")
    return Claimed(
        id=id_,
        benefit=claim.benefit,
        status=claim.status,
        currency=claim.currency,
        refund=claim.refund,
        compensation=claim.decided,
        funded=claim.funded,
        paid=claim.paid,
    )

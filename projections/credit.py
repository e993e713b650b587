"""A buyer's credit: how far refunds may be advanced, step by step, and what the ledger knows of the buyer."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy import case, func, select

from ledger import policy
from ledger.books import head_position
from ledger.decisions import credit
from ledger.decisions.base import Known, Past
from ledger.decisions.entitlement import INSTANT
from ledger.errors import NotCovered
from ledger.events.credit import CreditStep
from ledger.store.database import Database
from ledger.store.log import DatabaseLoader, FactMapper
from projections import claims, order_status
from projections.store import reached

_AGAINST = ("rejected", "overturned", "recovering", "recovered")
"""How claims end that should not have been filed."""


class Standing(NamedTuple):
    """What is known of a buyer up to a position: paid orders that count, voided ones, and rejected claims."""

    position: int
    paid_orders: int
    voided: int
    rejected: int


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a buyer's refunds may be advanced by the terms of `version`, minor units of `currency`.

    `most` is the limit (None: the terms set none) by the standing that was assessed, `taken` what is advanced
    and open, `left` what may be. `known` is the standing as the ledger knows it now.
    """

    buyer: str
    tier: str
    version: str
    currency: str
    most: int | None
    taken: int
    left: int | None
    trace: tuple[CreditStep, ...]
    assessed: Standing
    known: Standing
    appealed: bool
    refunds: dict[str, int]


def standing(database: Database, buyer: str) -> Standing:
    """What the read models know of a buyer by now; raises ProjectionBehind if they are not built."""
    orders, filed = order_status.TABLE.c, claims.TABLE.c
    paid, void = orders.paid_at.is_not(None), orders.status == "voided"
    with database.snapshot() as connection:
        position = min(
            reached(connection, order_status.ORDER_STATUS),
            reached(connection, claims.CLAIMS),
            head_position(database),
        )
        query = select(
            func.sum(case((paid & ~void, 1), else_=0)), func.sum(case((paid & void, 1), else_=0))
        ).where(orders.buyer == buyer)
        counted, voided = connection.execute(query).one()
        against = select(func.count()).where(filed.buyer == buyer, filed.status.in_(_AGAINST))
        rejected = connection.execute(against).scalar_one()
    return Standing(position, int(counted or 0), int(voided or 0), int(rejected))


def credit_view(database: Database, buyer: str, moment: int) -> CreditView:
    """A buyer's limit by the terms in force at a moment (UTC microseconds); raises NotCovered without any."""
    known = standing(database, buyer)
    loader = DatabaseLoader(database, FactMapper())
    with database.snapshot() as connection:
        loader.connection = connection
        past = Past(loader, Known(), known.position, moment)
        terms = policy.in_force(past.state(f"policy-{INSTANT}"), moment, moment)
        if terms is None:
            raise NotCovered(f"No terms of {INSTANT} are in force.", field="benefit")
        tier: str = past.state(f"card-{buyer}").tier
        found = credit.limit(past, buyer, terms, tier)
        state: credit.Credit = past.state(f"credit-{buyer}")
    return CreditView(
        buyer=buyer,
        tier=tier,
        version=terms.version,
        currency=terms.currency,
        most=found.most,
        taken=found.taken,
        left=found.left,
        trace=found.trace,
        assessed=Standing(state.position, state.paid_orders, state.voided, state.rejected),
        known=known,
        appealed=state.appealed,
        refunds=state.taken,
    )

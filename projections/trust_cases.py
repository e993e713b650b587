"""What the yearly trust report knows of each refund and each claim: when, how it ended, who stepped in."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from ledger import time
from ledger.decisions.base import identifier
from ledger.events.base import Fact, Recorded
from ledger.events.claim import (
    ClaimAppealDecided,
    ClaimAppealed,
    ClaimContested,
    ClaimFiled,
    ClaimRejected,
    ClaimUpheld,
    ClaimWithdrawn,
    CompensationCancelled,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.refund import (
    InstantRefundAdvanced,
    RefundClosed,
    RefundCompleted,
    RefundEscalated,
    RefundRefused,
    RefundRequested,
)
from projections.base import Projection
from projections.store import tables

REFUNDS = Table(
    "p_trust_refunds_v1",
    tables,
    Column("refund", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("cash", BigInteger, nullable=False),
    Column("requested_at", BigInteger),
    Column("advanced_at", BigInteger),
    Column("advanced_day", Integer),
    Column("completed_at", BigInteger),
    Column("completed_day", Integer),
    Column("ended_at", BigInteger),
    Column("ended_day", Integer),
    Column("refused", Integer, nullable=False),
    Column("escalated", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a refund: times in UTC microseconds, local day numbers, sums in minor units. `ended` is its last
refusal or closing, which ends it where it was never completed; `refused`, `escalated`: 1 if it ever was."""

CLAIMS = Table(
    "p_trust_claims_v1",
    tables,
    Column("claim", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("benefit", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("filed_day", Integer),
    Column("decision", Text, nullable=False),
    Column("compensation", BigInteger, nullable=False),
    Column("disputed", Integer, nullable=False),
    Column("intervened", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a claim. `decision` is upheld, partly_upheld, rejected, withdrawn, overturned, or empty while it is
open, `compensation` what is decided now (minor units). It was `disputed` if one side contested or appealed,
and the platform `intervened` if it decided after that."""


class Refund(NamedTuple):
    """A row of the table of refunds."""

    refund: str
    order_id: str = ""
    currency: str = ""
    cash: int = 0
    requested_at: int | None = None
    advanced_at: int | None = None
    advanced_day: int | None = None
    completed_at: int | None = None
    completed_day: int | None = None
    ended_at: int | None = None
    ended_day: int | None = None
    refused: int = 0
    escalated: int = 0


def _own(recorded: Recorded) -> tuple[str, ...]:
    """The refund or claim in whose stream a fact stands."""
    fact = recorded.fact
    if isinstance(fact, CorrectionRecorded) and fact.topic != RefundCompleted.TOPIC:
        return ()
    return (identifier(recorded.stream),)


def _refund(row: Refund | None, recorded: Recorded, key: str) -> Refund:
    """A refund after one more fact of its own."""
    row = row or Refund(key)
    fact, envelope = recorded.fact, recorded.envelope
    at, day = envelope.effective_at, time.local_day(envelope.effective_at, envelope.offset)
    match fact:
        case RefundRequested():
            return row._replace(order_id=fact.order, currency=fact.currency, requested_at=at)
        case InstantRefundAdvanced():
            return row._replace(advanced_at=at, advanced_day=day)
        case RefundCompleted():
            row = row._replace(order_id=fact.order, currency=fact.currency, cash=fact.cash)
            return row._replace(completed_at=at, completed_day=day)
        case CorrectionRecorded():
            return row._replace(cash=0, completed_at=None, completed_day=None)
        case RefundRefused():
            return row._replace(refused=1, ended_at=at, ended_day=day)
        case RefundEscalated():
            return row._replace(escalated=1)
        case _:
            return row._replace(ended_at=at, ended_day=day)


_REFUND_FACTS: frozenset[type[Fact]] = frozenset(
    {
        RefundRequested,
        InstantRefundAdvanced,
        RefundCompleted,
        CorrectionRecorded,
        RefundRefused,
        RefundEscalated,
        RefundClosed,
    }
)
TRUST_REFUNDS = Projection(
    "trust_refunds", 1, REFUNDS, _REFUND_FACTS, _own, _refund, Refund._make, own="refund"
)


class Claim(NamedTuple):
    """A row of the table of claims."""

    claim: str
    order_id: str = ""
    benefit: str = ""
    currency: str = ""
    filed_day: int | None = None
    decision: str = ""
    compensation: int = 0
    disputed: int = 0
    intervened: int = 0


def _claim(row: Claim | None, recorded: Recorded, key: str) -> Claim:
    """A claim after one more fact of its own."""
    row = row or Claim(key)
    fact, envelope = recorded.fact, recorded.envelope
    match fact:
        case ClaimFiled():
            day = time.local_day(envelope.effective_at, envelope.offset)
            return row._replace(
                order_id=fact.order, benefit=fact.benefit, currency=fact.currency, filed_day=day
            )
        case ClaimContested() | ClaimAppealed():
            return row._replace(disputed=1)
        case ClaimUpheld():
            decision = "partly_upheld" if fact.partly else "upheld"
            return row._replace(decision=decision, compensation=fact.decided, intervened=row.disputed)
        case ClaimRejected():
            return row._replace(decision="rejected", intervened=row.disputed)
        case ClaimAppealDecided():
            decision = "overturned" if fact.outcome == "overturned" else row.decision
            return row._replace(decision=decision, intervened=1)
        case CompensationCancelled():
            return row._replace(compensation=fact.left)
        case _:
            return row._replace(decision="withdrawn")


_CLAIM_FACTS: frozenset[type[Fact]] = frozenset(
    {
        ClaimFiled,
        ClaimContested,
        ClaimAppealed,
        ClaimUpheld,
        ClaimRejected,
        ClaimAppealDecided,
        CompensationCancelled,
        ClaimWithdrawn,
    }
)
TRUST_CLAIMS = Projection("trust_claims", 1, CLAIMS, _CLAIM_FACTS, _own, _claim, Claim._make, own="claim")

"""What the yearly trust report and the uplift report know of each order, and whose each live session was."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from ledger import time
from ledger.decisions.base import identifier
from ledger.decisions.offer import AUTHENTICITY
from ledger.events.base import Fact, Recorded
from ledger.events.coverage import CoverageAttached
from ledger.events.fulfilment import DispatchOverdue, DispatchPromised, FakeDispatchFound, ItemAppraised
from ledger.events.live import SessionBegun
from ledger.events.order import (
    OrderAmended,
    OrderCancelled,
    OrderChargedBack,
    OrderPaid,
    OrderPlaced,
    OrderVoided,
)
from projections.base import Projection
from projections.store import tables

TABLE = Table(
    "p_trust_orders_v1",
    tables,
    Column("order_id", Text, primary_key=True),
    Column("shop", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("paid_day", Integer),
    Column("paid", BigInteger, nullable=False),
    Column("voided", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("covered", Integer, nullable=False),
    Column("authentic", Integer, nullable=False),
    Column("promised", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("fake", Integer, nullable=False),
    Column("appraised", Integer, nullable=False),
    Column("charged_back", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row an order. `paid_day` is the number of the local day on which it was paid, `paid` what cash and
coupons paid (minor units); the rest is 1 for what is so or ever was: `covered` by a benefit, `authentic` by
official authenticity, `promised` to leave by a time, `late`, `fake` dispatch, a piece `appraised`."""

Index(f"{TABLE.name}_shop", TABLE.c.shop, TABLE.c.paid_day)

SESSIONS = Table(
    "p_trust_sessions_v1",
    tables,
    Column("session", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("shop", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a live session: who was on air, and for which shop, empty if for none."""


class Row(NamedTuple):
    """A row of the table of orders."""

    order_id: str
    shop: str = ""
    buyer: str = ""
    session: str = ""
    currency: str = ""
    paid_day: int | None = None
    paid: int = 0
    voided: int = 0
    cancelled: int = 0
    covered: int = 0
    authentic: int = 0
    promised: int = 0
    late: int = 0
    fake: int = 0
    appraised: int = 0
    charged_back: int = 0


def touches(recorded: Recorded) -> tuple[str]:
    """The order in whose stream a fact stands, or that a cover names."""
    fact = recorded.fact
    return (fact.order if isinstance(fact, CoverageAttached) else identifier(recorded.stream),)


_ONCE: dict[type[Fact], str] = {
    OrderVoided: "voided",
    OrderCancelled: "cancelled",
    DispatchPromised: "promised",
    DispatchOverdue: "late",
    FakeDispatchFound: "fake",
    ItemAppraised: "appraised",
}
"""Facts that say that something is so, from then on."""


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:
    """An order after one more fact about it."""
    row = row or Row(key)
    fact, envelope = recorded.fact, recorded.envelope
    match fact:
        case OrderPlaced():
            return row._replace(
                shop=fact.shop, buyer=fact.buyer, session=fact.session, currency=fact.currency
            )
        case OrderPaid():
            day = time.local_day(envelope.effective_at, envelope.offset)
            return row._replace(paid_day=day, paid=fact.cash + fact.coupon, currency=fact.currency)
        case OrderAmended():
            return row._replace(buyer=fact.buyer, paid=fact.cash + fact.coupon)
        case CoverageAttached():
            authentic = int(fact.benefit == AUTHENTICITY)
            return row._replace(covered=1, authentic=max(row.authentic, authentic))
        case OrderChargedBack():
            return row._replace(charged_back=1) if fact.amount else row
        case _:
            return row._replace(**{_ONCE[type(fact)]: 1})  # type: ignore[arg-type] # the flags are numbers


TRUST_ORDERS = Projection(
    "trust_orders",
    1,
    TABLE,
    frozenset({OrderPlaced, OrderPaid, OrderAmended, OrderChargedBack, CoverageAttached, *_ONCE}),
    touches,
    fold,
    Row._make,
    own="order",
)


class Session(NamedTuple):
    """A row of the table of sessions."""

    session: str
    host: str
    shop: str


def _own(recorded: Recorded) -> tuple[str]:
    """The session."""
    return (identifier(recorded.stream),)


def _begun(_row: Session | None, recorded: Recorded, key: str) -> Session:
    """A session begins once."""
    fact = recorded.fact
    assert isinstance(fact, SessionBegun)  # noqa: S101 - the engine brings no other facts
    return Session(key, fact.host, fact.shop)


TRUST_SESSIONS = Projection(
    "trust_sessions", 1, SESSIONS, frozenset({SessionBegun}), _own, _begun, Session._make, own="live"
)

"""Reviews: how many buyers who were asked wrote one in time, and what returning customers say of a shop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, Text, case, func, select

from ledger import time
from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier, kind, replay
from ledger.decisions.order import Order
from ledger.decisions.review import Review
from ledger.events.base import Recorded
from ledger.events.review import ReviewAnswered, ReviewInvited, ReviewSubmitted
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of
from projections.then import models
from projections.trust_orders import TABLE as ORDERS
from projections.trust_orders import TRUST_ORDERS

WINDOW_DAYS = 7
"""How long an invited buyer may take for the review to be in time: the local days after the invitation."""

TABLE = Table(
    "p_reviews_v1",
    tables,
    Column("review", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("invited_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("invited_day", Integer),
    Column("submitted_day", Integer),
    Column("in_time", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("submitted", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a review. Times in UTC microseconds, days are local ones in Asia/Shanghai; `submitted` is the
position of the review, 0 while there is none that counts. What is marked `again` counts neither as invited
nor as submitted."""
Index(f"{TABLE.name}_shop", TABLE.c.shop, TABLE.c.submitted)

By = Literal["day", "month", "shop"]


class Row(NamedTuple):
    """A row of the table."""

    review: str
    order_id: str = ""
    shop: str = ""
    buyer: str = ""
    invited_at: int | None = None
    submitted_at: int | None = None
    invited_day: int | None = None
    submitted_day: int | None = None
    in_time: int = 0
    answered: int = 0
    submitted: int = 0


def touches(recorded: Recorded) -> tuple[str]:
    """The review."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:
    """A review after one more fact of its own."""
    row = row or Row(key)
    fact, at = recorded.fact, recorded.envelope.effective_at
    day = time.local_day(at, time.HOME_OFFSET)
    match fact:
        case ReviewInvited() if "again" not in fact.marks:
            row = row._replace(order_id=fact.order, shop=fact.shop, invited_at=at, invited_day=day)
        case ReviewSubmitted() if fact.counts:
            row = row._replace(order_id=fact.order, shop=fact.shop, buyer=fact.buyer)
            row = row._replace(submitted_at=at, submitted_day=day, submitted=recorded.position)
        case ReviewAnswered():
            return row._replace(answered=1)
    return row._replace(in_time=int(_in_time(row)))


def _in_time(row: Row) -> bool:
    if row.invited_at is None or row.submitted_at is None or row.submitted_at < row.invited_at:
        return False
    assert row.invited_day is not None  # noqa: S101 - stands with its moment
    assert row.submitted_day is not None  # noqa: S101 - see above
    return row.submitted_day <= row.invited_day + WINDOW_DAYS


REVIEWS = Projection(
    "reviews",
    1,
    TABLE,
    frozenset({ReviewInvited, ReviewSubmitted, ReviewAnswered}),
    touches,
    fold,
    Row._make,
    own="review",
)


class Figures(NamedTuple):
    """How many were invited, and wrote in time; how many reviews there are, invited or not, and answers.

    `open` are invitations without a review whose time is not over.
    """

    invited: int = 0
    in_time: int = 0
    open: int = 0
    submitted: int = 0
    answered: int = 0

    @property
    def rate(self) -> Decimal | None:
        """Of a hundred invited buyers, how many wrote in time: percent with one decimal, half-up."""
        return percent(self.in_time, self.invited)


def percent(part: int, whole: int) -> Decimal | None:
    """A share in percent with one decimal, half-up; None of nothing."""
    if not whole:
        return None
    tenths = Fraction(part * 1000, whole)
    exact = Decimal(tenths.numerator) / Decimal(tenths.denominator)
    return exact.quantize(Decimal(1), ROUND_HALF_UP).scaleb(-1)


class Report(NamedTuple):
    """The figures of all, and by group in its order."""

    total: Figures
    rows: dict[str, Figures]


def report(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    now: int,
    clocks: Clocks = NOW,
    *,
    by: By = "month",
    shop: str = "",
    first_day: int | None = None,
    last_day: int | None = None,
) -> Report:
    """The figures on both clocks. A review belongs to the day of its invitation, else to its own.

    `now` (UTC microseconds) says which invitations are still open. Reviews of orders that were voided do not
    count. Raises ProjectionBehind.
    """
    columns, moment = TABLE.c, now if clocks.as_of is None else clocks.as_of
    today = time.local_day(moment, time.HOME_OFFSET)
    day = func.coalesce(columns.invited_day, columns.submitted_day)
    waits = (columns.submitted == 0) & (columns.invited_day + WINDOW_DAYS >= today)
    sums = (
        func.count(columns.invited_day),
        func.sum(columns.in_time),
        func.count(case((waits, 1))),
        func.count(columns.submitted_at),
        func.count(case(((columns.answered == 1) & columns.submitted_at.is_not(None), 1))),
    )
    kept = [day.is_not(None), func.coalesce(ORDERS.c.voided, 0) == 0]
    if shop:
        kept.append(columns.shop == shop)
    if first_day is not None:
        kept.append(day >= first_day)
    if last_day is not None:
        kept.append(day <= last_day)
    group = columns.shop if by == "shop" else day
    joined = TABLE.outerjoin(ORDERS, ORDERS.c.order_id == columns.order_id)
    query = select(group, *sums).select_from(joined).where(*kept).group_by(group)
    with models(database, (REVIEWS, TRUST_ORDERS), clocks) as connection:
        groups = [(key, Figures(*map(int, found))) for key, *found in connection.execute(query)]
    rows = _named(by, groups)
    return Report(_sum(rows.values()), rows)


_LENGTH = {"day": len("2021-06-01"), "month": len("2021-06")}


def _named(by: By, groups: Iterable[tuple[Any, Figures]]) -> dict[str, Figures]:
    """The groups in order under names for people: day numbers become dates, days become months."""
    found: dict[str, list[Figures]] = {}
    for key, figures in groups:
        name = key if by == "shop" else time.day_text(key)[: _LENGTH[by]]
        found.setdefault(name, []).append(figures)
    return {name: _sum(found[name]) for name in sorted(found)}


def _sum(figures: Iterable[Figures]) -> Figures:
    return Figures(*map(sum, zip(*figures, strict=True)))


class Said(NamedTuple):
    """A review as it is then; `earlier_orders` is how many orders the buyer had paid there before it.

    `answers` are (shop or host, when, digest), times UTC microseconds with the offset in minutes.
    """

    review: Review
    id: str
    earlier_orders: int
    submitted_at: tuple[int, int]
    answers: tuple[tuple[str, tuple[int, int], str], ...]
    position: int


class Page(NamedTuple):
    """Reviews in the order recorded; behind position `next` the next page begins, if there is one."""

    said: list[Said]
    next: int | None


_LOOKED_AT = 2_000
"""Most reviews that are looked at for one page, however few of them are by returning customers."""


def says(  # noqa: PLR0913 - what is asked for, by name
    database: Database,
    shop: str,
    clocks: Clocks = NOW,
    *,
    returning: bool = True,
    after: int = 0,
    limit: int = 100,
) -> Page:
    """What buyers say of a shop on both clocks: only those who had an order there before, or all.

    A review of an order that was voided is not shown. Raises ProjectionBehind.
    """
    columns = TABLE.c
    found: list[Said] = []
    looked_at = 0
    with database.snapshot() as connection:
        position = min(reached(connection, model) for model in (REVIEWS, TRUST_ORDERS))
        until = position if clocks.as_at is None else min(clocks.as_at, position)
        query = select(columns.review, columns.order_id, columns.buyer, columns.submitted)
        query = query.where(columns.shop == shop).order_by(columns.submitted)
        while looked_at < _LOOKED_AT:
            # Positions are above 0, and at 0 stand those that were never written.
            page = query.where(columns.submitted > after, columns.submitted <= until).limit(limit)
            rows = connection.execute(page).all()
            for each in _told(connection, database, shop, rows, Clocks(clocks.as_of, until)):
                if each.earlier_orders or not returning:
                    found.append(each)
                    if len(found) == limit:
                        return Page(found, each.position)
            if len(rows) < limit:
                return Page(found, None)
            looked_at += len(rows)
            after = rows[-1].submitted
    return Page(found, after)


def _told(
    connection: Connection, database: Database, shop: str, rows: Sequence[Any], clocks: Clocks
) -> list[Said]:
    """The reviews of some rows as both clocks saw them, with what their buyers had bought before."""
    buyers = {row.buyer for row in rows if row.buyer}
    bought = select(ORDERS.c.order_id).where(ORDERS.c.shop == shop, ORDERS.c.buyer.in_(buyers))
    orders = {*connection.execute(bought).scalars(), *(row.order_id for row in rows)}
    streams = [f"review-{row.review}" for row in rows] + [f"order-{id_}" for id_ in orders]
    told: dict[str, list[Recorded]] = {stream: [] for stream in streams}
    for recorded in facts_of(connection, database, streams, clocks):
        told[recorded.stream].append(recorded)
    states: dict[str, Order] = {
        identifier(stream): replay(stream, facts) for stream, facts in told.items() if kind(stream) == "order"
    }
    paid = [
        (order.buyer, order.paid_at, id_)
        for id_, order in states.items()
        if order.shop == shop and order.paid and not (order.voided or order.cancelled)
    ]
    found = []
    for row in rows:
        said = _said(row.review, told[f"review-{row.review}"])
        if said is None or states[row.order_id].voided:
            continue
        at, buyer = said.submitted_at[0], said.review.buyer
        others = [id_ for who, when, id_ in paid if who == buyer and when < at and id_ != row.order_id]
        found.append(said._replace(earlier_orders=len(others) if buyer else 0))
    return found


def _said(id_: str, facts: Sequence[Recorded]) -> Said | None:
    """A review from its facts; None if it was not written then."""
    review: Review = replay(f"review-{id_}", facts)
    written = next((each for each in facts if isinstance(each.fact, ReviewSubmitted)), None)
    if written is None:
        return None
    answers = tuple(
        (each.fact.by, (each.envelope.effective_at, each.envelope.offset), each.fact.digest)
        for each in facts
        if isinstance(each.fact, ReviewAnswered)
    )
    envelope = written.envelope
    return Said(review, id_, 0, (envelope.effective_at, envelope.offset), answers, written.position)

"""Refunds: every document that gave money back, by day, month, shop and article."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, Table, Text, and_, func, select

from ledger import time
from ledger.codec import CODEC
from ledger.decisions.base import identifier
from ledger.events.base import Recorded
from ledger.events.correction import CorrectionRecorded
from ledger.events.refund import RefundCompleted, RefundLine
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables

TABLE = Table(
    "p_refunds_v1",
    tables,
    Column("refund", Text, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("order_id", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("sku", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("cash", BigInteger, nullable=False),
    Column("coupon", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a document (line 0, with its whole sums) and one for each of its lines (from 1), in minor units;
what a document gives back beyond its lines (freight) is one line more, without an article.

`day` is the number of the local day on which it counts; `position` that of the fact behind the row.
"""

Key = tuple[str, int]
By = Literal["day", "month", "shop", "sku"]


class Row(NamedTuple):
    """A row of the table."""

    refund: str
    line: int
    order_id: str
    shop: str
    buyer: str
    currency: str
    day: int
    sku: str
    quantity: int
    cash: int
    coupon: int
    position: int


def touches(recorded: Recorded) -> Iterable[Key]:
    """The document and each of its lines, when it is completed and when that is taken back."""
    fact: Any = recorded.fact
    if type(fact) is CorrectionRecorded:
        if fact.topic != RefundCompleted.TOPIC:
            return ()
        fact = CODEC.decode_body(fact.topic, fact.body)
    id_ = identifier(recorded.stream)
    return [(id_, line) for line in range(len(_parts(fact)) + 1)]


def _parts(fact: RefundCompleted) -> tuple[RefundLine, ...]:
    """The lines, and one more for what they do not tell."""
    cash = fact.cash - sum(line.cash for line in fact.lines)
    coupon = fact.coupon - sum(line.coupon for line in fact.lines)
    return (*fact.lines, RefundLine(0, "", 0, cash, coupon)) if cash or coupon else fact.lines


def fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    """A completed refund is a document; a correction of that completion removes it again."""
    fact, envelope = recorded.fact, recorded.envelope
    if type(fact) is CorrectionRecorded:
        return None if row is not None and row.position == fact.position else row
    assert isinstance(fact, RefundCompleted)  # noqa: S101 - the engine brings no other facts
    refund, line = key
    part = _parts(fact)[line - 1] if line else None
    return Row(
        refund,
        line,
        fact.order,
        fact.shop,
        fact.buyer,
        fact.currency,
        time.local_day(envelope.effective_at, envelope.offset),
        part.sku if part else "",
        part.quantity if part else sum(each.quantity for each in fact.lines),
        part.cash if part else fact.cash,
        part.coupon if part else fact.coupon,
        recorded.position,
    )


REFUNDS = Projection(
    "refunds", 1, TABLE, frozenset({RefundCompleted, CorrectionRecorded}), touches, fold, Row._make
)


def report(
    database: Database,
    by: By = "month",
    *,
    first_day: int | None = None,
    last_day: int | None = None,
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Count and sums of the documents, one report a currency in alphabetical order.

    Each is `{"currency", "rows": [{by, "count", "amount", "coupon"}], "total": {"count", "amount",
    "coupon"}}`; `amount` is the cash given back, `coupon` the coupon cost reversed, minor units. Days are
    local day numbers, both included. By article a document counts once under each of its articles.
    """
    kept = _within(first_day, last_day, currency)
    with database.snapshot() as connection:
        reached(connection, REFUNDS)
        columns = TABLE.c
        sums = (func.sum(columns.cash), func.sum(columns.coupon))
        documents = and_(columns.line == 0, *kept)
        query = select(columns.currency, func.count(), *sums).where(documents).group_by(columns.currency)
        totals = connection.execute(query.order_by(columns.currency)).all()
        if by == "sku":
            number = func.count(columns.refund.distinct())
            query = select(columns.currency, columns.sku, number, *sums).where(columns.line > 0, *kept)
            query = query.group_by(columns.currency, columns.sku)
        else:
            of = columns.shop if by == "shop" else columns.day
            query = select(columns.currency, of, func.count(), *sums).where(documents)
            query = query.group_by(columns.currency, of)
        groups = connection.execute(query).all()
    reports = []
    for code, *total in totals:
        mine = [(name, *map(int, rest)) for found, name, *rest in groups if found == code]
        reports.append({
            "currency": code,
            "rows": [{by: name, **_sums(rest)} for name, *rest in _named(by, mine)],
            "total": _sums(total),
        })  # fmt: skip
    return reports


def _within(first: int | None, last: int | None, currency: str | None) -> list[ColumnElement[bool]]:
    """The conditions that are asked for."""
    conditions = []
    if first is not None:
        conditions.append(TABLE.c.day >= first)
    if last is not None:
        conditions.append(TABLE.c.day <= last)
    if currency is not None:
        conditions.append(TABLE.c.currency == currency)
    return conditions


def _named(by: By, groups: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The groups in order and with names for people: day numbers become dates, days become months."""
    if by not in {"day", "month"}:
        return sorted(groups)
    length = len("2011-01-01") if by == "day" else len("2011-01")
    named: dict[str, tuple[int, ...]] = {}
    for day, *sums in groups:
        name = time.day_text(day)[:length]
        named[name] = tuple(map(sum, zip(named.get(name, (0, 0, 0)), sums, strict=True)))
    return sorted((name, *sums) for name, sums in named.items())


def _sums(values: Sequence[Any]) -> dict[str, int]:
    count, cash, coupon = map(int, values)
    return {"count": count, "amount": cash, "coupon": coupon}

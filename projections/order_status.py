"""Order status: how far each order has come, what was paid and given back, and its story on both clocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from eventsourcing.persistence import Notification
from msgspec.structs import replace
from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, select

from ledger import catalogue, postings
from ledger.codec import CODEC, fact_types
from ledger.decisions import dispatch
from ledger.decisions.base import FOLDS, INITIAL, identifier, kind
from ledger.decisions.clock import NEVER
from ledger.decisions.order import InWarehouse, Order
from ledger.decisions.parking import Waiting
from ledger.decisions.refund import Refund
from ledger.errors import ProjectionBehind, UnknownOrder
from ledger.events import correction, fulfilment, order, parking, refund
from ledger.events.base import Envelope, Fact, Recorded
from ledger.events.order import Line
from ledger.store.database import Database, Lookup
from ledger.store.log import FactMapper
from projections.base import Projection
from projections.store import Rows, reached, tables

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_order_status_v4",
    tables,
    Column("order_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("paid_at", BigInteger),
    Column("due_at", BigInteger),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One row an order; `state` holds all that is known, as MessagePack, the columns what is searched by.

`paid` and `refunded` are what was paid and given back, coupons included (minor units). `due_at` is when units
that have not left become late (UTC microseconds), as far as that is not known yet."""

_DUE = TABLE.c.due_at.is_not(None)
Index(f"{TABLE.name}_due", TABLE.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)

# When each step last happened goes by these names.
_STEPS: dict[type[Fact], str] = {
    order.OrderPlaced: "placed",
    order.OrderPaid: "paid",
    fulfilment.ParcelDispatched: "dispatched",
    fulfilment.ParcelDelivered: "delivered",
    fulfilment.ReceiptConfirmed: "confirmed",
    order.OrderSettled: "settled",
    order.OrderCancelled: "cancelled",
    order.OrderVoided: "voided",
    order.OrderClosed: "closed",
}
_LIFE = {module.__name__ for module in (order, fulfilment, parking, correction)}
_FACTS = frozenset(
    fact
    for fact in fact_types()
    if fact.__module__ in _LIFE or (fact.__module__ == refund.__name__ and "order" in fact.__struct_fields__)
)


_HOW = {fact: (FOLDS[fact], _STEPS.get(fact, ""), "marks" in fact.__struct_fields__) for fact in _FACTS}
"""What each fact does to its order, the step it is, and whether it says what was odd about it."""


class Given(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A refund that names the order: what it gave back, and the position where it did (0: nothing yet)."""

    id: str
    cash: int = 0
    coupon: int = 0
    completed: int = 0


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order with what other streams say about it.

    `times` are (step, effective UTC microseconds, offset in minutes); `marks` the anomalies met on the way;
    `position` that of the last fact that names the order.
    """

    order: Order
    refunds: tuple[Given, ...] = ()
    times: tuple[tuple[str, int, int], ...] = ()
    marks: tuple[str, ...] = ()
    position: int = 0

    @property
    def status(self) -> str:
        """The order's own word; `awaited` when there are only reports that wait for it."""
        return self.order.status or "awaited"

    @property
    def refunded(self) -> tuple[int, int]:
        """Cash and coupon cost given back by all refunds."""
        if not self.refunds:
            return 0, 0
        return sum(given.cash for given in self.refunds), sum(given.coupon for given in self.refunds)


_NEW = Row(INITIAL["order"])
_OWN = "order-"
_REFUND = "refund-"


def touches(recorded: Recorded) -> Sequence[str]:
    """The order in whose stream a fact stands, or that a refund names."""
    if recorded.stream.startswith(_OWN):
        return (recorded.stream.removeprefix(_OWN),)
    if not recorded.stream.startswith(_REFUND):
        return ()
    fact = recorded.fact
    if type(fact) is correction.CorrectionRecorded:
        fact = CODEC.decode_body(fact.topic, fact.body)
    named: str = getattr(fact, "order", "")
    return (named,) if named else ()


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:  # noqa: ARG001 - an order is found by its key
    """An order after one more fact of its own or of a refund that names it."""
    if row is None:
        row = _NEW
    fact: Any = recorded.fact  # What it has, `_HOW` says.
    after, step, marked = _HOW[type(fact)]
    marks, times = row.marks, row.times
    if marked and fact.marks:
        marks = (*marks, *[mark for mark in fact.marks if mark not in marks])
    if step:
        envelope = recorded.envelope
        now = step, envelope.effective_at, envelope.offset
        times = (*[entry for entry in times if entry[0] != step], now) if times else (now,)
    elif not recorded.stream.startswith(_OWN):
        return Row(row.order, _refunds(row.refunds, recorded), times, marks, recorded.position)
    elif type(fact) is correction.CorrectionRecorded:
        undone = _STEPS.get(CODEC.types[fact.topic])
        times = (*[entry for entry in times if entry[0] != undone],)
    return Row(after(row.order, fact, recorded), row.refunds, times, marks, recorded.position)


def _refunds(known: tuple[Given, ...], recorded: Recorded) -> tuple[Given, ...]:
    """The refunds of an order after a fact of one of them; whoever once named the order stays listed."""
    fact, id_ = recorded.fact, identifier(recorded.stream)
    old = next((given for given in known if given.id == id_), None) or Given(id_)
    match fact:
        case refund.RefundCompleted():
            new = Given(id_, fact.cash, fact.coupon, recorded.position)
        case correction.CorrectionRecorded(position=undone) if undone == old.completed:
            new = Given(id_)
        case _:
            new = old
    return (*(given for given in known if given.id != id_), new)


# A row as stored: of the parked facts what they wait for is enough.
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Row, tuple[str, ...]]).decode
_NOWHERE = Recorded(0, "", 0, Envelope(0, 0, 0), parking.FactParked("", b"", ""))


def _load(stored: Sequence[Any]) -> Row:
    row, waiting = _decode(stored[-1])
    if not waiting:
        return row
    parked = tuple(Waiting(_NOWHERE, parking.FactParked("", b"", what)) for what in waiting)
    return replace(row, order=replace(row.order, parked=parked))


def _dump(key: str, row: Row) -> tuple[Any, ...]:
    known = row.order
    waiting: tuple[str, ...] = ()
    if known.parked:
        waiting = tuple(parked.fact.waits_for for parked in known.parked)
        row = replace(row, order=replace(known, parked=()))
    return (
        key,
        known.status or "awaited",
        known.shop,
        known.host,
        known.buyer,
        known.currency,
        known.whole,
        sum(row.refunded) if row.refunds else 0,
        known.paid_at if known.paid else None,
        dispatch.due_at(known) if known.clock.promised else None,
        _encode((row, waiting)),
    )


ORDER_STATUS = Projection("order_status", 4, TABLE, _FACTS, touches, fold, _load, _dump, "order")


def late(database: Database, moment: int, after: str = "", limit: int = 500) -> list[str]:
    """Orders of which units are late at a moment (UTC microseconds) and not known to be, by their names."""
    columns = TABLE.c
    query = select(columns.order_id).where(columns.due_at < moment, columns.order_id > after)
    with database.snapshot() as connection:
        reached(connection, ORDER_STATUS)
        return list(connection.execute(query.order_by(columns.order_id).limit(limit)).scalars())


class RefundView(NamedTuple):
    """A refund that names the order: its status, and what it asks for or gave back, in minor units."""

    id: str
    status: str
    cash: int
    coupon: int


class Promise(NamedTuple):
    """When the units of a line were promised to leave, and had to by the clock (None while it stands still).

    UTC microseconds; `late` are the units (from 1) that are known to be late.
    """

    line: int
    promised: int
    deadline: int | None
    late: tuple[int, ...]


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order for people. Sums in minor units of `currency`; `times` by step: UTC microseconds and offset.

    `status` is placed, paid, at_warehouse, appraised, partly_dispatched, dispatched, delivered, confirmed,
    settled, closed, cancelled, voided or, when there are only reports that wait for it, awaited. `parked`
    counts those. `position` is that of the last fact behind the view.
    """

    id: str
    status: str
    shop: str
    host: str
    buyer: str
    currency: str
    lines: tuple[Line, ...]
    freight: int
    cash: int
    coupon: int
    refunded_cash: int
    refunded_coupon: int
    paid: bool
    settled: bool
    closed: bool
    times: dict[str, tuple[int, int]]
    marks: tuple[str, ...]
    refunds: tuple[RefundView, ...]
    items: tuple[InWarehouse, ...]
    """The pieces that a lab appraised, or is appraising."""
    promises: tuple[Promise, ...]
    parked: int
    position: int


class Step(NamedTuple):
    """One fact of an order's story: in its place, with the order after it and the transfers it stands for."""

    recorded: Recorded
    order: OrderView
    transfers: tuple[postings.Transfer, ...]


def order_view(
    database: Database, order_id: str, *, as_of: int | None = None, as_at: int | None = None
) -> OrderView:
    """An order now, or as of an effective time (UTC microseconds) and as at a position.

    Raises UnknownOrder, and ProjectionBehind if the read model has not reached `as_at`.
    """
    past = _Past(database, order_id, as_at)
    if as_of is None and as_at is None:
        refunds: dict[str, Refund] = {}
        position = past.row.position
        for recorded in past.refund_facts():
            _step_refund(refunds, recorded)
            position = max(position, recorded.position)
        return _view(order_id, past.row, refunds, position)
    last = None
    for last in _told(order_id, past.facts(as_of)):  # noqa: B007 - the last one counts
        pass
    if last is None:
        raise UnknownOrder(f"{order_id} was not known then.", field="id")
    _, row, refunds, position = last
    return _view(order_id, row, refunds, position)


def order_story(
    database: Database, order_id: str, *, as_of: int | None = None, as_at: int | None = None
) -> list[Step]:
    """The facts of an order and of the refunds that name it, in recorded order, on both clocks.

    Raises UnknownOrder, and ProjectionBehind if the read model has not reached `as_at`.
    """
    past = _Past(database, order_id, as_at)
    return [
        Step(
            recorded,
            _view(order_id, row, refunds, position),
            tuple(postings.transfers(recorded.fact, identifier(recorded.stream))),
        )
        for recorded, row, refunds, position in _told(order_id, past.facts(as_of))
    ]


class _Past:
    """An order's row and its facts up to a position, all of one state of the database."""

    def __init__(self, database: Database, order_id: str, as_at: int | None) -> None:
        columns = "originator_id, originator_version, topic, state, position"
        lookup = Lookup(database, columns, "facts", "originator_id", "position")
        mapper = FactMapper()
        self._id = order_id
        with database.snapshot() as connection:
            position = reached(connection, ORDER_STATUS)
            if as_at is not None and as_at > position:
                raise ProjectionBehind(f"{ORDER_STATUS.name} is at {position}, not at {as_at}.")
            stored = Rows(TABLE, database).load(connection, [order_id]).get(order_id)
            if stored is None:
                raise UnknownOrder(f"Got {order_id!r}.", field="id")
            self.row = _load(stored)
            streams = [f"refund-{given.id}" for given in self.row.refunds]
            facts = lookup(connection, [f"order-{order_id}", *streams])
        until = position if as_at is None else as_at
        self._facts = [mapper.to_domain_event(Notification(*fact)) for fact in facts if fact[-1] <= until]

    def facts(self, as_of: int | None) -> Iterator[Recorded]:
        """The facts of the order, and those of refunds while they named it, effective by a time."""
        mine: dict[str, bool] = {}
        for recorded in self._facts:
            stream = recorded.stream
            if kind(stream) == "refund":
                named = touches(recorded)
                if type(recorded.fact) is not correction.CorrectionRecorded:
                    mine[stream] = self._id in named if named else mine.get(stream, False)
                if not (self._id in named if named else mine.get(stream)):
                    continue
            if as_of is None or recorded.envelope.effective_at <= as_of:
                yield recorded

    def refund_facts(self) -> Iterator[Recorded]:
        """Those of the refunds alone."""
        return (recorded for recorded in self.facts(None) if kind(recorded.stream) == "refund")


def _step_refund(refunds: dict[str, Refund], recorded: Recorded) -> None:
    if kind(recorded.stream) == "refund":
        id_, fact = identifier(recorded.stream), recorded.fact
        refunds[id_] = FOLDS[type(fact)](refunds.get(id_, INITIAL["refund"]), fact, recorded)


def _told(order_id: str, facts: Iterator[Recorded]) -> Iterator[tuple[Recorded, Row, dict[str, Refund], int]]:
    """Each fact with the row, the refunds and the position after it."""
    row: Row = _NEW
    refunds: dict[str, Refund] = {}
    for recorded in facts:
        if type(recorded.fact) in ORDER_STATUS.facts and order_id in touches(recorded):
            row = fold(row, recorded, order_id)
        _step_refund(refunds, recorded)
        yield recorded, row, refunds, recorded.position


def _promises(known: Order) -> Iterator[Promise]:
    clock = known.clock
    for line in range(1, len(known.lines) + 1):
        by, deadline = clock.promise(line), clock.deadline(line)
        if by is not None:
            late = tuple(unit.unit for unit in clock.overdue if unit.line == line)
            yield Promise(line, by, None if deadline == NEVER else deadline, late)


def _view(order_id: str, row: Row, refunds: dict[str, Refund], position: int) -> OrderView:
    known = row.order
    refunded_cash, refunded_coupon = row.refunded
    return OrderView(
        id=order_id,
        status=row.status,
        shop=known.shop,
        host=known.host,
        buyer=known.buyer,
        currency=known.currency,
        lines=known.lines,
        freight=known.freight,
        cash=known.cash,
        coupon=known.coupon,
        refunded_cash=refunded_cash,
        refunded_coupon=refunded_coupon,
        paid=known.paid,
        settled=known.settled,
        closed=known.closed,
        times={step: (at, offset) for step, at, offset in row.times},
        marks=row.marks,
        refunds=tuple(
            RefundView(id_, found.status, found.cash, found.coupon) for id_, found in sorted(refunds.items())
        ),
        items=known.items,
        promises=tuple(_promises(known)),
        parked=len(known.parked),
        position=position,
    )

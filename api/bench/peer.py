"""The peer: the same facts with eventsourcing's own modules, as an ordinary application of it is written.

Aggregates with an event class for each fact, its default JSON mapper, its SQLite or PostgreSQL recorder. The
identifiers are the ledger's stream names (ORIGINATOR_ID_TYPE=text), which insert faster than random UUIDs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, cast

import msgspec
import sqlalchemy as sa
from eventsourcing.application import Application
from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, MetaDomainEvent
from eventsourcing.persistence import JSONTranscoder, Transcoding

from ledger import time as ledger_time
from ledger.decisions.base import Request
from ledger.decisions.order import PayOrder, PlaceOrder, kept, payment
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.base import Fact, Recorded, Source
from ledger.events.order import Line, OrderPaid, OrderPlaced, OrderSettled
from ledger.events.refund import Bearers, RefundCompleted, RefundLine

BATCH = 1_000


class Aggregate(BaseAggregate[str]):
    """An aggregate whose events carry as much of a fact's envelope as ours says here."""

    class Event(CanMutateAggregate[str], metaclass=MetaDomainEvent):
        """Any event."""

        originator_id: str
        originator_version: int
        timestamp: datetime
        effective_at: int
        offset: int
        actor: str
        key: str
        source: Source | None

    class Created(Event, CanInitAggregate[str]):
        """The first event of an aggregate."""

        originator_topic: str


class Order(Aggregate):
    """An order, with the same state as ours after these facts."""

    class Placed(Aggregate.Created):
        """OrderPlaced."""

        shop: str
        buyer: str
        currency: str
        lines: tuple[Line, ...]
        freight: int
        host: str
        session: str
        channel: str
        traffic: str
        marks: tuple[str, ...]

        def apply(self, aggregate: Any) -> None:
            """Begin."""
            aggregate.stage = "placed"
            aggregate.settled = False
            aggregate.shop, aggregate.host, aggregate.buyer = self.shop, self.host, self.buyer
            aggregate.currency, aggregate.lines, aggregate.freight = self.currency, self.lines, self.freight
            aggregate.shipped = (0,) * len(self.lines)
            aggregate.placed_day = ledger_time.local_day(self.effective_at, self.offset)

    class Paid(Aggregate.Event):
        """OrderPaid."""

        currency: str
        cash: int
        coupon: int
        line_cash: tuple[int, ...]
        line_coupon: tuple[int, ...]
        marks: tuple[str, ...]

        def apply(self, aggregate: Any) -> None:
            """Fix what was paid."""
            aggregate.stage = "paid"
            aggregate.cash, aggregate.coupon = self.cash, self.coupon
            aggregate.line_cash, aggregate.line_coupon = self.line_cash, self.line_coupon

    class Settled(Aggregate.Event):
        """OrderSettled."""

        shop: str
        host: str
        currency: str
        net: int
        host_share: int
        commission: int
        whole_host_share: int
        whole_commission: int
        marks: tuple[str, ...]

        def apply(self, aggregate: Any) -> None:
            """Hand out the escrow."""
            aggregate.settled = True
            aggregate.whole_commission = self.whole_commission
            aggregate.whole_host_share = self.whole_host_share


class Refund(Aggregate):
    """A refund."""

    class Completed(Aggregate.Created):
        """RefundCompleted."""

        order: str
        shop: str
        host: str
        buyer: str
        currency: str
        cash: int
        coupon: int
        advanced: int
        paid: int
        lines: tuple[RefundLine, ...]
        bearers: Bearers
        borne_by: str
        marks: tuple[str, ...]

        def apply(self, aggregate: Any) -> None:
            """Keep what was given back."""
            aggregate.status = "completed"
            aggregate.order, aggregate.shop, aggregate.buyer = self.order, self.shop, self.buyer
            aggregate.currency, aggregate.cash, aggregate.coupon = self.currency, self.cash, self.coupon
            aggregate.lines = self.lines


class Adjustment(Aggregate):
    """An adjustment of a source's books."""

    class Made(Aggregate.Created):
        """AdjustmentRecorded."""

        shop: str
        currency: str
        amount: int
        reason: str

        def apply(self, aggregate: Any) -> None:
            """Keep the sum."""
            aggregate.shop, aggregate.currency, aggregate.amount = self.shop, self.currency, self.amount


class StructAsDict(Transcoding):
    """A nested value as its documentation shows it: a dictionary of its fields."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        """Transcode one of the ledger's values."""
        self.type = struct
        self.name = struct.__name__.lower()

    def encode(self, obj: Any) -> Any:
        """The fields by name."""
        return msgspec.structs.asdict(obj)

    def decode(self, data: Any) -> Any:
        """The value again."""
        return self.type(**data)


class BytesAsHex(Transcoding):
    """A digest."""

    type = bytes
    name = "bytes_hex"

    def encode(self, obj: bytes) -> str:
        """Hexadecimal digits."""
        return obj.hex()

    def decode(self, data: str) -> bytes:
        """The bytes again."""
        return bytes.fromhex(data)


class Orders(Application[str]):
    """The application."""

    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        """Teach the JSON mapper our nested values."""
        super().register_transcodings(transcoder)
        for struct in (Line, RefundLine, Bearers, Source):
            transcoder.register(StructAsDict(struct))
        transcoder.register(BytesAsHex())

    def place(self, request: Request) -> Order:
        """Place an order and save it."""
        command = cast("PlaceOrder", request.command)
        order = Order._create(  # noqa: SLF001 - eventsourcing's own way to name the event class
            Order.Placed,
            id=command.stream,
            **self._envelope(request),
            shop=command.shop,
            buyer=command.buyer,
            currency=command.currency,
            lines=kept(command.lines),
            freight=command.freight,
            host=command.host,
            session=command.session,
            channel=command.channel,
            traffic=command.traffic,
            marks=(),
        )
        self.save(order)
        return order

    def pay(self, order: Any, request: Request) -> None:
        """Pay an order that the caller still holds, so that nothing has to be read, and save it."""
        command = cast("PayOrder", request.command)
        found = payment(order.lines, order.freight, command.cash)
        order.trigger_event(
            Order.Paid,
            **self._envelope(request),
            currency=order.currency,
            cash=found.cash,
            coupon=found.coupon,
            line_cash=found.line_cash,
            line_coupon=found.line_coupon,
            marks=(),
        )
        self.save(order)

    @staticmethod
    def _envelope(request: Request) -> dict[str, Any]:
        return {
            "effective_at": ledger_time.now(),
            "offset": ledger_time.HOME_OFFSET,
            "actor": request.actor,
            "key": request.key,
            "source": request.source,
        }


_EVENTS: dict[type[Fact], tuple[type[Any], type[Aggregate] | None]] = {
    OrderPlaced: (Order.Placed, Order),
    OrderPaid: (Order.Paid, None),
    OrderSettled: (Order.Settled, None),
    RefundCompleted: (Refund.Completed, Refund),
    AdjustmentRecorded: (Adjustment.Made, Adjustment),
}


def _record(recorded: Recorded, aggregates: dict[str, Aggregate]) -> None:
    """Let an aggregate trigger the event that says the same as a fact of ours."""
    kind, aggregate = _EVENTS[type(recorded.fact)]
    envelope, fields = recorded.envelope, msgspec.structs.asdict(recorded.fact)
    if kind is Refund.Completed:
        fields["borne_by"] = fields.pop("source")
    fields |= {
        "timestamp": ledger_time.moment(envelope.recorded_at),
        "effective_at": envelope.effective_at,
        "offset": envelope.offset,
        "actor": envelope.actor,
        "key": envelope.key,
        "source": envelope.source,
    }
    if aggregate is None:
        aggregates[recorded.stream].trigger_event(kind, **fields)
    else:
        aggregates[recorded.stream] = aggregate._create(kind, id=recorded.stream, **fields)  # noqa: SLF001


class Stored(NamedTuple):
    """What it took to store some events: how many, the bytes of their states, and the time."""

    events: int
    bytes: int
    seconds: float


def store(facts: Iterable[Recorded], application: Orders) -> Stored:
    """Save the events that say the same as some facts, a thousand with each `Application.save()`.

    The time is that of triggering and saving the events, without that of coming by the facts. The facts of
    a stream stand together.
    """
    events = size = 0
    seconds = 0.0
    aggregates: dict[str, Aggregate] = {}
    iterator = iter(facts)
    while batch := list(islice(iterator, BATCH)):
        start = time.perf_counter()
        aggregates = dict(list(aggregates.items())[-1:])  # The last may go on.
        for recorded in batch:
            _record(recorded, aggregates)
        saved = application.save(*aggregates.values())
        seconds += time.perf_counter() - start
        events += len(saved)
        size += sum(len(recording.notification.state) for recording in saved)
    return Stored(events, size, seconds)


def replay(application: Orders) -> dict[str, Any]:
    """Every aggregate after all events, read in order of position."""
    aggregates: dict[str, Any] = {}
    to_event = application.mapper.to_domain_event
    last = 0
    while page := application.recorder.select_notifications(last + 1, BATCH):
        for notification in page:
            found = to_event(notification)
            id_ = found.originator_id
            aggregates[id_] = found.mutate(aggregates.get(id_))  # type: ignore[attr-defined]
        last = page[-1].id
    return aggregates


def seconds(url: sa.URL) -> float:
    """How long it takes to replay what is stored there."""
    with application(url, batches=True) as stored:
        start = time.perf_counter()
        replay(stored)
        return time.perf_counter() - start


def application(url: sa.URL, *, batches: bool = False) -> Orders:
    """The application on a database of its own.

    For `batches` on PostgreSQL its recorder inserts through the database function that it offers: its
    default, a pipeline of single inserts, was seen to wait for ever once a batch of large events exceeds the
    buffers of the socket.
    """
    env = {"ORIGINATOR_ID_TYPE": "text"}
    if url.get_backend_name() == "sqlite":
        env |= {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": url.database or "",
            "SQLITE_POOL_SIZE": "8",
            "SQLITE_LOCK_TIMEOUT": "60",
        }
    else:
        env |= {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": url.database or "",
            "POSTGRES_HOST": url.host or str(url.query.get("host", "")),
            "POSTGRES_PORT": str(url.port or url.query.get("port", 5432)),
            "POSTGRES_USER": url.username or "",
            "POSTGRES_PASSWORD": url.password or "",
            "POSTGRES_POOL_SIZE": "8",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if batches else "n",
        }
    return Orders(env)

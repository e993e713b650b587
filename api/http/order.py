"""Orders over HTTP: what an order is on both clocks, and how it came to be so."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from api.facts import Event, event
from api.http.asking import After, AsAt, Asked, AsOf, Money
from api.http.openapi import answers
from api.http.service import Running, Service, answer
from ledger import codec, time
from ledger.books import Clocks
from ledger.postings import Transfer
from ledger.store.schema import facts
from projections.order_status import ORDER_STATUS, OrderView, order_story, order_view
from projections.store import reached

router = APIRouter(tags=["orders"])


class Refund(msgspec.Struct):
    """A refund that names the order: what it asks for or gave back."""

    id: str
    status: str
    cash: Money
    coupon: Money


class Order(msgspec.Struct):
    """An order with what other streams say about it; `lines` are in minor units of its currency.

    `times` are RFC 3339, by step. `parked` counts the reports that wait for it; with nothing but such
    reports its status is `awaited`. `position` is that of the last fact behind this.
    """

    id: str
    status: str
    shop: str
    host: str
    buyer: str
    currency: str
    lines: list[dict[str, Any]]
    freight: Money
    cash: Money
    coupon: Money
    refunded_cash: Money
    refunded_coupon: Money
    paid: bool
    settled: bool
    closed: bool
    times: dict[str, str]
    marks: list[str]
    refunds: list[Refund]
    parked: int
    position: int


class Moved(msgspec.Struct):
    """A transfer between two accounts."""

    debit: str
    credit: str
    amount: Money


class Step(msgspec.Struct):
    """A fact of the order or of a refund that names it, the order's status after it, and its transfers."""

    status: str
    event: Event
    transfers: list[Moved]


class Timeline(msgspec.Struct):
    """The story of an order in recorded order."""

    id: str
    steps: list[Step]


def _position(service: Service) -> int:
    """How far the read model of orders has come; waits for the database."""
    with service.database.read() as connection:
        return reached(connection, ORDER_STATUS)


def _place(service: Service, id_: str, clocks: Clocks) -> tuple[int, int]:
    """The position that an answer will have seen at least, and the version of the order's stream there."""
    with service.database.read() as connection:
        position = reached(connection, ORDER_STATUS) if clocks.as_at is None else clocks.as_at
        query = select(func.max(facts.c.originator_version)).where(
            facts.c.originator_id == f"order-{id_}", facts.c.position <= position
        )
        return position, connection.execute(query).scalar() or 0


async def _of_orders(
    service: Running, as_of: AsOf = None, as_at: AsAt = None, after_position: After = 0
) -> Clocks:
    """Wait until the read model has seen what is asked for."""
    clocks = await run_in_threadpool(Asked(as_of, as_at).clocks, service.database)
    if wanted := max(after_position, clocks.as_at or 0):
        await service.reach(wanted, lambda: _position(service))
    return clocks


OfOrders = Annotated[Clocks, Depends(_of_orders)]


@router.get(
    "/v1/orders/{id:path}/timeline",
    operation_id="order-timeline",
    summary="The story of an order, fact by fact.",
    response_class=Response,
    responses=answers(Timeline, "Every step with the transfers it stands for."),
)
def timeline(service: Running, clocks: OfOrders, id: str) -> Response:  # noqa: A002 - the name in the path
    """Tell the facts of the order and of its refunds."""
    position, _ = _place(service, id, clocks)
    steps = order_story(service.database, id, as_of=clocks.as_of, as_at=clocks.as_at)
    told = [
        Step(step.order.status, event(step.recorded), [_moved(transfer) for transfer in step.transfers])
        for step in steps
    ]
    return answer(Timeline(id, told), position)


@router.get(
    "/v1/orders/{id:path}",
    operation_id="order",
    summary="What an order is now, or was.",
    response_class=Response,
    responses=answers(Order, "The order.", {"ETag": "The version of the order's stream, for If-Match."}),
)
def status(service: Running, clocks: OfOrders, id: str) -> Response:  # noqa: A002 - as above
    """Read the order from its read model, or fold it again for another moment."""
    position, version = _place(service, id, clocks)
    view = order_view(service.database, id, as_of=clocks.as_of, as_at=clocks.as_at)
    return answer(_order(view), position, {"ETag": f'"{version}"'})


def _order(view: OrderView) -> Order:
    def money(amount: int) -> Money:
        return Money(amount, view.currency)

    return Order(
        id=view.id,
        status=view.status,
        shop=view.shop,
        host=view.host,
        buyer=view.buyer,
        currency=view.currency,
        lines=codec.plain(view.lines),
        freight=money(view.freight),
        cash=money(view.cash),
        coupon=money(view.coupon),
        refunded_cash=money(view.refunded_cash),
        refunded_coupon=money(view.refunded_coupon),
        paid=view.paid,
        settled=view.settled,
        closed=view.closed,
        times={step: time.rfc3339(at, offset) for step, (at, offset) in view.times.items()},
        marks=list(view.marks),
        refunds=[
            Refund(found.id, found.status, money(found.cash), money(found.coupon)) for found in view.refunds
        ],
        parked=view.parked,
        position=view.position,
    )


def _moved(transfer: Transfer) -> Moved:
    return Moved(transfer.debit, transfer.credit, Money(transfer.amount, transfer.currency))


SCHEMAS = (Order, Timeline)

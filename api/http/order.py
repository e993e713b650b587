"""Orders over HTTP: what an order is on both clocks, and how it came to be so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from api.facts import Event, event
from api.http.asking import Money, Seen, of_models
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from ledger import codec, time
from ledger.postings import Transfer
from projections.badges import BADGES, badges_at
from projections.coverage import COVERAGE, Assurance, Claimed, Cover, assurance
from projections.order_status import ORDER_STATUS, OrderView, order_story, order_view

router = APIRouter(tags=["orders"])


class Refund(msgspec.Struct):
    """A refund that names the order: what it asks for or gave back."""

    id: str
    status: str
    cash: Money
    coupon: Money


class OrderCoverStep(msgspec.Struct):
    """One line of a reckoning, in minor units: it can be typed into a calculator."""

    name: str
    expression: str
    value: int


class OrderCover(msgspec.Struct):
    """A benefit that a line carries, under the version of its terms that counts for the order.

    `status` is `live`, `claimed` (a claim is open), `used` (every unit was paid for), `over` (the window has
    ended) or `void`. The window is null as long as it has not begun, its end also where it has none. `refund`
    and `compensation` are what the terms would give for the units that are left: at most, where a flag says
    `at_most`; never without a person, where one says `needs_person`.
    """

    line: int
    benefit: str
    version: str
    tier: str
    status: str
    window_from: str
    starts_at: str | None
    ends_at: str | None
    units: int
    refund: Money
    compensation: Money
    basis: str
    flags: list[str]
    trace: list[OrderCoverStep]


class OrderClaim(msgspec.Struct):
    """A claim about the order: the refund and the compensation decided, what is funded and what was paid."""

    id: str
    benefit: str
    status: str
    refund: Money
    compensation: Money
    funded: Money
    paid: Money


class OrderItem(msgspec.Struct):
    """A piece of the order at a lab's warehouse; `outcome` is certified, failed, or empty until then."""

    serial: str
    line: int
    unit: int
    outcome: str
    certificate: str


class OrderPromise(msgspec.Struct):
    """When the units of a line were promised to leave, and had to with every stop of the clock allowed for.

    The deadline is null while the clock stands still; `late` are the units that are known to be late.
    """

    line: int
    promised: str
    deadline: str | None
    late: list[int]


class Order(msgspec.Struct):
    """An order with what other streams say about it; `lines` are in minor units of its currency.

    `times` are RFC 3339, by step. `badges` are the marks its shop had when it was paid. `parked` counts the
    reports that wait for it; with nothing but such reports its status is `awaited`. `position` is that of the
    last fact behind this.
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
    items: list[OrderItem]
    promises: list[OrderPromise]
    coverage: list[OrderCover]
    claims: list[OrderClaim]
    badges: list[str]
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


OfOrders = Annotated[Seen, Depends(of_models(ORDER_STATUS, COVERAGE, BADGES))]


@router.get(
    "/v1/orders/{id:path}/timeline",
    operation_id="order-timeline",
    summary="The story of an order, fact by fact.",
    response_class=Response,
    responses=answers(Timeline, "Every step with the transfers it stands for."),
)
def timeline(service: Running, seen: OfOrders, id: str) -> Response:  # noqa: A002 - the name in the path
    """Tell the facts of the order and of its refunds."""
    steps = order_story(service.database, id, as_of=seen.clocks.as_of, as_at=seen.clocks.as_at)
    told = [
        Step(step.order.status, event(step.recorded), [_moved(transfer) for transfer in step.transfers])
        for step in steps
    ]
    return answer(Timeline(id, told), seen.position)


@router.get(
    "/v1/orders/{id:path}",
    operation_id="order",
    summary="What an order is now, or was.",
    response_class=Response,
    responses=answers(Order, "The order.", ETAG),
)
def status(service: Running, seen: OfOrders, id: str) -> Response:  # noqa: A002 - as above
    """Read the order from its read model, or fold it again for another moment."""
    clocks, position = seen
    version = service.version(f"order-{id}", position)
    view = order_view(service.database, id, as_of=clocks.as_of, as_at=clocks.as_at)
    refunds = [refund.id for refund in view.refunds]
    assured = assurance(service.database, id, refunds, time.now(), clocks)
    badges = badges_at(service.database, view.shop, view.times.get("paid", (None,))[0], clocks)
    return answer(_order(view, assured, badges), position, etag(version))


def _order(view: OrderView, assured: Assurance, badges: Sequence[str]) -> Order:
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
        items=[OrderItem(*item) for item in view.items],
        promises=[
            OrderPromise(
                each.line,
                time.rfc3339(each.promised, time.HOME_OFFSET),
                _when(each.deadline),
                list(each.late),
            )
            for each in view.promises
        ],
        coverage=[_cover(cover) for cover in assured.covers],
        claims=[_claim(claim) for claim in assured.claims],
        badges=list(badges),
        parked=view.parked,
        position=view.position,
    )


def _when(moment: int | None) -> str | None:
    return None if moment is None else time.rfc3339(moment, time.HOME_OFFSET)


def _cover(cover: Cover) -> OrderCover:
    return OrderCover(
        line=cover.line,
        benefit=cover.benefit,
        version=cover.version,
        tier=cover.tier,
        status=cover.status,
        window_from=cover.window_from,
        starts_at=_when(cover.starts_at),
        ends_at=_when(cover.ends_at),
        units=cover.units,
        refund=Money(cover.refund, cover.currency),
        compensation=Money(cover.compensation, cover.currency),
        basis=cover.basis,
        flags=list(cover.flags),
        trace=[OrderCoverStep(step.name, step.expression, step.value) for step in cover.trace],
    )


def _claim(claim: Claimed) -> OrderClaim:
    def money(amount: int) -> Money:
        return Money(amount, claim.currency)

    return OrderClaim(
        claim.id,
        claim.benefit,
        claim.status,
        money(claim.refund),
        money(claim.compensation),
        money(claim.funded),
        money(claim.paid),
    )


def _moved(transfer: Transfer) -> Moved:
    return Moved(transfer.debit, transfer.credit, Money(transfer.amount, transfer.currency))


SCHEMAS = (Order, Timeline)

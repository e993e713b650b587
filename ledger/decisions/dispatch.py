"""Whether goods leave in time: the promise, what stops its clock, and waybills without a parcel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ledger import time
from ledger.decisions.base import (
    Command,
    Count,
    Item,
    On,
    OrderId,
    Past,
    Text,
    decides,
    folds,
)
from ledger.decisions.clock import NEVER, Gone, Mark, with_promise
from ledger.decisions.order import UNSENT, Order, check
from ledger.decisions.parking import park
from ledger.errors import InvalidAmount, WrongState
from ledger.events.base import Recorded
from ledger.events.fulfilment import (
    AddressChanged,
    DispatchOverdue,
    DispatchPaused,
    DispatchPromised,
    DispatchResumed,
    FakeDispatchFound,
    LateUnit,
    RiskHoldLifted,
    RiskHoldPlaced,
    Unit,
)
from ledger.events.refund import RefundLine

Digest = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)", description="SHA-256, hexadecimal; empty: none")
]

_RISK = "risk"


@folds(DispatchPromised)
def _promised(order: Order, fact: DispatchPromised, recorded: Recorded) -> Order:
    clock = with_promise(order.clock, recorded.envelope.effective_at, fact.by, fact.lines)
    return msgspec.structs.replace(order, clock=clock)


@folds(AddressChanged)
def _moved(order: Order, fact: AddressChanged, recorded: Recorded) -> Order:
    moves = {*order.clock.moves, (fact.since, recorded.envelope.effective_at)}
    return _with(order, moves=tuple(sorted(moves, key=lambda move: move[::-1])))  # By when it was changed.


@folds(RiskHoldPlaced)
def _held(order: Order, _fact: RiskHoldPlaced, recorded: Recorded) -> Order:
    return _marked(order, Mark(recorded.envelope.effective_at, _RISK, stops=True))


@folds(RiskHoldLifted)
def _let_go(order: Order, _fact: RiskHoldLifted, recorded: Recorded) -> Order:
    return _marked(order, Mark(recorded.envelope.effective_at, _RISK, stops=False))


@folds(DispatchPaused)
def _paused(order: Order, fact: DispatchPaused, recorded: Recorded) -> Order:
    return _marked(
        order, Mark(recorded.envelope.effective_at, _cause(fact.refund), stops=True, lines=fact.lines)
    )


@folds(DispatchResumed)
def _resumed(order: Order, fact: DispatchResumed, recorded: Recorded) -> Order:
    at = recorded.envelope.effective_at
    gone = {*order.clock.gone, *(Gone(at, unit.line, unit.unit) for unit in fact.gone)}
    order = _with(order, gone=tuple(sorted(gone)))
    return _marked(order, Mark(at, _cause(fact.refund), stops=False))


@folds(DispatchOverdue)
def _overdue(order: Order, fact: DispatchOverdue, _recorded: Recorded) -> Order:
    late = (Unit(unit.line, unit.unit) for unit in fact.units)
    return _with(order, overdue=(*order.clock.overdue, *late))


@folds(FakeDispatchFound)
def _fake(order: Order, fact: FakeDispatchFound, _recorded: Recorded) -> Order:
    clock = msgspec.structs.replace(order.clock, fake=(*order.clock.fake, fact.waybill))
    sent: dict[int, int] = {}
    for parcel in clock.parcels:
        for item in parcel.items:
            sent[item.line] = sent.get(item.line, 0) + item.quantity
    return msgspec.structs.replace(
        order,
        parcels=tuple(waybill for waybill in order.parcels if waybill != fact.waybill),
        sent=sent,
        rest_sent=any(not parcel.items for parcel in clock.parcels),
        clock=clock,
    )


def _with(order: Order, **fields: object) -> Order:
    return msgspec.structs.replace(order, clock=msgspec.structs.replace(order.clock, **fields))


def _marked(order: Order, mark: Mark) -> Order:
    # Of the same moment a stop comes before its end.
    marks = sorted({*order.clock.marks, mark}, key=lambda each: (each.at, each.cause, not each.stops))
    return _with(order, marks=tuple(marks))


def _cause(refund: str) -> str:
    return f"refund/{refund}"


class PromiseDispatch(Command, kw_only=True):
    """Promise that the goods leave `by` a time: those of `lines` (from 1), or all."""

    NAME = "orders.promise-dispatch"
    STREAM = "order"

    id: OrderId
    by: datetime
    lines: tuple[Count, ...] = ()


class ChangeAddress(Command, kw_only=True):
    """Record that the buyer changed the address of a paid order; the time until then is not the shop's."""

    NAME = "orders.change-address"
    STREAM = "order"

    id: OrderId


class PlaceRiskHold(Command, kw_only=True):
    """Hold a paid order back to look at a risk; its dispatch clock stands still."""

    NAME = "orders.place-risk-hold"
    STREAM = "order"

    id: OrderId
    reason: Text


class LiftRiskHold(Command, kw_only=True):
    """Let an order go that was held back; its dispatch clock runs again."""

    NAME = "orders.lift-risk-hold"
    STREAM = "order"

    id: OrderId
    reason: Text = ""


@decides(PromiseDispatch)
def promise(past: Past, command: PromiseDispatch) -> Iterator[Item]:
    """A promise may be given at any time; what a buyer paid for is only ever promised earlier."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    by, lines = time.micros(command.by), tuple(sorted(set(command.lines)))
    if not past.reported and any(line > len(order.lines) for line in lines):
        raise InvalidAmount(f"The order has {len(order.lines)} lines.", field="lines")
    before = {order.clock.promise(line) for line in lines or (*order.clock.promised, 0)}
    if before == {by}:
        return
    if order.paid and not past.reported and any(old is not None and old < by for old in before):
        raise WrongState("The buyer paid for an earlier time.", field="by")
    yield DispatchPromised(by, lines)


@decides(ChangeAddress)
def change_address(past: Past, command: ChangeAddress) -> Iterator[Item]:
    """The address may change until everything has left."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "paid", past):
        yield from park(past, command, command.stream, "paid")
        return
    waits = order.stage in {"paid", "partly_dispatched"}
    if not waits and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    yield AddressChanged(order.paid_at, () if waits else ("out_of_order",))


@decides(PlaceRiskHold)
def place_risk_hold(past: Past, command: PlaceRiskHold) -> Iterator[Item]:
    """An order is held back until everything has left, once at a time."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if not past.reported and order.clock.stopped(_RISK):
        return
    if order.stage not in {*UNSENT, "partly_dispatched"} and not past.reported:
        raise WrongState(f"The order is {order.status}.", field="id")
    yield RiskHoldPlaced(command.reason)


@decides(LiftRiskHold)
def lift_risk_hold(past: Past, command: LiftRiskHold) -> Iterator[Item]:
    """What holds an order back is lifted once."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
    elif past.reported or order.clock.stopped(_RISK):
        yield RiskHoldLifted(command.reason)


def follow(
    past: Past,
    id_: str,
    refund: str,
    now: Literal["open", "decided", "given back"],
    lines: Sequence[RefundLine],
) -> Iterator[On]:
    """The dispatch clock of an order stands still while a refund of it is open; nothing without a promise.

    `lines` are those of the refund, which give back what they name once it is `given back`.
    """
    order: Order = past.state(f"order-{id_}")
    if not order.clock.promised:
        return
    stopped = order.clock.stopped(_cause(refund))
    if now == "open" and not stopped:
        named = () if any(not line.line for line in lines) else tuple(sorted({line.line for line in lines}))
        yield On(f"order-{id_}", DispatchPaused(refund, named))
    elif now != "open":
        units = _given_back(past, id_, order, lines) if now == "given back" else ()
        if stopped or units:
            yield On(f"order-{id_}", DispatchResumed(refund, units))


def _given_back(past: Past, id_: str, order: Order, lines: Sequence[RefundLine]) -> tuple[Unit, ...]:
    """The units of these lines of which nothing is left to pay back, but for those known before."""
    known = {(each.line, each.unit) for each in order.clock.gone}
    units = []
    for number in sorted({line.line for line in lines if 1 <= line.line <= len(order.lines)}):
        paid, quantity = order.line_paid(number), order.lines[number - 1].quantity
        whole = paid > 0 and past.used(f"refund/{id_}/{number}") >= paid
        named = {unit for line in lines if line.line == number for unit in line.units}
        units += [(number, unit) for unit in range(1, quantity + 1) if whole or unit in named]
    return tuple(Unit(*unit) for unit in units if unit not in known)


def judge(past: Past, id_: str) -> Iterator[On]:
    """The units of an order that are late by now and were not known to be."""
    order: Order = past.state(f"order-{id_}")
    clock = order.clock
    if not order.paid or order.cancelled or order.voided or _left_unseen(order):
        return
    known = {(unit.line, unit.unit) for unit in clock.overdue}
    late = []
    for number, line in enumerate(order.lines, 1):
        promised, deadline = clock.promise(number), clock.deadline(number)
        if promised is not None and deadline is not None:
            units = clock.late(number, line.quantity, past.moment)
            late += [
                LateUnit(number, unit, promised, deadline) for unit in units if (number, unit) not in known
            ]
    if late:
        yield On(f"order-{id_}", DispatchOverdue(tuple(late)))


def due_at(order: Order) -> int | None:
    """When units that have not left become late, UTC microseconds, as far as that is not known yet."""
    clock = order.clock
    if not clock.promised or not order.paid or order.cancelled or order.voided or _left_unseen(order):
        return None
    known = {(unit.line, unit.unit) for unit in clock.overdue}
    found = [
        deadline
        for number, line in enumerate(order.lines, 1)
        if (deadline := clock.deadline(number)) is not None
        and any((number, unit) not in known for unit in clock.late(number, line.quantity, NEVER))
    ]
    return min(found, default=None)


def _left_unseen(order: Order) -> bool:
    """Whether goods arrived whose dispatch nobody told: when they left is not known."""
    arrived = set(order.delivered) - {parcel.waybill for parcel in order.clock.left}
    gone = all(sent >= line.quantity for sent, line in zip(order.shipped, order.lines, strict=True))
    return bool(arrived) or (order.confirmed and not gone)

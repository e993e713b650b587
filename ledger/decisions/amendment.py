"""What a source reports of an order: recorded at first, each newer version as the difference it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from ledger.decisions.base import Amount, Item, Name, Past, decides, folds
from ledger.decisions.bearing import borne_by_shop, recovered
from ledger.decisions.coverage import attach
from ledger.decisions.order import (
    Order,
    Payment,
    PlaceOrder,
    SettleOrder,
    agreed,
    kept,
    pay_now,
    payment,
    placed,
    promised,
    settle,
)
from ledger.decisions.parking import for_, release
from ledger.errors import AlreadyExists, ChangedWithoutVersion, CurrencyMismatch
from ledger.events.base import Recorded
from ledger.events.order import (
    Line,
    OrderAmended,
    SameVersionRecorded,
    StaleVersionRecorded,
)
from ledger.events.refund import Bearers, RefundAdvanceRecovered


class RecordOrder(PlaceOrder, kw_only=True):
    """Report an order as its source knows it, with its payment and settlement as far as they happened.

    A newer version of a known order becomes the difference; an older one is kept without effect. What a
    version does not name (buyer, host, payment, settlement) stays as it was.
    """

    NAME = "orders.record"
    REPORTED: ClassVar[bool] = True

    paid: bool = True
    cash: Amount | None = None
    settled: bool = False
    commission: Amount = 0
    host_share: Amount = 0
    marks: tuple[Name, ...] = ()

    def orders(self) -> tuple[str, ...]:
        """The order, which may be known."""
        return (self.id,)


@folds(OrderAmended)
def _amended(order: Order, fact: OrderAmended, _recorded: Recorded) -> Order:
    return msgspec.structs.replace(
        order,
        host=fact.host,
        buyer=fact.buyer,
        lines=fact.lines,
        freight=fact.freight,
        cash=fact.cash,
        coupon=fact.coupon,
        line_cash=fact.line_cash,
        line_coupon=fact.line_coupon,
        whole_commission=fact.whole_commission,
        whole_host_share=fact.whole_host_share,
        handed_out=-1 if order.settled else 0,
        version=fact.version,
    )


@decides(RecordOrder)
def record(past: Past, command: RecordOrder) -> Iterator[Item]:
    """An unknown order is recorded as far as it has come; of a known one, what a newer version changes."""
    order: Order = past.state(command.stream)
    if order.placed and past.source_version < order.version:
        yield StaleVersionRecorded(past.source_version, order.version)
        return
    lines = kept(command.lines)
    found = payment(lines, command.freight, command.cash)
    if order.placed:
        yield from _amend(past, command, order, lines, found)
    else:
        yield placed(command, lines, (*command.marks, *_marks(lines, found)))
        yield from promised(command)
        yield from release(past, for_(order.parked, "placed"))
    order = past.state(command.stream)
    if command.paid and not order.paid:
        yield from pay_now(past, order, found)
    if command.settled:
        yield from _settle(past, command)


def _settle(past: Past, command: RecordOrder) -> Iterator[Item]:
    """Settle a reported order, or correct the shares by which a report that had waited just settled it."""
    order: Order = past.state(command.stream)
    if not order.settled:
        settlement = SettleOrder(
            id=command.id, at=command.at, commission=command.commission, host_share=command.host_share
        )
        yield from settle(past, settlement)
        return
    commission, host_share, _ = agreed(past, order, command.commission, command.host_share)
    new = msgspec.structs.replace(order, whole_commission=commission, whole_host_share=host_share)
    if new != order:
        yield from difference(past, command.id, order, new, (0, ()))


def _marks(lines: Sequence[Line], found: Payment) -> tuple[str, ...]:
    """What is odd about a reported order: nothing to pay, or units that went the other way."""
    if min([line.quantity for line in lines], default=0) < 0:
        return ("negative_quantity",)
    return () if found.cash + found.coupon else ("zero_value",)


def _amend(
    past: Past, command: RecordOrder, order: Order, lines: tuple[Line, ...], found: Payment
) -> Iterator[Item]:
    """The difference a newer version makes, so that all is as if it had been the first."""
    if command.shop != order.shop or (order.host and command.host not in {"", order.host}):
        raise AlreadyExists(
            f"Order {command.id} is that of shop {order.shop}, host {order.host!r}.", field="shop"
        )
    if command.currency != order.currency:
        raise CurrencyMismatch(f"{command.currency} is not the order's {order.currency}.", field="currency")
    new = msgspec.structs.replace(
        order,
        host=order.host or command.host,
        buyer=command.buyer or order.buyer,
        lines=lines,
        freight=command.freight,
    )
    if order.paid:
        new = msgspec.structs.replace(
            new,
            cash=found.cash,
            coupon=found.coupon,
            line_cash=found.line_cash,
            line_coupon=found.line_coupon,
        )
    if order.settled and command.settled:
        commission, host_share, _ = agreed(past, new, command.commission, command.host_share)
        new = msgspec.structs.replace(new, whole_commission=commission, whole_host_share=host_share)
    if new == order:
        if past.source_version > order.version:
            yield SameVersionRecorded(past.source_version, order.version)
        return
    if past.source_version == order.version:
        detail = f"Order {command.id} is recorded with other content at version {order.version}."
        raise ChangedWithoutVersion(detail, field="lines")
    new = msgspec.structs.replace(new, version=past.source_version)
    yield from difference(past, command.id, order, new, recount(past, command.id, order, new))
    if order.paid and len(new.lines) > len(order.lines):
        yield from attach(past, command.id, past.state(command.stream), len(order.lines) + 1)


Recount = tuple[int, tuple[int, ...]]
"""How much more of an order's refunds counts, in all and line by line."""


def difference(
    past: Past, id_: str, old: Order, new: Order, again: Recount
) -> Iterator[OrderAmended | RefundAdvanceRecovered]:
    """The fact that leads from an order to its newer version, and what follows from it.

    Without any difference only its refunds count for more, or less, by `again`.
    """
    recounted, line_recounted = again
    refunded = past.used(f"refund/{id_}")
    marks = ("recounted",) if new is old else ()
    borne = Bearers()
    if old.settled:
        before, after = old.shares(refunded), new.shares(refunded + recounted)
        returned = before[0] - after[0], before[1] - after[1]
        need = (old.whole - refunded) - (new.whole - refunded - recounted)
        borne = (
            borne_by_shop(past, old.shop, old.currency, need, returned)
            if need > 0
            else Bearers(commission=returned[0], host=returned[1], payable=need)
        )
    yield OrderAmended(
        new.version,
        new.shop,
        new.host,
        new.buyer,
        new.currency,
        new.lines,
        new.freight,
        new.cash,
        new.coupon,
        new.line_cash,
        new.line_coupon,
        new.cash - old.cash,
        new.coupon - old.coupon,
        new.whole_host_share,
        new.whole_commission,
        recounted,
        line_recounted,
        borne.commission,
        borne.host,
        borne.payable,
        borne.deposit,
        borne.advance,
        past.system if recounted else "",
        (*marks, "guard_exceeded") if recounted < 0 else marks,
    )
    credit = borne.commission + borne.host - borne.payable
    yield from recovered(past, id_, old.shop, old.currency, credit)


def recount(past: Past, id_: str, old: Order, new: Order, most_lines: int = 0) -> Recount:
    """How much more of what was refunded counts under the sums of a newer version.

    A report of refunds counts up to what was paid for each line and for the order, whatever came first.
    `most_lines` is how many lines an older version may have had.
    """
    refunded, over, lines_over = past.used_of([f"refund/{id_}", f"over/{id_}", f"over/{id_}/0"])
    if not (refunded or over or lines_over):
        return 0, ()
    numbers = range(1, max(len(old.lines), len(new.lines), most_lines) + 1)
    used = past.used_of([f"refund/{id_}/{number}" for number in numbers])
    waiting = past.used_of([f"over/{id_}/{number}" for number in numbers])
    lines = tuple(
        waits - max(counted + waits - new.line_paid(number), 0)
        for number, counted, waits in zip(numbers, used, waiting, strict=True)
    )
    most = refunded + over - (lines_over - sum(lines))
    return min(most, new.whole) - refunded, lines if any(lines) else ()

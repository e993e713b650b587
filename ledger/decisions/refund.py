"""A refund from the request to the money: what may be given back, who bears it, what was advanced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from ledger import money
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Count,
    Currency,
    Item,
    Name,
    OptionalName,
    OrderId,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.bearing import bear
from ledger.decisions.order import Order, check
from ledger.decisions.parking import park
from ledger.errors import (
    AlreadyExists,
    ChangedWithoutVersion,
    InvalidAmount,
    RefundExceedsPaid,
    UnknownRefund,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.order import StaleVersionRecorded
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundClosed,
    RefundCompleted,
    RefundEscalated,
    RefundLine,
    RefundRefused,
    RefundRequested,
    ReturnReceived,
    ReturnShipped,
)


class Refund(msgspec.Struct, frozen=True):
    """What a refund is now; sums in minor units of `currency`."""

    status: str = ""
    order: str = ""
    shop: str = ""
    buyer: str = ""
    currency: str = ""
    cash: int = 0
    coupon: int = 0
    lines: tuple[RefundLine, ...] = ()
    returns: bool = False
    advanced: int = 0
    completed: int = 0
    """Position of the completion that counts, 0 if there is none."""
    version: int = 0


INITIAL["refund"] = Refund()


@folds(RefundRequested)
def _requested(refund: Refund, recorded: Recorded) -> Refund:
    fact = recorded.fact
    assert isinstance(fact, RefundRequested)
    return msgspec.structs.replace(
        refund,
        status="requested",
        order=fact.order,
        shop=fact.shop,
        buyer=fact.buyer,
        currency=fact.currency,
        cash=fact.cash,
        coupon=fact.coupon,
        lines=fact.lines,
        returns=fact.returns,
    )


@folds(RefundCompleted)
def _completed(refund: Refund, recorded: Recorded) -> Refund:
    fact, source = recorded.fact, recorded.envelope.source
    assert isinstance(fact, RefundCompleted)
    return msgspec.structs.replace(
        refund,
        status="completed",
        order=fact.order,
        shop=fact.shop,
        buyer=fact.buyer,
        currency=fact.currency,
        cash=fact.cash,
        coupon=fact.coupon,
        lines=fact.lines,
        completed=recorded.position,
        version=source.version if source else 0,
    )


@folds(InstantRefundAdvanced)
def _advanced(refund: Refund, recorded: Recorded) -> Refund:
    fact = recorded.fact
    assert isinstance(fact, InstantRefundAdvanced)
    return msgspec.structs.replace(refund, advanced=refund.advanced + fact.amount)


_STATUS = {
    RefundApproved: "approved",
    RefundRefused: "refused",
    RefundEscalated: "escalated",
    ReturnShipped: "return_shipped",
    ReturnReceived: "returned",
    RefundClosed: "closed",
}


@folds(*_STATUS)
def _moved_on(refund: Refund, recorded: Recorded) -> Refund:
    done = refund.status == "completed" and not isinstance(recorded.fact, RefundClosed)
    return refund if done else msgspec.structs.replace(refund, status=_STATUS[type(recorded.fact)])


folds(RefundAdvanceRecovered)(unchanged)


class RefundItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to give back for a line (from 1): whole `units` by number, or a sum of `cash`.

    The coupon's share follows the cash. Without either, all that is left of the line.
    """

    line: Count
    units: tuple[Count, ...] = ()
    cash: Amount | None = None


class ReportedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source says it gave back; `line` is 0 where it names no line of the order."""

    line: Amount = 0
    sku: OptionalName = ""
    quantity: Amount = 0
    cash: Amount
    coupon: Amount = 0


class RequestRefund(Command, kw_only=True):
    """Ask for money back; without `items` for all that is left, freight included."""

    NAME = "refunds.request"
    STREAM = "refund"

    id: Name
    order: OrderId
    items: tuple[RefundItem, ...] = ()
    freight: Amount = 0
    reason: Text = ""
    returns: bool = False

    def touches(self) -> tuple[str, ...]:
        """The refund and its order."""
        return (self.stream, f"order-{self.order}")

    def orders(self) -> tuple[str, ...]:
        """The order it names."""
        return (self.order,)


class ApproveRefund(Command, kw_only=True):
    """Agree to a refund."""

    NAME = "refunds.approve"
    STREAM = "refund"


class RefuseRefund(Command, kw_only=True):
    """Decline a refund."""

    NAME = "refunds.refuse"
    STREAM = "refund"

    reason: Text


class EscalateRefund(Command, kw_only=True):
    """Take a refund to the platform."""

    NAME = "refunds.escalate"
    STREAM = "refund"

    reason: Text = ""


class ShipReturn(Command, kw_only=True):
    """Record that the goods are on their way back."""

    NAME = "refunds.ship-return"
    STREAM = "refund"

    waybill: Name
    carrier: OptionalName = ""
    pickup: bool = False


class ReceiveReturn(Command, kw_only=True):
    """Record that the shop has the goods again."""

    NAME = "refunds.receive-return"
    STREAM = "refund"


class AdvanceRefund(Command, kw_only=True):
    """Pay the cash of a refund ahead of the shop's agreement."""

    NAME = "refunds.advance"
    STREAM = "refund"


class CompleteRefund(Command, kw_only=True):
    """Give the money back."""

    NAME = "refunds.complete"
    STREAM = "refund"


class CloseRefund(Command, kw_only=True):
    """End a refund about which there is nothing left to do."""

    NAME = "refunds.close"
    STREAM = "refund"

    reason: Text = ""


class RecordRefund(Command, kw_only=True):
    """Report a refund that happened; `order` is empty where the source names none.

    One that names an order waits until the order is paid. A newer version replaces what was recorded.
    """

    NAME = "refunds.record"
    STREAM = "refund"
    REPORTED: ClassVar[bool] = True

    id: Name
    order: OptionalName = ""
    shop: Name
    buyer: OptionalName = ""
    currency: Currency
    lines: tuple[ReportedLine, ...]
    freight: Amount = 0

    def touches(self) -> tuple[str, ...]:
        """The refund and, if it names one, its order."""
        return (self.stream, f"order-{self.order}") if self.order else (self.stream,)

    def orders(self) -> tuple[str, ...]:
        """The order it names, if it does."""
        return (self.order,) if self.order else ()


@decides(RequestRefund)
def request(past: Past, command: RequestRefund) -> Iterator[Item]:
    """A refund is asked for once, of a paid order, for no more than is left."""
    order: Order = past.state(f"order-{command.order}")
    refund: Refund = past.state(command.stream)
    if refund.status:
        if refund.order == command.order:
            return
        raise AlreadyExists(f"Refund {command.id} belongs to order {refund.order}.", field="id")
    check_paid(order, command.order, past)
    lines = _lines(past, command.order, order, command.items)
    cash = sum(line.cash for line in lines) + (
        command.freight if command.items else _freight_left(past, command, lines)
    )
    coupon = sum(line.coupon for line in lines)
    left = order.whole - past.used(f"refund/{command.order}")
    if not 0 < cash + coupon <= left:
        raise RefundExceedsPaid(f"{cash + coupon} is asked for, {left} is left.", field="items")
    yield RefundRequested(
        command.order,
        order.shop,
        order.buyer,
        order.currency,
        cash,
        coupon,
        lines,
        command.reason,
        command.returns,
    )


def check_paid(order: Order, id_: str, past: Past) -> None:
    """Raise UnknownOrder or WrongState unless the order is paid."""
    check(order, Command(id=id_), "paid", past)


def _freight_left(past: Past, command: RequestRefund, lines: Sequence[RefundLine]) -> int:
    """All that is left of the order beyond its lines: freight that was not refunded before."""
    order: Order = past.state(f"order-{command.order}")
    goods = sum(line.cash + line.coupon for line in lines)
    return order.whole - past.used(f"refund/{command.order}") - goods


def _lines(past: Past, id_: str, order: Order, items: Sequence[RefundItem]) -> tuple[RefundLine, ...]:
    """The items in money. Several items of one line build on each other."""
    if not items:
        items = [RefundItem(line=number) for number in range(1, len(order.lines) + 1)]
    used: dict[int, int] = {}
    found = []
    for item in items:
        if item.line > len(order.lines):
            raise InvalidAmount(f"The order has {len(order.lines)} lines, not {item.line}.", field="items")
        before = used.get(item.line, past.used(f"refund/{id_}/{item.line}"))
        line = _line(order, item, before)
        if line.cash or line.coupon:
            used[item.line] = before + line.cash + line.coupon
            found.append(line)
    return tuple(found)


def _line(order: Order, item: RefundItem, before: int) -> RefundLine:
    """One item in money, after `before` minor units of the line were refunded."""
    line, index = order.lines[item.line - 1], item.line - 1
    paid_cash, paid_coupon = order.line_cash[index], order.line_coupon[index]
    paid = paid_cash + paid_coupon
    quantity = 0
    if item.units:
        if max(item.units) > line.quantity or len(set(item.units)) < len(item.units):
            raise InvalidAmount(f"Line {item.line} has units 1 to {line.quantity}.", field="items")
        shares = zip(
            money.units(paid_cash, line.quantity), money.units(paid_coupon, line.quantity), strict=True
        )
        by_unit = list(shares)
        cash = sum(by_unit[unit - 1][0] for unit in item.units)
        coupon = sum(by_unit[unit - 1][1] for unit in item.units)
        quantity = len(item.units)
    elif item.cash is not None:
        # Refunds of a line take the coupon's part by its running share, so that it is exact at the end.
        cash_before = before - money.share(paid_coupon, before, paid)
        after = min(item.cash + cash_before, paid_cash)
        coupon = money.share(paid_coupon, after, paid_cash) - money.share(paid_coupon, cash_before, paid_cash)
        cash = item.cash
    else:
        coupon = paid_coupon - money.share(paid_coupon, before, paid)
        cash = paid - before - coupon
        quantity = line.quantity
    if before + cash + coupon > paid:
        detail = f"Line {item.line} was paid with {paid}, {before} of it is refunded."
        raise RefundExceedsPaid(detail, field="items")
    return RefundLine(item.line, line.sku, quantity, cash, coupon, paid, item.units)


# From which states a step is taken; a report of it from elsewhere is recorded and marked.
_STEPS: dict[str, tuple[str, ...]] = {
    "approve": ("requested", "refused", "escalated"),
    "refuse": ("requested", "escalated"),
    "escalate": ("requested", "refused", "approved", "return_shipped", "returned"),
    "ship-return": ("approved",),
    "receive-return": ("return_shipped",),
    "advance": ("requested", "approved", "return_shipped", "returned"),
    "close": ("refused", "completed", "requested", "approved"),
}
_AFTER = {
    "approve": "approved",
    "refuse": "refused",
    "escalate": "escalated",
    "ship-return": "return_shipped",
    "receive-return": "returned",
    "close": "closed",
}


def _step(past: Past, command: Command) -> tuple[Refund, tuple[str, ...]] | None:
    """The refund and the marks if the step may be taken, None if it is already so."""
    refund: Refund = past.state(command.stream)
    step = command.NAME.partition(".")[2]
    if refund.status == _AFTER.get(step):
        return None
    if refund.status in _STEPS[step] or past.reported:
        return refund, () if refund.status in _STEPS[step] else ("out_of_order",)
    if not refund.status:
        raise UnknownRefund(f"Got {command.id!r}.", field="id")
    raise WrongState(f"The refund is {refund.status}.", field="id")


@decides(ApproveRefund)
def approve(past: Past, command: ApproveRefund) -> Iterator[Item]:
    """A refund that was asked for, refused or escalated may be approved."""
    if found := _step(past, command):
        yield RefundApproved(found[1])


@decides(RefuseRefund)
def refuse(past: Past, command: RefuseRefund) -> Iterator[Item]:
    """A refund that is open may be refused."""
    if found := _step(past, command):
        if found[0].advanced and not past.reported:
            raise WrongState("Its cash was advanced; approve and complete it.", field="id")
        yield RefundRefused(command.reason, found[1])


@decides(EscalateRefund)
def escalate(past: Past, command: EscalateRefund) -> Iterator[Item]:
    """A refund may be escalated until it ends."""
    if _step(past, command):
        yield RefundEscalated(command.reason)


@decides(ShipReturn)
def ship_return(past: Past, command: ShipReturn) -> Iterator[Item]:
    """Goods travel back once the refund is approved."""
    if found := _step(past, command):
        yield ReturnShipped(command.waybill, command.carrier, command.pickup, found[1])


@decides(ReceiveReturn)
def receive_return(past: Past, command: ReceiveReturn) -> Iterator[Item]:
    """Goods arrive once they have travelled."""
    if found := _step(past, command):
        yield ReturnReceived(found[1])


@decides(CloseRefund)
def close(past: Past, command: CloseRefund) -> Iterator[Item]:
    """A refund is closed when it was completed or will not be; never while its cash is advanced."""
    if found := _step(past, command):
        refund = found[0]
        if refund.advanced and not refund.completed:
            raise WrongState("Its cash was advanced; complete it.", field="id")
        yield RefundClosed(command.reason)


@decides(AdvanceRefund)
def advance(past: Past, command: AdvanceRefund) -> Iterator[Item]:
    """The cash of an open refund is advanced once, within what is left of the order."""
    refund: Refund = past.state(command.stream)
    if refund.advanced:
        return
    if _step(past, command):
        order: Order = past.state(f"order-{refund.order}")
        left = order.whole - past.used(f"refund/{refund.order}")
        if refund.cash + refund.coupon > left:
            raise RefundExceedsPaid(f"{refund.cash + refund.coupon} is asked for, {left} is left.")
        if refund.cash:
            yield InstantRefundAdvanced(refund.order, refund.shop, refund.currency, refund.cash)


@decides(CompleteRefund)
def complete(past: Past, command: CompleteRefund) -> Iterator[Item]:
    """The money goes back once the refund is approved and, where goods return, they have arrived."""
    refund: Refund = past.state(command.stream)
    if refund.status == "completed":
        return
    if not refund.status:
        raise UnknownRefund(f"Got {command.id!r}.", field="id")
    if refund.status != ("returned" if refund.returns else "approved"):
        raise WrongState(f"The refund is {refund.status}.", field="id")
    order: Order = past.state(f"order-{refund.order}")
    yield _completed_fact(past, refund, order, order.whole)
    if refund.advanced:
        yield from _recover(past, refund, order)


def _recover(past: Past, refund: Refund, order: Order) -> Iterator[Item]:
    """What the platform had advanced is made good: from the escrow, or by the shop once it is settled."""
    outstanding = past.balance(f"refund_advance:{refund.shop}", refund.currency)
    need = min(outstanding, refund.advanced)
    escrow = "" if order.settled else f"order_escrow:{refund.order}"
    if escrow:
        need = min(need, past.balance(escrow, refund.currency))
    borne = bear(past, refund.shop, refund.currency, need, escrow=escrow)
    if borne.escrow + borne.payable + borne.deposit:
        yield RefundAdvanceRecovered(
            refund.order, refund.shop, refund.currency, borne.escrow, borne.payable, borne.deposit
        )


def _completed_fact(
    past: Past, refund: Refund, order: Order, paid: int, *, suspense: int = 0, marks: tuple[str, ...] = ()
) -> RefundCompleted:
    whole = refund.cash + refund.coupon
    before = past.used(f"refund/{refund.order}") if refund.order else 0
    after = before + whole - suspense

    def returned(share: int) -> int:
        return money.share(share, after, paid) - money.share(share, before, paid) if share else 0

    settled = order.settled or not refund.order
    bearers = bear(
        past,
        refund.shop,
        refund.currency,
        whole - refund.advanced,
        escrow="" if settled else f"order_escrow:{refund.order}",
        returned=(returned(order.whole_commission), returned(order.whole_host_share)) if settled else (0, 0),
        suspense=suspense,
    )
    return RefundCompleted(
        refund.order,
        refund.shop,
        order.host,
        refund.buyer,
        refund.currency,
        refund.cash,
        refund.coupon,
        refund.advanced,
        paid,
        refund.lines,
        bearers,
        past.system if bearers.suspense else "",
        (*marks, "guard_exceeded") if bearers.suspense else marks,
    )


@decides(RecordRefund)
def record(past: Past, command: RecordRefund) -> Iterator[Item]:
    """A reported refund is recorded whole; what it exceeds the payment by waits in suspense."""
    before: Refund = past.state(command.stream)
    if before.completed and past.source_version < before.version:
        yield StaleVersionRecorded(past.source_version, before.version)
        return
    order: Order = past.state(f"order-{command.order}") if command.order else Order()
    if command.order and not order.paid:
        yield park(command, f"order-{command.order}", "paid")
        return
    refund, suspense, marks = _reported(past, command, order, before)
    if before.completed:
        same = (before.order, before.cash, before.coupon) == (refund.order, refund.cash, refund.coupon)
        if same:
            return
        if past.source_version == before.version:
            detail = f"Refund {command.id} is recorded with {before.cash + before.coupon}."
            raise ChangedWithoutVersion(detail, field="lines")
        from ledger.decisions.correction import reverse  # noqa: PLC0415 - corrections know refunds, not the reverse

        yield reverse(past, before.completed, f"replaced by version {past.source_version}")
        refund, suspense, marks = _reported(past, command, order, before)
    yield _completed_fact(past, refund, order, order.whole, suspense=suspense, marks=marks)
    if refund.advanced:
        yield from _recover(past, refund, order)


def _reported(
    past: Past, command: RecordRefund, order: Order, before: Refund
) -> tuple[Refund, int, tuple[str, ...]]:
    """A report as a refund, with the part no guard allows and the marks it earns."""
    foreign = bool(command.order) and command.currency != order.currency
    over = 0
    lines = []
    used: dict[int, int] = {}
    for line in command.lines:
        paid = excess = 0
        number = line.line if command.order and not foreign and line.line <= len(order.lines) else 0
        if number:
            paid = order.line_paid(number)
            taken = used.get(number, past.used(f"refund/{command.order}/{number}"))
            excess = max(taken + line.cash + line.coupon - paid, 0)
            used[number] = taken + line.cash + line.coupon - excess
        over += excess
        lines.append(RefundLine(number, line.sku, line.quantity, line.cash, line.coupon, paid, (), excess))
    cash = sum(line.cash for line in command.lines) + command.freight
    coupon = sum(line.coupon for line in command.lines)
    if foreign:
        over = cash + coupon
    elif command.order:
        over = max(over, past.used(f"refund/{command.order}") + cash + coupon - order.whole, 0)
    refund = Refund(
        "",
        command.order,
        order.shop or command.shop,
        order.buyer or command.buyer,
        money.currency(command.currency),
        cash,
        coupon,
        tuple(lines),
        advanced=min(before.advanced, cash) if not before.completed else 0,
    )
    return refund, over, ("currency_mismatch",) if foreign else ()

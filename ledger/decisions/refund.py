"""A refund from the request to the money: what may be given back, who bears it, what was advanced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, NamedTuple

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
from ledger.decisions.bearing import borne_by_shop, recovered
from ledger.decisions.correction import reverse
from ledger.decisions.credit import free
from ledger.decisions.dispatch import follow
from ledger.decisions.order import Order, check
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.errors import (
    AlreadyExists,
    ChangedWithoutVersion,
    InvalidAmount,
    RefundExceedsPaid,
    UnknownRefund,
    WrongState,
)
from ledger.events.base import Fact, Recorded
from ledger.events.order import SameVersionRecorded, StaleVersionRecorded
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundClosed,
    RefundCompleted,
    RefundEntitled,
    RefundEscalated,
    RefundLine,
    RefundRefused,
    RefundRequested,
    ReturnReceived,
    ReturnShipped,
)


class Refund(msgspec.Struct, frozen=True, gc=False):
    """What a refund is now; sums in minor units of `currency`.

    Of steps that are reported the one that counts last makes the status, whatever came first.
    """

    step: str = ""
    step_at: tuple[int, int] = (0, 0)
    """When the last step counts, and its rank among those of the same moment."""
    requested: bool = False
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
    undone: bool = False
    """Whether a correction reversed the completion."""
    waybill: str = ""
    """Under which its goods travelled back."""
    benefits: tuple[str, ...] = ()
    """Under which it is owed without the shop's agreement."""
    closed: bool = False
    version: int = 0
    parked: tuple[Waiting, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it was requested, or completed elsewhere."""
        return bool(self.currency)

    @property
    def status(self) -> str:
        """One word for people: how far the refund has come."""
        if self.closed:
            return "closed"
        if self.completed:
            return "completed"
        return "reversed" if self.undone else self.step


INITIAL["refund"] = Refund()


@folds(RefundRequested)
def _requested(refund: Refund, fact: RefundRequested, _recorded: Recorded) -> Refund:
    parked = without(refund.parked, "requested")
    if refund.known:
        # It was reported as completed first, and that says what was given back.
        step = refund.step or "requested"
        return msgspec.structs.replace(refund, step=step, requested=True, returns=fact.returns, parked=parked)
    return msgspec.structs.replace(
        refund,
        step="requested",
        requested=True,
        order=fact.order,
        shop=fact.shop,
        buyer=fact.buyer,
        currency=fact.currency,
        cash=fact.cash,
        coupon=fact.coupon,
        lines=fact.lines,
        returns=fact.returns,
        parked=parked,
    )


@folds(RefundCompleted)
def _completed(refund: Refund, fact: RefundCompleted, recorded: Recorded) -> Refund:
    source = recorded.envelope.source
    return msgspec.structs.replace(
        refund,
        order=fact.order,
        shop=fact.shop,
        buyer=fact.buyer,
        currency=fact.currency,
        cash=fact.cash,
        coupon=fact.coupon,
        lines=fact.lines,
        completed=recorded.position,
        undone=False,
        version=source.version if source else refund.version,
        parked=without(refund.parked, "requested"),
    )


@folds(InstantRefundAdvanced)
def _advanced(refund: Refund, fact: InstantRefundAdvanced, _recorded: Recorded) -> Refund:
    return msgspec.structs.replace(refund, advanced=fact.amount, coupon=fact.coupon, lines=fact.lines)


#                       step               rank
_RANKS: dict[type[Fact], tuple[str, int]] = {
    RefundRefused:     ("refused",         1),
    RefundEscalated:   ("escalated",       2),
    RefundApproved:    ("approved",        3),
    ReturnShipped:     ("return_shipped",  4),
    ReturnReceived:    ("returned",        5),
}  # fmt: skip


@folds(*_RANKS)
def _moved_on(refund: Refund, fact: Fact, recorded: Recorded) -> Refund:
    step, rank = _RANKS[type(fact)]
    envelope = recorded.envelope
    step_at = envelope.effective_at, rank
    if type(fact) is ReturnShipped:
        refund = msgspec.structs.replace(refund, waybill=fact.waybill)
    if envelope.source is not None and step_at < refund.step_at:
        return refund
    return msgspec.structs.replace(refund, step=step, step_at=step_at)


@folds(RefundEntitled)
def _entitled(refund: Refund, fact: RefundEntitled, _recorded: Recorded) -> Refund:
    return msgspec.structs.replace(refund, benefits=(*refund.benefits, fact.benefit))


@folds(RefundClosed)
def _closed(refund: Refund, _fact: RefundClosed, _recorded: Recorded) -> Refund:
    return msgspec.structs.replace(refund, closed=True)


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
    if refund.order not in {"", command.order}:
        raise AlreadyExists(f"Refund {command.id} is that of order {refund.order}.", field="id")
    if refund.requested or (refund.known and not past.reported):
        if not _asks_the_same(refund, command):
            raise AlreadyExists(f"Refund {command.id} was requested with other content.", field="id")
        return
    if not check(order, command.order, "paid", past):
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    left = left_of(past, command.order, order)
    lines = _lines(past, command, order, left)
    goods, coupon = sum(line.cash for line in lines), sum(line.coupon for line in lines)
    cash = goods + (command.freight if command.items else max(left.cash - goods, 0))
    if not (cash + coupon and cash <= left.cash and cash + coupon <= left.whole) and not past.reported:
        raise RefundExceedsPaid(
            f"{cash} and coupons of {coupon} are asked for, {left} is left.", field="items"
        )
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
    yield from follow(past, command.order, command.id, "open", lines)
    yield from release(past, for_(refund.parked, "requested"))


def _asks_the_same(refund: Refund, command: RequestRefund) -> bool:
    """Whether a refund is the one that is asked for, as far as the request says what it wants."""
    named = {(line.line, line.units, line.cash) for line in refund.lines}
    wanted = (
        any((item.line, item.units) == name[:2] and item.cash in {None, name[2]} for name in named)
        for item in command.items
    )
    return (refund.order, refund.returns) == (command.order, command.returns) and all(wanted)


class Sums(NamedTuple):
    """Cash and coupons in minor units."""

    cash: int
    coupon: int

    @property
    def whole(self) -> int:
        """Both together."""
        return self.cash + self.coupon

    def less(self, cash: int, coupon: int) -> Sums:
        """What is left without these."""
        return Sums(self.cash - cash, self.coupon - coupon)

    def __str__(self) -> str:
        return f"{self.cash} and coupons of {self.coupon}"


def left_of(past: Past, id_: str, order: Order, line: int = 0) -> Sums:
    """What of an order, or of a line, is neither refunded nor advanced for refunds that are not complete.

    Less than nothing of the cash is left where a report gave back in cash what coupons had paid.
    """
    subject = f"{id_}/{line}" if line else id_
    names = [f"refund/{subject}", f"advanced/{subject}"]
    if order.coupon:
        names += [f"refund-coupon/{subject}", f"advanced-coupon/{subject}"]
    refunded, advanced, *coupons = past.used_of(names)
    paid = Sums(order.cash, order.coupon)
    if line:
        there = line <= len(order.line_cash)
        paid = Sums(order.line_cash[line - 1], order.line_coupon[line - 1]) if there else Sums(0, 0)
    return paid.less(refunded + advanced - sum(coupons), sum(coupons))


def _lines(past: Past, command: RequestRefund, order: Order, left: Sums) -> tuple[RefundLine, ...]:
    """The items in money. Several items of one line build on each other; without any, all that is left."""
    everything = [RefundItem(line=number) for number in range(1, len(order.lines) + 1)]
    lines_left: dict[int, Sums] = {}
    units: set[tuple[int, int]] = set()
    found = []
    for item in command.items or everything:
        number = item.line
        _check_item(past, command.order, order, item, units)
        line_left = lines_left.get(number) or left_of(past, command.order, order, number)
        cash, coupon = _asked(past, order, item, line_left)
        if not command.items:
            # Refunds that named no line may have taken from the order what is left of the line.
            cash, coupon = max(min(cash, left.cash), 0), max(min(coupon, left.coupon), 0)
        lines_left[number], left = line_left.less(cash, coupon), left.less(cash, coupon)
        line = order.lines[number - 1]
        quantity = 0 if item.cash is not None else len(item.units) or line.quantity
        if cash or coupon:
            paid = order.line_paid(number)
            found.append(RefundLine(number, line.sku, quantity, cash, coupon, paid, item.units))
    return tuple(found)


def _check_item(past: Past, id_: str, order: Order, item: RefundItem, units: set[tuple[int, int]]) -> None:
    """Refuse what the order does not have; `units` gathers those that earlier items named."""
    if not 1 <= item.line <= len(order.lines):
        raise InvalidAmount(f"The order has {len(order.lines)} lines, not {item.line}.", field="items")
    if item.units and item.cash is not None:
        raise InvalidAmount("An item names units or a sum, not both.", field="items")
    quantity = order.lines[item.line - 1].quantity
    for unit in item.units:
        if not 1 <= unit <= quantity or (item.line, unit) in units:
            raise InvalidAmount(f"Line {item.line} has units 1 to {quantity}, each once.", field="items")
        units.add((item.line, unit))
        subject = f"{id_}/{item.line}/{unit}"
        if sum(past.used_of([f"refund/{subject}", f"advanced/{subject}"])) and not past.reported:
            raise RefundExceedsPaid(f"Unit {unit} of line {item.line} was refunded.", field="items")


def _asked(past: Past, order: Order, item: RefundItem, left: Sums) -> tuple[int, int]:
    """One item in cash and coupons, of a line of which `left` is left."""
    paid_cash, paid_coupon = order.line_cash[item.line - 1], order.line_coupon[item.line - 1]
    if item.cash is None and not item.units:
        cash = max(left.cash, 0)
        return cash, max(min(left.coupon, left.whole - cash), 0)
    quantity = order.lines[item.line - 1].quantity
    cash = item.cash or sum(money.unit(paid_cash, quantity, unit) for unit in item.units)
    coupon = _coupon(order, item.line, cash, left)
    if item.units and not paid_cash:
        coupon = sum(money.unit(paid_coupon, quantity, unit) for unit in item.units)
    if (cash > left.cash or cash + coupon > left.whole) and not past.reported:
        raise RefundExceedsPaid(f"{cash} of line {item.line} is asked for, {left} is left.", field="items")
    return cash, coupon


def _coupon(order: Order, line: int, cash: int, left: Sums) -> int:
    """What coupons bear of a refund of `cash` of a line of which `left` is left.

    It follows the cash by its running share, so that all refunds of a line together give back exactly what
    was paid with coupons, whatever their order and number.
    """
    paid_cash, paid_coupon = order.line_cash[line - 1], order.line_coupon[line - 1]
    after = min(paid_cash - left.cash + cash, paid_cash)
    before = paid_coupon - left.coupon
    return max(min(money.share(paid_coupon, after, paid_cash) - before, left.whole - cash), 0)


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


def _step(past: Past, command: Command, fact: Callable[[tuple[str, ...]], Fact]) -> Iterator[Item]:
    """The fact, made with its marks, if the step may be taken; nothing if it is already so."""
    refund: Refund = past.state(command.stream)
    step = command.NAME.partition(".")[2]
    if not refund.known:
        if not past.reported:
            raise UnknownRefund(f"Got {command.id!r}.", field="id")
        yield from park(past, command, command.stream, "requested")
        return
    # The same step reported again may still be the one that counts last.
    if refund.status == _AFTER.get(step) and not (past.reported and past.moment > refund.step_at[0]):
        return
    if refund.status in _STEPS[step]:
        yield fact(())
    elif past.reported:
        yield fact(("out_of_order",))
    else:
        raise WrongState(f"The refund is {refund.status}.", field="id")
    yield from _clock(past, command)


def _clock(past: Past, command: Command) -> Iterator[Item]:
    """While a refund is open, what is to leave for it waits."""
    refund: Refund = past.state(command.stream)
    if refund.order and not refund.completed:
        now: Literal["open", "decided"] = "decided" if refund.status in {"refused", "closed"} else "open"
        yield from follow(past, refund.order, command.id, now, refund.lines)
    elif refund.order:
        yield from follow(past, refund.order, command.id, "given back", refund.lines)


@decides(ApproveRefund)
def approve(past: Past, command: ApproveRefund) -> Iterator[Item]:
    """A refund that was asked for, refused or escalated may be approved."""
    yield from _step(past, command, RefundApproved)


@decides(RefuseRefund)
def refuse(past: Past, command: RefuseRefund) -> Iterator[Item]:
    """A refund that is open may be refused, unless its cash was advanced."""
    refund: Refund = past.state(command.stream)
    if refund.advanced and not past.reported:
        raise WrongState("Its cash was advanced; approve and complete it.", field="id")
    yield from _step(past, command, lambda marks: RefundRefused(command.reason, marks))


@decides(EscalateRefund)
def escalate(past: Past, command: EscalateRefund) -> Iterator[Item]:
    """A refund may be escalated until it ends."""
    yield from _step(past, command, lambda _marks: RefundEscalated(command.reason))


@decides(ShipReturn)
def ship_return(past: Past, command: ShipReturn) -> Iterator[Item]:
    """Goods travel back once the refund is approved."""
    shipped = command.waybill, command.carrier, command.pickup
    yield from _step(past, command, lambda marks: ReturnShipped(*shipped, marks))


@decides(ReceiveReturn)
def receive_return(past: Past, command: ReceiveReturn) -> Iterator[Item]:
    """Goods arrive once they have travelled."""
    yield from _step(past, command, ReturnReceived)


@decides(CloseRefund)
def close(past: Past, command: CloseRefund) -> Iterator[Item]:
    """A refund is closed when it was completed or will not be; never while its cash is advanced."""
    refund: Refund = past.state(command.stream)
    if refund.advanced and not refund.completed:
        raise WrongState("Its cash was advanced; complete it.", field="id")
    if not refund.closed:
        yield from _step(past, command, lambda _marks: RefundClosed(command.reason))


@decides(AdvanceRefund)
def advance(past: Past, command: AdvanceRefund) -> Iterator[Item]:
    """The cash of an open refund is advanced once, within what is left of the order and of its lines.

    Reported after the refund was completed it changes nothing: that said how the cash was paid.
    """
    refund: Refund = past.state(command.stream)
    nothing_to_pay = refund.known and not refund.cash
    if not (nothing_to_pay or refund.advanced or (refund.completed and past.reported)):
        yield from _step(past, command, lambda _marks: _advance(past, refund))


def _advance(past: Past, refund: Refund) -> InstantRefundAdvanced:
    order: Order = past.state(f"order-{refund.order}")
    due = _due(past, refund, order)
    _check_left(past, due, order)
    sums = due.currency, due.cash, due.coupon, order.whole
    return InstantRefundAdvanced(due.order, due.shop, *sums, due.lines)


@decides(CompleteRefund)
def complete(past: Past, command: CompleteRefund) -> Iterator[Item]:
    """The money goes back once the refund is approved and, where goods return, they have arrived."""
    refund: Refund = past.state(command.stream)
    if refund.completed:
        return
    if not refund.known:
        if not past.reported:
            raise UnknownRefund(f"Got {command.id!r}.", field="id")
        yield from park(past, command, command.stream, "requested")
        return
    # Goods that came back although nobody asked for them do not stand in the way of the money.
    ready = refund.status == "returned" or (refund.status == "approved" and not refund.returns)
    if not ready and not past.reported:
        raise WrongState(f"The refund is {refund.status}.", field="id")
    order: Order = past.state(f"order-{refund.order}")
    suspense = 0
    if not refund.advanced:
        refund = _due(past, refund, order)
        if past.reported:
            refund, suspense = _guarded(past, refund, order)
        else:
            _check_left(past, refund, order)
    yield from _complete(past, refund, order, suspense, () if ready else ("out_of_order",))
    if refund.advanced:
        yield from free(past, command.id, refund.buyer, refund.currency)
    yield from _clock(past, command)


def _due(past: Past, refund: Refund, order: Order) -> Refund:
    """A refund that was asked for, with what coupons bear of it by now."""
    coupon_left = left_of(past, refund.order, order).coupon
    lines_left: dict[int, Sums] = {}
    lines = []
    for line in refund.lines:
        number = line.line
        left = lines_left.get(number) or left_of(past, refund.order, order, number)
        # A line asked for whole keeps what was left when it was asked for.
        part = line.cash and (line.units or line.quantity == 0) and 0 < number <= len(order.lines)
        wanted = _coupon(order, number, line.cash, left) if part else min(line.coupon, left.coupon)
        coupon = max(min(wanted, coupon_left), 0)
        coupon_left -= coupon
        lines_left[number] = left.less(line.cash, coupon)
        lines.append(msgspec.structs.replace(line, coupon=coupon, paid=order.line_paid(number)))
    return msgspec.structs.replace(refund, lines=tuple(lines), coupon=sum(line.coupon for line in lines))


def _check_left(past: Past, refund: Refund, order: Order) -> None:
    """Refuse what others were refunded, or advanced, meanwhile; raises RefundExceedsPaid."""
    asked = {0: Sums(refund.cash, refund.coupon)}
    for line in refund.lines:
        so_far = asked.get(line.line, Sums(0, 0))
        asked[line.line] = Sums(so_far.cash + line.cash, so_far.coupon + line.coupon)
        for unit in line.units:
            subject = f"{refund.order}/{line.line}/{unit}"
            if sum(past.used_of([f"refund/{subject}", f"advanced/{subject}"])):
                raise RefundExceedsPaid(f"Unit {unit} of line {line.line} was refunded.", field="id")
    for number, sums in asked.items():
        left = left_of(past, refund.order, order, number)
        if sums.cash > left.cash or sums.whole > left.whole:
            where = f" of line {number}" if number else ""
            raise RefundExceedsPaid(f"{sums}{where} is asked for, {left} is left.", field="id")


def _guarded(past: Past, refund: Refund, order: Order) -> tuple[Refund, int]:
    """A refund that happened elsewhere, and the part of it that the guards do not let count."""
    whole = refund.cash + refund.coupon
    used: dict[int, int] = {}
    lines = []
    for line in refund.lines:
        over = 0
        if line.line:
            before = used.get(line.line, past.used(f"refund/{refund.order}/{line.line}"))
            after = before + line.cash + line.coupon
            over = max(after - order.line_paid(line.line), 0)
            used[line.line] = after - over
        units = tuple(u for u in line.units if not past.used(f"refund/{refund.order}/{line.line}/{u}"))
        paid = order.line_paid(line.line) if line.line else 0
        lines.append(msgspec.structs.replace(line, paid=paid, units=units, over=over))
    over = sum(line.over for line in lines)
    left = order.whole - past.used(f"refund/{refund.order}")
    return msgspec.structs.replace(refund, lines=tuple(lines)), max(over, whole - left)


def _complete(
    past: Past, refund: Refund, order: Order, suspense: int, marks: tuple[str, ...]
) -> Iterator[Item]:
    """The completion with those who bear it, and what it makes good of advances."""
    whole = refund.cash + refund.coupon
    need = whole - suspense - refund.advanced
    if refund.order and (not order.settled or not need + refund.advanced):
        bearers = Bearers(escrow=need, suspense=suspense)
    else:
        refunded = past.used(f"refund/{refund.order}") if refund.order else 0
        before, after = order.shares(refunded), order.shares(refunded + whole - suspense)
        returned = before[0] - after[0], before[1] - after[1]
        borne = borne_by_shop(past, refund.shop, refund.currency, need, returned)
        bearers = msgspec.structs.replace(borne, suspense=suspense)
    yield RefundCompleted(
        refund.order,
        refund.shop,
        order.host,
        refund.buyer,
        refund.currency,
        refund.cash,
        refund.coupon,
        refund.advanced,
        order.whole,
        refund.lines,
        bearers,
        past.system if suspense else "",
        (*marks, "guard_exceeded") if suspense else marks,
    )
    if refund.advanced:
        yield from _made_good(past, refund, order)
    credit = bearers.commission + bearers.host - bearers.payable
    yield from recovered(past, refund.order, refund.shop, refund.currency, credit)


def _made_good(past: Past, refund: Refund, order: Order) -> Iterator[Item]:
    """What the platform had advanced is made good: from the escrow, or by the shop once it is settled."""
    shop, currency = refund.shop, refund.currency
    if order.settled:
        need = min(past.balance(f"refund_advance:{shop}", currency), refund.advanced)
        borne = borne_by_shop(past, shop, currency, max(need, 0))
        parts = 0, borne.payable, borne.deposit
    else:
        # What credits of the shop had made good already goes back to it next.
        parts = refund.advanced, 0, 0
    if any(parts):
        yield RefundAdvanceRecovered(refund.order, shop, currency, *parts)


@decides(RecordRefund)
def record(past: Past, command: RecordRefund) -> Iterator[Item]:
    """A reported refund is recorded whole; what it exceeds the payment by waits in suspense."""
    before: Refund = past.state(command.stream)
    if past.source_version < before.version:
        yield StaleVersionRecorded(past.source_version, before.version)
        return
    order: Order = past.state(f"order-{command.order}") if command.order else Order()
    if command.order and not order.paid:
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    foreign = bool(command.order) and command.currency != order.currency
    refund = _reported(command, order, before, foreign=foreign)
    if before.completed:
        if not _changes(past, before, refund):
            if past.source_version > before.version:
                yield SameVersionRecorded(past.source_version, before.version)
            return
        yield from reverse(past, before.completed, f"replaced by version {past.source_version}")
        order = past.state(f"order-{command.order}") if command.order else order
    elif before.advanced:
        raise WrongState("Its cash was advanced here; complete it here.", field="id")
    elif before.requested and before.order != command.order:
        raise AlreadyExists(f"Refund {command.id} belongs to order {before.order}.", field="id")
    suspense = refund.cash + refund.coupon if foreign else 0
    if command.order and not foreign:
        refund, suspense = _guarded(past, refund, order)
    yield from _complete(past, refund, order, suspense, ("currency_mismatch",) if foreign else ())
    yield from _clock(past, command)
    yield from release(past, for_(before.parked, "requested"))


def _changes(past: Past, before: Refund, refund: Refund) -> bool:
    """Whether a report says something else than what is recorded; raises ChangedWithoutVersion."""
    newer = past.source_version > before.version
    sums = [(r.order, r.shop, r.currency, r.cash, r.coupon) for r in (before, refund)]
    lines = [
        [(line.line, line.sku, line.quantity, line.cash, line.coupon) for line in r.lines]
        for r in (before, refund)
    ]
    if sums[0] != sums[1] and not newer:
        detail = f"It is recorded with {before.cash + before.coupon} {before.currency}."
        raise ChangedWithoutVersion(detail, field="lines")
    return newer and (sums[0] != sums[1] or lines[0] != lines[1])


def _reported(command: RecordRefund, order: Order, before: Refund, *, foreign: bool) -> Refund:
    """A report as a refund; the lines of another currency, or of no order, are none of an order's."""
    named = bool(command.order) and not foreign
    return msgspec.structs.replace(
        before,
        order=command.order,
        shop=order.shop or command.shop,
        buyer=order.buyer or command.buyer,
        currency=money.currency(command.currency),
        cash=money.amount(sum(line.cash for line in command.lines) + command.freight, field="lines"),
        coupon=money.amount(sum(line.coupon for line in command.lines), field="lines"),
        lines=tuple(
            RefundLine(line.line if named else 0, line.sku, line.quantity, line.cash, line.coupon)
            for line in command.lines
        ),
        advanced=0,
    )

"""The appraisal warehouse: goods go to a lab before they go to the buyer, and only if they are what was said.

An offer is marked before it is bought. Each piece gets four checks and, if it passes all, a certificate of
its own; what fails never goes, and its price goes back. A used device gets a report, and a warranty that
runs from the day the buyer has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from ledger import money, policy
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Count,
    Currency,
    Item,
    Name,
    On,
    OptionalName,
    OrderId,
    Past,
    Text,
    also,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.bearing import recovered
from ledger.decisions.offer import marked
from ledger.decisions.order import UNSENT, InWarehouse, Order, check
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.decisions.policy import terms
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem, RequestRefund, left_of
from ledger.errors import (
    AlreadyExists,
    CertificateTaken,
    InsufficientFunds,
    InvalidAmount,
    RefundExceedsPaid,
    UnknownItem,
    WrongState,
)
from ledger.events.appraisal import (
    AppraisalFailed,
    AppraisalPassed,
    CertificateIssued,
    CheckRecorded,
    DeviceInspected,
    ItemReceived,
    LabPaid,
    WarrantyStarted,
)
from ledger.events.base import Recorded
from ledger.events.fulfilment import ItemAppraised, ItemAtWarehouse, Shipped

Check = Literal["material", "weight", "item", "narration"]
CHECKS: tuple[Check, ...] = ("material", "weight", "item", "narration")
"""What a lab checks of every piece; `narration`: what was said on air is true."""
WARRANTY = "device-warranty"

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, hexadecimal")]
OptionalDigest = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)", description="SHA-256, hexadecimal")
]


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A piece of goods as the lab knows it; `checks` are those of its last appraisal, by name.

    Reports come in any order, so each step is kept for itself and `status` follows from all.
    """

    sales: int = 0
    """How often it was sold and came to the lab."""
    passed: bool = False
    failed: bool = False
    certified: bool = False
    order: str = ""
    line: int = 0
    unit: int = 0
    shop: str = ""
    lab: str = ""
    checks: dict[str, bool] = {}
    certificate: str = ""
    report: str = ""
    """The digest of the report on a device; empty without one."""
    warranty: int = 0
    """The last moment of the warranty, UTC microseconds; 0 before the buyer has the device."""
    parked: tuple[Waiting, ...] = ()

    @property
    def status(self) -> str:
        """One word: empty before it came, received, passed, certified or failed."""
        if self.failed:
            return "failed"
        if self.certified:
            return "certified"
        if self.passed:
            return "passed"
        return "received" if self.sales else ""


INITIAL["item"] = Piece()
INITIAL["lab"] = None  # What a lab is owed is in the books.

folds(LabPaid)(unchanged)


@folds(ItemReceived)
def _received(piece: Piece, fact: ItemReceived, _recorded: Recorded) -> Piece:
    """A piece that comes again keeps its certificate and nothing else."""
    return Piece(
        sales=piece.sales + 1,
        order=fact.order,
        line=fact.line,
        unit=fact.unit,
        shop=fact.shop,
        lab=fact.lab,
        certificate=piece.certificate,
        parked=without(piece.parked, "received"),
    )


@folds(CheckRecorded)
def _checked(piece: Piece, fact: CheckRecorded, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, checks={**piece.checks, fact.check: fact.passed})


@folds(AppraisalPassed)
def _passed(piece: Piece, _fact: AppraisalPassed, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, passed=True)


@folds(AppraisalFailed)
def _failed(piece: Piece, _fact: AppraisalFailed, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, failed=True)


@folds(CertificateIssued)
def _certified(piece: Piece, fact: CertificateIssued, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, certified=True, certificate=fact.certificate)


@folds(DeviceInspected)
def _inspected(piece: Piece, fact: DeviceInspected, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, report=fact.report)


@folds(WarrantyStarted)
def _warranted(piece: Piece, fact: WarrantyStarted, _recorded: Recorded) -> Piece:
    return msgspec.structs.replace(piece, warranty=fact.until)


@folds(ItemAtWarehouse)
def _at_warehouse(order: Order, fact: ItemAtWarehouse, _recorded: Recorded) -> Order:
    return _with(order, InWarehouse(fact.serial, fact.line, fact.unit))


@folds(ItemAppraised)
def _appraised(order: Order, fact: ItemAppraised, _recorded: Recorded) -> Order:
    """What failed stays failed, whatever else is reported of it and when."""
    if any((item.serial, item.outcome) == (fact.serial, "failed") for item in order.items):
        return order
    return _with(order, InWarehouse(fact.serial, fact.line, fact.unit, fact.outcome, fact.certificate))


def _with(order: Order, item: InWarehouse) -> Order:
    others = [other for other in order.items if other.serial != item.serial]
    return msgspec.structs.replace(order, items=tuple(sorted((*others, item))))


class ReceiveItem(Command, kw_only=True):
    """Record that a piece of a paid order arrived at the lab's warehouse; `id` is its serial number.

    It is the line's next unit that has not come yet, unless `unit` says which.
    """

    NAME = "items.receive"
    STREAM = "item"

    id: Name
    order: OrderId
    line: Count = 1
    unit: Count | None = None
    lab: Name

    def touches(self) -> tuple[str, ...]:
        """The piece and its order."""
        return (self.stream, f"order-{self.order}")

    def orders(self) -> tuple[str, ...]:
        """The order it was sold in."""
        return (self.order,)


class RecordCheck(Command, kw_only=True):
    """Record one of the four checks of a piece: what was said of it and what the lab found."""

    NAME = "items.check"
    STREAM = "item"

    id: Name
    check: Check
    passed: bool
    said: Text = ""
    found: Text = ""
    evidence: OptionalDigest = ""


class PassItem(Command, kw_only=True):
    """Find that a piece is what was said: all four checks were passed."""

    NAME = "items.pass"
    STREAM = "item"

    id: Name


class FailItem(Command, kw_only=True):
    """Find that a piece is not what was said: it never goes, and the buyer gets its price back."""

    NAME = "items.fail"
    STREAM = "item"

    id: Name
    reason: Text


class CertifyItem(Command, kw_only=True):
    """Issue the certificate of a piece that passed; then it may go. Platform or shop owe the lab its fee."""

    NAME = "items.certify"
    STREAM = "item"

    id: Name
    certificate: Name
    fee: Amount = 0
    borne_by: Literal["platform", "shop"] = "platform"


class InspectDevice(Command, kw_only=True):
    """Record the report on a used device; its warranty begins when the buyer has it."""

    NAME = "items.inspect"
    STREAM = "item"

    id: Name
    report: Digest
    grade: OptionalName = ""
    findings: Text = ""


class PayLab(Command, kw_only=True):
    """Pay a lab what it is owed, all of it unless `amount` says less."""

    NAME = "labs.pay"
    STREAM = "lab"

    id: Name
    amount: Amount | None = None
    currency: Currency = "CNY"


# What keeps goods in the warehouse.


def kept(past: Past, order: Order, items: Sequence[Shipped]) -> str:
    """Why a parcel with these units (none: with all that is still to go) may not leave; empty if it may."""
    parcel: dict[int, int] = {}
    for item in items:
        parcel[item.line] = parcel.get(item.line, 0) + item.quantity
    for number, line in enumerate(order.lines, 1):
        if items and number not in parcel:
            continue
        pieces = [piece for piece in order.items if piece.line == number]
        if not pieces and not _to_appraise(past, order, line.sku):
            continue
        certified = sum(piece.outcome == "certified" for piece in pieces)
        failed = sum(piece.outcome == "failed" for piece in pieces)
        before = order.sent.get(number, 0)
        going = before + parcel[number] if items else line.quantity - failed
        if going > certified:
            return f"Line {number}: {certified} of {going} pieces are certified."
    return ""


def _to_appraise(past: Past, order: Order, article: str) -> bool:
    # A report of what has left anyway is marked by what is known of its pieces; nothing is looked up for it.
    return not past.reported and marked(past, order.shop, article, order.paid_at)


def warranties(past: Past, order_id: str) -> Iterator[Item]:
    """Once the buyer has the goods, the warranty of each inspected device begins, if terms are in force."""
    order: Order = past.state(f"order-{order_id}")
    if not order.received_at:
        return
    for item in order.items:
        stream = f"item-{item.serial}"
        piece: Piece = past.state(stream)
        if piece.order != order_id or not piece.report or piece.warranty or piece.status == "failed":
            continue
        version = terms(past, WARRANTY, order.paid_at)
        if version is not None:
            until = policy.window_last(version, order.received_at)
            where = piece.order, piece.line, piece.unit
            yield On(stream, WarrantyStarted(*where, version.version, order.received_at, until))


# Pieces.


@decides(ReceiveItem)
def receive(past: Past, command: ReceiveItem) -> Iterator[Item]:
    """A piece of a paid line that has not left arrives once; after its appraisal it may be sold again."""
    piece: Piece = past.state(command.stream)
    order: Order = past.state(f"order-{command.order}")
    if (piece.order, piece.line) == (command.order, command.line):
        return
    if piece.status in {"received", "passed"}:
        raise AlreadyExists(f"{command.id} is appraised for order {piece.order}.", field="id")
    if not check(order, command.order, "paid", past):
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    marks: tuple[str, ...] = ()
    if order.stage not in {*UNSENT, "partly_dispatched"}:
        if not past.reported:
            raise WrongState(f"The order is {order.status}.", field="order")
        marks = ("out_of_order",)
    unit = _unit(order, command)
    if not unit:
        if not past.reported or command.line > len(order.lines):
            raise InvalidAmount(f"No such unit of line {command.line} is still to come.", field="line")
        marks = (*marks, "quantity_mismatch")
    yield ItemReceived(command.order, command.line, unit, order.shop, command.lab, marks)
    yield On(f"order-{command.order}", ItemAtWarehouse(command.id, command.line, unit))
    yield from release(past, for_(piece.parked, "received"))


def _unit(order: Order, command: ReceiveItem) -> int:
    """The unit that is named, or the lowest of the line, if it has not come yet; 0 if there is none."""
    if command.line > len(order.lines):
        return 0
    taken = {item.unit for item in order.items if item.line == command.line}
    units = range(1, order.lines[command.line - 1].quantity + 1)
    wanted = units if command.unit is None else (command.unit,)
    return next((unit for unit in wanted if unit in units and unit not in taken), 0)


def _step(
    past: Past, command: Command, allowed: tuple[str, ...], already: str = ""
) -> tuple[Piece, tuple[str, ...]] | None:
    """The piece and its marks if the step may be taken; None if it is already so. A report may be early."""
    piece: Piece = past.state(command.stream)
    if already and getattr(piece, already):
        return None
    if piece.status in allowed:
        return piece, ()
    if past.reported:
        return piece, ("out_of_order",)
    raise WrongState(f"The piece is {piece.status}.", field="id")


def _arrived(past: Past, command: Command) -> bool:
    """Whether the piece has come; a report may wait for it, a command is refused with UnknownItem."""
    if past.state(command.stream).status:
        return True
    if past.reported:
        return False
    raise UnknownItem(f"Got {command.id!r}.", field="id")


@decides(RecordCheck)
def record_check(past: Past, command: RecordCheck) -> Iterator[Item]:
    """A check is recorded until the piece is decided; the last word counts."""
    if not _arrived(past, command):
        yield from park(past, command, command.stream, "received")
    elif found := _step(past, command, ("received",)):
        piece, marks = found
        if piece.checks.get(command.check) is not command.passed:
            told = command.said, command.found, command.evidence
            yield CheckRecorded(command.check, command.passed, *told, marks)


@decides(PassItem)
def pass_(past: Past, command: PassItem) -> Iterator[Item]:
    """A piece passes with all four checks."""
    if not _arrived(past, command):
        yield from park(past, command, command.stream, "received")
    elif found := _step(past, command, ("received",), "passed"):
        piece, marks = found
        missing = [name for name in CHECKS if not piece.checks.get(name)]
        if missing and not past.reported:
            raise WrongState(f"Not passed: {', '.join(missing)}.", field="id")
        yield AppraisalPassed(("out_of_order",) if missing else marks)


@decides(FailItem)
def fail(past: Past, command: FailItem) -> Iterator[Item]:
    """A piece fails with one check; the order is told, and what was paid for the unit goes back."""
    if not _arrived(past, command):
        yield from park(past, command, command.stream, "received")
    elif found := _step(past, command, ("received",), "failed"):
        piece, marks = found
        wrong = tuple(name for name in CHECKS if piece.checks.get(name) is False)
        if not wrong and not past.reported:
            raise WrongState("No check was recorded as not passed.", field="id")
        yield AppraisalFailed(wrong, command.reason, marks if wrong else ("out_of_order",))
        where = command.id, piece.line, piece.unit
        yield On(f"order-{piece.order}", ItemAppraised(*where, "failed"))
        yield from _given_back(past, command.id, piece)


def _given_back(past: Past, serial: str, piece: Piece) -> Iterator[Item]:
    """What is left of the unit's price goes back at once; what went back before is not given twice."""
    order: Order = past.state(f"order-{piece.order}")
    found = _left_of_unit(past, piece, order)
    if found is None:
        return
    id_ = f"appraisal-{serial}-{piece.sales}"
    reason = f"{serial} failed its appraisal"
    asked = RequestRefund(id=id_, order=piece.order, items=(found,), reason=reason)

    def steps() -> Iterator[Item]:
        for command in (asked, ApproveRefund(id=id_), CompleteRefund(id=id_)):
            yield from also(past, command)

    try:
        yield from past.attempt(steps())
    except RefundExceedsPaid:
        return  # Refunds that named no line have given back what was left of the order.


def _left_of_unit(past: Past, piece: Piece, order: Order) -> RefundItem | None:
    """The unit if nothing of it was given back, else the cash that is left of it; None if nothing is."""
    # A newer version of the order may lack the line or the unit that was bought.
    quantity = order.lines[piece.line - 1].quantity if piece.line <= len(order.lines) else 0
    if not 1 <= piece.unit <= quantity:
        return None
    subject = f"{piece.order}/{piece.line}/{piece.unit}"
    if any(past.used_of([f"refund/{subject}", f"advanced/{subject}"])):
        return None
    paid = order.line_cash[piece.line - 1], order.line_coupon[piece.line - 1]
    cash, coupon = (money.unit(sum_, quantity, piece.unit) for sum_ in paid)
    lefts = left_of(past, piece.order, order), left_of(past, piece.order, order, piece.line)
    left = min(min(each.cash, each.whole) for each in lefts)
    if cash + coupon and cash <= left and (cash or coupon <= min(each.coupon for each in lefts)):
        return RefundItem(line=piece.line, units=(piece.unit,))
    return RefundItem(line=piece.line, cash=left) if min(cash, left) > 0 else None


@decides(CertifyItem)
def certify(past: Past, command: CertifyItem) -> Iterator[Item]:
    """A piece that passed gets one certificate in its life, and the number is its own; then it may go."""
    if not _arrived(past, command):
        yield from park(past, command, command.stream, "received")
        return
    found = _step(past, command, ("passed",), "certified")
    if found is None:
        _same_certificate(past.state(command.stream), command)
        return
    piece, marks = found
    order: Order = past.state(f"order-{piece.order}")
    fees = (command.fee, 0) if command.borne_by == "platform" else (0, command.fee)
    if piece.certificate:
        _same_certificate(piece, command)
    elif past.used(f"certificate/{command.certificate}"):
        raise CertificateTaken(f"Got {command.certificate!r}.", field="certificate")
    parties = piece.order, piece.shop, piece.lab, order.currency
    yield CertificateIssued(command.certificate, *parties, *fees, bool(piece.certificate), marks)
    where = command.id, piece.line, piece.unit
    yield On(f"order-{piece.order}", ItemAppraised(*where, "certified", command.certificate))
    yield from recovered(past, piece.order, piece.shop, order.currency, -fees[1])


def _same_certificate(piece: Piece, command: CertifyItem) -> None:
    if piece.certificate != command.certificate:
        raise AlreadyExists(f"{command.id} has certificate {piece.certificate}.", field="certificate")


@decides(InspectDevice)
def inspect(past: Past, command: InspectDevice) -> Iterator[Item]:
    """A device is inspected once while it is there; a report that comes late starts the warranty as well."""
    if not _arrived(past, command):
        yield from park(past, command, command.stream, "received")
    elif found := _step(past, command, ("received", "passed", "certified")):
        piece, marks = found
        if piece.report == command.report:
            return
        yield DeviceInspected(piece.lab, command.report, command.grade, command.findings, marks)
        yield from warranties(past, piece.order)


@decides(PayLab)
def pay_lab(past: Past, command: PayLab) -> Iterator[Item]:
    """A lab receives at most what it is owed."""
    owed = max(past.balance(f"lab_payable:{command.id}", money.currency(command.currency)), 0)
    amount = owed if command.amount is None else command.amount
    if amount <= 0:
        raise InvalidAmount(f"There is nothing to pay: {amount}.", field="amount")
    if amount > owed and not past.reported:
        raise InsufficientFunds(f"The lab is owed {owed} {command.currency}.", field="amount")
    yield LabPaid(command.id, command.currency, amount)

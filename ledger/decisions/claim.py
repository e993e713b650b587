"""A claim from filing to its decision: what it is now, and who may ask for what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from ledger import policy, time
from ledger.decisions import assessment, coverage, freight
from ledger.decisions import policy as policies
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Count,
    Item,
    Name,
    On,
    OptionalName,
    OrderId,
    Past,
    Text,
    decides,
    folds,
)
from ledger.decisions.order import Order, check
from ledger.decisions.parking import park
from ledger.errors import (
    AlreadyCompensated,
    AlreadyExists,
    CurrencyMismatch,
    InvalidAmount,
    NotCovered,
    UnknownClaim,
    WindowOver,
    WrongState,
)
from ledger.events.base import Fact, Recorded
from ledger.events.claim import (
    ClaimAppealDecided,
    ClaimAppealed,
    ClaimContested,
    ClaimFiled,
    ClaimFunded,
    ClaimRejected,
    ClaimUnit,
    ClaimUpheld,
    ClaimWithdrawn,
    CompensationCancelled,
    CompensationConfirmed,
    CompensationFailed,
    CompensationForfeited,
    CompensationPaid,
    CompensationRecovered,
    CompensationRecoveryOpened,
    CompensationResultUnknown,
    EvidenceRequested,
    EvidenceSubmitted,
    Parts,
)
from ledger.events.order import OrderClaimed
from ledger.events.policy import Terms
from ledger.events.refund import RefundLine

BUYER, SHOP = "buyer", "shop"


class Payment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A transfer to the buyer: `status` is sent, confirmed, unknown or failed."""

    transfer: str
    amount: int
    status: str


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a claim is now; sums in minor units of `currency`.

    `step` is how far the review has come, `decision` its result. `guards` name what the claim is about; of
    these `live` are taken as long as it is open, `paid_for` once it is upheld. `parts` is who bore what was
    funded, `returned` what of it went back to them.
    """

    step: str = ""
    decision: str = ""
    appealed_by: str = ""
    order: str = ""
    shop: str = ""
    buyer: str = ""
    lab: str = ""
    currency: str = ""
    benefit: str = ""
    family: str = ""
    version: str = ""
    units: tuple[ClaimUnit, ...] = ()
    guards: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    paid_for: tuple[str, ...] = ()
    cost: int = 0
    loss: int = 0
    waybill: str = ""
    cause: str = ""
    filed_at: int = 0
    decided_at: int = 0
    decisions: int = 0
    basis: str = ""
    payers: tuple[str, ...] = ()
    fault: str = ""
    refund: int = 0
    decided: int = 0
    included: tuple[RefundLine, ...] = ()
    offset: int = 0
    parts: Parts = Parts()
    returned: Parts = Parts()
    funded: int = 0
    payments: tuple[Payment, ...] = ()
    forfeited: int = 0
    cancelled: bool = False
    owed_back: int = 0
    recovered: int = 0

    @property
    def open(self) -> bool:
        """Whether a decision is awaited."""
        return bool(self.step) and (not self.decision or bool(self.appealed_by))

    @property
    def upheld(self) -> bool:
        """Whether it was decided for the buyer, wholly or in part."""
        return self.decision in {"upheld", "partly_upheld"}

    @property
    def unfunded(self) -> int:
        """What of the decided sum nobody has paid for yet."""
        return self.decided - self.funded - self.forfeited

    @property
    def paid(self) -> int:
        """What was sent to the buyer and did not fail."""
        return sum(payment.amount for payment in self.payments if payment.status != "failed")

    @property
    def payable(self) -> int:
        """What is the buyer's and was not sent."""
        return self.funded - self.paid

    @property
    def status(self) -> str:
        """One word for people: how far the claim has come."""
        if self.appealed_by:
            return "appealed"
        if not self.upheld:
            return self.decision or self.step
        last = self.payments[-1].status if self.payments else ""
        words = (
            ("recovering", self.owed_back > 0),
            ("recovered", self.recovered > 0),
            ("forfeited", self.forfeited > 0 and not self.paid),
            ("cancelled", self.cancelled and not self.paid),
            ("unknown", last == "unknown"),
            ("failed", last == "failed" and self.payable > 0),
            ("short", self.unfunded > 0),
            ("funded", self.payable > 0),
            ("paid", self.paid > 0),
        )
        return next((word for word, so in words if so), self.decision)


INITIAL["claim"] = Claim()


@folds(ClaimFiled)
def _filed(claim: Claim, fact: ClaimFiled, recorded: Recorded) -> Claim:
    return msgspec.structs.replace(
        claim,
        step="filed",
        order=fact.order,
        shop=fact.shop,
        buyer=fact.buyer,
        lab=fact.lab,
        currency=fact.currency,
        benefit=fact.benefit,
        family=fact.family,
        version=fact.version,
        units=fact.units,
        guards=fact.guards,
        live=fact.guards,
        cost=fact.cost,
        loss=fact.loss,
        waybill=fact.waybill,
        cause=fact.cause,
        filed_at=recorded.envelope.effective_at,
    )


_STEPS: dict[type[Fact], str] = {
    ClaimContested: "contested",
    EvidenceRequested: "evidence_requested",
    EvidenceSubmitted: "evidence_submitted",
}


@folds(*_STEPS)
def _moved_on(claim: Claim, fact: Fact, _recorded: Recorded) -> Claim:
    return msgspec.structs.replace(claim, step=_STEPS[type(fact)])


@folds(ClaimUpheld)
def _upheld(claim: Claim, fact: ClaimUpheld, recorded: Recorded) -> Claim:
    return msgspec.structs.replace(
        claim,
        decision="partly_upheld" if fact.partly else "upheld",
        live=(),
        paid_for=(*claim.paid_for, *fact.guards),
        cause=fact.cause,
        # A rejection before it gives no place in the queue of those who wait for money.
        decided_at=claim.decided_at if claim.decisions else recorded.envelope.effective_at,
        decisions=claim.decisions + 1,
        basis=fact.basis,
        payers=fact.payers,
        fault=fact.fault,
        refund=claim.refund + fact.refund,
        decided=fact.decided,
        included=(*claim.included, *fact.included),
        offset=claim.offset + fact.offset,
    )


@folds(ClaimRejected)
def _rejected(claim: Claim, _fact: ClaimRejected, recorded: Recorded) -> Claim:
    decided_at = recorded.envelope.effective_at
    return msgspec.structs.replace(claim, decision="rejected", live=(), decided_at=decided_at)


@folds(ClaimWithdrawn)
def _withdrawn(claim: Claim, _fact: ClaimWithdrawn, _recorded: Recorded) -> Claim:
    return msgspec.structs.replace(claim, decision="withdrawn", live=())


@folds(ClaimAppealed)
def _appealed(claim: Claim, fact: ClaimAppealed, _recorded: Recorded) -> Claim:
    return msgspec.structs.replace(claim, appealed_by=fact.by, live=fact.guards)


@folds(ClaimAppealDecided)
def _appeal_decided(claim: Claim, fact: ClaimAppealDecided, _recorded: Recorded) -> Claim:
    decision = "overturned" if fact.outcome == "overturned" else claim.decision
    return msgspec.structs.replace(claim, appealed_by="", live=(), decision=decision)


@folds(ClaimFunded)
def _funded(claim: Claim, fact: ClaimFunded, _recorded: Recorded) -> Claim:
    parts = _added(claim.parts, fact.parts)
    return msgspec.structs.replace(claim, parts=parts, funded=claim.funded + fact.parts.total)


@folds(CompensationPaid)
def _paid(claim: Claim, fact: CompensationPaid, _recorded: Recorded) -> Claim:
    payment = Payment(fact.transfer, fact.amount, "sent")
    return msgspec.structs.replace(claim, payments=(*claim.payments, payment))


_RESULTS: dict[type[Fact], str] = {
    CompensationConfirmed: "confirmed",
    CompensationResultUnknown: "unknown",
    CompensationFailed: "failed",
}


@folds(*_RESULTS)
def _result(claim: Claim, fact: Any, _recorded: Recorded) -> Claim:  # noqa: ANN401 - those of the table
    payments = tuple(
        Payment(payment.transfer, payment.amount, _RESULTS[type(fact)])
        if payment.transfer == fact.transfer
        else payment
        for payment in claim.payments
    )
    return msgspec.structs.replace(claim, payments=payments)


@folds(CompensationForfeited)
def _forfeited(claim: Claim, fact: CompensationForfeited, _recorded: Recorded) -> Claim:
    left = claim.funded - fact.amount
    return msgspec.structs.replace(claim, forfeited=claim.forfeited + fact.amount, funded=left)


@folds(CompensationCancelled)
def _cancelled(claim: Claim, fact: CompensationCancelled, _recorded: Recorded) -> Claim:
    return msgspec.structs.replace(
        claim,
        cancelled=True,
        decided=fact.left,
        funded=claim.funded - fact.parts.total,
        returned=_added(claim.returned, fact.parts),
        paid_for=() if fact.guards else claim.paid_for,
        included=() if fact.included else claim.included,
        offset=claim.offset - fact.offset,
    )


@folds(CompensationRecoveryOpened)
def _recovery_opened(claim: Claim, fact: CompensationRecoveryOpened, _recorded: Recorded) -> Claim:
    return msgspec.structs.replace(claim, owed_back=claim.owed_back + fact.amount)


@folds(CompensationRecovered)
def _recovered(claim: Claim, fact: CompensationRecovered, _recorded: Recorded) -> Claim:
    total = fact.parts.total
    return msgspec.structs.replace(
        claim,
        owed_back=claim.owed_back - total,
        recovered=claim.recovered + total,
        returned=_added(claim.returned, fact.parts),
    )


def _added(parts: Parts, more: Parts) -> Parts:
    sums = zip(msgspec.structs.astuple(parts), msgspec.structs.astuple(more), strict=True)
    return Parts(*(one + other for one, other in sums))


class ClaimItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units (from 1) of a line (from 1) of the order; all of the line where none are named."""

    line: Count
    units: tuple[Count, ...] = ()


class FileClaim(Command, kw_only=True):
    """File a claim for a benefit of an order, for some of its units; without `items` for all of them.

    Give the `cost` of a waybill or a repair, or the `loss` of the buyer, where the terms ask for it, and as
    `cause` the incident that had the same cause, if there was one.
    """

    NAME = "claims.file"
    STREAM = "claim"

    id: Name
    order: OrderId
    benefit: Name
    items: tuple[ClaimItem, ...] = ()
    cost: Amount = 0
    loss: Amount = 0
    waybill: OptionalName = ""
    cause: OptionalName = ""
    lab: OptionalName = ""
    reason: Text = ""

    def touches(self) -> tuple[str, ...]:
        """The claim and its order."""
        return (self.stream, f"order-{self.order}")

    def orders(self) -> tuple[str, ...]:
        """The order it names."""
        return (self.order,)


class ContestClaim(Command, kw_only=True):
    """Disagree with a claim, for the shop."""

    NAME = "claims.contest"
    STREAM = "claim"

    id: Name
    reason: Text


class RequestEvidence(Command, kw_only=True):
    """Ask the buyer, the shop or the lab for evidence."""

    NAME = "claims.request-evidence"
    STREAM = "claim"

    id: Name
    of: Literal["buyer", "shop", "lab"]
    what: Text


class SubmitEvidence(Command, kw_only=True):
    """Record that evidence came in, by its SHA-256; the evidence itself is kept elsewhere."""

    NAME = "claims.submit-evidence"
    STREAM = "claim"

    id: Name
    by: Literal["buyer", "shop", "lab"]
    what: Text = ""
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, hexadecimal")]


class WithdrawClaim(Command, kw_only=True):
    """Give a claim up that is not decided yet."""

    NAME = "claims.withdraw"
    STREAM = "claim"

    id: Name
    reason: Text = ""


def known(past: Past, command: Command) -> Claim:
    """The claim of a command; raises UnknownClaim."""
    claim: Claim = past.state(command.stream)
    if not claim.step:
        raise UnknownClaim(f"Got {command.id!r}.", field="id")
    return claim


def awaited(past: Past, command: Command) -> Claim:
    """The claim, if nothing is decided yet; an appeal is decided by a command of its own."""
    claim = known(past, command)
    if not claim.open or claim.appealed_by:
        raise WrongState(f"The claim is {claim.status}.", field="id")
    return claim


@decides(FileClaim)
def file(past: Past, command: FileClaim) -> Iterator[Item]:
    """A unit of a paid order that carries the benefit is claimed for once in a family, within the window.

    A second claim that is reported waits for a person to look at it.
    """
    order: Order = past.state(f"order-{command.order}")
    claim: Claim = past.state(command.stream)
    if not check(order, command.order, "paid", past):
        yield from park(past, command, f"order-{command.order}", "paid")
        return
    units = assessment.units(order, [(item.line, item.units) for item in command.items])
    if claim.step:
        mine = (claim.order, claim.benefit, claim.cost, claim.loss, claim.waybill)
        same = mine == (command.order, command.benefit, command.cost, command.loss, command.waybill)
        if not same or _named(claim.units) != _named(units):
            raise AlreadyExists(f"Claim {command.id} was filed with other content.", field="id")
        return
    if order.voided or not order.buyer:
        status = "voided" if order.voided else "that of no known buyer"
        raise WrongState(f"The order is {status}.", field="order")
    terms = _terms(past, command, order, units)
    marks = _in_time(past, terms, order)
    guards = _guards(command, terms, units)
    try:
        check_free(past, guards)
    except AlreadyCompensated as refusal:
        if not past.reported:
            raise
        yield from park(past, command, f"order-{command.order}", "review", refusal.code)
        return
    if terms.per == "waybill":
        freight.check(past, command.waybill, command.order, command.cost)
    yield ClaimFiled(
        command.order,
        order.shop,
        order.buyer,
        order.currency,
        command.benefit,
        terms.family,
        terms.version,
        units,
        guards,
        command.cost,
        command.loss,
        command.waybill,
        command.cause,
        command.lab,
        command.reason,
        marks,
    )
    yield On(f"order-{command.order}", OrderClaimed(command.id, command.benefit))


def _named(units: tuple[ClaimUnit, ...]) -> list[tuple[int, int]]:
    """The units by line and number; what they cost may have been amended since."""
    return [(unit.line, unit.unit) for unit in units]


def _terms(past: Past, command: FileClaim, order: Order, units: tuple[ClaimUnit, ...]) -> Terms:
    """The terms of the order: of a contract those its lines carry, or later ones better for the buyer."""
    terms = policies.terms(past, command.benefit, order.paid_at)
    if terms is None:
        raise NotCovered(f"No terms of {command.benefit} count for this order.", field="benefit")
    if terms.currency != order.currency:
        raise CurrencyMismatch(f"The terms are in {terms.currency}.", field="benefit")
    if terms.basis == "contract":
        for line in sorted({unit.line for unit in units}):
            if coverage.pinned(past, command.order, line, command.benefit) is None:
                raise NotCovered(f"Line {line} does not carry {command.benefit}.", field="benefit")
    elif not policy.applies(terms, past.state(f"shop-{order.shop}").industry):
        raise NotCovered(f"{command.benefit} is not about such goods.", field="benefit")
    if terms.formula == "cost" and not command.cost:
        raise InvalidAmount("The terms pay a cost, and none is named.", field="cost")
    if terms.per == "waybill" and not command.waybill:
        raise InvalidAmount("The terms pay once a waybill, and none is named.", field="waybill")
    return terms


def _in_time(past: Past, terms: Terms, order: Order) -> tuple[str, ...]:
    """Refuse what is filed after the window; a report is marked. The time of filing counts."""
    last = coverage.window_last(terms, order)
    if not last or past.moment <= last:
        return ()
    if past.reported:
        return ("out_of_window",)
    raise WindowOver(f"It ended at {time.rfc3339(last, time.HOME_OFFSET)}.", field="id")


def _guards(command: FileClaim, terms: Terms, units: tuple[ClaimUnit, ...]) -> tuple[str, ...]:
    """What the claim is about: each unit in the family, and what the terms pay for once besides."""
    family = terms.family
    found = [f"{command.order}/{unit.line}/{unit.unit}/{family}" for unit in units]
    if terms.per == "order":
        found.append(f"{command.order}/{family}")
    if terms.per == "waybill":
        found.append(f"{command.order}/{command.waybill}/{family}")
    return tuple(found)


def check_free(past: Past, guards: tuple[str, ...], field: str = "items") -> None:
    """Refuse what has a live claim or a payout in its family; raises AlreadyCompensated."""
    used = past.used_of([f"{kind}/{guard}" for guard in guards for kind in ("live", "payout")])
    if any(used):
        taken = guards[next(i for i, count in enumerate(used) if count) // 2]
        raise AlreadyCompensated(f"It is about {taken}.", field=field)


@decides(ContestClaim)
def contest(past: Past, command: ContestClaim) -> Iterator[Item]:
    """The shop may disagree until the claim is decided."""
    if awaited(past, command).step != "contested":
        yield ClaimContested(command.reason)


@decides(RequestEvidence)
def request_evidence(past: Past, command: RequestEvidence) -> Iterator[Item]:
    """Evidence may be asked for as long as a decision is awaited."""
    if not known(past, command).open:
        raise WrongState(f"The claim is {past.state(command.stream).status}.", field="id")
    yield EvidenceRequested(command.of, command.what)


@decides(SubmitEvidence)
def submit_evidence(past: Past, command: SubmitEvidence) -> Iterator[Item]:
    """Evidence is recorded as long as a decision is awaited."""
    if not known(past, command).open:
        raise WrongState(f"The claim is {past.state(command.stream).status}.", field="id")
    yield EvidenceSubmitted(command.by, command.what, command.digest)


@decides(WithdrawClaim)
def withdraw(past: Past, command: WithdrawClaim) -> Iterator[Item]:
    """An open claim may be given up."""
    if known(past, command).status != "withdrawn":
        claim = awaited(past, command)
        yield ClaimWithdrawn(claim.shop, command.reason, claim.live)

"""The decision of a claim, and of an appeal against it: what is given, to whom, at whose expense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ledger.decisions import assessment, card, coverage, freight, funding, payout, refund
from ledger.decisions.assessment import Assessment, Matter
from ledger.decisions.base import (
    Amount,
    Command,
    Item,
    Name,
    On,
    OptionalName,
    Past,
    Text,
    also,
    decides,
)
from ledger.decisions.claim import BUYER, SHOP, Claim, ClaimItem, awaited, check_free, known
from ledger.decisions.order import Order
from ledger.errors import (
    InvalidAmount,
    NeedsPerson,
    WrongState,
)
from ledger.events.claim import (
    ClaimAppealDecided,
    ClaimAppealed,
    ClaimRejected,
    ClaimUnit,
    ClaimUpheld,
    CompensationRecoveryOpened,
)
from ledger.events.policy import Terms
from ledger.events.refund import RefundApproved, RefundLine, RefundRequested


class UpholdClaim(Command, kw_only=True):
    """Decide a claim for the buyer: what the terms give, for all its units unless `items` names fewer.

    Whoever decides has seen the evidence that the terms ask for. `amount` gives less compensation than the
    terms do. `fault` says who bears it: the shop, the lab, or the platform (then the fund holds nothing
    against the shop). `reviewed` says that a person has looked at what no formula may decide.
    """

    NAME = "claims.uphold"
    STREAM = "claim"

    id: Name
    items: tuple[ClaimItem, ...] = ()
    amount: Amount | None = None
    fault: Literal["shop", "lab", "platform"] = "shop"
    cause: OptionalName = ""
    reviewed: bool = False
    reason: Text = ""


class RejectClaim(Command, kw_only=True):
    """Decide a claim against the buyer."""

    NAME = "claims.reject"
    STREAM = "claim"

    id: Name
    reason: Text


class AppealClaim(Command, kw_only=True):
    """Appeal the decision of a claim, for the buyer or the shop."""

    NAME = "claims.appeal"
    STREAM = "claim"

    id: Name
    by: Literal["buyer", "shop"]
    reason: Text


class DecideAppeal(Command, kw_only=True):
    """Decide an appeal: deny it, raise what the buyer has, or overturn what the shop appealed.

    Raised, the claim is decided anew, up to `amount` if that is given; what the buyer was asked to give back
    is the buyer's after all. Overturned, what is not paid is cancelled; what is paid stays with the buyer
    unless it is to `recover`.
    """

    NAME = "claims.decide-appeal"
    STREAM = "claim"

    id: Name
    outcome: Literal["denied", "raised", "overturned"]
    reason: Text
    amount: Amount | None = None
    reviewed: bool = False
    recover: bool = False


@decides(UpholdClaim)
def uphold(past: Past, command: UpholdClaim) -> Iterator[Item]:
    """An open claim is upheld once; its refund is completed and its compensation funded with it."""
    claim = known(past, command)
    if claim.upheld and not claim.appealed_by:
        return
    claim = awaited(past, command)
    order: Order = past.state(f"order-{claim.order}")
    if order.voided:
        raise WrongState("The order is voided.", field="id")
    units = claim.units
    if command.items:
        named = assessment.units(order, [(item.line, item.units) for item in command.items])
        wanted = {(unit.line, unit.unit) for unit in named}
        units = tuple(unit for unit in claim.units if (unit.line, unit.unit) in wanted)
        if len(units) < len(wanted):
            raise InvalidAmount("The claim is not about all of these units.", field="items")
    found = assessment.assess(past, matter(claim, units, command.cause or claim.cause))
    compensation = _approved(found, command.amount, reviewed=command.reviewed)
    partly = compensation < found.compensation or units != claim.units
    yield from _decide(past, command, found, compensation, (units, command.fault, partly))


def matter(claim: Claim, units: tuple[ClaimUnit, ...], cause: str) -> Matter:
    """What of a claim is assessed."""
    included = sum(line.cash for line in claim.included)
    return Matter(
        claim.order,
        claim.buyer,
        claim.benefit,
        claim.version,
        units,
        claim.cost,
        claim.loss,
        cause,
        claim.offset,
        included,
    )


def _approved(found: Assessment, amount: int | None, *, reviewed: bool) -> int:
    """The compensation that is given: never more than the terms do, nor what only a person may decide."""
    if "needs_person" in found.flags and not (reviewed and amount is not None):
        raise NeedsPerson(f"By its terms it would be {found.compensation}.", field="reviewed")
    if amount is not None and amount > found.compensation:
        raise InvalidAmount(f"The terms give {found.compensation}, not {amount}.", field="amount")
    return found.compensation if amount is None else amount


Verdict = tuple[tuple[ClaimUnit, ...], str, bool]
"""For which units, whose fault it is, and whether it is less than was asked for."""


def _decide(
    past: Past, command: UpholdClaim | DecideAppeal, found: Assessment, compensation: int, verdict: Verdict
) -> Iterator[Item]:
    """The decision, the refund that goes with it, and the money for the rest."""
    claim: Claim = past.state(command.stream)
    units, fault, partly = verdict
    guards = _paid_for(claim, units) if found.refund or compensation else ()
    cut = compensation < found.compensation
    payers = _payers(found.terms, fault)
    if compensation > claim.decided and not payers:
        raise WrongState(f"By the terms nobody pays for what is the fault of the {fault}.", field="id")
    yield ClaimUpheld(
        claim.order,
        claim.shop,
        claim.buyer,
        claim.currency,
        found.refund,
        compensation - claim.decided,
        compensation,
        found.basis,
        found.terms.version,
        tuple(f"{terms.benefit} {terms.version}" for terms in found.law),
        units,
        payers,
        fault,
        found.flags,
        found.trace,
        claim.live,
        guards,
        () if cut and not compensation else found.included,
        past.state(f"order-{claim.order}").whole,
        found.offset - claim.offset,
        found.offset_of,
        getattr(command, "cause", "") or claim.cause,
        partly,
        command.reason,
    )
    if guards and found.terms.per == "waybill":
        yield from freight.upheld(past, claim.waybill, claim.order, claim.currency, claim.cost)
    if guards and not claim.decisions and freight.counts(past, claim.waybill, claim.order):
        # The quota that counts is that of the card when the order was paid.
        cover = past.state(coverage.stream(claim.order, units[0].line, claim.benefit))
        yield from card.use(past, claim.buyer, found.terms, command.id, cover.tier if cover.version else None)
    yield from _refund(past, command, claim, found.lines)
    yield from funding.fund(past, command.id)


def _paid_for(claim: Claim, units: tuple[ClaimUnit, ...]) -> tuple[str, ...]:
    """The guards of what is paid for now and was not before: of the units, and of the whole."""
    left = {(unit.line, unit.unit) for unit in claim.units} - {(unit.line, unit.unit) for unit in units}
    not_these = {f"{claim.order}/{line}/{unit}/{claim.family}" for line, unit in left}
    return tuple(guard for guard in claim.guards if guard not in not_these and guard not in claim.paid_for)


def _payers(terms: Terms, fault: str) -> tuple[str, ...]:
    """Who bears it: nobody's deposit or pool pays for what is not its fault."""
    if fault == "shop":
        return tuple(payer for payer in terms.payers if payer != "lab")
    own = {"lab"} if fault == "lab" else set()
    return tuple(payer for payer in terms.payers if payer in {*own, "fund", "backstop"})


def _refund(past: Past, command: Command, claim: Claim, lines: tuple[RefundLine, ...]) -> Iterator[On]:
    """What goes back of the price, as a refund of its own with the number of the claim."""
    if not lines:
        return
    number = claim.decisions + 1
    completing = refund.CompleteRefund(id=command.id if number == 1 else f"{command.id}.{number}")
    while past.state(completing.stream).known:
        # Nobody keeps a claim from its refund by taking the name.
        number += 1
        completing = refund.CompleteRefund(id=f"{command.id}.{number}")
    cash = sum(line.cash for line in lines)
    whose = claim.order, claim.shop, claim.buyer, claim.currency
    yield On(completing.stream, RefundRequested(*whose, cash, 0, lines, f"claim {command.id}", False))
    yield On(completing.stream, RefundApproved())
    yield from also(past, completing)


@decides(RejectClaim)
def reject(past: Past, command: RejectClaim) -> Iterator[Item]:
    """An open claim may be rejected."""
    if known(past, command).status != "rejected":
        claim = awaited(past, command)
        yield ClaimRejected(claim.shop, command.reason, claim.live)


@decides(AppealClaim)
def appeal(past: Past, command: AppealClaim) -> Iterator[Item]:
    """The buyer appeals a rejection or too little, the shop what was upheld; one appeal at a time."""
    claim = known(past, command)
    if claim.appealed_by == command.by:
        return
    if past.state(f"order-{claim.order}").voided:
        raise WrongState("The order is voided.", field="id")
    allowed = {BUYER: claim.upheld or claim.decision in {"rejected", "overturned"}, SHOP: claim.upheld}
    if claim.appealed_by or not allowed[command.by]:
        raise WrongState(f"The claim is {claim.status}.", field="id")
    guards = tuple(guard for guard in claim.guards if guard not in claim.paid_for)
    check_free(past, guards, field="id")
    yield ClaimAppealed(claim.shop, command.by, command.reason, guards)


@decides(DecideAppeal)
def decide_appeal(past: Past, command: DecideAppeal) -> Iterator[Item]:
    """What is decided never shrinks: an appeal of the shop that is won cancels what is not paid."""
    claim = known(past, command)
    if not claim.appealed_by:
        raise WrongState(f"The claim is {claim.status}, not appealed.", field="outcome")
    wins = {BUYER: "raised", SHOP: "overturned"}[claim.appealed_by]
    if command.outcome not in {"denied", wins}:
        raise WrongState(f"An appeal of the {claim.appealed_by} is denied or {wins}.", field="outcome")
    yield ClaimAppealDecided(claim.shop, command.outcome, command.reason, claim.live)
    if command.outcome == "raised":
        if claim.owed_back:
            whose = command.id, claim.buyer, claim.currency
            yield CompensationRecoveryOpened(*whose, -claim.owed_back, command.reason)
        found = assessment.assess(past, matter(claim, claim.units, claim.cause))
        # What the buyer has given back is owed once more.
        compensation = _approved(found, command.amount, reviewed=command.reviewed) + claim.recovered
        if compensation < claim.decided:
            raise InvalidAmount(f"{claim.decided} is decided, {compensation} is less.", field="amount")
        partly = compensation - claim.recovered < found.compensation
        yield from _decide(past, command, found, compensation, (claim.units, claim.fault or SHOP, partly))
    elif command.outcome == "overturned":
        yield from payout.undo(past, command.id, command.reason, recover=command.recover)

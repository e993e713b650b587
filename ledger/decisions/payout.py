"""The payout of a claim: sent, confirmed, failed and sent again; forfeited, cancelled, given back."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions import funding, recourse
from ledger.decisions.base import (
    Amount,
    Command,
    Item,
    Name,
    On,
    OptionalName,
    Past,
    Text,
    decides,
)
from ledger.decisions.claim import Claim, Payment, known
from ledger.errors import (
    AlreadyExists,
    InsufficientFunds,
    InvalidAmount,
    WrongState,
)
from ledger.events.claim import (
    CompensationCancelled,
    CompensationConfirmed,
    CompensationFailed,
    CompensationForfeited,
    CompensationPaid,
    CompensationRecovered,
    CompensationRecoveryOpened,
    CompensationResultUnknown,
    Parts,
)


class PayClaim(Command, kw_only=True):
    """Send the buyer what is funded and not sent, under a transfer number that was never used.

    Without one, the number of the claim and of the payment.
    """

    NAME = "claims.pay"
    STREAM = "claim"

    id: Name
    transfer: OptionalName = ""


class ConfirmPayment(Command, kw_only=True):
    """Record that the buyer has the money of a transfer."""

    NAME = "claims.confirm-payment"
    STREAM = "claim"

    id: Name
    transfer: Name


class FailPayment(Command, kw_only=True):
    """Record that a transfer did not reach the buyer; it may be sent again under a new number."""

    NAME = "claims.fail-payment"
    STREAM = "claim"

    id: Name
    transfer: Name
    reason: Text = ""


class MarkUnknown(Command, kw_only=True):
    """Record that nobody knows what became of a transfer: ask the bank; nothing is sent until it is known."""

    NAME = "claims.mark-unknown"
    STREAM = "claim"

    id: Name
    transfer: Name
    reason: Text = ""


class ForfeitClaim(Command, kw_only=True):
    """Give the fund what could for good not be paid to the buyer."""

    NAME = "claims.forfeit"
    STREAM = "claim"

    id: Name
    reason: Text


class CancelPayout(Command, kw_only=True):
    """Cancel what of an upheld claim is not paid; it goes back to those who bore it."""

    NAME = "claims.cancel"
    STREAM = "claim"

    id: Name
    reason: Text


class OpenRecovery(Command, kw_only=True):
    """Ask the buyer, who is at fault, to give back what was paid."""

    NAME = "claims.open-recovery"
    STREAM = "claim"

    id: Name
    reason: Text


class RecoverPayout(Command, kw_only=True):
    """Record that the buyer gave back, all of it unless `amount` says less."""

    NAME = "claims.recover"
    STREAM = "claim"

    id: Name
    amount: Amount | None = None


@decides(PayClaim)
def pay(past: Past, command: PayClaim) -> Iterator[Item]:
    """What is funded is sent once; nothing is sent while the result of a transfer is not known."""
    claim = known(past, command)
    transfer = command.transfer or f"{command.id}/{len(claim.payments) + 1}"
    if any(each.transfer == transfer and each.status != "failed" for each in claim.payments):
        return
    unknown = [each.transfer for each in claim.payments if each.status == "unknown"]
    if unknown:
        raise WrongState(f"Ask the bank first what became of {unknown[0]}.", field="id")
    if past.used(f"transfer/{transfer}"):
        raise AlreadyExists(f"Transfer {transfer} was sent before.", field="transfer")
    if claim.payable <= 0:
        if claim.status == "paid" and not command.transfer:
            return
        raise InsufficientFunds(f"The claim is {claim.status}: nothing is there to be paid.", field="id")
    amount = claim.payable
    yield CompensationPaid(command.id, claim.buyer, claim.currency, amount, transfer, claim.funded)


def _payment(past: Past, command: ConfirmPayment | FailPayment | MarkUnknown) -> tuple[Claim, Payment]:
    claim = known(past, command)
    for payment in claim.payments:
        if payment.transfer == command.transfer:
            return claim, payment
    raise WrongState(f"The claim knows no transfer {command.transfer}.", field="transfer")


@decides(ConfirmPayment)
def confirm_payment(past: Past, command: ConfirmPayment) -> Iterator[Item]:
    """A transfer that did not fail may be confirmed."""
    _, payment = _payment(past, command)
    if payment.status == "failed":
        raise WrongState("The transfer failed.", field="transfer")
    if payment.status != "confirmed":
        yield CompensationConfirmed(command.transfer)


@decides(MarkUnknown)
def mark_unknown(past: Past, command: MarkUnknown) -> Iterator[Item]:
    """Only of a transfer that was sent the result can be unknown."""
    _, payment = _payment(past, command)
    if payment.status not in {"sent", "unknown"}:
        raise WrongState(f"The transfer is {payment.status}.", field="transfer")
    if payment.status == "sent":
        yield CompensationResultUnknown(command.transfer, command.reason)


@decides(FailPayment)
def fail_payment(past: Past, command: FailPayment) -> Iterator[Item]:
    """Even a confirmed transfer may come back; what it carried is owed to the buyer again, once."""
    claim, payment = _payment(past, command)
    if payment.status == "failed":
        return
    moved = claim.buyer, claim.currency, payment.amount
    yield CompensationFailed(command.id, *moved, command.transfer, command.reason)
    if claim.owed_back:
        # The buyer was asked to give back what never arrived.
        less = min(claim.owed_back, payment.amount)
        yield CompensationRecoveryOpened(command.id, claim.buyer, claim.currency, -less, command.reason)
        yield from _cancel(past, command.id, command.reason)


@decides(ForfeitClaim)
def forfeit(past: Past, command: ForfeitClaim) -> Iterator[Item]:
    """What a failed transfer left with us falls to the fund, which pays what it owes from it.

    What of the claim nobody has funded is due no more: nobody could be paid.
    """
    claim = known(past, command)
    if claim.forfeited and claim.payable <= 0:
        return
    if claim.payable <= 0 or not claim.payments or claim.payments[-1].status != "failed":
        raise WrongState(f"The claim is {claim.status}; only what failed is forfeited.", field="id")
    moved = claim.buyer, claim.currency, claim.payable
    yield CompensationForfeited(command.id, *moved, command.reason)
    yield from _cancel(past, command.id, command.reason)
    yield from funding.pay_dues(past, claim.currency)


@decides(CancelPayout)
def cancel(past: Past, command: CancelPayout) -> Iterator[Item]:
    """What is upheld and not paid may be cancelled, unless the result of a transfer is not known."""
    claim = known(past, command)
    if not claim.upheld or claim.appealed_by:
        raise WrongState(f"The claim is {claim.status}.", field="id")
    yield from _cancel(past, command.id, command.reason)


def _cancel(past: Past, claim_id: str, reason: str) -> Iterator[On]:
    """What is not paid goes back to those who bore it, what was not funded is due no more."""
    stream = f"claim-{claim_id}"
    claim: Claim = past.state(stream)
    parts = _going_back(past, claim_id, claim, claim.payable)
    if not parts.total and claim.unfunded <= 0:
        return
    parties = claim.order, claim.shop, claim.buyer, claim.lab, claim.currency
    nothing_left = not (claim.paid or claim.forfeited) and parts.total == claim.funded
    guards = claim.paid_for if nothing_left and not claim.refund else ()
    included = claim.included if nothing_left else ()
    offset = claim.offset if nothing_left else 0
    left = claim.funded - parts.total + claim.forfeited
    fact = CompensationCancelled(
        claim_id, *parties, parts, left, reason, guards, included, offset, claim.cause if offset else ""
    )
    yield On(stream, fact)
    yield from recourse.release(past, claim.shop, claim_id, parts.fund, reason)
    yield from funding.settled(past, claim_id)
    yield from funding.from_deposit(past, claim.shop, claim.currency)


# To whom money goes back first.
_BACK = ("fund", "backstop", "deposit", "payable", "escrow", "lab", "freight_pool", "warranty_pool")


def _going_back(past: Past, claim_id: str, claim: Claim, amount: int) -> Parts:
    """To whom a sum goes back: the fund first. What a shop has made good to it goes back to the shop."""
    borne = msgspec.structs.asdict(claim.parts)
    for pot in ("payable", "deposit"):
        made_good = past.used(f"made-good/{claim_id}/{pot}")
        borne[pot] += made_good
        borne["fund"] -= made_good
    parts: dict[str, int] = {}
    for payer in _BACK:
        part = min(max(borne[payer] - getattr(claim.returned, payer), 0), amount)
        parts[payer] = part
        amount -= part
    return Parts(**parts)


def undo(past: Past, claim_id: str, reason: str, *, recover: bool) -> Iterator[On]:
    """Of a claim that should not have been upheld: cancel what is not paid, and ask for what is."""
    yield from _cancel(past, claim_id, reason)
    claim: Claim = past.state(f"claim-{claim_id}")
    asked = claim.paid - claim.owed_back - claim.recovered
    if recover and asked > 0:
        fact = CompensationRecoveryOpened(claim_id, claim.buyer, claim.currency, asked, reason)
        yield On(f"claim-{claim_id}", fact)


@decides(OpenRecovery)
def open_recovery(past: Past, command: OpenRecovery) -> Iterator[Item]:
    """What was paid may be asked back once; what is not paid is cancelled with it."""
    if not known(past, command).paid:
        raise WrongState("Nothing was paid that could be given back.", field="id")
    yield from undo(past, command.id, command.reason, recover=True)


@decides(RecoverPayout)
def recover(past: Past, command: RecoverPayout) -> Iterator[Item]:
    """Only now are those credited who had paid, the fund first; what it held against the shop is released."""
    claim = known(past, command)
    amount = claim.owed_back if command.amount is None else command.amount
    if not 0 < amount <= claim.owed_back:
        raise InvalidAmount(f"{claim.owed_back} is owed back, not {amount}.", field="amount")
    parts = _going_back(past, command.id, claim, amount)
    parties = claim.order, claim.shop, claim.buyer, claim.lab, claim.currency
    yield CompensationRecovered(command.id, *parties, parts)
    yield from recourse.release(past, claim.shop, command.id, parts.fund, "The buyer gave it back.")
    yield from funding.from_deposit(past, claim.shop, claim.currency)

"""The money of a penalty: taken from the deposit or paid by bank, held, released to the fund, or returned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ledger import money, time
from ledger.decisions import funding
from ledger.decisions.base import INITIAL, Amount, Command, Item, Name, On, Past, Text, decides, folds
from ledger.decisions.penalty import Penalty, binding, check_stands, due_changed, positive, wait
from ledger.errors import InsufficientFunds, WrongState
from ledger.events.base import Recorded
from ledger.events.penalty import (
    FineCollected,
    FineOverpaymentReturned,
    FinePaid,
    FineReleased,
    FineReturned,
    FineSharePublished,
    GivenBack,
    PenaltyFinal,
)

WHOLE_BP = 10_000
SHARE = "fines-share"
"""The stream of what share of a fine the fund gets."""
DEFAULT_SHARE_BP = WHOLE_BP
"""Where nothing else was published, the fund gets all."""


class Share(msgspec.Struct, frozen=True, gc=False):
    """What share of fines the fund gets: (from when on, hundredths of a percent), in order of time."""

    versions: tuple[tuple[int, int], ...] = ()

    def at(self, moment: int) -> int:
        """The share of a fine imposed at a moment (UTC microseconds), in hundredths of a percent."""
        found = DEFAULT_SHARE_BP
        for since, rate_bp in self.versions:
            if since <= moment:
                found = rate_bp
        return found


INITIAL["fines"] = Share()


@folds(FineSharePublished)
def _share_published(share: Share, fact: FineSharePublished, _recorded: Recorded) -> Share:
    return Share(tuple(sorted((*share.versions, (fact.effective_from, fact.rate_bp)))))


class CollectFine(Command, kw_only=True):
    """Take a fine from the shop's deposit: what upheld claims leave now, the rest as soon as it is there."""

    NAME = "penalties.collect"
    STREAM = "penalty"

    id: Name


class PayFine(Command, kw_only=True):
    """Record a payment by bank towards a fine and its fees."""

    NAME = "penalties.pay"
    STREAM = "penalty"

    id: Name
    amount: Amount


class FinalizePenalty(Command, kw_only=True):
    """Declare a penalty final: nobody appealed, or the appeals are over."""

    NAME = "penalties.finalize"
    STREAM = "penalty"

    id: Name


class ReleaseFine(Command, kw_only=True):
    """Release what is held of a final fine to the fund, less the platform's share if there is one."""

    NAME = "penalties.release"
    STREAM = "penalty"

    id: Name


class ReturnFine(Command, kw_only=True):
    """Pay back by bank what a ruling made undue, all of it unless `amount` says less."""

    NAME = "penalties.return"
    STREAM = "penalty"

    id: Name
    amount: Amount | None = None


class ReturnOverpayment(Command, kw_only=True):
    """Pay back by bank what was paid too much, all of it unless `amount` says less."""

    NAME = "penalties.return-overpayment"
    STREAM = "penalty"

    id: Name
    amount: Amount | None = None


class PublishShare(Command, kw_only=True):
    """Set what share of fines imposed from now on goes to the pet fund, in hundredths of a percent."""

    NAME = "fines.publish-share"
    STREAM = "fines"

    id: Literal["share"] = "share"
    rate_bp: Annotated[int, msgspec.Meta(ge=0, le=WHOLE_BP)]
    effective_from: datetime | None = None
    reason: Text = ""


def collect_due(past: Past, shop: str, currency: str) -> Iterator[On]:
    """A deposit came in: take from it the fines that were called for, in order, after all upheld claims."""
    for due in past.state(f"shop-{shop}").fines:
        if due.called and due.currency == currency:
            yield from _collect(past, due.penalty)


def _collect(past: Past, id_: str) -> Iterator[On]:
    penalty: Penalty = past.state(f"penalty-{id_}")
    shop, currency = penalty.shop, penalty.currency
    free = past.balance(f"shop_deposit:{shop}", currency) - funding.owed_first(past, shop, currency)
    amount = min(penalty.outstanding, free)
    if amount > 0:
        yield On(f"penalty-{id_}", FineCollected(shop, currency, amount))
    yield from due_changed(past, id_, called=True)


@decides(CollectFine)
def collect(past: Past, command: CollectFine) -> Iterator[Item]:
    """The deposit pays what upheld claims leave of it; the rest is taken when the next deposit comes."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    if not penalty.from_deposit:
        raise WrongState("No deposit answers for the fine; it is paid by bank.", field="id")
    yield from _collect(past, command.id)


@decides(PayFine)
def pay(past: Past, command: PayFine) -> Iterator[Item]:
    """Whatever was paid is held; what is too much is marked and can be returned."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    amount = positive(command.amount)
    marks = ("overpaid",) if amount > penalty.outstanding else ()
    yield FinePaid(penalty.currency, amount, marks)
    yield from due_changed(past, command.id)


@decides(FinalizePenalty)
def finalize(past: Past, command: FinalizePenalty) -> Iterator[Item]:
    """A penalty that stands becomes final when no appeal is open."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    if penalty.pending and not past.reported:
        raise WrongState(f"The appeal to {penalty.pending[0]} is not decided.", field="id")
    if not penalty.final:
        yield PenaltyFinal()


@decides(ReleaseFine)
def release_fine(past: Past, command: ReleaseFine) -> Iterator[Item]:
    """What is held of a final fine and is due goes to the fund, which pays at once what it owes."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    if not penalty.final:
        raise WrongState(f"The penalty is {penalty.status}, not final.", field="id")
    amount = penalty.held - penalty.excess
    if amount <= 0:
        return
    share: Share = past.state(SHARE)
    to_fund = money.round_ratio(amount * share.at(penalty.imposed_at), WHOLE_BP)
    yield FineReleased(penalty.currency, to_fund, amount - to_fund)
    yield from funding.pay_dues(past, penalty.currency)


@decides(ReturnFine)
def return_fine(past: Past, command: ReturnFine) -> Iterator[Item]:
    """At most what a ruling left owed back is paid back."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif amount := _to_return(command, penalty.owed_back):
        yield FineReturned(penalty.currency, amount, penalty.received)


@decides(ReturnOverpayment)
def return_overpayment(past: Past, command: ReturnOverpayment) -> Iterator[Item]:
    """At most what was paid beyond fine and fees is paid back."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    elif amount := _to_return(command, penalty.overpaid):
        yield FineOverpaymentReturned(penalty.currency, amount, penalty.received)


def _to_return(command: ReturnFine | ReturnOverpayment, owed: int) -> int:
    if command.amount is None:
        return owed
    if command.amount > owed:
        raise InsufficientFunds(f"{owed} is to be returned, {command.amount} is asked for.", field="amount")
    return positive(command.amount)


def given_back(past: Past, penalty: Penalty, due: int) -> GivenBack:
    """What moves at once when only `due` (minor units) stays of a fine and its fees.

    What the deposit paid goes back to it first: from what is held, then from whoever got the rest. What was
    paid by bank is held until it is returned, taken back for that where it was released.
    """
    back = max(penalty.kept - due, 0)
    to_deposit = min(back, penalty.collected - penalty.restored)
    held = min(to_deposit, penalty.held)
    to_bank = max(back - to_deposit - (penalty.held - held), 0)
    deposit = to_deposit - held
    to_fund, platform = money.split(deposit + to_bank, (penalty.to_fund, penalty.to_platform))
    free = max(past.balance("pet_fund", penalty.currency), 0)
    fund = min(to_fund, free)
    return GivenBack(held, fund, platform, to_fund - fund, deposit, to_bank)


@decides(PublishShare)
def publish_share(past: Past, command: PublishShare) -> Iterator[Item]:
    """A share counts from now or later; what was imposed before keeps its own."""
    since = past.moment if command.effective_from is None else time.micros(command.effective_from)
    if since < past.moment and not past.reported:
        raise WrongState("Fines imposed before keep their share.", field="effective_from")
    share: Share = past.state(SHARE)
    if share.at(since) != command.rate_bp:
        yield FineSharePublished(command.rate_bp, since, command.reason)

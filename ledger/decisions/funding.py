"""Who pays for what was decided: the payers of the terms in order, the fund, and who waits for its money.

What nobody can pay now stays due in the fund's queue: law first, then contract, then batches, each by the
time of decision. The decided sum is never cut. Whatever the fund pays in a shop's place is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ledger.decisions import fine
from ledger.decisions.base import Command, Item, Name, On, Past, Text, decides, folds
from ledger.decisions.lapse import lapsed
from ledger.decisions.recourse import recover
from ledger.errors import UnknownShop
from ledger.events.base import Recorded
from ledger.events.claim import ClaimFunded, FundingShortfallRecorded, Parts
from ledger.events.incident import BatchFunded
from ledger.events.recourse import RecourseOpened, RecourseWrittenOff
from ledger.events.refund import RefundAdvanceRecovered
from ledger.events.shop import ShopReinstated, ShopRestricted

FUND = "fund-pet"
"""The stream of the pet fund: there is one."""
ACCOUNT = "pet_fund"
RANKS = {"law": 0, "contract": 1, "batch": 2}
"""Who is served first when money comes in."""
DEPOSIT = "deposit"
"""The cause under which a shop is restricted whose deposit does not cover its claims."""

# Where each payer's money lies: the account, and the party in it.
_POTS = {
    "escrow":        ("order_escrow",  "order"),
    "payable":       ("shop_payable",  "shop"),
    "deposit":       ("shop_deposit",  "shop"),
    "lab":           ("lab_payable",   "lab"),
    "freight_pool":  ("freight_pool",  "shop"),
    "warranty_pool": ("warranty_pool", "shop"),
}  # fmt: skip


class Due(msgspec.Struct, frozen=True, order=True, gc=False):
    """What stays due of a claim, in minor units; dues sort in the order in which they are paid."""

    rank: int
    decided_at: int
    claim: str
    shop: str
    currency: str
    amount: int
    payers: tuple[str, ...]


@folds(FundingShortfallRecorded)
def _short(fund: Any, fact: FundingShortfallRecorded, _recorded: Recorded) -> Any:  # noqa: ANN401 - a Fund
    dues = [due for due in fund.dues if due.claim != fact.claim]
    if fact.due:
        where = RANKS[fact.basis], fact.decided_at, fact.claim, fact.shop, fact.currency
        dues.append(Due(*where, fact.due, fact.payers))
    return msgspec.structs.replace(fund, dues=tuple(sorted(dues)))


def _dues(past: Past, currency: str, shop: str | None = None) -> list[Due]:
    """What is open, in order: of one shop or of all."""
    return [due for due in past.state(FUND).dues if due.currency == currency and shop in {None, due.shop}]


def pay_dues(past: Past, currency: str) -> Iterator[On]:
    """The fund has new free money: pay what is due from it, in order, as far as it goes."""
    if past.balance(ACCOUNT, currency) <= 0:
        return
    for due in _dues(past, currency):
        free = past.balance(ACCOUNT, currency)
        if free <= 0:
            return
        if due.rank == RANKS["batch"]:
            yield from _reserved(due, min(free, due.amount))
        elif "fund" in due.payers:
            yield from _pay_due(past, due, Parts(fund=min(free, due.amount)))


def _reserved(due: Due, amount: int) -> Iterator[On]:
    """More of an approved batch of an incident has its money."""
    incident = due.claim.partition("/")[2]
    yield On(f"incident-{incident}", BatchFunded(incident, due.currency, amount))
    where = due.claim, due.shop, due.currency, "batch", due.decided_at
    yield On(FUND, FundingShortfallRecorded(*where, due.amount - amount, due.payers))


def from_deposit(past: Past, shop: str, currency: str) -> Iterator[On]:
    """A deposit came in: it makes good advances, pays due claims and what the fund holds, and then fines."""
    deposit = past.balance(f"shop_deposit:{shop}", currency)
    advanced = min(max(past.balance(f"refund_advance:{shop}", currency), 0), deposit)
    # A payable below zero, as a chargeback leaves it, is a debt of the same kind.
    lacking = min(max(-past.balance(f"shop_payable:{shop}", currency), 0), deposit - advanced)
    if advanced or lacking:
        sums = 0, -lacking, advanced + lacking
        yield On(f"shop-{shop}", RefundAdvanceRecovered("", shop, currency, *sums))
    yield from _from_shop(past, shop, currency, "deposit")
    yield from fine.collect_due(past, shop, currency)


def from_payable(past: Past, shop: str, currency: str) -> Iterator[On]:
    """The same from what the shop is owed, before that is paid out."""
    yield from _from_shop(past, shop, currency, "payable")


def from_pool(past: Past, shop: str, currency: str, pot: str) -> Iterator[On]:
    """A shop filled its `freight_pool` or `warranty_pool`: the pool pays what is due from it."""
    yield from _paid_by_shop(past, shop, currency, pot)
    yield from reinstated(past, shop)


def _from_shop(past: Past, shop: str, currency: str, pot: str) -> Iterator[On]:
    yield from _paid_by_shop(past, shop, currency, pot)
    yield from recover(past, shop, currency, pot)
    yield from pay_dues(past, currency)
    yield from reinstated(past, shop)


def _paid_by_shop(past: Past, shop: str, currency: str, pot: str) -> Iterator[On]:
    for due in _dues(past, currency, shop):
        if pot in due.payers:
            held = past.balance(f"{_POTS[pot][0]}:{shop}", currency)
            if held > 0:
                yield from _pay_due(past, due, Parts(**{pot: min(held, due.amount)}))


def owed_first(past: Past, shop: str, currency: str) -> int:
    """What of a shop's deposit (minor units) belongs to upheld claims before any fine may take of it."""
    due = sum(due.amount for due in _dues(past, currency, shop) if "deposit" in due.payers)
    recourses = past.state(f"shop-{shop}").recourses
    held_against = sum(open_.amount for open_ in recourses if open_.currency == currency)
    return int(due + held_against)


def fund(past: Past, claim_id: str) -> Iterator[On]:
    """Fund what a decision gave and nobody has funded: every payer in turn, the rest stays due."""
    claim = past.state(f"claim-{claim_id}")
    if claim.unfunded <= 0:
        return
    # Whoever waits longer, or by law, is served first from what the fund holds.
    yield from pay_dues(past, claim.currency)
    parts = _parts(past, claim, claim.unfunded)
    yield from _funded(past, claim_id, parts)
    left: int = past.state(f"claim-{claim_id}").unfunded
    if left or claim_id in {due.claim for due in _dues(past, claim.currency)}:
        yield On(FUND, _shortfall(claim, claim_id, left))
    if claim.fault == "shop" and (left or parts.fund):
        yield from restricted(past, claim.shop)


def _parts(past: Past, claim: Any, need: int) -> Parts:  # noqa: ANN401 - a Claim, which stands further up
    """What each payer bears of a sum, as far as all of them can."""
    parts: dict[str, int] = {}
    for payer in claim.payers:
        if payer == "backstop":
            held = need
        elif payer == "fund":
            held = past.balance(ACCOUNT, claim.currency)
        else:
            account, party = _POTS[payer]
            held = past.balance(f"{account}:{getattr(claim, party)}", claim.currency)
        part = max(min(need, held), 0)
        parts[payer] = part
        need -= part
    return Parts(**parts)


def _funded(past: Past, claim_id: str, parts: Parts) -> Iterator[On]:
    """The buyer's money, and what the fund now holds against the shop for its part."""
    if not parts.total:
        return
    stream = f"claim-{claim_id}"
    claim = past.state(stream)
    parties = claim.order, claim.shop, claim.buyer, claim.lab
    yield On(stream, ClaimFunded(claim_id, *parties, claim.currency, parts, claim.decided))
    if parts.fund and claim.fault == "shop":
        opened = RecourseOpened(claim_id, claim.shop, claim.currency, parts.fund)
        yield On(f"shop-{claim.shop}", opened)


def _pay_due(past: Past, due: Due, parts: Parts) -> Iterator[On]:
    yield from _funded(past, due.claim, parts)
    claim = past.state(f"claim-{due.claim}")
    yield On(FUND, _shortfall(claim, due.claim, due.amount - parts.total))


def _shortfall(claim: Any, claim_id: str, left: int) -> FundingShortfallRecorded:  # noqa: ANN401 - a Claim
    decided = claim.basis, claim.decided_at, left, claim.payers
    return FundingShortfallRecorded(claim_id, claim.shop, claim.currency, *decided)


def settled(past: Past, claim_id: str) -> Iterator[On]:
    """Nothing of a claim is due any more: it leaves the queue."""
    claim = past.state(f"claim-{claim_id}")
    if claim_id in {due.claim for due in _dues(past, claim.currency, claim.shop)}:
        yield On(FUND, _shortfall(claim, claim_id, 0))


def restricted(past: Past, shop: str) -> Iterator[On]:
    """A shop whose deposit does not cover its claims opens no benefits until it does."""
    stream = f"shop-{shop}"
    if not any(restraint.cause == DEPOSIT for restraint in past.state(stream).restraints):
        yield On(stream, ShopRestricted(DEPOSIT, "Its deposit does not cover its claims."))
        yield from lapsed(past, shop)


def unpaid(past: Past, shop: str) -> tuple[str, ...]:
    """The claims that a shop has not made good, in any currency: they are due by its fault, or the fund paid.

    What is due by somebody else's fault is none of its business.
    """
    dues = [due.claim for due in past.state(FUND).dues if due.shop == shop]
    by_its_fault = (claim for claim in dues if past.state(f"claim-{claim}").fault == "shop")
    paid_by_fund = (open_.claim for open_ in past.state(f"shop-{shop}").recourses)
    return tuple(dict.fromkeys((*by_its_fault, *paid_by_fund)))


def reinstated(past: Past, shop: str) -> Iterator[On]:
    """Once nothing is due and the fund holds nothing against it, a shop may do what it could."""
    stream = f"shop-{shop}"
    held = any(restraint.cause == DEPOSIT for restraint in past.state(stream).restraints)
    if held and not unpaid(past, shop):
        yield On(stream, ShopReinstated(DEPOSIT, "Its claims are paid."))


class WriteOffRecourse(Command, kw_only=True):
    """Give up what the fund holds against a shop for a claim."""

    NAME = "shops.write-off-recourse"
    STREAM = "shop"

    id: Name
    claim: Name
    reason: Text


@decides(WriteOffRecourse)
def write_off(past: Past, command: WriteOffRecourse) -> Iterator[Item]:
    """The fund bears for good what is left of it."""
    if not past.version(command.stream):
        raise UnknownShop(f"Got {command.id!r}.", field="id")
    for open_ in past.state(command.stream).recourses:
        if open_.claim == command.claim:
            given_up = command.claim, command.id, open_.currency, open_.amount
            yield RecourseWrittenOff(*given_up, command.reason)
            yield from reinstated(past, command.id)

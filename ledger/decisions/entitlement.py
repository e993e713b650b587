"""Refunds that are owed under a benefit: without the goods, within seven days, or at once."""

from __future__ import annotations

from collections.abc import Iterator

from ledger import time
from ledger.decisions import card, coverage, credit, refund
from ledger.decisions.base import Command, Item, Name, Past, decides
from ledger.decisions.dispatch import Digest
from ledger.decisions.order import Order
from ledger.decisions.refund import AdvanceRefund, ApproveRefund, Refund
from ledger.errors import (
    AlreadyExists,
    CurrencyMismatch,
    EvidenceMissing,
    InvalidAmount,
    NotCovered,
    UnknownRefund,
    WindowOver,
    WrongState,
)
from ledger.events.policy import Terms
from ledger.events.refund import RefundEntitled

RETURNLESS, SEVEN_DAYS, INSTANT = "returnless-refund", "seven-day-return", "instant-refund"

# Whether the goods come back, by benefit; None: as the refund says.
_RETURNS = {RETURNLESS: False, SEVEN_DAYS: True, INSTANT: None}


class UseRefundBenefit(Command, kw_only=True):
    """Use a benefit of the order for a refund: it is approved without the shop, or advanced at once.

    `digest` is the SHA-256 of the evidence where the terms ask for it.
    """

    NAME = "refunds.use-benefit"
    STREAM = "refund"

    benefit: Name
    digest: Digest = ""


@decides(UseRefundBenefit)
def use_benefit(past: Past, command: UseRefundBenefit) -> Iterator[Item]:
    """The lines carry the benefit, its window is open, the card has a use left, and the limit is kept."""
    found: Refund = past.state(command.stream)
    if not found.known:
        raise UnknownRefund(f"Got {command.id!r}.", field="id")
    if command.benefit in found.benefits:
        return
    if found.status not in {"requested", "refused", "escalated", "approved"}:
        raise WrongState(f"The refund is {found.status}.", field="id")
    if found.benefits and INSTANT not in {*found.benefits, command.benefit}:
        raise AlreadyExists(f"The refund uses {found.benefits[0]}.", field="benefit")
    order: Order = past.state(f"order-{found.order}")
    terms, tier = _terms(past, command, found, order)
    until = _in_time(past, terms, order)
    sums = found.buyer, found.currency, found.cash
    yield RefundEntitled(found.order, command.benefit, terms.version, *sums, until, command.digest)
    yield from card.use(past, found.buyer, terms, command.id, tier)
    if command.benefit == INSTANT:
        if not found.cash:
            raise InvalidAmount("The refund has no cash to advance.", field="id")
        limit = credit.limit(past, found.buyer, terms, tier)
        yield from credit.take(past, command.id, found.cash, limit)
        yield from refund.advance(past, AdvanceRefund(id=command.id))
    else:
        yield from refund.approve(past, ApproveRefund(id=command.id))


def _terms(past: Past, command: UseRefundBenefit, found: Refund, order: Order) -> tuple[Terms, str]:
    """The terms that the refund's lines carry, and the tier of the card when they were paid for."""
    benefit = command.benefit
    if benefit not in _RETURNS:
        raise NotCovered(f"The benefit {benefit} is not about refunds.", field="benefit")
    if not found.buyer or not found.lines:
        raise NotCovered("The refund names no buyer, or no line of an order.", field="id")
    for line in found.lines:
        if coverage.pinned(past, found.order, line.line, benefit) is None:
            raise NotCovered(f"Line {line.line} does not carry {benefit}.", field="benefit")
    # All lines were covered when the order was paid.
    first = found.lines[0].line
    terms = coverage.pinned(past, found.order, first, benefit)
    assert terms is not None  # noqa: S101 - looked at just before
    tier: str = past.state(coverage.stream(found.order, first, benefit)).tier
    if terms.currency != order.currency:
        raise CurrencyMismatch(f"The terms are in {terms.currency}.", field="benefit")
    wanted = _RETURNS[benefit]
    if wanted is not None and found.returns != wanted:
        goods = "come back" if wanted else "stay with the buyer"
        raise WrongState(f"By {benefit} the goods {goods}; the refund says otherwise.", field="benefit")
    if terms.evidence and not command.digest:
        raise EvidenceMissing(f"The terms ask for: {', '.join(terms.evidence)}.", field="digest")
    return terms, tier


def _in_time(past: Past, terms: Terms, order: Order) -> int:
    """The last moment of the window, 0 before it begins; raises WindowOver. The time of asking counts."""
    last = coverage.window_last(terms, order)
    if last and past.moment > last:
        raise WindowOver(f"It ended at {time.rfc3339(last, time.HOME_OFFSET)}.", field="id")
    return last

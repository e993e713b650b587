"""An order that never counted: it is struck, and its claims with it."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.decisions import payout
from ledger.decisions.base import Item, On, Past, decides
from ledger.decisions.claim import Claim
from ledger.decisions.order import Order, VoidOrder, check
from ledger.decisions.parking import park
from ledger.events.claim import ClaimAppealDecided, ClaimRejected
from ledger.events.order import OrderVoided


@decides(VoidOrder)
def void(past: Past, command: VoidOrder) -> Iterator[Item]:
    """An order is struck at any time, and its claims with it; its own money is dealt with by refunds."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if order.voided:
        return
    yield OrderVoided(command.reason, order.buyer, order.placed_day)
    for claim_id in order.claims:
        claim: Claim = past.state(f"claim-{claim_id}")
        reason = f"The order was voided: {command.reason}"
        stream = f"claim-{claim_id}"
        if claim.appealed_by:
            yield On(stream, ClaimAppealDecided(claim.shop, "denied", reason, claim.live))
        if claim.upheld:
            yield from payout.undo(past, claim_id, reason, recover=True)
        elif not claim.decision:
            yield On(stream, ClaimRejected(claim.shop, reason, claim.live))

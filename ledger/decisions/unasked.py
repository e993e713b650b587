"""What a buyer is paid without asking: for goods that left late, and for waybills without a parcel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from ledger.decisions import dispatch
from ledger.decisions.assessment import MOST_UNITS
from ledger.decisions.base import Amount, Command, Item, Name, OrderId, Past, Text, also, decides
from ledger.decisions.claim import ClaimItem, FileClaim
from ledger.decisions.dispatch import Digest
from ledger.decisions.order import Order, check
from ledger.decisions.parking import park
from ledger.decisions.penalty import Points, ProposePenalty
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import LedgerError, WrongState
from ledger.events.fulfilment import FakeDispatchFound, Unit

LATE, FAKE = "late-dispatch", "fake-dispatch"
_LONGEST = 128


class MarkOverdue(Command, kw_only=True):
    """Find what of an order is late by now, and pay for it what its cover promises, unasked and once."""

    NAME = "orders.mark-overdue"
    STREAM = "order"

    id: OrderId

    def touches(self) -> tuple[str, ...]:
        """The order and the claim that may follow."""
        return (self.stream, f"claim-{late_claim(self.id)}")


class FindFakeDispatch(Command, kw_only=True):
    """Find that no parcel moved under a waybill: the buyer is paid, and a penalty of the shop proposed.

    `digest` is the SHA-256 of the carrier's trace; `fine` and `points` are those to propose.
    """

    NAME = "orders.find-fake-dispatch"
    STREAM = "order"

    id: OrderId
    waybill: Name
    reason: Text
    digest: Digest = ""
    fine: Amount = 0
    points: Points = 0


def late_claim(order: str) -> str:
    """The claim for what of an order left late: there is one."""
    return named(f"late:{order}")


def fake_claim(order: str, waybill: str) -> str:
    """The claim, and the proposed penalty, for a waybill without a parcel."""
    return named(f"fake:{order}:{waybill}")


def named(name: str) -> str:
    """A name as long as an identifier may be; of a longer one its digest."""
    kind = name.partition(":")[0]
    return name if len(name) <= _LONGEST else f"{kind}:{hashlib.sha256(name.encode()).hexdigest()}"


@decides(MarkOverdue)
def mark_overdue(past: Past, command: MarkOverdue) -> Iterator[Item]:
    """Each unit is late once; the order is compensated once, for what was late when it was first found."""
    order: Order = past.state(command.stream)
    check(order, command.id, "placed", past)
    yield from dispatch.judge(past, command.id)
    late = past.state(command.stream).clock.overdue
    known = order.clock.overdue
    if late and not known:
        wanted = FileClaim(
            id=late_claim(command.id), order=command.id, benefit=LATE, items=_items(late), reason="unasked"
        )
        yield from _if_covered(past, wanted)


@decides(FindFakeDispatch)
def find_fake_dispatch(past: Past, command: FindFakeDispatch) -> Iterator[Item]:
    """A parcel that left and was not delivered may be none; what was in it still has to leave."""
    order: Order = past.state(command.stream)
    if not check(order, command.id, "placed", past):
        yield from park(past, command, command.stream, "placed")
        return
    if command.waybill in order.clock.fake:
        return
    if command.waybill not in order.parcels or command.waybill in order.delivered:
        state = "was delivered" if command.waybill in order.delivered else "was never dispatched"
        raise WrongState(f"Waybill {command.waybill} {state}.", field="waybill")
    units = order.clock.inside(command.waybill, [line.quantity for line in order.lines])
    yield FakeDispatchFound(command.waybill, units, command.reason, command.digest)
    name = fake_claim(command.id, command.waybill)
    if units and order.paid:
        wanted = FileClaim(
            id=name,
            order=command.id,
            benefit=FAKE,
            items=_items(units),
            waybill=command.waybill,
            reason="unasked",
        )
        yield from _if_covered(past, wanted)
    proposed = ProposePenalty(
        id=name,
        party="shop",
        party_id=order.shop,
        currency=order.currency,
        fine=command.fine,
        points=command.points,
        reason=f"Fake dispatch of order {command.id} under {command.waybill}: {command.reason}"[:1000],
        cause=command.stream,
    )
    yield from also(past, proposed)


def _items(found: Sequence[Unit]) -> tuple[ClaimItem, ...]:
    """As many of the units as a claim may be about; the terms' cap is reached long before."""
    units = found[:MOST_UNITS]
    lines = sorted({unit.line for unit in units})
    return tuple(
        ClaimItem(line=line, units=tuple(unit.unit for unit in units if unit.line == line)) for line in lines
    )


def _if_covered(past: Past, wanted: FileClaim) -> Iterator[Item]:
    """File and uphold a claim; a rule against it leaves what was found as it is, without a claim."""
    try:
        yield from past.attempt(granted(past, wanted))
    except LedgerError:
        return


def granted(past: Past, wanted: FileClaim) -> Iterator[Item]:
    """File a claim and decide it for the buyer, by the terms alone."""
    yield from also(past, wanted)
    yield from also(past, UpholdClaim(id=wanted.id, reason=wanted.reason))

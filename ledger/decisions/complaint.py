"""Complaints of buyers about an order, by reason, and the claim that one leads to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from ledger.decisions.appraisal import OptionalDigest
from ledger.decisions.base import INITIAL, Command, Item, Name, OptionalName, OrderId, Past, decides, folds
from ledger.decisions.parking import Waiting, for_, park, release, without
from ledger.decisions.review import buyer_of, line_of, order_of
from ledger.errors import AlreadyExists, UnknownClaim, UnknownComplaint, WrongState
from ledger.events.base import Recorded
from ledger.events.complaint import ComplaintClaimed, ComplaintRecorded

Reason = Literal[
    "mismatch",
    "missing-gift",
    "missing-part",
    "spoilt",
    "damaged",
    "wrong-item",
    "counterfeit",
    "false-claim",
    "late",
    "service",
    "other",
]
"""What buyers complain of; spoilt and damaged goods, gifts and parts that were promised and did not come."""


class Complaint(msgspec.Struct, frozen=True, gc=False):
    """What a complaint is now; `order` is empty while it is unknown, `claims` are those it led to."""

    order: str = ""
    line: int = 0
    shop: str = ""
    host: str = ""
    buyer: str = ""
    reason: str = ""
    digest: str = ""
    claims: tuple[str, ...] = ()
    parked: tuple[Waiting, ...] = ()

    @property
    def status(self) -> str:
        """One word: empty while it is unknown, recorded or claimed."""
        return ("claimed" if self.claims else "recorded") if self.order else ""


INITIAL["complaint"] = Complaint()


@folds(ComplaintRecorded)
def _recorded(complaint: Complaint, fact: ComplaintRecorded, _recorded: Recorded) -> Complaint:
    names = ("order", "line", "shop", "host", "buyer", "reason", "digest")
    said: dict[str, Any] = {name: getattr(fact, name) for name in names}
    return msgspec.structs.replace(complaint, parked=without(complaint.parked, "recorded"), **said)


@folds(ComplaintClaimed)
def _claimed(complaint: Complaint, fact: ComplaintClaimed, _recorded: Recorded) -> Complaint:
    return msgspec.structs.replace(complaint, claims=(*complaint.claims, fact.claim))


class RecordComplaint(Command, kw_only=True):
    """Record what a buyer complains of: an order, or one of its lines (0: all of it).

    `buyer` is who complains, by default the buyer of the order; `digest` is the SHA-256 of the words.
    """

    NAME = "complaints.record"
    STREAM = "complaint"

    id: Name
    order: OrderId
    line: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    buyer: OptionalName = ""
    reason: Reason
    digest: OptionalDigest = ""

    def touches(self) -> tuple[str, ...]:
        """The complaint and its order."""
        return (self.stream, f"order-{self.order}")


class LinkClaim(Command, kw_only=True):
    """Record that a complaint led to a claim for the same order."""

    NAME = "complaints.link-claim"
    STREAM = "complaint"

    id: Name
    claim: Name

    def touches(self) -> tuple[str, ...]:
        """The complaint and the claim."""
        return (self.stream, f"claim-{self.claim}")


@decides(RecordComplaint)
def record(past: Past, command: RecordComplaint) -> Iterator[Item]:
    """The buyer of an order that was placed may complain of it at any time, of as much as there is."""
    complaint: Complaint = past.state(command.stream)
    order = order_of(past, command.order, "placed")
    if order is None:
        yield from park(past, command, f"order-{command.order}", "placed")
        return
    buyer, marks = buyer_of(past, command.order, command.buyer)
    said = command.order, command.line, order.shop, order.host, buyer, command.reason, command.digest
    if complaint.status:
        known = tuple(getattr(complaint, name) for name in ComplaintRecorded.__struct_fields__[:7])
        if known != said:
            raise AlreadyExists(f"Complaint {command.id} was recorded with other content.", field="id")
        return
    marks += line_of(past, command.order, command.line)
    yield ComplaintRecorded(*said, marks)
    yield from release(past, for_(complaint.parked, "recorded"))


@decides(LinkClaim)
def link_claim(past: Past, command: LinkClaim) -> Iterator[Item]:
    """A complaint leads to a claim once, and to one for its own order."""
    complaint: Complaint = past.state(command.stream)
    if not complaint.status:
        if past.reported:
            yield from park(past, command, command.stream, "recorded")
            return
        raise UnknownComplaint(f"Got {command.id!r}.", field="id")
    claim = past.state(f"claim-{command.claim}")
    if not claim.status:
        raise UnknownClaim(f"Got {command.claim!r}.", field="claim")
    if claim.order != complaint.order:
        raise WrongState(f"The claim is for {claim.order}.", field="claim")
    if command.claim not in complaint.claims:
        yield ComplaintClaimed(command.claim, claim.benefit)

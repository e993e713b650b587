"""Incidents: many buyers, one cause, one sum for each of them, approved by several people and granted once.

No stream grows with the number of buyers: each has one of its own, and how many there are is counted as
claims are (`incident-members/{id}`, `incident-granted/{id}`). What a buyer received stands under
`incident-paid/{id}/{buyer}`, where a claim of the same cause finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from ledger import money
from ledger.decisions import funding, policy
from ledger.decisions.base import (
    INITIAL,
    Command,
    Item,
    Name,
    On,
    OptionalName,
    Past,
    Text,
    decides,
    folds,
    unchanged,
)
from ledger.decisions.fund import Fund
from ledger.errors import (
    AlreadyExists,
    IncidentShort,
    Malformed,
    SameApprover,
    UnknownIncident,
    UnknownPolicy,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.claim import FundingShortfallRecorded
from ledger.events.incident import (
    BatchApproved,
    BatchClosed,
    BatchFunded,
    BatchOpened,
    IncidentCompensationFailed,
    IncidentCompensationGranted,
    IncidentCompensationPaid,
    IncidentDeclared,
    MemberAdded,
    MemberExcluded,
)
from ledger.events.recourse import RecourseOpened

BENEFIT = "incident"
MOST = 1_000
"""Most buyers that one command takes."""

IncidentId = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f:/]{1,64}$(?!\n)")]
Buyers = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=MOST)]


class Incident(msgspec.Struct, frozen=True):
    """What an incident is now; sums in minor units. Its buyers are in streams of their own.

    `status` is declared, open (buyers are added), approving, approved or closed.
    """

    status: str = ""
    title: str = ""
    cause: str = ""
    shop: str = ""
    currency: str = ""
    amount: int = 0
    """For each buyer."""
    approvals: int = 0
    """How many different people must approve."""
    approvers: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True):
    """A buyer in an incident: added, excluded, granted or paid (the bank was told)."""

    status: str = ""
    transfer: str = ""
    """The number of the latest transfer."""
    attempts: int = 0


INITIAL["incident"] = Incident()
INITIAL["member"] = Member()


@folds(IncidentDeclared)
def _declared(_incident: Incident, fact: IncidentDeclared, _recorded: Recorded) -> Incident:
    told = fact.title, fact.cause, fact.shop, fact.currency, fact.amount, fact.approvals
    return Incident("declared", *told)


@folds(BatchOpened)
def _opened(incident: Incident, _fact: BatchOpened, _recorded: Recorded) -> Incident:
    return msgspec.structs.replace(incident, status="open")


@folds(BatchApproved)
def _approved(incident: Incident, fact: BatchApproved, _recorded: Recorded) -> Incident:
    status = "approved" if fact.number == fact.approvals else "approving"
    return msgspec.structs.replace(incident, status=status, approvers=(*incident.approvers, fact.by))


@folds(BatchClosed)
def _closed(incident: Incident, _fact: BatchClosed, _recorded: Recorded) -> Incident:
    return msgspec.structs.replace(incident, status="closed")


folds(BatchFunded)(unchanged)


@folds(MemberAdded)
def _added(_member: Member, _fact: MemberAdded, _recorded: Recorded) -> Member:
    return Member("added")


@folds(MemberExcluded)
def _excluded(_member: Member, _fact: MemberExcluded, _recorded: Recorded) -> Member:
    return Member("excluded")


@folds(IncidentCompensationGranted)
def _granted(_member: Member, _fact: IncidentCompensationGranted, _recorded: Recorded) -> Member:
    return Member("granted")


@folds(IncidentCompensationPaid)
def _paid(member: Member, fact: IncidentCompensationPaid, _recorded: Recorded) -> Member:
    return Member("paid", fact.transfer, member.attempts + 1)


@folds(IncidentCompensationFailed)
def _failed(member: Member, _fact: IncidentCompensationFailed, _recorded: Recorded) -> Member:
    return msgspec.structs.replace(member, status="granted")


def member_stream(incident: str, buyer: str) -> str:
    """The stream of a buyer in an incident."""
    return f"member-{incident}:{buyer}"


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A buyer whom the incident concerns, and the order that shows it, if one does."""

    buyer: Name
    order: OptionalName = ""


class DeclareIncident(Command, kw_only=True):
    """Declare an incident that concerns many buyers; the terms of the benefit say what each receives."""

    NAME = "incidents.declare"
    STREAM = "incident"

    id: IncidentId
    title: Text
    cause: Name
    shop: OptionalName = ""


class OpenBatch(Command, kw_only=True):
    """Let buyers be added to an incident."""

    NAME = "incidents.open-batch"
    STREAM = "incident"

    id: IncidentId
    reason: Text = ""


class AddMembers(Command, kw_only=True):
    """Add up to 1 000 buyers to an incident; one who is on the list already stays there once."""

    NAME = "incidents.add-members"
    STREAM = "incident"

    id: IncidentId
    members: Annotated[tuple[Listed, ...], msgspec.Meta(min_length=1, max_length=MOST)]

    def touches(self) -> tuple[str, ...]:
        """The incident and each of its buyers."""
        return (self.stream, *(member_stream(self.id, each.buyer) for each in self.members))


class ExcludeMember(Command, kw_only=True):
    """Take a buyer off the list of an incident for good, before anything was granted."""

    NAME = "incidents.exclude-member"
    STREAM = "incident"

    id: IncidentId
    buyer: Name
    reason: Text


class ApproveBatch(Command, kw_only=True):
    """Approve the batch of an incident; `by` names the person where a system speaks for people."""

    NAME = "incidents.approve"
    STREAM = "incident"

    id: IncidentId
    by: OptionalName = ""


class GrantCompensation(Command, kw_only=True):
    """Grant the compensation of an incident to up to 1 000 of its buyers, to each of them once."""

    NAME = "incidents.grant"
    STREAM = "incident"

    id: IncidentId
    buyers: Buyers

    def touches(self) -> tuple[str, ...]:
        """The incident and each of the buyers."""
        return (self.stream, *(member_stream(self.id, buyer) for buyer in self.buyers))


class PayCompensation(GrantCompensation, kw_only=True):
    """Tell the bank to pay what was granted to up to 1 000 buyers; who was paid is not paid again."""

    NAME = "incidents.pay"


class ReportFailure(Command, kw_only=True):
    """Record that a transfer did not reach its buyer, who is owed the money again."""

    NAME = "incidents.report-failure"
    STREAM = "incident"

    id: IncidentId
    buyer: Name
    transfer: Name
    reason: Text = ""


class CloseIncident(Command, kw_only=True):
    """Close an incident when all its buyers have been granted what is theirs, or before it is approved."""

    NAME = "incidents.close"
    STREAM = "incident"

    id: IncidentId


def _known(past: Past, command: Command, *statuses: str) -> Incident:
    incident: Incident = past.state(command.stream)
    if not incident.status:
        raise UnknownIncident(f"Got {command.id!r}.", field="id")
    if statuses and incident.status not in statuses:
        raise WrongState(f"Incident {command.id} is {incident.status}.", field="id")
    return incident


@decides(DeclareIncident)
def declare(past: Past, command: DeclareIncident) -> Iterator[Item]:
    """An incident is declared once, under the terms in force then."""
    terms = policy.terms(past, BENEFIT, past.moment)
    if terms is None:
        raise UnknownPolicy(f"No terms of {BENEFIT} are in force then.", field="at")
    declared = (command.title, command.cause, command.shop)
    fact = IncidentDeclared(*declared, terms.currency, terms.amount, max(terms.approvals, 1), terms.version)
    incident: Incident = past.state(command.stream)
    if not incident.status:
        yield fact
    elif (incident.title, incident.cause, incident.shop) != declared:
        raise AlreadyExists(f"Incident {command.id} is {incident.status}.", field="id")


@decides(OpenBatch)
def open_batch(past: Past, command: OpenBatch) -> Iterator[Item]:
    """A declared incident has one batch."""
    if _known(past, command, "declared", "open").status == "declared":
        yield BatchOpened(command.reason)


@decides(AddMembers)
def add_members(past: Past, command: AddMembers) -> Iterator[Item]:
    """Until the first approval. Whoever was excluded stays so, even when listed again."""
    _known(past, command, "open")
    for listed in command.members:
        stream = member_stream(command.id, listed.buyer)
        if not past.state(stream).status:
            yield On(stream, MemberAdded(command.id, listed.buyer, listed.order))


@decides(ExcludeMember)
def exclude_member(past: Past, command: ExcludeMember) -> Iterator[Item]:
    """As long as nothing was granted to the buyer; what was reserved is free when the batch is closed."""
    _known(past, command, "open", "approving", "approved")
    stream = member_stream(command.id, command.buyer)
    member: Member = past.state(stream)
    if member.status == "excluded":
        return
    if member.status != "added":
        raise WrongState(f"{command.buyer} is {member.status or 'not a member'}.", field="buyer")
    yield On(stream, MemberExcluded(command.id, command.buyer, command.reason))


@decides(ApproveBatch)
def approve(past: Past, command: ApproveBatch) -> Iterator[Item]:
    """Different people approve; the last one reserves the money, and what the fund lacks stays due."""
    by = command.by or past.request.actor
    if not by:
        raise Malformed("Nobody is named who approves.", field="by")
    incident = _known(past, command, "open", "approving", "approved")
    if by in incident.approvers:
        if incident.status == "approved":
            return
        raise SameApprover(f"It has the approval of {by}.", field="by")
    if incident.status == "approved":
        raise WrongState(f"Incident {command.id} is approved.", field="id")
    members = past.used(f"incident-members/{command.id}")
    if not members:
        raise WrongState(f"Incident {command.id} has no members.", field="id")
    amount = money.amount(members * incident.amount)
    number = len(incident.approvers) + 1
    last = number == incident.approvals
    reserved = min(past.balance(funding.ACCOUNT, incident.currency), amount) if last else 0
    yield BatchApproved(
        command.id, by, number, incident.approvals, members, incident.currency, amount, reserved
    )
    if last and reserved < amount:
        yield On(funding.FUND, _short(command.id, incident, past.moment, amount - reserved))


def due_name(incident: str) -> str:
    """What the batch of an incident is called among the claims that the fund owes."""
    return f"incident/{incident}"


def _short(id_: str, incident: Incident, decided_at: int, due: int) -> FundingShortfallRecorded:
    return FundingShortfallRecorded(due_name(id_), "", incident.currency, "batch", decided_at, due, ("fund",))


@decides(GrantCompensation)
def grant(past: Past, command: GrantCompensation) -> Iterator[Item]:
    """Each member once, as long as enough is reserved; all of the command or none."""
    incident = _known(past, command, "approved", "closed")
    wanted = []
    for buyer, member in _members(past, command.id, command.buyers):
        if member.status in {"", "excluded"}:
            raise WrongState(f"{buyer} is {member.status or 'not a member'}.", field="buyers")
        if member.status == "added":
            wanted.append(buyer)
    if wanted and incident.status == "closed":
        raise WrongState(f"Incident {command.id} is closed.", field="id")
    reserved = past.balance(f"pet_fund_reserved:{command.id}", incident.currency)
    if (need := len(wanted) * incident.amount) > reserved:
        raise IncidentShort(f"{reserved} is reserved, {need} is asked for.", field="buyers")
    # What posting will ask for, in one query each.
    past.used_of([f"incident-paid/{command.id}/{buyer}" for buyer in wanted])
    past.fetch((), [f"buyer_payable:{buyer}" for buyer in wanted])
    for buyer in wanted:
        yield On(
            member_stream(command.id, buyer),
            IncidentCompensationGranted(command.id, buyer, incident.currency, incident.amount),
        )


def _members(past: Past, incident: str, buyers: Sequence[str]) -> Iterator[tuple[str, Member]]:
    """Each buyer once, as the incident knows them."""
    for buyer in dict.fromkeys(buyers):
        yield buyer, past.state(member_stream(incident, buyer))


@decides(PayCompensation)
def pay(past: Past, command: PayCompensation) -> Iterator[Item]:
    """What was granted and is not on its way; each attempt has a transfer number of its own."""
    incident = _known(past, command, "approved", "closed")
    past.fetch((), [f"buyer_payable:{buyer}" for buyer in command.buyers])
    for buyer, member in _members(past, command.id, command.buyers):
        if member.status == "paid":
            continue
        if member.status != "granted":
            raise WrongState(f"{buyer} is {member.status or 'not a member'}.", field="buyers")
        transfer = f"incident/{command.id}/{buyer}/{member.attempts + 1}"
        yield On(
            member_stream(command.id, buyer),
            IncidentCompensationPaid(command.id, buyer, incident.currency, incident.amount, transfer),
        )


@decides(ReportFailure)
def report_failure(past: Past, command: ReportFailure) -> Iterator[Item]:
    """Of the latest transfer to the buyer, once."""
    incident = _known(past, command, "approved", "closed")
    stream = member_stream(command.id, command.buyer)
    member: Member = past.state(stream)
    if member.transfer != command.transfer:
        raise WrongState(f"The latest transfer is {member.transfer or 'none'}.", field="transfer")
    if member.status == "paid":
        yield On(
            stream,
            IncidentCompensationFailed(
                command.id,
                command.buyer,
                incident.currency,
                incident.amount,
                command.transfer,
                command.reason,
            ),
        )


@decides(CloseIncident)
def close(past: Past, command: CloseIncident) -> Iterator[Item]:
    """Nobody may be left waiting; what nobody needed is free again, and the shop owes what was granted."""
    incident = _known(past, command)
    if incident.status == "closed":
        return
    members, number = past.used_of([f"incident-members/{command.id}", f"incident-granted/{command.id}"])
    if incident.status == "approved" and number < members:
        raise WrongState(f"{members - number} members have not been granted theirs.", field="id")
    unused = past.balance(f"pet_fund_reserved:{command.id}", incident.currency)
    granted = number * incident.amount
    yield BatchClosed(command.id, incident.currency, granted, unused)
    fund: Fund = past.state(funding.FUND)
    if any(due.claim == due_name(command.id) for due in fund.dues):
        yield On(funding.FUND, _short(command.id, incident, past.moment, 0))
    if incident.shop and granted:
        yield from _held_against(past, command.id, incident, granted)
    yield from funding.pay_dues(past, incident.currency)


def _held_against(past: Past, id_: str, incident: Incident, amount: int) -> Iterator[Item]:
    """The shop makes good what the fund paid: at once from its deposit, as far as that goes."""
    stream = f"shop-{incident.shop}"
    yield On(stream, RecourseOpened(due_name(id_), incident.shop, incident.currency, amount))
    yield from funding.from_deposit(past, incident.shop, incident.currency)
    if past.state(stream).recourses:
        yield from funding.restricted(past, incident.shop)

"""Facts of an incident (`incident-{id}`) and of each buyer it concerns (`member-{incident}:{buyer}`)."""

from __future__ import annotations

from ledger.events.base import Fact


class IncidentDeclared(Fact):
    """Something went wrong for many buyers at once: each is to receive `amount` (minor units).

    `cause` is the name that claims of the same cause give, `shop` who is to make good what the fund pays
    (empty: nobody). The sum and the number of `approvals` are those of `version` of the terms.
    """

    TOPIC = "incident-declared"

    title: str
    cause: str
    shop: str
    currency: str
    amount: int
    approvals: int
    version: str


class BatchOpened(Fact):
    """Buyers may be added to the batch from now on."""

    TOPIC = "batch-opened"

    reason: str = ""


class MemberAdded(Fact):
    """A buyer is concerned by the incident; `order` names the order that shows it, if one does."""

    TOPIC = "member-added"

    incident: str
    buyer: str
    order: str = ""


class MemberExcluded(Fact):
    """A buyer is not concerned after all, and receives nothing."""

    TOPIC = "member-excluded"

    incident: str
    buyer: str
    reason: str


class BatchApproved(Fact):
    """One of the people who must has approved the batch; the first approval closes the list of members.

    `number` of `approvals` have approved now. The last approval decides `amount` for `members` and reserves
    `reserved` of it, which is less where the fund does not hold enough (minor units).
    """

    TOPIC = "batch-approved"

    incident: str
    by: str
    number: int
    approvals: int
    members: int
    currency: str
    amount: int
    reserved: int = 0


class BatchFunded(Fact):
    """The fund reserved more of an approved batch, for which it had been short (minor units)."""

    TOPIC = "batch-funded"

    incident: str
    currency: str
    amount: int


class IncidentCompensationGranted(Fact):
    """A buyer is owed the compensation of the incident (minor units), once."""

    TOPIC = "incident-compensation-granted"

    incident: str
    buyer: str
    currency: str
    amount: int


class IncidentCompensationPaid(Fact):
    """The bank was told to pay the buyer under the number `transfer` (minor units)."""

    TOPIC = "incident-compensation-paid"

    incident: str
    buyer: str
    currency: str
    amount: int
    transfer: str


class IncidentCompensationFailed(Fact):
    """A transfer did not reach the buyer; the money is owed to the buyer again."""

    TOPIC = "incident-compensation-failed"

    incident: str
    buyer: str
    currency: str
    amount: int
    transfer: str
    reason: str


class BatchClosed(Fact):
    """Everybody who should has received the compensation: `granted` in all; `unused` is free again."""

    TOPIC = "batch-closed"

    incident: str
    currency: str
    granted: int
    unused: int

"""Facts of a claim from filing to the money in the buyer's hands; the stream is `claim-{id}`."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact
from ledger.events.refund import RefundLine


class ClaimUnit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit that is claimed for: `paid` is the cash paid for it (no freight, no coupon), minor units."""

    line: int
    unit: int
    paid: int
    sku: str = ""


class TraceStep(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One step of a formula as a person would write it down: `value` is what the expression comes to."""

    name: str
    expression: str
    value: int


class Parts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What each payer bears of a sum, minor units; the fields are in the order of the posting table."""

    escrow: int = 0
    payable: int = 0
    deposit: int = 0
    lab: int = 0
    freight_pool: int = 0
    warranty_pool: int = 0
    fund: int = 0
    backstop: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(msgspec.structs.astuple(self))


class ClaimFiled(Fact):
    """A buyer, or the platform of itself, asks for a benefit.

    `version` is that of the benefit's terms. `guards` name what may be claimed for once
    (`uci:1/2/3/authenticity`: order, line, unit, family). `cost` (of a waybill) and `loss` in minor units.
    `cause` is the incident that had the same cause, if one had, `lab` who appraised the goods.
    """

    TOPIC = "claim-filed"

    order: str
    shop: str
    buyer: str
    currency: str
    benefit: str
    family: str
    version: str
    units: tuple[ClaimUnit, ...]
    guards: tuple[str, ...]
    cost: int = 0
    loss: int = 0
    waybill: str = ""
    cause: str = ""
    lab: str = ""
    reason: str = ""
    marks: tuple[str, ...] = ()


class ClaimContested(Fact):
    """The shop disagrees with the claim."""

    TOPIC = "claim-contested"

    reason: str


class EvidenceRequested(Fact):
    """The reviewer wants to see more; `of` is buyer, shop or lab."""

    TOPIC = "evidence-requested"

    of: str
    what: str


class EvidenceSubmitted(Fact):
    """Evidence came in; only its SHA-256 (hexadecimal) is kept, the thing itself lies elsewhere."""

    TOPIC = "evidence-submitted"

    by: str
    what: str
    digest: str


class ClaimUpheld(Fact):
    """The claim is right: `refund` goes back as a refund, `compensation` is owed beside it (minor units).

    `basis` says whether contract or law made the sum, `trace` how it was reckoned from the terms of `version`
    and the statutory floors of `law`. `included` is what of the refund the compensation contains: nobody may
    be refunded that again. `offset` was paid in the incident `cause` before and is taken off; `offset_of` is
    what that had paid in all. `payers` bear the compensation in this order, `fault` says whose it is.
    `decided` is all compensation of the claim with what earlier decisions gave. `partly` when less was given
    than the terms say. `freed` are guards of what was only asked for, `guards` those of what is paid for.
    """

    TOPIC = "claim-upheld"

    order: str
    shop: str
    buyer: str
    currency: str
    refund: int
    compensation: int
    decided: int
    basis: str
    version: str
    law: tuple[str, ...]
    units: tuple[ClaimUnit, ...]
    payers: tuple[str, ...]
    fault: str
    flags: tuple[str, ...]
    trace: tuple[TraceStep, ...]
    freed: tuple[str, ...]
    guards: tuple[str, ...]
    included: tuple[RefundLine, ...] = ()
    paid: int = 0
    """What the order was paid in all, the most that may go back of it."""
    offset: int = 0
    offset_of: int = 0
    cause: str = ""
    partly: bool = False
    reason: str = ""


class ClaimRejected(Fact):
    """The claim is not right; `guards` are free again."""

    TOPIC = "claim-rejected"

    shop: str
    reason: str
    guards: tuple[str, ...]


class ClaimWithdrawn(Fact):
    """Whoever filed the claim gave it up; `guards` are free again."""

    TOPIC = "claim-withdrawn"

    shop: str
    reason: str
    guards: tuple[str, ...]


class ClaimAppealed(Fact):
    """The buyer or the shop (`by`) does not accept the decision; `guards` are taken again."""

    TOPIC = "claim-appealed"

    shop: str
    by: str
    reason: str
    guards: tuple[str, ...]


class ClaimAppealDecided(Fact):
    """The appeal was `denied`, or the decision `raised` or `overturned`; `guards` are free again."""

    TOPIC = "claim-appeal-decided"

    shop: str
    outcome: str
    reason: str
    guards: tuple[str, ...]


class ClaimFunded(Fact):
    """`parts` of the compensation are the buyer's now. `decided` is the most that all of them may reach."""

    TOPIC = "claim-funded"

    claim: str
    order: str
    shop: str
    buyer: str
    lab: str
    currency: str
    parts: Parts
    decided: int


class FundingShortfallRecorded(Fact):
    """`due` (minor units) of a decided claim stays due, as nobody can pay it now; 0: it is settled.

    Stands in the stream of the fund. `basis` (law, contract, batch) and `decided_at` (UTC microseconds) make
    its place in the queue, `payers` say who may still pay.
    """

    TOPIC = "funding-shortfall-recorded"

    claim: str
    shop: str
    currency: str
    basis: str
    decided_at: int
    due: int
    payers: tuple[str, ...]


class CompensationPaid(Fact):
    """The bank was told to pay the buyer under the number `transfer`; all payments reach at most `funded`."""

    TOPIC = "compensation-paid"

    claim: str
    buyer: str
    currency: str
    amount: int
    transfer: str
    funded: int


class CompensationConfirmed(Fact):
    """The buyer has the money of a transfer."""

    TOPIC = "compensation-confirmed"

    transfer: str


class CompensationResultUnknown(Fact):
    """Nobody knows what became of a transfer; it must be asked for before anything is sent again."""

    TOPIC = "compensation-result-unknown"

    transfer: str
    reason: str


class CompensationFailed(Fact):
    """A transfer did not reach the buyer; the money is owed to the buyer again."""

    TOPIC = "compensation-failed"

    claim: str
    buyer: str
    currency: str
    amount: int
    transfer: str
    reason: str


class CompensationForfeited(Fact):
    """What could for good not be paid to the buyer falls to the fund."""

    TOPIC = "compensation-forfeited"

    claim: str
    buyer: str
    currency: str
    amount: int
    reason: str


class CompensationCancelled(Fact):
    """What was not paid is not owed: `parts` go back to those who bore them, the rest of it was never funded.

    `left` is what remains decided; `guards` are free again, what was `included` may be refunded again, and
    the `offset` of the incident `cause` may come off another claim.
    """

    TOPIC = "compensation-cancelled"

    claim: str
    order: str
    shop: str
    buyer: str
    lab: str
    currency: str
    parts: Parts
    left: int
    reason: str
    guards: tuple[str, ...]
    included: tuple[RefundLine, ...] = ()
    offset: int = 0
    cause: str = ""


class CompensationRecoveryOpened(Fact):
    """The buyer has to give `amount` back; below zero: it turned out that so much had not been paid."""

    TOPIC = "compensation-recovery-opened"

    claim: str
    buyer: str
    currency: str
    amount: int
    reason: str


class CompensationRecovered(Fact):
    """The buyer gave back; `parts` go to those who had borne them, the fund first."""

    TOPIC = "compensation-recovered"

    claim: str
    order: str
    shop: str
    buyer: str
    lab: str
    currency: str
    parts: Parts

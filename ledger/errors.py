"""Every way the ledger says no, each with one stable code.

The tree::

    LedgerError
    ├── Malformed                 the request cannot be understood
    │   ├── InvalidAmount
    │   ├── InvalidCurrency
    │   ├── InvalidIdentifier
    │   ├── InvalidPolicy
    │   ├── InvalidTime
    │   └── UnknownCommand
    ├── Missing                   the thing that was named does not exist
    │   ├── UnknownAccount
    │   ├── UnknownBrand
    │   ├── UnknownCard
    │   ├── UnknownChargeback
    │   ├── UnknownClaim
    │   ├── UnknownComplaint
    │   ├── UnknownFormula
    │   ├── UnknownHost
    │   ├── UnknownIncident
    │   ├── UnknownItem
    │   ├── UnknownNotice
    │   ├── UnknownOrder
    │   ├── UnknownPenalty
    │   ├── UnknownPolicy
    │   ├── UnknownPosition
    │   ├── UnknownProvider
    │   ├── UnknownRefund
    │   ├── UnknownReport
    │   ├── UnknownReview
    │   ├── UnknownSession
    │   └── UnknownShop
    ├── Conflict                  somebody else was there first
    │   ├── AlreadyExists
    │   ├── KeyInFlight
    │   └── VersionChanged
    ├── Refused                   a rule forbids it
    │   ├── AccountGone
    │   ├── AlreadyCompensated
    │   ├── AlreadyReported
    │   ├── AlreadyReversed
    │   ├── AlreadyVoted
    │   ├── CertificateTaken
    │   ├── ChangedWithoutVersion
    │   ├── CouponUnusable
    │   ├── CreditLimitExceeded
    │   ├── CurrencyMismatch
    │   ├── DepositHeld
    │   ├── DocumentSplit
    │   ├── EvidenceMissing
    │   ├── IdempotencyKeyReused
    │   ├── IncidentShort
    │   ├── InsufficientFunds
    │   ├── NeedsPerson
    │   ├── NotAppraised
    │   ├── NotCorrectable
    │   ├── NotCovered
    │   ├── NotTheBuyer
    │   ├── NoticeTooShort
    │   ├── PolicyOverlap
    │   ├── ProjectionDiffers
    │   ├── QuotaExhausted
    │   ├── RefundExceedsPaid
    │   ├── SameApprover
    │   ├── TooManyReports
    │   ├── WindowOver
    │   └── WrongState
    ├── Unavailable               nothing was decided; try again
    │   ├── OutcomeUnknown
    │   ├── ProjectionBehind
    │   └── StorageUnavailable
    └── Corrupt                   stored bytes are not what was written

The first line of each docstring is the message people read, the rest says what to do about it. What an
error means to a web client or a shell is decided at the doors, in one table there.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class LedgerError(Exception):
    """Something went wrong in the ledger.

    Read the detail; if it does not help, run `assurance verify`.
    """

    code: ClassVar[str] = "ledger_error"

    def __init__(self, detail: str = "", *, field: str = "") -> None:
        """Keep what was wrong (`detail`) and the name of the field at fault, if one is."""
        super().__init__(detail)
        self.detail = detail
        self.field = field

    @classmethod
    def title(cls) -> str:
        """The message: one sentence, the same for every occurrence."""
        return inspect.cleandoc(cls.__doc__ or "").splitlines()[0]

    @classmethod
    def remedy(cls) -> str:
        """What to do next, in a sentence or two."""
        return " ".join(
            line.strip() for line in inspect.cleandoc(cls.__doc__ or "").splitlines()[1:] if line.strip()
        )

    def __str__(self) -> str:
        """The message and what was wrong this time."""
        return f"{self.title()} {self.detail}".strip()


class Malformed(LedgerError):
    """The request cannot be understood.

    Compare it with the schema of the command.
    """

    code = "malformed"


class InvalidAmount(Malformed):
    """The amount is not a whole number of minor units in the range the ledger keeps.

    Give minor units (fen, cents, pence) as an integer, positive unless the field says otherwise.
    """

    code = "invalid_amount"


class InvalidCurrency(Malformed):
    """The currency is not an ISO 4217 code.

    Use three capital letters such as CNY, GBP or USD.
    """

    code = "invalid_currency"


class InvalidIdentifier(Malformed):
    """The identifier is not one the ledger can keep.

    Use 1 to 128 printable characters without spaces; an order is named `platform:id`.
    """

    code = "invalid_identifier"


class InvalidPolicy(Malformed):
    """The terms of a policy are not complete, or contradict themselves.

    `assurance policy check FILE` names the field; the shipped files show how terms are written.
    """

    code = "invalid_policy"


class InvalidTime(Malformed):
    """The time cannot be read.

    Use RFC 3339 with an offset, such as 2021-06-10T23:59:59+08:00.
    """

    code = "invalid_time"


class UnknownCommand(Malformed):
    """There is no such command.

    `assurance do --help` lists the catalogue.
    """

    code = "unknown_command"


class Missing(LedgerError):
    """What was named does not exist.

    Check the identifier.
    """

    code = "not_found"


class UnknownAccount(Missing):
    """No transfer has ever touched this account.

    `assurance trial-balance --all` lists the accounts there are.
    """

    code = "unknown_account"


class UnknownBrand(Missing):
    """The brand is not one of the exchange.

    Register it first: `brands.register`.
    """

    code = "unknown_brand"


class UnknownCard(Missing):
    """The buyer has no trust card.

    Issue one first: `cards.issue`.
    """

    code = "unknown_card"


class UnknownChargeback(Missing):
    """The chargeback is not known.

    Report its receipt first.
    """

    code = "unknown_chargeback"


class UnknownClaim(Missing):
    """The claim is not known.

    File it first.
    """

    code = "unknown_claim"


class UnknownComplaint(Missing):
    """The complaint is not known.

    Record it first.
    """

    code = "unknown_complaint"


class UnknownFormula(Missing):
    """There is no such formula, or none was in force then.

    Ask for a later day, or for a version that docs/reputation.md names.
    """

    code = "unknown_formula"


class UnknownHost(Missing):
    """The host is not known.

    Open the host first.
    """

    code = "unknown_host"


class UnknownIncident(Missing):
    """The incident is not known.

    Declare it first.
    """

    code = "unknown_incident"


class UnknownItem(Missing):
    """No piece with this serial number has arrived at the warehouse.

    Receive it first, with the order it was sold in.
    """

    code = "unknown_item"


class UnknownNotice(Missing):
    """The counterfeit notice is not known.

    Share it first: `notices.share`.
    """

    code = "unknown_notice"


class UnknownOrder(Missing):
    """The order is not known.

    Place it first; a report of something that already happened is kept until the order arrives.
    """

    code = "unknown_order"


class UnknownPenalty(Missing):
    """The penalty is not known.

    Propose or impose it first; a report of what happened to it is kept until it arrives.
    """

    code = "unknown_penalty"


class UnknownPolicy(Missing):
    """There are no such terms.

    `assurance policy list` shows the versions there are.
    """

    code = "unknown_policy"


class UnknownPosition(Missing):
    """No fact stands at this position.

    Positions run from 1 to the head without a gap.
    """

    code = "unknown_position"


class UnknownProvider(Missing):
    """The service provider is not known.

    Admit it first.
    """

    code = "unknown_provider"


class UnknownRefund(Missing):
    """The refund is not known.

    Request it first, or record it as completed if it happened elsewhere.
    """

    code = "unknown_refund"


class UnknownReport(Missing):
    """The report of a false claim is not known.

    File it first: `reports.file`.
    """

    code = "unknown_report"


class UnknownReview(Missing):
    """The review is not known.

    Submit it first; an answer that happened elsewhere is kept until it arrives.
    """

    code = "unknown_review"


class UnknownSession(Missing):
    """The live session is not known.

    Begin it first.
    """

    code = "unknown_session"


class UnknownShop(Missing):
    """The shop is not known.

    Open it first.
    """

    code = "unknown_shop"


class Conflict(LedgerError):
    """The request conflicts with what is already there.

    Read the present state and decide again.
    """

    code = "conflict"


class AlreadyExists(Conflict):
    """Something else already stands under this identifier.

    Use another identifier, or amend what is there.
    """

    code = "already_exists"


class KeyInFlight(Conflict):
    """A request with this idempotency key is still being decided.

    Wait for its answer; then the same request returns it.
    """

    code = "key_in_flight"


class VersionChanged(Conflict):
    """The stream has moved on since it was read.

    Read it again and repeat the request with its present version.
    """

    code = "version_changed"


class Refused(LedgerError):
    """A rule forbids it.

    The detail names the rule.
    """

    code = "refused"


class AccountGone(Refused):
    """The account was removed with a gang.

    Accounts that were removed neither report nor vote; appeal the penalty if that was wrong.
    """

    code = "account_gone"


class AlreadyCompensated(Refused):
    """The unit has a claim or a payout of this family of benefits.

    A unit is paid for once in a family; appeal the decision if it was wrong.
    """

    code = "already_compensated"


class AlreadyReported(Refused):
    """The user has reported this statement of the session before.

    One report a user counts; a person decides it.
    """

    code = "already_reported"


class AlreadyReversed(Refused):
    """The fact has been reversed before.

    A fact is reversed once; record the right fact instead.
    """

    code = "already_reversed"


class AlreadyVoted(Refused):
    """The user has voted on this article before.

    A user votes once on an article; the first vote counts.
    """

    code = "already_voted"


class CertificateTaken(Refused):
    """The certificate number belongs to another piece.

    One piece has one certificate: issue a number of its own; until then it stays in the warehouse.
    """

    code = "certificate_taken"


class ChangedWithoutVersion(Refused):
    """The source reports other content under a version that is already recorded.

    Ask the source for a version that grows with each change, or correct the recorded fact.
    """

    code = "changed_without_version"


class CouponUnusable(Refused):
    """The coupon does not pay for this.

    The detail says what is wrong: it is unknown, expired, in another currency or holds too little.
    """

    code = "coupon_unusable"


class CreditLimitExceeded(Refused):
    """More would be advanced than the buyer's standing allows.

    Wait until what is advanced is made good, have the shop approve the refund, or appeal the limit.
    """

    code = "credit_limit_exceeded"


class CurrencyMismatch(Refused):
    """The sum is in another currency than the thing it belongs to.

    A sum has one currency and is never converted silently.
    """

    code = "currency_mismatch"


class DepositHeld(Refused):
    """The deposit is held until nothing can be claimed of the shop any more.

    Wait until the longest window is over, and close what is open: claims, penalties, recourse, advances.
    """

    code = "deposit_held"


class DocumentSplit(Refused):
    """The lines of one document stand too far apart in the file.

    Sort the file so that the lines of a document stand together.
    """

    code = "document_split"


class EvidenceMissing(Refused):
    """The terms ask for evidence, and none is given.

    Keep the evidence and give its SHA-256.
    """

    code = "evidence_missing"


class IdempotencyKeyReused(Refused):
    """The idempotency key was used for another request.

    Use a new key for a new request; repeat the first request unchanged to get its answer.
    """

    code = "idempotency_key_reused"


class IncidentShort(Refused):
    """The fund has not reserved enough for this incident.

    What is missing stays due and is reserved as money comes into the fund; grant the rest then.
    """

    code = "incident_short"


class InsufficientFunds(Refused):
    """The account does not hold enough.

    A guarded account is never below zero; lower the amount or pay in first.
    """

    code = "insufficient_funds"


class NeedsPerson(Refused):
    """Nothing was paid for the goods, so that no formula alone may decide.

    A person who has looked at it says so: `reviewed`, with the amount.
    """

    code = "needs_person"


class NotAppraised(Refused):
    """The goods have to pass the warehouse first.

    Appraise and certify every piece of the lines that were offered as appraised; what failed never goes.
    """

    code = "not_appraised"


class NotCorrectable(Refused):
    """This kind of fact cannot be reversed by a correction.

    Only facts that move money on their own are reversed; use the command that undoes it.
    """

    code = "not_correctable"


class NotCovered(Refused):
    """The order does not carry the benefit.

    A benefit counts for orders paid while the shop had it open; the law's own need no opening.
    """

    code = "not_covered"


class NotTheBuyer(Refused):
    """Somebody else bought the order.

    Only its buyer may say this of an order.
    """

    code = "not_the_buyer"


class NoticeTooShort(Refused):
    """New terms are announced at least seven days before they count.

    Choose a later time, or force it and give the reason, which is kept.
    """

    code = "notice_too_short"


class PolicyOverlap(Refused):
    """Two versions of the same terms cannot be in force at once.

    Let the new version begin where the one before it ends, or later.
    """

    code = "policy_overlap"


class ProjectionDiffers(Refused):
    """A read model that was folded anew is not what the live one of the same version says.

    The live rows stay. A changed fold needs a new version; if it is the live rows that are wrong,
    `assurance rebuild NAME --accept` puts the new ones in their place.
    """

    code = "projection_differs"


class QuotaExhausted(Refused):
    """The card has no use of this benefit left in the period.

    Wait for the next period, or change the tier of the card.
    """

    code = "quota_exhausted"


class RefundExceedsPaid(Refused):
    """The refunds would exceed what was paid.

    Refund at most what is left of the line and of the order.
    """

    code = "refund_exceeds_paid"


class SameApprover(Refused):
    """The same person cannot approve twice.

    Let somebody else approve the batch.
    """

    code = "same_approver"


class TooManyReports(Refused):
    """The user has made as many reports as a day allows.

    Report again on the next day.
    """

    code = "too_many_reports"


class WindowOver(Refused):
    """The time for it is over.

    The window ends with its last day in Asia/Shanghai; the time of filing counts.
    """

    code = "window_over"


class WrongState(Refused):
    """The thing is not in a state that allows this.

    The detail names the state; `assurance replay` shows how it came about.
    """

    code = "wrong_state"


class Unavailable(LedgerError):
    """Nothing was decided.

    Try again in a moment with the same idempotency key.
    """

    code = "unavailable"


class OutcomeUnknown(Unavailable):
    """The connection was lost during the commit and could not be restored.

    Repeat the request with the same idempotency key: it answers what happened, or does it now.
    """

    code = "outcome_unknown"


class ProjectionBehind(Unavailable):
    """The read model has not reached the position that was asked for.

    Try again in a moment; `assurance projections` shows how far behind it is.
    """

    code = "projection_behind"


class StorageUnavailable(Unavailable):
    """The database cannot take the commit.

    Nothing was written. See to the disk or the database server, then repeat the request.
    """

    code = "storage_unavailable"


class Corrupt(LedgerError):
    """Stored bytes are not what the ledger wrote.

    Run `assurance verify`; restore from a backup what it names.
    """

    code = "corrupt"


def catalogue() -> list[type[LedgerError]]:
    """All errors, parents before children, each kind in the order of the file."""
    found: list[type[LedgerError]] = []

    def walk(cls: type[LedgerError]) -> None:
        found.append(cls)
        for child in cls.__subclasses__():
            walk(child)

    walk(LedgerError)
    return found

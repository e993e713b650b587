"""What facts use up: what may happen only once, or only so far, whoever asks and however many at once.

Each use names a subject, how much of it is used and the most that may be used in all; the store keeps the sum
of each subject and refuses what exceeds it.

* Refunds of a line (`refund/uci:1/2`) never exceed what was paid for it, refunds of an order never what was
  paid in all (a chargeback counts with them); a unit (`refund/uci:1/2/3`) is refunded in full once. What
  coupons bear of refunds is counted beside them (`refund-coupon/…`), as is what was advanced for refunds that
  are not complete (`advanced/…`, `advanced-coupon/…`) and what waits in suspense (`over/…`; its line 0 is all
  lines together).
* A unit has one live claim (`live/uci:1/2/3/authenticity`) and one payout (`payout/…`) in a family; of a
  claim no more is funded than decided, no more paid than funded; a transfer has its number alone; what a shop
  or a buyer has to give back is counted until it is given.
* A line is reviewed once, an article voted on once by a user, a statement of a session reported once by a
  user and so often a day; what reports weigh, and how many of a user's were right, is counted.
* The index of a shop on a day is kept once.
* A fact is reversed once, and gives back what it used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ledger.codec import CODEC
from ledger.events import (
    appraisal,
    card,
    chargeback,
    claim,
    correction,
    credit,
    freight,
    incident,
    order,
    penalty,
    recourse,
    refund,
    report,
    review,
    score,
    vote,
)
from ledger.events.base import Fact
from ledger.money import MAX_AMOUNT

UNLIMITED = MAX_AMOUNT
"""What is given back, or only counted, has no limit."""


class Use(NamedTuple):
    """`used` is added to what a subject's uses come to (below zero: given back), `allowed` is the most."""

    subject: str
    used: int
    allowed: int


def uses(fact: Fact, id_: str) -> list[Use]:
    """What a fact uses; `id_` is the identifier of its stream."""
    found = _USES.get(type(fact))
    return found(fact, id_) if found else []


def _of_refund(fact: refund.RefundCompleted, _id: str) -> list[Use]:
    named = fact.order
    if not named or "currency_mismatch" in fact.marks:
        return []
    sums = fact.cash, fact.coupon, fact.bearers.suspense, fact.paid
    found = _refunded("refund", named, sums, fact.lines)
    if fact.bearers.suspense:
        found += _waiting(f"over/{named}", fact.bearers.suspense, fact.lines)
    if fact.advanced:
        found += _given_back(_refunded("advanced", named, sums, fact.lines))
    return found


def _of_advance(fact: refund.InstantRefundAdvanced, _id: str) -> list[Use]:
    return _refunded("advanced", fact.order, (fact.amount, fact.coupon, 0, fact.paid), fact.lines)


def _of_certificate(fact: appraisal.CertificateIssued, _id: str) -> list[Use]:
    return [] if fact.again else _once(f"certificate/{fact.certificate}")


def _of_correction(fact: correction.CorrectionRecorded, id_: str) -> list[Use]:
    undone = uses(CODEC.decode_body(fact.topic, fact.body), id_)
    return [Use(f"reversed/{fact.position}", 1, 1), *_given_back(undone)]


def _of_chargeback(
    fact: chargeback.ChargebackReceived | chargeback.ChargebackReversed, sign: int
) -> list[Use]:
    own = fact.escrow + fact.payable
    return [Use(f"refund/{fact.order}", sign * own, fact.paid)] if own else []


def _of_appeal(fact: penalty.PenaltyOverturned | penalty.PenaltyVaried, id_: str) -> list[Use]:
    back = fact.back.to_deposit
    return [Use(f"fine-returned/{id_}", back, fact.received)] if back else []


def _upheld(fact: claim.ClaimUpheld, _id: str) -> list[Use]:
    """A decision frees what was only asked for, and pays for each unit once in its family."""
    found = [*(_answered(fact, fact.freed) if fact.freed else ()), *_taken("payout", fact.guards)]
    found += _included(fact.order, fact.included, fact.paid)
    if fact.offset:
        found.append(Use(f"offset/{fact.cause}/{fact.buyer}", fact.offset, fact.offset_of))
    return found


def _cancelled(fact: claim.CompensationCancelled, _id: str) -> list[Use]:
    """What was not paid is not used up: the sum, the units, the refund in it, the offset of an incident."""
    found = [_counted("funded", fact, -fact.parts.total), *_freed("payout", fact.guards)]
    found += _given_back(_included(fact.order, fact.included, 0))
    if fact.offset:
        found.append(Use(f"offset/{fact.cause}/{fact.buyer}", -fact.offset, UNLIMITED))
    return found


def _included(named: str, lines: Sequence[refund.RefundLine], paid: int) -> list[Use]:
    """What a compensation contains of the refund of some units counts as given back before it is."""
    if not lines:
        return []
    return _refunded("advanced", named, (sum(line.cash for line in lines), 0, 0, paid), lines)


def _asked(fact: claim.ClaimFiled | claim.ClaimAppealed, _id: str) -> list[Use]:
    """A shop is not let go while claims against it are open."""
    return [*_taken("live", fact.guards), Use(f"open-claims/{fact.shop}", 1, UNLIMITED)]


def _answered(fact: Any, guards: Sequence[str]) -> list[Use]:  # noqa: ANN401 - decisions of claims
    return [*_freed("live", guards), Use(f"open-claims/{fact.shop}", -1, UNLIMITED)]


def _taken(kind: str, guards: Sequence[str]) -> list[Use]:
    return [Use(f"{kind}/{guard}", 1, 1) for guard in guards]


def _freed(kind: str, guards: Sequence[str]) -> list[Use]:
    return _given_back(_taken(kind, guards))


def _counted(kind: str, fact: Any, used: int, allowed: int = UNLIMITED) -> Use:  # noqa: ANN401 - names a claim
    return Use(f"{kind}/{fact.claim}", used, allowed)


def _recovered(fact: recourse.RecourseRecovered, _id: str) -> list[Use]:
    """What the shop made good is counted by the pot it came from, should the buyer give it back."""
    pots = (("payable", fact.payable), ("deposit", fact.deposit))
    made_good = [Use(f"made-good/{fact.claim}/{pot}", sum_, UNLIMITED) for pot, sum_ in pots if sum_]
    return [Use(f"recourse/{fact.claim}", -fact.amount, UNLIMITED), *made_good]


def _member(fact: incident.MemberAdded | incident.MemberExcluded, number: int) -> list[Use]:
    return [Use(f"incident-members/{fact.incident}", number, UNLIMITED)]


def _granted(fact: incident.IncidentCompensationGranted, _id: str) -> list[Use]:
    once = Use(f"incident-paid/{fact.incident}/{fact.buyer}", fact.amount, fact.amount)
    return [once, Use(f"incident-granted/{fact.incident}", 1, UNLIMITED)]


def _benefit_used(fact: card.BenefitUsed, buyer: str) -> list[Use]:
    quota = UNLIMITED if fact.quota is None else fact.quota
    return [Use(f"uses/{buyer}/{fact.benefit}/{fact.period}", 1, quota)]


def _refunded(
    kind: str, named: str, sums: tuple[int, int, int, int], lines: Sequence[refund.RefundLine]
) -> list[Use]:
    """Of `sums`: cash, coupons, what of both waits in suspense, and what was paid; and line by line."""
    found = _summed(kind, named, *sums)
    for line in lines:
        if line.line:
            subject = f"{named}/{line.line}"
            found += _summed(kind, subject, line.cash, line.coupon, line.over, line.paid)
            found += [Use(f"{kind}/{subject}/{unit}", 1, 1) for unit in line.units]
    return found


def _summed(kind: str, subject: str, cash: int, coupon: int, over: int, paid: int) -> list[Use]:  # noqa: PLR0913, PLR0917 - the columns of a refund
    found = [Use(f"{kind}/{subject}", cash + coupon - over, paid)]
    if coupon:
        found.append(Use(f"{kind}-coupon/{subject}", coupon, UNLIMITED))
    return found


def _waiting(subject: str, suspense: int, lines: Sequence[refund.RefundLine]) -> list[Use]:
    found = [Use(subject, suspense, UNLIMITED)]
    for line in lines:
        if line.over:
            found.append(Use(f"{subject}/0", line.over, UNLIMITED))
            found.append(Use(f"{subject}/{line.line}", line.over, UNLIMITED))
    return found


def _recounted(fact: order.OrderAmended, id_: str) -> list[Use]:
    """What new sums of an order make of its refunds: more of them counts, or has to wait."""
    found = []
    if fact.recounted:
        found.append(Use(f"refund/{id_}", fact.recounted, fact.cash + fact.coupon))
        found.append(Use(f"over/{id_}", -fact.recounted, UNLIMITED))
    paid = [cash + coupon for cash, coupon in zip(fact.line_cash, fact.line_coupon, strict=True)]
    for number, change in enumerate(fact.line_recounted, 1):
        if change:
            # A line that the new version lacks was paid nothing.
            found.append(Use(f"refund/{id_}/{number}", change, sum(paid[number - 1 : number])))
            found += [Use(f"over/{id_}/{line}", -change, UNLIMITED) for line in (0, number)]
    return found


def _given_back(used: Sequence[Use]) -> list[Use]:
    return [Use(use.subject, -use.used, UNLIMITED) for use in used]


def _scored(fact: score.ScoreSnapshotTaken, _id: str) -> list[Use]:
    """The index of a day is kept once."""
    return _once(f"score/{fact.shop}/{fact.day}")


def _once(subject: str) -> list[Use]:
    return [Use(subject, 1, 1)]


def _fine_returned(fact: penalty.FineReturned | penalty.FineOverpaymentReturned, id_: str) -> list[Use]:
    return [Use(f"fine-returned/{id_}", fact.amount, fact.received)]


def _credit(fact: Any, used: int, limit: int = UNLIMITED) -> list[Use]:  # noqa: ANN401 - of a buyer's credit
    return [Use(f"credit/{fact.buyer}/{fact.currency}", used, limit)]


def heard(session: str, statement: str, round_: int) -> str:
    """The weight of reports of a statement in a round; spaces part names, which never hold any."""
    return f"heard/{session} {statement} {round_}"


def _reported(fact: report.FalseClaimReported, _id: str) -> list[Use]:
    """A user reports a statement once and so often a day; what others sent beyond that uses nothing up."""
    found = []
    if fact.weight:
        found.append(Use(heard(fact.session, fact.statement, fact.round), fact.weight, UNLIMITED))
    if "again" not in fact.marks:
        found += _once(f"reported/{fact.session} {fact.statement} {fact.user}")
        allowed = UNLIMITED if "too_many" in fact.marks else fact.allowed
        found.append(Use(f"reports/{fact.user} {fact.day}", 1, allowed))
    return found


def _flagged(fact: report.FalseClaimFlagged, _id: str) -> list[Use]:
    """Of a model one flag a round counts."""
    if not fact.weight:
        return []
    subject = heard(fact.session, fact.statement, fact.round)
    return [Use(subject, fact.weight, UNLIMITED), *_once(f"{subject} {fact.model}")]


def _judged(fact: report.ReportDecided, _id: str) -> list[Use]:
    """What a dismissed report no longer weighs, and how often a user was right."""
    found = []
    if fact.withdrawn:
        found.append(Use(heard(fact.session, fact.statement, fact.round), -fact.withdrawn, UNLIMITED))
    if fact.user:
        found.append(Use(f"judged/{fact.user}", 1, UNLIMITED))
    if fact.user and not fact.upheld:
        found.append(Use(f"dismissed/{fact.user}", 1, UNLIMITED))
    return found


def _invited(fact: review.ReviewInvited, _id: str) -> list[Use]:
    return [] if "again" in fact.marks else _once(f"invited/{fact.order}/{fact.line}")


def _reviewed(fact: review.ReviewSubmitted, _id: str) -> list[Use]:
    return _once(f"reviewed/{fact.order}/{fact.line}") if fact.counts else []


def _voted(fact: vote.WorthVoteCast, _id: str) -> list[Use]:
    return _once(f"voted/{fact.shop} {fact.item} {fact.user}") if fact.counts else []


_USES: dict[type[Fact], Callable[[Any, str], list[Use]]] = {
    order.OrderAmended:               _recounted,
    refund.RefundCompleted:           _of_refund,
    refund.InstantRefundAdvanced:     _of_advance,
    chargeback.ChargebackReceived:    lambda fact, _: _of_chargeback(fact, 1),
    chargeback.ChargebackReversed:    lambda fact, _: _of_chargeback(fact, -1),
    chargeback.ChargebackRepaid:      lambda fact, id_: [Use(f"chargeback-repaid/{id_}", fact.amount,
                                                             fact.owed)],
    credit.InstantCreditTaken:        lambda fact, _: _credit(fact, fact.amount, fact.limit),
    credit.InstantCreditFreed:        lambda fact, _: _credit(fact, -fact.amount),
    freight.FreightSplit:             lambda _, id_: _once(f"freight/{id_}"),
    appraisal.CertificateIssued:      _of_certificate,
    claim.ClaimFiled:                 _asked,
    claim.ClaimAppealed:              _asked,
    claim.ClaimRejected:              lambda fact, _: _answered(fact, fact.guards),
    claim.ClaimWithdrawn:             lambda fact, _: _answered(fact, fact.guards),
    claim.ClaimAppealDecided:         lambda fact, _: _answered(fact, fact.guards),
    claim.ClaimUpheld:                _upheld,
    claim.ClaimFunded:                lambda fact, _: [_counted("funded", fact, fact.parts.total,
                                                               fact.decided)],
    claim.CompensationPaid:           lambda fact, _: [_counted("paid", fact, fact.amount, fact.funded),
                                                       Use(f"transfer/{fact.transfer}", 1, 1)],
    claim.CompensationFailed:         lambda fact, _: [_counted("paid", fact, -fact.amount)],
    claim.CompensationCancelled:      _cancelled,
    claim.CompensationRecoveryOpened: lambda fact, _: [_counted("recovery", fact, fact.amount)],
    claim.CompensationRecovered:      lambda fact, _: [_counted("recovery", fact, -fact.parts.total)],
    recourse.RecourseOpened:          lambda fact, _: [_counted("recourse", fact, fact.amount)],
    recourse.RecourseRecovered:       _recovered,
    recourse.RecourseReleased:        lambda fact, _: [_counted("recourse", fact, -fact.amount)],
    recourse.RecourseWrittenOff:      lambda fact, _: [_counted("recourse", fact, -fact.amount)],
    penalty.PenaltyOverturned:        _of_appeal,
    score.ScoreSnapshotTaken:         _scored,
    penalty.PenaltyVaried:            _of_appeal,
    penalty.FineReturned:             _fine_returned,
    penalty.FineOverpaymentReturned:  _fine_returned,
    penalty.AccountRemoved:           lambda fact, id_: [*_once(f"removed/{id_}/{fact.account}"),
                                                         Use(f"removed/{fact.account}", 1, UNLIMITED)],
    incident.MemberAdded:             lambda fact, _: _member(fact, 1),
    incident.MemberExcluded:          lambda fact, _: _member(fact, -1),
    incident.IncidentCompensationGranted: _granted,
    card.BenefitUsed:                 _benefit_used,
    card.CouponGranted:               lambda fact, id_: _once(f"coupon/{id_}/{fact.coupon}"),
    report.FalseClaimReported:        _reported,
    report.FalseClaimFlagged:         _flagged,
    report.ReportDecided:             _judged,
    report.HostReminded:              lambda fact, _: [Use(f"reminded/{fact.session} {fact.statement}",
                                                           1, UNLIMITED)],
    review.ReviewInvited:             _invited,
    review.ReviewSubmitted:           _reviewed,
    vote.WorthVoteCast:               _voted,
    correction.CorrectionRecorded:    _of_correction,
}  # fmt: skip
"""What each fact uses; facts that are not here use up nothing."""

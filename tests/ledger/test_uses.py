"""What facts use up, row by row: the subject, how much of it, and the most that may be used."""

import msgspec
import pytest

from ledger.codec import CODEC
from ledger.events.card import BenefitUsed, CouponGranted
from ledger.events.chargeback import ChargebackReceived
from ledger.events.claim import (
    ClaimFiled,
    ClaimFunded,
    ClaimRejected,
    CompensationCancelled,
    CompensationFailed,
    CompensationPaid,
    CompensationRecovered,
    CompensationRecoveryOpened,
    Parts,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.credit import InstantCreditFreed, InstantCreditTaken
from ledger.events.freight import FreightSplit
from ledger.events.incident import (
    IncidentCompensationGranted,
    MemberAdded,
    MemberExcluded,
)
from ledger.events.penalty import GivenBack, PenaltyOverturned, PenaltyVaried
from ledger.events.recourse import RecourseOpened, RecourseRecovered, RecourseReleased
from ledger.events.refund import (
    InstantRefundAdvanced,
    RefundLine,
)
from ledger.events.report import FalseClaimFlagged, FalseClaimReported, HostReminded, ReportDecided
from ledger.events.review import ReviewInvited, ReviewSubmitted
from ledger.events.vote import WorthVoteCast
from ledger.uses import UNLIMITED, Use, uses
from tests.ledger.test_codec import GOLDEN
from tests.ledger.test_postings import (
    CERTIFICATE,
    CHARGED_BACK,
    DEPOSIT,
    PAID,
    REPAID,
    RETURNED,
    amended,
    completed,
    topics,
)

LINE = RefundLine(2, "sku", 1, 2_334, 667, 9_000, (1,))
CASH_ONLY = msgspec.structs.replace(LINE, coupon=0)
OVER = RefundLine(2, "sku", 0, 100, 20, 90, (), 30)

# A fact, and what it uses: subject, used, allowed.
USES = [
    (PAID, []),
    (msgspec.structs.replace(completed(2_334, 667, escrow=3_001), lines=(LINE,)), [
        ("refund/p:1",           3_001, 9_500),
        ("refund-coupon/p:1",    667,   UNLIMITED),
        ("refund/p:1/2",         3_001, 9_000),
        ("refund-coupon/p:1/2",  667,   UNLIMITED),
        ("refund/p:1/2/1",       1,     1),
    ]),
    (msgspec.structs.replace(completed(100, 20, escrow=90, suspense=30), lines=(OVER,)), [
        ("refund/p:1",           90,    9_500),
        ("refund-coupon/p:1",    20,    UNLIMITED),
        ("refund/p:1/2",         90,    90),
        ("refund-coupon/p:1/2",  20,    UNLIMITED),
        ("over/p:1",             30,    UNLIMITED),
        ("over/p:1/0",           30,    UNLIMITED),
        ("over/p:1/2",           30,    UNLIMITED),
    ]),
    (InstantRefundAdvanced("p:1", "s1", "CNY", 2_334, 667, 9_500, (LINE,)), [
        ("advanced/p:1",          3_001, 9_500),
        ("advanced-coupon/p:1",   667,   UNLIMITED),
        ("advanced/p:1/2",        3_001, 9_000),
        ("advanced-coupon/p:1/2", 667,   UNLIMITED),
        ("advanced/p:1/2/1",      1,     1),
    ]),
    (msgspec.structs.replace(completed(2_334, advanced=2_334), lines=(CASH_ONLY,)), [
        ("refund/p:1",           2_334,  9_500),
        ("refund/p:1/2",         2_334,  9_000),
        ("refund/p:1/2/1",       1,      1),
        ("advanced/p:1",         -2_334, UNLIMITED),
        ("advanced/p:1/2",       -2_334, UNLIMITED),
        ("advanced/p:1/2/1",     -1,     UNLIMITED),
    ]),
    (msgspec.structs.replace(completed(70), order=""), []),
    (msgspec.structs.replace(completed(70, suspense=70), marks=("currency_mismatch", "guard_exceeded")), []),
    (CERTIFICATE, [("certificate/c1", 1, 1)]),
    (msgspec.structs.replace(CERTIFICATE, again=True), []),
    (CHARGED_BACK, [("refund/p:1", 80, 9_500)]),
    (RETURNED, [("refund/p:1", -80, 9_500)]),
    (REPAID, [("chargeback-repaid/p:1", 10, 15)]),
    (FreightSplit("CNY", 1_000, ()), [("freight/p:1", 1, 1)]),
    (InstantCreditTaken("r1", "b1", "CNY", 90, 200, "", ()), [("credit/b1/CNY", 90, 200)]),
    (InstantCreditFreed("r1", "b1", "CNY", 90), [("credit/b1/CNY", -90, UNLIMITED)]),
    (amended(), []),
    (amended(recounted=-30, line_recounted=(-20, -10)), [
        ("refund/p:1",   -30,  9_000),
        ("over/p:1",     30,   UNLIMITED),
        ("refund/p:1/1", -20,  9_000),
        ("over/p:1/0",   20,   UNLIMITED),
        ("over/p:1/1",   20,   UNLIMITED),
        ("refund/p:1/2", -10,  0),        # The new version has one line.
        ("over/p:1/0",   10,   UNLIMITED),
        ("over/p:1/2",   10,   UNLIMITED),
    ]),
    (CorrectionRecorded(7, DEPOSIT.TOPIC, CODEC.encode_body(DEPOSIT), "wrong"), [("reversed/7", 1, 1)]),
    (CorrectionRecorded(7, "refund-completed", CODEC.encode_body(completed(70, 20, escrow=90)), "wrong"), [
        ("reversed/7",        1,   1),
        ("refund/p:1",        -90, UNLIMITED),
        ("refund-coupon/p:1", -20, UNLIMITED),
    ]),
    (MemberAdded("i1", "b1"), [("incident-members/i1", 1, UNLIMITED)]),
    (MemberExcluded("i1", "b1", "twice"), [("incident-members/i1", -1, UNLIMITED)]),
    (IncidentCompensationGranted("i1", "b1", "CNY", 30), [
        ("incident-paid/i1/b1", 30, 30),
        ("incident-granted/i1", 1, UNLIMITED),
    ]),
    (BenefitUsed("late-dispatch", "2021", "c1"), [("uses/p:1/late-dispatch/2021", 1, UNLIMITED)]),
    (BenefitUsed("returnless-refund", "2021-06", "c1", 3, 2), [("uses/p:1/returnless-refund/2021-06", 1, 3)]),
    (CouponGranted("k1", "coupon", "CNY", 30), [("coupon/p:1/k1", 1, 1)]),
    (ClaimFiled("p:1", "s1", "b1", "CNY", "counterfeit", "authenticity", "1", (), ("p:1/1/2/authenticity",)), [
        ("live/p:1/1/2/authenticity", 1, 1),
        ("open-claims/s1", 1, UNLIMITED),
    ]),
    (ClaimRejected("s1", "genuine", ("p:1/1/2/authenticity",)), [
        ("live/p:1/1/2/authenticity", -1, UNLIMITED),
        ("open-claims/s1", -1, UNLIMITED),
    ]),
    (GOLDEN["claim-upheld/1"][0], [
        ("live/p:1/1/2/authenticity", -1, UNLIMITED),
        ("open-claims/s1", -1, UNLIMITED),
        ("payout/p:1/1/2/authenticity", 1, 1),
        ("advanced/p:1", 3_333, 10_000),
        ("advanced/p:1/1", 3_333, 10_000),
        ("advanced/p:1/1/2", 1, 1),
        ("offset/i1/b1", 520, 52_000),
    ]),
    (ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=3, fund=7), 40), [("funded/c1", 10, 40)]),
    (CompensationPaid("c1", "b1", "CNY", 90, "t1", 100), [("paid/c1", 90, 100), ("transfer/t1", 1, 1)]),
    (CompensationFailed("c1", "b1", "CNY", 90, "t1", ""), [("paid/c1", -90, UNLIMITED)]),
    (CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=7), 0, "", ("p:1/1/2/freight",)), [
        ("funded/c1", -7, UNLIMITED),
        ("payout/p:1/1/2/freight", -1, UNLIMITED),
    ]),
    (GOLDEN["compensation-cancelled/1"][0], [
        ("funded/c1", -36, UNLIMITED),
        ("payout/p:1/1/2/authenticity", -1, UNLIMITED),
        ("advanced/p:1", -3_333, UNLIMITED),
        ("advanced/p:1/1", -3_333, UNLIMITED),
        ("advanced/p:1/1/2", -1, UNLIMITED),
        ("offset/i1/b1", -520, UNLIMITED),
    ]),
    (CompensationRecoveryOpened("c1", "b1", "CNY", 90, ""), [("recovery/c1", 90, UNLIMITED)]),
    (CompensationRecovered("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=7)), [("recovery/c1", -7, UNLIMITED)]),
    (RecourseOpened("c1", "s1", "CNY", 90), [("recourse/c1", 90, UNLIMITED)]),
    (RecourseRecovered("c1", "s1", "CNY", 20, 70), [
        ("recourse/c1", -90, UNLIMITED),
        ("made-good/c1/payable", 20, UNLIMITED),
        ("made-good/c1/deposit", 70, UNLIMITED),
    ]),
    (RecourseReleased("c1", "s1", "CNY", 90, ""), [("recourse/c1", -90, UNLIMITED)]),
    (PenaltyOverturned("first", "s1", "CNY", "", GivenBack(60, 20, 5, 5, 30), 100), [("fine-returned/p:1", 90, 100)]),
    (PenaltyVaried("first", "s1", "CNY", 10, "", GivenBack(60), 100), [("fine-returned/p:1", 60, 100)]),
    (PenaltyVaried("first", "s1", "CNY", 10, "", GivenBack(bank=60), 100), []),
    (ChargebackReceived("p:1", "s1", "b1", "CNY", 90, 100, 0, 0, 90, 0, ""), []),
    (GOLDEN["score-snapshot-taken/1"][0], [("score/s1/18779", 1, 1)]),
    (ReviewInvited("p:1", 2, "s1", "", "b1"), [("invited/p:1/2", 1, 1)]),
    (ReviewInvited("p:1", 2, "s1", "", "b1", ("again",)), []),
    (ReviewSubmitted("p:1", 2, "s1", "", "b1", 5), [("reviewed/p:1/2", 1, 1)]),
    (ReviewSubmitted("p:1", 2, "s1", "", "b1", 5, marks=("out_of_order",)), [("reviewed/p:1/2", 1, 1)]),
    (ReviewSubmitted("p:1", 2, "s1", "", "b1", 5, marks=("not_the_buyer",)), []),
    (WorthVoteCast("cup", "s1", "u1", True), [("voted/s1 cup u1", 1, 1)]),
    (WorthVoteCast("cup", "s1", "u1", True, ("already_voted",)), []),
    (FalseClaimReported("l1", "h1", "silver", "u1", 0, 18_779, 20, 1, 2), [
        ("heard/l1 silver 2", 1, UNLIMITED),
        ("reported/l1 silver u1", 1, 1),
        ("reports/u1 18779", 1, 20),
    ]),
    (FalseClaimReported("l1", "h1", "silver", "u1", 0, 18_779, 20, 0, 2, marks=("again",)), []),
    (FalseClaimReported("l1", "h1", "silver", "u1", 0, 18_779, 20, 0, 2, marks=("too_many",)), [
        ("reported/l1 silver u1", 1, 1),
        ("reports/u1 18779", 1, UNLIMITED),
    ]),
    (FalseClaimFlagged("l1", "h1", "silver", "ear", 9_500, 0, 5, 2), [
        ("heard/l1 silver 2", 5, UNLIMITED),
        ("heard/l1 silver 2 ear", 1, 1),
    ]),
    (FalseClaimFlagged("l1", "h1", "silver", "ear", 8_000, 0, 0, 2), []),
    (ReportDecided("l1", "silver", "u1", True, 0, 2), [("judged/u1", 1, UNLIMITED)]),
    (ReportDecided("l1", "silver", "u1", False, 1, 2), [
        ("heard/l1 silver 2", -1, UNLIMITED),
        ("judged/u1", 1, UNLIMITED),
        ("dismissed/u1", 1, UNLIMITED),
    ]),
    (ReportDecided("l1", "silver", "", False, 5, 2), [("heard/l1 silver 2", -5, UNLIMITED)]),
    (HostReminded("l1", "silver", 10, 10, "pinocchio-1"), [("reminded/l1 silver", 1, UNLIMITED)]),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "used"), USES, ids=topics(USES))
def test_what_a_fact_uses(fact, used):
    assert uses(fact, "p:1") == [Use(*use) for use in used]

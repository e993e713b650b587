"""Claims: their facts in full, and what is known of them afterwards."""

from datetime import datetime, timedelta

import pytest

from ledger.decisions.claim import (
    Claim,
    ContestClaim,
    Payment,
    RequestEvidence,
    SubmitEvidence,
    WithdrawClaim,
)
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fine import CollectFine
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.fund import Contribute, Fund
from ledger.decisions.funding import Due, WriteOffRecourse
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, SettleOrder
from ledger.decisions.payout import (
    CancelPayout,
    ConfirmPayment,
    FailPayment,
    ForfeitClaim,
    MarkUnknown,
    OpenRecovery,
    PayClaim,
    RecoverPayout,
)
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.recourse import Recourse
from ledger.decisions.shop import OpenShop, RefundDeposit, RequestClosing
from ledger.decisions.standing import OpenBenefit, Opening, Restraint, Shop, SuspendShop
from ledger.decisions.verdict import AppealClaim, DecideAppeal, RejectClaim
from ledger.errors import WrongState
from ledger.events.claim import (
    ClaimAppealDecided,
    ClaimAppealed,
    ClaimContested,
    ClaimFiled,
    ClaimFunded,
    ClaimRejected,
    ClaimUnit,
    ClaimUpheld,
    ClaimWithdrawn,
    CompensationCancelled,
    CompensationConfirmed,
    CompensationFailed,
    CompensationForfeited,
    CompensationRecovered,
    CompensationRecoveryOpened,
    CompensationResultUnknown,
    EvidenceRequested,
    EvidenceSubmitted,
    FundingShortfallRecorded,
    Parts,
    TraceStep,
)
from ledger.events.fund import PetFundContributed
from ledger.events.order import OrderClaimed
from ledger.events.penalty import FineCollected, FineDueRecorded
from ledger.events.recourse import RecourseOpened, RecourseRecovered, RecourseReleased, RecourseWrittenOff
from ledger.events.refund import Bearers, RefundApproved, RefundCompleted, RefundLine, RefundRequested
from ledger.events.shop import DepositPaid, ShopReinstated, ShopRestricted
from tests.ledger.assured import terms
from tests.ledger.stories import START, Ledger, Reported, but, refunded, stories, tell
from tests.ledger.test_claim import (
    BOUGHT,
    CUP,
    INCIDENT,
    JUNE,
    LATER,
    NINE,
    NOVEMBER,
    OTHER,
    SHOP,
    TERMS,
    UPHELD,
    deposit,
    file,
    fund,
    order,
    unit,
    uphold,
)

POTS = (*SHOP, *order(OTHER, cash=6_000), deposit(10**6))
FILED = (*SHOP, *BOUGHT, file())
RICH = (*SHOP, *BOUGHT, deposit(10**6), file())
OLD = (*SHOP, *order(CUP, cash=19_900, at=JUNE), deposit(10**6), file())
FUNDED = (*NINE, fund(1_000_000))
CONTEST = ContestClaim(id="c1", reason="genuine")
REJECT = RejectClaim(id="c1", reason="genuine")
WITHDRAW = WithdrawClaim(id="c1", reason="found it")
EVIDENCE = SubmitEvidence(id="c1", by="shop", what="invoice", digest="7" * 64)
APPEAL = AppealClaim(id="c1", by="buyer", reason="it is fake")
SHOP_APPEAL = AppealClaim(id="c1", by="shop", reason="it is genuine")
RAISE = DecideAppeal(id="c1", outcome="raised", reason="so it is", at=LATER)
DENY = but(RAISE, outcome="denied")
UNDO = but(RAISE, outcome="overturned", recover=True)
CANCEL = CancelPayout(id="c1", reason="by mistake")
PAY = PayClaim(id="c1", transfer="t1")
ONE = (*RICH, uphold(amount=1), PAY)
SHORT = (*NINE, fund(129_099), *UPHELD, PAY)
CONFIRM = ConfirmPayment(id="c1", transfer="t1")
FAIL = FailPayment(id="c1", transfer="t1", reason="account closed")
FORFEIT = ForfeitClaim(id="c1", reason="no account")
RECOVER = OpenRecovery(id="c1", reason="swapped")
GIFT = (*SHOP, *order(CUP, OrderLine(sku="gift", amount=0), cash=19_900), deposit(10**6))
CAUSED = (*SHOP, *BOUGHT, fund(1_000_000), *INCIDENT, *refunded("r"), file(cause="i1"))
FREIGHT = file(benefit="return-freight", cost=900, waybill="w9")
LATE = file("c2", benefit="late-dispatch")

EVERYBODY = (
    terms("counterfeit-2021-11", payers=("lab", "deposit", "fund", "backstop"), law=()),
    OpenShop(id="s1", at=START),
    OpenBenefit(id="s1", benefit="counterfeit", at=START),
    *BOUGHT,
    *refunded("r"),
    deposit(100),
    fund(1_000),
    file(lab="l1"),
)
ELSEWHERE = (
    OpenShop(id="s2", at=START),
    OpenBenefit(id="s2", benefit="counterfeit", at=START),
    PlaceOrder(id="p:2", shop="s2", buyer="b2", currency="CNY", lines=(CUP,), at=NOVEMBER),
    PayOrder(id="p:2", cash=19_900, at=NOVEMBER),
    *refunded("r2", order="p:2"),
    file("c2", order="p:2"),
    uphold("c2"),
)
FOOD = (
    *TERMS,
    OpenShop(id="s1", industry="food", at=START),
    OpenBenefit(id="s1", benefit="counterfeit", at=START),
    *BOUGHT,
    *refunded("r"),
    deposit(10**7),
)
ARRIVED = (
    *SHOP,
    *order(CUP, cash=19_900, at=datetime.fromisoformat("2021-06-02T12:00:00+08:00")),
    Reported(DeliverParcel(id="p:1", waybill="w1", at=datetime.fromisoformat("2021-06-03T15:00:00+08:00"))),
)
LAST = datetime.fromisoformat("2021-06-10T23:59:59.999999+08:00")
FINE = ImposePenalty(id="x1", party="shop", party_id="s1", fine=80_000, reason="fakes", at=LATER)
COLLECT = CollectFine(id="x1", at=LATER)
PLATFORMS = (*SHOP, *BOUGHT, *refunded("r"), file(), uphold(fault="platform"), deposit(50_000), FINE)
CHEAP = (
    *SHOP,
    *order(OrderLine(sku="cup", amount=2_000), OrderLine(sku="pot", amount=3_600), cash=5_600, at=JUNE),
    fund(1_000_000),
    *INCIDENT,
)
GONE = (
    *SHOP,
    *BOUGHT,
    *refunded("r"),
    deposit(50_000),
    RequestClosing(id="s1", at=LATER),
    RefundDeposit(id="s1", at=LATER + timedelta(days=2_000)),
)
BACK_AGAIN = RecordCorrection(id=str(len(Ledger(GONE).memory.facts)), reason="too early")
SUSPEND = SuspendShop(id="s1", cause="x9", at=LATER)

DECIDED = 1_638_316_800_000_000
GUARD = ("p:1/1/1/authenticity",)
OTHER_GUARD = ("p:1/1/2/authenticity",)
PAYERS = ("deposit", "fund")
LAW = ("fraud-law 2014-03",)
ONE_CUP = (ClaimUnit(1, 1, 19_900, "cup"),)
TWO_POTS = (ClaimUnit(1, 1, 3_000, "pot"), ClaimUnit(1, 2, 3_000, "pot"))
CUP_BACK = (RefundLine(1, "cup", 1, 19_900, paid=19_900, units=(1,)),)
FIRST_BACK = (RefundLine(1, "pot", 1, 3_000, paid=6_000, units=(1,)),)
SECOND_BACK = (RefundLine(1, "pot", 1, 3_000, paid=6_000, units=(2,)),)
NINEFOLD = (
    TraceStep("counterfeit 2021-11", "9 × 19900", 179_100),
    TraceStep("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
    TraceStep("above the refund: counterfeit 2021-11", "max(179100, 59700)", 179_100),
)
CUP_TRACE = (
    TraceStep("paid", "19900", 19_900),
    TraceStep("left of the refund", "max(19900 - 0, 0)", 19_900),
    *NINEFOLD,
)
REFUNDED_TRACE = (
    TraceStep("paid", "19900", 19_900),
    TraceStep("left of the refund", "max(19900 - 19900, 0)", 0),
    *NINEFOLD,
)
JUNE_TRACE = (
    TraceStep("paid", "19900", 19_900),
    TraceStep("left of the refund", "max(19900 - 0, 0)", 19_900),
    TraceStep("counterfeit 2021-06", "10 × 19900", 199_000),
    TraceStep("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
    TraceStep("above the refund: counterfeit 2021-06", "max(179100, 59700)", 179_100),
    TraceStep("less what was refunded", "max(199000 - 0, 0)", 199_000),
)
FILED_CUP = Claim(
    step="filed", order="p:1", shop="s1", buyer="b1", currency="CNY", benefit="counterfeit",
    family="authenticity", version="2021-11", units=ONE_CUP, guards=GUARD, filed_at=DECIDED,
)  # fmt: skip
FILED_POTS = but(FILED_CUP, units=TWO_POTS, guards=(*GUARD, *OTHER_GUARD))


@stories({
    "contested": (FILED, CONTEST, [ClaimContested("genuine")]),
    "contested twice": ((*FILED, CONTEST), but(CONTEST, reason="it is"), []),
    "contested once evidence came": ((*FILED, CONTEST, EVIDENCE), CONTEST, [ClaimContested("genuine")]),
    "asked for evidence": (FILED, RequestEvidence(id="c1", of="shop", what="invoice"), [
        EvidenceRequested("shop", "invoice"),
    ]),
    "evidence": (FILED, EVIDENCE, [
        EvidenceSubmitted("shop", "invoice",
            "7777777777777777777777777777777777777777777777777777777777777777"),
    ]),
    "withdrawn": (FILED, WITHDRAW, [ClaimWithdrawn("s1", "found it", GUARD)]),
    "rejected": (FILED, REJECT, [ClaimRejected("s1", "genuine", GUARD)]),
    "rejected twice": ((*FILED, REJECT), but(REJECT, reason="it is"), []),
    "filed with all that can be said": (
        (*SHOP, *BOUGHT),
        file(lab="l1", reason="it is fake", cause="i1", loss=7), [
            ClaimFiled("p:1", "s1", "b1", "CNY", "counterfeit", "authenticity", "2021-11", ONE_CUP, GUARD,
                loss=7, cause="i1", lab="l1", reason="it is fake"),
            OrderClaimed("c1", "counterfeit"),
        ]),
    "filed for a waybill": ((*SHOP, *BOUGHT), FREIGHT, [
        ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", ONE_CUP,
            ("p:1/1/1/freight", "p:1/w9/freight"), 900, waybill="w9"),
        OrderClaimed("c1", "return-freight"),
    ]),
    "upheld for one of two": ((*POTS, file()), uphold(items=unit(2), reason="one is fake", cause="i2"), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 3_000, 50_000, 50_000, "law", "2021-11", LAW, (ClaimUnit(1, 2,
            3_000, "pot"),), PAYERS, "shop", (), (TraceStep("paid", "3000", 3_000),
            TraceStep("left of the refund", "max(3000 - 0, 0)", 3_000), TraceStep("counterfeit 2021-11",
            "9 × 3000", 27_000), TraceStep("fraud-law 2014-03", "max(3 × 3000, 50000)", 50_000),
            TraceStep("above the refund: fraud-law 2014-03", "max(27000, 50000)", 50_000)),
            ("p:1/1/1/authenticity", "p:1/1/2/authenticity"), OTHER_GUARD, paid=6_000, cause="i2",
            partly=True, reason="one is fake"),
        RefundRequested("p:1", "s1", "b1", "CNY", 3_000, 0, SECOND_BACK, "claim c1", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_000, 0, 0, 6_000, SECOND_BACK, Bearers(3_000)),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50_000), 50_000),
    ]),
    "upheld for nothing": ((*POTS, *refunded("r"), file()), uphold(amount=0), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 0, 0, "contract", "2021-11", LAW, TWO_POTS, PAYERS, "shop",
            (), (TraceStep("paid", "3000 + 3000", 6_000), TraceStep("left of the refund",
            "max(6000 - 6000, 0)", 0), TraceStep("counterfeit 2021-11", "9 × 3000 + 9 × 3000", 54_000),
            TraceStep("fraud-law 2014-03", "max(3 × 6000, 50000)", 50_000),
            TraceStep("above the refund: counterfeit 2021-11", "max(54000, 50000)", 54_000)),
            ("p:1/1/1/authenticity", "p:1/1/2/authenticity"), (), paid=6_000, partly=True),
    ]),
    "upheld at nobody's expense": (
        (*SHOP, *BOUGHT, file(benefit="device-warranty")),
        uphold(amount=0, fault="platform"), [
            ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 0, 0, "contract", "2021-06", (), ONE_CUP, (), "platform",
                ("refund_included",), (TraceStep("paid", "19900", 19_900), TraceStep("left of the refund",
                "max(19900 - 0, 0)", 19_900), TraceStep("device-warranty 2021-06", "19900", 19_900)),
                ("p:1/1/1/warranty",), (), paid=19_900, partly=True),
        ]),
    "with the refund included": (OLD, uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 199_000, 199_000, "contract", "2021-06", LAW, ONE_CUP,
            PAYERS, "shop", ("refund_included",), JUNE_TRACE, GUARD, GUARD, CUP_BACK, 19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=199_000), 199_000),
    ]),
    "with a part of it": (OLD, uphold(amount=1_000), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", LAW, ONE_CUP, PAYERS,
            "shop", ("refund_included",), JUNE_TRACE, GUARD, GUARD, CUP_BACK, 19_900, partly=True),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
    ]),
    "with nothing": (OLD, uphold(amount=0), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 0, 0, "contract", "2021-06", LAW, ONE_CUP, PAYERS, "shop",
            ("refund_included",), JUNE_TRACE, GUARD, (), paid=19_900, partly=True),
    ]),
    "less what an incident gave": (CAUSED, uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 127_100, 127_100, "contract", "2021-11", LAW, ONE_CUP,
            PAYERS, "shop", (), (TraceStep("paid", "19900", 19_900), TraceStep("left of the refund",
            "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11", "9 × 19900", 179_100),
            TraceStep("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
            TraceStep("above the refund: counterfeit 2021-11", "max(179100, 59700)", 179_100),
            TraceStep("less what the same cause has paid", "max(179100 - 52000, 0)", 127_100)), GUARD, GUARD,
            paid=19_900, offset=52_000, offset_of=52_000, cause="i1"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=127_100), 127_100),
        RecourseOpened("c1", "s1", "CNY", 127_100),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "raised though an incident gave some": ((*CAUSED, uphold(amount=10), APPEAL), RAISE, [
        ClaimAppealDecided("s1", "raised", "so it is", ()),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 127_090, 127_100, "contract", "2021-11", LAW, ONE_CUP,
            PAYERS, "shop", (), (TraceStep("paid", "19900", 19_900), TraceStep("left of the refund",
            "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11", "9 × 19900", 179_100),
            TraceStep("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
            TraceStep("above the refund: counterfeit 2021-11", "max(179100, 59700)", 179_100),
            TraceStep("less what the same cause has paid", "max(179100 - 52000, 0)", 127_100)), (), (),
            paid=19_900, offset_of=52_000, cause="i1", reason="so it is"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=127_090), 127_100),
        RecourseOpened("c1", "s1", "CNY", 127_090),
    ]),
    "appealed": ((*RICH, REJECT), APPEAL, [ClaimAppealed("s1", "buyer", "it is fake", GUARD)]),
    "appeal denied": ((*RICH, REJECT, APPEAL), DENY, [ClaimAppealDecided("s1", "denied", "so it is", GUARD)]),
    "raised": ((*RICH, uphold(amount=1_000, fault="platform"), APPEAL), RAISE, [
        ClaimAppealDecided("s1", "raised", "so it is", ()),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 178_100, 179_100, "contract", "2021-11", LAW, ONE_CUP,
            ("fund",), "platform", (), REFUNDED_TRACE, (), (), paid=19_900, reason="so it is"),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 179_100, ("fund",)),
    ]),
    "raised for the other one": ((*POTS, file(), uphold(items=unit(2)), APPEAL), RAISE, [
        ClaimAppealDecided("s1", "raised", "so it is", GUARD),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 3_000, 4_000, 54_000, "contract", "2021-11", LAW, TWO_POTS,
            PAYERS, "shop", (), (TraceStep("paid", "3000 + 3000", 6_000), TraceStep("left of the refund",
            "max(6000 - 3000, 0)", 3_000), TraceStep("counterfeit 2021-11", "9 × 3000 + 9 × 3000", 54_000),
            TraceStep("fraud-law 2014-03", "max(3 × 6000, 50000)", 50_000),
            TraceStep("above the refund: counterfeit 2021-11", "max(54000, 50000)", 54_000)), (), GUARD,
            paid=6_000, reason="so it is"),
        RefundRequested("p:1", "s1", "b1", "CNY", 3_000, 0, FIRST_BACK, "claim c1", False),
        RefundApproved(),
        RefundCompleted("p:1", "s1", "h1", "b1", "CNY", 3_000, 0, 0, 6_000, FIRST_BACK, Bearers(3_000)),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=4_000), 54_000),
    ]),
    "raised in part": ((*RICH, uphold(amount=1), PAY, SHOP_APPEAL, UNDO, APPEAL), but(RAISE, amount=2), [
        ClaimAppealDecided("s1", "raised", "so it is", ()),
        CompensationRecoveryOpened("c1", "b1", "CNY", -1, "so it is"),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1, 2, "contract", "2021-11", LAW, ONE_CUP, PAYERS, "shop",
            (), REFUNDED_TRACE, (), (), paid=19_900, partly=True, reason="so it is"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1), 2),
    ]),
    "raised after it was given back": (
        (*RICH, uphold(), PAY, SHOP_APPEAL, UNDO, RecoverPayout(id="c1", amount=50), APPEAL),
        RAISE, [
            ClaimAppealDecided("s1", "raised", "so it is", ()),
            CompensationRecoveryOpened("c1", "b1", "CNY", -179_050, "so it is"),
            ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 50, 179_150, "contract", "2021-11", LAW, ONE_CUP, PAYERS,
                "shop", (), REFUNDED_TRACE, (), (), paid=19_900, reason="so it is"),
            ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50), 179_150),
        ]),
    "raised in part after it was given back": (
        (*RICH, uphold(), PAY, SHOP_APPEAL, UNDO, RecoverPayout(id="c1", amount=50), APPEAL),
        but(RAISE, amount=179_060), [
            ClaimAppealDecided("s1", "raised", "so it is", ()),
            CompensationRecoveryOpened("c1", "b1", "CNY", -179_050, "so it is"),
            ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 10, 179_110, "contract", "2021-11", LAW, ONE_CUP, PAYERS,
                "shop", (), REFUNDED_TRACE, (), (), paid=19_900, partly=True, reason="so it is"),
            ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=10), 179_110),
        ]),
    "a gift": ((*GIFT, file(items=unit(1, line=2)), REJECT, APPEAL), but(RAISE, amount=500, reviewed=True), [
        ClaimAppealDecided("s1", "raised", "so it is", ("p:1/2/1/authenticity",)),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 500, 500, "law", "2021-11", LAW, (ClaimUnit(2, 1, 0,
            "gift"),), PAYERS, "shop", ("needs_person",), (TraceStep("paid", "0", 0),
            TraceStep("left of the refund", "max(0 - 0, 0)", 0), TraceStep("counterfeit 2021-11", "9 × 0", 0),
            TraceStep("fraud-law 2014-03", "max(3 × 0, 50000)", 50_000),
            TraceStep("above the refund: fraud-law 2014-03", "max(0, 50000)", 50_000)), (),
            ("p:1/2/1/authenticity",), paid=19_900, partly=True, reason="so it is"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=500), 500),
    ]),
    "cancelled": ((*RICH, uphold()), CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=179_100), 0, "by mistake",
            ()),
    ]),
    "cancelled, the refund included": ((*OLD, uphold()), CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=199_000), 0, "by mistake",
            GUARD, CUP_BACK),
    ]),
    "cancelled, partly paid": ((*OLD[:-2], deposit(10), file(), uphold(), PAY), CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(), 10, "by mistake", ()),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 0, PAYERS),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "cancelled, partly paid after an incident": (
        (*SHOP, *BOUGHT, fund(52_010), *INCIDENT, *refunded("r"), file(cause="i1"), uphold(), PAY),
        CANCEL, [
            CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(), 10, "by mistake", ()),
            FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 0, PAYERS),
        ]),
    "cancelled, one fen is due": (SHORT, CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(), 179_099, "by mistake", ()),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 0, PAYERS),
    ]),
    "cancelled after an incident": ((*CAUSED, uphold()), CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=127_100), 0, "by mistake", GUARD,
            offset=52_000, cause="i1"),
        RecourseReleased("c1", "s1", "CNY", 127_100, "by mistake"),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "confirmed": (ONE, CONFIRM, [CompensationConfirmed("t1")]),
    "confirmed twice": ((*ONE, CONFIRM), CONFIRM, []),
    "unknown": (ONE, MarkUnknown(id="c1", transfer="t1", reason="no answer"), [
        CompensationResultUnknown("t1", "no answer"),
    ]),
    "failed": (ONE, FAIL, [CompensationFailed("c1", "b1", "CNY", 1, "t1", "account closed")]),
    "forfeited": ((*ONE, FAIL), FORFEIT, [CompensationForfeited("c1", "b1", "CNY", 1, "no account")]),
    "forfeited, one fen is due": ((*SHORT, FAIL), FORFEIT, [
        CompensationForfeited("c1", "b1", "CNY", 179_099, "no account"),
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(), 179_099, "no account", ()),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 0, PAYERS),
    ]),
    "forfeited though it was never sent": ((*RICH, uphold()), FORFEIT, WrongState),
    "forfeited though it is cancelled": ((*ONE, FAIL, CANCEL), FORFEIT, WrongState),
    "asked back": (ONE, RECOVER, [CompensationRecoveryOpened("c1", "b1", "CNY", 1, "swapped")]),
    "asked back twice": ((*RICH, uphold(), PAY, RECOVER, RecoverPayout(id="c1", amount=50)), RECOVER, []),
    "given back": ((*SHORT, RECOVER), RecoverPayout(id="c1", amount=1), [
        CompensationRecovered("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=1)),
        RecourseReleased("c1", "s1", "CNY", 1, "The buyer gave it back."),
    ]),
    "failed once it was asked back": ((*SHORT, RECOVER), FAIL, [
        CompensationFailed("c1", "b1", "CNY", 179_099, "t1", "account closed"),
        CompensationRecoveryOpened("c1", "b1", "CNY", -179_099, "account closed"),
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50_000, fund=129_099), 0,
            "account closed", GUARD),
        RecourseReleased("c1", "s1", "CNY", 129_099, "account closed"),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "the shop wins": ((*ONE, SHOP_APPEAL), UNDO, [
        ClaimAppealDecided("s1", "overturned", "so it is", ()),
        CompensationRecoveryOpened("c1", "b1", "CNY", 1, "so it is"),
    ]),
    "the fund pays": ((*FUNDED, file()), uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 179_100, 179_100, "contract", "2021-11", LAW, ONE_CUP,
            PAYERS, "shop", (), REFUNDED_TRACE, GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50_000, fund=129_100), 179_100),
        RecourseOpened("c1", "s1", "CNY", 129_100),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "and what it pays for is no secret": (
        (*FUNDED, file(), RejectClaim(id="c1", reason="genuine"), APPEAL),
        but(RAISE, amount=60_000), [
            ClaimAppealDecided("s1", "raised", "so it is", GUARD),
            ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 60_000, 60_000, "contract", "2021-11", LAW, ONE_CUP,
                PAYERS, "shop", (), REFUNDED_TRACE, (), GUARD, paid=19_900, partly=True, reason="so it is"),
            ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50_000, fund=10_000), 60_000),
            RecourseOpened("c1", "s1", "CNY", 10_000),
            ShopRestricted("deposit", "Its deposit does not cover its claims."),
        ]),
    "the shop makes it good": ((*FUNDED, *UPHELD), deposit(129_100), [
        DepositPaid("s1", "CNY", 129_100),
        RecourseRecovered("c1", "s1", "CNY", 0, 129_100),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "given up": ((*FUNDED, *UPHELD), WriteOffRecourse(id="s1", claim="c1", reason="insolvent", at=LATER), [
        RecourseWrittenOff("c1", "s1", "CNY", 129_100, "insolvent"),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "late, from what the shop is owed": (
        (*SHOP, *BOUGHT, Reported(SettleOrder(id="p:1")), LATE),
        uphold("c2"), [
            ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_990, 1_990, "contract", "2021-06", (), ONE_CUP,
                ("payable", "deposit", "fund"), "shop", (), (TraceStep("paid", "19900", 19_900),
                TraceStep("late-dispatch 2021-06", "min(max(round(19900 × 1000 / 10000), 500), 3000)",
                1_990)), ("p:1/1/1/dispatch", "p:1/dispatch"), ("p:1/1/1/dispatch", "p:1/dispatch"),
                paid=19_900),
            ClaimFunded("c2", "p:1", "s1", "b1", "", "CNY", Parts(payable=1_990), 1_990),
        ]),
    "food": (FOOD, file(benefit="food-law", loss=900_000), [
        ClaimFiled("p:1", "s1", "b1", "CNY", "food-law", "authenticity", "2015-10", ONE_CUP, GUARD,
            loss=900_000),
        OrderClaimed("c1", "food-law"),
    ]),
    "food, with the loss of its buyer": ((*FOOD, file(benefit="food-law", loss=900_000)), uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 2_700_000, 2_700_000, "law", "2015-10", (), ONE_CUP, PAYERS,
            "shop", (), (TraceStep("paid", "19900", 19_900), TraceStep("left of the refund",
            "max(19900 - 19900, 0)", 0), TraceStep("food-law 2015-10",
            "max(max(10 × 19900, 3 × 900000), 100000)", 2_700_000)), GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=2_700_000), 2_700_000),
    ]),
    "food that is a fake": ((*FOOD, file()), uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 199_000, 199_000, "law", "2021-11", ("fraud-law 2014-03",
            "food-law 2015-10"), ONE_CUP, PAYERS, "shop", (), (TraceStep("paid", "19900", 19_900),
            TraceStep("left of the refund", "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11",
            "9 × 19900", 179_100), TraceStep("fraud-law 2014-03", "max(3 × 19900, 50000)", 59_700),
            TraceStep("food-law 2015-10", "max(max(10 × 19900, 3 × 0), 100000)", 199_000),
            TraceStep("above the refund: food-law 2015-10", "max(179100, 59700, 199000)", 199_000)), GUARD,
            GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=199_000), 199_000),
    ]),
    "in the last moment of its window": (ARRIVED, but(FREIGHT, at=LAST), [
        ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", ONE_CUP,
            ("p:1/1/1/freight", "p:1/w9/freight"), 900, waybill="w9"),
        OrderClaimed("c1", "return-freight"),
    ]),
    "a report a moment later": (ARRIVED, Reported(but(FREIGHT, at=LAST + timedelta(microseconds=1))), [
        ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", ONE_CUP,
            ("p:1/1/1/freight", "p:1/w9/freight"), 900, waybill="w9", marks=("out_of_window",)),
        OrderClaimed("c1", "return-freight"),
    ]),
    "borne by all, by its fault": (EVERYBODY, uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 179_100, 179_100, "contract", "2021-11", (), ONE_CUP,
            ("deposit", "fund", "backstop"), "shop", (), (TraceStep("paid", "19900", 19_900),
            TraceStep("left of the refund", "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11",
            "9 × 19900", 179_100)), GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "l1", "CNY", Parts(deposit=100, fund=1_000, backstop=178_000),
            179_100),
        RecourseOpened("c1", "s1", "CNY", 1_000),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "borne by all, by the lab's fault": (EVERYBODY, uphold(fault="lab"), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 179_100, 179_100, "contract", "2021-11", (), ONE_CUP, ("lab",
            "fund", "backstop"), "lab", (), (TraceStep("paid", "19900", 19_900),
            TraceStep("left of the refund", "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11",
            "9 × 19900", 179_100)), GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "l1", "CNY", Parts(fund=1_000, backstop=178_100), 179_100),
    ]),
    "borne by all, by the platform's fault": (EVERYBODY, uphold(fault="platform"), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 179_100, 179_100, "contract", "2021-11", (), ONE_CUP,
            ("fund", "backstop"), "platform", (), (TraceStep("paid", "19900", 19_900),
            TraceStep("left of the refund", "max(19900 - 19900, 0)", 0), TraceStep("counterfeit 2021-11",
            "9 × 19900", 179_100)), GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "l1", "CNY", Parts(fund=1_000, backstop=178_100), 179_100),
    ]),
    "a deposit pays for its own shop": (
        (*SHOP, *ELSEWHERE, *BOUGHT, *refunded("r"), *UPHELD),
        deposit(200_000), [
            DepositPaid("s1", "CNY", 200_000),
            ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=179_100), 179_100),
            FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 0, PAYERS),
            ShopReinstated("deposit", "Its claims are paid."),
        ]),
    "a fine waits for no other shop": ((*SHOP, *ELSEWHERE, FINE, deposit(50_000)), COLLECT, [
        FineCollected("s1", "CNY", 50_000),
        FineDueRecorded("x1", "CNY", 30_000, True),
    ]),
    "a fine waits for no other pocket": (PLATFORMS, COLLECT, [
        FineCollected("s1", "CNY", 50_000),
        FineDueRecorded("x1", "CNY", 30_000, True),
    ]),
    "a fine leaves what is due, though it is not paid yet": ((*GONE, *UPHELD, BACK_AGAIN, FINE), COLLECT, [
        FineDueRecorded("x1", "CNY", 80_000, True),
    ]),
    "a fine leaves what the fund has paid": ((*GONE, fund(1_000_000), *UPHELD, BACK_AGAIN, FINE), COLLECT, [
        FineDueRecorded("x1", "CNY", 80_000, True),
    ]),
    "an incident has paid all but a part of the refund": ((*CHEAP, file(cause="i1")), uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 4_000, 4_000, "contract", "2021-06", LAW, (ClaimUnit(1, 1,
            2_000, "cup"), ClaimUnit(2, 1, 3_600, "pot")), PAYERS, "shop", ("refund_included",),
            (TraceStep("paid", "2000 + 3600", 5_600), TraceStep("left of the refund", "max(5600 - 0, 0)",
            5_600), TraceStep("counterfeit 2021-06", "10 × 2000 + 10 × 3600", 56_000),
            TraceStep("fraud-law 2014-03", "max(3 × 5600, 50000)", 50_000),
            TraceStep("above the refund: counterfeit 2021-06", "max(50400, 50000)", 50_400),
            TraceStep("less what was refunded", "max(56000 - 0, 0)", 56_000),
            TraceStep("less what the same cause has paid", "max(56000 - 52000, 0)", 4_000)),
            ("p:1/1/1/authenticity", "p:1/2/1/authenticity"), ("p:1/1/1/authenticity",
            "p:1/2/1/authenticity"), (RefundLine(1, "cup", 1, 2_000, paid=2_000, units=(1,)), RefundLine(2,
            "pot", 1, 2_000, paid=3_600, units=(1,))), 5_600, 52_000, 52_000, "i1"),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=4_000), 4_000),
        RecourseOpened("c1", "s1", "CNY", 4_000),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "one fen comes in": ((*NINE, *UPHELD), fund(1), [
        PetFundContributed("CNY", 1),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=1), 179_100),
        RecourseOpened("c1", "s1", "CNY", 1),
        FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 129_099, PAYERS),
    ]),
    "the fund pays, for a suspended shop": ((*FUNDED, SUSPEND, file()), uphold(), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 179_100, 179_100, "contract", "2021-11", LAW, ONE_CUP,
            PAYERS, "shop", (), REFUNDED_TRACE, GUARD, GUARD, paid=19_900),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=50_000, fund=129_100), 179_100),
        RecourseOpened("c1", "s1", "CNY", 129_100),
        ShopRestricted("deposit", "Its deposit does not cover its claims."),
    ]),
    "the fund pays, for a restricted shop": (
        (*NINE, fund(10), *UPHELD, *ELSEWHERE[2:4], *refunded("r2", order="p:2")),
        fund(5), [
            PetFundContributed("CNY", 5),
            ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(fund=5), 179_100),
            RecourseOpened("c1", "s1", "CNY", 5),
            FundingShortfallRecorded("c1", "s1", "CNY", "contract", DECIDED, 129_085, PAYERS),
        ]),
    "dues in dollars are none of it": ((*NINE, *UPHELD), Contribute(amount=1_000, currency="USD", at=LATER), [
        PetFundContributed("USD", 1_000),
    ]),
    "one fen makes good": ((*FUNDED, *UPHELD), deposit(1), [
        DepositPaid("s1", "CNY", 1),
        RecourseRecovered("c1", "s1", "CNY", 0, 1),
    ]),
    "one fen is released": ((*NINE[:-1], deposit(179_099), fund(10), *UPHELD), CANCEL, [
        CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=179_099, fund=1), 0,
            "by mistake", GUARD),
        RecourseReleased("c1", "s1", "CNY", 1, "by mistake"),
        ShopReinstated("deposit", "Its claims are paid."),
    ]),
    "given up, of two": (
        (*FUNDED, *UPHELD),
        WriteOffRecourse(id="s1", claim="c2", reason="insolvent", at=LATER),
        []),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*NINE, fund(200_000), *UPHELD, deposit(100)), "shop-s1",
        Shop(status="open", currency="CNY", benefits=(Opening("counterfeit", 1_622_505_600_000_000, None),
            Opening("late-dispatch", 1_622_505_600_000_000, None), Opening("return-freight",
            1_622_505_600_000_000, None), Opening("device-warranty", 1_622_505_600_000_000, None),
            Opening("official-authenticity", 1_622_505_600_000_000, None)),
            restraints=(Restraint("restricted", "deposit", DECIDED, None),), recourses=(Recourse(claim="c1",
            currency="CNY", amount=129_000),), opened_at=1_622_505_600_000_000),
        id="a shop of which the fund holds something"),
    pytest.param(
        (*SHOP, *ELSEWHERE, *BOUGHT, *refunded("r"), *UPHELD), "fund-pet",
        Fund(dues=(Due(rank=1, decided_at=DECIDED, claim="c1", shop="s1", currency="CNY", amount=179_100,
            payers=PAYERS), Due(rank=1, decided_at=DECIDED, claim="c2", shop="s2", currency="CNY",
            amount=179_100, payers=PAYERS))),
        id="what is due"),
    pytest.param(
        (*SHOP, *BOUGHT, file(lab="l1", cause="i1", loss=7)), "claim-c1",
        but(FILED_CUP, lab="l1", live=GUARD, loss=7, cause="i1"),
        id="filed with all that can be said"),
    pytest.param(
        (*FILED, RequestEvidence(id="c1", of="shop", what="invoice")), "claim-c1",
        but(FILED_CUP, step="evidence_requested", live=GUARD),
        id="evidence was asked for"),
    pytest.param(
        (*POTS, file(), CONTEST, uphold(items=unit(2), cause="i2")), "claim-c1",
        Claim(step="contested", decision="partly_upheld", order="p:1", shop="s1", buyer="b1", currency="CNY",
            benefit="counterfeit", family="authenticity", version="2021-11", units=TWO_POTS,
            guards=("p:1/1/1/authenticity", "p:1/1/2/authenticity"), paid_for=OTHER_GUARD, cause="i2",
            filed_at=DECIDED, decided_at=DECIDED, decisions=1, basis="law", payers=PAYERS, fault="shop",
            refund=3_000, decided=50_000, parts=Parts(deposit=50_000), funded=50_000),
        id="upheld for one of two"),
    pytest.param(
        (*OLD, uphold()), "claim-c1",
        but(FILED_CUP, decision="upheld", version="2021-06", paid_for=GUARD, decided_at=DECIDED, decisions=1,
            basis="contract", payers=PAYERS, fault="shop", decided=199_000, included=CUP_BACK,
            parts=Parts(deposit=199_000), funded=199_000),
        id="with the refund included"),
    pytest.param(
        (*FILED, but(REJECT, at=LATER)), "claim-c1",
        but(FILED_CUP, decision="rejected", decided_at=DECIDED),
        id="rejected"),
    pytest.param((*FILED, WITHDRAW), "claim-c1", but(FILED_CUP, decision="withdrawn"), id="withdrawn"),
    pytest.param(
        (*FILED, but(REJECT, at=LATER), APPEAL), "claim-c1",
        but(FILED_CUP, decision="rejected", appealed_by="buyer", live=GUARD, decided_at=DECIDED),
        id="appealed"),
    pytest.param(
        (*FILED, but(REJECT, at=LATER), APPEAL, DENY), "claim-c1",
        but(FILED_CUP, decision="rejected", decided_at=DECIDED),
        id="appeal denied"),
    pytest.param(
        (*POTS, file(), uphold(items=unit(2), amount=5), APPEAL, but(RAISE, amount=50,
            at=LATER + timedelta(days=1)), but(APPEAL, reason="more"), but(RAISE,
            at=LATER + timedelta(days=2))), "claim-c1",
        but(FILED_POTS, decision="upheld", paid_for=("p:1/1/2/authenticity", "p:1/1/1/authenticity"),
            decided_at=DECIDED, decisions=3, basis="contract", payers=PAYERS, fault="shop", refund=6_000,
            decided=54_000, parts=Parts(deposit=54_000), funded=54_000),
        id="raised twice"),
    pytest.param(
        (*CAUSED, uphold(amount=10), APPEAL, RAISE), "claim-c1",
        but(FILED_CUP, decision="upheld", paid_for=GUARD, cause="i1", decided_at=DECIDED, decisions=2,
            basis="contract", payers=PAYERS, fault="shop", decided=127_100, offset=52_000,
            parts=Parts(fund=127_100), funded=127_100),
        id="raised after an incident"),
    pytest.param(
        (*RICH, uphold(), CANCEL), "claim-c1",
        but(FILED_CUP, decision="upheld", paid_for=GUARD, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", refund=19_900, parts=Parts(deposit=179_100),
            returned=Parts(deposit=179_100), cancelled=True),
        id="cancelled"),
    pytest.param(
        (*OLD, uphold(), CANCEL), "claim-c1",
        but(FILED_CUP, decision="upheld", version="2021-06", decided_at=DECIDED, decisions=1,
            basis="contract", payers=PAYERS, fault="shop", parts=Parts(deposit=199_000),
            returned=Parts(deposit=199_000), cancelled=True),
        id="cancelled, the refund included"),
    pytest.param(
        (*SHORT, CANCEL), "claim-c1",
        but(FILED_CUP, decision="upheld", paid_for=GUARD, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", decided=179_099, parts=Parts(deposit=50_000, fund=129_099),
            funded=179_099, payments=(Payment("t1", 179_099, "sent"),), cancelled=True),
        id="cancelled, partly paid"),
    pytest.param(
        (*OLD[:-2], deposit(10), file(), uphold(), PAY, CANCEL), "claim-c1",
        Claim(step="filed", decision="upheld", order="p:1", shop="s1", buyer="b1", currency="CNY",
            benefit="counterfeit", family="authenticity", version="2021-06", units=ONE_CUP, guards=GUARD,
            paid_for=GUARD, filed_at=DECIDED, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", decided=10, included=CUP_BACK, parts=Parts(deposit=10), funded=10,
            payments=(Payment("t1", 10, "sent"),), cancelled=True),
        id="cancelled, partly paid, the refund included"),
    pytest.param(
        (*SHORT, FAIL, FORFEIT), "claim-c1",
        but(FILED_CUP, decision="upheld", paid_for=GUARD, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", decided=179_099, parts=Parts(deposit=50_000, fund=129_099),
            payments=(Payment("t1", 179_099, "failed"),), forfeited=179_099, cancelled=True),
        id="forfeited, the rest is due no more"),
    pytest.param(
        (*SHORT, CONFIRM, RECOVER, RecoverPayout(id="c1", amount=50)), "claim-c1",
        Claim(step="filed", decision="upheld", order="p:1", shop="s1", buyer="b1", currency="CNY",
            benefit="counterfeit", family="authenticity", version="2021-11", units=ONE_CUP, guards=GUARD,
            paid_for=GUARD, filed_at=DECIDED, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", decided=179_099, parts=Parts(deposit=50_000, fund=129_099),
            returned=Parts(fund=50), funded=179_099, payments=(Payment("t1", 179_099, "confirmed"),),
            cancelled=True, owed_back=179_049, recovered=50),
        id="given back in part"),
    pytest.param(
        (*ONE, SHOP_APPEAL, UNDO), "claim-c1",
        Claim(step="filed", decision="overturned", order="p:1", shop="s1", buyer="b1", currency="CNY",
            benefit="counterfeit", family="authenticity", version="2021-11", units=ONE_CUP, guards=GUARD,
            paid_for=GUARD, filed_at=DECIDED, decided_at=DECIDED, decisions=1, basis="contract",
            payers=PAYERS, fault="shop", refund=19_900, decided=1, parts=Parts(deposit=1), funded=1,
            payments=(Payment("t1", 1, "sent"),), owed_back=1),
        id="the shop won"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

"""Stories of refunds that are owed: goods stay, goods come back in seven days, money at once within a limit."""

from datetime import timedelta

import pytest

from ledger.decisions.card import ChangeTier, IssueCard
from ledger.decisions.chargeback import ReceiveChargeback
from ledger.decisions.credit import (
    AppealStanding,
    AssessStanding,
    Credit,
    DecideStandingAppeal,
    Limit,
    PublishRule,
    limit,
)
from ledger.decisions.entitlement import UseRefundBenefit
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.order import OrderLine
from ledger.decisions.refund import AdvanceRefund, ApproveRefund, CompleteRefund, EscalateRefund, RefuseRefund
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.errors import (
    AlreadyExists,
    CreditLimitExceeded,
    EvidenceMissing,
    InvalidAmount,
    NotCovered,
    QuotaExhausted,
    UnknownRefund,
    WindowOver,
    WrongState,
)
from ledger.events.card import BenefitUsed
from ledger.events.credit import (
    CreditRulePublished,
    CreditStep,
    InstantCreditFreed,
    InstantCreditTaken,
    StandingAppealDecided,
    StandingAppealed,
    StandingAssessed,
)
from ledger.events.refund import (
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundApproved,
    RefundCompleted,
    RefundEntitled,
    RefundLine,
)
from ledger.money import MAX_AMOUNT
from tests.ledger.assured import assured, terms
from tests.ledger.stories import (
    PAID,
    PAY,
    PLACE,
    START,
    Has,
    Ledger,
    Reported,
    Row,
    Step,
    asked,
    but,
    gave,
    has,
    stories,
    tell,
)

WORLD = assured("returnless-refund-2021-06", "seven-day-return-2021-06", "instant-refund-2021-06")
RECEIVED = START + timedelta(days=2, hours=7)  # 06-03 15:00 in Shanghai: the window ends with 06-10.
LAST = START + timedelta(days=9, hours=16) - timedelta(microseconds=1)
PHOTO = "ab" * 32


def got(order: str = "p:1", price: int = 10_000) -> tuple[Step, ...]:
    """A paid order that the buyer has."""
    line = OrderLine(sku="cup", amount=price)
    placed = but(PLACE, id=order, lines=(line,)), but(PAY, id=order, cash=price)
    return (*placed, Reported(DeliverParcel(id=order, waybill="w1", at=RECEIVED)))


GOT = (*WORLD, *got())
ASKED = (*GOT, asked("r1"))
TO_COME = (*GOT, asked("r1", returns=True))
KEEP = UseRefundBenefit(id="r1", benefit="returnless-refund", digest=PHOTO)
BACK = UseRefundBenefit(id="r1", benefit="seven-day-return")
NOW = UseRefundBenefit(id="r1", benefit="instant-refund")
GOLD = (IssueCard(id="b1", tier="gold"),)
NOTHING = ()


def entitled(benefit: str, cash: int = 10_000, digest: str = "") -> RefundEntitled:
    until = 1_623_340_799_999_999
    return RefundEntitled("p:1", benefit, "2021-06", "b1", "CNY", cash, until, digest)


def used(benefit: str, **fields):
    return has(BenefitUsed, benefit=benefit, reference="r1", **fields)


def credit(amount: int, most: int) -> list[Has]:
    return [
        has(InstantCreditTaken, refund="r1", amount=amount, limit=most),
        has(InstantRefundAdvanced, amount=amount),
    ]


STORIES: dict[str, Row] = {
    "the goods stay":                (ASKED,       KEEP,      [entitled("returnless-refund", digest=PHOTO), used("returnless-refund", left=0), RefundApproved()]),
    "again":                         ((*ASKED, KEEP), KEEP,   NOTHING),
    "without evidence":              (ASKED,       but(KEEP, digest=""), EvidenceMissing),
    "but the goods come back":       (TO_COME,     KEEP,      WrongState),
    "the goods come back":           (TO_COME,     BACK,      [entitled("seven-day-return"), RefundApproved()]),
    "but the goods stay":            (ASKED,       BACK,      WrongState),
    "the shop had refused it":       ((*TO_COME, RefuseRefund(id="r1", reason="worn")), BACK, [entitled("seven-day-return"), RefundApproved()]),
    "the shop had agreed":           ((*TO_COME, ApproveRefund(id="r1")), BACK, [entitled("seven-day-return")]),
    "it was paid":                   ((*ASKED, ApproveRefund(id="r1"), CompleteRefund(id="r1")), KEEP, WrongState),
    "two benefits":                  ((*ASKED, KEEP), but(BACK), AlreadyExists),
    "the last moment":               (TO_COME,     but(BACK, at=LAST), [entitled("seven-day-return"), RefundApproved()]),
    "a moment too late":             (TO_COME,     but(BACK, at=LAST + timedelta(microseconds=1)), WindowOver),
    "before the window begins":      ((*WORLD, *got()[:2], asked("r1", returns=True)), BACK, [has(RefundEntitled, until=0), RefundApproved()]),
    "the card has no use left":      ((*ASKED, KEEP, *got("p:2"), asked("r2", order="p:2")), but(KEEP, id="r2"), QuotaExhausted),
    "the shop has not opened it":    ((terms("seven-day-return-2021-06"), *PAID, asked("r1", returns=True)), BACK, NotCovered),
    "a benefit about something else": (ASKED,      but(BACK, benefit="counterfeit"), NotCovered),
    "a refund nobody knows":         (GOT,         BACK,      UnknownRefund),
    "money at once":                 (ASKED,       NOW,       [entitled("instant-refund"), used("instant-refund", left=1), *credit(10_000, 10_000)]),
    "of nothing but coupons":        ((*WORLD, but(PLACE, lines=(OrderLine(sku="cup", amount=100, platform_coupon=100),)), but(PAY, cash=0), asked("r1")), NOW, InvalidAmount),
    "and the goods stay":            ((*ASKED, KEEP), NOW,    [entitled("instant-refund"), used("instant-refund"), *credit(10_000, 10_000)]),
    "of more than a new buyer has":  ((*WORLD, *got(price=10_001), asked("r1")), NOW, CreditLimitExceeded),
    "with a gold card":              ((*GOLD, *WORLD, *got(price=150_000), asked("r1")), NOW, [has(RefundEntitled), used("instant-refund", left=9), *credit(150_000, 150_000)]),
    "of more than is left":          ((*ASKED, NOW, *got("p:2", 100), asked("r2", order="p:2")), but(NOW, id="r2"), CreditLimitExceeded),
    "of more again, once it is complete": ((*ASKED, NOW, ApproveRefund(id="r1"), CompleteRefund(id="r1"), *got("p:2", 100), asked("r2", order="p:2")), but(NOW, id="r2"),
                                      [has(RefundEntitled), has(BenefitUsed), has(InstantCreditTaken, amount=100), has(InstantRefundAdvanced)]),
    "it is complete":                ((*ASKED, NOW, ApproveRefund(id="r1")), CompleteRefund(id="r1"), [
                                      has(RefundCompleted), has(RefundAdvanceRecovered), InstantCreditFreed("r1", "b1", "CNY", 10_000)]),
    "an advance beside it is not counted": ((*ASKED, AdvanceRefund(id="r1"), ApproveRefund(id="r1")), CompleteRefund(id="r1"), [has(RefundCompleted), has(RefundAdvanceRecovered)]),
    "a buyer appeals":               ((),          AppealStanding(id="b1", reason="long known"), [StandingAppealed("long known")]),
    "appeals again":                 ((AppealStanding(id="b1", reason="long known"),), AppealStanding(id="b1", reason=""), NOTHING),
    "the appeal is decided":         ((AppealStanding(id="b1", reason=""),), DecideStandingAppeal(id="b1", limit=9, reason="so it is"), [StandingAppealDecided(9, "CNY", "so it is")]),
    "nobody appealed":               ((),          DecideStandingAppeal(id="b1", limit=9, reason=""), WrongState),
    "standing is kept":              (PAID,        AssessStanding(id="b1", position=2, paid_orders=1), [StandingAssessed(2, 1, 0, 0)]),
    "the same standing":             ((*PAID, AssessStanding(id="b1", position=1, paid_orders=1)), AssessStanding(id="b1", position=2, paid_orders=1), NOTHING),
    "an older one":                  ((*PAID, AssessStanding(id="b1", position=2, paid_orders=2)), AssessStanding(id="b1", position=1, paid_orders=1), NOTHING),
    "one of the future":             (PAID,        AssessStanding(id="b1", position=9, paid_orders=1), WrongState),
    "the rule":                      ((),          PublishRule(version="2", few_orders=1, few_rate_bp=0, rejected_rate_bp=0), [CreditRulePublished("2", 1, 0, 0)]),
    "the rule again":                ((PublishRule(version="2", few_orders=1, few_rate_bp=0, rejected_rate_bp=0),), PublishRule(version="2", few_orders=1, few_rate_bp=0, rejected_rate_bp=0), NOTHING),
    "other numbers under its name":  ((),          PublishRule(version="2021-06", few_orders=1, few_rate_bp=0, rejected_rate_bp=0), AlreadyExists),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


KNOWN = AssessStanding(id="b1", position=1, paid_orders=3)
DEBT = (
    *PAID,
    asked("r9"),
    ApproveRefund(id="r9"),
    CompleteRefund(id="r9"),
    ReceiveChargeback(id="c1", order="p:1", amount=3_000),
)


@pytest.mark.parametrize(("given", "most"), [
    ((),                                                        10_000),      # Half of what the terms allow.
    ((KNOWN,),                                                  20_000),
    ((but(KNOWN, rejected=1),),                                 15_000),
    ((but(KNOWN, paid_orders=2, rejected=1, voided=1),),             5_000),
    ((but(KNOWN, rejected=5),),                                 0),
    ((*DEBT, KNOWN),                                            17_000),
    ((but(KNOWN, rejected=5), AppealStanding(id="b1", reason=""), DecideStandingAppeal(id="b1", limit=8_000, reason="")), 8_000),
    ((KNOWN, AppealStanding(id="b1", reason=""), DecideStandingAppeal(id="b1", limit=90_000, reason="")), 20_000),
    ((PublishRule(version="2", few_orders=9, few_rate_bp=1_000, rejected_rate_bp=0), KNOWN), 2_000),
])  # fmt: skip
def test_the_limit(given, most):
    ledger = Ledger([*assured("instant-refund-2021-06"), *given])
    past = ledger.past()
    (shipped,) = past.state("policy-instant-refund")
    found = limit(past, "b1", shipped, "")
    assert (found.most, found.left) == (most, most)
    assert found.trace[0] == CreditStep("card: none", "20000", 20_000)
    assert found.trace[-1].value == most


def test_the_limit_says_how_it_came_about():
    found = Ledger(STORIES["of more than a new buyer has"][0]).try_(NOW)
    assert isinstance(found, CreditLimitExceeded)
    assert "0 paid orders, fewer than 3: round(20000 × 5000 / 10000) = 10000" in found.detail


def test_terms_without_a_limit_set_none():
    free = terms("instant-refund-2021-06", quotas=())
    ledger = Ledger([free, *WORLD[:2], *WORLD[3:], *got(price=900_000), asked("r1"), NOW])
    assert ledger.balance("refund_advance:s1") == 900_000
    assert ledger.state("credit-b1").taken == {}


ESCALATED = (*TO_COME, RefuseRefund(id="r1", reason="worn"), EscalateRefund(id="r1"))
FROM_PAYMENT = (
    terms("seven-day-return-2021-06", window_from="paid"),
    OpenShop(id="s1"),
    OpenBenefit(id="s1", benefit="seven-day-return"),
    but(PLACE, at=RECEIVED),
    but(PAY, at=RECEIVED),
    asked("r1", returns=True),
)
SECOND = (*ASKED, NOW, *got("p:2", 100), asked("r2", order="p:2"), but(NOW, id="r2"))
APPEALED = (AppealStanding(id="b1", reason="long known"),)


@stories({
    "escalated, the goods come back": (ESCALATED, BACK, [
        RefundEntitled("p:1", "seven-day-return", "2021-06", "b1", "CNY", 10_000, 1_623_340_799_999_999),
        RefundApproved(),
    ]),
    "the tier counts that the card had": (
        (*GOLD, *WORLD, *got(price=100), ChangeTier(id="b1", tier="silver", reason=""), asked("r1")),
        KEEP, [
            RefundEntitled("p:1", "returnless-refund", "2021-06", "b1", "CNY", 100, 1_623_340_799_999_999,
                "abababababababababababababababababababababababababababababababab"),
            BenefitUsed("returnless-refund", "2021-06", "r1", 4, 3),
            RefundApproved(),
        ]),
    "the last moment since the payment": (FROM_PAYMENT, but(BACK, at=LAST), [
        RefundEntitled("p:1", "seven-day-return", "2021-06", "b1", "CNY", 10_000, 1_623_340_799_999_999),
        RefundApproved(),
    ]),
    "a moment too late since the payment": (FROM_PAYMENT, but(BACK, at=LAST + timedelta(microseconds=1)),
        WindowOver),
    "money at once, in full": (ASKED, NOW, [
        RefundEntitled("p:1", "instant-refund", "2021-06", "b1", "CNY", 10_000, 1_623_340_799_999_999),
        BenefitUsed("instant-refund", "2021-06", "r1", 2, 1),
        InstantCreditTaken("r1", "b1", "CNY", 10_000, 10_000, "2021-06", (CreditStep("card: none", "20000",
            20_000), CreditStep("0 paid orders, fewer than 3", "round(20000 × 5000 / 10000)", 10_000))),
        InstantRefundAdvanced("p:1", "s1", "CNY", 10_000, 0, 10_000, (RefundLine(1, "cup", 1, 10_000,
            paid=10_000),)),
    ]),
    "a report of a refund that names no buyer": ((*WORLD, Reported(gave("r1", 100, buyer="", order=""))),
        BACK, WrongState),
    "the rule, with a reason": (
        (),
        PublishRule(version="2", few_orders=1, few_rate_bp=2, rejected_rate_bp=3, reason="spring"), [
            CreditRulePublished("2", 1, 2, 3, "spring"),
        ]),
    "standing at the same position": (
        (*PAID, AssessStanding(id="b1", position=2, paid_orders=2)),
        AssessStanding(id="b1", position=2, paid_orders=1), []),
    "decided twice": ((*APPEALED, DecideStandingAppeal(id="b1", limit=9, reason="")),
        DecideStandingAppeal(id="b1", limit=9, reason=""), WrongState),
    "more than is kept": (APPEALED, DecideStandingAppeal(id="b1", limit=MAX_AMOUNT + 1, reason=""),
        InvalidAmount),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(APPEALED, "credit-b1", Credit(appealed=True, floors={}, taken={}), id="appealed"),
    pytest.param(
        (*APPEALED, DecideStandingAppeal(id="b1", limit=9, reason="")), "credit-b1",
        Credit(floors={"CNY": 9}, taken={}),
        id="the appeal is decided"),
    pytest.param(
        (*APPEALED, DecideStandingAppeal(id="b1", limit=0, reason="")), "credit-b1",
        Credit(floors={}, taken={}),
        id="the appeal changes nothing"),
    pytest.param(
        (*APPEALED, DecideStandingAppeal(id="b1", limit=9, reason=""), *APPEALED,
            DecideStandingAppeal(id="b1", limit=7, currency="USD", reason="")), "credit-b1",
        Credit(floors={"CNY": 9, "USD": 7}, taken={}),
        id="two floors"),
    pytest.param(
        (*PAID, AssessStanding(id="b1", position=2, paid_orders=3, voided=4, rejected=5)), "credit-b1",
        Credit(position=2, paid_orders=3, voided=4, rejected=5, floors={}, taken={}),
        id="assessed"),
    pytest.param(
        (*GOLD, *SECOND), "credit-b1",
        Credit(floors={}, taken={"r1": 10_000, "r2": 100}),
        id="two refunds at once"),
    pytest.param(
        (*GOLD, *SECOND, ApproveRefund(id="r1"), CompleteRefund(id="r1")), "credit-b1",
        Credit(floors={}, taken={"r2": 100}),
        id="one is complete"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known


FLOOR = (*APPEALED, DecideStandingAppeal(id="b1", limit=8_000, reason=""))


@pytest.mark.parametrize(("given", "tier", "trace"), [
    ((),                                      "",       "card: none: 20000 = 20000; 0 paid orders, fewer than 3: round(20000 × 5000 / 10000) = 10000"),
    ((KNOWN,),                                "gold",   "card: gold: 300000 = 300000"),
    ((but(KNOWN, voided=1, rejected=1),),     "",       "card: none: 20000 = 20000; 1 rejected claims, 1 voided orders: round(20000 × 5000 / 10000) = 10000"),
    ((but(KNOWN, rejected=3), *FLOOR),        "",       "card: none: 20000 = 20000; 3 rejected claims, 0 voided orders: round(20000 × 2500 / 10000) = 5000; decided on appeal: max(5000, 8000) = 8000"),
    ((*DEBT, KNOWN),                          "",       "card: none: 20000 = 20000; less debts: max(20000 - 3000, 0) = 17000"),
    ((*DEBT, but(KNOWN, rejected=4)),         "",       "card: none: 20000 = 20000; 4 rejected claims, 0 voided orders: round(20000 × 0 / 10000) = 0; less debts: max(0 - 3000, 0) = 0"),
])  # fmt: skip
def test_how_a_limit_comes_about(given, tier, trace):
    past = Ledger([*assured("instant-refund-2021-06"), *given]).past()
    (shipped,) = past.state("policy-instant-refund")
    found = limit(past, "b1", shipped, tier)
    assert "; ".join(f"{step.name}: {step.expression} = {step.value}" for step in found.trace) == trace
    assert found == Limit("b1", "CNY", found.trace[-1].value, 0, found.trace)
    assert limit(past, "b1", but(shipped, quotas=()), tier) == Limit("b1", "CNY", None, 0, ())

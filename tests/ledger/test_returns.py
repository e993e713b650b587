"""Stories of return freight: case 23, once a waybill, divided by value."""

from datetime import timedelta

import pytest

from ledger.decisions.card import ChangeTier, IssueCard
from ledger.decisions.claim import FileClaim
from ledger.decisions.freight import Return
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.order import OrderLine
from ledger.decisions.payout import CancelPayout
from ledger.decisions.refund import ApproveRefund, CompleteRefund, ReceiveReturn, RefundItem, ShipReturn
from ledger.decisions.returns import ClaimFreight
from ledger.decisions.standing import CloseBenefit
from ledger.decisions.verdict import RejectClaim, UpholdClaim
from ledger.errors import (
    AlreadyCompensated,
    CurrencyMismatch,
    InvalidAmount,
    NotCovered,
    QuotaExhausted,
    UnknownRefund,
    WindowOver,
    WrongState,
)
from ledger.events.card import BenefitUsed
from ledger.events.claim import ClaimFiled, ClaimFunded, ClaimUnit, ClaimUpheld, Parts, TraceStep
from ledger.events.freight import FreightShare, FreightSplit
from ledger.events.order import OrderClaimed
from tests.ledger.assured import assured
from tests.ledger.stories import (
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


def bought(order: str, price: int, buyer: str = "b1", currency: str = "CNY") -> tuple[Step, ...]:
    """A paid order that arrived."""
    line = OrderLine(sku="cup", amount=price)
    return (
        but(PLACE, id=order, lines=(line,), buyer=buyer, currency=currency),
        but(PAY, id=order, cash=price),
        Reported(DeliverParcel(id=order, waybill=f"to-{order}")),
    )


def returned(refund: str, order: str, waybill: str = "w9") -> tuple[Step, ...]:
    """A refund of all of an order whose goods came back under a waybill."""
    return (
        asked(refund, order=order, returns=True),
        ApproveRefund(id=refund),
        ShipReturn(id=refund, waybill=waybill),
        ReceiveReturn(id=refund),
        CompleteRefund(id=refund),
    )


WORLD = assured("return-freight-2021-06")
ONE = (*WORLD, *bought("p:1", 30_000), *returned("r1", "p:1"))
BOTH = (*ONE, *bought("p:2", 10_000), *returned("r2", "p:2"))
POUNDS = (*ONE, *bought("p:2", 10_000, currency="GBP"), *returned("r2", "p:2"))
OTHERS = (*ONE, *bought("p:2", 10_000, buyer="b2"), *returned("r2", "p:2"))
HALF = (*ONE, CloseBenefit(id="s1", benefit="return-freight"), *bought("p:2", 10_000), *returned("r2", "p:2"))
TWICE = (
    *ONE,
    *(step for n in (2, 3) for step in (*bought(f"p:{n}", 100), *returned(f"r{n}", f"p:{n}", f"w{n}"))),
    *(ClaimFreight(id=f"w{n}", cost=10, refunds=(f"r{n}",)) for n in (2, 3)),
)
ON_ITS_WAY = (*WORLD, *bought("p:1", 30_000), *returned("r1", "p:1")[:-1])
ASK = ClaimFreight(id="w9", cost=1_000, refunds=("r1",))
ASK_BOTH = but(ASK, refunds=("r1", "r2"))
ALONE = FileClaim(id="c1", order="p:1", benefit="return-freight", cost=1_000, waybill="w9")
OTHER = but(ALONE, id="c2", order="p:2")
NOTHING = ()


def granted(order: str, amount: int) -> list[Has]:
    filed, upheld = (
        has(ClaimFiled, order=order, cost=amount, waybill="w9"),
        has(ClaimUpheld, compensation=amount),
    )
    # Whatever is in it, a parcel is one use of the card.
    used = [has(BenefitUsed, benefit="return-freight")] if order == "p:1" else []
    return [filed, has(OrderClaimed), upheld, *used, has(ClaimFunded, order=order)]


def split(cost: int, *shares: tuple[str, int, int]) -> FreightSplit:
    return FreightSplit("CNY", cost, tuple(FreightShare(*share) for share in shares))


STORIES: dict[str, Row] = {
    "of one order":                  (ONE,              ASK,       [split(1_000, ("p:1", 30_000, 1_000)), *granted("p:1", 1_000)]),
    "not above the cap":             (ONE,              but(ASK, cost=5_000), [split(5_000, ("p:1", 30_000, 1_200)), *granted("p:1", 1_200)]),
    "of two orders":                 (BOTH,             ASK_BOTH,  [split(1_000, ("p:1", 30_000, 750), ("p:2", 10_000, 250)), *granted("p:1", 750), *granted("p:2", 250)]),
    "of two, not above the cap":     (BOTH,             but(ASK_BOTH, cost=5_000), [split(5_000, ("p:1", 30_000, 900), ("p:2", 10_000, 300)), *granted("p:1", 900), *granted("p:2", 300)]),
    "the same again":                ((*BOTH, ASK_BOTH), but(ASK_BOTH, refunds=("r2", "r1")), NOTHING),
    "for one, then for both":        ((*BOTH, ASK),     ASK_BOTH,  AlreadyCompensated),
    "for the other, after both":     ((*BOTH, ASK_BOTH), OTHER,    AlreadyCompensated),
    "claimed for one order alone":   (ONE,              ALONE,     [has(ClaimFiled), has(OrderClaimed)]),
    "which takes it when upheld":    ((*ONE, ALONE),    UpholdClaim(id="c1"), [
        has(ClaimUpheld, compensation=1_000), split(1_000, ("p:1", 0, 1_000)), has(BenefitUsed), has(ClaimFunded)]),
    "then for the other":            ((*BOTH, ALONE, UpholdClaim(id="c1")), OTHER, AlreadyCompensated),
    "both were asked for, one is upheld": ((*BOTH, OTHER, ALONE, UpholdClaim(id="c1")), UpholdClaim(id="c2"), AlreadyCompensated),
    "given up, it is in nobody's way": ((*BOTH, ALONE, RejectClaim(id="c1", reason="no")), ASK_BOTH, [
        split(1_000, ("p:1", 30_000, 750), ("p:2", 10_000, 250)), *granted("p:1", 750), *granted("p:2", 250)]),
    "once more after it was rejected": ((*ONE, ALONE, RejectClaim(id="c1", reason="no")), but(ALONE, id="c2"), [has(ClaimFiled), has(OrderClaimed)]),
    "then for another cost":         ((*ONE, ASK, CancelPayout(id="freight:w9:p:1", reason="no")), but(ALONE, id="c2", cost=1), InvalidAmount),
    "not before the refund":         (ON_ITS_WAY,       ASK,       WrongState),
    "under another waybill":         (ONE,              but(ASK, id="w8"), WrongState),
    "of a refund nobody knows":      (ONE,              but(ASK, refunds=("r9",)), UnknownRefund),
    "of a refund without an order":  ((*ONE, gave("r9", 50, order="")), but(ASK, refunds=("r9",)), WrongState),
    "for nobody":                    (ONE,              but(ASK, refunds=()), InvalidAmount),
    "of nothing":                    (ONE,              but(ASK, cost=0), InvalidAmount),
    "one of them not covered":       (HALF,             ASK_BOTH,  [split(1_000, ("p:1", 30_000, 750), ("p:2", 10_000, 250)), *granted("p:1", 750)]),
    "the card has no use left":      (TWICE,            ASK,       QuotaExhausted),
    "in two currencies":             (POUNDS,           ASK_BOTH,  CurrencyMismatch),
    "of two buyers":                 (OTHERS,           ASK_BOTH,  InvalidAmount),
    "too late":                      (ONE,              but(ASK, at=START + timedelta(days=9)), WindowOver),
    "without terms":                 ((*bought("p:1", 30_000), *returned("r1", "p:1")), ASK, NotCovered),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize("cost", [1, 2, 3, 999, 1_000, 1_201, 10_000])
def test_case_23_once_a_waybill(cost):
    ledger = Ledger([*BOTH, but(ASK_BOTH, cost=cost)])
    assert ledger.balance("buyer_payable:b1") == min(cost, 1_200)


TWO_LINES = (
    but(PLACE, lines=(OrderLine(sku="cup", amount=20_000), OrderLine(sku="pot", amount=10_000))),
    but(PAY, cash=30_000),
    Reported(DeliverParcel(id="p:1", waybill="to-p:1")),
)


def part_of(refund: str, cash: int, line: int) -> tuple[Step, ...]:
    """A refund of some cash of a line, whose goods came back."""
    wanted = but(asked(refund, returns=True), items=(RefundItem(line=line, cash=cash),))
    return (wanted, *returned(refund, "p:1")[1:])


GOLD = (IssueCard(id="b1", tier="gold"), *ONE, ChangeTier(id="b1", tier="silver", reason="asked"))
IN_TWO = (
    *WORLD,
    *TWO_LINES,
    *part_of("r1", 8_000, 1),
    *part_of("r3", 4_000, 2),
    *bought("p:2", 3_000),
    *returned("r2", "p:2"),
)


@stories({
    "two refunds of one order and one of another": (IN_TWO, but(ASK, refunds=("r1", "r2", "r3")), [
        FreightSplit("CNY", 1_000, (FreightShare("p:1", 12_000, 800), FreightShare("p:2", 3_000, 200))),
        ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", (ClaimUnit(1, 1, 20_000,
            "cup"), ClaimUnit(2, 1, 10_000, "pot")), ("p:1/1/1/freight", "p:1/2/1/freight", "p:1/w9/freight"),
            800, waybill="w9", reason="its share by value of 1000 of waybill w9"),
        OrderClaimed("freight:w9:p:1", "return-freight"),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 800, 800, "contract", "2021-06", (), (ClaimUnit(1, 1, 20_000,
            "cup"), ClaimUnit(2, 1, 10_000, "pot")), ("freight_pool", "deposit"), "shop", (),
            (TraceStep("paid", "20000 + 10000", 30_000), TraceStep("return-freight 2021-06", "min(800, 1200)",
            800)), ("p:1/1/1/freight", "p:1/2/1/freight", "p:1/w9/freight"), ("p:1/1/1/freight",
            "p:1/2/1/freight", "p:1/w9/freight"), paid=30_000,
            reason="its share by value of 1000 of waybill w9"),
        BenefitUsed("return-freight", "2021-06", "freight:w9:p:1", 2, 1),
        ClaimFunded("freight:w9:p:1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=800), 800),
        ClaimFiled("p:2", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", (ClaimUnit(1, 1, 3_000,
            "cup"),), ("p:2/1/1/freight", "p:2/w9/freight"), 200, waybill="w9",
            reason="its share by value of 1000 of waybill w9"),
        OrderClaimed("freight:w9:p:2", "return-freight"),
        ClaimUpheld("p:2", "s1", "b1", "CNY", 0, 200, 200, "contract", "2021-06", (), (ClaimUnit(1, 1, 3_000,
            "cup"),), ("freight_pool", "deposit"), "shop", (), (TraceStep("paid", "3000", 3_000),
            TraceStep("return-freight 2021-06", "min(200, 1200)", 200)), ("p:2/1/1/freight",
            "p:2/w9/freight"), ("p:2/1/1/freight", "p:2/w9/freight"), paid=3_000,
            reason="its share by value of 1000 of waybill w9"),
        ClaimFunded("freight:w9:p:2", "p:2", "s1", "b1", "", "CNY", Parts(deposit=200), 200),
    ]),
    "the second line only": (IN_TWO, but(ASK, refunds=("r3",)), [
        FreightSplit("CNY", 1_000, (FreightShare("p:1", 4_000, 1_000),)),
        ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", (ClaimUnit(2, 1, 10_000,
            "pot"),), ("p:1/2/1/freight", "p:1/w9/freight"), 1_000, waybill="w9",
            reason="its share by value of 1000 of waybill w9"),
        OrderClaimed("freight:w9:p:1", "return-freight"),
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", (), (ClaimUnit(2, 1,
            10_000, "pot"),), ("freight_pool", "deposit"), "shop", (), (TraceStep("paid", "10000", 10_000),
            TraceStep("return-freight 2021-06", "min(1000, 1200)", 1_000)), ("p:1/2/1/freight",
            "p:1/w9/freight"), ("p:1/2/1/freight", "p:1/w9/freight"), paid=30_000,
            reason="its share by value of 1000 of waybill w9"),
        BenefitUsed("return-freight", "2021-06", "freight:w9:p:1", 2, 1),
        ClaimFunded("freight:w9:p:1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
    ]),
    "upheld alone": ((*ONE, ALONE), UpholdClaim(id="c1"), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", (), (ClaimUnit(1, 1,
            30_000, "cup"),), ("freight_pool", "deposit"), "shop", (), (TraceStep("paid", "30000", 30_000),
            TraceStep("return-freight 2021-06", "min(1000, 1200)", 1_000)), ("p:1/1/1/freight",
            "p:1/w9/freight"), ("p:1/1/1/freight", "p:1/w9/freight"), paid=30_000),
        FreightSplit("CNY", 1_000, (FreightShare("p:1", 0, 1_000),)),
        BenefitUsed("return-freight", "2021-06", "c1", 2, 1),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
    ]),
    "a gold card, as it was when the order was paid": ((*GOLD, ALONE), UpholdClaim(id="c1"), [
        ClaimUpheld("p:1", "s1", "b1", "CNY", 0, 1_000, 1_000, "contract", "2021-06", (), (ClaimUnit(1, 1,
            30_000, "cup"),), ("freight_pool", "deposit"), "shop", (), (TraceStep("paid", "30000", 30_000),
            TraceStep("return-freight 2021-06", "min(1000, 1200)", 1_000)), ("p:1/1/1/freight",
            "p:1/w9/freight"), ("p:1/1/1/freight", "p:1/w9/freight"), paid=30_000),
        FreightSplit("CNY", 1_000, (FreightShare("p:1", 0, 1_000),)),
        BenefitUsed("return-freight", "2021-06", "c1", 8, 7),
        ClaimFunded("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=1_000), 1_000),
    ]),
    "filed for the share that it has": (
        (*BOTH, ASK_BOTH, CancelPayout(id="freight:w9:p:1", reason="no")),
        but(ALONE, id="c3", cost=750), [
            ClaimFiled("p:1", "s1", "b1", "CNY", "return-freight", "freight", "2021-06", (ClaimUnit(1, 1,
                30_000, "cup"),), ("p:1/1/1/freight", "p:1/w9/freight"), 750, waybill="w9"),
            OrderClaimed("c3", "return-freight"),
        ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*BOTH, ASK_BOTH), "return-w9",
        Return(cost=1_000, shares=(FreightShare("p:1", 30_000, 750), FreightShare("p:2", 10_000, 250))),
        id="divided"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

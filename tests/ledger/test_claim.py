"""Claims from filing to the money: the cases whose right answer the domain gives, and every refusal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.decisions.base import Command
from ledger.decisions.claim import (
    ClaimItem,
    ContestClaim,
    FileClaim,
    RequestEvidence,
    SubmitEvidence,
    WithdrawClaim,
)
from ledger.decisions.fine import CollectFine
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.fund import Contribute
from ledger.decisions.funding import WriteOffRecourse
from ledger.decisions.incident import (
    AddMembers,
    ApproveBatch,
    DeclareIncident,
    GrantCompensation,
    Listed,
    OpenBatch,
)
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, SettleOrder, VoidOrder
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
from ledger.decisions.shop import (
    ChargeWarranty,
    CloseShop,
    OpenShop,
    PayDeposit,
    PayOutShop,
    RefundDeposit,
    RequestClosing,
)
from ledger.decisions.standing import CloseBenefit, OpenBenefit
from ledger.decisions.verdict import AppealClaim, DecideAppeal, RejectClaim, UpholdClaim
from ledger.errors import (
    AlreadyCompensated,
    AlreadyExists,
    CurrencyMismatch,
    DepositHeld,
    InsufficientFunds,
    InvalidAmount,
    LedgerError,
    NeedsPerson,
    NotCovered,
    UnknownClaim,
    UnknownOrder,
    UnknownShop,
    WindowOver,
    WrongState,
)
from ledger.events.claim import ClaimAppealDecided
from ledger.events.parking import FactParked
from ledger.events.recourse import RecourseRecovered
from ledger.policies import shipped
from tests.ledger.stories import START, Ledger, Reported, Step, but, refunded

JUNE, NOVEMBER = datetime(2021, 6, 10, tzinfo=UTC), datetime(2021, 11, 5, tzinfo=UTC)
LATER = datetime(2021, 12, 1, tzinfo=UTC)
CUP = OrderLine(sku="cup", amount=19_900)
TERMS = tuple(but(command, force=True, reason="as published") for command in shipped().values())
BENEFITS = ("counterfeit", "late-dispatch", "return-freight", "device-warranty", "official-authenticity")
SHOP: tuple[Step, ...] = (
    *TERMS,
    OpenShop(id="s1", at=START),
    *(OpenBenefit(id="s1", benefit=benefit, at=START) for benefit in BENEFITS),
)


def order(*lines: OrderLine, cash: int, at: datetime = NOVEMBER, id_: str = "p:1") -> tuple[Step, ...]:
    """An order that its buyer has paid."""
    placed = PlaceOrder(id=id_, shop="s1", host="h1", buyer="b1", currency="CNY", lines=lines, at=at)
    return (placed, PayOrder(id=id_, cash=cash, at=at))


BOUGHT = order(CUP, cash=19_900)


def file(id_: str = "c1", benefit: str = "counterfeit", **fields: Any) -> FileClaim:
    return FileClaim(**{"id": id_, "order": "p:1", "benefit": benefit, "at": LATER, **fields})


def unit(number: int, line: int = 1) -> tuple[ClaimItem, ...]:
    return (ClaimItem(line=line, units=(number,)),)


def uphold(id_: str = "c1", **fields: Any) -> UpholdClaim:
    return UpholdClaim(id=id_, at=LATER, **fields)


def deposit(amount: int) -> PayDeposit:
    return PayDeposit(id="s1", amount=amount, at=LATER)


def fund(amount: int) -> Contribute:
    return Contribute(amount=amount, at=LATER)


UPHELD: tuple[Step, ...] = (file(), uphold())


def told(*parts: Step | Sequence[Step]) -> Ledger:
    """A ledger after all of these."""
    steps: list[Step] = []
    for part in parts:
        steps += part if isinstance(part, list | tuple) and not isinstance(part, Reported) else [part]  # type: ignore[list-item]
    return Ledger(steps)


def claim(ledger: Ledger, id_: str = "c1") -> Any:
    return ledger.state(f"claim-{id_}")


def got(ledger: Ledger, id_: str = "c1") -> tuple[int, int]:
    """What a claim gave: refund and compensation."""
    return claim(ledger, id_).refund, claim(ledger, id_).decided


def moved(ledger: Ledger, *accounts: str) -> tuple[int, ...]:
    return tuple(ledger.balance(account) for account in accounts)


def refused(ledger: Ledger, step: Step) -> type[LedgerError]:
    found = ledger.try_(step)
    assert isinstance(found, LedgerError), found
    assert found.detail
    return type(found)


# The cases.


def test_case_1_ninefold_beside_the_refund():
    ledger = told(SHOP, BOUGHT, fund(1_000_000), refunded("r", 5_000), UPHELD)
    assert got(ledger) == (14_900, 179_100)
    assert moved(ledger, "buyer_payable:b1", "order_escrow:p:1") == (179_100, 0)
    ledger.do(PayClaim(id="c1"))
    assert moved(ledger, "buyer_payable:b1", "bank") == (0, -179_100)
    assert claim(ledger).status == "paid"


def test_case_2_tenfold_with_the_refund_included():
    bought = order(CUP, cash=19_900, at=JUNE)
    ledger = told(SHOP, bought, fund(1_000_000), refunded("r", 5_000), UPHELD)
    assert got(ledger) == (0, 194_000)
    # What is in the compensation is not refunded again.
    assert refused(ledger, refunded("again", 1)[0]).code == "refund_exceeds_paid"


def test_case_4_a_unit_is_paid_for_once_in_a_family():
    ledger = told(SHOP, BOUGHT, file())
    assert refused(ledger, file("c2")) is AlreadyCompensated
    ledger.do(uphold())
    for benefit in ("counterfeit", "fraud-law"):
        assert refused(ledger, file("c3", benefit)) is AlreadyCompensated
    assert ledger.try_(file("c4", "late-dispatch")) != []
    assert ledger.do(file()) == []  # The same claim again changes nothing.


def test_case_5_the_law_gives_more():
    ledger = told(SHOP, order(OrderLine(sku="cup", amount=4_000), cash=4_000), deposit(100_000), UPHELD)
    assert got(ledger) == (4_000, 50_000)
    assert claim(ledger).basis == "law"
    (upheld,) = [r.fact for r in ledger.memory.facts if r.fact.TOPIC == "claim-upheld"]
    steps = {step.name: (step.expression, step.value) for step in upheld.trace}  # type: ignore[attr-defined]
    assert steps["counterfeit 2021-11"] == ("9 × 4000", 36_000)
    assert steps["fraud-law 2014-03"] == ("max(3 × 4000, 50000)", 50_000)


INCIDENT: tuple[Step, ...] = (
    DeclareIncident(id="i1", title="fakes on air", cause="fakes", at=LATER),
    OpenBatch(id="i1"),
    AddMembers(id="i1", members=(Listed(buyer="b1", order="p:1"),)),
    ApproveBatch(id="i1", by="ann"),
    ApproveBatch(id="i1", by="bob"),
    GrantCompensation(id="i1", buyers=("b1",)),
)


@pytest.mark.parametrize("named_by", ["buyer", "reviewer"])
def test_case_6_an_incident_of_the_same_cause(named_by: str):
    ledger = told(SHOP, BOUGHT, fund(1_000_000), INCIDENT, refunded("r"))
    asked, decided = ({"cause": "i1"}, {}) if named_by == "buyer" else ({}, {"cause": "i1"})
    ledger.do(file(**asked))
    ledger.do(uphold(**decided))
    assert got(ledger) == (0, 127_100)
    assert claim(ledger).offset == 52_000
    # It is taken off once.
    more = order(CUP, cash=19_900, id_="p:2")
    for step in (*more, file("c2", order="p:2", cause="i1"), uphold("c2")):
        ledger.do(step)
    assert got(ledger, "c2") == (19_900, 179_100)


NINE: tuple[Step, ...] = (*SHOP, *BOUGHT, *refunded("r"), deposit(50_000))


def test_case_9_the_fund_pays_what_the_deposit_lacks():
    ledger = told(NINE, fund(1_000_000), UPHELD)
    assert claim(ledger).parts.deposit == 50_000
    assert claim(ledger).parts.fund == 129_100
    assert moved(ledger, "shop_deposit:s1", "recourse_receivable:s1", "fund_recourse_claim:s1") == (
        0,
        129_100,
        129_100,
    )
    shop = ledger.state("shop-s1")
    assert shop.restricted
    assert [(each.claim, each.amount) for each in shop.recourses] == [("c1", 129_100)]
    closed = CloseBenefit(id="s1", benefit="counterfeit", at=LATER)
    assert refused(told(NINE, fund(1_000_000), UPHELD, closed), but(SHOP[-5], at=LATER)) is WrongState


def test_case_10_what_nobody_can_pay_stays_due():
    ledger = told(NINE, fund(100_000), UPHELD, PayClaim(id="c1"))
    assert moved(ledger, "bank", "pet_fund", "recourse_receivable:s1") == (50_000 - 150_000, 0, 100_000)
    assert claim(ledger).status == "short"
    (due,) = ledger.state("fund-pet").dues
    assert (due.claim, due.amount, due.rank) == ("c1", 29_100, 1)
    ledger.do(fund(30_000))
    assert ledger.state("fund-pet").dues == ()
    assert moved(ledger, "pet_fund", "buyer_payable:b1", "recourse_receivable:s1") == (900, 29_100, 129_100)
    ledger.do(PayClaim(id="c1"))
    assert claim(ledger).status == "paid"


def test_case_10_law_is_served_before_contract():
    cheap = order(OrderLine(sku="cup", amount=4_000), cash=4_000, id_="p:2")
    ledger = told(SHOP, BOUGHT, cheap, UPHELD, file("c2", order="p:2"), uphold("c2"))
    assert [due.claim for due in ledger.state("fund-pet").dues] == ["c2", "c1"]
    ledger.do(fund(60_000))
    assert claim(ledger, "c2").status == "funded"
    assert [(due.claim, due.amount) for due in ledger.state("fund-pet").dues] == [("c1", 169_100)]


def test_case_11_a_deposit_makes_good_to_the_fund():
    ledger = told(NINE, fund(1_000_000), UPHELD, deposit(200_000))
    topics = [recorded.fact.TOPIC for recorded in ledger.memory.facts[-3:]]
    assert topics == ["deposit-paid", "recourse-recovered", "shop-reinstated"]
    assert moved(
        ledger, "shop_deposit:s1", "recourse_receivable:s1", "fund_recourse_claim:s1", "pet_fund"
    ) == (
        70_900,
        0,
        0,
        1_000_000,
    )
    assert not ledger.state("shop-s1").restricted


def test_case_11_a_pay_out_makes_good_first():
    more = order(OrderLine(sku="pot", amount=200_000), cash=200_000, id_="p:2")
    ledger = told(NINE, fund(1_000_000), UPHELD, more, Reported(SettleOrder(id="p:2")), PayOutShop(id="s1"))
    assert moved(ledger, "shop_payable:s1", "recourse_receivable:s1", "pet_fund") == (0, 0, 1_000_000)


def test_case_12_a_fine_waits_for_the_claims():
    hundred = order(OrderLine(sku="cup", amount=5_000), cash=5_000)
    fine = ImposePenalty(
        id="x1", party="shop", party_id="s1", currency="CNY", fine=80_000, reason="fakes", at=LATER
    )
    ledger = told(SHOP, hundred, refunded("r"), deposit(100_000), file(), fine, uphold(amount=50_000))
    assert moved(ledger, "buyer_payable:b1", "shop_deposit:s1") == (50_000, 50_000)
    ledger.do(CollectFine(id="x1", at=LATER))
    assert moved(ledger, "penalty_held:x1", "shop_deposit:s1") == (50_000, 0)
    # What comes in pays first what is due of claims, then the fund, then the fine.
    ledger = told(SHOP, hundred, refunded("r"), fine, CollectFine(id="x1", at=LATER), UPHELD)
    ledger.do(deposit(60_000))
    assert moved(ledger, "buyer_payable:b1", "penalty_held:x1", "shop_deposit:s1") == (50_000, 10_000, 0)


def test_case_13_coupons_are_no_part_of_the_price():
    line = OrderLine(sku="cup", amount=10_000, shop_coupon=1_000, platform_coupon=2_000)
    ledger = told(SHOP, order(line, cash=7_000), deposit(100_000), UPHELD)
    assert got(ledger) == (7_000, 63_000)
    assert moved(ledger, "platform_coupon", "order_escrow:p:1") == (0, 0)


@pytest.mark.parametrize(("number", "refund", "compensation"), [(1, 3_334, 30_006), (2, 3_333, 29_997)])
def test_case_14_each_unit_has_its_price(number: int, refund: int, compensation: int):
    # The law would give more: 500 for a single cup.
    ledger = told(SHOP, order(OrderLine(sku="cup", quantity=3, amount=10_000), cash=10_000), deposit(10**6))
    ledger.do(file(items=unit(number)))
    ledger.do(uphold())
    (upheld,) = [r.fact for r in ledger.memory.facts if r.fact.TOPIC == "claim-upheld"]
    steps = {step.name: step.value for step in upheld.trace}  # type: ignore[attr-defined]
    assert (claim(ledger).refund, steps["counterfeit 2021-11"]) == (refund, compensation)


def test_case_24_a_brushed_order_after_its_payout():
    steps = (NINE, fund(100_000), UPHELD, PayClaim(id="c1"))
    ledger = told(*steps, VoidOrder(id="p:1", reason="brushing"))
    # What was due is cancelled, what was paid is asked back; nobody is credited yet.
    assert ledger.state("fund-pet").dues == ()
    assert moved(ledger, "buyer_receivable:b1", "recovery_suspense:c1", "pet_fund") == (150_000, 150_000, 0)
    assert claim(ledger).status == "recovering"
    assert ledger.balance("recourse_receivable:s1") == 100_000
    ledger.do(RecoverPayout(id="c1", amount=120_000))
    assert moved(ledger, "buyer_receivable:b1", "pet_fund", "shop_deposit:s1") == (30_000, 100_000, 20_000)
    assert moved(ledger, "recourse_receivable:s1", "fund_recourse_claim:s1") == (0, 0)
    ledger.do(RecoverPayout(id="c1"))
    assert moved(ledger, "recovery_suspense:c1", "shop_deposit:s1") == (0, 50_000)
    assert claim(ledger).status == "recovered"
    assert not ledger.state("shop-s1").restricted


def test_case_24_what_is_not_paid_is_cancelled():
    ledger = told(NINE, fund(1_000_000), UPHELD, VoidOrder(id="p:1", reason="brushing"))
    assert moved(ledger, "buyer_payable:b1", "pet_fund", "shop_deposit:s1", "recourse_receivable:s1") == (
        0,
        1_000_000,
        50_000,
        0,
    )
    assert claim(ledger).status == "cancelled"
    assert refused(ledger, file("c2")) is WrongState


def test_case_24_what_the_shop_had_made_good_goes_back_to_it():
    ledger = told(NINE, fund(1_000_000), UPHELD, PayClaim(id="c1"), deposit(200_000))
    ledger.do(VoidOrder(id="p:1", reason="brushing"))
    ledger.do(RecoverPayout(id="c1"))
    assert moved(ledger, "pet_fund", "shop_deposit:s1") == (1_000_000, 250_000)


def test_case_24_open_claims_end_with_the_order():
    ledger = told(NINE, file(), VoidOrder(id="p:1", reason="brushing"))
    assert claim(ledger).status == "rejected"
    assert ledger.used().get("open-claims/s1", 0) == 0


PAID: tuple[Step, ...] = (*NINE, fund(1_000_000), *UPHELD, PayClaim(id="c1", transfer="t1"))


def test_case_27_a_payout_fails():
    ledger = told(PAID, FailPayment(id="c1", transfer="t1", reason="account closed"))
    assert moved(ledger, "buyer_payable:b1") == (179_100,)
    assert claim(ledger).status == "failed"
    # The retry has a number of its own.
    assert refused(ledger, PayClaim(id="c1", transfer="t1")) is AlreadyExists
    ledger.do(PayClaim(id="c1", transfer="t2"))
    assert (claim(ledger).status, ledger.balance("buyer_payable:b1")) == ("paid", 0)
    assert ledger.do(PayClaim(id="c1", transfer="t2")) == []
    assert ledger.do(FailPayment(id="c1", transfer="t1")) == []
    ledger.do(ConfirmPayment(id="c1", transfer="t2"))
    assert ledger.do(ConfirmPayment(id="c1", transfer="t2")) == []
    assert refused(ledger, ConfirmPayment(id="c1", transfer="t1")) is WrongState
    assert refused(ledger, MarkUnknown(id="c1", transfer="t1")) is WrongState
    assert refused(ledger, FailPayment(id="c1", transfer="t3")) is WrongState


def test_case_27_an_unknown_result_is_asked_for_before_anything_is_sent():
    ledger = told(NINE, fund(100_000), UPHELD, PayClaim(id="c1", transfer="t1"))
    ledger.do(MarkUnknown(id="c1", transfer="t1", reason="no answer"))
    assert ledger.do(MarkUnknown(id="c1", transfer="t1")) == []
    ledger.do(fund(30_000))
    assert refused(ledger, PayClaim(id="c1", transfer="t2")) is WrongState
    ledger.do(FailPayment(id="c1", transfer="t1"))
    ledger.do(PayClaim(id="c1", transfer="t2"))
    assert moved(ledger, "buyer_payable:b1", "bank") == (0, 50_000 - 179_100)


def test_case_28_two_claims_for_the_last_of_a_deposit():
    cups = order(OrderLine(sku="cup", quantity=2, amount=39_800), cash=39_800)
    ledger = told(
        *(SHOP, cups, refunded("r"), deposit(50_000), fund(1_000_000)),
        file("c1", items=unit(1)),
        file("c2", items=unit(2)),
        uphold("c2"),
        uphold("c1"),
    )
    assert [claim(ledger, id_).parts.deposit for id_ in ("c1", "c2")] == [0, 50_000]
    assert [claim(ledger, id_).parts.fund for id_ in ("c1", "c2")] == [179_100, 129_100]


def test_case_30_a_free_gift_is_never_paid_for_automatically():
    gift = OrderLine(sku="gift", amount=0)
    ledger = told(SHOP, order(CUP, gift, cash=19_900), deposit(10**6), file(items=unit(1, line=2)))
    assert refused(ledger, uphold()) is NeedsPerson
    assert refused(ledger, uphold(amount=50_000)) is NeedsPerson
    assert refused(ledger, uphold(reviewed=True)) is NeedsPerson
    ledger.do(uphold(reviewed=True, amount=50_000, reason="the gift was advertised"))
    assert got(ledger) == (0, 50_000)


# Filing.

OTHER = OrderLine(sku="pot", quantity=2, amount=6_000)


@pytest.mark.parametrize(("step", "error"), [
    (file(order="p:9"),                          UnknownOrder),
    (file(order="p:3"),                          WrongState),        # Placed and not paid.
    (file(benefit="instant-refund"),             NotCovered),        # Not opened.
    (file(benefit="brand-new"),                  NotCovered),        # No such terms.
    (file(benefit="food-law"),                   NotCovered),        # Not food.
    (file(items=unit(2)),                        InvalidAmount),
    (file(items=unit(1, line=9)),                InvalidAmount),
    (file(items=(*unit(1), *unit(1))),           InvalidAmount),
    (file(benefit="return-freight"),             InvalidAmount),     # What did it cost?
    (file(benefit="return-freight", cost=800),   InvalidAmount),     # Of which waybill?
    (file(order="p:2"),                          CurrencyMismatch),
    (file(order="p:4"),                          WrongState),        # Nobody knows the buyer.
    (ContestClaim(id="c9", reason="why"),        UnknownClaim),
])  # fmt: skip
def test_what_cannot_be_filed(step: Command, error: type[LedgerError]):
    pounds = (
        PlaceOrder(id="p:2", shop="s1", buyer="b1", currency="GBP", lines=(CUP,), at=NOVEMBER),
        PayOrder(id="p:2", cash=19_900, at=NOVEMBER),
        PlaceOrder(id="p:3", shop="s1", buyer="b1", currency="CNY", lines=(CUP,), at=NOVEMBER),
        PlaceOrder(id="p:4", shop="s1", currency="CNY", lines=(CUP,), at=NOVEMBER),
        PayOrder(id="p:4", cash=19_900, at=NOVEMBER),
    )
    assert refused(told(SHOP, BOUGHT, pounds), step) is error


def test_a_claim_is_filed_within_its_window():
    """Case 22: received on 06-03 at 15:00, seven days end with 06-10, in Asia/Shanghai."""
    bought = order(CUP, cash=19_900, at=datetime.fromisoformat("2021-06-02T12:00:00+08:00"))
    arrived = DeliverParcel(id="p:1", waybill="w1", at=datetime.fromisoformat("2021-06-03T15:00:00+08:00"))
    ledger = told(SHOP, bought, Reported(arrived))
    freight = file(benefit="return-freight", cost=800, waybill="w9")
    too_late = but(freight, at=datetime.fromisoformat("2021-06-11T00:00:00+08:00"))
    assert refused(ledger, too_late) is WindowOver
    marked = told(SHOP, bought, Reported(arrived), Reported(too_late)).memory.facts[-2].fact
    assert marked.marks == ("out_of_window",)  # type: ignore[attr-defined]
    assert ledger.do(but(freight, at=datetime.fromisoformat("2021-06-10T23:59:59+08:00")))


def test_case_21_the_terms_of_the_payment_count():
    ledger = told(SHOP, order(CUP, cash=19_900, at=JUNE), file())
    assert claim(ledger).version == "2021-06"


def test_a_reported_claim_waits_for_its_order():
    ledger = told(SHOP, Reported(file()))
    assert claim(ledger).status == ""
    for step in BOUGHT:
        ledger.do(Reported(step))  # type: ignore[arg-type]
    assert claim(ledger).status == "filed"


def test_a_second_claim_that_is_reported_waits_for_a_person():
    ledger = told(NINE, fund(1_000_000), UPHELD)
    again = Reported(file("c2"))
    (parked,) = ledger.do(again)
    assert isinstance(parked.fact, FactParked)
    assert (parked.fact.waits_for, parked.fact.reason) == ("review", "already_compensated")
    assert ledger.do(again) == []
    assert claim(ledger, "c2").status == ""
    assert moved(ledger, "buyer_payable:b1") == (179_100,)


def test_the_same_identifier_with_other_content():
    ledger = told(SHOP, order(CUP, OTHER, cash=25_900), file(items=unit(1)))
    assert refused(ledger, file(items=unit(2, line=2))) is AlreadyExists


def test_a_family_is_free_again_when_a_claim_fails():
    ledger = told(SHOP, BOUGHT, file(), RejectClaim(id="c1", reason="genuine"), file("c2"))
    ledger.do(WithdrawClaim(id="c2"))
    assert ledger.do(WithdrawClaim(id="c2")) == []
    assert ledger.do(file("c3"))
    assert [claim(ledger, id_).status for id_ in ("c1", "c2", "c3")] == ["rejected", "withdrawn", "filed"]


def test_the_order_knows_its_claims():
    assert told(SHOP, BOUGHT, file()).state("order-p:1").claims == ("c1",)


# The review.


def test_evidence_is_kept_by_its_digest():
    ledger = told(SHOP, BOUGHT, file(), ContestClaim(id="c1", reason="genuine"))
    assert claim(ledger).status == "contested"
    ledger.do(RequestEvidence(id="c1", of="shop", what="invoice"))
    assert claim(ledger).status == "evidence_requested"
    ledger.do(SubmitEvidence(id="c1", by="shop", digest="0" * 64))
    assert claim(ledger).status == "evidence_submitted"
    ledger.do(uphold())
    for step in (
        ContestClaim(id="c1", reason="no"),
        RequestEvidence(id="c1", of="buyer", what="photo"),
        SubmitEvidence(id="c1", by="buyer", digest="0" * 64),
        RejectClaim(id="c1", reason="no"),
        WithdrawClaim(id="c1"),
    ):
        assert refused(ledger, step) is WrongState
    assert ledger.do(uphold()) == []


def test_a_claim_is_upheld_in_part():
    pots = order(OTHER, cash=6_000)
    ledger = told(SHOP, pots, deposit(10**6), file(), uphold(items=unit(2)))
    assert claim(ledger).status == "funded"
    assert claim(ledger).decision == "partly_upheld"
    assert got(ledger) == (3_000, 50_000)
    # The other unit may still be claimed for.
    assert ledger.do(file("c2", items=unit(1)))
    less = told(SHOP, pots, deposit(10**6), file(), uphold(amount=100))
    assert got(less) == (6_000, 100)
    other = told(SHOP, pots, deposit(10**6), file(items=unit(1)))
    assert refused(other, uphold(items=unit(2))) is InvalidAmount
    assert refused(other, uphold(amount=50_001)) is InvalidAmount


def test_a_refund_of_the_same_name_is_in_nobodys_way():
    asked_before = refunded("c1")[0]
    ledger = told(SHOP, BOUGHT, deposit(10**6), asked_before, UPHELD)
    assert got(ledger) == (19_900, 179_100)
    assert [ledger.state(f"refund-{id_}").status for id_ in ("c1", "c1.2")] == ["requested", "completed"]


def test_what_is_not_the_shops_fault_is_not_held_against_it():
    ledger = told(NINE, fund(1_000_000), file(), uphold(fault="platform"))
    assert moved(ledger, "shop_deposit:s1", "pet_fund", "recourse_receivable:s1") == (50_000, 820_900, 0)
    assert not ledger.state("shop-s1").restricted


def test_goodwill_is_borne_by_all_units_of_a_line():
    cups = order(OrderLine(sku="cup", quantity=2, amount=20_000), cash=20_000)
    ledger = told(SHOP, cups, deposit(10**7), refunded("r", 1_000), file("c1", items=unit(1)), uphold("c1"))
    ledger.do(file("c2", items=unit(2)))
    ledger.do(uphold("c2"))
    assert [claim(ledger, id_).refund for id_ in ("c1", "c2")] == [9_500, 9_500]
    assert ledger.balance("order_escrow:p:1") == 0


def test_somebody_pays_for_what_is_upheld():
    ledger = told(SHOP, BOUGHT, deposit(10**6), file(benefit="device-warranty"))
    # Neither pool nor deposit is the platform's, and the fund is no payer of a warranty.
    assert refused(ledger, uphold(fault="platform")) is WrongState
    ledger.do(uphold())
    assert claim(ledger).status == "funded"


def test_an_incident_in_another_currency_is_not_taken_off():
    terms = shipped()["incident-2021-06"]
    dollars = but(
        terms,
        rule=but(terms.rule, currency="USD"),
        version="usd",
        effective_from=LATER,
        force=True,
        reason="abroad",
    )
    ledger = told(SHOP, dollars, Contribute(amount=10**6, currency="USD", at=LATER), INCIDENT)
    assert ledger.balance("buyer_payable:b1", "USD") == 52_000
    for step in (*BOUGHT, *refunded("r"), fund(10**6), file(cause="i1"), uphold()):
        ledger.do(step)
    assert got(ledger) == (0, 179_100)


# Appeals.


def test_nobody_appeals_about_an_order_that_was_struck():
    void = VoidOrder(id="p:1", reason="brushing")
    for steps in (
        (file(), RejectClaim(id="c1", reason="genuine"), void),
        (file(), uphold(), void),
        (file(), uphold(), PayClaim(id="c1"), void),
    ):
        ledger = told(NINE, fund(1_000_000), steps)
        for by in ("buyer", "shop"):
            assert refused(ledger, AppealClaim(id="c1", by=by, reason="it is fake")) is WrongState


def test_an_appeal_ends_with_the_order_that_was_struck():
    void = VoidOrder(id="p:1", reason="brushing")
    of_buyer = AppealClaim(id="c1", by="buyer", reason="wrong")
    for steps, appeal, after in (
        ((file(), RejectClaim(id="c1", reason="genuine")), of_buyer, "rejected"),
        ((file(), uphold()), but(of_buyer, by="shop"), "cancelled"),
    ):
        ledger = told(NINE, fund(1_000_000), steps, appeal)
        held = claim(ledger).live
        assert bool(held) is (appeal is of_buyer)
        facts = {recorded.fact.TOPIC: recorded for recorded in ledger.do(void)}
        decided = facts["claim-appeal-decided"]
        assert decided.stream == "claim-c1"
        assert decided.fact == ClaimAppealDecided("s1", "denied", "The order was voided: brushing", held)
        assert claim(ledger).status == after
        assert moved(ledger, "buyer_payable:b1", "pet_fund", "shop_deposit:s1") == (0, 1_000_000, 50_000)


@pytest.mark.parametrize("back", [0, 9_100, 179_100])
def test_what_the_buyer_gave_back_is_owed_again_if_the_last_appeal_is_won(back: int):
    ledger = told(NINE, fund(1_000_000), UPHELD, PayClaim(id="c1"))
    ledger.do(AppealClaim(id="c1", by="shop", reason="genuine"))
    ledger.do(DecideAppeal(id="c1", outcome="overturned", reason="it is", recover=True))
    if back:
        ledger.do(RecoverPayout(id="c1", amount=back))
    ledger.do(AppealClaim(id="c1", by="buyer", reason="it is fake"))
    ledger.do(DecideAppeal(id="c1", outcome="raised", reason="it is", at=LATER))
    # The rest of it stayed with the buyer, who is asked for nothing any more.
    assert moved(ledger, "buyer_payable:b1", "buyer_receivable:b1", "recovery_suspense:c1") == (back, 0, 0)
    if back:
        ledger.do(PayClaim(id="c1"))
    assert moved(ledger, "buyer_payable:b1", "pet_fund", "shop_deposit:s1") == (0, 870_900, 0)
    assert ledger.balance("recourse_receivable:s1") == 129_100
    assert claim(ledger).status == ("recovered" if back else "paid")


def test_a_rejection_gives_no_place_in_the_queue():
    ledger = told(SHOP, BOUGHT, refunded("r"), file(), RejectClaim(id="c1", reason="genuine"))
    for step in (
        *order(CUP, cash=19_900, id_="p:2"),
        *refunded("r2", order="p:2"),
        file("c2", order="p:2"),
        but(uphold("c2"), at=LATER + timedelta(days=1)),
        AppealClaim(id="c1", by="buyer", reason="it is fake"),
        DecideAppeal(id="c1", outcome="raised", reason="it is", at=LATER + timedelta(days=2)),
        fund(100_000),
    ):
        ledger.do(step)
    assert [claim(ledger, id_).funded for id_ in ("c1", "c2")] == [0, 100_000]


def test_the_buyer_appeals_a_rejection():
    ledger = told(SHOP, BOUGHT, deposit(10**6), file(), RejectClaim(id="c1", reason="genuine"))
    appeal = AppealClaim(id="c1", by="buyer", reason="it is fake")
    ledger.do(appeal)
    assert claim(ledger).status == "appealed"
    assert ledger.do(appeal) == []
    assert refused(ledger, file("c2")) is AlreadyCompensated
    assert refused(ledger, uphold()) is WrongState
    assert refused(ledger, DecideAppeal(id="c1", outcome="overturned", reason="?")) is WrongState
    ledger.do(DecideAppeal(id="c1", outcome="raised", reason="it is", at=LATER))
    assert got(ledger) == (19_900, 179_100)
    assert ledger.used().get("open-claims/s1", 0) == 0
    assert refused(ledger, DecideAppeal(id="c1", outcome="denied", reason="?")) is WrongState


def test_a_denied_appeal_frees_what_it_took():
    ledger = told(SHOP, BOUGHT, file(), RejectClaim(id="c1", reason="genuine"))
    ledger.do(AppealClaim(id="c1", by="buyer", reason="it is fake"))
    ledger.do(DecideAppeal(id="c1", outcome="denied", reason="it is not"))
    assert claim(ledger).status == "rejected"
    assert ledger.do(file("c2"))
    assert refused(ledger, AppealClaim(id="c1", by="buyer", reason="again")) is AlreadyCompensated
    assert refused(ledger, AppealClaim(id="c1", by="shop", reason="again")) is WrongState


@pytest.mark.parametrize("at", [JUNE, NOVEMBER])
def test_a_decision_is_raised_and_never_lowered(at: datetime):
    ledger = told(SHOP, order(CUP, cash=19_900, at=at), deposit(10**6), file(), uphold(amount=1_000))
    ledger.do(PayClaim(id="c1"))
    ledger.do(AppealClaim(id="c1", by="buyer", reason="too little"))
    less = DecideAppeal(id="c1", outcome="raised", amount=999, reason="less", at=LATER)
    assert refused(ledger, less) is InvalidAmount
    ledger.do(but(less, amount=None))
    full = 199_000 if at == JUNE else 179_100
    assert claim(ledger).decided == full
    assert ledger.balance("buyer_payable:b1") == full - 1_000
    ledger.do(PayClaim(id="c1"))
    assert claim(ledger).status == "paid"


@pytest.mark.parametrize("recover", [False, True])
def test_the_shop_wins_its_appeal(recover: bool):
    ledger = told(NINE, fund(100_000), UPHELD, PayClaim(id="c1"))
    ledger.do(AppealClaim(id="c1", by="shop", reason="it is genuine"))
    ledger.do(DecideAppeal(id="c1", outcome="overturned", reason="so it is", recover=recover))
    assert claim(ledger).decision == "overturned"
    assert ledger.state("fund-pet").dues == ()
    assert ledger.balance("buyer_receivable:b1") == (150_000 if recover else 0)


# The payout.


def test_what_cannot_be_done_to_a_payout():
    ledger = told(SHOP, BOUGHT, file())
    assert refused(ledger, PayClaim(id="c1")) is InsufficientFunds
    assert refused(ledger, CancelPayout(id="c1", reason="?")) is WrongState
    assert refused(ledger, ForfeitClaim(id="c1", reason="?")) is WrongState
    assert refused(ledger, OpenRecovery(id="c1", reason="?")) is WrongState
    assert refused(ledger, RecoverPayout(id="c1")) is InvalidAmount
    assert refused(ledger, RecoverPayout(id="c9")) is UnknownClaim
    paid = told(PAID)
    assert paid.do(PayClaim(id="c1")) == []
    assert paid.do(PayClaim(id="c1", transfer="t1")) == []
    assert refused(paid, PayClaim(id="c1", transfer="t2")) is InsufficientFunds


def test_a_transfer_number_is_used_once_by_all_claims():
    more = order(CUP, cash=19_900, id_="p:2")
    ledger = told(PAID, more, file("c2", order="p:2"), uphold("c2"))
    assert refused(ledger, PayClaim(id="c2", transfer="t1")) is AlreadyExists


def test_what_cannot_be_paid_for_good_falls_to_the_fund():
    waiting = order(CUP, cash=19_900, id_="p:2")
    ledger = told(
        NINE, fund(129_100), UPHELD, PayClaim(id="c1"), waiting, file("c2", order="p:2"), uphold("c2")
    )
    ledger.do(FailPayment(id="c1", transfer="c1/1", reason="account closed"))
    ledger.do(ForfeitClaim(id="c1", reason="the buyer cannot be found"))
    assert claim(ledger).status == "forfeited"
    # It pays at once what the fund owes to others.
    assert moved(ledger, "buyer_payable:b1", "pet_fund") == (179_100, 0)
    assert claim(ledger, "c2").status == "funded"
    assert ledger.do(ForfeitClaim(id="c1", reason="again")) == []


def test_nothing_is_due_of_what_is_forfeited():
    ledger = told(NINE, fund(100_000), UPHELD)
    for step in (
        PayClaim(id="c1", transfer="t1"),
        FailPayment(id="c1", transfer="t1"),
        ForfeitClaim(id="c1", reason="no account"),
    ):
        ledger.do(step)
    # The fund does not pay again into nobody's hands, at the shop's expense.
    assert moved(ledger, "pet_fund", "buyer_payable:b1", "recourse_receivable:s1") == (150_000, 0, 100_000)
    assert claim(ledger).status == "forfeited"
    assert ledger.state("fund-pet").dues == ()
    assert refused(ledger, file("c2")) is AlreadyCompensated


def test_what_failed_once_the_shop_had_won_is_forfeited():
    ledger = told(NINE, fund(1_000_000), UPHELD, PayClaim(id="c1", transfer="t1"))
    ledger.do(AppealClaim(id="c1", by="shop", reason="genuine"))
    ledger.do(DecideAppeal(id="c1", outcome="overturned", reason="it is"))
    ledger.do(FailPayment(id="c1", transfer="t1"))
    assert ledger.balance("buyer_payable:b1") == 179_100
    ledger.do(ForfeitClaim(id="c1", reason="no account"))
    assert moved(ledger, "buyer_payable:b1", "pet_fund") == (0, 1_050_000)


def test_what_was_taken_off_a_cancelled_claim_comes_off_the_next_one():
    ledger = told(SHOP, BOUGHT, fund(1_000_000), INCIDENT, refunded("r"), file(cause="i1"), uphold())
    ledger.do(CancelPayout(id="c1", reason="decided by mistake"))
    assert (claim(ledger).offset, ledger.used().get("offset/i1/b1", 0)) == (0, 0)
    ledger.do(file("c2", cause="i1"))
    ledger.do(uphold("c2"))
    assert got(ledger, "c2") == (0, 127_100)
    assert ledger.balance("buyer_payable:b1") == 179_100


def test_a_cancelled_payout_may_be_claimed_again():
    ledger = told(NINE, fund(1_000_000), UPHELD, CancelPayout(id="c1", reason="decided by mistake"))
    assert ledger.do(CancelPayout(id="c1", reason="again")) == []
    assert claim(ledger).status == "cancelled"
    assert not ledger.state("shop-s1").restricted
    ledger.do(file("c2"))
    ledger.do(uphold("c2"))
    assert got(ledger, "c2") == (0, 179_100)


def test_a_transfer_that_fails_while_it_is_asked_back():
    ledger = told(PAID, VoidOrder(id="p:1", reason="brushing"), FailPayment(id="c1", transfer="t1"))
    assert moved(ledger, "buyer_receivable:b1", "buyer_payable:b1", "recovery_suspense:c1") == (0, 0, 0)
    assert moved(ledger, "pet_fund", "shop_deposit:s1", "recourse_receivable:s1") == (1_000_000, 50_000, 0)


def test_a_transfer_of_which_a_part_was_given_back_fails():
    ledger = told(PAID, OpenRecovery(id="c1", reason="swapped"), RecoverPayout(id="c1", amount=50))
    ledger.do(FailPayment(id="c1", transfer="t1"))
    # The buyer gave 50 fen for nothing: they are owed.
    assert moved(ledger, "buyer_receivable:b1", "buyer_payable:b1", "pet_fund") == (0, 50, 1_000_000)
    assert ledger.do(CancelPayout(id="c1", reason="again")) == []


def test_the_buyer_at_fault_gives_back():
    ledger = told(PAID, OpenRecovery(id="c1", reason="the buyer swapped the goods"))
    assert refused(ledger, RecoverPayout(id="c1", amount=179_101)) is InvalidAmount
    assert ledger.do(OpenRecovery(id="c1", reason="again")) == []
    ledger.do(RecoverPayout(id="c1", at=LATER + timedelta(days=1)))
    assert moved(ledger, "pet_fund", "shop_deposit:s1") == (1_000_000, 50_000)


def test_a_warranty_is_paid_from_its_pool():
    phone = order(CUP, cash=19_900)
    pool = (Reported(SettleOrder(id="p:1")), ChargeWarranty(id="s1", amount=5_000, at=LATER))
    repair = file(benefit="device-warranty", cost=8_000)
    ledger = told(SHOP, phone, pool, deposit(1_000), repair, uphold())
    assert moved(ledger, "warranty_pool:s1", "shop_payable:s1", "buyer_payable:b1") == (0, 11_900, 8_000)
    # Where it cannot be repaired the price is paid, and with it nothing is left to be refunded.
    ledger = told(SHOP, phone, pool, deposit(1_000), but(repair, cost=0), uphold())
    assert got(ledger) == (0, 19_900)
    assert moved(ledger, "warranty_pool:s1", "shop_payable:s1", "shop_deposit:s1") == (0, 0, 1_000)
    assert refused(ledger, refunded("r", 1)[0]).code == "refund_exceeds_paid"
    # Cancelled, it may be refunded after all.
    ledger.do(CancelPayout(id="c1", reason="repaired"))
    assert moved(ledger, "warranty_pool:s1", "shop_payable:s1", "buyer_payable:b1") == (5_000, 14_900, 0)
    assert ledger.do(refunded("r", 1)[0])


def test_a_pool_that_is_filled_pays_what_waits_for_it():
    repair = file(benefit="device-warranty", cost=8_000)
    ledger = told(SHOP, BOUGHT, repair, uphold(), Reported(SettleOrder(id="p:1")))
    assert (claim(ledger).status, ledger.state("shop-s1").restricted) == ("short", True)
    ledger.do(ChargeWarranty(id="s1", amount=9_000, at=LATER))
    assert moved(ledger, "warranty_pool:s1", "buyer_payable:b1") == (1_000, 8_000)
    assert (claim(ledger).status, ledger.state("shop-s1").restricted) == ("funded", False)


def test_all_that_a_shop_is_owed_may_go_to_the_fund():
    ledger = told(NINE, fund(1_000_000), UPHELD, order(CUP, cash=19_900, id_="p:2"))
    ledger.do(Reported(SettleOrder(id="p:2")))
    assert [recorded.fact for recorded in ledger.do(PayOutShop(id="s1"))] == [
        RecourseRecovered("c1", "s1", "CNY", 19_900, 0)
    ]
    assert moved(ledger, "shop_payable:s1", "recourse_receivable:s1") == (0, 109_200)
    assert refused(ledger, PayOutShop(id="s1")) is InvalidAmount


def test_a_shop_does_not_leave_claims_behind():
    ledger = told(SHOP, BOUGHT, refunded("r"), UPHELD, RequestClosing(id="s1"))
    assert claim(ledger).status == "short"
    assert refused(ledger, CloseShop(id="s1")) is WrongState
    gone = RefundDeposit(id="s1", at=LATER + timedelta(days=2_000))
    assert refused(ledger, gone) is DepositHeld
    ledger.do(CancelPayout(id="c1", reason="genuine"))
    ledger.do(CloseShop(id="s1"))


def test_a_shop_is_free_though_the_fund_owes_for_the_platform():
    other = order(CUP, cash=19_900, id_="p:2")
    ledger = told(NINE, fund(100_000), UPHELD, other, refunded("r2", order="p:2"), file("c2", order="p:2"))
    ledger.do(uphold("c2", fault="platform"))
    assert ledger.state("shop-s1").restricted
    # It makes its own claim good; the other one goes on waiting for the fund.
    ledger.do(deposit(129_100))
    assert not ledger.state("shop-s1").restricted
    assert [due.claim for due in ledger.state("fund-pet").dues] == ["c2"]


def test_recourse_is_given_up():
    give_up = WriteOffRecourse(id="s1", claim="c1", reason="insolvent", at=LATER)
    ledger = told(NINE, fund(1_000_000), UPHELD, give_up)
    assert moved(ledger, "recourse_receivable:s1", "fund_recourse_claim:s1") == (0, 0)
    assert not ledger.state("shop-s1").restricted
    assert ledger.do(give_up) == []
    assert refused(ledger, but(give_up, id="s9")) is UnknownShop


def test_freight_is_paid_from_its_pool_and_the_deposit():
    freight = file(benefit="return-freight", cost=1_500, waybill="w9")
    ledger = told(SHOP, BOUGHT, deposit(500), freight, uphold())
    assert got(ledger) == (0, 1_200)
    assert claim(ledger).status == "short"
    # The fund is no payer here: it waits for the shop.
    ledger.do(fund(10_000))
    assert ledger.balance("pet_fund") == 10_000
    ledger.do(deposit(10_000))
    assert moved(ledger, "shop_deposit:s1", "buyer_payable:b1") == (9_300, 1_200)

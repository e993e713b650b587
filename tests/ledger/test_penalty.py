"""Penalties: what they demand, what was paid, and what comes back in every state of the money."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, permutations

import pytest

from ledger.decisions.appeal import (
    AppealPenalty,
    DenyAppeal,
    ForwardAppeal,
    OverturnPenalty,
    RecordAppeal,
    VaryPenalty,
)
from ledger.decisions.brushing import RecordBrushing, RemoveAccounts, VoidOrders
from ledger.decisions.claim import FileClaim
from ledger.decisions.fine import (
    CollectFine,
    FinalizePenalty,
    PayFine,
    PublishShare,
    ReleaseFine,
    ReturnFine,
    ReturnOverpayment,
)
from ledger.decisions.fund import Contribute
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.decisions.penalty import (
    AddFee,
    CompleteTraining,
    Demand,
    DropPenalty,
    ImposePenalty,
    IncreasePenalty,
    LinkCase,
    ProposePenalty,
    PublishPenalty,
    ReferLead,
    SendPenalty,
    SendToCollection,
    ServePenalty,
)
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import (
    AlreadyExists,
    InsufficientFunds,
    InvalidAmount,
    Malformed,
    UnknownOrder,
    UnknownPenalty,
    WrongState,
)
from ledger.events.host import HostBanned, HostReinstated, HostSuspended
from ledger.events.order import OrderVoided
from ledger.events.parking import FactParked
from ledger.events.penalty import (
    AccountRemoved,
    AppealAdvanced,
    AppealDenied,
    BrushingIntercepted,
    CaseLinked,
    FeeAdded,
    FineCollected,
    FineDueRecorded,
    FineOverpaymentReturned,
    FinePaid,
    FineReleased,
    FineReturned,
    FineSharePublished,
    GivenBack,
    LeadReferred,
    Measure,
    PenaltyAppealed,
    PenaltyDropped,
    PenaltyFinal,
    PenaltyImposed,
    PenaltyIncreased,
    PenaltyOverturned,
    PenaltyProposed,
    PenaltyPublished,
    PenaltySent,
    PenaltyServed,
    PenaltyVaried,
    SentToCollection,
    TrainingCompleted,
)
from ledger.events.shop import DepositPaid, ShopBanned, ShopReinstated, ShopSuspended
from tests.ledger.assured import terms
from tests.ledger.stories import PLACE, START, Ledger, Reported, Step, but, has, stories, tell

PROPOSE = ProposePenalty(id="n1", party="shop", party_id="s1", fine=100_000, reason="fake goods")
IMPOSE = ImposePenalty(id="n1", party="shop", party_id="s1", fine=100_000, reason="fake goods")
COLLECT = CollectFine(id="n1")
PAY = PayFine(id="n1", amount=100_000)
FINALIZE = FinalizePenalty(id="n1")
RELEASE = ReleaseFine(id="n1")
APPEAL = AppealPenalty(id="n1")
OVERTURN = OverturnPenalty(id="n1", reason="not fake")

OPEN: tuple[Step, ...] = (OpenShop(id="s1"),)
FUNDED: tuple[Step, ...] = (*OPEN, PayDeposit(id="s1", amount=150_000))
IMPOSED: tuple[Step, ...] = (*FUNDED, IMPOSE)
COLLECTED: tuple[Step, ...] = (*IMPOSED, COLLECT)
PAID: tuple[Step, ...] = (*IMPOSED, PAY)
APPEALED: tuple[Step, ...] = (*IMPOSED, APPEAL)


def due(sum_: int, *, called: bool = False) -> FineDueRecorded:
    """What the deposit of the shop owes of the fine."""
    return FineDueRecorded("n1", "CNY", sum_, called)


GANG = ImposePenalty(id="g1", party="gang", party_id="ring", reason="brushing")
ACCOUNT = ("a1", "a2", "a3")


@stories({
    "proposed":                 (OPEN, PROPOSE,
                                 [PenaltyProposed("shop", "s1", "s1", "CNY", 100_000, 0, (), "fake goods")]),
    "proposed again":           ((PROPOSE,), PROPOSE, []),
    "proposed otherwise":       ((PROPOSE,), but(PROPOSE, fine=1), AlreadyExists),
    "of another shop":          ((), but(PROPOSE, shop="s2"), Malformed),
    "a host, for whom a shop answers":
                                ((), but(PROPOSE, party="host", party_id="h1", shop="s1"),
                                 [has(PenaltyProposed, party="host", party_id="h1", shop="s1")]),
    "dropped":                  ((PROPOSE,), DropPenalty(id="n1", reason="no proof"), [PenaltyDropped("no proof")]),
    "dropped twice":            ((PROPOSE, DropPenalty(id="n1", reason="no proof")), DropPenalty(id="n1", reason="x"), []),
    "drop an imposed one":      (IMPOSED, DropPenalty(id="n1", reason="x"), WrongState),
    "drop an unknown one":      ((), DropPenalty(id="n1", reason="x"), UnknownPenalty),
    "imposed as proposed":      ((PROPOSE,), ImposePenalty(id="n1"),
                                 [PenaltyImposed("shop", "s1", "s1", "CNY", 100_000, 0, (), "fake goods", "", True),
                                  due(100_000)]),
    "imposed with less":        ((PROPOSE,), ImposePenalty(id="n1", fine=50_000, points=2),
                                 [has(PenaltyImposed, fine=50_000, points=2), due(50_000)]),
    "imposed at once":          (OPEN, IMPOSE, [has(PenaltyImposed, fine=100_000, from_deposit=True), due(100_000)]),
    "imposed again":            (IMPOSED, IMPOSE, []),
    "imposed otherwise":        (IMPOSED, but(IMPOSE, fine=1), AlreadyExists),
    "imposed after the drop":   ((PROPOSE, DropPenalty(id="n1", reason="x")), ImposePenalty(id="n1"), WrongState),
    "imposed on nobody":        ((), ImposePenalty(id="n1", fine=5, reason="x"), Malformed),
    "imposed for nothing":      ((), but(IMPOSE, reason=""), Malformed),
    "imposed without a fine":   (OPEN, but(IMPOSE, fine=0, points=3), [has(PenaltyImposed, points=3)]),
    "imposed on an account":    ((), but(IMPOSE, party="account", party_id="a1"),
                                 [has(PenaltyImposed, shop="", from_deposit=False)]),
    "reported of a shop that nobody opened":
                                ((), Reported(IMPOSE), [has(PenaltyImposed, shop="s1", from_deposit=False)]),
    "suspended":                (OPEN, but(IMPOSE, measures=(Demand(name="suspension", days=7),)),
                                 [has(PenaltyImposed, measures=(Measure("suspension", 7),)),
                                  has(ShopSuspended, cause="n1"), due(100_000)]),
    "banned":                   (OPEN, but(IMPOSE, fine=0, measures=(Demand(name="ban"),)),
                                 [has(PenaltyImposed), ShopBanned("n1", "fake goods")]),
    "published":                (IMPOSED, PublishPenalty(id="n1"), [PenaltyPublished()]),
    "published twice":          ((*IMPOSED, PublishPenalty(id="n1")), PublishPenalty(id="n1"), []),
    "publish a proposal":       ((PROPOSE,), PublishPenalty(id="n1"), WrongState),
    "publish an unknown one":   ((), PublishPenalty(id="n1"), UnknownPenalty),
    "sent with a fee":          (IMPOSED, SendPenalty(id="n1", fee=1_100),
                                 [PenaltySent(), FeeAdded("CNY", 1_100, "sending"), due(101_100)]),
    "sent":                     (IMPOSED, SendPenalty(id="n1"), [PenaltySent()]),
    "sent twice":               ((*IMPOSED, SendPenalty(id="n1")), SendPenalty(id="n1", fee=5), []),
    "served":                   (IMPOSED, ServePenalty(id="n1"), [PenaltyServed()]),
    "served twice":             ((*IMPOSED, ServePenalty(id="n1")), ServePenalty(id="n1"), []),
    "a fee":                    (IMPOSED, AddFee(id="n1", amount=500, reason="search"),
                                 [FeeAdded("CNY", 500, "search"), due(100_500)]),
    "no fee":                   (IMPOSED, AddFee(id="n1", amount=0), InvalidAmount),
    "increased":                (IMPOSED, IncreasePenalty(id="n1", total=150_000),
                                 [PenaltyIncreased("CNY", 150_000), due(150_000)]),
    "increased to the same":    (IMPOSED, IncreasePenalty(id="n1", total=100_000), []),
    "increased to less":        (IMPOSED, IncreasePenalty(id="n1", total=99_999), InvalidAmount),
    "increased though paid":    (PAID, IncreasePenalty(id="n1", total=150_000), WrongState),
    "sent to collection":       (IMPOSED, SendToCollection(id="n1"), [SentToCollection()]),
    "collection of nothing":    (PAID, SendToCollection(id="n1"), WrongState),
    "trained":                  ((but(IMPOSE, measures=(Demand(name="training"),)),), CompleteTraining(id="n1"),
                                 [TrainingCompleted()]),
    "trained for nothing":      (IMPOSED, CompleteTraining(id="n1"), WrongState),
    "a lead":                   ((PROPOSE,), ReferLead(id="n1", authority="police", reference="7"),
                                 [LeadReferred("police", "7")]),
    "the same lead":            ((PROPOSE, ReferLead(id="n1", authority="police", reference="7")),
                                 ReferLead(id="n1", authority="police", reference="7"), []),
    "a lead to nothing":        ((), ReferLead(id="n1", authority="police"), UnknownPenalty),
    "a case":                   (IMPOSED, LinkCase(id="n1", authority="court", case="c7"), [CaseLinked("court", "c7")]),
    "the same case":            ((*IMPOSED, LinkCase(id="n1", authority="court", case="c7")),
                                 LinkCase(id="n1", authority="court", case="c7"), []),
})  # fmt: skip
def test_imposing(given, when, then):
    tell(given, when, then)


@stories({
    "from the deposit":         (IMPOSED, COLLECT, [FineCollected("s1", "CNY", 100_000), due(0, called=True)]),
    "as far as it goes":        ((*OPEN, PayDeposit(id="s1", amount=300), IMPOSE), COLLECT,
                                 [FineCollected("s1", "CNY", 300), due(99_700, called=True)]),
    "from nothing":             ((*OPEN, IMPOSE), COLLECT, [due(100_000, called=True)]),
    "from nothing twice":       ((*OPEN, IMPOSE, COLLECT), COLLECT, []),
    "from the next deposit":    ((*OPEN, IMPOSE, COLLECT), PayDeposit(id="s1", amount=300),
                                 [has(DepositPaid),
                                  FineCollected("s1", "CNY", 300), due(99_700, called=True)]),
    "not before it was asked for":
                                ((*OPEN, IMPOSE), PayDeposit(id="s1", amount=300), [has(DepositPaid)]),
    "from nobody's deposit":    ((but(IMPOSE, party="account"),), COLLECT, WrongState),
    "by bank":                  (IMPOSED, PAY, [FinePaid("CNY", 100_000), due(0)]),
    "in part":                  (IMPOSED, but(PAY, amount=40_000), [FinePaid("CNY", 40_000), due(60_000)]),
    "too much":                 (IMPOSED, but(PAY, amount=100_001), [FinePaid("CNY", 100_001, ("overpaid",)), due(0)]),
    "nothing":                  (IMPOSED, but(PAY, amount=0), InvalidAmount),
    "for a proposal":           ((PROPOSE,), PAY, WrongState),
    "final":                    (IMPOSED, FINALIZE, [PenaltyFinal()]),
    "final twice":              ((*IMPOSED, FINALIZE), FINALIZE, []),
    "final while appealed":     (APPEALED, FINALIZE, WrongState),
    "released":                 ((*COLLECTED, FINALIZE), RELEASE, [FineReleased("CNY", 100_000, 0)]),
    "released too early":       (COLLECTED, RELEASE, WrongState),
    "released twice":           ((*COLLECTED, FINALIZE, RELEASE), RELEASE, []),
    "released in parts":        ((*IMPOSED, but(PAY, amount=40_000), FINALIZE, RELEASE, but(PAY, amount=70_000)), RELEASE,
                                 [FineReleased("CNY", 60_000, 0)]),
    "released by the share":    ((PublishShare(rate_bp=9_000), *PAID, FINALIZE), RELEASE,
                                 [FineReleased("CNY", 90_000, 10_000)]),
    "by the share of its time": ((*PAID, PublishShare(rate_bp=9_000), FINALIZE), RELEASE,
                                 [FineReleased("CNY", 100_000, 0)]),
    "a share":                  ((), PublishShare(rate_bp=9_000, effective_from=START + timedelta(days=9), reason="rent"),
                                 [has(FineSharePublished, rate_bp=9_000, reason="rent")]),
    "the same share":           ((), PublishShare(rate_bp=10_000), []),
    "a share of the past":      ((), PublishShare(rate_bp=9_000, effective_from=START), WrongState),
    "the overpayment back":     ((*IMPOSED, but(PAY, amount=100_500)), ReturnOverpayment(id="n1"),
                                 [FineOverpaymentReturned("CNY", 500, 100_500)]),
    "a part of it":             ((*IMPOSED, but(PAY, amount=100_500)), ReturnOverpayment(id="n1", amount=200),
                                 [FineOverpaymentReturned("CNY", 200, 100_500)]),
    "more than that":           ((*IMPOSED, but(PAY, amount=100_500)), ReturnOverpayment(id="n1", amount=501),
                                 InsufficientFunds),
    "no overpayment":           (PAID, ReturnOverpayment(id="n1"), []),
})  # fmt: skip
def test_the_money(given, when, then):
    tell(given, when, then)


def overturned(back: GivenBack, received: int) -> PenaltyOverturned:
    return PenaltyOverturned("first", "s1", "CNY", "not fake", back, received)


def varied(total: int, back: GivenBack, received: int) -> PenaltyVaried:
    return PenaltyVaried("first", "s1", "CNY", total, "", back, received)


VARY = VaryPenalty(id="n1", total=40_000)
STRUCK = (*APPEALED, AppealPenalty(id="n1", instance="prefecture"), OVERTURN)
REPORTED_UPHELD = RecordAppeal(id="n1", instance="prefecture", step="forwarded", ruling="upheld", sequence=5)
REPORTED_DENIED = RecordAppeal(id="n1", instance="judge", step="filed", ruling="denied", sequence=6)


@stories({
    "appealed":                 (IMPOSED, APPEAL, [PenaltyAppealed("first")]),
    "appealed twice":           (APPEALED, APPEAL, []),
    "appealed though released": ((*PAID, FINALIZE, RELEASE), APPEAL, [PenaltyAppealed("first")]),
    "appeal an unknown one":    ((), APPEAL, UnknownPenalty),
    "appeal again":             ((*APPEALED, DenyAppeal(id="n1")), APPEAL, WrongState),
    "to the second at once":    (IMPOSED, AppealPenalty(id="n1", instance="second"), WrongState),
    "to the second":            ((*APPEALED, DenyAppeal(id="n1")), AppealPenalty(id="n1", instance="second"),
                                 [PenaltyAppealed("second")]),
    "to a judge":               (IMPOSED, AppealPenalty(id="n1", instance="judge"), [PenaltyAppealed("judge")]),
    "against nothing":          ((*APPEALED, OVERTURN), AppealPenalty(id="n1", instance="judge"), WrongState),
    "forwarded":                (APPEALED, ForwardAppeal(id="n1"), [AppealAdvanced("first", "forwarded")]),
    "denied":                   (APPEALED, DenyAppeal(id="n1", reason="fake"), [AppealDenied("first", "fake")]),
    "denied without an appeal": (IMPOSED, DenyAppeal(id="n1"), WrongState),
    "of another instance":      (APPEALED, DenyAppeal(id="n1", instance="judge"), WrongState),
    "won before any payment":   (APPEALED, OVERTURN, [overturned(GivenBack(), 0), due(0)]),
    "won, deposit held":        ((*COLLECTED, APPEAL), OVERTURN, [overturned(GivenBack(100_000), 100_000)]),
    "won, paid by bank":        ((*PAID, APPEAL), OVERTURN, [overturned(GivenBack(), 100_000)]),
    "won, deposit released":    ((*COLLECTED, FINALIZE, RELEASE, APPEAL), OVERTURN,
                                 [overturned(GivenBack(0, 100_000, 0, 0, 100_000, 0), 100_000)]),
    "won, bank released":       ((*PAID, FINALIZE, RELEASE, APPEAL), OVERTURN,
                                 [overturned(GivenBack(0, 100_000, 0, 0, 0, 100_000), 100_000)]),
    "won, with the platform's share":
                                ((PublishShare(rate_bp=9_000), *COLLECTED, FINALIZE, RELEASE, APPEAL), OVERTURN,
                                 [overturned(GivenBack(0, 90_000, 10_000, 0, 100_000, 0), 100_000)]),
    "won twice":                ((*APPEALED, OVERTURN), OVERTURN, WrongState),
    "won, and won elsewhere":   (STRUCK, OVERTURN, WrongState),
    "denied though struck":     (STRUCK, DenyAppeal(id="n1"), WrongState),
    "lowered though struck":    (STRUCK, VARY, WrongState),
    "reported as denied though struck":
                                (STRUCK, Reported(DenyAppeal(id="n1", reason="fake")),
                                 [AppealDenied("first", "fake"), due(100_000)]),
    "won, banned":              ((*OPEN, but(IMPOSE, fine=0, measures=(Demand(name="ban"),)), APPEAL), OVERTURN,
                                 [overturned(GivenBack(), 0), ShopReinstated("n1", "not fake")]),
    "lowered, not paid":        (APPEALED, VARY, [varied(40_000, GivenBack(), 0), due(40_000)]),
    "lowered, deposit held":    ((*COLLECTED, APPEAL), VARY, [varied(40_000, GivenBack(60_000), 100_000)]),
    "lowered, paid by bank":    ((*PAID, APPEAL), VARY, [varied(40_000, GivenBack(), 100_000)]),
    "lowered, released":        ((*COLLECTED, FINALIZE, RELEASE, APPEAL), VARY,
                                 [varied(40_000, GivenBack(0, 60_000, 0, 0, 60_000, 0), 100_000)]),
    "lowered below the payment":
                                ((*IMPOSED, but(PAY, amount=30_000), APPEAL), VARY,
                                 [varied(40_000, GivenBack(), 30_000), due(10_000)]),
    "lowered to more":          (APPEALED, but(VARY, total=100_000), InvalidAmount),
    "nothing owed back":        (PAID, ReturnFine(id="n1"), []),
    "returned":                 ((*PAID, APPEAL, OVERTURN), ReturnFine(id="n1"), [FineReturned("CNY", 100_000, 100_000)]),
    "returned in part":         ((*PAID, APPEAL, VARY), ReturnFine(id="n1", amount=50_000),
                                 [FineReturned("CNY", 50_000, 100_000)]),
    "returned too much":        ((*PAID, APPEAL, VARY), ReturnFine(id="n1", amount=60_001), InsufficientFunds),
    "returned twice":           ((*PAID, APPEAL, OVERTURN, ReturnFine(id="n1")), ReturnFine(id="n1"), []),
    "published though won":     ((*APPEALED, OVERTURN), PublishPenalty(id="n1"), WrongState),
    "reported as upheld":       (IMPOSED, REPORTED_UPHELD,
                                 [AppealAdvanced("prefecture", "forwarded"),
                                  PenaltyOverturned("prefecture", "s1", "CNY", "", GivenBack(), 0, 5), due(0)]),
    "reported as denied later": ((*IMPOSED, REPORTED_UPHELD), REPORTED_DENIED,
                                 [PenaltyAppealed("judge"), AppealDenied("judge", "", 6), due(100_000)]),
    "reported before that":     ((*IMPOSED, REPORTED_DENIED), REPORTED_UPHELD,
                                 [has(AppealAdvanced), has(PenaltyOverturned, back=GivenBack(), marks=("superseded",))]),
    "reported too late for a person":
                                (((*APPEALED, OVERTURN), Reported(AppealPenalty(id="n1", instance="judge")),
                                 [PenaltyAppealed("judge", "", ("out_of_order",))])),
    "reported before the penalty":
                                ((), REPORTED_UPHELD, [has(FactParked, waits_for="imposed")]),
})  # fmt: skip
def test_appeals(given, when, then):
    tell(given, when, then)


def test_case_7_a_released_fine_comes_back_from_the_fund_and_the_backstop():
    ledger = Ledger((*COLLECTED, FINALIZE, RELEASE, APPEAL))
    spend(ledger, 70_000)
    ledger.do(OVERTURN)
    assert ledger.balance("platform_backstop") == 70_000
    assert ledger.balance("pet_fund") == 0
    assert ledger.balance("shop_deposit:s1") == 150_000


def spend(ledger: Ledger, sum_: int) -> None:
    """What the fund paid out meanwhile, however it did."""
    key = ("pet_fund", "CNY")
    account = ledger.known.accounts[key]
    ledger.known.accounts[key] = type(account)(account.number, account.balance - sum_)


def test_case_8_a_lowered_fine_goes_back_to_whoever_paid_it():
    by_deposit = Ledger((*COLLECTED, APPEAL, VARY))
    assert by_deposit.balance("shop_deposit:s1") == 110_000
    assert by_deposit.balance("penalty_held:n1") == 40_000
    by_bank = Ledger((*PAID, APPEAL, VARY))
    assert by_bank.state("penalty-n1").owed_back == 60_000
    by_bank.do(ReturnFine(id="n1"))
    assert by_bank.balance("penalty_held:n1") == 40_000
    assert by_bank.balance("bank") == 150_000 + 40_000
    assert by_bank.state("penalty-n1").owed_back == 0


CLAIM = 60_000
COVERED: tuple[Step, ...] = (
    terms("counterfeit-2021-06", refund_included=False, refund=True),
    OpenShop(id="s1"),
    OpenBenefit(id="s1", benefit="counterfeit"),
    but(PLACE, lines=(OrderLine(sku="cup", amount=CLAIM // 10),)),
    PayOrder(id="p:1", cash=CLAIM // 10),
)
CLAIMED: tuple[Step, ...] = (FileClaim(id="c1", order="p:1", benefit="counterfeit"), UpholdClaim(id="c1"))
FINED: tuple[Step, ...] = (but(IMPOSE, fine=80_000), COLLECT)
IN: tuple[Step, ...] = (PayDeposit(id="s1", amount=100_000),)


@pytest.mark.parametrize("order", [(IN, CLAIMED, FINED), (CLAIMED, FINED, IN), (FINED, CLAIMED, IN)])
def test_case_12_a_fine_takes_what_upheld_claims_leave(order: Sequence[tuple[Step, ...]]):
    ledger = Ledger((*COVERED, *chain.from_iterable(order)))
    assert ledger.state("claim-c1").parts.deposit == CLAIM
    assert ledger.balance("penalty_held:n1") == 40_000
    assert ledger.balance("shop_deposit:s1") == 0
    assert ledger.state("penalty-n1").outstanding == 40_000
    assert [(each.penalty, each.due) for each in ledger.state("shop-s1").fines] == [("n1", 40_000)]


def test_a_fine_leaves_the_deposit_to_what_the_fund_holds_against_the_shop():
    steps = (*COVERED, Contribute(amount=1_000_000), *CLAIMED, *FINED)
    ledger = Ledger((*steps, PayDeposit(id="s1", amount=70_000)))
    assert ledger.balance("recourse_receivable:s1") == 0
    assert ledger.balance("penalty_held:n1") == 10_000


def test_what_comes_back_to_the_deposit_pays_what_is_due():
    ledger = Ledger((*COVERED, *IN, *FINED, *CLAIMED, APPEAL))
    assert ledger.state("claim-c1").parts.deposit == 20_000
    ledger.do(OVERTURN)
    assert ledger.state("claim-c1").parts.deposit == CLAIM
    assert ledger.balance("shop_deposit:s1") == 40_000


def test_what_is_released_pays_at_once_what_the_fund_owes():
    ledger = Ledger(
        (
            *COVERED,
            *CLAIMED,
            but(IMPOSE, fine=80_000, party="account", party_id="a1"),
            but(PAY, amount=80_000),
        )
    )
    ledger.do(FINALIZE)
    facts = [recorded.fact for recorded in ledger.do(RELEASE)]
    assert facts[0] == FineReleased("CNY", 80_000, 0)
    assert ledger.state("claim-c1").parts.fund == CLAIM
    assert ledger.balance("pet_fund") == 20_000


def test_both_paid_and_part_of_it_was_released():
    ledger = Ledger((*IMPOSED, but(PAY, amount=30_000), FINALIZE, RELEASE, COLLECT, APPEAL, VARY))
    state = ledger.state("penalty-n1")
    assert (state.collected, state.restored, state.released) == (70_000, 60_000, 30_000)
    assert ledger.balance("penalty_held:n1") == state.held == 10_000
    ledger = Ledger((*IMPOSED, but(PAY, amount=30_000), COLLECT, FINALIZE, RELEASE, APPEAL, OVERTURN))
    state = ledger.state("penalty-n1")
    assert ledger.balance("penalty_held:n1") == state.held == state.owed_back == 30_000
    assert ledger.balance("shop_deposit:s1") == 150_000
    assert ledger.balance("pet_fund") == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_penalty_that_stands_again_is_due_again(late):
    given = (*IMPOSED, *(() if late else (PAY,)), REPORTED_UPHELD, *((PAY,) if late else ()))
    ledger = Ledger(given)
    assert ledger.state("penalty-n1").owed_back == 100_000
    ledger.do(REPORTED_DENIED)
    state = ledger.state("penalty-n1")
    assert (state.owed_back, state.outstanding, state.status) == (
        0,
        0,
        "appealed" if state.pending else "collected",
    )


REPORTS: tuple[Step, ...] = (
    Reported(but(IMPOSE, measures=(), shop="s1")),
    Reported(SendPenalty(id="n1", fee=1_100)),
    Reported(IncreasePenalty(id="n1", total=150_000, sequence=3)),
    REPORTED_UPHELD,
    REPORTED_DENIED,
    Reported(but(PAY, amount=151_100)),
)


def test_every_order_of_reports_ends_in_the_same_state():
    ends = []
    for order in permutations(REPORTS):
        ledger = Ledger(order)
        state = ledger.state("penalty-n1")
        assert not state.parked
        ends.append(
            (but(state, imposed_at=0, appeals=(), decided=tuple(sorted(state.decided))), ledger.balances())
        )
    assert all(end == ends[0] for end in ends)
    assert ends[0][0].outstanding == 0
    assert ends[0][0].ruling == "denied"


def test_gangs_share_accounts_that_count_once():
    other = but(GANG, id="g2", party_id="other")
    ledger = Ledger((GANG, other))
    first = ledger.do(RemoveAccounts(id="g1", accounts=ACCOUNT))
    assert [r.fact for r in first] == [AccountRemoved(account) for account in ACCOUNT]
    again = ledger.do(RemoveAccounts(id="g2", accounts=("a3", "a4", "a4")))
    assert [r.fact for r in again] == [AccountRemoved("a3", True), AccountRemoved("a4")]
    assert ledger.do(RemoveAccounts(id="g2", accounts=("a3",))) == []
    assert ledger.state("penalty-g1").accounts + ledger.state("penalty-g2").accounts == 4


def test_the_gangs_of_the_articles():
    """24 gangs with 2 100 accounts, of which every neighbouring pair of gangs shares one."""
    ledger = Ledger(but(GANG, id=f"g{gang}", party_id=f"ring{gang}") for gang in range(24))
    accounts = [f"a{number}" for number in range(2_100)]
    each, shared = len(accounts) // 24, 0
    for gang in range(24):
        mine = accounts[gang * each : (gang + 1) * each] if gang < 23 else accounts[gang * each :]
        if gang:
            mine, shared = [accounts[gang * each - 1], *mine], shared + 1
        ledger.do(RemoveAccounts(id=f"g{gang}", accounts=tuple(mine)))
    assert shared == 23
    assert sum(ledger.state(f"penalty-g{gang}").accounts for gang in range(24)) == 2_100


BRUSHED = VoidOrders(id="g1", order_ids=("p:1",))


@stories({
    "accounts of a shop":       (IMPOSED, RemoveAccounts(id="n1", accounts=("a1",)), WrongState),
    "brushed orders":           ((PLACE, GANG), BRUSHED, [has(OrderVoided, reason="brushing (penalty g1)")]),
    "brushed orders twice":     ((PLACE, GANG, BRUSHED), BRUSHED, []),
    "unknown orders":           ((GANG,), BRUSHED, UnknownOrder),
    "intercepted":              ((), RecordBrushing(id="2021-06-10", count=1_200), [BrushingIntercepted(1_200)]),
    "the same count":           ((RecordBrushing(id="2021-06-10", count=7),), RecordBrushing(id="2021-06-10", count=7), []),
    "another count":            ((RecordBrushing(id="2021-06-10", count=7),), RecordBrushing(id="2021-06-10", count=9),
                                 [BrushingIntercepted(9)]),
    "no day":                   ((), RecordBrushing(id="2021-02-30", count=7), Malformed),
})  # fmt: skip
def test_brushing(given, when, then):
    tell(given, when, then)


def test_a_suspension_lasts_as_long_as_it_says():
    at = datetime(2021, 6, 1, tzinfo=UTC)
    ledger = Ledger((*OPEN, but(IMPOSE, at=at, measures=(Demand(name="suspension", days=7),))))
    (restraint,) = ledger.state("shop-s1").restraints
    assert restraint.until - restraint.since == 7 * 86_400_000_000


def test_a_penalty_on_a_voided_order_leaves_others_alone():
    other = PlaceOrder(id="p:2", shop="s1", buyer="b2", currency="CNY", lines=PLACE.lines)
    ledger = Ledger((PLACE, other, GANG, BRUSHED))
    assert ledger.state("order-p:1").voided
    assert not ledger.state("order-p:2").voided


def test_the_status_tells_how_far_it_has_come():
    ledger = Ledger(OPEN)
    steps = [
        (PROPOSE, "proposed"),
        (ImposePenalty(id="n1"), "imposed"),
        (PublishPenalty(id="n1"), "published"),
        (PAY, "collected"),
        (APPEAL, "appealed"),
        (DenyAppeal(id="n1"), "collected"),
        (FINALIZE, "final"),
        (RELEASE, "released"),
        (AppealPenalty(id="n1", instance="second"), "appealed"),
        (OVERTURN, "overturned"),
        (Contribute(amount=1), "overturned"),
    ]
    for step, status in steps:
        ledger.do(step)
        assert ledger.state("penalty-n1").status == status


HOST = but(
    IMPOSE, party="host", party_id="h1", shop="s1", measures=(Demand(name="suspension"), Demand(name="ban"))
)


@stories({
    "a host":                   ((), HOST, [has(PenaltyImposed, party="host"), HostSuspended("n1", "fake goods"),
                                            HostBanned("n1", "fake goods"), due(100_000)]),
    "a host again":             ((HOST, APPEAL), OVERTURN,
                                 [has(PenaltyOverturned), HostReinstated("n1", "not fake"), due(0)]),
    "an account":               ((), but(HOST, party="account", shop=""), [has(PenaltyImposed)]),
    "what is reported anew":    ((*OPEN, but(HOST, party="shop", party_id="s1"), REPORTED_UPHELD), REPORTED_DENIED,
                                 [has(PenaltyAppealed), has(AppealDenied), has(ShopSuspended), has(ShopBanned),
                                  due(100_000)]),
})  # fmt: skip
def test_measures(given, when, then):
    tell(given, when, then)


def test_reports_go_their_own_way():
    """What a person may not do may have happened elsewhere; it is recorded, and waits where it must."""
    waiting = [
        PublishPenalty(id="n1"), ServePenalty(id="n1"), AddFee(id="n1", amount=5), SendToCollection(id="n1"),
        CollectFine(id="n1"), FinalizePenalty(id="n1"), ReleaseFine(id="n1"), ReturnFine(id="n1"),
        ReturnOverpayment(id="n1"), CompleteTraining(id="n1"), RemoveAccounts(id="n1", accounts=("a1",)),
        AppealPenalty(id="n1"), ForwardAppeal(id="n1"), DenyAppeal(id="n1"), VaryPenalty(id="n1", total=1),
        OverturnPenalty(id="n1"), VoidOrders(id="n1", order_ids=("p:1",)),
    ]  # fmt: skip
    for command in waiting:
        ledger = Ledger()
        (parked,) = ledger.do(Reported(command))
        assert isinstance(parked.fact, FactParked)
        assert parked.fact.waits_for == "imposed"
        assert ledger.do(Reported(command)) == []
    ledger = Ledger((*OPEN, Reported(but(PAY, amount=500)), Reported(IMPOSE)))
    assert ledger.state("penalty-n1").outstanding == 99_500
    assert [(due_.penalty, due_.due) for due_ in ledger.state("shop-s1").fines] == [("n1", 99_500)]

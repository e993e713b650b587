"""Penalties: their facts in full, and what is known of them afterwards."""

from datetime import timedelta

import pytest

from ledger.decisions.appeal import AppealPenalty, DenyAppeal, ForwardAppeal, OverturnPenalty, RecordAppeal
from ledger.decisions.brushing import Brushing, RecordBrushing, RemoveAccounts
from ledger.decisions.fine import PublishShare, ReturnFine, Share
from ledger.decisions.penalty import (
    AddFee,
    Demand,
    ImposePenalty,
    IncreasePenalty,
    LinkCase,
    Penalty,
    PublishPenalty,
    ReferLead,
    SendPenalty,
)
from ledger.decisions.shop import PayDeposit
from ledger.errors import AlreadyExists, InvalidAmount, WrongState
from ledger.events.penalty import (
    AccountRemoved,
    AppealAdvanced,
    AppealDenied,
    BrushingIntercepted,
    FeeAdded,
    FineCollected,
    FineDueRecorded,
    FineReleased,
    FineReturned,
    FineSharePublished,
    GivenBack,
    Measure,
    PenaltyAppealed,
    PenaltyImposed,
    PenaltyIncreased,
    PenaltyOverturned,
    PenaltyProposed,
    PenaltyVaried,
)
from ledger.events.shop import ShopReinstated, ShopSuspended
from ledger.money import MAX_AMOUNT
from tests.ledger.stories import PLACE, START, Ledger, Reported, but, stories, tell
from tests.ledger.test_penalty import (
    APPEAL,
    APPEALED,
    BRUSHED,
    CLAIMED,
    COLLECT,
    COLLECTED,
    COVERED,
    FINALIZE,
    GANG,
    HOST,
    IMPOSE,
    IMPOSED,
    OPEN,
    OVERTURN,
    PAID,
    PAY,
    PROPOSE,
    RELEASE,
    REPORTED_DENIED,
    REPORTED_UPHELD,
    VARY,
)

LATER = START + timedelta(days=30)
TOO_MUCH = MAX_AMOUNT + 1
SUSPEND = (Demand(name="suspension"),)
RAISE = IncreasePenalty(id="n1", total=150_000, sequence=4)
LOWER = IncreasePenalty(id="n1", total=90_000, sequence=3)
DENY = DenyAppeal(id="n1", reason="fake")
SECOND = AppealPenalty(id="n1", instance="second", reason="not fake")
JUDGE = AppealPenalty(id="n1", instance="judge")
OTHER = but(IMPOSE, id="n2", fine=5_000)
GANG_ = but(GANG, shop="s1", measures=SUSPEND)
ACCOUNT_FINE = but(IMPOSE, party="account", party_id="a1")
CLAIMS = (*COVERED, PayDeposit(id="s1", amount=20_000), *CLAIMED)


@stories({
    "proposed in another currency": (
        OPEN,
        but(PROPOSE, currency="USD", cause="claim-c1", points=3, measures=SUSPEND), [
            PenaltyProposed("shop", "s1", "s1", "USD", 100_000, 3, (Measure("suspension"),), "fake goods",
                "claim-c1"),
        ]),
    "imposed as proposed in another currency": (
        (but(PROPOSE, currency="USD", cause="claim-c1"),),
        ImposePenalty(id="n1"), [
            PenaltyImposed("shop", "s1", "s1", "USD", 100_000, 0, (), "fake goods", "claim-c1", True),
            FineDueRecorded("n1", "USD", 100_000, False),
        ]),
    "imposed otherwise than proposed": (
        (*OPEN, but(PROPOSE, currency="USD", cause="claim-c1", points=1)),
        but(IMPOSE, currency="GBP", cause="claim-c2", points=2, measures=SUSPEND), [
            PenaltyImposed("shop", "s1", "s1", "GBP", 100_000, 2, (Measure("suspension"),), "fake goods",
                "claim-c2", True),
            ShopSuspended("n1", "fake goods"),
            FineDueRecorded("n1", "GBP", 100_000, False),
        ]),
    "imposed on the host, for whom the shop answers": (
        (*OPEN, but(PROPOSE, party="host", party_id="h1", shop="s1")),
        ImposePenalty(id="n1"), [
            PenaltyImposed("host", "h1", "s1", "CNY", 100_000, 0, (), "fake goods", from_deposit=True),
            FineDueRecorded("n1", "CNY", 100_000, False),
        ]),
    "imposed on another host, for whom nobody answers": (
        (*OPEN, but(PROPOSE, party="host", party_id="h1", shop="s1")),
        ImposePenalty(id="n1", party_id="h2"), [
            PenaltyImposed("host", "h2", "", "CNY", 100_000, 0, (), "fake goods"),
        ]),
    "imposed on another host, for whom another shop answers": (
        (*OPEN, but(PROPOSE, party="host", party_id="h1", shop="s1")),
        ImposePenalty(id="n1", party_id="h2", shop="s2"), [
            PenaltyImposed("host", "h2", "s2", "CNY", 100_000, 0, (), "fake goods", from_deposit=True),
            FineDueRecorded("n1", "CNY", 100_000, False),
        ]),
    "imposed again with another fine": (IMPOSED, but(IMPOSE, fine=99), AlreadyExists),
    "imposed once more": ((*IMPOSED, RAISE), IMPOSE, []),
    "imposed for more than money goes": (OPEN, but(IMPOSE, fine=TOO_MUCH), InvalidAmount),
    "proposed for more than money goes": (OPEN, but(PROPOSE, fine=TOO_MUCH), InvalidAmount),
    "increased by more than money goes": (IMPOSED, but(RAISE, total=TOO_MUCH), InvalidAmount),
    "sent for more than money goes": (IMPOSED, SendPenalty(id="n1", fee=TOO_MUCH), InvalidAmount),
    "varied to more than money goes": (APPEALED, but(VARY, total=TOO_MUCH), InvalidAmount),
    "a fee of a fen": (IMPOSED, AddFee(id="n1", amount=1), [
        FeeAdded("CNY", 1),
        FineDueRecorded("n1", "CNY", 100_001, False),
    ]),
    "a fee though it is struck": ((*APPEALED, OVERTURN), AddFee(id="n1", amount=1), WrongState),
    "a fee is reported though it is struck": (
        (*APPEALED, OVERTURN),
        Reported(AddFee(id="n1", amount=1, reason="search")), [
            FeeAdded("CNY", 1, "search"),
        ]),
    "published though struck": ((*APPEALED, OVERTURN), PublishPenalty(id="n1"), WrongState),
    "sent though struck": ((*APPEALED, OVERTURN), SendPenalty(id="n1"), WrongState),
    "increased though struck": ((*APPEALED, OVERTURN), RAISE, WrongState),
    "collected though struck": ((*APPEALED, OVERTURN), COLLECT, WrongState),
    "final though struck": ((*APPEALED, OVERTURN), FINALIZE, WrongState),
    "a report of an increase": (IMPOSED, Reported(RAISE), [
        PenaltyIncreased("CNY", 150_000, 4),
        FineDueRecorded("n1", "CNY", 150_000, False),
    ]),
    "a report of what came before it": ((*IMPOSED, Reported(RAISE)), Reported(LOWER), [
        PenaltyIncreased("CNY", 90_000, 3, ("superseded",)),
    ]),
    "a report of the same place": ((*IMPOSED, Reported(RAISE)), Reported(but(RAISE, total=160_000)), [
        PenaltyIncreased("CNY", 160_000, 4),
        FineDueRecorded("n1", "CNY", 160_000, False),
    ]),
    "a report of the same total": ((*IMPOSED, Reported(RAISE)), Reported(but(RAISE, sequence=0)), [
        PenaltyIncreased("CNY", 150_000),
    ]),
    "varied with a fee": (
        (*IMPOSED, AddFee(id="n1", amount=500), but(PAY, amount=100_500), APPEAL),
        but(VARY, reason="less"), [
            PenaltyVaried("first", "s1", "CNY", 40_000, "less", GivenBack(), 100_500),
        ]),
    "varied, then denied": ((*APPEALED, VARY, SECOND), DENY, [AppealDenied("second", "fake")]),
    "varied with a fee, from the deposit": ((*IMPOSED, AddFee(id="n1", amount=500), COLLECT, APPEAL), VARY, [
        PenaltyVaried("first", "s1", "CNY", 40_000, "", GivenBack(60_000), 100_500),
    ]),
    "varied by one where no appeal is open": (APPEALED, but(VARY, instance="judge"), WrongState),
    "struck by one where no appeal is open": (APPEALED, but(OVERTURN, instance="judge"), WrongState),
    "denied": (APPEALED, DENY, [AppealDenied("first", "fake")]),
    "a denial is reported before the last one": (
        (*IMPOSED, REPORTED_DENIED),
        but(REPORTED_DENIED, sequence=5, reason="before"), [
            PenaltyAppealed("judge", "before"),
            AppealDenied("judge", "before", 5, ("superseded",)),
        ]),
    "an appeal is reported, that of another was decided": (
        (*IMPOSED, REPORTED_DENIED),
        but(REPORTED_UPHELD, ruled_by="judge", sequence=7, reason="not fake"), [
            AppealAdvanced("prefecture", "forwarded"),
            PenaltyOverturned("judge", "s1", "CNY", "not fake", GivenBack(), 0, 7),
            FineDueRecorded("n1", "CNY", 0, False),
        ]),
    "forwarded": ((*IMPOSED, JUDGE), ForwardAppeal(id="n1", instance="judge"), [
        AppealAdvanced("judge", "forwarded"),
    ]),
    "forwarded to one where none is open": ((*IMPOSED, JUDGE), ForwardAppeal(id="n1", instance="first"),
        WrongState),
    "a report of that": ((*IMPOSED, JUDGE), Reported(ForwardAppeal(id="n1", instance="first")), [
        AppealAdvanced("first", "forwarded"),
    ]),
    "a report of forwarding where none is open": (IMPOSED, Reported(ForwardAppeal(id="n1")), WrongState),
    "struck by the one that is named": ((*APPEALED, JUDGE), but(OVERTURN, instance="first"), [
        PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(), 0),
        FineDueRecorded("n1", "CNY", 0, False),
    ]),
    "struck by the last": ((*APPEALED, JUDGE), OVERTURN, [
        PenaltyOverturned("judge", "s1", "CNY", "not fake", GivenBack(), 0),
        FineDueRecorded("n1", "CNY", 0, False),
    ]),
    "varied by the one that is named": ((*APPEALED, JUDGE), but(VARY, instance="first"), [
        PenaltyVaried("first", "s1", "CNY", 40_000, "", GivenBack(), 0),
        FineDueRecorded("n1", "CNY", 40_000, False),
    ]),
    "appealed to the second, with a reason": ((*APPEALED, DENY), SECOND, [
        PenaltyAppealed("second", "not fake"),
    ]),
    "reported as filed, with a reason": (
        IMPOSED,
        RecordAppeal(id="n1", instance="first", step="filed", reason="not fake"), [
            PenaltyAppealed("first", "not fake"),
        ]),
    "a report of a superseded ruling moves nothing": (
        (*COLLECTED, FINALIZE, RELEASE, REPORTED_DENIED),
        REPORTED_UPHELD, [
            AppealAdvanced("prefecture", "forwarded"),
            PenaltyOverturned("prefecture", "s1", "CNY", "", GivenBack(), 100_000, 5, ("superseded",)),
        ]),
    "a gang has no standing": (OPEN, GANG_, [
        PenaltyImposed("gang", "ring", "s1", "CNY", 0, 0, (Measure("suspension"),), "brushing",
            from_deposit=True),
    ]),
    "a gang is struck": (
        (*OPEN, GANG_, AppealPenalty(id="g1")),
        OverturnPenalty(id="g1", reason="not fake"), [
            PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(), 0),
        ]),
    "a host without measures is struck": ((but(HOST, measures=()), APPEAL), OVERTURN, [
        PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(), 0),
        FineDueRecorded("n1", "CNY", 0, False),
    ]),
    "struck, another holds on": (
        (*OPEN, but(IMPOSE, measures=SUSPEND), but(OTHER, measures=SUSPEND), APPEAL),
        OVERTURN, [
            PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(), 0),
            ShopReinstated("n1", "not fake"),
            FineDueRecorded("n1", "CNY", 0, False),
        ]),
    "a suspension ends in a week": (
        OPEN,
        but(IMPOSE, at=LATER, measures=(Demand(name="suspension", days=7),)), [
            PenaltyImposed("shop", "s1", "s1", "CNY", 100_000, 0, (Measure("suspension", 7),), "fake goods",
                from_deposit=True),
            ShopSuspended("n1", "fake goods", 1_625_702_400_000_000),
            FineDueRecorded("n1", "CNY", 100_000, False),
        ]),
    "a suspension ends when it is lifted": (OPEN, but(IMPOSE, measures=SUSPEND), [
        PenaltyImposed("shop", "s1", "s1", "CNY", 100_000, 0, (Measure("suspension"),), "fake goods",
            from_deposit=True),
        ShopSuspended("n1", "fake goods"),
        FineDueRecorded("n1", "CNY", 100_000, False),
    ]),
    "accounts of a gang": ((GANG,), RemoveAccounts(id="g1", accounts=("a1", "a1", "a2")), [
        AccountRemoved("a1"),
        AccountRemoved("a2"),
    ]),
    "an account": ((ACCOUNT_FINE,), RemoveAccounts(id="n1", accounts=("a1",)), [AccountRemoved("a1")]),
    "of another gang too": (
        (GANG, but(GANG, id="g2"), RemoveAccounts(id="g1", accounts=("a1",))),
        RemoveAccounts(id="g2", accounts=("a2", "a1")), [
            AccountRemoved("a2"),
            AccountRemoved("a1", True),
        ]),
    "brushed orders, of a penalty that is struck": ((PLACE, GANG, AppealPenalty(id="g1"),
        OverturnPenalty(id="g1")), BRUSHED, WrongState),
    "intercepted, with a note": ((), RecordBrushing(id="2021-06-10", count=7, detail="by address"), [
        BrushingIntercepted(7, "by address"),
    ]),
    "the same with a note": (
        (RecordBrushing(id="2021-06-10", count=7, detail="by address"),),
        RecordBrushing(id="2021-06-10", count=7, detail="by address"),
        []),
    "the same with another note": (
        (RecordBrushing(id="2021-06-10", count=7, detail="by address"),),
        RecordBrushing(id="2021-06-10", count=7), [
            BrushingIntercepted(7),
        ]),
    "one fen from the deposit": ((*OPEN, PayDeposit(id="s1", amount=1), IMPOSE), COLLECT, [
        FineCollected("s1", "CNY", 1),
        FineDueRecorded("n1", "CNY", 99_999, True),
    ]),
    "what claims leave": ((*CLAIMS, but(IMPOSE, fine=80_000), PayDeposit(id="s1", amount=50_000)), COLLECT, [
        FineCollected("s1", "CNY", 10_000),
        FineDueRecorded("n1", "CNY", 70_000, True),
    ]),
    "one fen is released": (
        (*OPEN, PayDeposit(id="s1", amount=1), but(IMPOSE, fine=1), COLLECT, FINALIZE),
        RELEASE, [
            FineReleased("CNY", 1, 0),
        ]),
    "all that is owed back": ((*PAID, APPEAL, VARY), ReturnFine(id="n1", amount=60_000), [
        FineReturned("CNY", 60_000, 100_000),
    ]),
    "partly by deposit and by bank, struck": (
        (*IMPOSED, but(PAY, amount=30_000), COLLECT, APPEAL),
        OVERTURN, [
            PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(70_000), 100_000),
        ]),
    "partly by deposit and by bank, lowered": (
        (*IMPOSED, but(PAY, amount=30_000), COLLECT, APPEAL),
        but(VARY, total=20_000), [
            PenaltyVaried("first", "s1", "CNY", 20_000, "", GivenBack(70_000), 100_000),
        ]),
    "lowered twice": ((*COLLECTED, APPEAL, but(VARY, total=90_000), SECOND), VARY, [
        PenaltyVaried("second", "s1", "CNY", 40_000, "", GivenBack(50_000), 100_000),
    ]),
    "struck after it was lowered and released": (
        (*COLLECTED, FINALIZE, APPEAL, but(VARY, total=90_000), FINALIZE, RELEASE, SECOND),
        OVERTURN, [
            PenaltyOverturned("second", "s1", "CNY", "not fake", GivenBack(fund=90_000, deposit=90_000),
                100_000),
        ]),
    "released in parts by the share": (
        (PublishShare(rate_bp=9_000), *PAID, AppealPenalty(id="n1"), VARY, FINALIZE),
        RELEASE, [
            FineReleased("CNY", 36_000, 4_000),
        ]),
    "a share that counts already": (
        (PublishShare(rate_bp=9_000),),
        PublishShare(rate_bp=9_000, effective_from=LATER),
        []),
    "a share that counts later on": (
        (PublishShare(rate_bp=9_000, effective_from=LATER),),
        PublishShare(rate_bp=9_000), [
            FineSharePublished(9_000, 1_622_512_800_000_000),
        ]),
    "back to what it was": (
        (PublishShare(rate_bp=9_000, effective_from=LATER),),
        PublishShare(rate_bp=10_000, effective_from=LATER, reason="again"), [
            FineSharePublished(10_000, 1_625_097_600_000_000, "again"),
        ]),
    "lowered, then struck, half paid by bank": (
        (*IMPOSED, but(PAY, amount=30_000), COLLECT, APPEAL, but(VARY, total=90_000), SECOND),
        OVERTURN, [
            PenaltyOverturned("second", "s1", "CNY", "not fake", GivenBack(60_000), 100_000),
        ]),
    "struck, what the bank paid was released before": (
        (*IMPOSED, but(PAY, amount=30_000), FINALIZE, RELEASE, COLLECT, APPEAL),
        OVERTURN, [
            PenaltyOverturned("first", "s1", "CNY", "not fake", GivenBack(70_000, 30_000, bank=30_000),
                100_000),
        ]),
    "struck when the fund has paid it all away": (
        (*COVERED, *CLAIMED, but(IMPOSE, fine=60_000, party="account", party_id="a1"), but(PAY,
            amount=60_000), FINALIZE, RELEASE, APPEAL),
        OVERTURN, [
            PenaltyOverturned("first", "", "CNY", "not fake", GivenBack(backstop=60_000, bank=60_000),
                60_000),
        ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (but(PROPOSE, currency="USD", cause="claim-c1", points=3, measures=SUSPEND),), "penalty-n1",
        Penalty(proposed=True, party="shop", party_id="s1", shop="s1", currency="USD", first=100_000,
            fine=100_000, points=3, measures=(Measure("suspension"),), reason="fake goods", cause="claim-c1"),
        id="proposed"),
    pytest.param(
        (but(IMPOSE, at=LATER, points=3, measures=SUSPEND),), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_625_097_600_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, points=3, measures=(Measure("suspension"),),
            reason="fake goods", from_deposit=True),
        id="imposed"),
    pytest.param(
        (Reported(but(PAY, at=LATER)), but(IMPOSE, at=LATER)), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_625_097_600_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            paid=100_000),
        id="reported before it was imposed"),
    pytest.param(
        (*IMPOSED, Reported(LOWER), Reported(RAISE)), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=150_000, increased=50_000, amended=4, reason="fake goods",
            from_deposit=True),
        id="increased twice"),
    pytest.param(
        (*IMPOSED, Reported(RAISE), Reported(LOWER)), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=150_000, increased=50_000, amended=4, reason="fake goods",
            from_deposit=True),
        id="increased, the first report came last"),
    pytest.param(
        (*IMPOSED, Reported(RAISE), Reported(but(LOWER, sequence=0))), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=90_000, increased=-10_000, amended=4, reason="fake goods",
            from_deposit=True),
        id="increased, without a place"),
    pytest.param(
        (*IMPOSED, Reported(RAISE), Reported(but(RAISE, total=160_000))), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=160_000, increased=60_000, amended=4, reason="fake goods",
            from_deposit=True),
        id="increased at the same place"),
    pytest.param(
        (*IMPOSED, FINALIZE, APPEAL), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            appeals=("first",)),
        id="appealed once it was final"),
    pytest.param(
        (*APPEALED, DENY), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            appeals=("first",), decided=("first",), ruling="denied", ruled_by="first"),
        id="denied"),
    pytest.param(
        (*APPEALED, VARY, SECOND, DENY), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=40_000, reason="fake goods", from_deposit=True,
            appeals=("first", "second"), decided=("first", "second"), ruling="varied", ruled_by="second"),
        id="varied, then denied"),
    pytest.param(
        (*APPEALED, DENY, SECOND, VARY), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=40_000, reason="fake goods", from_deposit=True,
            appeals=("first", "second"), decided=("first", "second"), ruling="varied", ruled_by="second"),
        id="denied, then varied"),
    pytest.param(
        (*IMPOSED, FINALIZE, Reported(but(OVERTURN, instance="judge"))), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            decided=("judge",), ruling="overturned", ruled_by="judge"),
        id="struck by a report after it was final"),
    pytest.param(
        (PublishShare(rate_bp=9_000), *COLLECTED, FINALIZE, RELEASE, APPEAL, OVERTURN), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_520_000_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            collected=100_000, restored=100_000, appeals=("first",), decided=("first",), ruling="overturned",
            ruled_by="first"),
        id="struck after it was released"),
    pytest.param(
        (*COVERED, *CLAIMED, but(IMPOSE, fine=60_000, party="account", party_id="a1"), but(PAY,
            amount=60_000), FINALIZE, RELEASE, APPEAL, OVERTURN), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_534_400_000_000, party="account", party_id="a1",
            currency="CNY", first=60_000, fine=60_000, reason="fake goods", paid=60_000, appeals=("first",),
            decided=("first",), ruling="overturned", ruled_by="first"),
        id="struck when the fund had paid it all away"),
    pytest.param(
        (PublishShare(rate_bp=9_000), *COLLECTED, FINALIZE, RELEASE, APPEAL, VARY), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_520_000_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=40_000, reason="fake goods", from_deposit=True,
            collected=100_000, restored=60_000, to_fund=36_000, to_platform=4_000, appeals=("first",),
            decided=("first",), ruling="varied", ruled_by="first"),
        id="lowered after it was released"),
    pytest.param(
        (*COLLECTED, REPORTED_UPHELD, REPORTED_DENIED), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            collected=100_000, restored=100_000, appeals=("judge",), decided=("prefecture", "judge"),
            ruling="denied", ruled_by="judge", ruled=6),
        id="struck, and by a later report denied"),
    pytest.param(
        (*COLLECTED, REPORTED_DENIED, REPORTED_UPHELD), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=100_000, reason="fake goods", from_deposit=True,
            collected=100_000, appeals=("judge",), decided=("judge", "prefecture"), ruling="denied",
            ruled_by="judge", ruled=6),
        id="denied, and by an earlier report struck"),
    pytest.param(
        (*IMPOSED, Reported(RAISE), APPEAL, VARY), "penalty-n1",
        Penalty(imposed=True, imposed_at=1_622_516_400_000_000, party="shop", party_id="s1", shop="s1",
            currency="CNY", first=100_000, fine=40_000, increased=50_000, amended=4, reason="fake goods",
            from_deposit=True, appeals=("first",), decided=("first",), ruling="varied", ruled_by="first"),
        id="varied by a report that came behind an increase"),
    pytest.param(
        (GANG, RemoveAccounts(id="g1", accounts=("a1", "a2")), ReferLead(id="g1", authority="police",
            reference="7"), ReferLead(id="g1", authority="court"), LinkCase(id="g1", authority="court",
            case="c7")), "penalty-g1",
        Penalty(imposed=True, imposed_at=1_622_509_200_000_000, party="gang", party_id="ring", currency="CNY",
            reason="brushing", accounts=2, leads=("police 7", "court"), cases=("court c7",)),
        id="a gang"),
    pytest.param(
        (RecordBrushing(id="2021-06-10", count=7, detail="by address"),), "brushing-2021-06-10",
        Brushing(count=7, detail="by address"),
        id="intercepted"),
    pytest.param(
        (PublishShare(rate_bp=9_000, effective_from=LATER), PublishShare(rate_bp=8_000)), "fines-share",
        Share(versions=((1_622_512_800_000_000, 8_000), (1_625_097_600_000_000, 9_000))),
        id="the shares"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

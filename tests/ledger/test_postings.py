"""The posting table, row by row: for each fact the exact transfers, for a correction their mirror."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import CODEC, fact_types
from ledger.errors import InvalidAmount
from ledger.events.appraisal import CertificateIssued, LabPaid
from ledger.events.chargeback import ChargebackReceived, ChargebackRepaid, ChargebackReversed
from ledger.events.claim import (
    ClaimFunded,
    CompensationCancelled,
    CompensationFailed,
    CompensationForfeited,
    CompensationPaid,
    CompensationRecovered,
    CompensationRecoveryOpened,
    Parts,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.fund import PetFundContributed
from ledger.events.incident import (
    BatchApproved,
    BatchClosed,
    BatchFunded,
    IncidentCompensationFailed,
    IncidentCompensationGranted,
    IncidentCompensationPaid,
)
from ledger.events.order import Line, OrderAmended, OrderPaid, OrderSettled, SharesRestored
from ledger.events.penalty import (
    FineCollected,
    FineOverpaymentReturned,
    FinePaid,
    FineReleased,
    FineReturned,
    GivenBack,
    PenaltyOverturned,
    PenaltyVaried,
)
from ledger.events.recourse import RecourseOpened, RecourseRecovered, RecourseReleased, RecourseWrittenOff
from ledger.events.refund import (
    Bearers,
    InstantRefundAdvanced,
    RefundAdvanceRecovered,
    RefundCompleted,
)
from ledger.events.shop import (
    DepositPaid,
    DepositRefunded,
    FreightServiceCharged,
    HostPaidOut,
    ShopPaidOut,
    SubsidyGranted,
    WarrantyServiceCharged,
)
from ledger.postings import CHART, POSTINGS, Transfer, kind_of, pour, transfers
from tests.ledger.test_codec import GOLDEN

# The chart by class, as the accountant has it; a star marks what may never be below zero.
ACCOUNTS = {
    "asset":           "bank refund_advance recourse_receivable buyer_receivable import_suspense",
    "liability":       "order_escrow* shop_payable host_payable shop_deposit* penalty_held* buyer_payable* "
                       "freight_pool* warranty_pool* lab_payable recovery_suspense",
    "restricted fund": "pet_fund* pet_fund_reserved* fund_recourse_claim",
    "expense":         "platform_coupon platform_contribution platform_backstop appraisal_fee trust_subsidy",
    "income":          "commission platform_fines",
}  # fmt: skip


def test_the_chart_is_the_accountants():
    rows = {name: (kind.group, kind.guarded) for name, kind in CHART.items()}
    assert rows == {
        name.strip("*"): (group, name.endswith("*"))
        for group, row in ACCOUNTS.items()
        for name in row.split()
    }


def test_assets_and_expenses_grow_by_debits():
    assert all(kind.debit_normal == (kind.group in {"asset", "expense"}) for kind in CHART.values())


def test_an_account_is_a_kind_and_a_party():
    assert kind_of("order_escrow:uci:536365") is CHART["order_escrow"]
    assert kind_of("bank") is CHART["bank"]
    with pytest.raises(KeyError):
        kind_of("petty_cash:me")


@pytest.mark.parametrize("amount", [0, -1])
def test_a_transfer_moves_a_positive_amount(amount):
    with pytest.raises(InvalidAmount):
        Transfer("bank", "order_escrow:p:1", amount, "CNY")


LINES = (Line("sku", "Cup", 3, 10_000),)
PAID = OrderPaid("CNY", 7_500, 2_000, (7_000,), (2_000,))
SETTLED = OrderSettled("s1", "h1", "CNY", 8_700, 300, 500, 300, 500)
DEPOSIT = DepositPaid("s1", "CNY", 100_000)
CERTIFICATE = CertificateIssued("c1", "p:1", "s1", "lab1", "CNY", 300, 200)


def amended(**money):
    """A newer version of a paid order with these sums of money, all others zero."""
    fact = OrderAmended(2, "s1", "h1", "b1", "CNY", LINES, 0, 9_000, 0, (9_000,), (0,), 0, 0, 300, 500)
    return msgspec.structs.replace(fact, source="feed", **money)


def completed(cash, coupon=0, advanced=0, **bearers):
    """A refund of order p:1 that these bear, those of the posting table in its order."""
    borne = Bearers(**bearers)
    return RefundCompleted(
        "p:1",
        "s1",
        "h1",
        "b1",
        "CNY",
        cash,
        coupon,
        advanced,
        9_500,
        (),
        borne,
        "feed" if borne.suspense else "",
    )


CHARGED_BACK = ChargebackReceived("p:1", "s1", "b1", "CNY", 100, 9_500, 50, 30, 15, 5, "fraud", "feed")
RETURNED = ChargebackReversed("p:1", "s1", "b1", "CNY", 100, 9_500, 50, 30, 15, 5, "feed")
REPAID = ChargebackRepaid("b1", "CNY", 10, 15)

# A fact, and what it moves: debit → credit. Facts of orders stand in the stream of p:1.
TABLE = [
    (PAID,                                       ["bank                → order_escrow:p:1    7500",
                                                  "platform_coupon     → order_escrow:p:1    2000"]),
    (OrderPaid("CNY", 0, 0, (0,), (0,)),         []),
    (amended(),                                  []),
    (amended(cash_delta=70, coupon_delta=20),    ["bank                → order_escrow:p:1      70",
                                                  "platform_coupon     → order_escrow:p:1      20"]),
    (amended(cash_delta=-70, coupon_delta=-20),  ["order_escrow:p:1    → bank                  70",
                                                  "order_escrow:p:1    → platform_coupon       20"]),
    (amended(cash_delta=-70, recounted=-30),     ["import_suspense:feed → order_escrow:p:1     30",
                                                  "order_escrow:p:1    → bank                  70"]),
    (amended(cash_delta=70, recounted=30),       ["bank                → order_escrow:p:1      70",
                                                  "order_escrow:p:1    → import_suspense:feed  30"]),
    (amended(cash_delta=70, payable=-70),        ["bank                → order_escrow:p:1      70",
                                                  "order_escrow:p:1    → shop_payable:s1       70"]),
    (amended(cash_delta=-70, commission=4, host_share=3, payable=40, deposit=20, advance=10),
                                                 ["commission          → shop_payable:s1        4",
                                                  "host_payable:h1     → shop_payable:s1        3",
                                                  "shop_payable:s1     → order_escrow:p:1      40",
                                                  "shop_deposit:s1     → order_escrow:p:1      20",
                                                  "refund_advance:s1   → order_escrow:p:1      10",
                                                  "order_escrow:p:1    → bank                  70"]),
    (amended(commission=-4, host_share=-3),      ["shop_payable:s1     → commission             4",
                                                  "shop_payable:s1     → host_payable:h1        3"]),
    (CHARGED_BACK,                               ["order_escrow:p:1    → bank                  50",
                                                  "shop_payable:s1     → bank                  30",
                                                  "buyer_receivable:b1 → bank                  15",
                                                  "import_suspense:feed → bank                  5"]),
    (RETURNED,                                   ["bank                → order_escrow:p:1      50",
                                                  "bank                → shop_payable:s1       30",
                                                  "bank                → buyer_receivable:b1   15",
                                                  "bank                → import_suspense:feed   5"]),
    (REPAID,                                     ["bank                → buyer_receivable:b1   10"]),
    (SETTLED,                                    ["order_escrow:p:1    → shop_payable:s1     8700",
                                                  "order_escrow:p:1    → host_payable:h1      300",
                                                  "order_escrow:p:1    → commission           500"]),
    (OrderSettled("s1", "", "CNY", 9_500, 0, 0, 0, 0),
                                                 ["order_escrow:p:1    → shop_payable:s1     9500"]),
    (SharesRestored("s1", "h1", "CNY", 3_000, -15, -9),
                                                 ["order_escrow:p:1    → shop_payable:s1     3000",
                                                  "shop_payable:s1     → commission            15",
                                                  "shop_payable:s1     → host_payable:h1        9"]),
    (SharesRestored("s1", "h1", "CNY", 0, 1, 0), ["commission          → shop_payable:s1        1"]),
    (InstantRefundAdvanced("p:1", "s1", "CNY", 70, 20, 90, ()),
                                                 ["refund_advance:s1   → bank                  70"]),
    (RefundAdvanceRecovered("p:1", "s1", "CNY", 70, 0, 0),
                                                 ["order_escrow:p:1    → refund_advance:s1     70"]),
    (RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 50, 20),
                                                 ["shop_payable:s1     → refund_advance:s1     50",
                                                  "shop_deposit:s1     → refund_advance:s1     20"]),
    (RefundAdvanceRecovered("p:1", "s1", "CNY", 0, -50, 0),
                                                 ["refund_advance:s1   → shop_payable:s1       50"]),
    (completed(70, 20, escrow=90),               ["order_escrow:p:1    → bank                  70",
                                                  "order_escrow:p:1    → platform_coupon       20"]),
    (completed(70, 20, advanced=70, escrow=20),  ["order_escrow:p:1    → platform_coupon       20"]),
    (completed(100, 20, escrow=90, suspense=30), ["order_escrow:p:1    → bank                  90",
                                                  "import_suspense:feed → bank                 10",
                                                  "import_suspense:feed → platform_coupon      20"]),
    (completed(70, 20, commission=5, host=3, payable=40, deposit=35, advance=15),
                                                 ["commission          → shop_payable:s1        5",
                                                  "host_payable:h1     → shop_payable:s1        3",
                                                  "shop_payable:s1     → bank                  40",
                                                  "shop_deposit:s1     → bank                  30",
                                                  "shop_deposit:s1     → platform_coupon        5",
                                                  "refund_advance:s1   → platform_coupon       15"]),
    (DEPOSIT,                                    ["bank                → shop_deposit:s1   100000"]),
    (DepositRefunded("s1", "CNY", 99_000),       ["shop_deposit:s1     → bank               99000"]),
    (FreightServiceCharged("s1", "CNY", 300),    ["shop_payable:s1     → freight_pool:s1      300"]),
    (WarrantyServiceCharged("s1", "CNY", 700),   ["shop_payable:s1     → warranty_pool:s1     700"]),
    (SubsidyGranted("s1", "CNY", 5_000),         ["trust_subsidy       → shop_payable:s1     5000"]),
    (CERTIFICATE,                                ["appraisal_fee       → lab_payable:lab1      300",
                                                  "shop_payable:s1     → lab_payable:lab1      200"]),
    (LabPaid("lab1", "CNY", 500),                ["lab_payable:lab1    → bank                 500"]),
    (ShopPaidOut("s1", "CNY", 90, 30, "feed"),   ["shop_payable:s1     → bank                  60",
                                                  "import_suspense:feed → bank                 30"]),
    (HostPaidOut("h1", "CNY", 90, 90, "feed"),   ["import_suspense:feed → bank                 90"]),
    (HostPaidOut("h1", "CNY", 90),               ["host_payable:h1     → bank                  90"]),
    (PetFundContributed("CNY", 70),              ["platform_contribution → pet_fund            70"]),
    (BatchApproved("i1", "ann", 1, 2, 3, "CNY", 90), []),
    (BatchApproved("i1", "bob", 2, 2, 3, "CNY", 90, 70),
                                                 ["pet_fund            → pet_fund_reserved:i1  70"]),
    (BatchFunded("i1", "CNY", 20),               ["pet_fund            → pet_fund_reserved:i1  20"]),
    (IncidentCompensationGranted("i1", "b1", "CNY", 30),
                                                 ["pet_fund_reserved:i1 → buyer_payable:b1     30"]),
    (IncidentCompensationPaid("i1", "b1", "CNY", 30, "t1"),
                                                 ["buyer_payable:b1    → bank                  30"]),
    (IncidentCompensationFailed("i1", "b1", "CNY", 30, "t1", "closed"),
                                                 ["bank                → buyer_payable:b1      30"]),
    (BatchClosed("i1", "CNY", 60, 30),           ["pet_fund_reserved:i1 → pet_fund             30"]),
    (BatchClosed("i1", "CNY", 90, 0),            []),
    (FineCollected("s1", "CNY", 800),            ["shop_deposit:s1     → penalty_held:p:1      800"]),
    (FinePaid("CNY", 800, ("overpaid",)),        ["bank                → penalty_held:p:1      800"]),
    (FineReleased("CNY", 700, 100),              ["penalty_held:p:1    → pet_fund              700",
                                                  "penalty_held:p:1    → platform_fines        100"]),
    (FineReturned("CNY", 600, 800),              ["penalty_held:p:1    → bank                  600"]),
    (FineOverpaymentReturned("CNY", 5, 800),     ["penalty_held:p:1    → bank                    5"]),
    (PenaltyOverturned("first", "s1", "CNY", "", GivenBack(90, 30, 10, 60, 70, 30), 800),
                                                 ["penalty_held:p:1    → shop_deposit:s1        90",
                                                  "pet_fund            → shop_deposit:s1        30",
                                                  "platform_fines      → shop_deposit:s1        10",
                                                  "platform_backstop   → shop_deposit:s1        30",
                                                  "platform_backstop   → penalty_held:p:1       30"]),
    (PenaltyVaried("first", "", "CNY", 50, "", GivenBack(fund=40, bank=40), 800),
                                                 ["pet_fund            → penalty_held:p:1       40"]),
    (ClaimFunded("c1", "p:1", "s1", "b1", "lab1", "CNY", Parts(1, 2, 3, 4, 5, 6, 7, 8), 40),
                                                 ["order_escrow:p:1    → buyer_payable:b1       1",
                                                  "shop_payable:s1     → buyer_payable:b1       2",
                                                  "shop_deposit:s1     → buyer_payable:b1       3",
                                                  "lab_payable:lab1    → buyer_payable:b1       4",
                                                  "freight_pool:s1     → buyer_payable:b1       5",
                                                  "warranty_pool:s1    → buyer_payable:b1       6",
                                                  "pet_fund            → buyer_payable:b1       7",
                                                  "platform_backstop   → buyer_payable:b1       8"]),
    (CompensationPaid("c1", "b1", "CNY", 90, "t1", 90),
                                                 ["buyer_payable:b1    → bank                  90"]),
    (CompensationFailed("c1", "b1", "CNY", 90, "t1", ""),
                                                 ["bank                → buyer_payable:b1      90"]),
    (CompensationForfeited("c1", "b1", "CNY", 90, ""),
                                                 ["buyer_payable:b1    → pet_fund              90"]),
    (CompensationCancelled("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=3, fund=7), 0, "", ()),
                                                 ["buyer_payable:b1    → shop_deposit:s1        3",
                                                  "buyer_payable:b1    → pet_fund               7"]),
    (CompensationRecoveryOpened("c1", "b1", "CNY", 90, ""),
                                                 ["buyer_receivable:b1 → recovery_suspense:c1  90"]),
    (CompensationRecoveryOpened("c1", "b1", "CNY", -90, ""),
                                                 ["recovery_suspense:c1 → buyer_receivable:b1  90"]),
    (CompensationRecovered("c1", "p:1", "s1", "b1", "", "CNY", Parts(deposit=3, fund=7)),
                                                 ["bank                → buyer_receivable:b1   10",
                                                  "recovery_suspense:c1 → shop_deposit:s1       3",
                                                  "recovery_suspense:c1 → pet_fund              7"]),
    (RecourseOpened("c1", "s1", "CNY", 90),      ["recourse_receivable:s1 → fund_recourse_claim:s1 90"]),
    (RecourseRecovered("c1", "s1", "CNY", 20, 70),
                                                 ["shop_payable:s1     → pet_fund              20",
                                                  "shop_deposit:s1     → pet_fund              70",
                                                  "fund_recourse_claim:s1 → recourse_receivable:s1 90"]),
    (RecourseReleased("c1", "s1", "CNY", 90, ""), ["fund_recourse_claim:s1 → recourse_receivable:s1 90"]),
    (RecourseWrittenOff("c1", "s1", "CNY", 90, ""), ["fund_recourse_claim:s1 → recourse_receivable:s1 90"]),
]  # fmt: skip


def topics(table) -> list[str]:
    return [f"{number}-{fact.TOPIC}" for number, (fact, _) in enumerate(table)]


def entry(text: str) -> Transfer:
    debit, _, credit, amount = text.split()
    return Transfer(debit, credit, int(amount), "CNY")


@pytest.mark.parametrize(("fact", "moved"), TABLE, ids=topics(TABLE))
def test_what_a_fact_moves(fact, moved):
    assert transfers(fact, "p:1") == [entry(text) for text in moved]


@pytest.mark.parametrize(("fact", "moved"), TABLE, ids=topics(TABLE))
def test_a_correction_is_the_mirror(fact, moved):
    mirror = CorrectionRecorded(7, fact.TOPIC, CODEC.encode_body(fact), "wrong")
    backwards = [Transfer(t.credit, t.debit, t.amount, t.currency) for t in transfers(fact, "p:1")]
    assert transfers(mirror, "p:1") == backwards


def test_every_fact_with_a_row_is_in_the_table():
    rows = {fact for fact, row in POSTINGS.items() if row}
    assert {type(fact) for fact, _ in TABLE} | {CorrectionRecorded} == rows


@pytest.mark.parametrize("name", [name for name, (fact, _) in GOLDEN.items() if not POSTINGS[type(fact)]])
def test_a_memorandum_moves_nothing(name):
    fact, _ = GOLDEN[name]
    assert transfers(fact, "p:1") == []


def test_every_row_names_accounts_of_the_chart_and_fields_of_its_fact():
    """Each golden fact can be posted, and whatever it moves lies in the chart."""
    for fact, _ in GOLDEN.values():
        for transfer in transfers(fact, "p:1"):
            assert kind_of(transfer.debit)
            assert kind_of(transfer.credit)
            assert transfer.debit != transfer.credit
    assert {type(fact) for fact, _ in GOLDEN.values()} == set(fact_types())


@pytest.mark.parametrize(("bearers", "receivers", "moved"), [
    ([],         [],        []),
    ([0, 0],     [0],       []),
    ([90],       [70, 20],  [(0, 0, 70), (0, 1, 20)]),
    ([50, 40],   [70, 20],  [(0, 0, 50), (1, 0, 20), (1, 1, 20)]),
    ([0, 90],    [0, 90],   [(1, 1, 90)]),
    ([30, 0, 60], [90],     [(0, 0, 30), (2, 0, 60)]),
])  # fmt: skip
def test_pouring_drains_bearers_into_receivers_in_order(bearers, receivers, moved):
    assert pour(bearers, receivers) == moved


def test_pouring_loses_nothing():
    with pytest.raises(ValueError, match="90 is borne but 89 is received"):
        pour([90], [70, 19])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.data())
def test_whatever_is_poured_arrives(bearers, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, sum(bearers)), max_size=5)))
    receivers = [b - a for a, b in zip([0, *cuts], [*cuts, sum(bearers)], strict=True)]
    moved = pour(bearers, receivers)
    assert all(amount > 0 for *_, amount in moved)
    assert [sum(a for i, _, a in moved if i == n) for n in range(len(bearers))] == bearers
    assert [sum(a for _, j, a in moved if j == n) for n in range(len(receivers))] == receivers
    assert moved == sorted(moved)

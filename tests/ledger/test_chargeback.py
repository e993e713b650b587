"""Stories of chargebacks: what the buyer's bank takes back, who bears it, and what its return restores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.decisions.chargeback import Chargeback, ReceiveChargeback, RepayChargeback, ReverseChargeback
from ledger.decisions.refund import AdvanceRefund, ApproveRefund, CompleteRefund
from ledger.decisions.shop import OpenShop, PayDeposit, PayOutShop
from ledger.errors import (
    AlreadyExists,
    InvalidAmount,
    RefundExceedsPaid,
    UnknownChargeback,
    WrongState,
)
from ledger.events.chargeback import ChargebackReceived, ChargebackRepaid, ChargebackReversed
from ledger.events.order import OrderChargedBack, SharesRestored
from ledger.events.parking import FactParked
from ledger.events.refund import RefundAdvanceRecovered
from tests.ledger.stories import (
    PAID,
    PAY,
    PLACE,
    PLACED,
    SETTLE,
    SETTLED,
    Ledger,
    Reported,
    Row,
    Step,
    asked,
    but,
    gave,
    has,
    refunded,
    stories,
    tell,
)

RECEIVE = ReceiveChargeback(id="c1", order="p:1", amount=10_000, reason="fraudulent")
REVERSE = ReverseChargeback(id="c1")
REPAY = RepayChargeback(id="c1")


def part(amount: int, id_: str = "c1") -> ReceiveChargeback:
    return ReceiveChargeback(id=id_, order="p:1", amount=amount, reason="fraudulent")


def bears(escrow: int = 0, payable: int = 0, owed: int = 0, suspense: int = 0, **fields):
    sums = {"escrow": escrow, "payable": payable, "refunded": owed, "suspense": suspense}
    return has(ChargebackReceived, **sums, **fields)


CHARGED = (*PAID, RECEIVE)
TWICE = (*PAID, *refunded("r1"), RECEIVE)
ADVANCED = (*PAID, asked("r1"), AdvanceRefund(id="r1"))
FLAGGED = ("already_refunded",)
NOTHING = ()
RECEIVED = ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 10_000, 0, 0, 0, "fraudulent")
RETURNED = ChargebackReversed("p:1", "s1", "b1", "CNY", 10_000, 10_000, 10_000, 0, 0, 0)
FLAG = has(OrderChargedBack, chargeback="c1")
UNFLAG = OrderChargedBack("c1", 0, ("chargeback_reversed",))
GUEST = (but(PLACE, buyer=""), PAY)

STORIES: dict[str, Row] = {
    "out of the escrow":                (PAID,                     RECEIVE,        [RECEIVED, FLAG]),
    "a part":                           (PAID,                     part(4_000),    [bears(escrow=4_000), FLAG]),
    "two parts":                        ((*PAID, part(4_000)),     part(6_000, "c2"), [bears(escrow=6_000, marks=()), has(OrderChargedBack, chargeback="c2", amount=6_000, marks=("charged_back",))]),
    "of a settled order":               (SETTLED,                  RECEIVE,        [bears(payable=10_000), FLAG]),
    "after a refund of all":            ((*PAID, *refunded("r1")), RECEIVE,        [bears(owed=10_000, marks=FLAGGED), FLAG]),
    "after a refund of a part":         ((*PAID, *refunded("r1", 4_000)), RECEIVE, [bears(escrow=6_000, owed=4_000, marks=FLAGGED), FLAG]),
    "after a reported refund":          ((*PAID, gave("r1", 10_000)), RECEIVE,     [bears(owed=10_000, marks=FLAGGED), FLAG]),
    "after a refund, settled":          ((*SETTLED, *refunded("r1", 4_000)), RECEIVE, [bears(payable=6_000, owed=4_000, marks=FLAGGED), FLAG]),
    "after an advance":                 (ADVANCED,                 RECEIVE,        [bears(owed=10_000, marks=FLAGGED), FLAG]),
    "a second of all":                  (CHARGED,                  part(10_000, "c2"), [bears(owed=10_000, marks=FLAGGED), has(OrderChargedBack, chargeback="c2", marks=("charged_back", "already_refunded"))]),
    "of more than was paid":            (PAID,                     part(10_100),   [bears(escrow=10_000, owed=100, marks=FLAGGED), FLAG]),
    "of far more than was paid":        (PAID,                     part(20_100),   [bears(escrow=10_000, owed=10_000, suspense=100, source="command", marks=("already_refunded", "guard_exceeded")), FLAG]),
    "nobody known has it twice":        ((*GUEST, *refunded("r1")), Reported(RECEIVE), [bears(suspense=10_000, source="feed", marks=("already_refunded", "buyer_unknown")), FLAG]),
    "the same again":                   (CHARGED,                  RECEIVE,        NOTHING),
    "another under its name":           (CHARGED,                  part(1),        AlreadyExists),
    "of nothing":                       (PAID,                     part(0),        InvalidAmount),
    "in another currency":              (PAID,                     but(RECEIVE, currency="EUR"), [bears(suspense=10_000, currency="EUR", marks=("currency_mismatch", "guard_exceeded")), FLAG]),
    "before the payment":               (PLACED,                   RECEIVE,        [has(FactParked, waits_for="paid")]),
    "before the order":                 ((),                       RECEIVE,        [has(FactParked, waits_for="paid")]),
    "a refund asked before it":         ((*PAID, asked("r1"), ApproveRefund(id="r1"), RECEIVE), CompleteRefund(id="r1"), RefundExceedsPaid),
    "reversed":                         (CHARGED,                  REVERSE,        [RETURNED, UNFLAG]),
    "reversed twice":                   ((*CHARGED, REVERSE),      REVERSE,        NOTHING),
    "reversed before it came":          ((),                       REVERSE,        [has(FactParked, waits_for="received")]),
    "and then it came":                 ((*PAID, REVERSE),         RECEIVE,        [RECEIVED, FLAG, RETURNED, UNFLAG]),
    "reversed when it was settled":     ((*SETTLED, RECEIVE),      REVERSE,        [has(ChargebackReversed, payable=10_000), UNFLAG]),
    "reversed when it was settled since": ((*CHARGED, Reported(SETTLE)), REVERSE,  [RETURNED, UNFLAG, SharesRestored("s1", "h1", "CNY", 10_000, -500, -300)]),
    "the buyer pays back":              (TWICE,                    REPAY,          [ChargebackRepaid("b1", "CNY", 10_000, 10_000)]),
    "a part, and the rest":             ((*TWICE, but(REPAY, amount=1)), REPAY,    [ChargebackRepaid("b1", "CNY", 9_999, 10_000)]),
    "more than is owed":                (TWICE,                    but(REPAY, amount=10_001), InvalidAmount),
    "nothing is owed":                  (CHARGED,                  REPAY,          InvalidAmount),
    "what the bank returned":           ((*TWICE, REVERSE),        REPAY,          WrongState),
    "what nobody knows":                ((),                       REPAY,          UnknownChargeback),
    "a refund of what is gone":         (CHARGED,                  asked("r1", 1), RefundExceedsPaid),
}  # fmt: skip


@stories(STORIES)
def test_stories(given, when, then):
    tell(given, when, then)


# Where the money is in the end.
DEPOSIT = (OpenShop(id="s1"), PayDeposit(id="s1", amount=500))


@pytest.mark.parametrize(("steps", "balances"), [
    (CHARGED,                            {}),
    ((*CHARGED, REVERSE),                {"bank": 10_000, "order_escrow:p:1": 10_000}),
    (TWICE,                              {"bank": -10_000, "buyer_receivable:b1": 10_000}),
    ((*TWICE, REPAY),                    {}),
    ((*TWICE, REVERSE),                  {}),
    ((*PAID, part(4_000), Reported(SETTLE)),
                                         {"bank": 6_000, "commission": 300, "host_payable:h1": 180, "shop_payable:s1": 5_520}),
    ((*CHARGED, Reported(SETTLE), REVERSE),
                                         {"bank": 10_000, "commission": 500, "host_payable:h1": 300, "shop_payable:s1": 9_200}),
    ((*SETTLED, RECEIVE),                {"commission": 500, "host_payable:h1": 300, "shop_payable:s1": -800}),
    ((*SETTLED, RECEIVE, REVERSE),       {"bank": 10_000, "commission": 500, "host_payable:h1": 300, "shop_payable:s1": 9_200}),
    # A shop that was paid out owes it; its deposit is not touched unasked.
    ((*DEPOSIT, *SETTLED, PayOutShop(id="s1"), RECEIVE),
                                         {"bank": -8_700, "commission": 500, "host_payable:h1": 300, "shop_payable:s1": -10_000, "shop_deposit:s1": 500}),
    # What the platform advanced is made good by what comes back to the shop.
    ((*SETTLED, part(5_000), PayOutShop(id="s1"), *refunded("r1", 5_000), REVERSE),
                                         {"bank": 10_000 - 5_000 - 4_200 - 5_000 + 5_000, "commission": 250, "host_payable:h1": 150, "shop_payable:s1": 400}),
])  # fmt: skip
def test_balances(steps, balances):
    assert Ledger(steps).balances() == balances


def test_a_chargeback_waits_for_its_order_and_follows_it():
    ledger = Ledger([Reported(REVERSE), Reported(RECEIVE), PLACE])
    facts = [type(recorded.fact) for recorded in ledger.do(PAY)]
    assert facts[1:] == [ChargebackReceived, OrderChargedBack, ChargebackReversed, OrderChargedBack]
    assert ledger.state("chargeback-c1").status == "reversed"
    assert not ledger.state("chargeback-c1").parked


def _netted(ledger: Ledger) -> dict[str, int]:
    """The balances; what a shop is owed less its advances, which every credit of the shop makes good first."""
    found = dict(ledger.balances())
    advanced = found.pop("refund_advance:s1", 0)
    return {**found, "shop_payable:s1": found.get("shop_payable:s1", 0) - advanced}


# Whatever happened before, a chargeback that is returned leaves everything as it was.
BEFORE = st.lists(
    st.sampled_from([
        *refunded("r1", 3_333),
        *refunded("r2", 1),
        gave("r3", 9_000),
        AdvanceRefund(id="r1"),
        part(2_500, "c8"),
        part(9_999, "c9"),
        ReverseChargeback(id="c9"),
        Reported(SETTLE),
        PayOutShop(id="s1"),
    ]),
    max_size=8,
)  # fmt: skip


@given(BEFORE, st.integers(1, 25_000), st.booleans())
def test_a_chargeback_that_is_returned_leaves_no_trace(before, amount, settled_between):
    ledger, other = Ledger(PAID), Ledger(PAID)
    for step in before:
        ledger.try_(step)
        other.try_(step)
    between: list[Step] = [Reported(SETTLE)] if settled_between else []
    for step in [part(amount), *between, REVERSE]:
        ledger.do(step)
    for step in between:
        other.do(step)
    assert _netted(ledger) == _netted(other)
    kept = {subject: used for subject, used in ledger.used().items() if not subject.startswith("reversed/")}
    assert kept == other.used()


@stories({
    "in another currency, in full": (PAID, but(RECEIVE, currency="EUR", reason="fraud"), [
        ChargebackReceived("p:1", "s1", "b1", "EUR", 10_000, 10_000, 0, 0, 0, 10_000, "fraud", "command",
            ("currency_mismatch", "guard_exceeded")),
        OrderChargedBack("c1", 10_000, ("charged_back", "currency_mismatch", "guard_exceeded")),
    ]),
    "in full": (PAID, but(RECEIVE, reason="fraud"), [
        ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 10_000, 0, 0, 0, "fraud"),
        OrderChargedBack("c1", 10_000, ("charged_back",)),
    ]),
    "of a settled order that was paid out": ((*SETTLED, PayOutShop(id="s1")), RECEIVE, [
        ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 0, 10_000, 0, 0, "fraudulent"),
        OrderChargedBack("c1", 10_000, ("charged_back",)),
    ]),
    "reversed, a fen is advanced": (
        (*SETTLED, PayOutShop(id="s1"), gave("r1", 1, order=""), part(5_000)),
        REVERSE, [
            ChargebackReversed("p:1", "s1", "b1", "CNY", 5_000, 10_000, 0, 5_000, 0, 0),
            OrderChargedBack("c1", 0, ("chargeback_reversed",)),
        ]),
    "reversed, the shop is credited a fen": (
        (*SETTLED, part(1), PayOutShop(id="s1"), gave("r1", 500, order="")),
        REVERSE, [
            ChargebackReversed("p:1", "s1", "b1", "CNY", 1, 10_000, 0, 1, 0, 0),
            OrderChargedBack("c1", 0, ("chargeback_reversed",)),
            RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 1, 0),
        ]),
    "reversed, the shop is credited": (
        (*SETTLED, part(5_000), PayOutShop(id="s1"), gave("r1", 500, order="")),
        REVERSE, [
            ChargebackReversed("p:1", "s1", "b1", "CNY", 5_000, 10_000, 0, 5_000, 0, 0),
            OrderChargedBack("c1", 0, ("chargeback_reversed",)),
            RefundAdvanceRecovered("p:1", "s1", "CNY", 0, 500, 0),
        ]),
    "reversed, settled and refunded meanwhile": (
        (*PAID, part(4_000), *refunded("r1", 2_000), Reported(SETTLE)),
        REVERSE, [
            ChargebackReversed("p:1", "s1", "b1", "CNY", 4_000, 10_000, 4_000, 0, 0, 0),
            OrderChargedBack("c1", 0, ("chargeback_reversed",)),
            SharesRestored("s1", "h1", "CNY", 4_000, -200, -120),
        ]),
    "reversed, and another was not": ((*PAID, part(4_000), Reported(SETTLE), part(1_000, "c2")), REVERSE, [
        ChargebackReversed("p:1", "s1", "b1", "CNY", 4_000, 10_000, 4_000, 0, 0, 0),
        OrderChargedBack("c1", 0, ("chargeback_reversed",)),
        SharesRestored("s1", "h1", "CNY", 4_000, -200, -120),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*PAID, but(RECEIVE, reason="fraud")), "chargeback-c1",
        Chargeback(received=ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 10_000, 0, 0, 0,
            "fraud")),
        id="received"),
    pytest.param(
        (REVERSE, *PAID, RECEIVE), "chargeback-c1",
        Chargeback(received=ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 10_000, 0, 0, 0,
            "fraudulent"), reversed=True),
        id="it had waited"),
    pytest.param(
        (*TWICE, but(REPAY, amount=1)), "chargeback-c1",
        Chargeback(received=ChargebackReceived("p:1", "s1", "b1", "CNY", 10_000, 10_000, 0, 0, 10_000, 0,
            "fraudulent", marks=("already_refunded",)), repaid=1),
        id="paid back in part"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

"""Stripe: charges, refunds, disputes, payouts, and the lines of the balance between them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ledger.events.order import Line, OrderPaid, OrderPlaced
from ledger.events.refund import RefundCompleted
from ledger.events.statement import PlatformFundMovementRecorded
from tests.api.importers.ledgers import Ledger

JUNE = 1_623_294_000  # 2021-06-10 03:00 UTC.
ESCROW = "order_escrow:stripe:ch_1"


def charge(**changes: Any) -> Any:
    return {
        "object": "charge",
        "id": "ch_1",
        "amount": 1_000,
        "amount_captured": 1_000,
        "captured": True,
        "status": "succeeded",
        "currency": "usd",
        "created": JUNE,
        "customer": "cus_1",
        "description": "Tea",
        "refunds": None,
    } | changes


def refund(**changes: Any) -> Any:
    return {
        "object": "refund",
        "id": "re_1",
        "charge": "ch_1",
        "amount": 400,
        "currency": "usd",
        "created": JUNE + 60,
        "status": "succeeded",
    } | changes


def dispute(**changes: Any) -> Any:
    return {
        "object": "dispute",
        "id": "dp_1",
        "charge": "ch_1",
        "amount": 1_000,
        "currency": "usd",
        "created": JUNE + 120,
        "status": "needs_response",
        "reason": "fraudulent",
    } | changes


def balance(type_: str = "charge", **changes: Any) -> Any:
    return {
        "object": "balance_transaction",
        "id": "txn_1",
        "type": type_,
        "amount": 1_000,
        "fee": 59,
        "currency": "usd",
        "created": JUNE + 30,
        "source": "ch_1",
        "exchange_rate": None,
    } | changes


def payout(**changes: Any) -> Any:
    return {
        "object": "payout",
        "id": "po_1",
        "amount": 941,
        "currency": "usd",
        "arrival_date": JUNE + 86_400,
        "status": "paid",
    } | changes


def event(object_: Any) -> Any:
    return {"object": "event", "id": "evt_1", "type": "any", "data": {"object": object_}}


def load(ledger: Ledger, tmp_path: Path, *payloads: Any, **how: Any) -> Any:
    path = tmp_path / "feed.jsonl"
    path.write_text("".join(json.dumps(payload) + "\n" for payload in payloads), encoding="utf-8")
    return ledger.load("stripe", path, **how)


@pytest.mark.parametrize("payload", [
    charge(),
    event(charge()),
    {"object": "list", "data": [charge()]},
    {"charge": charge(customer={"object": "customer", "id": "cus_1"})},
], ids=["object", "event", "list", "named"])  # fmt: skip
def test_a_charge_is_an_order(ledger: Ledger, tmp_path: Path, payload: Any):
    report = load(ledger, tmp_path, payload, shop="tea-house")

    assert report["documents"]["sales"] == {"count": 1, "amount": 1_000}
    assert ledger.facts("order-stripe:ch_1") == [
        OrderPlaced("tea-house", "cus_1", "USD", (Line("charge", "Tea", 1, 1_000),)),
        OrderPaid("USD", 1_000, 0, (1_000,), (0,)),
    ]
    assert ledger.log()[0][3].effective_at == JUNE * 1_000_000


def test_the_same_in_any_shape_is_known(ledger: Ledger, tmp_path: Path):
    report = load(ledger, tmp_path, charge(), event(charge(receipt_url="https://…")))
    assert (report["read"], report["skipped"]) == (2, 1)


def test_authorised_then_captured_in_parts(ledger: Ledger, tmp_path: Path):
    held = charge(captured=False, amount_captured=0)
    load(ledger, tmp_path, held, charge(amount_captured=600), charge(amount_captured=1_000), held)
    assert ledger.topics() == ["order-placed", "order-amended", "order-paid", "order-amended"]
    assert ledger.balances() == {"bank": 1_000, ESCROW: 1_000}


def test_a_charge_from_its_payment_to_the_payout(ledger: Ledger, tmp_path: Path):
    report = load(ledger, tmp_path, charge(), balance(), payout(), payout(id="po_2", status="in_transit"))
    assert report["documents"]["payouts"] == {"count": 1, "amount": 941}
    assert ledger.balances() == {"bank": 59, "commission": 59}


def test_a_refund_inside_its_charge_and_by_itself_is_one(ledger: Ledger, tmp_path: Path):
    inside = charge(refunds={"object": "list", "data": [refund()]})
    report = load(ledger, tmp_path, inside, refund(charge={"object": "charge", "id": "ch_1"}))

    assert (report["recorded"], report["skipped"]) == (3, 1)
    (completed,) = ledger.facts("refund-stripe:re_1")
    assert isinstance(completed, RefundCompleted)
    assert (completed.order, completed.cash, completed.lines[0].line) == ("stripe:ch_1", 400, 1)
    assert ledger.balances() == {"bank": 600, ESCROW: 600}


def test_a_refund_that_the_bank_sent_back(ledger: Ledger, tmp_path: Path):
    failed = refund(status="failed", failure_balance_transaction="txn_9")
    load(ledger, tmp_path, charge(), refund(), failed, refund())
    assert ledger.balances() == {"bank": 1_000, ESCROW: 1_000}


def test_a_refund_of_no_charge(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, refund(charge=None), shop="tea-house")
    assert ledger.balances() == {"bank": -400, "refund_advance:tea-house": 400}


def test_a_dispute_and_its_end(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, charge(), dispute())
    assert ledger.balances() == {}
    changes = [{"amount": -1_000, "created": JUNE + 120}, {"amount": 1_000, "created": JUNE + 900}]
    load(ledger, tmp_path, dispute(status="won", balance_transactions=changes))
    assert ledger.balances() == {"bank": 1_000, ESCROW: 1_000}
    assert ledger.log()[-1][3].effective_at == (JUNE + 900) * 1_000_000


def test_other_lines_of_the_balance_are_kept(ledger: Ledger, tmp_path: Path):
    fee = balance("stripe_fee", id="txn_2", amount=-200, fee=0, source=None, description="Billing")
    foreign = balance(id="txn_3", currency="eur", amount=900, exchange_rate=0.9)
    back = payout(id="po_3", amount=-50)
    load(ledger, tmp_path, fee, foreign, back)
    assert ledger.facts() == [
        PlatformFundMovementRecorded("stripe", "stripe_fee", "USD", -200, reason="Billing"),
        PlatformFundMovementRecorded("stripe", "charge", "EUR", 900, 59, reference="ch_1"),
        PlatformFundMovementRecorded("stripe", "payout", "USD", 50),
    ]


@pytest.mark.parametrize(("currency", "amount", "minor"), [
    ("jpy", 500, 500),
    ("kwd", 5_000, 5_000),
    ("isk", 50_000, 500),
    ("mga", 500, 50_000),
])  # fmt: skip
def test_units_that_stripe_counts_its_own_way(
    ledger: Ledger, tmp_path: Path, currency: str, amount: int, minor: int
):
    load(ledger, tmp_path, charge(currency=currency, amount=amount, amount_captured=amount))
    assert ledger.balances()["bank"] == minor


PASSED_OVER = {
    "a charge that failed":   (charge(status="failed"), "charges that failed"),
    "a pending refund":       (refund(status="pending"), "refunds with status pending"),
    "a refund never sent":    (refund(status="failed"), "refunds with status failed"),
    "a warning":              (dispute(status="warning_needs_response"), "disputes that take no money back"),
    "a customer":             ({"object": "customer", "id": "cus_1"}, "customer objects"),
    "an event about a plan":  (event({"object": "plan", "id": "p"}), "plan objects"),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "reason"), PASSED_OVER.values(), ids=list(PASSED_OVER))
def test_what_is_passed_over(ledger: Ledger, tmp_path: Path, payload: Any, reason: str):
    report = load(ledger, tmp_path, payload)
    assert report["filtered"] == {reason: 1}
    assert ledger.head() == 0


WRONG = {
    "part of a krona":      (charge(currency="isk", amount_captured=50_050), "charge ch_1", "no whole amount"),
    "no currency":          (charge(currency="dollars"), "charge ch_1", "DOLLARS"),
    "a sum that is none":   (charge(amount="much"), "charge ch_1", "amount"),
    "a dispute of nothing": (dispute(charge=None), "dispute dp_1", "charge"),
    "an error":             ({"error": "expired"}, "payload", "expired"),
    "an event of nothing":  ({"object": "event", "data": 5}, "payload", "object"),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "name", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_refused(ledger: Ledger, tmp_path: Path, payload: Any, name: str, said: str):
    report = load(ledger, tmp_path, payload, charge(id="ch_2"))
    (refused,) = report["refused"]
    assert refused["row"] == 1
    assert refused["reason"].startswith(f"{name}: ")
    assert said in refused["reason"]
    assert ledger.topics() == ["order-placed", "order-paid"]


def test_the_examples_of_the_interface(ledger: Ledger):
    path = Path(os.environ.get("ASSURANCE_TEST_DATA", "-"), "stripe", "commerce_subset.json")
    if not path.is_file():
        pytest.skip("ASSURANCE_TEST_DATA names no folder with Stripe's examples")
    report = ledger.load("stripe", path)
    assert (report["read"], report["recorded"], report["parked"], report["refused"]) == (16, 3, 2, [])

"""How far refunds are advanced, from the command line."""

import json
from typing import Any

import pytest

from tests.api.cli.conftest import Ask, Run

AT = "2021-06-10T10:00:00+08:00"


@pytest.fixture
def advanced(ask: Ask) -> Ask:
    """Four orders of 60.00 CNY, of which one is voided; a refund of the first was asked for."""

    def do(name: str, id_: str, at: str = AT, **data: Any) -> None:
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))

    rule = {
        "family": "refund",
        "formula": "refund",
        "refund": True,
        "per": "line",
        "payers": ["escrow", "payable", "deposit"],
        "quotas": [{"uses": 2, "limit": 20_000}],
    }
    terms = {"version": "1", "effective_from": "2021-06-01T00:00:00+08:00", "rule": rule}
    do("policies.publish", "instant-refund", "2021-05-01T00:00:00+08:00", **terms)
    do("shops.open", "S1", "2021-06-01T00:00:00+08:00")
    do("shops.open-benefit", "S1", "2021-06-01T00:00:00+08:00", benefit="instant-refund")
    for number in range(1, 5):
        line = {"sku": "tea", "amount": 6_000}
        do("orders.place", f"web:{number}", shop="S1", buyer="B1", currency="CNY", lines=[line])
        do("orders.pay", f"web:{number}", cash=6_000)
    do("orders.void", "web:4", reason="brushing")
    do("refunds.request", "R1", order="web:1")
    do("refunds.use-benefit", "R1", benefit="instant-refund")
    return ask


def test_credit(advanced: Ask):
    before = advanced("credit", "B1")
    assert (before["most"], before["taken"], before["left"]) == (10_000, 6_000, 4_000)
    assert before["known"] == {
        "position": before["known"]["position"],
        "paid_orders": 3,
        "voided": 1,
        "rejected": 0,
    }
    assert before["assessed"]["position"] == 0
    after = advanced("credit", "B1", "--assess")
    assert (after["most"], after["left"], after["refunds"]) == (15_000, 9_000, {"R1": 6_000})
    assert after["assessed"]["paid_orders"] == 3
    assert [step["value"] for step in after["trace"]] == [20_000, 15_000]
    assert advanced("verify")["ok"]


def test_credit_for_people(advanced: Ask, run: Run):
    shown = run("credit", "B1").stdout
    assert "40.00 CNY" in shown
    assert "0 paid orders, fewer than 3" in shown
    assert "3 paid orders, 1 voided, 0 rejected claims" in shown


def test_credit_without_terms(run: Run):
    refused = run("credit", "B1", status=2)
    assert "not_covered" in refused.stderr

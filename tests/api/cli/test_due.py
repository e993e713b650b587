"""What is due without anybody asking, from the command line."""

import json
from typing import Any

import pytest

from api import due
from api.settings import Settings
from ledger import time
from tests.api.cli.conftest import Ask, Run

PAID_AT, PROMISED = "2021-06-10T10:00:00+08:00", "2021-06-12T10:00:00+08:00"
DUE = ("--at", "2021-06-13T00:00:00+08:00")


@pytest.fixture
def orders(ask: Ask) -> Ask:
    """Three orders of 10.00 to 30.00 CNY promised for the same time, of which the second left in time."""

    def do(name: str, id_: str, at: str, **data: Any) -> None:
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))

    rule = {
        "family": "dispatch",
        "unasked": True,
        "formula": "rate",
        "rate_bp": 1000,
        "floor": 500,
        "cap": 3000,
        "per": "order",
        "payers": ["payable", "deposit", "fund"],
    }
    terms = {"version": "1", "effective_from": "2021-06-01T00:00:00+08:00", "rule": rule}
    do("policies.publish", "late-dispatch", "2021-05-01T00:00:00+08:00", **terms)
    do("shops.open", "S1", "2021-06-01T00:00:00+08:00")
    do("shops.pay-deposit", "S1", "2021-06-01T00:00:00+08:00", amount=800)
    do("shops.open-benefit", "S1", "2021-06-01T00:00:00+08:00", benefit="late-dispatch")
    for number in (1, 2, 3):
        id_ = f"web:{number}"
        line = {"sku": "tea", "amount": 1000 * number}
        order = {
            "shop": "S1",
            "buyer": f"B{number}",
            "currency": "CNY",
            "lines": [line],
            "dispatch_by": PROMISED,
        }
        do("orders.place", id_, PAID_AT, **order)
        do("orders.pay", id_, PAID_AT, cash=1000 * number)
    do("orders.dispatch", "web:2", "2021-06-12T09:00:00+08:00", waybill="W2")
    return ask


def test_run_due(orders: Ask, run: Run):
    assert orders("run-due", "--at", PROMISED)["late"]["orders"] == 0
    done = {
        "at": "2021-06-13T00:00:00+08:00",
        "late": {
            "orders": 2,
            "units": 2,
            "claims": 2,
            "currencies": {"CNY": {"compensation": 1000, "funded": 800}},
        },
        "expired": {"cards": 0, "coupons": 0},
        "snapshots": 1,
        "rules": {"granted": 0, "revoked": 0, "shops": 1, "units": 7_000, "tiers": 0},
        "refused": [],
    }
    assert orders("run-due", *DUE, "--dry-run") == done
    assert orders("run-due", *DUE) == done
    again = orders("run-due", *DUE)
    assert again["late"] == {"orders": 0, "units": 0, "claims": 0, "currencies": {}}
    assert again["snapshots"] == again["rules"]["units"] == 0
    assert orders("balance", "buyer_payable:B1")["balances"]
    assert orders("verify")["ok"]


def test_what_is_still_to_come_is_only_looked_at(orders: Ask, run: Run):
    assert "look, with --dry-run" in run("run-due", "--at", "9999-01-01", status=2).stderr
    assert orders("run-due", "--at", "9999-01-01", "--dry-run")["late"]["orders"] == 2


def test_run_due_for_people(orders: Ask, run: Run):
    shown = run("run-due", *DUE).stdout
    assert "Late dispatch" in shown
    assert "compensation" in shown
    assert "10.00 CNY" in shown


def test_coupons_expire(ask: Ask):
    coupon = {"coupon": "K1", "amount": 500, "expires_at": "2021-06-12T23:59:59+08:00", "at": PAID_AT}
    ask("do", "cards.issue", "B1", "--data", json.dumps({"tier": "gold", "at": PAID_AT}))
    ask("do", "cards.grant-coupon", "B1", "--data", json.dumps(coupon))
    nothing, one = {"cards": 0, "coupons": 0}, {"cards": 1, "coupons": 1}
    assert ask("run-due", "--at", PROMISED)["expired"] == nothing
    assert ask("run-due", *DUE, "--dry-run")["expired"] == one
    assert ask("run-due", *DUE)["expired"] == one
    assert ask("run-due", *DUE)["expired"] == nothing
    assert ask("card", "B1")["coupons"]["coupon"]["expired"] == 500


def test_run_due_now(orders: Ask):
    assert orders("run-due")["late"]["orders"] == 2


def test_an_order_tells_its_promise(orders: Ask, run: Run):
    orders("run-due", *DUE)
    assert orders("order", "web:1")["promises"] == [
        {"line": 1, "promised": PROMISED, "deadline": PROMISED, "late": [1]}
    ]
    orders("do", "orders.place-risk-hold", "web:1", "--data", json.dumps({"reason": "?", "at": PAID_AT}))
    assert orders("order", "web:1")["promises"][0]["deadline"] is None
    assert "the clock stands still" in run("order", "web:1").stdout


def test_a_run_that_was_killed_is_taken_up_again(orders: Ask, monkeypatch: pytest.MonkeyPatch):
    def killed(_orders: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(due, "_AT_ONCE", 1)
    database, moment = Settings().open_database(), time.micros(time.parse(DUE[1]))
    with pytest.raises(KeyboardInterrupt):
        due.run_due(database, moment, progress=killed)
    assert due.run_due(database, moment)["late"]["orders"] == 1
    assert due.run_due(database, moment)["late"]["orders"] == 0
    database.close()
    assert orders("verify")["ok"]

"""Orders and their stories from the command line."""

import json

from tests.api.cli.conftest import Ask, Run


def test_order(story: Ask, run: Run):
    found = story("order", "web:1")
    assert found["lines"] == [
        {
            "sku": "tea",
            "title": "Tea [green]",
            "quantity": 5,
            "amount": 10000,
            "shop_coupon": 0,
            "platform_coupon": 0,
            "supplier": "",
            "fulfiller": "",
        }
    ]
    assert found["times"] == {"placed": "2021-06-01T10:00:00+08:00", "paid": "2021-06-01T10:05:00+08:00"}
    (refund,) = found["refunds"]
    assert (refund["id"], refund["status"], refund["cash"]) == ("R1", "completed", 4000)
    named = {
        name: found[name] for name in ("id", "status", "shop", "buyer", "currency", "cash", "refunded_cash")
    }
    assert named == {
        "id": "web:1",
        "status": "paid",
        "shop": "S1",
        "buyer": "B1",
        "currency": "CNY",
        "cash": 10000,
        "refunded_cash": 4000,
    }
    shown = run("order", "web:1").stdout
    assert "Tea [green]" in shown
    assert "refunded       40.00 CNY" in shown


def test_order_on_both_clocks(story: Ask, run: Run):
    assert story("order", "web:1", "--as-of", "2021-06-02")["refunded_cash"] == 0
    assert story("order", "web:1", "--as-of", "2021-06-01T10:01:00+08:00")["status"] == "placed"
    assert story("order", "web:1", "--as-at", "2")["status"] == "placed"
    assert story("order", "web:1", "--as-at", "4", "--as-of", "2021-06-03")["refunded_cash"] == 4000
    early = run("order", "web:1", "--as-at", "1", "--json", status=2)
    assert json.loads(early.stderr)["code"] == "unknown_order"
    assert json.loads(run("order", "web:2", "--json", status=2).stderr)["code"] == "unknown_order"


def test_replay_tells_every_step(story: Ask, run: Run):
    found = story("replay", "web:1")
    assert (found["id"], found["of"]) == ("web:1", 3)
    assert [(step["step"], step["event"]["type"], step["order"]["status"]) for step in found["steps"]] == [
        (1, "order-placed", "placed"),
        (2, "order-paid", "paid"),
        (3, "refund-completed", "paid"),
    ]
    assert [step["transfers"] for step in found["steps"]] == [
        [],
        [{"debit": "bank", "credit": "order_escrow:web:1", "amount": 10000, "currency": "CNY"}],
        [{"debit": "order_escrow:web:1", "credit": "bank", "amount": 4000, "currency": "CNY"}],
    ]
    shown = run("replay", "web:1").stdout
    assert "Step 3 of 3: refund-completed" in shown
    assert "order then  paid, paid 100.00 CNY, refunded 40.00 CNY" in shown


def test_replay_of_one_step_and_of_another_time(story: Ask, run: Run):
    (step,) = story("replay", "web:1", "--step", 2)["steps"]
    assert (step["step"], step["order"]["cash"]) == (2, 10000)
    assert story("replay", "web:1", "--as-of", "2021-06-02")["of"] == 2
    assert story("replay", "web:1", "--as-at", "2")["of"] == 1
    assert "The story has 3 steps, not 4." in run("replay", "web:1", "--step", 4, status=2).stderr


def test_an_order_shows_what_assures_it(ask: Ask, run: Run):
    at = {"at": "2021-06-10T00:00:00+08:00"}
    line = {"sku": "bag", "amount": 19900}
    ask("policy", "shipped", "--publish")
    for name, id_, data in (
        ("shops.open", "S1", at),
        ("shops.open-benefit", "S1", {"benefit": "counterfeit", **at}),
        ("orders.place", "web:1", {"shop": "S1", "buyer": "B1", "currency": "CNY", "lines": [line], **at}),
        ("orders.pay", "web:1", {"cash": 19900, **at}),
    ):
        ask("do", name, id_, "--data", json.dumps(data))
    (cover,) = ask("order", "web:1")["coverage"]
    found = {name: cover[name] for name in ("line", "benefit", "version", "status", "compensation")}
    assert found == {
        "line": 1,
        "benefit": "counterfeit",
        "version": "2021-06",
        "status": "live",
        "compensation": 199000,
    }
    assert cover["trace"][-1]["value"] == 199000
    shown = run("order", "web:1").stdout
    assert "counterfeit" in shown
    assert "1,990.00 CNY" in shown
    file = {"order": "web:1", "benefit": "counterfeit", "at": "2021-12-01T00:00:00+08:00"}
    ask("do", "claims.file", "C1", "--data", json.dumps(file))
    assert ask("order", "web:1")["claims"][0]["status"] == "filed"
    assert "C1" in run("order", "web:1").stdout

"""A shop and the deposits of all from the command line."""

import json

import pytest

from tests.api.cli.conftest import Ask, Run

NOON = "2021-06-01T12:00:00+08:00"


@pytest.fixture
def shops(ask: Ask) -> Ask:
    """Two shops: one with a deposit that is suspended, one that is only owed a subsidy."""
    for name, id_, data in (
        ("shops.open",          "s1", {"name": "Cups", "industry": "home"}),
        ("shops.pay-deposit",   "s1", {"amount": 500_000}),
        ("shops.suspend",       "s1", {"cause": "pe1"}),
        ("shops.open",          "s2", {}),
        ("shops.grant-subsidy", "s2", {"amount": 900}),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": NOON}))
    return ask


def test_a_shop(shops: Ask, run: Run):
    found = shops("shop", "s1")
    assert (found["status"], found["name"], found["points"]) == ("suspended", "Cups", 0)
    assert found["restraints"] == [{"what": "suspended", "cause": "pe1", "since": NOON, "until": None}]
    (sums,) = found["sums"]
    assert (sums["currency"], sums["deposit"], sums["payable"]) == ("CNY", 500_000, 0)
    shown = run("shop", "s1").stdout
    assert "suspended" in shown
    assert "5,000.00 CNY" in shown
    assert shops("shop", "s1", "--as-at", "2")["status"] == "open"


def test_a_shop_that_nobody_knows(shops: Ask, run: Run):
    assert json.loads(run("shop", "s9", "--json", status=2).stderr)["code"] == "unknown_shop"


def test_the_deposits(shops: Ask, run: Run):
    report = shops("report", "deposits")
    assert report["currency"] == "CNY"
    assert [(row["shop"], row["deposit"], row["payable"]) for row in report["rows"]] == [
        ("s1", 500_000, 0),
        ("s2", 0, 900),
    ]
    assert report["total"] == {"deposit": 500_000, "payable": 900, "advanced": 0, "recourse": 0, "fines": 0}
    assert "5,000.00" in run("report", "deposits").stdout
    assert run("report", "deposits", "--currency", "GBP").stdout == "No deposits.\n"
    assert shops("report", "deposits", "--currency", "GBP")["rows"] == []


def test_the_story_of_a_shop(shops: Ask, run: Run):
    found = shops("replay", "s1")
    assert [(step["event"]["type"], step["shop"]["status"]) for step in found["steps"]] == [
        ("shop-opened", "open"),
        ("deposit-paid", "open"),
        ("shop-suspended", "suspended"),
    ]
    assert found["steps"][1]["transfers"] == [
        {"debit": "bank", "credit": "shop_deposit:s1", "amount": 500_000, "currency": "CNY"}
    ]
    assert "Step 3 of 3: shop-suspended" in run("replay", "s1").stdout

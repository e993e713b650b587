"""The fund, a card and an incident from the command line, and what is behind their figures."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from ledger import policies
from ledger.store.database import Database
from ledger.store.schema import uses
from tests.api.cli.conftest import Ask, Run

HOUSE = Path(__file__).parents[3]
SUM = 52_000
NOON = "2021-07-01T12:00:00+08:00"
RULE = msgspec.to_builtins(policies.shipped()["incident-2021-06"].rule)
TERMS = {"version": "v1", "effective_from": "2021-06-01T00:00:00+08:00", "rule": RULE, "force": True}


@pytest.fixture
def incident(ask: Ask, run: Run, tmp_path: Path) -> Ask:
    """An approved incident of 2 500 buyers, one of whom is listed twice, and money for two thousand."""
    for name, id_, data in (
        ("policies.publish",     "incident", {**TERMS, "reason": "the first terms"}),
        ("fund.contribute",      "pet",      {"amount": 2_000 * SUM, "reason": "opening"}),
        ("incidents.declare",    "I1",       {"title": "Sugar water", "cause": "birds-nest"}),
        ("incidents.open-batch", "I1",       {}),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": NOON}))
    buyers = [f"B{number:04}" for number in range(2_500)]
    (tmp_path / "buyers.csv").write_text("\n".join(["buyer,order", *buyers, "B0007,web:7", ""]))
    assert ask("incident", "add-members", "I1", "buyers.csv") == {"read": 2_501, "added": 2_500}
    assert ask("incident", "add-members", "I1", "buyers.csv") == {"read": 2_501, "added": 0}
    for person in ("ann", "bob"):
        ask("do", "incidents.approve", "I1", "--data", json.dumps({"by": person, "at": NOON}))
    return ask


def members(ask: Ask) -> tuple[int, ...]:
    found = ask("incident", "show", "I1")["members"]
    return tuple(found[status] for status in ("added", "excluded", "granted", "paid"))


def test_an_incident_from_the_list_to_the_bank(incident: Ask, run: Run):
    said = json.loads(run("incident", "grant", "I1", "--json", status=2).stderr)
    assert said["code"] == "incident_short"
    assert members(incident) == (500, 0, 2_000, 0)
    assert incident("fund")["due"] == 500 * SUM
    again = {"amount": 600 * SUM, "at": "2021-08-02T12:00:00+08:00"}
    incident("do", "fund.contribute", "pet", "--data", json.dumps(again))
    assert incident("incident", "grant", "I1") == {"granted": 500}
    assert incident("incident", "grant", "I1") == {"granted": 0}
    assert incident("incident", "pay", "I1") == {"paid": 2_500}
    assert incident("incident", "pay", "I1") == {"paid": 0}
    assert members(incident) == (0, 0, 0, 2_500)
    incident("do", "incidents.close", "I1")
    found = incident("fund")
    assert (found["available"], found["reserved"], found["due"]) == (100 * SUM, 0, 0)
    assert (found["in"], found["out"]) == ({"contributions": 2_600 * SUM}, {"batches": 2_500 * SUM})
    shown = run("incident", "show", "I1").stdout
    assert "closed" in shown
    assert ["members", "paid", "2,500"] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize("line", [",web:1", "B 1,web:1", f"{'B' * 129},web:1", "B1,web 1"])
def test_a_list_that_cannot_be_read(run: Run, tmp_path: Path, line: str):
    (tmp_path / "buyers.csv").write_text(f"B1\n{line}\n")
    said = json.loads(run("incident", "add-members", "I1", "buyers.csv", "--json", status=2).stderr)
    assert (said["code"], said["detail"]) == ("malformed", "Line 2 names no buyer.")
    assert json.loads(run("incident", "show", "I1", "--json", status=2).stderr)["code"] == "unknown_incident"


def test_the_fund_through_time(ask: Ask, run: Run):
    for amount, at in ((700, "2021-06-30T23:59:59+08:00"), (300, "2021-07-01")):
        data = {"amount": amount, "at": at if "T" in at else f"{at}T00:00:00+08:00"}
        ask("do", "fund.contribute", "pet", "--data", json.dumps(data))
    assert ask("report", "fund") == {
        "currency": "CNY",
        "rows": [
            {"month": "2021-06", "opening": 0, "in": 700, "out": 0, "closing": 700},
            {"month": "2021-07", "opening": 700, "in": 300, "out": 0, "closing": 1_000},
        ],
        "total": {"opening": 0, "in": {"contributions": 1_000}, "out": {}, "closing": 1_000},
    }
    june = ask("report", "fund", "--by", "day", "--to", "2021-06-30")
    assert june["rows"] == [{"day": "2021-06-30", "opening": 0, "in": 700, "out": 0, "closing": 700}]
    assert [line.split() for line in run("report", "fund").stdout.splitlines()] == [
        ["CNY"],
        ["month", "opening", "in", "out", "closing"],
        ["2021-06", "0.00", "7.00", "0.00", "7.00"],
        ["2021-07", "7.00", "3.00", "0.00", "10.00"],
        ["total", "0.00", "10.00", "0.00", "10.00"],
    ]
    assert ask("fund", "--as-of", "2021-07-01")["available"] == 1_000
    assert ask("fund", "--as-of", "2021-06-30")["available"] == 0
    assert ask("fund", "--as-at", "1")["available"] == 700
    assert "10.00 CNY" in run("fund").stdout
    assert ask("fund").keys() == {
        "currency", "available", "reserved", "held", "recourse", "due", "in", "out"
    }  # fmt: skip


def test_the_only_currency_of_the_books_needs_no_name(ask: Ask):
    assert ask("fund")["currency"] == "CNY"
    ask("do", "fund.contribute", "pet", "--data", json.dumps({"amount": 700, "currency": "USD"}))
    assert (ask("fund")["currency"], ask("fund")["available"]) == ("USD", 700)
    assert ask("explain", "fund/available")["amount"] == ask("report", "fund")["total"]["closing"] == 700
    ask("do", "fund.contribute", "pet", "--data", json.dumps({"amount": 300, "currency": "EUR"}))
    assert ask("fund")["currency"] == "CNY"
    assert ask("fund", "--currency", "EUR")["available"] == 300


def test_a_card(ask: Ask, run: Run):
    rule = msgspec.to_builtins(policies.shipped()["returnless-refund-2021-06"].rule)
    terms = {**TERMS, "rule": rule, "reason": "the first terms"}
    line = {"sku": "tea", "amount": 10_000}
    order = {"shop": "S1", "buyer": "B1", "currency": "CNY", "lines": [line]}
    packet = {"coupon": "K1", "kind": "red-packet", "amount": 500, "expires_at": "2021-07-31T23:59:59+08:00"}
    for name, id_, data in (
        ("policies.publish",    "returnless-refund", terms),
        ("cards.issue",         "B1",    {"tier": "gold"}),
        ("cards.grant-coupon",  "B1",    packet),
        ("orders.place",        "web:1", order),
        ("cards.redeem-coupon", "B1",    {"coupon": "K1", "order": "web:1", "amount": 200}),
        ("cards.use-benefit",   "B1",    {"benefit": "returnless-refund", "reference": "C1"}),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": NOON}))
    view = ask("card", "B1", "--as-of", NOON)
    assert (view["buyer"], view["tier"]) == ("B1", "gold")
    assert view["benefits"] == [{"benefit": "returnless-refund", "used": 1, "left": 3, "period": "2021-07"}]
    assert view["coupons"] == {"red-packet": {"granted": 500, "redeemed": 200, "expired": 0, "left": 300}}
    assert view["compensation"] == {"pending": 0, "payable": 0, "paid": 0}
    assert ask("card", "B1")["benefits"][0]["left"] == 4  # Another month, nothing used in it.
    assert ask("card", "B1", "--as-at", "2")["coupons"] == {}
    ask("do", "cards.expire-coupons", "B1")
    assert ask("card", "B1")["coupons"]["red-packet"]["left"] == 0
    shown = run("card", "B1").stdout
    assert "gold" in shown
    assert "red-packet" in shown
    assert json.loads(run("card", "B2", "--json", status=2).stderr)["code"] == "unknown_card"


def test_what_is_behind_the_fund(incident: Ask, run: Run):
    found = incident("explain", "fund/available")
    assert (found["amount"], found["currency"]) == (0, "CNY")
    assert found["parts"] == [
        {"name": "contributions", "amount": 2_000 * SUM, "figure": "fund/in/contributions"},
        {"name": "batches", "amount": -2_000 * SUM, "figure": "fund/out/batches"},
    ]
    for part in found["parts"]:
        further = incident("explain", part["figure"])
        assert further["amount"] == abs(part["amount"]) == sum(fact["amount"] for fact in further["facts"])
    behind = incident("explain", "fund/in/contributions")["facts"]
    assert [(fact["type"], fact["position"], fact["effective_at"]) for fact in behind] == [
        ("pet-fund-contributed", 2, NOON)
    ]
    due = incident("explain", "fund/due")
    assert (due["amount"], due["parts"][0]["name"]) == (500 * SUM, "incident/I1")
    assert incident("explain", "fund/available", "--as-at", 2)["amount"] == 2_000 * SUM
    assert "fund/out/batches" in run("explain", "fund/available").stdout
    fines = incident("explain", "fund/in/fines")  # there is no such income yet, but it has a name
    assert (fines["amount"], fines["facts"]) == (0, [])


def test_what_is_behind_a_card(incident: Ask, run: Run):
    run("incident", "grant", "I1", status=2)
    found = incident("explain", "card:B0000/compensation")
    assert [(part["name"], part["amount"]) for part in found["parts"]] == [
        ("pending", 0), ("payable", SUM), ("paid", 0),
    ]  # fmt: skip
    (cause,) = found["causes"]
    assert (cause["name"], cause["benefit"], cause["version"]) == ("incident/I1", "incident", "v1")
    assert (cause["payers"], cause["decided"], cause["funded"]) == ({"fund": SUM}, SUM, SUM)
    assert cause["trace"] == [{"name": "incident v1", "expression": f"{SUM}", "value": SUM}]
    payable = incident("explain", "card:B0000/compensation/payable")
    assert payable["parts"] == [{"name": "incident/I1", "amount": SUM, "figure": ""}]
    assert payable["amount"] == incident("balance", "buyer_payable:B0000")["balances"]["CNY"]
    assert incident("explain", "card:B0000/compensation/paid")["causes"] == []
    assert "borne by fund" in run("explain", "card:B0000/compensation").stdout


@pytest.mark.parametrize(
    "figure",
    [
        "fund",
        "fund/in",
        "fund/in/luck",
        "fund:x/available",
        "card/compensation",
        "card:B1/luck",
        "claim:C9/compensation",
        "x",
    ],
)
def test_there_is_no_such_figure(run_here: Run, figure: str):
    said = json.loads(run_here("explain", figure, "--json", status=2).stderr)
    assert (said["code"], said["field"]) == ("unknown_figure", "figure")


def test_a_grant_that_is_killed_goes_on_where_it_stopped(incident: Ask, database_url: str):
    """Killed while it grants, then run again: everybody has it once, nobody twice."""
    incident("do", "fund.contribute", "pet", "--data", json.dumps({"amount": 500 * SUM}))
    environment = {**os.environ, "ASSURANCE_DATABASE_URL": database_url}
    running = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "incident", "grant", "I1"],
        env=environment | {"PYTHONPATH": str(HOUSE)},
    )
    database = Database(database_url)
    try:
        while running.poll() is None and not _granted(database):
            time.sleep(0.001)
    finally:
        running.kill()
        running.wait()
    before = _granted(database)
    assert before % 1_000 == 0 or before == 2_500
    assert incident("incident", "grant", "I1") == {"granted": 2_500 - before}
    assert _granted(database) == 2_500
    database.close()
    assert members(incident) == (0, 0, 2_500, 0)
    assert incident("verify")["ok"]


def _granted(database: Database) -> int:
    """How many the log says have been granted it."""
    with database.read() as connection:
        query = select(uses.c.used).where(uses.c.subject == "incident-granted/I1")
        return connection.execute(query).scalar() or 0

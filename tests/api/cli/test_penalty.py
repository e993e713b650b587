"""Penalties on the command line: one on both clocks, and the sums of all."""

import json

import pytest

from tests.api.cli.conftest import Ask, Run


@pytest.fixture
def fined(ask: Ask) -> Ask:
    """A fine of 100.00 on shop S1 that its deposit paid in part; one of 5.00 on an account."""
    impose = {"party": "shop", "party_id": "S1", "fine": 10000, "reason": "fakes [all]", "points": 2}
    for name, id_, at, data in (
        ("shops.open",         "S1", "2021-06-01T09:00:00+08:00", {}),
        ("shops.pay-deposit",  "S1", "2021-06-01T10:00:00+08:00", {"amount": 4000}),
        ("penalties.impose",   "n1", "2021-06-02T10:00:00+08:00", impose),
        ("penalties.collect",  "n1", "2021-06-03T10:00:00+08:00", {}),
        ("penalties.impose",   "n2", "2021-07-01T10:00:00+08:00", {"party": "account", "party_id": "a1",
                                                                   "fine": 500, "reason": "brushing"}),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))
    return ask


def test_a_penalty(fined: Ask, run: Run):
    found = fined("penalty", "n1")
    assert (found["status"], found["due"], found["collected"], found["outstanding"]) == (
        "imposed",
        10000,
        4000,
        6000,
    )
    assert found["times"] == {"imposed": "2021-06-02T10:00:00+08:00"}
    shown = [line.split("  ") for line in run("penalty", "n1").stdout.splitlines()]
    words = [[word.strip() for word in line if word.strip()] for line in shown]
    assert words == [
        ["Penalty n1"],
        ["status", "imposed"],
        ["shop", "S1"],
        ["reason", "fakes [all]"],
        ["fine imposed", "100.00 CNY"],
        ["paid", "40.00 CNY"],
        ["of it from the deposit", "40.00 CNY"],
        ["held", "40.00 CNY"],
        ["outstanding", "60.00 CNY"],
        ["points", "2"],
        ["last position", str(found["position"])],
        [],
        ["effective", "what", "moved"],
        ["2021-06-02T10:00:00+08:00", "penalty-imposed"],
        ["2021-06-03T10:00:00+08:00", "fine-collected", "40.00 CNY"],
    ]


def test_a_penalty_on_both_clocks(fined: Ask, run: Run):
    assert fined("penalty", "n1", "--as-of", "2021-06-03")["collected"] == 0
    assert fined("penalty", "n1", "--as-at", "3")["collected"] == 0
    assert json.loads(run("penalty", "n9", "--json", status=2).stderr)["code"] == "unknown_penalty"


def test_the_report(fined: Ask, run: Run):
    found = fined("report", "penalties")
    assert found == {
        "currency": "CNY",
        "imposed": 10500,
        "increased": 0,
        "fees": 0,
        "paid": 4000,
        "outstanding": 6500,
        "outstanding_count": 2,
        "overpaid": 0,
        "overpaid_count": 0,
        "settled_count": 0,
        "in_collection_count": 0,
        "appeals": {"prefecture": {"filed": 0, "upheld": 0}, "judge": {"filed": 0, "upheld": 0}},
        "owed_back": {"count": 0, "amount": 0},
    }
    assert fined("report", "penalties", "--from", "2021-07-01")["imposed"] == 500
    assert fined("report", "penalties", "--to", "2021-06-30")["imposed"] == 10000
    assert "65.00 in 2" in run("report", "penalties").stdout
    assert fined("report", "penalties", "--as-of", "2021-06-03")["paid"] == 0
    rows = fined("report", "penalties", "--by", "month")["rows"]
    assert [(row["month"], row["imposed"], row["outstanding"]) for row in rows] == [
        ("2021-06", 10000, 6000),
        ("2021-07", 500, 500),
    ]
    assert run("report", "penalties", "--by", "shop").stdout.splitlines()[-2].split()[:2] == ["5.00", "0.00"]


def test_the_report_of_nothing_and_of_two_currencies(fined: Ask, run: Run):
    assert fined("report", "penalties", "--from", "2022-01-01")["imposed"] == 0
    assert run("report", "penalties", "--from", "2022-01-01").stdout == "No penalties.\n"
    euro = {"party": "account", "party_id": "a2", "fine": 7, "reason": "x", "currency": "EUR"}
    fined("do", "penalties.impose", "n3", "--data", json.dumps(euro))
    assert "CNY, EUR: name one." in run("report", "penalties", "--json", status=2).stderr
    assert fined("report", "penalties", "--currency", "EUR")["imposed"] == 7
    assert "EUR" in run("report", "penalties").stdout

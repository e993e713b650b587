"""Reports from the command line."""

import json
from typing import Any

from tests.api.cli.conftest import Ask, Run


def test_refunds(story: Ask, run: Run):
    total = {"count": 1, "amount": 4000}
    for by, name in (("month", "2021-06"), ("day", "2021-06-02"), ("shop", "S1"), ("sku", "tea")):
        assert story("report", "refunds", "--by", by) == {
            "currency": "CNY",
            "rows": [{by: name, **total}],
            "total": total,
        }
    assert story("report", "refunds") == story("report", "refunds", "--by", "month")
    assert [line.split() for line in run("report", "refunds").stdout.splitlines()] == [
        ["CNY"],
        ["month", "refunds", "money", "coupons"],
        ["2021-06", "1", "40.00", "0.00"],
        ["total", "1", "40.00", "0.00"],
    ]


def test_refunds_of_some_days(story: Ask, run: Run):
    nothing: dict[str, Any] = {"currency": None, "rows": [], "total": {"count": 0, "amount": 0}}
    assert story("report", "refunds", "--from", "2021-06-02", "--to", "2021-06-02")["total"]["count"] == 1
    assert story("report", "refunds", "--to", "2021-06-01") == nothing
    assert story("report", "refunds", "--from", "2021-06-03", "--currency", "CNY") == {
        **nothing,
        "currency": "CNY",
    }
    assert run("report", "refunds", "--from", "2021-06-03").stdout == "No refunds.\n"
    said = json.loads(run("report", "refunds", "--from", "June", "--json", status=2).stderr)
    assert (said["code"], said["field"]) == ("invalid_time", "from")


def test_refunds_in_two_currencies(story: Ask, run: Run):
    refund = {"shop": "S9", "currency": "GBP", "lines": [{"cash": 7}], "at": "2021-06-30T23:30:00Z"}
    story("do", "refunds.record", "R2", "--data", json.dumps(refund))
    assert "CNY, GBP: name one." in run("report", "refunds", "--json", status=2).stderr
    assert story("report", "refunds", "--currency", "GBP") == {
        "currency": "GBP",
        "rows": [{"month": "2021-06", "count": 1, "amount": 7}],
        "total": {"count": 1, "amount": 7},
    }
    assert "40.00" in run("report", "refunds").stdout
    assert "0.07" in run("report", "refunds").stdout


def test_returning_buyers(story: Ask, run: Run):
    assert story("report", "returning-buyers") == {
        "buyers": 1,
        "returning_by_order": 0,
        "returning_by_day": 0,
    }
    order = {"shop": "S1", "buyer": "B1", "currency": "CNY", "lines": [{"sku": "tea", "amount": 1}]}
    story("do", "orders.place", "web:2", "--data", json.dumps(order))
    assert story("report", "returning-buyers") == {
        "buyers": 1,
        "returning_by_order": 1,
        "returning_by_day": 1,
    }
    assert "with two or more orders" in run("report", "returning-buyers").stdout

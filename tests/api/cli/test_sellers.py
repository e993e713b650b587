"""Hosts, service providers, and the marks of a shop and its orders from the command line."""

import json

import msgspec
import pytest

from ledger import policies
from tests.api.cli.conftest import Ask, Run

NOON = "2021-06-01T12:00:00+08:00"
LATER = "2021-06-09T12:00:00+08:00"


@pytest.fixture
def sellers(ask: Ask) -> Ask:
    """A shop with the badge whose host an agency manages; an order before the badge and one after."""
    line = {"sku": "tea", "amount": 1000}
    order = {"shop": "S1", "buyer": "B1", "host": "H1", "currency": "CNY", "lines": [line]}
    terms = [
        ("policies.publish", each.id, "2021-05-01T00:00:00+08:00", {
            "version": each.version, "effective_from": each.effective_from.isoformat(), "rule": msgspec.to_builtins(each.rule),
            "force": True, "reason": "the first terms",
        })
        for name in ("counterfeit-2021-06", "seven-day-return-2021-06")
        for each in (policies.shipped()[name],)
    ]  # fmt: skip
    badge = {"badge": "trust-purchase", "day": "2021-06-08", "position": 1, "points": 0}
    for name, id_, at, data in (
        *terms,
        ("providers.admit",       "A1",    NOON,  {"plan": "wind-maker"}),
        ("shops.open",            "S1",    NOON,  {}),
        ("hosts.open",            "H1",    NOON,  {"name": "Ann"}),
        ("hosts.change-provider", "H1",    NOON,  {"provider": "A1"}),
        ("orders.place",          "web:1", NOON,  order),
        ("orders.pay",            "web:1", NOON,  {"cash": 1000}),
        *(("shops.open-benefit",  "S1",    NOON,  {"benefit": each}) for each in ("counterfeit", "seven-day-return")),
        ("shops.assess-badge",    "S1",    "2021-06-08T12:00:00+08:00", badge),
        ("shops.enter-campaign",  "S1",    LATER, {"campaign": "sale-618"}),
        ("orders.place",          "web:2", LATER, order),
        ("orders.pay",            "web:2", LATER, {"cash": 1000}),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))
    return ask


def test_the_marks_of_a_shop_and_of_its_orders(sellers: Ask, run: Run):
    found = sellers("shop", "S1")
    assert [(each["badge"], each["until"]) for each in found["badges"]] == [("trust-purchase", None)]
    assert found["campaigns"] == ["sale-618"]
    assert found["experience"] == {"score": None, "missing": ["quality", "service", "logistics"]}
    assert "trust-purchase" in run("shop", "S1").stdout
    assert [sellers("order", id_)["badges"] for id_ in ("web:1", "web:2")] == [[], ["trust-purchase"]]
    assert "trust-purchase" in run("order", "web:2").stdout


def test_who_holds_marks(sellers: Ask, run: Run):
    (row,) = sellers("report", "badges")["rows"]
    assert (row["shop"], row["badge"], row["since"]) == ("S1", "trust-purchase", "2021-06-08T12:00:00+08:00")
    assert sellers("report", "badges", "--as-of", "2021-06-08")["rows"] == []
    assert "trust-purchase" in run("report", "badges").stdout


def test_a_host(sellers: Ask, run: Run):
    found = sellers("host", "H1", "--day", "2021-06-15")
    assert (found["status"], found["name"], found["provider"]) == ("open", "Ann", "A1")
    assert (found["index"]["orders"], found["index"]["label"]) == (2, "insufficient")
    assert sellers("host", "H1", "--as-of", "2021-06-02")["index"]["day"] == "2021-06-02"
    assert "Among 1 hosts" in run("host", "H1", "--day", "2021-06-15").stdout
    assert json.loads(run("host", "H9", "--json", status=2).stderr)["code"] == "unknown_host"
    sold = {
        "shop": "S1",
        "buyer": "B1",
        "host": "H2",
        "currency": "CNY",
        "lines": [{"sku": "tea", "amount": 1}],
        "at": NOON,
    }
    sellers("do", "orders.record", "web:9", "--data", json.dumps(sold))
    assert sellers("host", "H2", "--day", "2021-06-15")["status"] == ""  # Known by what it sold.


def test_a_provider(sellers: Ask, run: Run):
    found = sellers("provider", "A1", "--year", "2021")
    assert (found["status"], found["plan"], found["tiers"]) == ("admitted", "wind-maker", [])
    assert found["served"] == [{"party": "host", "id": "H1", "since": NOON, "until": None}]
    assert found["sales"] == [{"year": 2021, "currency": "CNY", "orders": 2, "amount": 2000}]
    assert "20.00 CNY" in run("provider", "A1", "--year", "2021").stdout
    assert json.loads(run("provider", "A9", "--json", status=2).stderr)["code"] == "unknown_provider"


def test_figures_explained(sellers: Ask, run: Run):
    found = sellers("explain", "shop:S1/badge/trust-purchase", "--as-of", "2021-06-10")
    assert (found["value"], [each["type"] for each in found["facts"]]) == ("held", ["badge-granted"])
    for figure in ("shop:S1/experience", "shop:S1/traffic", "host:H1/index"):
        assert sellers("explain", figure)["figure"] == figure
        assert figure in run("explain", figure).stdout


def test_the_book_of_traffic(sellers: Ask, run: Run):
    sellers("run-due", "--at", "2021-06-10T12:00:00+08:00")
    found = sellers("report", "traffic", "--by", "day")
    assert found["rows"] == [
        {"day": "2021-06-10", "basic": 5500, "cold-start": 2000, "growth": 0, "burst": 0, "units": 7500}
    ]
    assert found["subsidy"] == {
        "currency": "CNY",
        "budget": 10_000_000_000,
        "granted": 0,
        "left": 10_000_000_000,
    }
    assert "7,500" in run("report", "traffic").stdout
    assert sellers("verify")["ok"]

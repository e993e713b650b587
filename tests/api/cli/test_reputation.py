"""The repeat-customer index from the command line: of all shops, of one, explained, and kept day by day."""

import json

import pytest

from tests.api.cli.conftest import Ask, Run

DAY = "2021-07-10"


@pytest.fixture
def shops(ask: Ask) -> Ask:
    """Two tea shops in June: all buyers of s1 came back, none of s2, which has a quality refund and a penalty."""
    line = {"sku": "tea", "amount": 1000}

    def do(name: str, id_: str, at: str, **data: object) -> None:
        ask("do", name, id_, "--data", json.dumps({**data, "at": f"2021-06-{at}T12:00:00+08:00"}))

    for shop in ("s1", "s2"):
        do("shops.open", shop, "01", industry="tea")
        for number, at in enumerate(("11", "12")):
            buyer = "b1" if shop == "s1" else f"c{number}"
            do("orders.place", f"{shop}:{number}", at, shop=shop, buyer=buyer, currency="CNY", lines=[line])
            do("orders.pay", f"{shop}:{number}", at, cash=1000)
    do("refunds.request", "r1", "13", order="s2:0", reason="broken")
    do("refunds.approve", "r1", "13")
    do("refunds.complete", "r1", "14")
    do("penalties.impose", "n1", "15", party="shop", party_id="s2", points=3, reason="fakes")
    do("penalties.appeal", "n1", "16", instance="first", reason="genuine")
    return ask


def test_the_report(shops: Ask, run: Run):
    found = shops("report", "reputation", "--day", DAY)
    assert (found["day"], found["formula"], len(found["digest"])) == (DAY, "1", 64)
    (tea,) = found["industries"]
    assert (tea["industry"], tea["mean"], tea["ranked"]) == ("tea", None, 0)
    first, second = tea["shops"]
    # 50 + 0.25 × 25 + 0.075 × 25 and 50 - 0.25 × 25 - 0.075 × 25 - 0.075 × 0 - 3.
    assert (first["shop"], first["index"], first["exact"], first["label"]) == (
        "s1",
        "58.1",
        "465/8",
        "insufficient",
    )
    assert (second["index"], second["orders"], second["deduction"]) == ("38.9", 2, 3)
    assert second["improve"] == ["repeat_rate", "quality_refunds"]
    assert second["components"][2] == {
        "metric": "quality_refunds", "dimension": "quality", "weight": "0.0750", "numerator": 1, "n": 2,
        "peers_numerator": 1, "peers_n": 4, "value": "27/104", "percentile": "25", "lower": 1, "equal": 1, "among": 2,
    }  # fmt: skip
    assert second["components"][4]["value"] is None
    shown = run("report", "reputation", "--day", DAY).stdout
    assert "tea on 2021-07-10: no shop has enough orders" in shown
    assert "repeat rate -6.3, quality refunds -1.9" in shown


def test_one_industry_and_a_day_without_any(shops: Ask, run: Run):
    assert shops("report", "reputation", "--day", DAY, "--industry", "cups")["industries"] == []
    assert len(shops("report", "reputation", "--day", DAY, "--industry", "tea")["industries"]) == 1
    said = run("report", "reputation", "--day", "2020-01-01").stdout
    assert said == "No shop has an observation in the windows of 2020-01-01.\n"
    wrong = run("report", "reputation", "--day", "June", "--json", status=2)
    assert json.loads(wrong.stderr)["code"] == "invalid_time"


def test_a_shop_shows_its_index_and_what_to_improve(shops: Ask, run: Run):
    found = shops("shop", "s2", "--day", DAY)["reputation"]
    assert (found["day"], found["index"], found["label"], found["orders"]) == (DAY, "38.9", "insufficient", 2)
    assert [each["metric"] for each in found["suggestions"]] == ["repeat_rate", "quality_refunds"]
    assert found["suggestions"][0]["points"] == "6.2500"
    shown = run("shop", "s2", "--day", DAY).stdout
    assert "38.9, insufficient" in shown
    assert "Few buyers come back" in shown


def test_the_index_is_explained_to_the_facts(shops: Ask, run: Run):
    found = shops("explain", "shop:s2/index", "--day", DAY)
    assert (found["figure"], found["value"], found["currency"]) == ("shop:s2/index", "38.9", "")
    assert "industry tea" in found["means"]
    parts = {part["name"]: part for part in found["components"]}
    assert list(parts)[-2:] == ["deduction", "label"]
    refunds = parts["quality_refunds"]
    assert (refunds["inputs"], refunds["percentile"]) == ("1 of 2; the industry 1 of 4", "25.0000")
    assert refunds["peers"] == {
        "least": "0.2404", "lower": "0.2404", "middle": "0.2404", "upper": "0.2596", "most": "0.2596", "among": 2,
    }  # fmt: skip
    named = {fact["position"]: fact for fact in found["facts"]}
    assert named[refunds["positions"][0]]["type"] == "refund-completed"
    assert named[parts["deduction"]["positions"][0]]["data"]["points"] == 3
    assert (parts["deduction"]["points"], parts["service"]["missing"]) == ("-3", True)
    assert not found["more"]
    assert shops("explain", "shop:s2/index", "--day", DAY, "--limit", "1")["more"]
    shown = run("explain", "shop:s2/index", "--day", DAY).stdout
    assert "1 of 2; the industry 1 of 4" in shown
    assert "penalty-imposed" in shown


def test_what_is_no_figure_of_a_shop(shops: Ask, run: Run):
    for figure, code in (("shop:s1/wealth", "unknown_figure"), ("shop:/index", "unknown_figure"), ("shop:s9/index", "unknown_shop")):  # fmt: skip
        assert json.loads(run("explain", figure, "--json", status=2).stderr)["code"] == code


def test_an_overturned_penalty_changes_now_and_not_what_was_known_then(shops: Ask):
    kept = shops("run-due", "--at", f"{DAY}T09:00:00+08:00")
    assert kept["snapshots"] == 2
    head = shops("verify")["events"]
    data = {"instance": "first", "reason": "genuine", "at": f"{DAY}T12:00:00+08:00"}
    shops("do", "penalties.overturn", "n1", "--data", json.dumps(data))

    def index(*clock: str) -> str:
        found: str = shops("shop", "s2", "--day", DAY, *clock)["reputation"]["index"]
        return found

    assert index() == "41.9"
    assert index("--as-at", str(head)) == index("--as-of", f"{DAY}T11:00:00+08:00") == "38.9"
    assert shops("run-due", "--at", f"{DAY}T20:00:00+08:00")["snapshots"] == 0, (
        "the day is kept as it was answered"
    )
    assert shops("verify")["ok"]

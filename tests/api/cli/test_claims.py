"""Claims and payouts from the command line."""

import json

from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.writer import Writer
from tests.api.cli.conftest import Ask, Run
from tests.ledger.stories import request
from tests.ledger.test_claim import PAID


def told(url: str) -> None:
    database = Database(url)
    migrate(database)
    writer = Writer(database)
    for step in PAID:
        writer.execute(request(step))
    writer.close()
    database.close()


def test_claim(database_url: str, ask: Ask, run: Run):
    told(database_url)
    found = ask("claim", "c1")
    assert (found["status"], found["compensation"], found["paid"]) == ("paid", 179_100, 179_100)
    assert found["parts"] == {"deposit": 50_000, "fund": 129_100}
    assert found["times"]["claim-filed"] == "2021-12-01T00:00:00+00:00"
    shown = run("claim", "c1").stdout
    assert "1,791.00 CNY" in shown
    assert "9 × 19900" in shown
    assert json.loads(run("claim", "c9", "--json", status=2).stderr)["code"] == "unknown_claim"


def test_payouts(database_url: str, ask: Ask, run: Run):
    assert "No payouts." in run("report", "payouts").stdout
    told(database_url)
    assert ask("report", "payouts", "--by", "shop") == {
        "currency": "CNY",
        "rows": [{"shop": "s1", "count": 1, "amount": 179_100}],
        "total": {"count": 1, "amount": 179_100},
    }
    assert "1,791.00" in run("report", "payouts", "--by", "benefit").stdout


def test_the_story_of_a_claim(database_url: str, ask: Ask, run: Run):
    told(database_url)
    found = ask("replay", "c1")
    assert [(step["event"]["type"], step["claim"]["status"]) for step in found["steps"]] == [
        ("claim-filed", "filed"),
        ("claim-upheld", "short"),
        ("claim-funded", "funded"),
        ("recourse-opened", "funded"),
        ("compensation-paid", "paid"),
    ]
    assert found["steps"][2]["transfers"][0]["debit"] == "shop_deposit:s1"
    assert "terms counterfeit 2021-11" in run("replay", "c1", "--step", "2").stdout
    unknown = json.loads(run("replay", "c9", "--json", status=2).stderr)
    assert (unknown["code"], unknown["detail"]) == (
        "not_found",
        "There was no order, claim or shop 'c9' then.",
    )
    assert json.loads(run("replay", "web:9", "--json", status=2).stderr)["code"] == "unknown_order"

"""The yearly trust report from the command line, as tables, JSON and one page."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from sqlalchemy import func, select

from api.importers.complete_journey import transactions
from ledger import time
from ledger.books import Clocks
from ledger.store.database import Database
from ledger.store.schema import facts
from projections.engine import Engine
from tests.api.cli.conftest import Ask, Run
from tests.api.test_page import CHROMIUM, cells_of, opened_offline
from tests.projections.test_trust import same


def row(report: Any, name: str) -> Any:
    """The only row of a figure."""
    (found,) = (
        figure["rows"]
        for section in report["sections"]
        for figure in section["figures"]
        if figure["name"] == name
    )
    assert len(found) == 1
    return found[0]


def test_a_year_as_json(story: Ask):
    report = story("report", "trust", "--year", "2021")
    assert (report["year"], report["over"], report["window"]) == (2021, True, 30)
    assert row(report, "orders.paid")["value"] == {"amount": 1, "whole": None, "percent": None}
    assert row(report, "orders.covered")["value"] == {"amount": 0, "whole": 1, "percent": "0.0"}
    sales = row(report, "sales.paid")
    assert (sales["currency"], sales["value"]["amount"], sales["before"]) == ("CNY", 10_000, None)
    assert sales["before_unknown"] == "the ledger holds nothing of 2020"
    late = row(report, "dispatch.late")
    assert (late["value"], late["unknown"]) == (None, "no order with a promised time was paid")


def test_the_year_after_is_compared(story: Ask):
    report = story("report", "trust", "--year", "2022")
    refunds = row(report, "refunds.cash")
    assert refunds["unknown"] == "the ledger holds nothing of 2022"
    assert (refunds["value"], refunds["before"]["amount"], refunds["change"]) == (None, 4_000, None)


def test_the_report_on_both_clocks(story: Ask):
    assert (
        row(story("report", "trust", "--year", "2021", "--as-of", "2021-06-02"), "refunds.completed")[
            "value"
        ]["amount"]
        == 0
    )
    before = story("report", "trust", "--year", "2021", "--as-at", "3")
    assert before["position"] == 3
    assert row(before, "refunds.completed")["value"]["amount"] == 0
    assert row(story("report", "trust", "--year", "2021"), "refunds.completed")["value"]["amount"] == 1


def test_people_see_what_is_not_known_and_why(story: Ask, run: Run):
    shown = run("report", "trust", "--year", "2021").stdout
    lines = {line.split("  ")[0]: line for line in shown.splitlines()}
    assert lines["paid orders"].split() == [
        "paid",
        "orders",
        "1",
        "–",
        "before:",
        *"the ledger holds nothing of 2020".split(),
    ]
    assert lines["late dispatch"].endswith("no order with a promised time was paid")
    assert "of all" not in shown


def test_a_year_that_is_not_over_says_so(run: Run):
    assert run("report", "trust", "--year", "9998").stdout.endswith("9998 is not over.\n")
    run("report", "trust", "--year", "1", status=2)


def test_uplift(story: Ask, run: Run):
    assert story("report", "uplift", "--year", "2021")["openings"] == []
    assert "an association, not a cause" in run("report", "uplift", "--year", "2021").stdout


def test_visits_are_recorded_by_day(ask: Ask, run: Run):
    visits = {"day": "2021-06-10", "visits": 1200}
    assert (
        ask("do", "visits.record", "S1", "--data", json.dumps(visits))["facts"][0]["type"]
        == "visits-recorded"
    )
    said = run(
        "do", "visits.record", "S1", "--data", json.dumps({**visits, "day": "2999-01-01"}), "--json", status=2
    )
    assert (json.loads(said.stderr)["code"], json.loads(said.stderr)["field"]) == ("invalid_time", "day")


def test_one_page(story: Ask, run: Run, tmp_path: Path):
    page = tmp_path / "trust.html"
    assert "is in" in run("report", "trust", "--year", "2021", "--html", page).stdout
    assert (
        "No such file"
        in run("report", "trust", "--year", "2021", "--html", tmp_path / "a/b", status=2).stderr
    )
    found = cells_of(page.read_text(encoding="utf-8"))
    assert found["sales.paid"] == ["sales", "", "100.00 CNY", "–", "before: the ledger holds nothing of 2020"]


@pytest.mark.slow
def test_the_simulation_reckoned_by_sql(run: Run, database_url: str):
    """Every figure of the simulated year, and of the ones beside it, from the facts and transfers alone."""
    run("demo", "--baskets", "150", "--simulate")
    database = Database(database_url)
    try:
        Engine(database).catch_up()
        with database.read() as connection:
            middle = connection.execute(select(func.max(facts.c.position))).scalar_one() // 2
        for year in (2016, 2017, 2018):
            same(database, year)
        same(database, 2017, Clocks(as_at=middle))
        same(database, 2017, Clocks(as_of=time.micros(time.parse("2017-07-01"))))
    finally:
        database.close()


@pytest.mark.slow
def test_repurchase_over_real_baskets(ask: Ask):
    """The figures of 400 baskets of households, counted again in the file they come from."""
    ask("demo", "--baskets", "400")
    report = ask("report", "trust", "--year", "2017")
    table = parquet.read_table(transactions(), columns=["basket_id", "household_id", "store_id"])
    seen: dict[str, tuple[str, str]] = {}
    for basket, household, store in zip(
        *(table.column(name).to_pylist() for name in table.column_names), strict=True
    ):
        seen.setdefault(str(basket), (str(household), str(store)))
        if len(seen) == 400:
            break
    buyers = Counter(household for household, _ in seen.values())
    pairs = Counter(seen.values())
    shops = {store: max(n for (_, at), n in pairs.items() if at == store) for _, store in seen.values()}
    for name, counts in (("buyers", buyers), ("new_buyers", buyers), ("same_shop", pairs), ("shops", shops)):
        value = row(report, f"repurchase.{name}")["value"]
        assert (value["amount"], value["whole"]) == (sum(n > 1 for n in counts.values()), len(counts)), name


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: the page is read as text alone")
def test_the_page_of_the_simulation_opens_without_a_network(run_here: Run, tmp_path: Path):
    """What a real browser shows is what the JSON says."""
    run_here("demo", "--baskets", "150", "--simulate")
    page = tmp_path / "trust.html"
    report = json.loads(run_here("report", "trust", "--year", "2017", "--html", page, "--json").stdout)
    shown = cells_of(opened_offline(page))
    assert shown["orders.paid"][2] == f"{row(report, 'orders.paid')['value']['amount']:,}"
    for name in ("orders.covered", "repurchase.buyers", "cards.uptake"):
        value = row(report, name)["value"]
        assert shown[name][2] == f"{value['percent']} % ({value['amount']:,} of {value['whole']:,})"
    fund = row(report, "fund.closing")["value"]["amount"]
    assert shown["fund.closing"][2] == f"{fund / 100:,.2f} USD"
    assert subprocess.run(["grep", "-c", "://", page], capture_output=True, check=False).stdout == b"0\n"

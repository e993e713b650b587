"""The demonstration with its simulation: invented, labelled as such, and the same story every time."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.settings import PREFIX
from ledger.codec import CODEC
from ledger.store.database import Database
from ledger.store.schema import facts
from tests.api.cli.conftest import Run

DAY = "2017-01-31"


def told(url: str) -> list[tuple[Any, ...]]:
    """Every fact without the time at which it was recorded."""
    database = Database(url)
    with database.read() as connection:
        rows = connection.execute(facts.select().order_by(facts.c.position)).all()
    database.close()
    found = [(row.originator_id, *CODEC.decode(row.topic, row.state)) for row in rows]
    return [
        (stream, envelope.effective_at, envelope.offset, envelope.actor, envelope.source, envelope.key, fact)
        for stream, envelope, fact in found
    ]


def test_the_simulation_is_told_once_and_labelled(run: Run, database_url: str):
    first = json.loads(run("demo", "--baskets", "150", "--simulate", "--json").stdout)
    assert first["import"]["refused"] == []
    assert first["simulation"]["refused"] == {}
    assert first["fund"]["currency"] == first["card"]["currency"] == "USD"
    assert set(first["fund"]["in"]) == {"contributions", "fines"}
    assert set(first["fund"]["out"]) == {"batches", "claims"}
    assert first["card"]["compensation"]["paid"] > 0
    assert first["shop"]["points"] > 0
    (books,) = first["trial_balance"]["currencies"].values()
    assert books["debit"] == books["credit"]
    fund = next(row["balance"] for row in books["accounts"] if row["account"] == "pet_fund")
    assert fund == first["fund"]["available"]
    assert fund == sum(first["fund"]["in"].values()) - sum(first["fund"]["out"].values())
    labels = {shop["label"] for shop in first["reputation"]["shops"]}
    assert labels == {"insufficient"}, "a few baskets are too few to judge by"

    before = told(database_url)
    assert {actor for _, _, _, actor, source, _, _ in before if source is None} == {"simulation"}
    real = {stream for stream, _, _, _, source, _, _ in before if source}
    assert all(stream.startswith(("order-cj:", "coverage-cj:")) for stream in real)

    again = json.loads(run("demo", "--baskets", "150", "--simulate", "--json").stdout)
    assert again["simulation"] == {
        "recorded": 0,
        "known": first["simulation"]["recorded"] + first["simulation"]["known"],
        "refused": {},
    }
    assert again["trial_balance"] == first["trial_balance"]
    assert again["reputation"] == first["reputation"]
    assert told(database_url) == before
    assert json.loads(run("verify", "--json").stdout)["ok"]


def test_people_are_told_that_none_of_it_happened_and_what_to_try(run: Run, tmp_path: Path):
    shown = run("demo", "--baskets", "60", "--simulate", "--seed", "7").stdout
    assert "SIMULATION: none of this happened" in shown
    assert f"Reputation on {DAY}: the busiest shops of the industry food" in shown
    tried = set()
    for line in shown[shown.index("What to try next:") :].splitlines()[1:]:
        words = line.split()
        assert words[0] == "assurance"
        if words[1] in {"explain", "claim", "report", "shop", "replay", "says", "notice"}:
            assert run(*words[1:]).stdout
            tried.add(words[1])
    assert tried == {"explain", "claim", "report", "shop", "replay", "says", "notice"}
    assert "SIMULATED" in run("notice", "sim-notice").stdout
    assert (tmp_path / "trust.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_one_seed_tells_one_story(run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stories = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        url = f"sqlite:///{tmp_path / name}.db"
        monkeypatch.setenv(f"{PREFIX}DATABASE_URL", url)
        run_here("demo", "--baskets", "15", "--simulate", "--seed", seed)
        stories.append(told(url))
    assert stories[0] == stories[1] != stories[2]


def test_one_basket_is_enough(run_here: Run):
    only = json.loads(run_here("demo", "--baskets", "1", "--simulate", "--json").stdout)
    assert only["simulation"]["refused"] == {}
    assert len(only["reputation"]["shops"]) == 1


@pytest.mark.slow
def test_newcomers_see_what_reputation_is(run_here: Run):
    found = json.loads(run_here("demo", "--simulate", "--json").stdout)
    assert found["simulation"]["refused"] == {}
    reputation = found["reputation"]
    shops = {shop["shop"]: shop for shop in reputation["shops"]}
    assert {shop["label"] for shop in shops.values()} == {"leading", "above_average", "on_par", "behind"}
    assert all(shop["orders"] >= 30 and shop["experience"] for shop in shops.values())
    assert any(shop["marks"] == ["trust-purchase"] for shop in shops.values())
    (lost,) = (name for name, shop in shops.items() if shop["lost"])
    assert (lost, found["shop"]["points"]) == (found["shop"]["id"], 12), "a penalty cost it its mark"

    (food,) = json.loads(run_here("report", "reputation", "--day", DAY, "--json").stdout)["industries"]
    enough = {shop["shop"]: shop for shop in food["shops"] if shop["label"] != "insufficient"}
    assert food["ranked"] == len(enough) == len(shops)
    for name, shop in shops.items():
        assert enough[name]["index"] == f"{shop['index'] / 10:.1f}"
        assert enough[name]["label"] == shop["label"]
        assert enough[name]["orders"] == shop["orders"]
    assert enough[lost]["deduction"] == 12

    uplift = json.loads(run_here("report", "uplift", "--year", "2017", "--window", "2", "--json").stdout)
    assert {each["shop"] for each in uplift["openings"]} == set(shops)
    (told_,) = json.loads(run_here("report", "false-claims", "--json").stdout)["statements"]
    assert (told_["reminders"], told_["penalty"]) == (1, "")
    answered = [
        review
        for name in shops
        for review in json.loads(run_here("says", name, "--json").stdout)["says"]
        if review["answers"]
    ]
    loyal = max(review["earlier_orders"] for review in answered)
    assert loyal > 9, "who comes nearly every time"
    assert {"quality": 1, "service": 2, "logistics": 5, "content": 3} in (
        review["ratings"] for review in answered if review["earlier_orders"] == loyal
    )

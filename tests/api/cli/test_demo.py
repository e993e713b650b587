"""The demonstration with its simulation: invented, labelled as such, and the same story every time."""

import json

from ledger.codec import CODEC
from ledger.store.database import Database
from ledger.store.schema import facts
from tests.api.cli.conftest import Run

COUNTED = ("recorded", "known", "refused")


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

    database = Database(database_url)
    with database.read() as connection:
        rows = connection.execute(facts.select()).all()
    database.close()
    actors = {CODEC.decode(row.topic, row.state)[0].actor for row in rows if "-sim-" in row.originator_id}
    assert actors == {"simulation"}

    again = json.loads(run("demo", "--baskets", "150", "--simulate", "--json").stdout)
    assert again["simulation"] == {
        "recorded": 0,
        "known": first["simulation"]["recorded"] + first["simulation"]["known"],
        "refused": {},
    }
    assert again["trial_balance"] == first["trial_balance"]
    assert json.loads(run("verify", "--json").stdout)["ok"]


def test_people_are_told_that_none_of_it_happened_and_what_to_try(run: Run):
    shown = run("demo", "--baskets", "60", "--simulate", "--seed", "7").stdout
    assert "SIMULATION: none of this happened" in shown
    for line in shown[shown.index("What to try next:") :].splitlines()[1:]:
        words = line.split()
        assert words[0] == "assurance"
        if words[1] in {"explain", "claim", "report", "shop", "replay"}:
            run(*words[1:])

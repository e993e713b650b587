"""Operation from the command line: proofs, read models, schema, settings, keys."""

import json

import pytest
import sqlalchemy as sa

from ledger.store.database import Database
from tests.api.cli.conftest import Ask, Run


def tamper(url: str, statement: str) -> None:
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text(statement))
    database.close()


def test_verify(story: Ask, run: Run):
    story("order", "web:1")
    found = story("verify")
    assert found["ok"]
    assert (found["events"], found["head"], len(found["root"])) == (4, 4, 64)
    assert set(found) == {"ok", "events", "head", "root", "checks"}
    assert all(set(check) == {"name", "ok", "checked", "first_failure"} for check in found["checks"])
    assert all(check["ok"] and check["first_failure"] is None for check in found["checks"])
    assert any(check["name"].startswith("projection ") for check in found["checks"])
    assert "everything holds" in run("verify").stdout


def test_verify_names_the_first_wrong_row(story: Ask, run: Run, database_url: str):
    tamper(database_url, "UPDATE transfers SET amount = 1 WHERE position = 4")
    found = story("verify", status=1)
    assert not found["ok"]
    (failure,) = [check["first_failure"] for check in found["checks"] if check["name"] == "transfers"]
    assert failure["row"] == {"position": 4, "number": 0}
    shown = run("verify", status=1).stdout
    assert "NOT what the facts make it" in shown
    assert "'position': 4" in shown


def test_projections_and_rebuild(story: Ask, run: Run, database_url: str):
    before = story("projections")["projections"]
    assert {model["name"] for model in before} >= {"order_status", "refunds", "returning_buyers"}
    assert all(model["lag"] == 4 for model in before)
    story("order", "web:1")
    tamper(database_url, "UPDATE p_order_status_v4 SET shop = 'S9'")
    refused = json.loads(run("rebuild", "order_status", "--processes", "1", "--json", status=2).stderr)
    assert (refused["code"], refused["field"]) == ("projection_differs", "projection")
    assert "shop is 'S9'" in refused["detail"]
    accepted = story("rebuild", "order_status", "--accept", "--processes", "1")
    (model,) = accepted["projections"]
    assert (model["name"], model["position"], model["lag"], model["kept"]) == ("order_status", 4, 0, 4)
    assert [each["outcome"] for each in accepted["rebuilt"]] == ["switched"]
    assert story("verify")["ok"]
    whole = story("rebuild", "--processes", "2")
    assert all(model["lag"] == 0 for model in whole["projections"])
    assert {each["outcome"] for each in whole["rebuilt"]} == {"same"}
    assert "the same as before" in run("rebuild", "refunds", "--processes", "1").stdout
    assert "order_status" in run("projections").stdout
    assert json.loads(run("rebuild", "nonsense", "--json", status=2).stderr)["code"] == "not_found"
    # The way back leads to what was wrong.
    story("rebuild", "order_status", "--back")
    assert not story("verify", status=1)["ok"]
    story("rebuild", "order_status", "--back")
    assert story("verify")["ok"]
    assert json.loads(run("rebuild", "refunds", "--back", "--json", status=2).stderr)["code"] == "not_found"
    assert "names of models" in run("rebuild", "--back", status=2).stderr


def test_what_stops_a_read_model_is_shown_tried_again_or_left_out(story: Ask, run: Run, database_url: str):
    story("rebuild", "--processes", "1")
    tamper(
        database_url,
        "UPDATE projection_checkpoints SET position = 0, leaf = substr(leaf, 1, 0), failed_position = 3, reason = 'odd' "
        "WHERE name = 'policies'",
    )
    found = {model["name"]: model for model in story("projections", status=1)["projections"]}
    assert (found["policies"]["failed_position"], found["policies"]["reason"]) == (3, "odd")
    assert found["policies"]["seconds"] >= 0
    (tried,) = story("projections", "retry", "policies")["projections"]
    assert (tried["lag"], tried["reason"]) == (0, "")
    (skipped,) = story("projections", "skip", "policies", "3", "--reason", "of no use")["projections"]
    assert skipped["name"] == "policies"
    fact = story("do", "projections.skip", "policies", "--data", '{"position": 2, "reason": "nor this"}')
    assert fact["facts"][0]["type"] == "fact-skipped"
    shown = run("projections", "skip", "policies", "1", "--reason", "taken")
    assert "has taken it already" in shown.stderr
    again = run("projections", "skip", "policies", "3", "--reason", "of no use", "--json", status=2)
    assert json.loads(again.stderr)["code"] == "wrong_state"
    unknown = run("projections", "skip", "nonsense", "3", "--reason", "of no use", "--json", status=2)
    assert json.loads(unknown.stderr)["code"] == "not_found"
    assert story("verify")["ok"]


def test_migrate(ask: Ask, run: Run):
    first = ask("migrate")
    assert first["before"] is None
    assert ask("migrate") == {"before": first["after"], "after": first["after"]}
    assert "already" in run("migrate").stdout


def test_settings_keep_secrets(run: Run, ask: Ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSURANCE_SECRET", "hush-hush")
    listed = ask("settings")["settings"]
    assert {setting["variable"] for setting in listed} >= {"ASSURANCE_DATABASE_URL", "ASSURANCE_SECRET"}
    assert all(setting["description"] for setting in listed)
    assert "hush-hush" not in run("settings").stdout + json.dumps(listed)


def test_keys(ask: Ask, run: Run):
    made = ask("keys", "create", "warehouse")
    assert made["name"] == "warehouse"
    assert made["key"].startswith("ak_")
    (key,) = ask("keys", "list")["keys"]
    assert (key["name"], key["revoked_at"]) == ("warehouse", None)
    assert made["key"] not in run("keys", "list").stdout
    assert ask("keys", "revoke", key["id"]) == {"id": key["id"], "revoked": True}
    assert ask("keys", "list")["keys"][0]["revoked_at"]
    assert json.loads(run("keys", "revoke", "nonsense", "--json", status=2).stderr)["code"] == "unknown_key"
    shown = run("keys", "create", "shop")
    assert shown.stdout.startswith("ak_")
    assert "cannot be shown again" in shown.stderr


def test_serve_hands_the_settings_on(run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str, int, int]] = []
    monkeypatch.setattr(
        "api.cli.serve.serve_http",
        lambda settings, *, host, port, workers: asked.append((settings.database_url, host, port, workers)),
    )
    run("serve", "--port", 9000, "--workers", 2)
    assert asked == [(database_url, "127.0.0.1", 9000, 2)]

"""Commands of the catalogue from the command line."""

import json
from pathlib import Path

import pytest

from ledger.catalogue import LIFECYCLES
from ledger.decisions.base import COMMANDS
from tests.api.cli.conftest import Ask, Run

assert LIFECYCLES  # the catalogue is loaded for its effect


def test_help_lists_the_catalogue(run_here: Run):
    shown = run_here("do", "--help").stdout
    for name in COMMANDS:
        assert f" {name} " in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_known_with_its_schema(name: str, run_here: Run):
    schema = json.loads(run_here("do", name, "--schema").stdout)
    assert schema["$ref"] == f"#/$defs/{COMMANDS[name].__name__}"


def test_a_command_answers_with_its_facts(ask: Ask, run: Run):
    found = ask("do", "shops.open", "S1", "--data", '{"name": "茶", "at": "2021-06-01T09:00:00+08:00"}')
    (fact,) = found.pop("facts")
    assert found == {"position": 1, "hit": False, "parked": False, "dry_run": False}
    assert fact["type"] == "shop-opened"
    assert fact["stream"] == "shop-S1"
    assert fact["effective_at"] == "2021-06-01T09:00:00+08:00"
    assert fact["actor"].startswith("cli/")
    assert fact["data"] == {"name": "茶", "currency": "CNY", "industry": ""}
    assert run("do", "shops.open", "S2").stdout.splitlines()[1].split() == ["2", "shop-S2", "shop-opened"]
    moved = run("do", "shops.pay-deposit", "S1", "--data", '{"amount": 123456}').stdout
    assert "bank   shop_deposit:S1  1,234.56 CNY" in moved


def test_what_is_so_already_needs_no_fact(ask: Ask, run: Run):
    ask("do", "shops.open", "S1")
    assert ask("do", "shops.open", "S1")["facts"] == []
    assert run("do", "shops.open", "S1").stdout == "It is so already; nothing had to be recorded.\n"


def test_a_dry_run_keeps_nothing(ask: Ask, run: Run):
    found = ask("do", "shops.open", "S1", "--dry-run")
    assert found["dry_run"]
    assert [fact["type"] for fact in found["facts"]] == ["shop-opened"]
    assert "A dry run" in run("do", "shops.open", "S1", "--dry-run").stdout
    assert ask("trial-balance")["position"] == 0


def test_a_known_key_answers_the_first_result(ask: Ask, run: Run):
    deposit = ("do", "shops.pay-deposit", "S1", "--idempotency-key", "k1", "--data")
    ask("do", "shops.open", "S1")
    first = ask(*deposit, '{"amount": 5, "at": "2021-06-01T09:00:00+08:00"}')
    again = ask(*deposit, '{"at": "2021-06-01T09:00:00+08:00", "amount": 5}')
    assert again == {**first, "hit": True}
    assert "The key is known" in run(*deposit, '{"amount": 5, "at": "2021-06-01T09:00:00+08:00"}').stdout
    assert ask("balance", "bank")["balances"] == {"CNY": 5}
    refused = run(*deposit, '{"amount": 6}', "--json", status=2)
    assert json.loads(refused.stderr)["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("where", ["file", "stdin", "data"])
def test_data_come_from_a_file_or_stdin_or_hold_the_id(where: str, ask: Ask, tmp_path: Path):
    data = '{"id": "S1", "name": "Tea"}'
    Path(tmp_path, "shop.json").write_text(data)
    said = {"file": "@shop.json", "stdin": "@-", "data": data}[where]
    found = ask("do", "shops.open", "--data", said, input=data)
    assert found["facts"][0]["stream"] == "shop-S1"


@pytest.mark.parametrize(
    ("args", "code", "field"),
    [
        (["shops.burn", "S1"], "unknown_command", "command"),
        (["shops.open"], "malformed", "id"),
        (["shops.open", "S1", "--data", '{"id": "S2"}'], "malformed", "id"),
        (["shops.open", "S 1"], "invalid_identifier", "id"),
        (["shops.open", "S1", "--data", '{"nam": "x"}'], "malformed", "nam"),
        (["shops.open", "S1", "--data", '{"currency": "cny"}'], "malformed", "currency"),
        (["shops.open", "S1", "--data", '{"currency": '], "malformed", "data"),
        (["shops.open", "S1", "--data", "[]"], "malformed", ""),
        (
            ["refunds.request", "R1", "--data", '{"order": "x:1", "items": [{}]}'],
            "malformed",
            "items[0].line",
        ),
        (["refunds.approve", "R1"], "unknown_refund", "id"),
        (["shops.open", "S1", "--data", "@nowhere.json"], "usage", ""),
    ],
)
def test_what_cannot_be_done(args: list[str], code: str, field: str, run_here: Run):
    said = json.loads(run_here("do", *args, "--json", status=2).stderr)
    assert (said["code"], said["field"]) == (code, field)

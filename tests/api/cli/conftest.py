"""The command line on an empty database of its own, on either store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.settings import PREFIX

Run = Callable[..., Result]
Ask = Callable[..., Any]


def command(*args: object, status: int = 0, **extra: Any) -> Result:
    """Run `assurance` with these arguments; what nobody foresaw is raised."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False, **extra)
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `assurance` in an empty folder, on either store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", database_url)
    return command


@pytest.fixture
def run_here(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same on SQLite alone, for what never comes to the database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", sqlite_url)
    return command


@pytest.fixture
def ask(run: Run) -> Ask:
    """The same with --json; answers what stdout says."""

    def question(*args: object, **extra: Any) -> Any:
        return json.loads(run(*args, "--json", **extra).stdout)

    return question


@pytest.fixture
def story(ask: Ask) -> Ask:
    """A shop and an order of 100.00 CNY, of which 40.00 were given back a day after it was paid."""
    line = {"sku": "tea", "title": "Tea [green]", "quantity": 5, "amount": 10000}
    order = {"shop": "S1", "buyer": "B1", "currency": "CNY", "lines": [line]}
    back = {"line": 1, "sku": "tea", "quantity": 2, "cash": 4000}
    refund = {"order": "web:1", "shop": "S1", "currency": "CNY", "lines": [back]}
    for name, id_, at, data in (
        ("shops.open",     "S1",    "2021-06-01T09:00:00+08:00", {}),
        ("orders.place",   "web:1", "2021-06-01T10:00:00+08:00", order),
        ("orders.pay",     "web:1", "2021-06-01T10:05:00+08:00", {"cash": 10000}),
        ("refunds.record", "R1",    "2021-06-02T12:00:00+08:00", refund),
    ):  # fmt: skip
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))
    return ask

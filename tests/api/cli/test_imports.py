"""Imports and the demonstration from the command line."""

import json
from pathlib import Path

import pytest

from tests.api.cli.conftest import Ask, Run

RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,CustomerID,Country,unit_price_mils
536365,85123A,HEART,6,2010-12-01T08:26:00,17850,United Kingdom,2550
536365,71053,LANTERN,6,2010-12-01T08:26:00,17850,United Kingdom,3390
C536379,D,Discount,-1,2010-12-01T09:41:00,14527,United Kingdom,27500
A563185,B,Adjust bad debt,1,2011-08-12T14:50:00,,United Kingdom,11062060
"""


@pytest.fixture
def retail(tmp_path: Path) -> Path:
    path = tmp_path / "retail.csv"
    path.write_text(RETAIL)
    return path


def test_import_and_import_again(retail: Path, ask: Ask, run: Run):
    documents = {
        "sales": {"count": 1, "amount": 3564},
        "refunds": {"count": 1, "amount": 2750},
        "adjustments": {"count": 1, "amount": 1106206},
    }
    first = ask("import", "uci-retail", retail)
    assert first == {
        "read": 4,
        "recorded": 5,
        "skipped": 0,
        "parked": 0,
        "refused": [],
        "recorded_rows": 4,
        "documents": documents,
        "first_position": 1,
        "last_position": 5,
    }
    again = ask("import", "uci-retail", retail)
    assert again == {
        **first,
        "recorded": 0,
        "recorded_rows": 0,
        "skipped": 4,
        "first_position": 0,
        "last_position": 0,
    }
    assert ask("order", "uci:536365")["cash"] == 3564
    shown = run("import", "uci-retail", retail)
    assert "rows read  4" in shown.stdout
    assert shown.stderr == ""


def test_names_of_ones_own(retail: Path, ask: Ask):
    ask("import", "uci-retail", retail, "--shop", "gifts", "--platform", "gb")
    assert ask("order", "gb:536365")["shop"] == "gifts"


def test_a_dry_run_imports_nothing(retail: Path, ask: Ask, run: Run):
    assert ask("import", "uci-retail", retail, "--dry-run")["recorded"] == 5
    assert "Dry run: nothing was recorded" in run("import", "uci-retail", retail, "--dry-run").stdout
    assert ask("trial-balance")["position"] == 0


def test_refused_rows_are_named_and_end_with_2(tmp_path: Path, ask: Ask, run: Run):
    path = tmp_path / "wrong.csv"
    path.write_text(RETAIL.replace("536365,71053,LANTERN,6", "536366,71053,LANTERN,many"))
    found = ask("import", "uci-retail", path, status=2)
    (refused,) = found["refused"]
    assert (refused["row"], refused["code"]) == (2, "malformed")
    assert found["read"] == found["recorded_rows"] + found["skipped"] + found["parked"] + 1
    assert "malformed" in run("import", "uci-retail", path, status=2).stdout


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["nonsense", "retail.csv"], "usage"),
        (["uci-retail", "nowhere.csv"], "usage"),
        (["uci-retail"], "usage"),
        (["mapping", "retail.csv", "--mapping", "nowhere.toml"], "usage"),
        (["uci-retail", "empty.csv"], "malformed"),
    ],
)
def test_what_cannot_be_imported(args: list[str], code: str, retail: Path, run_here: Run):
    Path("empty.csv").touch()
    assert json.loads(run_here("import", *args, "--json", status=2).stderr)["code"] == code


def test_demo(ask: Ask, run: Run):
    found = ask("demo", "--baskets", 50)
    assert found["import"]["documents"]["sales"]["count"] == 50
    assert found["import"]["refused"] == []
    book = found["trial_balance"]["currencies"]["USD"]
    assert book["debit"] == book["credit"] > 0
    assert found["order"]["status"] == "settled"
    shown = run("demo", "--baskets", 50).stdout
    assert "50 real baskets" in shown
    assert f"assurance replay {found['order']['id']}" in shown
    assert ask("verify")["ok"]


def test_demo_serves_with_a_key(ask: Ask, run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        "api.http.server.serve",
        lambda settings, *, host, port: asked.append((settings.database_url, host, port)),
    )
    said = run("demo", "--baskets", 5, "--serve").stderr
    assert asked == [(database_url, "127.0.0.1", 8000)]
    assert "http://127.0.0.1:8000/docs" in said
    assert "Authorization: Bearer ak_" in said
    assert [key["name"] for key in ask("keys", "list")["keys"]] == ["demo"]

"""Policies at the command line: checked, published once, listed on both clocks, shown in words."""

from pathlib import Path

import pytest

from tests.api.cli.conftest import Ask, Run

FILE = """
benefit = "late-dispatch"
version = "2030-01"
effective_from = 2130-01-01
family = "dispatch"
formula = "rate"
rate_bp = 2000
floor = 500
payers = ["payable", "deposit"]
per = "order"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "late.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_file_is_checked_without_a_database(run_here: Run, file: Path, tmp_path: Path):
    shown = run_here("policy", "check", file).stdout
    assert "20 % of what was paid, at least 5.00 CNY" in shown
    assert "2130-01-01T00:00:00+08:00" in shown
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("2000", '"much"', "rate_bp"), ("rate_bp = 2000", "", "needs rate_bp"), ("2130-01-01", "", "TOML")],
)
def test_what_is_wrong_with_a_file(run_here: Run, file: Path, old: str, new: str, says: str):
    file.write_text(FILE.replace(old, new), encoding="utf-8")
    said = run_here("policy", "check", file, status=2).stderr
    assert said.startswith("error[invalid_policy]")
    assert says in said
    assert "late.toml" in said
    file.write_bytes(b"\xff")
    assert "UTF-8" in run_here("policy", "publish", file, status=2).stderr


def test_shipped_terms_are_published_once(ask: Ask, run: Run):
    assert "None was published" in run("policy", "list").stderr
    shipped = ask("policy", "shipped")["policies"]
    assert {"counterfeit", "late-dispatch", "fraud-law"} <= {each["benefit"] for each in shipped}
    assert {each["result"] for each in ask("policy", "shipped", "--publish")["policies"]} == {"published"}
    assert {each["result"] for each in ask("policy", "shipped", "--publish")["policies"]} == {"known already"}
    listed = ask("policy", "list")["policies"]
    assert len(listed) == len(shipped)
    assert [(each["version"], each["status"]) for each in listed if each["benefit"] == "counterfeit"] == [
        ("2021-06", "ended"),
        ("2021-11", "in_force"),
    ]
    assert ask("policy", "list", "--as-at", 0)["policies"] == []
    assert len(ask("policy", "list", "--as-at", 3)["policies"]) == 3
    assert "10 × paid, less the refund" in run("policy", "show", "counterfeit", "2021-06").stdout
    both = run("policy", "show", "counterfeit").stdout
    assert "the refund and 9 × paid" in both
    (june,) = ask("policy", "show", "counterfeit", "2021-06")["versions"]
    assert june["effective_to"] == "2021-11-01T00:00:00+08:00"
    assert june["rule"]["multiple"] == 10
    (then,) = ask("policy", "show", "counterfeit", "--as-of", "2021-07-01")["versions"]
    assert then == june
    for words in (("counterfeit", "2020"), ("counterfeit", "--as-of", "2020-01-01")):
        assert "counterfeit has no version" in run("policy", "show", *words, status=2).stderr
    assert run("policy", "show", "kindness", status=2).stderr.startswith("error[unknown_policy]")


def test_a_file_is_published(ask: Ask, run: Run, file: Path, tmp_path: Path):
    soon = tmp_path / "soon.toml"
    soon.write_text(FILE.replace("2130", "2021").replace("2030-01", "2021-03"), encoding="utf-8")
    said = run("policy", "publish", soon, status=2).stderr
    assert said.startswith("error[notice_too_short]")
    assert "soon.toml" in said
    run("policy", "shipped", "--publish")
    assert run("policy", "publish", file).stdout.split()[-3:] == ["late-dispatch", "2030-01", "published"]
    versions = ask("policy", "show", "late-dispatch")["versions"]
    assert [each["effective_to"] for each in versions] == ["2130-01-01T00:00:00+08:00", None]
    said = run("policy", "publish", soon, "--force", "--reason", "haste", status=2).stderr
    assert said.startswith("error[policy_overlap]")

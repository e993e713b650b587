"""The list of all refusals, as scripts and people read it."""

import json

from ledger.errors import LedgerError, catalogue
from tests.api.cli.conftest import Run


def test_every_code_is_listed_once_with_its_meaning(run: Run):
    found = json.loads(run("errors", "--json").stdout)
    codes = [each["code"] for each in found]
    assert len(set(codes)) == len(codes)
    assert {error.code for error in catalogue() if error.__module__.startswith("ledger")} <= set(codes)
    assert all(each["message"] and each["remedy"] and each["exit"] in {1, 2, None} for each in found)
    assert {each["code"]: (each["kind"], each["status"]) for each in found}["refund_exceeds_paid"] == (
        "refused",
        422,
    )


def test_some_of_them_are_picked_by_code_or_kind(run: Run):
    found = json.loads(run("errors", "conflict", "--json").stdout)
    assert {each["kind"] for each in found} == {"conflict"}
    shown = run("errors", "unknown_order").stdout.splitlines()
    assert len(shown) == 2
    assert "Place it first" in shown[1]
    assert LedgerError.code not in shown[1]

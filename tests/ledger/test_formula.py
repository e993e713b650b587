"""Formulas are data: which version of a rule is in force on a day, what it says, and its digest."""

import hashlib
from datetime import date
from decimal import Decimal
from importlib import resources

import pytest

from ledger import formula, formulas
from ledger.errors import UnknownFormula
from ledger.formula import Formula, parse

FIRST = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - FIRST).days


def test_a_version_is_a_file_and_its_digest():
    found = formula.version("repeat-customer", "1")
    text = resources.files(formulas.__name__).joinpath("repeat-customer-1.toml").read_text(encoding="utf-8")
    assert found.digest == hashlib.sha256(text.encode()).hexdigest()
    assert "effective_from" not in found.data
    assert found.data["metrics"][0]["weight"] == Decimal("0.25"), "exact, not a float"


@pytest.mark.parametrize(("on", "version"), [
    ("1970-01-01", "1"), ("2022-04-07", "1"), ("2022-04-08", "2"), ("2030-01-01", "2"),
])  # fmt: skip
def test_the_version_of_a_day(on: str, version: str):
    assert formula.in_force("repeat-customer", day(on)).version == version


def test_versions_stand_in_the_order_they_begin():
    begins = [each.effective_from for each in formula.versions("repeat-customer")]
    assert begins == sorted(begins) == [0, day("2022-04-08")]
    assert "repeat-customer" in formula.names()


@pytest.mark.parametrize(("ask", "field"), [
    (lambda: formula.versions("wishes"),                "formula"),
    (lambda: formula.version("repeat-customer", "0"),   "formula"),
    (lambda: formula.in_force("repeat-customer", -1),   "day"),
], ids=["no such rule", "no such version", "no version yet"])  # fmt: skip
def test_what_there_is_not(ask, field: str):
    with pytest.raises(UnknownFormula) as refusal:
        ask()
    assert refusal.value.field == field


def test_a_file_is_read_as_a_struct_of_its_rule():
    found = parse("toll", "3", "effective_from = 2021-06-01\nrate = 0.10\n")
    assert found[:3] == ("toll", "3", day("2021-06-01"))
    assert found.read(dict[str, Decimal]) == {"rate": Decimal("0.10")}
    assert isinstance(found, Formula)

"""Versioned formulas as data: which version of a rule is in force on a day, and what it says.

A formula is a rule that is neither money nor terms of an order: how a shop's index is weighed, who earns a
badge. Its versions are files; what was decided under one names it with its digest, so that a person can
check by hand what it said.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple, TypeVar

import msgspec

from ledger import formulas, time
from ledger.errors import UnknownFormula

T = TypeVar("T")

_SUFFIX = ".toml"
_FIRST_DAY = date(1970, 1, 1)


class Formula(NamedTuple):
    """One version of a rule; `effective_from` is the number of the first local day it is in force.

    `digest` is the SHA-256 of its file in hexadecimal, `data` what the file says besides, decimal numbers
    exact.
    """

    name: str
    version: str
    effective_from: int
    digest: str
    data: Mapping[str, Any]

    def read(self, kind: type[T]) -> T:
        """What the file says as a struct of the rule's own; raises msgspec.ValidationError."""
        return msgspec.convert(self.data, kind)


@lru_cache(maxsize=1)
def _shipped() -> dict[str, tuple[Formula, ...]]:
    found: dict[str, list[Formula]] = {}
    for file in resources.files(formulas.__name__).iterdir():
        if file.name.endswith(_SUFFIX):
            name, _, version = file.name.removesuffix(_SUFFIX).rpartition("-")
            found.setdefault(name, []).append(parse(name, version, file.read_text(encoding="utf-8")))
    return {name: tuple(sorted(each, key=lambda one: one.effective_from)) for name, each in found.items()}


def parse(name: str, version: str, text: str) -> Formula:
    """A version of a rule from the text of its file."""
    data = tomllib.loads(text, parse_float=Decimal)
    begins: date = data.pop("effective_from")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Formula(name, version, (begins - _FIRST_DAY).days, digest, data)


def names() -> tuple[str, ...]:
    """The rules there are."""
    return tuple(sorted(_shipped()))


def versions(name: str) -> tuple[Formula, ...]:
    """All versions of a rule in the order they begin; raises UnknownFormula."""
    try:
        return _shipped()[name]
    except KeyError:
        raise UnknownFormula(f"Got {name!r}.", field="formula") from None


def version(name: str, number: str) -> Formula:
    """One version of a rule; raises UnknownFormula."""
    for formula in versions(name):
        if formula.version == number:
            return formula
    raise UnknownFormula(f"{name} has no version {number!r}.", field="formula")


def in_force(name: str, day: int) -> Formula:
    """The version that began last on or before a local day (days since 1970); raises UnknownFormula."""
    begun = [formula for formula in versions(name) if formula.effective_from <= day]
    if not begun:
        raise UnknownFormula(f"No version of {name} was in force on {time.day_text(day)}.", field="day")
    return begun[-1]

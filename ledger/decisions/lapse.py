"""What a shop's own state tells the rules of its marks, and marks that end in the commit that costs them.

Figures that are counted over orders and reviews are looked at once a day; what a shop does, or what is done
to it, shows at once: its orders must not carry a mark whose benefits are closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from ledger import formula, time
from ledger.decisions.base import On, Past
from ledger.events.badge import BadgeRevoked
from ledger.requirement import Figure, Requirement, judge, met

if TYPE_CHECKING:
    from ledger.decisions.standing import Shop

Mark = Literal["trust-purchase", "quality-merchant"]
BADGES: tuple[Mark, ...] = ("trust-purchase", "quality-merchant")
"""Every mark there is, in the order in which they are assessed: a later one may ask for an earlier one."""

T = TypeVar("T")


class BadgeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a badge asks for."""

    title: str
    requirements: tuple[Requirement, ...]


_READ: dict[tuple[str, str], Any] = {}
"""Rules that were read before, by name and version."""


def rule_of(name: str, day: int, kind: type[T]) -> tuple[str, T]:
    """The version of a rule in force on a local day, and what it says; raises UnknownFormula."""
    found = formula.in_force(name, day)
    key = name, found.version
    if key not in _READ:
        _READ[key] = found.read(kind)
    rule: T = _READ[key]
    return found.version, rule


def figures(shop: Shop, moment: int) -> dict[str, Figure]:
    """What a shop's own state tells the rules at a moment (UTC microseconds)."""
    status = shop.status
    for what in ("suspended", "banned"):
        if shop.held(what, moment):
            status = what
    return {
        "status": status,
        "restrictions": sum(restraint.what == "restricted" for restraint in shop.restraints),
        "benefits": shop.offers(moment),
        "badges": shop.holds,
    }


def lapsed(past: Past, id_: str) -> Iterator[On]:
    """Revoke the marks of a shop that its own state no longer bears, after a fact that changed it.

    What is reported of a time before a mark was granted does not cost it.
    """
    stream = f"shop-{id_}"
    if not past.state(stream).holds:
        return
    day = time.local_day(past.moment, time.HOME_OFFSET)
    for mark in BADGES:
        shop: Shop = past.state(stream)
        if any(
            each.name == mark and each.until is None and each.since <= past.moment for each in shop.badges
        ):
            version, rule = rule_of(mark, day, BadgeRule)
            known = figures(shop, past.moment)
            of_state = [each for each in rule.requirements if each.figure in known]
            found = judge(of_state, known, held=True)
            if not met(found):
                yield On(stream, BadgeRevoked(mark, version, day, past.position, found))

"""Facts of the marks that a shop (`shop-{id}`) has earned by rule: Trust Purchase, quality merchant."""

from __future__ import annotations

import msgspec

from ledger.events.base import Fact


class Ground(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One requirement of a rule and how it was met: the figure as people write it, empty if unknown."""

    figure: str
    value: str
    wanted: str
    met: bool


class BadgeGranted(Fact):
    """The shop met all that a version of the badge's rule asks for.

    `day` is the local day (days since 1970-01-01) before which the figures were counted, `position` that of
    the log they were read at.
    """

    TOPIC = "badge-granted"

    badge: str
    rule: str
    day: int
    position: int
    grounds: tuple[Ground, ...]


class BadgeRevoked(Fact):
    """The shop no longer met what the rule asks of who has the badge.

    `grounds` say which requirement cost it.
    """

    TOPIC = "badge-revoked"

    badge: str
    rule: str
    day: int
    position: int
    grounds: tuple[Ground, ...]

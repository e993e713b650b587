"""Requirements as data: what somebody must fulfil for a mark, a campaign or a tier, and whether it is so.

A figure is a whole number (in the unit that the requirement names), a word, or several words. What holds a
mark already may be asked for less than who seeks it, so that nobody gains and loses it from day to day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from ledger.events.badge import Ground

Figure = int | str | tuple[str, ...] | None
"""None: nobody knows it."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of one figure; all that is said of it must hold.

    Numbers are in the figure's unit, `decimals` of whose digits stand behind the point when it is shown.
    `keep_…` is what is asked of who holds the mark already, by default the same. `unknown` says what a
    figure that nobody knows is taken for.
    """

    figure: str
    at_least: int | None = None
    keep_at_least: int | None = None
    at_most: int | None = None
    keep_at_most: int | None = None
    one_of: tuple[str, ...] = ()
    keep_one_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    decimals: int = 0
    unknown: Literal["passes", "fails"] = "fails"

    def judge(self, value: Figure, *, held: bool) -> Ground:
        """Whether a figure is as it must be for who holds the mark already, or does not."""
        least, most, words = self.at_least, self.at_most, self.one_of
        if held:
            least = least if self.keep_at_least is None else self.keep_at_least
            most = most if self.keep_at_most is None else self.keep_at_most
            words = self.keep_one_of or words
        wanted = [
            *(() if least is None else (f"at least {self._shown(least)}",)),
            *(() if most is None else (f"at most {self._shown(most)}",)),
            *((f"one of {', '.join(words)}",) if words else ()),
            *((f"all of {', '.join(self.all_of)}",) if self.all_of else ()),
        ]
        if value is None:
            return Ground(self.figure, "", "; ".join(wanted), self.unknown == "passes")
        met = (
            (least is None or (isinstance(value, int) and value >= least))
            and (most is None or (isinstance(value, int) and value <= most))
            and (not words or value in words)
            and (not self.all_of or (isinstance(value, tuple) and set(self.all_of) <= set(value)))
        )
        return Ground(self.figure, self._shown(value), "; ".join(wanted), met)

    def _shown(self, value: int | str | tuple[str, ...]) -> str:
        if isinstance(value, int):
            return str(Decimal(value).scaleb(-self.decimals))
        return value if isinstance(value, str) else ", ".join(value) or "none"


def judge(
    requirements: Sequence[Requirement], figures: Mapping[str, Figure], *, held: bool = False
) -> tuple[Ground, ...]:
    """Every requirement with how it is met; what `figures` lacks is not known."""
    return tuple(each.judge(figures.get(each.figure), held=held) for each in requirements)


def met(grounds: Sequence[Ground]) -> bool:
    """Whether all of them are met."""
    return all(ground.met for ground in grounds)

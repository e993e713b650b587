"""Recourse: what the fund paid in a shop's place, until the shop makes it good, is released or given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ledger.decisions.base import On, Past, folds
from ledger.events.base import Recorded
from ledger.events.recourse import RecourseOpened, RecourseRecovered, RecourseReleased, RecourseWrittenOff


class Recourse(msgspec.Struct, frozen=True, gc=False):
    """What the fund holds against a shop for a claim, minor units."""

    claim: str
    currency: str
    amount: int


@folds(RecourseOpened)
def _opened(shop: Any, fact: RecourseOpened, _recorded: Recorded) -> Any:  # noqa: ANN401 - a Shop, further up
    return _changed(shop, fact.claim, fact.currency, fact.amount)


@folds(RecourseRecovered, RecourseReleased, RecourseWrittenOff)
def _closed(shop: Any, fact: Any, _recorded: Recorded) -> Any:  # noqa: ANN401 - a Shop, and one of these
    return _changed(shop, fact.claim, fact.currency, -fact.amount)


def _changed(shop: Any, claim: str, currency: str, change: int) -> Any:  # noqa: ANN401 - a Shop
    """The oldest stays first, until nothing is left of it."""
    held = {open_.claim: open_ for open_ in shop.recourses}
    amount = (held[claim].amount if claim in held else 0) + change
    held[claim] = Recourse(claim, currency, amount)
    return msgspec.structs.replace(shop, recourses=tuple(each for each in held.values() if each.amount))


def recover(past: Past, shop: str, currency: str, pot: str) -> Iterator[On]:
    """What the fund holds against a shop is made good from its `deposit` or `payable`, the oldest first."""
    stream = f"shop-{shop}"
    for open_ in past.state(stream).recourses:
        held = past.balance(f"shop_{pot}:{shop}", currency)
        if open_.currency == currency and held > 0:
            amount = min(held, open_.amount)
            sums = (amount, 0) if pot == "payable" else (0, amount)
            yield On(stream, RecourseRecovered(open_.claim, shop, currency, *sums))


def release(past: Past, shop: str, claim: str, most: int, reason: str) -> Iterator[On]:
    """The shop owes no more of a claim than what the fund has not got back otherwise."""
    stream = f"shop-{shop}"
    for open_ in past.state(stream).recourses:
        if open_.claim == claim and (amount := min(most, open_.amount)) > 0:
            yield On(stream, RecourseReleased(claim, shop, open_.currency, amount, reason))

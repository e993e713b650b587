"""What assures the lines of an order: attached in the commit that pays it, under the terms in force then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ledger import policy
from ledger.decisions.base import INITIAL, On, Past, folds
from ledger.decisions.offer import AUTHENTICITY, marked
from ledger.events.base import Recorded
from ledger.events.coverage import CoverageAttached
from ledger.events.policy import Terms

if TYPE_CHECKING:
    from ledger.decisions.order import Order


class Coverage(msgspec.Struct, frozen=True, gc=False):
    """The cover of a line by a benefit: the version of the terms it is pinned to; empty if there is none.

    Whether it is used, over or struck follows from its claims, its window and its order.
    """

    version: str = ""
    tier: str = ""
    attached_at: int = 0


INITIAL["coverage"] = Coverage()


@folds(CoverageAttached)
def _attached(_coverage: Coverage, fact: CoverageAttached, recorded: Recorded) -> Coverage:
    return Coverage(fact.version, fact.tier, recorded.envelope.effective_at)


def stream(order: str, line: int, benefit: str) -> str:
    """Where the cover of a line (from 1) by a benefit stands."""
    return f"coverage-{order}:{line}:{benefit}"


def attach(past: Past, id_: str, order: Order, first: int = 1) -> Iterator[On]:
    """Cover the lines of a paid order, from the line `first` on, with all that its shop has opened.

    A line that was free is covered like the others; one whose units went the other way is none. Official
    authenticity covers the articles that were marked on offer.
    """
    shop = past.state(f"shop-{order.shop}")
    found = [terms for benefit in shop.offers(order.paid_at) if (terms := _terms(past, benefit, order))]
    covers = [
        (number, terms)
        for number, line in enumerate(order.lines[first - 1 :], first)
        for terms in found
        if line.quantity > 0 and policy.applies(terms, shop.industry)
        if terms.benefit != AUTHENTICITY or marked(past, order.shop, line.sku, order.paid_at)
    ]
    if not covers:
        return
    tier = past.state(f"card-{order.buyer}").tier if order.buyer else ""
    past.fetch([stream(id_, number, terms.benefit) for number, terms in covers])
    for number, terms in covers:
        named = stream(id_, number, terms.benefit)
        if not past.version(named):
            fact = CoverageAttached(id_, number, terms.benefit, terms.version, order.shop, order.buyer, tier)
            yield On(named, fact)


def _terms(past: Past, benefit: str, order: Order) -> Terms | None:
    """The terms in force when the order was paid, if they speak of its currency."""
    versions: tuple[Terms, ...] = past.state(f"policy-{benefit}")
    terms = policy.in_force(versions, order.paid_at, order.paid_at)
    return terms if terms and terms.currency == order.currency else None


def pinned(past: Past, order: str, line: int, benefit: str) -> Terms | None:
    """The terms that a line's cover is pinned to; None without cover."""
    cover: Coverage = past.state(stream(order, line, benefit))
    versions: tuple[Terms, ...] = past.state(f"policy-{benefit}")
    return next((terms for terms in versions if terms.version == cover.version), None)


def window_last(terms: Terms, order: Order) -> int:
    """The last moment (UTC microseconds) of the window that the terms give an order, 0 before it begins."""
    start = {"paid": order.paid_at, "received": order.received_at, None: 0}[terms.window_from]
    return policy.window_last(terms, start) if start else 0

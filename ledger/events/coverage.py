"""Facts of what assures an order; the stream is `coverage-{order}:{line}:{benefit}`."""

from __future__ import annotations

from ledger.events.base import Fact


class CoverageAttached(Fact):
    """A line of a paid order carries a benefit, under the version of its terms in force when it was paid.

    `tier` is that of the buyer's card then, empty without one: it decides quotas.
    """

    TOPIC = "coverage-attached"

    order: str
    line: int
    benefit: str
    version: str
    shop: str
    buyer: str
    tier: str = ""

"""Facts of the traffic that a shop was given (`traffic-{shop}`): a memo book of units, which are no money."""

from __future__ import annotations

from ledger.events.base import Fact


class TrafficAllocated(Fact):
    """Units of exposure for a local day (days since 1970-01-01), by a version of the rule.

    `kind` is `basic`, earned by reputation, or `key`, whose `cause` is cold-start, growth or burst. `because`
    is the reckoning in words; `position` is that of the log at which its figures were read.
    """

    TOPIC = "traffic-allocated"

    shop: str
    day: int
    kind: str
    cause: str
    units: int
    rule: str
    position: int
    because: str

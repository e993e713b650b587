"""Facts of how many people came to look at a shop; the stream is `visits-{shop}:{month}`."""

from __future__ import annotations

from ledger.events.base import Fact


class VisitsRecorded(Fact):
    """So many visits came to a shop on a local day (`2021-06-10`) through `source`, empty for all together.

    The last count of a day and source stands; the sources of a day add up. `marks` may hold `future_day`.
    """

    TOPIC = "visits-recorded"

    shop: str
    day: str
    visits: int
    source: str = ""
    marks: tuple[str, ...] = ()

"""Facts of accounting periods; they all stand in the stream `period-books`."""

from __future__ import annotations

from ledger.events.base import Fact


class PeriodClosed(Fact):
    """A month (`2021-06`, in Asia/Shanghai) and all before it are closed: the books there are reported.

    What is recorded later and effective before `until` (UTC microseconds) is posted at `until`, the first
    open moment, and keeps its own effective time.
    """

    TOPIC = "period-closed"

    period: str
    until: int

"""Facts as a web client reads them: in the answers to commands, and page by page from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ledger import codec, time
from ledger.events.base import Recorded
from ledger.store.database import Database, Lookup
from ledger.store.log import COLUMNS, FactMapper, Pages


class EventSource(msgspec.Struct):
    """Where an imported fact came from; `digest` in hexadecimal."""

    system: str
    id: str
    version: int
    digest: str


class Event(msgspec.Struct):
    """A fact in its place with all that is known about it; `data` is what it says, by its `type`.

    Times are RFC 3339 with offset, sums minor units. `causation` and `reverses` are positions, 0 for none.
    """

    position: int
    stream: str
    version: int
    type: str
    effective_at: str
    recorded_at: str
    occurred_at: str | None
    actor: str
    causation: int
    correlation: str
    key: str
    source: EventSource | None
    reverses: int
    data: dict[str, Any]


def event(recorded: Recorded) -> Event:
    """A recorded fact for JSON."""
    envelope, fact = recorded.envelope, recorded.fact
    source, occurred_at = envelope.source, envelope.occurred_at
    return Event(
        recorded.position,
        recorded.stream,
        recorded.version,
        fact.TOPIC,
        time.rfc3339(envelope.effective_at, envelope.offset),
        time.rfc3339(envelope.recorded_at),
        None if occurred_at is None else time.rfc3339(occurred_at, envelope.offset),
        envelope.actor,
        envelope.causation,
        envelope.correlation,
        envelope.key,
        None
        if source is None
        else EventSource(source.system, source.id, source.version, source.digest.hex()),
        envelope.reverses,
        codec.plain(fact),
    )


class Reader:
    """Reads facts back by position; all tasks that ask together share one query, as they share a commit."""

    def __init__(self, database: Database) -> None:
        """Read from one database, for the tasks of one event loop."""
        self._database = database
        self._mapper = FactMapper()
        self._rows = Lookup(database, COLUMNS, "facts", "position")
        self._pages = Pages(database, self._mapper)
        self._asked: list[tuple[range, asyncio.Future[list[Recorded]]]] = []

    def read(self, positions: Iterable[int]) -> dict[int, Recorded]:
        """The facts at these positions, by position; waits for the database."""
        with self._database.read() as connection:
            rows = self._rows(connection, list(positions))
        return {recorded.position: recorded for recorded in self._mapper.recorded(rows)}

    def page(self, after: int, until: int, limit: int) -> list[Recorded]:
        """The facts behind one position up to another, the first `limit` of them; waits for the database."""
        with self._database.read() as connection:
            return self._pages.read(connection, after, min(limit, until - after))

    async def gather(self, positions: range) -> list[Recorded]:
        """The facts at some positions that follow each other."""
        if not positions:
            return []
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._send, loop)
        future: asyncio.Future[list[Recorded]] = loop.create_future()
        self._asked.append((positions, future))
        return await future

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        asked, self._asked = self._asked, []
        wanted = {position for positions, _ in asked for position in positions}
        reading = loop.run_in_executor(None, self.read, wanted)
        reading.add_done_callback(lambda done: _answer(asked, done))


def _answer(
    asked: Sequence[tuple[range, asyncio.Future[list[Recorded]]]],
    done: asyncio.Future[dict[int, Recorded]],
) -> None:
    error = done.exception()
    for positions, future in asked:
        if future.done():
            continue  # whoever asked has gone
        if error is None:
            future.set_result([done.result()[position] for position in positions])
        else:
            future.set_exception(error)

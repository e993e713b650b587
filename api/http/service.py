"""What a running server holds: the ledger's database, its writer, and what is happening this moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import monotonic
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from api import keys
from api.facts import Reader
from api.settings import Settings
from ledger.books import head_position
from ledger.errors import ProjectionBehind
from ledger.store.schema import facts
from ledger.writer import Writer
from projections.engine import Engine

POSITION = "Ledger-Position"
"""The header that says which facts an answer has seen: all up to this position, and perhaps some after it."""

_PATIENCE_S = 5.0
_LOOK_AGAIN_S = 0.02


class Service:
    """Opened when the server starts, closed when it has answered everybody."""

    def __init__(self, settings: Settings) -> None:
        """Open the database, migrating a new one, and be ready to write."""
        self.secret = settings.secret.get_secret_value()
        self.database = settings.open_database()
        keys.create_table(self.database)
        self.writer = Writer(self.database)
        self.reader = Reader(self.database)
        self.position = head_position(self.database)
        self.engine = Engine(self.database)
        self.engine.status()  # makes the tables that the first reader will look for
        self._in_flight: set[str] = set()
        self._stop = threading.Event()
        self._follower = threading.Thread(target=self.engine.run, args=(self._stop,), name="projections")
        self._follower.start()

    def close(self) -> None:
        """Finish what waits, then let go of the database."""
        self.writer.close()
        self._stop.set()
        self._follower.join()
        self.database.close()

    def saw(self, position: int) -> int:
        """Remember how far the log is known to reach; answers the position itself."""
        self.position = max(self.position, position)
        return position

    def head(self) -> int:
        """The position of the last fact now; waits for the database."""
        return self.saw(head_position(self.database))

    def version(self, stream: str, position: int) -> int:
        """The version of a stream at a position, 0 if nothing stands in it yet; waits for the database."""
        query = select(func.max(facts.c.originator_version)).where(
            facts.c.originator_id == stream, facts.c.position <= position
        )
        with self.database.read() as connection:
            return connection.execute(query).scalar() or 0

    def take(self, key: str) -> bool:
        """Let nobody else use an idempotency key until it is given back; False if somebody does."""
        free = key not in self._in_flight
        self._in_flight.add(key)
        return free

    def give_back(self, key: str) -> None:
        """The request of a key has its answer."""
        self._in_flight.discard(key)

    async def reach(self, position: int, reached: Callable[[], int]) -> None:
        """Wait a few seconds until `reached` answers this position; raises ProjectionBehind."""
        until = monotonic() + _PATIENCE_S
        while (now := await run_in_threadpool(reached)) < position:
            if monotonic() > until:
                raise ProjectionBehind(f"It is at {now}, {position} is asked for.", field="after_position")
            await asyncio.sleep(_LOOK_AGAIN_S)


def running(request: Request) -> Service:
    """The service behind the application that a request came to."""
    service: Service = request.app.state.service
    return service


Running = Annotated[Service, Depends(running)]


def etag(version: int) -> dict[str, str]:
    """The header that names a stream's version, for If-Match."""
    return {"ETag": f'"{version}"'}


def answer(value: object, position: int, headers: dict[str, str] | None = None) -> Response:
    """JSON that has seen the facts up to a position."""
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={POSITION: str(position), **(headers or {})},
    )

"""The writer: the only place that appends. Callers wait together and share one durable commit.

All requests that wait are decided in one transaction, each on the state the ones before it left. A refused
request refuses itself alone. Nobody is answered before the commit is on the disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy import exc as sa

from ledger import catalogue, time
from ledger.codec import CODEC
from ledger.decisions.base import Draft, Known, Past, Request
from ledger.errors import (
    ChangedWithoutVersion,
    IdempotencyKeyReused,
    LedgerError,
    OutcomeUnknown,
    StorageUnavailable,
    Unavailable,
)
from ledger.events.parking import FactParked
from ledger.store import schema
from ledger.store.database import Database, ails, trouble
from ledger.store.log import DatabaseLoader, FactMapper, FactRecorder, Head, Key, book_rows

MAX_BATCH = 512
"""Most requests that share a commit: beyond it latency grows and speed no longer does."""
_KEEP_STATES = 5_000
_TRIES = 3

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all decisions


class Result(NamedTuple):
    """The answer to a request: its facts stand at `first_position` and the `facts - 1` positions after it.

    `facts` is 0 when nothing had to change. `hit` says that the key was known and this is its first answer.
    `parked` says that the report waits for what it belongs to; both only of requests decided now.
    """

    first_position: int
    facts: int
    hit: bool = False
    parked: bool = False

    @property
    def last_position(self) -> int:
        """The position of the last fact, or the one before the first if there is none."""
        return self.first_position + self.facts - 1


Answer = Result | LedgerError


class _DryRun(Exception):
    """Everything is decided; nothing is to be kept."""


class _Commit(NamedTuple):
    """What a transaction did, to be answered once it is known to be durable."""

    head: Head
    answers: list[Answer]


class Writer:
    """Group commit for one database. Thread-safe; writers in several processes may share the database."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.now) -> None:
        """Write to a migrated database; `clock` gives UTC microseconds."""
        self.database = database
        self._clock = clock
        self._recorder = FactRecorder(database)
        self._loader = DatabaseLoader(database, FactMapper())
        self._known = Known()
        self._position = -1
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gathering: dict[asyncio.AbstractEventLoop, list[tuple[Request, asyncio.Future[Answer]]]] = {}
        self._door = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    # Callers.

    def execute(self, request: Request) -> Result:
        """Decide one request and wait for its commit, sharing it with whoever waits too; raises refusals."""
        future: Future[Answer] = Future()
        self._enqueue(_Waiting([request], lambda answers: future.set_result(answers[0])))
        return _result(future.result())

    async def submit(self, request: Request) -> Result:
        """The same for asyncio: all tasks that are ready together share a commit."""
        loop = asyncio.get_running_loop()
        gathering = self._gathering.get(loop)
        if gathering is None:
            gathering = self._gathering[loop] = []
            loop.call_soon(self._send, loop)
        future: asyncio.Future[Answer] = loop.create_future()
        gathering.append((request, future))
        return _result(await future)

    def execute_many(self, requests: Sequence[Request], *, dry_run: bool = False) -> list[Answer]:
        """Decide a batch in one commit of its own; answers results and refusals in its order.

        With `dry_run` everything is decided and nothing is kept. Raises Unavailable if nothing was decided.
        """
        with self._lock:
            return self._commit(requests, dry_run=dry_run)

    def close(self) -> None:
        """Finish what waits, then stop; who comes later is turned away with Unavailable."""
        with self._door:
            self._closed = True
            if self._thread is not None:
                self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    # The thread behind them.

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over what has gathered once every ready task has had its turn."""
        gathered = self._gathering.pop(loop)
        for start in range(0, len(gathered), MAX_BATCH):
            self._hand_over(loop, gathered[start : start + MAX_BATCH])

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, gathered: list[tuple[Request, asyncio.Future[Answer]]]
    ) -> None:
        def resolve(answers: list[Answer]) -> None:
            for (_, future), answer in zip(gathered, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

        def answer(answers: list[Answer]) -> None:
            with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(resolve, answers)

        try:
            self._enqueue(_Waiting([request for request, _ in gathered], answer))
        except Unavailable as error:
            resolve([error] * len(gathered))

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._door:
            if self._closed:
                raise Unavailable("The ledger is shutting down.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
                self._thread.start()
            self._queue.put(waiting)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, more = [first], len(first.requests)
            while more < MAX_BATCH:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    self._queue.put(None)
                    break
                batch.append(waiting)
                more += len(waiting.requests)
            self._answer(batch)

    def _answer(self, batch: list[_Waiting]) -> None:
        answers = self._answers([request for waiting in batch for request in waiting.requests])
        start = 0
        for waiting in batch:
            end = start + len(waiting.requests)
            waiting.answer(answers[start:end])
            start = end

    def _answers(self, requests: list[Request]) -> list[Answer]:
        """What each is told. One that can neither be decided nor refused fails alone, not with all."""
        try:
            with self._lock:
                return self._commit(requests)
        except Unavailable as error:
            return [error] * len(requests)
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer, whatever went wrong
            if len(requests) > 1:
                middle = len(requests) // 2
                return self._answers(requests[:middle]) + self._answers(requests[middle:])
            if isinstance(error, LedgerError):
                return [error]
            failure = LedgerError(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
            return [failure]

    # One commit.

    def _commit(self, requests: Sequence[Request], *, dry_run: bool = False) -> list[Answer]:
        """Decide and commit; once more on a new connection if the old one was lost on the way."""
        doubtful: _Commit | None = None
        for last in range(_TRIES - 1, -1, -1):
            commit: _Commit | None = None
            try:
                with self._recorder.transaction() as (connection, head):
                    if doubtful is not None and self._landed(doubtful, connection):
                        commit = doubtful
                    else:
                        doubtful = None  # Whoever holds the head row knows that it never will land.
                        commit = self._decide(connection, head, requests)
                    if dry_run:
                        raise _DryRun  # noqa: TRY301 - the way out of a transaction without keeping it
            except _DryRun:
                self._forget()
                assert commit is not None  # noqa: S101 - set just before
                return commit.answers
            except sa.SQLAlchemyError as error:
                self._forget()
                if not ails(error):
                    raise
                if commit is not None and _in_doubt(error):
                    doubtful = commit
                if _lost(error) and last:
                    continue
                kind = OutcomeUnknown if doubtful else StorageUnavailable
                raise kind(trouble(error)) from error
            except BaseException:
                self._forget()
                raise
            self._position = commit.head.position
            return commit.answers
        raise AssertionError  # The last try either returns or raises.

    @staticmethod
    def _landed(commit: _Commit, connection: Connection) -> bool:
        """Whether a commit whose answer was lost is there after all: its link in the chain tells."""
        query = schema.commits.select().where(
            schema.commits.c.number == commit.head.commits, schema.commits.c.chain == commit.head.chain
        )
        return connection.execute(query).first() is not None

    def _forget(self) -> None:
        self._known.clear()
        self._position = -1

    def _decide(self, connection: Connection, head: Head, requests: Sequence[Request]) -> _Commit:
        self._loader.connection = connection
        if (
            head.position != self._position
            or len(self._known.states) + len(self._known.accounts) > _KEEP_STATES
        ):
            self._known.clear()  # Another writer was here, or there is too much to remember.
        self._known.last_account = head.accounts
        now = max(self._clock(), head.recorded_at)
        past = Past(self._loader, self._known, head.position, now)
        keys = self._loader.keys([request.key for request in requests if request.key])
        self._load(past, requests, keys)
        answers: list[Answer] = []
        drafts: list[Draft] = []
        new_keys: list[Key] = []
        for request in requests:
            answer = self._answer_one(past, request, keys, drafts, new_keys)
            answers.append(answer)
        if new_keys or any(draft.facts for draft in drafts):
            head = self._append(connection, head, now, drafts, new_keys)
        return _Commit(head, answers)

    def _load(self, past: Past, requests: Sequence[Request], keys: dict[str, Key]) -> None:
        """Fetch in one query each what the batch will ask for; what it misses is fetched one by one."""
        past.load([request.command for request in requests if request.key not in keys])

    def _answer_one(
        self, past: Past, request: Request, keys: dict[str, Key], drafts: list[Draft], new_keys: list[Key]
    ) -> Answer:
        fingerprint = request.fingerprint() if request.key else b""
        if request.key and (known := keys.get(request.key)):
            if known.digest == fingerprint:
                return Result(known.first_position, known.facts, hit=True)
            kind = ChangedWithoutVersion if request.source else IdempotencyKeyReused
            return kind(
                f"Key {request.key!r} stands at position {known.first_position}.", field="Idempotency-Key"
            )
        first = past.position + 1
        try:
            draft = past.decide(request)
        except LedgerError as refusal:
            return refusal
        drafts.append(draft)
        if request.key:
            key = keys[request.key] = Key(request.key, fingerprint, first, len(draft.facts))
            new_keys.append(key)
        parked = [recorded for recorded in draft.facts if type(recorded.fact) is FactParked]
        return Result(first, len(draft.facts), parked=bool(parked))

    def _append(
        self, connection: Connection, head: Head, now: int, drafts: list[Draft], new_keys: list[Key]
    ) -> Head:
        events = (
            (r.stream, r.version, r.fact.TOPIC, CODEC.encode(r.envelope, r.fact))
            for draft in drafts
            for r in draft.facts
        )
        return self._recorder.append(connection, head, events, now, book_rows(drafts, self._known, new_keys))


class _Waiting(NamedTuple):
    """Requests that wait, and how to answer them."""

    requests: list[Request]
    answer: Callable[[list[Answer]], object]


def _lost(error: Exception) -> bool:
    """Whether the connection is gone; a new one may do."""
    return isinstance(error, sa.DBAPIError) and error.connection_invalidated


def _in_doubt(error: Exception) -> bool:
    """Whether a commit that ended so may be on the disk; a database that still answers has taken it back."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return _lost(error) or name.startswith("SQLITE_IOERR")


def _result(answer: Answer) -> Result:
    if isinstance(answer, LedgerError):
        raise answer
    return answer

"""The projection runner, the only impure place of the read models: it folds the log into their tables.

A batch of facts is decoded once for all models that stand at the same position, folded per row in memory,
and put with the moved checkpoints in one transaction. A checkpoint moves only from where it was read, so two
engines can never both apply a batch; leases merely keep them from trying.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import NamedTuple

from sqlalchemy import Connection, delete, inspect, select, text

from ledger import time
from ledger.errors import Missing, ProjectionBehind, StorageUnavailable
from ledger.store import schema
from ledger.store.database import TROUBLES, Database, storage_errors
from ledger.store.recorder import POLL_S
from ledger.verify import Check
from projections import generations
from projections.base import Projection, reason
from projections.catalogue import PROJECTIONS
from projections.check import prove
from projections.folding import Folder
from projections.rebuild import LEASE_S, Rebuild, Rebuilt, Stopped
from projections.store import BESIDE, KEPT, Checkpoint, checkpoints, leases, left_out, look, take_lease

BATCH = 2_000
"""Most facts that share a transaction."""
LINGER_S = 0.03
"""How long `run` lets commits gather once it is near the head: a round costs the same for one as for many."""
PATIENCE_S = 5.0
"""How long `catch_up` waits while nothing moves."""

_LOOK_AGAIN_S = 1.0
_LOCK = 0x61_73_73_76  # An arbitrary number that processes making tables at once agree on.
_AWAY = (*TROUBLES, StorageUnavailable)

_HEAD = select(schema.head.c.position)
_MOVED_LOG = "the log does not hold the fact up to which it was folded; rebuild it"

_log = logging.getLogger(__name__)


class Status(NamedTuple):
    """How a model is doing: `lag` facts behind `head`, worked on by `holder` ("" for nobody just now).

    `failed_position` is the fact at which it stopped and `reason` why; None and "" while it goes on.
    `seconds` is how long ago the first fact was recorded that it has not seen, 0 if it has seen all. `kept`
    is the position of the rows that were live before the last switch, None if there are none.
    """

    name: str
    version: int
    position: int
    head: int
    lag: int
    holder: str
    failed_position: int | None
    reason: str
    seconds: int = 0
    kept: int | None = None


class Engine:
    """Keeps read models up to date for one database. Thread-safe; any number of processes may run one."""

    def __init__(
        self, database: Database, projections: Sequence[Projection] = PROJECTIONS, *, batch: int = BATCH
    ) -> None:
        """Fold into tables that are made on first use; `batch` facts share a transaction."""
        self.database = database
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._projections = tuple(projections)
        self._batch = batch
        self._folder = Folder(database, batch)
        self._lock = threading.Lock()
        self._prepared = False
        self._retried: set[str] = set()

    # What callers ask.

    def catch_up(self, to: int | None = None, names: Sequence[str] = ()) -> None:
        """Bring the named models (default: all) to position `to` (default: the head as it is now).

        Works whoever holds the leases. Raises ProjectionBehind when a model has stopped before that, or when
        nothing has moved for PATIENCE_S seconds; all others are then where they should be.
        """
        wanted = self._named(names)
        with storage_errors():
            goal, patience = to, monotonic() + PATIENCE_S
            while True:
                with self._lock:
                    seen, head = self._look()
                    goal = head if goal is None else goal
                    outdated = [p.name for p in wanted if seen[p.name].version < p.version]
                    behind = [p for p in wanted if seen[p.name].position < goal]
                    moved = self._step(self._ready(behind, seen), seen)
                if moved:
                    patience = monotonic() + PATIENCE_S
                elif outdated:
                    self.rebuild(outdated)
                elif stopped := [p for p in wanted if _stopped(p, seen[p.name], goal)]:
                    raise _behind(stopped, seen)
                elif not behind:
                    return
                elif monotonic() > patience:
                    raise ProjectionBehind(f"Position {goal} has not come; the head is at {head}.")
                else:
                    self._wait()

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set, sharing the models with other processes by lease.

        Woken by commits of this process, which it lets gather for LINGER_S; those of others are seen within
        POLL_S. Outlives a database that
        is away for a while.
        """
        quiet, look_again = -1, 0.0
        revisions: list[threading.Thread] | None = None
        while not stop.is_set():
            try:
                if revisions is None:
                    revisions = self._revise(stop)
                head = self._head()
                if head == quiet and monotonic() < look_again:
                    self._wait()
                    continue
                moved, far = self._work()
                quiet, look_again = (-1, 0.0) if moved else (head, monotonic() + _LOOK_AGAIN_S)
                if moved and not far:
                    stop.wait(LINGER_S)
            except _AWAY as error:
                _log.warning("the database is away: %s", reason(error))
                stop.wait(_LOOK_AGAIN_S)
        for thread in revisions or ():
            thread.join()
        with suppress(*_AWAY), self.database.write() as connection:  # If it is away, they run out.
            connection.execute(delete(leases).where(leases.c.holder == self.holder))

    def status(self) -> list[Status]:
        """Every model in the order of the register."""
        with storage_errors():
            seen, head = self._look()
            with self.database.read() as connection:
                now = time.now()
                return [_status(connection, p, seen, head, now) for p in self._projections]

    def rebuild(
        self, names: Sequence[str] = (), *, processes: int = 1, accept: bool = False
    ) -> list[Rebuilt]:
        """Fold the named models (default: all) from nothing beside the live ones, and compare them.

        Where the live rows are of the same version, they stay: raises ProjectionDiffers if they differ,
        unless `accept` says that the new ones are right. Where they are of another version, or of another
        log, the new ones are switched in; what was live is kept for a way back. Raises ProjectionBehind if a
        fact breaks a fold or another process rebuilds the same model; that live one then stays. More than
        one of the `processes` fold models of the catalogue alone, by their names.
        """
        return self._rebuild(self._named(names), processes=processes, accept=accept)

    def back(self, names: Sequence[str]) -> None:
        """Let the rows that were live before the last switch be so again, and catch up.

        Raises Missing where nothing is kept, and WrongState where it is of another version.
        """
        with storage_errors():
            self._look()
            for projection in self._named(names):
                with self._alone(projection), self.database.write() as connection:
                    generations.back(connection, projection)
        self.catch_up(names=names)

    def retry(self, names: Sequence[str]) -> None:
        """Try models that have stopped once more; raises ProjectionBehind if they stop again."""
        self._retried -= set(names)
        self.catch_up(names=names)

    def check(self, connection: Connection) -> Iterator[Check]:
        """Prove every model that has a checkpoint by folding the log again, on one state of the database."""
        return prove(self._projections, connection)

    # Looking.

    def _named(self, names: Sequence[str]) -> list[Projection]:
        if unknown := set(names) - {projection.name for projection in self._projections}:
            raise Missing(f"There is no projection {min(unknown)!r}.", field="projection")
        return [projection for projection in self._projections if not names or projection.name in names]

    def _head(self) -> int:
        with self.database.read() as connection:
            position: int = connection.execute(_HEAD).scalar_one()
            return position

    def _wait(self) -> None:
        with self.database.committed:
            self.database.committed.wait(POLL_S)

    def _look(self) -> tuple[dict[str, Checkpoint], int]:
        """Every checkpoint, those that are missing begun at nothing, and the head as it was before.

        A model that stopped at a fact which people have decided to leave out since has not stopped any more.
        """
        if not self._prepared:
            self._prepare()
        with self.database.read() as connection:
            head: int = connection.execute(_HEAD).scalar_one()
            seen = look(connection)
            if stopped := [name for name, at in seen.items() if at.reason]:
                for name, skipped in left_out(connection, stopped).items():
                    if seen[name].failed_position in skipped:
                        seen[name] = seen[name]._replace(failed_position=None, reason=None)
        if any(projection.name not in seen for projection in self._projections):
            self._prepare()
            return self._look()
        return seen, head

    def _prepare(self) -> None:
        """Make the tables that are missing; a model without a table or a checkpoint begins at nothing."""
        with self.database.read() as connection:
            there = set(inspect(connection).get_table_names())
            seen = look(connection) if {checkpoints.name, leases.name} <= there else {}
        if all(p.name in seen and (p.table.name in there or seen[p.name].version != p.version)
               for p in self._projections):  # fmt: skip
            self._prepared = True
            return
        with self.database.write() as connection:
            if not self.database.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            for table in (checkpoints, leases):
                table.create(connection, checkfirst=True)
            there = set(inspect(connection).get_table_names())
            seen = look(connection)
            for projection in self._projections:
                known = seen.get(projection.name)
                lost = known and known.version == projection.version and projection.table.name not in there
                if known is None or lost:
                    generations.begin(connection, projection)
        self._prepared = True

    def _ready(self, projections: Sequence[Projection], seen: dict[str, Checkpoint]) -> list[Projection]:
        """Those that may go on; each engine tries one that stopped once more, for its fold may be mended."""
        return [
            p
            for p in projections
            if not _trouble(p, seen[p.name]) and (not seen[p.name].reason or p.name not in self._retried)
        ]

    # Working.

    def _work(self) -> tuple[bool, bool]:
        """One round over what this process holds: whether anything moved, and whether much is left.

        Models near the head go first, so that one that is far behind does not keep them waiting.
        """
        with self._lock:
            seen, head = self._look()
            pending = [p for p in self._ready(self._projections, seen) if seen[p.name].position < head]
            mine = self._leased(pending, seen)
            near = [p for p in mine if head - seen[p.name].position <= self._batch]
            far = [p for p in mine if p not in near]
            moved = self._step(near, seen)
            return self._step(far, seen) or moved, bool(far)

    def _leased(self, pending: Sequence[Projection], seen: dict[str, Checkpoint]) -> list[Projection]:
        """Those that are ours to work on. Each round takes one more that is free, so that processes share."""
        now = time.now()
        mine = [p for p in pending if _holder(seen[p.name], now) == self.holder]
        free = [p for p in pending if not _holder(seen[p.name], now)]
        late = [p for p in mine if (seen[p.name].expires_at or 0) < now + LEASE_S * 500_000]
        wanted = [*late, secrets.choice(free)] if free else late
        if not wanted:
            return mine
        with self.database.write() as connection:
            taken = [p for p in wanted if self._take(connection, p.name, now)]
        return [p for p in pending if p in taken or (p in mine and p not in wanted)]

    def _take(self, connection: Connection, name: str, now: int) -> bool:
        return take_lease(connection, name, self.holder, now, now + LEASE_S * 1_000_000)

    def _step(self, ready: Sequence[Projection], seen: dict[str, Checkpoint]) -> bool:
        """Fold a page into the models that are furthest behind; whether there was one."""
        tried = self._folder.step(ready, seen)
        self._retried |= {p.name for p in tried if seen[p.name].reason}
        return bool(tried)

    # Rebuilding.

    def _revise(self, stop: threading.Event) -> list[threading.Thread]:
        """Rebuild models of an older version in a thread of their own while the others go on."""
        seen, _ = self._look()
        outdated = [p for p in self._projections if seen[p.name].version < p.version]
        if not outdated:
            return []
        thread = threading.Thread(target=self._revision, args=(outdated, stop), name="rebuild")
        thread.start()
        return [thread]

    def _revision(self, outdated: Sequence[Projection], stop: threading.Event) -> None:
        try:
            self._rebuild(outdated, stop=stop)
        except Stopped:
            return
        except (ProjectionBehind, *_AWAY) as error:
            _log.warning("%s", reason(error))

    def _rebuild(
        self,
        chosen: Sequence[Projection],
        *,
        processes: int = 1,
        accept: bool = False,
        stop: threading.Event | None = None,
    ) -> list[Rebuilt]:
        with storage_errors():
            self._look()
            rebuild = Rebuild(self._folder, self.holder, chosen, self.catch_up, stop)
            return rebuild.run(processes, accept=accept)

    @contextmanager
    def _alone(self, projection: Projection) -> Iterator[None]:
        """Keep rebuilds of a model away."""
        name = projection.name + BESIDE
        with self.database.write() as connection:
            if not self._take(connection, name, time.now()):
                raise ProjectionBehind(f"Another process is at {name}.", field="projection")
        try:
            yield
        finally:
            with self.database.write() as connection:
                connection.execute(delete(leases).where(leases.c.name == name))


def _holder(checkpoint: Checkpoint | None, now: int) -> str:
    """Who works on a model at a time (UTC microseconds), "" for nobody."""
    if checkpoint is None or checkpoint.holder is None or (checkpoint.expires_at or 0) < now:
        return ""
    return checkpoint.holder


def _trouble(projection: Projection, checkpoint: Checkpoint) -> str:
    """Why nothing can be folded onto a checkpoint, "" if it can."""
    if checkpoint.version != projection.version:
        return f"version {checkpoint.version} is live, not {projection.version}"
    return "" if checkpoint.true else _MOVED_LOG


def _stopped(projection: Projection, checkpoint: Checkpoint, goal: int) -> bool:
    """Whether a model will not reach a position by itself."""
    return bool(_trouble(projection, checkpoint) or (checkpoint.reason and checkpoint.position < goal))


def _behind(stopped: Sequence[Projection], seen: dict[str, Checkpoint]) -> ProjectionBehind:
    """What keeps some models from going on."""
    details = []
    for projection in stopped:
        at = seen[projection.name]
        why = _trouble(projection, at) or f"stopped at position {at.failed_position}: {at.reason}"
        details.append(f"{projection.name} is at {at.position}; {why}.")
    return ProjectionBehind(" ".join(details))


def _status(
    connection: Connection, projection: Projection, seen: dict[str, Checkpoint], head: int, now: int
) -> Status:
    at, kept = seen[projection.name], seen.get(projection.name + KEPT)
    lag = max(head - at.position, 0)
    seconds = 0
    if lag:
        commits = schema.commits.c
        query = select(commits.recorded_at).where(commits.position > at.position).order_by(commits.position)
        recorded_at = connection.execute(query.limit(1)).scalar()
        seconds = max(now - (now if recorded_at is None else recorded_at), 0) // 1_000_000
    return Status(
        projection.name,
        at.version,
        at.position,
        head,
        lag,
        _holder(at, now),
        at.failed_position,
        _trouble(projection, at) or at.reason or "",
        seconds,
        kept and kept.position,
    )

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
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from eventsourcing import persistence as es
from sqlalchemy import Connection, MetaData, Table, and_, delete, exists, inspect, select, text, update
from sqlalchemy import exc as sa

from ledger import time
from ledger.codec import leaf_bytes
from ledger.errors import Corrupt, Missing, ProjectionBehind, StorageUnavailable
from ledger.events.base import Recorded
from ledger.proofs import leaf_hash
from ledger.store import schema
from ledger.store.database import TROUBLES, Database, storage_errors
from ledger.store.log import FactMapper, FactRecorder
from ledger.store.recorder import POLL_S
from ledger.verify import Check
from projections.base import Broken, Key, Projection, concerns, folded, reason
from projections.catalogue import PROJECTIONS
from projections.check import prove
from projections.store import BESIDE, Checkpoint, Rows, checkpoints, leases, look, take_lease

BATCH = 2_000
"""Most facts that share a transaction."""
LEASE_S = 10
"""How long a process that died keeps its models from others."""
LINGER_S = 0.03
"""How long `run` lets commits gather once it is near the head: a round costs the same for one as for many."""
PATIENCE_S = 5.0
"""How long `catch_up` waits while nothing moves."""

_LOOK_AGAIN_S = 1.0
_LOCK = 0x61_73_73_76  # An arbitrary number that processes making tables at once agree on.
_REJECTED = (sa.DataError, sa.IntegrityError, sa.ProgrammingError, sa.NotSupportedError, OverflowError)
_AWAY = (*TROUBLES, StorageUnavailable)

_HEAD = select(schema.head.c.position)
_MOVED_LOG = "the log does not hold the fact up to which it was folded; rebuild it"

_log = logging.getLogger(__name__)


class Status(NamedTuple):
    """How a model is doing: `lag` facts behind `head`, worked on by `holder` ("" for nobody just now).

    `failed_position` is the fact at which it stopped and `reason` why; None and "" while it goes on.
    """

    name: str
    version: int
    position: int
    head: int
    lag: int
    holder: str
    failed_position: int | None
    reason: str


class _Place(NamedTuple):
    """Where a checkpoint stands: a position and the leaf hash of the fact there."""

    position: int
    leaf: bytes


class _Page(NamedTuple):
    """Consecutive facts as stored and as read; `broken` is the fact behind them that cannot be read."""

    stored: Sequence[es.Notification]
    facts: Sequence[Recorded]
    broken: Broken | None = None

    def until(self, position: int) -> _Page:
        """The facts before a position."""
        length = position - self.stored[0].id
        return _Page(self.stored[:length], self.facts[:length])

    def since(self, position: int) -> _Page:
        """The facts from a position on."""
        length = position - self.stored[0].id
        return _Page(self.stored[length:], self.facts[length:], self.broken)

    def place(self, before: _Place) -> _Place:
        """Where a checkpoint stands after these facts."""
        if not self.stored:
            return before
        last = self.stored[-1]
        data = leaf_bytes(last.id, str(last.originator_id), last.originator_version, last.topic, last.state)
        return _Place(last.id, leaf_hash(data))


class _Change(NamedTuple):
    """What a page makes of one model: its rows, where it then stands, and the fact that stopped it."""

    projection: Projection
    rows: dict[Key, tuple[object, ...] | None]
    place: _Place
    broken: Broken | None


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
        self._recorder = FactRecorder(database)
        self._mapper = FactMapper()
        self._rows: dict[str, Rows] = {}
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
        now = time.now()
        return [_status(projection, seen[projection.name], head, now) for projection in self._projections]

    def rebuild(self, names: Sequence[str] = ()) -> None:
        """Fold the named models (default: all) from nothing beside the live ones, then switch each.

        Readers see the live rows until one transaction replaces those that differ. Raises ProjectionBehind
        if a fact breaks a fold or another process rebuilds the same model; that live one then stays.
        """
        self._rebuild(self._named(names), threading.Event())

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
        """Every checkpoint, those that are missing begun at nothing, and the head as it was before."""
        if not self._prepared:
            self._prepare()
        with self.database.read() as connection:
            head: int = connection.execute(_HEAD).scalar_one()
            seen = look(connection)
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
                    _begin(connection, projection)
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
        """Fold a page into the models that are furthest behind, up to where the next one stands."""
        if not ready:
            return False
        places = sorted({seen[p.name].position for p in ready})
        group = [p for p in ready if seen[p.name].position == places[0]]
        page = self._read(places[0], places[1] if len(places) > 1 else None)
        if not page.stored and page.broken is None:
            return False
        self._retried |= {p.name for p in group if seen[p.name].reason}
        before = _Place(places[0], seen[group[0].name].leaf)
        self._advance(group, before, page)
        return True

    def _read(self, after: int, stop: int | None = None) -> _Page:
        try:
            stored = self._recorder.select_notifications(
                after, self._batch, stop=stop, inclusive_of_start=False
            )
        except es.PersistenceError as error:
            raise StorageUnavailable(str(error)) from error
        facts: list[Recorded] = []
        for notification in stored:
            try:
                facts.append(self._mapper.to_domain_event(notification))
            except Corrupt as error:
                return _Page(stored[: len(facts)], facts, Broken(notification.id, error))
        return _Page(stored, facts)

    def _advance(self, group: Sequence[Projection], before: _Place, page: _Page) -> None:
        """Apply a page; where the database will not take it, find the model and the fact, and stop there."""
        try:
            self._apply(group, before, page)
        except _REJECTED as error:
            if len(group) > 1:
                for projection in group:
                    self._advance([projection], before, page)
            elif len(page.facts) > 1:
                middle = page.facts[len(page.facts) // 2].position
                half = page.until(middle)
                # If the first half stops, the checkpoint is not where the second expects it.
                self._advance(group, before, half)
                self._advance(group, half.place(before), page.since(middle))
            else:
                broken = Broken(page.facts[0].position, error)
                with self.database.write() as connection:
                    self._save(connection, before, _Change(group[0], {}, before, broken))

    def _apply(self, group: Sequence[Projection], before: _Place, page: _Page) -> None:
        """Fold outside the write transaction: the conditional move tells whether the rows still stood."""
        with self.database.read() as connection:
            changes = [self._changed(connection, projection, before, page) for projection in group]
        with self.database.write() as connection:
            for change in changes:
                self._save(connection, before, change)

    def _changed(
        self, connection: Connection, projection: Projection, before: _Place, page: _Page
    ) -> _Change:
        """What a page makes of a model, as far as its fold can take it."""
        broken = page.broken
        while True:
            try:
                pairs = concerns(projection, page.facts)
                keys = list(dict.fromkeys(key for key, _ in pairs))
                rows = folded(projection, self._rows_of(projection.table).load(connection, keys), pairs)
                return _Change(projection, rows, page.place(before), broken)
            except Broken as error:
                broken, page = error, page.until(error.position)

    def _rows_of(self, table: Table) -> Rows:
        if table.name not in self._rows:
            self._rows[table.name] = Rows(table, self.database)
        return self._rows[table.name]

    def _save(self, connection: Connection, before: _Place, change: _Change) -> None:
        """Move the checkpoint and, if it stood where it was read, put the rows."""
        projection, broken = change.projection, change.broken
        move = (
            update(checkpoints)
            .where(
                checkpoints.c.name == projection.name,
                checkpoints.c.version == projection.version,
                checkpoints.c.position == before.position,
                checkpoints.c.leaf == before.leaf,
            )
            .values(
                position=change.place.position,
                leaf=change.place.leaf,
                failed_position=broken and broken.position,
                reason=broken and broken.reason,
            )
        )
        if not connection.execute(move).rowcount:
            return
        self._rows_of(projection.table).save(connection, change.rows)
        if broken:
            _log.error("%s stopped at position %s: %s", projection.name, broken.position, broken.reason)

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
            self._rebuild(outdated, stop)
        except (ProjectionBehind, *_AWAY) as error:
            _log.warning("%s", reason(error))

    def _rebuild(self, chosen: Sequence[Projection], stop: threading.Event) -> None:
        besides = {_beside(projection): projection for projection in chosen}
        with storage_errors():
            self._look()
            self._begin_beside(list(besides))
            try:
                while besides and not stop.is_set():
                    self._build(besides)
            finally:
                with self.database.write() as connection:
                    for beside in besides:
                        _end(connection, beside)

    def _begin_beside(self, besides: Sequence[Projection]) -> None:
        with self.database.write() as connection:
            for beside in besides:
                if not self._take(connection, beside.name, time.now()):
                    raise ProjectionBehind(f"Another process is at {beside.name}.")
                _begin(connection, beside)

    def _build(self, besides: dict[Projection, Projection]) -> None:
        """One page more for the models beside, or the switch for those that have caught up."""
        with self._lock:
            with self.database.read() as connection:
                seen = look(connection)
            if any(_holder(seen.get(beside.name), time.now()) != self.holder for beside in besides):
                raise ProjectionBehind("The rebuild took too long over one step; another process is at it.")
            self._leased(list(besides), seen)
            ready = [beside for beside in besides if not seen[beside.name].reason]
            moved = self._step(ready, seen)
        if moved:
            return
        for beside in ready:
            if self._switch(besides[beside], beside):
                del besides[beside]
        if besides and not ready:
            raise _behind(list(besides), seen)

    def _switch(self, live: Projection, beside: Projection) -> bool:
        """Put the rebuilt rows where the live ones differ; whether it had caught up with them."""
        names = (live.name, beside.name)
        with self.database.write() as connection:
            lock = select(checkpoints).where(checkpoints.c.name.in_(names)).order_by(checkpoints.c.name)
            connection.execute(lock.with_for_update()).all()
            seen = look(connection)
            if not self._last_facts(connection, live, beside, seen):
                return False
            live.table.create(connection, checkfirst=True)
            _replace(connection, live.table, beside.table)
            of_live = checkpoints.c.name == live.name
            connection.execute(delete(checkpoints).where(of_live))
            renamed = {"name": live.name, "version": live.version}
            connection.execute(update(checkpoints).where(checkpoints.c.name == beside.name).values(renamed))
            _end(connection, beside)
        return True

    def _last_facts(
        self, connection: Connection, live: Projection, beside: Projection, seen: dict[str, Checkpoint]
    ) -> bool:
        """Fold what the live model has and the one beside has not, now that the live one stands still."""
        at, goal = seen[beside.name], seen[live.name]
        if goal.version != live.version or not goal.true or at.position >= goal.position:
            return True
        page = self._read(at.position, goal.position)
        before = _Place(at.position, at.leaf)
        change = self._changed(connection, beside, before, page)
        if change.place.position < goal.position:
            return False
        self._save(connection, before, change)
        return True


def _beside(projection: Projection) -> Projection:
    """The same model under another name, in a table of its own."""
    table = projection.table.to_metadata(MetaData(), name=f"{projection.table.name}_rebuild")
    table.indexes.clear()  # Their names are taken, and these rows are only read whole.
    return projection._replace(name=projection.name + BESIDE, table=table)


def _begin(connection: Connection, projection: Projection) -> None:
    """An empty table and a checkpoint before the first fact."""
    projection.table.drop(connection, checkfirst=True)
    projection.table.create(connection)
    connection.execute(delete(checkpoints).where(checkpoints.c.name == projection.name))
    first = {"name": projection.name, "version": projection.version, "position": 0, "leaf": b""}
    connection.execute(checkpoints.insert().values(first))


def _end(connection: Connection, beside: Projection) -> None:
    """Leave nothing of a model that was built beside the live one."""
    beside.table.drop(connection, checkfirst=True)
    connection.execute(delete(checkpoints).where(checkpoints.c.name == beside.name))
    connection.execute(delete(leases).where(leases.c.name == beside.name))


def _replace(connection: Connection, live: Table, beside: Table) -> None:
    """Make the live rows those of the table beside, touching only what differs."""
    key = and_(*(live.c[column.name] == beside.c[column.name] for column in live.primary_key))
    others = [column.name for column in live.columns if not column.primary_key]
    same = and_(key, *(live.c[name].is_not_distinct_from(beside.c[name]) for name in others))
    connection.execute(delete(live).where(~exists().where(same)))
    missing = select(beside).where(~exists().where(key))
    connection.execute(live.insert().from_select([column.name for column in live.columns], missing))


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


def _status(projection: Projection, at: Checkpoint, head: int, now: int) -> Status:
    why = _trouble(projection, at) or at.reason or ""
    lag = max(head - at.position, 0)
    return Status(
        projection.name, at.version, at.position, head, lag, _holder(at, now), at.failed_position, why
    )

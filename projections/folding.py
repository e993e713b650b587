"""How a page of the log becomes rows: folded outside the write transaction, put with the moved checkpoints.

A checkpoint moves only from where it was read, so two processes can never both apply a page.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from eventsourcing import persistence as es
from sqlalchemy import Connection, Table, update
from sqlalchemy import exc as sa

from ledger.codec import leaf_bytes
from ledger.errors import StorageUnavailable
from ledger.events.base import Recorded
from ledger.proofs import leaf_hash
from ledger.store.database import Database
from ledger.store.log import FactMapper, FactRecorder
from projections import pages
from projections.base import Broken, Key, Projection, concerns, folded
from projections.store import Checkpoint, Rows, checkpoints, hold, left_out

REJECTED = (sa.DataError, sa.IntegrityError, sa.ProgrammingError, sa.NotSupportedError, OverflowError)
"""What a database says of a row that it will not take."""

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a checkpoint stands: a position and the leaf hash of the fact there."""

    position: int
    leaf: bytes


class Page(NamedTuple):
    """Consecutive facts as stored and as read; `broken` are those that cannot be read."""

    stored: Sequence[es.Notification]
    facts: Sequence[Recorded]
    broken: tuple[Broken, ...] = ()

    def until(self, position: int) -> Page:
        """The facts before a position."""
        length = position - self.stored[0].id
        broken = tuple(each for each in self.broken if each.position < position)
        return Page(self.stored[:length], self.facts[:length], broken)

    def since(self, position: int) -> Page:
        """The facts from a position on."""
        length = position - self.stored[0].id
        broken = tuple(each for each in self.broken if each.position >= position)
        return Page(self.stored[length:], self.facts[length:], broken)

    def place(self, before: Place) -> Place:
        """Where a checkpoint stands after these facts."""
        if not self.stored:
            return before
        last = self.stored[-1]
        data = leaf_bytes(last.id, str(last.originator_id), last.originator_version, last.topic, last.state)
        return Place(last.id, leaf_hash(data))


class Change(NamedTuple):
    """What a page makes of one model: its rows, where it then stands, and the fact that stopped it."""

    projection: Projection
    rows: dict[Key, tuple[object, ...] | None]
    place: Place
    broken: Broken | None


class Folder:
    """Folds pages of the log into the tables of read models, as far as their folds can take the facts."""

    def __init__(self, database: Database, batch: int) -> None:
        """At most `batch` facts share a transaction."""
        self.database = database
        self.recorder = FactRecorder(database)
        self.batch = batch
        self._mapper = FactMapper()
        self._rows: dict[str, Rows] = {}

    def step(self, ready: Sequence[Projection], seen: dict[str, Checkpoint]) -> list[Projection]:
        """Fold a page into the models that are furthest behind, up to where the next one stands.

        Answers those that it tried.
        """
        if not ready:
            return []
        places = sorted({seen[p.name].position for p in ready})
        group = [p for p in ready if seen[p.name].position == places[0]]
        page = self.read(places[0], places[1] if len(places) > 1 else None)
        if not page.stored:
            return []
        self._advance(group, Place(places[0], seen[group[0].name].leaf), page)
        return group

    def read(self, after: int, stop: int | None = None) -> Page:
        """The facts behind a position, at most a batch and up to `stop`."""
        try:
            stored = self.recorder.select_notifications(
                after, self.batch, stop=stop, inclusive_of_start=False
            )
        except es.PersistenceError as error:
            raise StorageUnavailable(str(error)) from error
        rows = [(str(n.originator_id), n.originator_version, n.topic, n.state, n.id) for n in stored]
        return Page(stored, *pages.read(self._mapper, rows))

    def _advance(self, group: Sequence[Projection], before: Place, page: Page) -> None:
        """Apply a page; where the database will not take it, find the model and the fact, and stop there."""
        try:
            self._apply(group, before, page)
        except REJECTED as error:
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
                    self.save(connection, before, Change(group[0], {}, before, broken))

    def _apply(self, group: Sequence[Projection], before: Place, page: Page) -> None:
        """Fold outside the write transaction: the conditional move tells whether the rows still stood."""
        with self.database.read() as connection:
            skipped = left_out(connection, [projection.name for projection in group])
            changes = [
                self.changed(connection, projection, before, page, skipped[projection.name])
                for projection in group
            ]
        with self.database.write() as connection:
            hold(connection, [projection.name for projection in group])
            for change in changes:
                self.save(connection, before, change)

    def changed(
        self,
        connection: Connection,
        projection: Projection,
        before: Place,
        page: Page,
        skipped: AbstractSet[int],
    ) -> Change:
        """What a page makes of a model, as far as its fold can take it, without the positions skipped."""
        broken = next((each for each in page.broken if each.position not in skipped), None)
        while True:
            if broken is not None:
                page = page.until(broken.position)
            try:
                pairs = concerns(projection, page.facts, skipped)
                keys = list(dict.fromkeys(key for key, _ in pairs))
                rows = folded(projection, self._rows_of(projection.table).load(connection, keys), pairs)
                return Change(projection, rows, page.place(before), broken)
            except Broken as error:
                broken = error

    def _rows_of(self, table: Table) -> Rows:
        if table.name not in self._rows:
            self._rows[table.name] = Rows(table, self.database)
        return self._rows[table.name]

    def save(self, connection: Connection, before: Place, change: Change) -> None:
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

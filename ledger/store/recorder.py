"""Recorders behind eventsourcing's interfaces, on SQLAlchemy Core.

Positions come from a head row that is locked inside the appending transaction: position order is commit
order, a rollback leaves no hole, and whoever reads on from a position can never miss a later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from eventsourcing import persistence as es
from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy import exc as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.database import Database, Insert

POLL_S = 0.02
"""How often a subscription looks for events of other processes; those of its own wake it at once."""
_PAGE = 500

_ERRORS: tuple[tuple[type[sa.DBAPIError], type[es.PersistenceError]], ...] = (
    (sa.IntegrityError, es.IntegrityError),
    (sa.DataError, es.DataError),
    (sa.OperationalError, es.OperationalError),
    (sa.InternalError, es.InternalError),
    (sa.ProgrammingError, es.ProgrammingError),
    (sa.NotSupportedError, es.NotSupportedError),
    (sa.InterfaceError, es.InterfaceError),
    (sa.DatabaseError, es.DatabaseError),
)


@contextmanager
def errors() -> Iterator[None]:
    """Raise eventsourcing's errors for those of the database."""
    try:
        yield
    except sa.DBAPIError as error:
        kind = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), es.PersistenceError)
        raise kind(error) from error


class TableRecorder(es.Recorder):
    """What all recorders share: a database and the tables they own."""

    def __init__(self, database: Database, *tables: Table) -> None:
        """Record into `tables`."""
        self.database = database
        self.tables = tables

    def create_table(self) -> None:
        """Create the tables that are missing."""
        with errors(), self.database.write() as connection:
            for table in self.tables:
                table.create(connection, checkfirst=True)


class AggregateRecorder(TableRecorder, es.AggregateRecorder):
    """Aggregate sequences in one table; `insert_events` answers None, for there are no positions."""

    def __init__(self, database: Database, events: Table, *tables: Table) -> None:
        """Record into `events`."""
        super().__init__(database, events, *tables)
        self.events = events
        self._insert = Insert(events, database)
        # A raw statement takes what the driver takes: SQLite keeps a UUID as 32 hexadecimal digits.
        self._as_hex = database.is_sqlite

    def _id(self, originator_id: UUID | str) -> UUID | str:
        return originator_id.hex if self._as_hex and isinstance(originator_id, UUID) else originator_id

    def insert_events(self, stored_events: Sequence[es.StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append all events or, if one stands already (IntegrityError), none."""
        with errors(), self.database.write() as connection:
            return self._insert_events(connection, stored_events, **kwargs)

    def _insert_events(
        self, connection: Connection, stored_events: Sequence[es.StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        rows = [(self._id(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events]
        self._insert(connection, rows)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[es.StoredEvent]:
        """The events of one aggregate, by version."""
        columns = self.events.c
        query = select(columns.originator_id, columns.originator_version, columns.topic, columns.state)
        query = query.where(columns.originator_id == originator_id).limit(limit)
        if gt is not None:
            query = query.where(columns.originator_version > gt)
        if lte is not None:
            query = query.where(columns.originator_version <= lte)
        version = columns.originator_version
        query = query.order_by(version.desc() if desc else version)
        with errors(), self.database.read() as connection:
            return [es.StoredEvent(*row) for row in connection.execute(query)]


class ApplicationRecorder(AggregateRecorder, es.ApplicationRecorder):
    """Aggregate sequences that are one application sequence too, gapless from 1."""

    def __init__(self, database: Database, events: Table, head: Table, *tables: Table) -> None:
        """Record into `events`, ordered by the row of `head`."""
        super().__init__(database, events, head, *tables)
        self.head = head
        self._lock_head = select(head).with_for_update()

    def create_table(self) -> None:
        """Create the tables that are missing, and the head row."""
        super().create_table()
        dialect = sqlite if self.database.is_sqlite else postgresql
        first = dialect.insert(self.head).values(id=1, position=0).on_conflict_do_nothing()
        with errors(), self.database.write() as connection:
            connection.execute(first)

    def _insert_events(
        self, connection: Connection, stored_events: Sequence[es.StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        position = connection.execute(self._lock_head).one().position
        rows = [
            (number, self._id(e.originator_id), e.originator_version, e.topic, e.state)
            for number, e in enumerate(stored_events, position + 1)
        ]
        self._insert(connection, rows)
        if rows:
            connection.execute(update(self.head).values(position=position + len(rows)))
        return [row[0] for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[es.Notification]:
        """A page of the application sequence from `start` to `stop`."""
        columns = self.events.c
        query = select(
            columns.originator_id, columns.originator_version, columns.topic, columns.state, columns.position
        )
        if start is not None:
            query = query.where(columns.position >= start if inclusive_of_start else columns.position > start)
        if stop is not None:
            query = query.where(columns.position <= stop)
        if topics:
            query = query.where(columns.topic.in_(topics))
        query = query.order_by(columns.position).limit(limit)
        with errors(), self.database.read() as connection:
            return [es.Notification(*row) for row in connection.execute(query)]

    def max_notification_id(self) -> int | None:
        """The last position, None before the first."""
        with errors(), self.database.read() as connection:
            return connection.execute(select(func.max(self.events.c.position))).scalar()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription:
        """Everything after `gt`, then everything new, on both databases."""
        return Subscription(self, gt, topics)


class Subscription(es.Subscription[ApplicationRecorder]):
    """Reads on from a position for ever: woken by commits of its own process, looking for those of others."""

    def __init__(self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        """Begin after `gt`."""
        super().__init__(recorder, gt, topics)
        self._page: list[es.Notification] = []

    def stop(self) -> None:
        """End the iteration, also one that is waiting."""
        super().stop()
        with self._recorder.database.committed:
            self._recorder.database.committed.notify_all()

    def __next__(self) -> es.Notification:
        """The next event; waits until there is one or the subscription is stopped."""
        while not self._page and not self._has_been_stopped:
            # An empty page passed over events of other topics: read on from the head as it was before.
            passed = self._recorder.max_notification_id() if self._topics else None
            page = self._recorder.select_notifications(
                self._last_notification_id, _PAGE, topics=self._topics, inclusive_of_start=False
            )
            self._page = list(reversed(page))
            if not page:
                if passed is not None:
                    self._last_notification_id = max(passed, self._last_notification_id or 0)
                committed = self._recorder.database.committed
                with committed:
                    committed.wait(POLL_S)
        if self._has_been_stopped:
            raise StopIteration
        notification = self._page.pop()
        self._last_notification_id = notification.id
        return notification


class TrackingRecorder(TableRecorder, es.TrackingRecorder):
    """One row an upstream application, moved forward only: of two that race for a position one wins."""

    def __init__(self, database: Database, tracking: Table, *tables: Table) -> None:
        """Track in `tracking`."""
        super().__init__(database, tracking, *tables)
        self.tracking = tracking

    def insert_tracking(self, tracking: es.Tracking) -> None:
        """Move forward; raises IntegrityError if the position, or a later one, is tracked already."""
        with errors(), self.database.write() as connection:
            self._insert_tracking(connection, tracking)

    def _insert_tracking(self, connection: Connection, tracking: es.Tracking) -> None:
        dialect = sqlite if self.database.is_sqlite else postgresql
        new = dialect.insert(self.tracking).values(
            application_name=tracking.application_name, notification_id=tracking.notification_id
        )
        forward = new.on_conflict_do_update(
            index_elements=["application_name"],
            set_={"notification_id": new.excluded.notification_id},
            where=self.tracking.c.notification_id < new.excluded.notification_id,
        ).returning(self.tracking.c.notification_id)
        if connection.execute(forward).first() is None:
            message = f"{tracking.application_name} is already at {tracking.notification_id} or beyond"
            raise es.IntegrityError(message)

    def max_tracking_id(self, application_name: str) -> int | None:
        """How far the upstream application has been processed, None before the first."""
        query = select(self.tracking.c.notification_id).where(
            self.tracking.c.application_name == application_name
        )
        with errors(), self.database.read() as connection:
            return connection.execute(query).scalar()


class ProcessRecorder(TrackingRecorder, ApplicationRecorder, es.ProcessRecorder):
    """Events and the tracking of what caused them, in one transaction."""

    def __init__(self, database: Database, events: Table, head: Table, tracking: Table) -> None:
        """Record into `events`, ordered by `head`, and track in `tracking`."""
        ApplicationRecorder.__init__(self, database, events, head, tracking)
        self.tracking = tracking

    def _insert_events(
        self, connection: Connection, stored_events: Sequence[es.StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        positions = super()._insert_events(connection, stored_events, **kwargs)
        tracking: es.Tracking | None = kwargs.get("tracking")
        if tracking is not None:
            self._insert_tracking(connection, tracking)
        return positions

"""The infrastructure factory: `PERSISTENCE_MODULE=ledger.store` for any eventsourcing application."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

from eventsourcing import persistence as es
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from sqlalchemy import MetaData, Table

from ledger.store import schema
from ledger.store.database import Database
from ledger.store.recorder import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    TableRecorder,
    TrackingRecorder,
)

R = TypeVar("R", bound=TableRecorder)


class Factory(es.InfrastructureFactory[TrackingRecorder]):
    """Builds recorders for applications of others, each with tables of its own beside the ledger's.

    The tables are named after the application (`bankaccounts_events`; `stored_events` if it has no name).
    Reads ASSURANCE_DATABASE_URL, CREATE_TABLE (default yes) and ORIGINATOR_ID_TYPE (`uuid`, the default, or
    `text`) from the application's environment.
    """

    ASSURANCE_DATABASE_URL = "ASSURANCE_DATABASE_URL"
    CREATE_TABLE = "CREATE_TABLE"
    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        """Open the database; raises OSError if the environment does not name one."""
        super().__init__(env)
        url = self.env.get(self.ASSURANCE_DATABASE_URL)
        if not url:
            names = ", ".join(self.env.create_keys(self.ASSURANCE_DATABASE_URL))
            message = f"Database URL not found in environment with keys: {names}"
            raise OSError(message)
        id_type = (self.env.get(self.ORIGINATOR_ID_TYPE) or "uuid").lower()
        if id_type not in {"uuid", "text"}:
            message = f"Invalid {self.ORIGINATOR_ID_TYPE} '{id_type}', must be 'uuid' or 'text'"
            raise OSError(message)
        self._id_type = cast("Literal['uuid', 'text']", id_type)
        self._prefix = self.env.name.lower() or "stored"
        self.database = Database(url)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Aggregate sequences in the table of that purpose, such as `snapshots`."""
        table = schema.aggregate_table(f"{self._prefix}_{purpose}", MetaData(), self._id_type)
        return self._made(AggregateRecorder(self.database, table))

    def application_recorder(self) -> ApplicationRecorder:
        """An application sequence; the class may be named by APPLICATION_RECORDER_TOPIC."""
        kind: type[ApplicationRecorder] = self._class(self.APPLICATION_RECORDER_TOPIC, ApplicationRecorder)
        return self._made(kind(self.database, *self._sequence(MetaData())))

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        """Tracking; the class is given or named by TRACKING_RECORDER_TOPIC."""
        kind: type[TrackingRecorder] = tracking_recorder_class or self._class(
            self.TRACKING_RECORDER_TOPIC, TrackingRecorder
        )
        return self._made(kind(self.database, self._tracking(MetaData())))

    def process_recorder(self) -> ProcessRecorder:
        """Both in one; the class may be named by PROCESS_RECORDER_TOPIC."""
        kind: type[ProcessRecorder] = self._class(self.PROCESS_RECORDER_TOPIC, ProcessRecorder)
        owner = MetaData()
        return self._made(kind(self.database, *self._sequence(owner), self._tracking(owner)))

    def _sequence(self, owner: MetaData) -> tuple[Table, Table]:
        name = f"{self._prefix}_events"
        return schema.sequence_table(name, owner, self._id_type), schema.head_table(f"{name}_head", owner)

    def _tracking(self, owner: MetaData) -> Table:
        return schema.tracking_table(f"{self._prefix}_tracking", owner)

    def _class(self, variable: str, default: type[Any]) -> type[Any]:
        topic = self.env.get(variable)
        return resolve_topic(topic) if topic else default

    def _made(self, recorder: R) -> R:
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            recorder.create_table()
        return recorder

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

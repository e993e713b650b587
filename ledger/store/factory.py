"""The infrastructure factory: `PERSISTENCE_MODULE=ledger.store` for any eventsourcing application."""

from __future__ import annotations

from typing import Any, Literal, cast

from eventsourcing import persistence as es
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from sqlalchemy import MetaData

from ledger.store import schema
from ledger.store.database import Database
from ledger.store.recorder import AggregateRecorder, ApplicationRecorder, ProcessRecorder, TrackingRecorder


class Factory(es.InfrastructureFactory[TrackingRecorder]):
    """Builds recorders for applications of others, with tables of their own beside the ledger's.

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
        self.database = Database(url)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Aggregate sequences in `stored_{purpose}`."""
        table = schema.aggregate_table(f"stored_{purpose}", MetaData(), self._id_type)
        return self._made(AggregateRecorder(self.database, table))

    def application_recorder(self) -> ApplicationRecorder:
        """An application sequence in `stored_events`; the class may be named by APPLICATION_RECORDER_TOPIC."""
        kind = self._class(self.APPLICATION_RECORDER_TOPIC, ApplicationRecorder)
        return self._made(kind(self.database, *self._sequence(MetaData())))

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """Tracking in `tracked_applications`; the class is given or named by TRACKING_RECORDER_TOPIC."""
        kind = tracking_recorder_class or self._class(self.TRACKING_RECORDER_TOPIC, TrackingRecorder)
        return self._made(kind(self.database, schema.tracking_table("tracked_applications", MetaData())))

    def process_recorder(self) -> ProcessRecorder:
        """Both in one; the class may be named by PROCESS_RECORDER_TOPIC."""
        kind = self._class(self.PROCESS_RECORDER_TOPIC, ProcessRecorder)
        owner = MetaData()
        tracking = schema.tracking_table("tracked_applications", owner)
        return self._made(kind(self.database, *self._sequence(owner), tracking))

    def _sequence(self, owner: MetaData) -> tuple[Any, Any]:
        events = schema.sequence_table("stored_events", owner, self._id_type)
        return events, schema.head_table("stored_events_head", owner)

    def _class(self, variable: str, default: type[Any]) -> type[Any]:
        topic = self.env.get(variable)
        return resolve_topic(topic) if topic else default

    def _made(self, recorder: Any) -> Any:
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            recorder.create_table()
        return recorder

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

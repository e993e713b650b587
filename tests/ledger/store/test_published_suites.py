"""eventsourcing's published test cases, unchanged: what they prove is the path that money takes.

The cases of dynamic consistency boundaries are left out: they ask for another kind of recorder.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any
from unittest import TestCase
from uuid import uuid4

import pytest
from eventsourcing.persistence import Tracking
from eventsourcing.tests import application, persistence, projection
from eventsourcing.utils import Environment
from sqlalchemy import BigInteger, Column, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from ledger.store import Factory, factory, recorder
from ledger.store.database import Database
from ledger.store.log import FactRecorder
from ledger.store.migrate import migrate

FACTS = "facts"


class Suite(TestCase):
    """What every case below is given: an empty database, and that everything opened is closed."""

    store: str
    ids: str

    @pytest.fixture(autouse=True)
    def _open(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
        before = set(threading.enumerate())
        self.opened: list[Database] = []
        monkeypatch.setattr(factory, "Database", self.open)
        self.url = request.getfixturevalue(f"{self.store}_url")
        self.variables = {"ASSURANCE_DATABASE_URL": self.url, "ORIGINATOR_ID_TYPE": self.ids}
        for name, value in {"PERSISTENCE_MODULE": "ledger.store", **self.variables}.items():
            monkeypatch.setenv(name, value)
        self.prepare()
        yield
        # Some cases tell their threads to stop and do not wait for them.
        for thread in set(threading.enumerate()) - before:
            thread.join()
        for database in self.opened:
            database.close()

    def open(self, url: str) -> Database:
        self.opened.append(Database(url))
        return self.opened[-1]

    def prepare(self):
        """What a case needs before its own set-up."""

    @property
    def built(self) -> Factory:
        return Factory(Environment(env=self.variables))

    def new_originator_id(self):
        return uuid4() if self.ids == "uuid" else str(uuid4())


def on_both_stores(*variants: str) -> Callable[[type], type]:
    """Collect a case once for each store and kind of originator id; pytest has no parameters for unittest."""

    def collect(case: type) -> type:
        for store in ("sqlite", "postgres"):
            for ids in variants:
                name = f"{case.__name__}_{store}_{ids}"
                members = {"store": store, "ids": ids, "__test__": True, "__module__": __name__}
                setattr(sys.modules[__name__], name, type(name, (case,), members))
        case.__test__ = False  # type: ignore[attr-defined]
        return case

    return collect


class RecorderSuite(Suite):
    def application_recorder(self) -> recorder.ApplicationRecorder:
        if self.ids != FACTS:
            return self.built.application_recorder()
        database = self.open(self.url)
        migrate(database)
        return FactRecorder(database)


@on_both_stores("uuid", "text")
class Aggregates(RecorderSuite, persistence.AggregateRecorderTestCase):
    def create_recorder(self):
        return self.built.aggregate_recorder()


@pytest.mark.slow
@on_both_stores("uuid", "text", FACTS)
class Applications(RecorderSuite, persistence.ApplicationRecorderTestCase[Any]):
    def create_recorder(self):
        return self.application_recorder()

    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


@on_both_stores("uuid", "text", FACTS)
class NonInterleaving(RecorderSuite, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self):
        return self.application_recorder()


@on_both_stores("uuid", "text")
class Tracked(RecorderSuite, persistence.TrackingRecorderTestCase):
    def create_recorder(self):
        return self.built.tracking_recorder()


@on_both_stores("uuid", "text")
class Processes(RecorderSuite, persistence.ProcessRecorderTestCase):
    def create_recorder(self):
        return self.built.process_recorder()


@on_both_stores("uuid")
class Factories(Suite, persistence.InfrastructureFactoryTestCase[Factory]):
    def prepare(self):
        self.env = Environment(env={"PERSISTENCE_MODULE": "ledger.store", **self.variables})

    def expected_factory_class(self):
        return Factory

    def expected_aggregate_recorder_class(self):
        return recorder.AggregateRecorder

    def expected_application_recorder_class(self):
        return recorder.ApplicationRecorder

    def expected_tracking_recorder_class(self):
        return recorder.TrackingRecorder

    def tracking_recorder_subclass(self):
        return CountersView

    def expected_process_recorder_class(self):
        return recorder.ProcessRecorder


class CountersView(recorder.TrackingRecorder, projection.EventCountersView):
    """A view such as others may write: tables of its own, changed in the transaction that tracks."""

    def __init__(self, database: Database, tracking: Table):
        self.counters = Table(
            f"{tracking.name}_counters",
            tracking.metadata,
            Column("name", Text, primary_key=True),
            Column("counted", BigInteger, nullable=False),
        )
        super().__init__(database, tracking, self.counters)

    def _incremented(self, name: str, tracking: Tracking):
        counters = self.counters
        first = insert(counters).values(name=name, counted=1)
        more = {"counted": counters.c.counted + 1}
        with recorder.errors(), self.database.write() as connection:
            self._insert_tracking(connection, tracking)
            connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=more))

    def _counted(self, name: str) -> int:
        with self.database.read() as connection:
            query = select(self.counters.c.counted).where(self.counters.c.name == name)
            return connection.execute(query).scalar() or 0

    def incr_created_event_counter(self, tracking: Tracking):
        self._incremented("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking):
        self._incremented("subsequent", tracking)

    def get_created_event_counter(self):
        return self._counted("created")

    def get_subsequent_event_counter(self):
        return self._counted("subsequent")


@on_both_stores("uuid")
class CounterViews(Suite, projection.EventCountersViewTestCase):
    def construct_event_counters_view(self):
        return self.built.tracking_recorder(CountersView)


class ProjectionSuite(Suite):
    def prepare(self):
        self.env = {"PERSISTENCE_MODULE": "ledger.store", **self.variables}


@pytest.mark.slow
@on_both_stores("uuid")
class CounterProjections(ProjectionSuite, projection.AggregateEventCountersProjectionTestCase):
    view_class = CountersView


@on_both_stores("uuid")
class EventSourcedProjections(ProjectionSuite, projection.EventSourcedProjectionTestCase):
    pass


@on_both_stores("uuid")
class ExampleApplications(Suite, application.ExampleApplicationTestCase):
    expected_factory_topic = "ledger.store.factory:Factory"


@pytest.mark.slow
@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
@on_both_stores("uuid")
class AnyApplications(Suite, application.ApplicationTestCase):
    pass

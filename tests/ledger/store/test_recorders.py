"""What the published suites leave out: tracking races, live tails, applications side by side."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment
from sqlalchemy import inspect

from ledger.store import Factory
from ledger.store.database import Database
from ledger.store.log import FactRecorder
from ledger.store.recorder import ApplicationRecorder
from tests.ledger.store.requests import counts, proven

WRITERS = 8
COMMITS = 60


def factory(url: str, **env: str) -> Factory:
    return Factory(Environment(env={"ASSURANCE_DATABASE_URL": url, **env}))


@pytest.mark.parametrize("kind", ["tracking_recorder", "process_recorder"])
def test_one_of_eight_wins_a_tracking_position(kind: str, database_url: str):
    built = factory(database_url)
    recorder = getattr(built, kind)()
    rounds, barrier = 40, threading.Barrier(WRITERS)

    def run(_: int) -> list[bool]:
        won = []
        for position in range(1, rounds + 1):
            barrier.wait()
            try:
                recorder.insert_tracking(Tracking("upstream", position))
            except IntegrityError:
                won.append(False)
            else:
                won.append(True)
        return won

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = zip(*pool.map(run, range(WRITERS)), strict=True)
    assert [sum(winners) for winners in outcomes] == [1] * rounds
    assert recorder.max_tracking_id("upstream") == rounds
    built.close()


def subscribed(recorder: ApplicationRecorder, last: int) -> list[Notification]:
    """What a subscription gives, up to a position."""
    found = []
    with recorder.subscribe() as subscription:
        for notification in subscription:
            found.append(notification)
            if notification.id >= last:
                break
    return found


def subscribed_to_a_topic(recorder: ApplicationRecorder, last: int) -> list[Notification]:
    """The same of one that asks for topics, here all there are."""
    found = []
    with recorder.subscribe(topics=("even", "odd")) as subscription:
        for notification in subscription:
            found.append(notification)
            if notification.id >= last:
                break
    return found


def polled(recorder: ApplicationRecorder, last: int) -> list[Notification]:
    """What a reader sees that asks for the next page again and again."""
    found: list[Notification] = []
    while not found or found[-1].id < last:
        start = found[-1].id if found else None
        found += recorder.select_notifications(start, 50, inclusive_of_start=False)
        time.sleep(0.001)  # Let the writers have the interpreter.
    return found


@pytest.mark.slow
@pytest.mark.parametrize("tail", [subscribed, subscribed_to_a_topic, polled])
def test_a_live_tail_misses_nothing(
    tail: Callable[[ApplicationRecorder, int], list[Notification]], database: Database, database_url: str
):
    """Eight write. Half share the reader's connections as threads do, half do not, as processes do."""
    other = Database(database_url)
    recorders = FactRecorder(database), FactRecorder(other)
    sizes = (1, 3, 2)
    per_writer = sum(sizes[i % 3] for i in range(COMMITS))
    last = WRITERS * per_writer

    def write(name: int) -> list[int]:
        positions: list[int] = []
        for i in range(COMMITS):
            versions = range(len(positions) + 1, len(positions) + 1 + sizes[i % 3])
            topic = "odd" if i % 2 else "even"
            events = [StoredEvent(f"writer-{name}", version, topic, b"") for version in versions]
            positions += recorders[name % 2].insert_events(events) or ()
        return positions

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        tails = [pool.submit(tail, recorder, last) for recorder in recorders]
        written = list(pool.map(write, range(WRITERS)))
        seen = [found.result(timeout=60) for found in tails]
    for notifications in seen:
        assert [notification.id for notification in notifications] == list(range(1, last + 1))
        for name, positions in enumerate(written):
            own = [n for n in notifications if n.originator_id == f"writer-{name}"]
            assert [n.id for n in own] == positions == sorted(positions)
            assert [n.originator_version for n in own] == list(range(1, per_writer + 1))
    other.close()


def test_a_subscription_to_a_rare_topic_reads_what_it_passed_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    recorder = FactRecorder(database)
    recorder.insert_events([StoredEvent("s", version, "common", b"") for version in range(1, 1_001)])
    starts = []
    select = recorder.select_notifications

    def selected(start: int | None, *args: Any, **kwargs: Any) -> Any:
        starts.append(start)
        return select(start, *args, **kwargs)

    monkeypatch.setattr(recorder, "select_notifications", selected)
    with recorder.subscribe(topics=("rare",)) as subscription, ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, subscription)
        while len(starts) < 3:
            time.sleep(0.005)
        recorder.insert_events([StoredEvent("s", 1_001, "rare", b"")])
        assert first.result(timeout=10).id == 1_001
    assert starts[0] is None
    assert set(starts[1:]) == {1_000}


# Applications of others.


def test_applications_share_a_database_and_not_their_tables(database: Database, database_url: str):
    class Books(Application[Any]):
        is_snapshotting_enabled = True

    class Letters(Application[Any]):
        pass

    before = counts(database)
    env = {"PERSISTENCE_MODULE": "ledger.store", "ASSURANCE_DATABASE_URL": database_url}
    with Books(env=env) as books, Letters(env=env) as letters:
        book = Aggregate()
        books.save(book)
        books.take_snapshot(book.id)
        assert letters.recorder.max_notification_id() is None
        [recording] = letters.save(Aggregate())
        assert recording.notification.id == 1
        assert [
            item["id"] if isinstance(item, dict) else item.id for item in books.notification_log.select(1, 10)
        ] == [1]
    with Books(env={**env, "CREATE_TABLE": "no"}) as again:
        assert again.repository.get(book.id).id == book.id
    assert counts(database) == before
    assert proven(database) == 0
    names = set(inspect(database.engine).get_table_names())
    assert {"books_events", "books_snapshots", "letters_events"} <= names
    for application in (books, letters, again):
        application.close()


def test_an_application_may_have_any_name(database_url: str):
    built = Factory(Environment("Käufe & select", {"ASSURANCE_DATABASE_URL": database_url}))
    recorder = built.process_recorder()
    recorder.insert_events([StoredEvent(uuid4(), 1, "topic", b"state")], tracking=Tracking("upstream", 1))
    assert recorder.max_notification_id() == recorder.max_tracking_id("upstream") == 1
    built.close()


def test_tables_are_created_only_if_wanted(database_url: str):
    built = factory(database_url, CREATE_TABLE="no")
    with pytest.raises((OperationalError, ProgrammingError)):
        built.application_recorder().max_notification_id()
    assert inspect(built.database.engine).get_table_names() == []
    built.close()


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "Database URL not found in environment with keys: ASSURANCE_DATABASE_URL"),
        (
            {"ASSURANCE_DATABASE_URL": "sqlite://", "ORIGINATOR_ID_TYPE": "int"},
            "Invalid ORIGINATOR_ID_TYPE 'int'",
        ),
    ],
    ids=["no database", "unknown kind of id"],
)
def test_an_environment_that_does_not_do(env: dict[str, str], message: str):
    with pytest.raises(OSError, match=message):
        Factory(Environment(env=env))


@pytest.mark.parametrize(
    ("given", "topic"),
    [("APPLICATION_RECORDER_TOPIC", "application_recorder"), ("PROCESS_RECORDER_TOPIC", "process_recorder")],
)
def test_a_recorder_class_may_be_named(given: str, topic: str, sqlite_url: str):
    built = factory(sqlite_url, **{given: f"{__name__}:Renamed"})
    with pytest.raises(TypeError, match="Renamed was chosen"):
        getattr(built, topic)()


class Renamed:
    """Stands where a recorder's class is expected, to show that it is the one that is taken."""

    def __init__(self, *_: object):
        raise TypeError("Renamed was chosen")

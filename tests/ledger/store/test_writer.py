"""The writer: one answer for each request, commits that are shared, keys that are kept, refusals alone."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import pytest
from sqlalchemy import select

from ledger.decisions.base import Request
from ledger.decisions.order import VoidOrder
from ledger.errors import (
    ChangedWithoutVersion,
    IdempotencyKeyReused,
    InsufficientFunds,
    LedgerError,
    RefundExceedsPaid,
    Unavailable,
    UnknownOrder,
    VersionChanged,
)
from ledger.events.base import Source
from ledger.store import schema
from ledger.store.database import Database
from ledger.writer import Result, Writer
from tests.ledger.store.requests import (
    balances,
    complete,
    counts,
    pay,
    place,
    proven,
    record,
    refund,
    streams,
)


def keyless(request: Request) -> Request:
    return msgspec.structs.replace(request, key="")


def stands(database: Database, order: str, result: Result, facts: int = 1):
    """The answer names the places of this order's own facts."""
    own = streams(database)[result.first_position - 1 : result.last_position]
    assert own == [f"order-{order}"] * facts, (order, result)


# Sharing commits.


def test_threads_share_commits(database: Database, writer: Writer):
    per_thread, threads = 100, 8

    def run(name: int) -> dict[str, Result]:
        return {f"p:{name}-{i}": writer.execute(place(f"p:{name}-{i}")) for i in range(per_thread)}

    with ThreadPoolExecutor(threads) as pool:
        answers = {
            order: result for found in pool.map(run, range(threads)) for order, result in found.items()
        }
    assert proven(database) == len(answers) == per_thread * threads
    in_place = streams(database)
    assert all(in_place[result.first_position - 1] == f"order-{order}" for order, result in answers.items())
    assert counts(database)["commits"] < len(answers) / 2


def test_tasks_share_commits(database: Database, writer: Writer):
    tasks, rounds = 256, 4

    async def run(name: int) -> list[tuple[str, Result]]:
        return [(f"p:{name}-{i}", await writer.submit(place(f"p:{name}-{i}"))) for i in range(rounds)]

    async def main() -> list[list[tuple[str, Result]]]:
        return await asyncio.gather(*map(run, range(tasks)))

    answers = [answer for found in asyncio.run(main()) for answer in found]
    assert proven(database) == len(answers) == tasks * rounds
    in_place = streams(database)
    assert all(in_place[result.first_position - 1] == f"order-{order}" for order, result in answers)
    assert counts(database)["commits"] <= 8 * rounds


def test_each_task_gets_its_own_answer(database: Database, writer: Writer):
    """Some are refused, some are repetitions, some lead to three facts: nobody gets another's answer."""
    writer.execute_many([place("p:known"), pay("p:known")])

    async def ask(i: int) -> object:
        request = (place(f"p:{i}"), pay(f"p:missing-{i}"), pay("p:known"), record(f"p:r{i}"))[i % 4]
        try:
            return await writer.submit(request)
        except LedgerError as refusal:
            return refusal

    async def main() -> list[object]:
        return await asyncio.gather(*map(ask, range(256)))

    answers = asyncio.run(main())
    for i, answer in enumerate(answers):
        match i % 4, answer:
            case 0, Result(facts=1, hit=False):
                stands(database, f"p:{i}", answer)
            case 1, UnknownOrder(detail=detail):
                assert f"p:missing-{i}'" in detail
            case 2, Result(first_position=2, facts=1, hit=True):
                pass
            case 3, Result(facts=3, hit=False):
                stands(database, f"p:r{i}", answer, 3)
            case _:
                pytest.fail(f"{i}: {answer!r}")
    proven(database)


# Keys.


def test_the_same_key_answers_the_first_result(database: Database, writer: Writer):
    first = writer.execute(record("p:1"))
    before = counts(database)
    assert writer.execute(record("p:1")) == first._replace(hit=True)
    assert Writer(database).execute_many([record("p:1")]) == [first._replace(hit=True)]
    assert counts(database) == before


def test_the_same_key_with_another_body_is_refused(database: Database, writer: Writer):
    writer.execute(place("p:1"))
    before = counts(database)
    other = msgspec.structs.replace(place("p:2"), key="place/p:1")
    with pytest.raises(IdempotencyKeyReused):
        writer.execute(other)
    reported = msgspec.structs.replace(other, source=Source("uci", "1", 0, b""))
    with pytest.raises(ChangedWithoutVersion):
        writer.execute(reported)
    assert counts(database) == before


def test_the_same_key_twice_in_a_batch(database: Database, writer: Writer):
    other = msgspec.structs.replace(place("p:2"), key="place/p:1")
    first, again, reused = writer.execute_many([place("p:1"), place("p:1"), other])
    assert first == Result(1, 1)
    assert again == Result(1, 1, hit=True)
    assert isinstance(reused, IdempotencyKeyReused)
    assert proven(database) == 1


def test_a_key_whose_request_was_refused_is_free(database: Database, writer: Writer):
    with pytest.raises(UnknownOrder):
        writer.execute(pay("p:1"))
    writer.execute(place("p:1"))
    assert writer.execute(pay("p:1")) == Result(2, 1)


def test_a_key_is_kept_for_a_request_that_changes_nothing(database: Database, writer: Writer):
    writer.execute(place("p:1"))
    again = msgspec.structs.replace(place("p:1"), key="again")
    assert writer.execute(again) == Result(2, 0)
    assert writer.execute(place("p:2")) == Result(2, 1)
    assert writer.execute(again) == Result(2, 0, hit=True)
    assert counts(database) == {**counts(database), "facts": 2, "commits": 3, "idempotency_keys": 3}
    assert writer.execute(keyless(again)) == Result(3, 0)
    assert counts(database)["commits"] == 3
    assert proven(database) == 2


# Batches.


def test_a_refused_command_refuses_itself_alone(database: Database, writer: Writer):
    answers = writer.execute_many(
        [place("p:1"), pay("p:1", 1), pay("p:2"), pay("p:1"), place("p:2"), pay("p:2")]
    )
    assert [getattr(answer, "code", answer) for answer in answers] == [
        Result(1, 1),
        "invalid_amount",
        "unknown_order",
        Result(2, 1),
        Result(3, 1),
        Result(4, 1),
    ]
    assert counts(database)["commits"] == 1
    assert proven(database) == 4


def test_a_refusal_halfway_leaves_no_trace(database: Database, writer: Writer):
    """The order is paid for in the same batch, so that what a refused decision saw is not kept."""
    requests = [
        place("p:1"),
        pay("p:1"),
        *refund("p:1", "r1"),
        *refund("p:1", "r2"),
        complete("r1"),
        complete("r2"),
    ]
    *accepted, refused = writer.execute_many(requests)
    assert all(isinstance(answer, Result) for answer in accepted)
    assert isinstance(refused, LedgerError)
    assert proven(database) == 7
    assert balances(database) == {"bank": 0, "order_escrow:p:1": 0}


def test_a_dry_run_leaves_no_trace(database: Database, writer: Writer):
    writer.execute(place("p:1"))
    before = counts(database), proven(database)
    requests = [pay("p:1"), record("p:2"), pay("p:3"), place("p:1")]
    dry = writer.execute_many(requests, dry_run=True)
    assert [getattr(answer, "code", answer) for answer in dry] == [
        Result(2, 1),
        Result(3, 3),
        "unknown_order",
        Result(1, 1, hit=True),
    ]
    assert (counts(database), proven(database)) == before
    wet = writer.execute_many(requests)
    assert [str(answer) for answer in wet] == [str(answer) for answer in dry]
    assert proven(database) == 5


def test_an_expected_version_guards_against_lost_updates(database: Database, writer: Writer):
    writer.execute(place("p:1"))
    first, second = (
        Request(command=VoidOrder(id="p:1", reason=reason), expected=1) for reason in ("brushing", "private")
    )
    answers = writer.execute_many([first, second])
    assert answers[0] == Result(2, 1)
    assert isinstance(answers[1], VersionChanged)


@dataclass
class Clock:
    now: int = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


def test_a_clock_that_jumps_back(database: Database):
    clock = Clock()
    writer = Writer(database, clock)
    for number, jump in enumerate((0, -3_600_000_000, 60, -1, 3_600_000_001)):
        clock.now += jump
        writer.execute(record(f"p:{number}"))
    writer.close()
    with database.read() as connection:
        at = list(connection.scalars(select(schema.commits.c.recorded_at).order_by(schema.commits.c.number)))
    start = at[0]
    assert at == [start, start, start, start, start + 60]
    proven(database)


# Who breaks, breaks alone; who comes too late is told so.


@pytest.mark.parametrize(
    "broken",
    [
        msgspec.structs.replace(place("p:lost"), key="lone surrogate \ud800"),
        msgspec.structs.replace(place("p:lost"), actor="\ud800"),
        msgspec.structs.replace(
            place("p:lost"), command=msgspec.structs.replace(place("p:lost").command, freight=1 << 70)
        ),
    ],
    ids=["key", "actor", "number"],
)
def test_a_request_that_cannot_be_stored_fails_alone(broken: Request, database: Database, writer: Writer):
    async def main() -> list[object]:
        requests = [place("p:1"), pay("p:1"), broken, place("p:2"), pay("p:2")]
        return await asyncio.gather(*map(writer.submit, requests), return_exceptions=True)

    answers = asyncio.run(main())
    assert isinstance(answers.pop(2), LedgerError)
    assert answers == [Result(position, 1) for position in (1, 2, 3, 4)]
    assert proven(database) == 4


def test_a_loop_that_is_closed_before_the_answer_harms_nobody(database: Database, writer: Writer):
    async def leave():
        task = asyncio.ensure_future(writer.submit(place("p:1")))
        for _ in range(3):  # The task runs, then what has gathered is handed over.
            await asyncio.sleep(0)
        task.cancel()

    with writer._lock:
        asyncio.run(leave())
    assert writer.execute(place("p:2")).facts == 1
    assert proven(database) == 2


def test_a_closed_writer_finishes_what_waits_and_takes_no_more(database: Database, writer: Writer):
    started = threading.Event()
    answers: list[object] = []

    def run(name: int):
        for i in range(1_000):
            try:
                answers.append(writer.execute(place(f"p:{name}-{i}")))
            except Unavailable as error:
                answers.append(error)
                return
            started.set()

    threads = [threading.Thread(target=run, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    time.sleep(0.05)
    writer.close()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)
    assert proven(database) == sum(isinstance(answer, Result) for answer in answers)

    async def late():
        await writer.submit(place("p:late"))

    with pytest.raises(Unavailable):
        asyncio.run(late())


# Two writers, one database.


@pytest.mark.parametrize("shared", [True, False], ids=["one database object", "two database objects"])
def test_two_writers_race_for_the_last_of_a_balance(shared: bool, database: Database, database_url: str):
    """Each order is paid once; two refunds of all of it are completed at once by two writers."""
    rounds = 25
    orders = [f"p:{i}" for i in range(rounds)]
    other = database if shared else Database(database_url)
    writers = Writer(database), Writer(other)
    for order in orders:
        prepared = [place(order), pay(order), *refund(order, f"{order}-0"), *refund(order, f"{order}-1")]
        assert all(isinstance(answer, Result) for answer in writers[0].execute_many(prepared))
    barrier = threading.Barrier(2)

    def run(which: int) -> list[str]:
        outcomes = []
        for order in orders:
            barrier.wait()
            try:
                writers[which].execute(complete(f"{order}-{which}"))
                outcomes.append("won")
            except LedgerError as refusal:
                outcomes.append(refusal.code)
        return outcomes

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(zip(*pool.map(run, (0, 1)), strict=True))
    for writer in writers:
        writer.close()
    if not shared:
        other.close()
    assert all("won" in pair and pair != ("won", "won") for pair in outcomes), outcomes
    assert balances(database)["bank"] == 0
    proven(database)


def test_a_writer_sees_what_another_wrote(database: Database):
    one, two = Writer(database), Writer(database)
    one.execute_many([place("p:1"), place("p:2")])
    two.execute_many([pay("p:1"), *refund("p:1", "r1"), *refund("p:1", "r2")])
    assert one.execute_many([keyless(pay("p:1")), pay("p:2")]) == [Result(8, 0), Result(8, 1)]
    two.execute_many([complete("r1")])
    assert isinstance(one.execute_many([complete("r2")])[0], RefundExceedsPaid | InsufficientFunds)
    assert proven(database) == 9

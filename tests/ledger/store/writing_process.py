"""A process of its own that writes: `python -m tests.ledger.store.writing_process TASK URL NAME COUNT`.

It says `ready` once it is migrated and waits for a line; then it says each key that was answered.
"""

import itertools
import sys
from collections.abc import Iterator

from ledger.decisions.base import Request
from ledger.errors import LedgerError
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.writer import Result, Writer
from tests.ledger.store.requests import complete, pay, place, record

BATCH = 200


def say(*words: object) -> None:
    """Tell the test, at once."""
    print(*words, flush=True)  # noqa: T201 - standard output is how it is told


def answered(request: Request, answer: object) -> None:
    """Tell what was answered, before the next request is sent."""
    assert isinstance(answer, Result), answer
    say(request.key, answer.first_position, answer.facts)


def write(writer: Writer, requests: Iterator[Request]) -> None:
    """A batch, then some one by one, and so on."""
    while batch := list(itertools.islice(requests, BATCH)):
        for request, answer in zip(batch, writer.execute_many(batch), strict=True):
            answered(request, answer)
        for request in itertools.islice(requests, BATCH // 10):
            answered(request, writer.execute(request))


def sell(writer: Writer, name: str, count: int) -> None:
    """Place and pay orders: two facts each."""
    numbers = range(count // 2)
    write(writer, (request for n in numbers for request in (place(f"{name}:{n}"), pay(f"{name}:{n}"))))


def report(writer: Writer, name: str, _: int) -> None:
    """Record orders, three facts and three transfers under each key, until somebody kills the process."""
    write(writer, (record(f"{name}:{n}") for n in itertools.count()))


def race(writer: Writer, name: str, count: int) -> None:
    """Complete this process's refund of each order, in the order of their numbers."""
    for number in range(count):
        try:
            writer.execute(complete(f"r{number}-{name}"))
        except LedgerError as refusal:
            say(refusal.code)
        else:
            say("won")


def migrated(_: Writer, name: str, __: int) -> None:
    """Nothing more than to start at the same time as others."""
    say(name)


TASKS = {"sell": sell, "report": report, "race": race, "migrate": migrated}


def main(task: str, url: str, name: str, count: int) -> None:
    """Do one task and leave."""
    say("ready")
    sys.stdin.readline()
    database = Database(url)
    migrate(database)
    writer = Writer(database)
    TASKS[task](writer, name, count)
    writer.close()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))

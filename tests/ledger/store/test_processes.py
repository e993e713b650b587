"""Several real processes on one database: they share it, race on it, and are killed while they write."""

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.store import schema
from ledger.store.database import Database
from ledger.writer import Writer
from tests.ledger.store.requests import PRICE, balances, counts, pay, place, proven, record, refund, streams

Process = subprocess.Popen[str]


@contextmanager
def processes(
    task: str, url: str, names: list[str], count: int = 0, output: Path | None = None
) -> Iterator[list[Process]]:
    """Processes that begin their task together; none outlives the block."""
    command = [sys.executable, "-m", "tests.ledger.store.writing_process", task, url]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([*command, name, str(count)], stdin=pipe, stdout=pipe, text=True) for name in names
    ]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def outputs(running: list[Process]) -> list[list[str]]:
    """What each process said until it left."""
    said = [process.communicate()[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    return said


@pytest.mark.slow
def test_two_processes_write_ten_thousand_facts_each(database: Database, database_url: str):
    names, facts = ["a", "b"], 10_000
    with processes("sell", database_url, names, facts) as running:
        said = outputs(running)
    assert proven(database) == len(names) * facts
    in_place = streams(database)
    for name, lines in zip(names, said, strict=True):
        assert len(lines) == facts
        positions = [int(line.split()[1]) for line in lines]
        assert positions == sorted(positions)
        own = [f"order-{name}:{n}" for n in range(facts // 2) for _ in ("place", "pay")]
        assert [in_place[position - 1] for position in positions] == own
    # They wrote at the same time, not one after the other.
    changes = sum(one[6] != two[6] for one, two in itertools.pairwise(in_place))
    assert changes > 2
    orders = len(names) * facts // 2
    held = balances(database)
    assert held.pop("bank") == orders * PRICE
    assert set(held.values()) == {PRICE}
    assert len(held) == orders
    assert counts(database)["idempotency_keys"] == len(names) * facts


@pytest.mark.slow
def test_two_processes_race_for_the_last_of_a_balance(database: Database, database_url: str):
    rounds = 100
    writer = Writer(database)
    for number in range(rounds):
        order, refunds = f"p:{number}", (f"r{number}-a", f"r{number}-b")
        writer.execute_many(
            [place(order), pay(order), *(step for name in refunds for step in refund(order, name))]
        )
    with processes("race", database_url, ["a", "b"], rounds) as running:
        outcomes = list(zip(*outputs(running), strict=True))
    assert len(outcomes) == rounds
    assert all(("won" in pair) and pair != ("won", "won") for pair in outcomes), outcomes
    assert balances(database)["bank"] == 0
    proven(database)


@pytest.mark.parametrize(
    "kills", [pytest.param(5, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.long)]
)
def test_a_process_that_is_killed_while_it_writes(kills: int, database: Database, database_url: str):
    """Everything that was answered is there, and nothing else is there by half."""
    chance = random.Random(kills)
    answered: dict[str, tuple[int, int]] = {}
    for kill in range(kills):
        with processes("report", database_url, [f"k{kill}"]) as (process,):
            assert process.stdout
            lines = [process.stdout.readline()]
            time.sleep(chance.random() / 4)
            process.kill()
            lines += process.stdout.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith("\n"):  # The last one may be cut off: then nobody was told.
                key, position, facts = line.split()
                answered[key] = int(position), int(facts)
    proven(database)
    with database.snapshot() as connection:
        keys = schema.idempotency_keys.c
        found = {
            key: (first, facts)
            for key, first, facts in connection.execute(select(keys.key, keys.first_position, keys.facts))
        }
    assert answered.items() <= found.items()
    assert len(answered) > kills
    # Reports are recorded whole: an order under each key, three facts in each order, all its money in place.
    in_place = streams(database)
    assert len(in_place) == 3 * len(found)
    for key, (first, facts) in found.items():
        assert in_place[first - 1 : first + facts - 1] == [f"order-{key.removeprefix('record/')}"] * 3
    held = balances(database)
    assert held == {
        **dict.fromkeys(held, 0),
        "bank": len(found) * PRICE,
        "shop_payable:s1": len(found) * (PRICE - 800),
        "commission": len(found) * 500,
        "host_payable:h1": len(found) * 300,
    }
    # What was not answered may be asked again: it is done once.
    writer = Writer(database)
    last = record(f"k{kills - 1}:{sum(key.startswith(f'record/k{kills - 1}:') for key in found)}")
    assert writer.execute(last).hit is False
    assert writer.execute(last).hit is True
    writer.close()
    assert proven(database) == len(in_place) + 3

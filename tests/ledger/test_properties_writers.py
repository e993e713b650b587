"""Two writers at once on one database: what they record is what one writer would record in that order."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

import msgspec
import pytest

from ledger.books import trial_balance
from ledger.decisions.base import COMMANDS, Known, Past, Request
from ledger.decisions.claim import FileClaim
from ledger.decisions.fund import Contribute
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.verdict import UpholdClaim
from ledger.events.base import Recorded
from ledger.events.claim import ClaimFunded
from ledger.store.database import Database
from ledger.store.log import FactMapper, Pages
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Result, Writer
from projections.engine import Engine
from tests.ledger.assured import terms
from tests.ledger.stories import START, Memory, Step, request
from tests.ledger.test_properties_assurance import CORE, walk
from tests.ledger.test_properties_world import MINUTES, World

Told = list[tuple[Request, Result]]
"""What was accepted, with its place."""


class Clock:
    """Some minutes pass with each commit of either writer."""

    def __init__(self) -> None:
        self.ticks = itertools.count(1)

    def __call__(self) -> int:
        return int(START.timestamp()) * 1_000_000 + next(self.ticks) * MINUTES * 60_000_000


@pytest.fixture
def open_database(database_url: str) -> Iterator[Callable[[], Database]]:
    """Connections of one's own to one migrated database."""
    opened: list[Database] = []

    def another() -> Database:
        opened.append(Database(database_url))
        return opened[-1]

    migrate(another())
    yield another
    for database in opened:
        database.close()


def keyed(name: str, steps: Sequence[Step]) -> list[Request]:
    """Requests whose keys tell who sent them and when."""
    return [
        msgspec.structs.replace(request(step), key=f"{name}/{number}") for number, step in enumerate(steps)
    ]


def write(writer: Writer, requests: Sequence[Request], most: int) -> Told:
    """Send them, so many in a commit; what was accepted."""
    told: Told = []
    chance = Random(most)
    for start in range(0, len(requests), most):
        batch = requests[start : start + most]
        for sent, answer in zip(batch, writer.execute_many(batch), strict=True):
            if isinstance(answer, Result) and answer.facts:
                told.append((sent, answer))
        time.sleep(chance.random() / 200)  # Whoever waits has a turn.
    return told


def at_once(
    databases: Sequence[Database], tasks: Sequence[Sequence[Request]], clock: Clock, most: int
) -> Told:
    """Each task by a writer of its own; all begin together."""
    start = threading.Barrier(len(tasks))

    def run(database: Database, requests: Sequence[Request]) -> Told:
        writer = Writer(database, clock)
        try:
            start.wait()
            return write(writer, requests, most)
        finally:
            writer.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(itertools.chain(*pool.map(run, databases, tasks)))


def log(database: Database) -> list[Recorded]:
    with database.snapshot() as connection:
        return Pages(database, FactMapper()).read(connection, 0, 1_000_000)


def one_by_one(facts: Sequence[Recorded], told: Told) -> list[Recorded]:
    """The facts that one writer would have recorded, had it been told the same in the order of the log."""
    memory, known = Memory(), Known()
    for sent, answer in sorted(told, key=lambda each: each[1].first_position):
        now = facts[answer.first_position - 1].envelope.recorded_at
        past = Past(memory, known, len(memory.facts), now)
        memory.facts += past.decide(sent).facts
    return memory.facts


def proven(database: Database, facts: Sequence[Recorded], told: Told) -> None:
    """All that must hold of a log that several writers wrote."""
    assert one_by_one(facts, told) == facts
    engine = Engine(database)
    engine.catch_up()
    report = verify(database, more=engine.check)
    assert report.ok, [check for check in report.checks if not check.ok]
    assert report.head == len(facts)


def taken_apart(seed: int) -> tuple[list[Step], list[list[Step]]]:
    """The beginning of a story, and its end told to two: one half to either, one half to both."""
    story, _ = walk(seed, 400)
    before = [step for _, step in story.steps]
    chance = Random(seed)
    world, after = World(story.ledger, chance), len(story.steps)
    for _ in range(400):
        name = chance.choice(CORE) if chance.randrange(3) else chance.choice(sorted(COMMANDS))
        story.tell(world.ask(name))
    steps = [step for _, step in story.steps[after:]]
    whose = [chance.choice(((0,), (1,), (0, 1), (0, 1))) for _ in steps]
    return before, [[step for step, who in zip(steps, whose, strict=True) if n in who] for n in (0, 1)]


def writers_agree(open_database: Callable[[], Database], seed: int, most: int) -> None:
    before, ends = taken_apart(seed)
    database, clock = open_database(), Clock()
    writer = Writer(database, clock)
    told = write(writer, keyed("first", before), 100)
    writer.close()
    tasks = [keyed(f"writer-{number}", steps) for number, steps in enumerate(ends)]
    told += at_once([open_database(), open_database()], tasks, clock, most)
    facts = log(database)
    proven(database, facts, told)
    # They wrote at the same time, not one after the other.
    own = [who for recorded in facts if (who := recorded.envelope.key.partition("/")[0]) != "first"]
    assert sum(one != two for one, two in itertools.pairwise(own)) > 5
    assert len(own) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "most"), [(1, 1), (2, 5)])
def test_two_writers_record_what_one_would(open_database: Callable[[], Database], seed: int, most: int):
    writers_agree(open_database, seed, most)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 30))
def test_two_writers_record_what_one_would_for_long(open_database: Callable[[], Database], seed: int):
    writers_agree(open_database, seed, seed % 7 + 1)


PRICE, DEPOSIT, ROUNDS = 19_900, 50_000, 12
"""Ninefold is 1 791.00, of which the deposit has 500.00: case 28."""


def rivals(number: int) -> list[Step]:
    """A shop with the last of its deposit, and two claims against it that are as good as decided."""
    shop = f"s{number}"
    steps: list[Step] = [
        OpenShop(id=shop),
        PayDeposit(id=shop, amount=DEPOSIT),
        OpenBenefit(id=shop, benefit="counterfeit"),
    ]
    for name in "ab":
        order = f"p:{number}{name}"
        line = OrderLine(sku="cup", amount=PRICE)
        steps += [
            PlaceOrder(id=order, shop=shop, buyer=f"b{name}", currency="CNY", lines=(line,)),
            PayOrder(id=order, cash=PRICE),
            FileClaim(id=f"c{number}{name}", order=order, benefit="counterfeit"),
        ]
    return steps


@pytest.mark.slow
def test_case_28_two_claims_race_for_the_last_of_a_deposit(open_database: Callable[[], Database]):
    database, clock = open_database(), Clock()
    first: list[Step] = [terms("counterfeit-2021-06", multiple=9, refund=True, refund_included=False)]
    first += [step for number in range(ROUNDS) for step in rivals(number)]
    first.append(Contribute(amount=ROUNDS * 2 * 9 * PRICE))
    writer = Writer(database, clock)
    told = write(writer, keyed("first", first), 100)
    writer.close()
    assert len(told) == len(first)
    tasks = [
        keyed(name, [UpholdClaim(id=f"c{number}{name}") for number in range(ROUNDS)]) for name in ("a", "b")
    ]
    told += at_once([open_database(), open_database()], tasks, clock, 1)
    facts = log(database)
    proven(database, facts, told)
    funded = [recorded.fact for recorded in facts if isinstance(recorded.fact, ClaimFunded)]
    for number in range(ROUNDS):
        parts = [fact.parts for fact in funded if fact.shop == f"s{number}"]
        assert sorted(part.deposit for part in parts) == [0, DEPOSIT]
        assert [part.deposit + part.fund for part in parts] == [9 * PRICE, 9 * PRICE]
    rows = trial_balance(database)["currencies"]["CNY"]["accounts"]
    balances = {row["account"]: row["balance"] for row in rows}
    assert not any(balances.get(f"shop_deposit:s{number}") for number in range(ROUNDS))
    assert balances["buyer_payable:ba"] == balances["buyer_payable:bb"] == ROUNDS * 9 * PRICE
    assert balances["pet_fund"] == ROUNDS * DEPOSIT

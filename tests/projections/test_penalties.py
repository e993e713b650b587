"""Penalties as they stand and stood, the register of the published ones, and the sums of all."""

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import select

from ledger import time
from ledger.books import Clocks
from ledger.decisions.appeal import AppealPenalty, OverturnPenalty, VaryPenalty
from ledger.decisions.base import Command, Request
from ledger.decisions.brushing import RemoveAccounts
from ledger.decisions.fine import (
    CollectFine,
    FinalizePenalty,
    PayFine,
    ReleaseFine,
    ReturnFine,
    ReturnOverpayment,
)
from ledger.decisions.penalty import (
    Demand,
    ImposePenalty,
    IncreasePenalty,
    PublishPenalty,
    SendPenalty,
    SendToCollection,
)
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.errors import ProjectionBehind, UnknownPenalty
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.writer import Result, Writer
from projections.engine import Engine
from projections.penalties import PENALTIES, TABLE, By, nothing, penalty_story, penalty_view, register, report
from tests.projections.story import START, day, source


def imposed(id_: str, fine: int = 1_000, shop: str = "S1", **more) -> ImposePenalty:
    return ImposePenalty(id=id_, party="shop", party_id=shop, fine=fine, reason="fakes", **more)


STORY: tuple[Command | Request, ...] = (
    OpenShop(id="S1"),
    PayDeposit(id="S1", amount=700),
    imposed("n1", points=3, measures=(Demand(name="training"),)),   # Collected in part from the deposit.
    SendPenalty(id="n1", fee=50),
    PublishPenalty(id="n1"),
    CollectFine(id="n1"),
    imposed("n2", 2_000, "S2"),                                     # Paid too much by bank.
    PayFine(id="n2", amount=2_300),
    imposed("n3", 500, "S3"),                                       # Paid, overturned, owed back.
    PublishPenalty(id="n3"),
    PayFine(id="n3", amount=500),
    AppealPenalty(id="n3"),
    OverturnPenalty(id="n3"),
    imposed("n4", 800, "S4"),                                       # Paid, lowered, owed back in part.
    PublishPenalty(id="n4"),
    PayFine(id="n4", amount=800),
    AppealPenalty(id="n4", instance="judge"),
    VaryPenalty(id="n4", total=300),
    imposed("n5", 100, "S5"),                                       # Raised, unpaid, in collection.
    IncreasePenalty(id="n5", total=250),
    SendToCollection(id="n5"),
    imposed("n6", 40, "S6"),                                        # Paid in full and released.
    PayFine(id="n6", amount=40),
    FinalizePenalty(id="n6"),
    ReleaseFine(id="n6"),
    Request(command=imposed("e1", 90, "S7", currency="EUR"), source=source("e1")),
)  # fmt: skip

SUMS = {
    "currency": "CNY",
    "imposed": 4_440,
    "increased": 150,
    "fees": 50,
    "paid": 700 + 2_300 + 500 + 800 + 40,
    "outstanding": 350 + 250,
    "outstanding_count": 2,
    "overpaid": 300,
    "overpaid_count": 1,
    "settled_count": 2,
    "in_collection_count": 1,
    "appeals": {
        "prefecture": {"filed": 0, "upheld": 0},
        "judge": {"filed": 1, "upheld": 0},
        "first": {"filed": 1, "upheld": 1},
    },
    "owed_back": {"count": 2, "amount": 500 + 500},
}


def told(database: Database, *story: Command | Request, hour: int = 100) -> None:
    """Write these, one an hour from some hour on; none is refused."""
    requests = [each if isinstance(each, Request) else Request(command=each) for each in story]
    timed = [
        msgspec.structs.replace(each, command=msgspec.structs.replace(each.command, at=day(0, hour + number)))
        for number, each in enumerate(requests)
    ]
    answers = Writer(database).execute_many(timed)
    assert [answer for answer in answers if not isinstance(answer, Result)] == []
    Engine(database, (PENALTIES,)).catch_up()


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    yield found
    found.close()


@pytest.fixture
def database(empty: Database) -> Database:
    told(empty, *STORY, hour=0)
    return empty


def test_the_report(database: Database):
    euro = {**nothing("EUR"), "imposed": 90, "outstanding": 90, "outstanding_count": 1}
    assert report(database) == [SUMS, euro]
    told(database, ReturnFine(id="n3"), ReturnFine(id="n4"), ReturnOverpayment(id="n2"))
    found = report(database)[0]
    assert found["owed_back"] == {"count": 0, "amount": 0}
    assert (found["overpaid"], found["settled_count"], found["paid"]) == (0, 3, SUMS["paid"])
    Engine(database, (PENALTIES,)).rebuild()
    assert report(database)[0] == found


def test_the_report_of_some_days(database: Database):
    today = time.local_day(time.micros(START), time.HOME_OFFSET)
    assert [found["imposed"] for found in report(database, first_day=today)] == [4_440, 90]
    assert report(database, first_day=today + 9) == report(database, last_day=today - 1) == []


def test_the_report_in_groups(database: Database):
    found = report(database, by="shop")[0]
    assert [(row["shop"], row["imposed"], row["paid"]) for row in found["rows"]] == [
        ("S1", 1_000, 700), ("S2", 2_000, 2_300), ("S3", 500, 500), ("S4", 800, 800), ("S5", 100, 0), ("S6", 40, 40),
    ]  # fmt: skip
    times: dict[By, set[str]] = {"month": {"2021-06"}, "day": {"2021-06-01", "2021-06-02"}}
    for by, groups in times.items():
        found = report(database, by=by)[0]
        assert {row[by] for row in found["rows"]} == groups
        assert sum(row["outstanding"] for row in found["rows"]) == found["outstanding"] == SUMS["outstanding"]
        assert sum(row["owed_back"]["count"] for row in found["rows"]) == 2


def test_the_report_on_both_clocks(database: Database):
    now = report(database)
    told(database, PayFine(id="n5", amount=250), hour=100)
    position = penalty_story(database, "n5")[-1].recorded.position
    assert report(database)[0]["outstanding"] == 350
    assert report(database, Clocks(time.micros(day(0, 99)), None)) == now
    assert report(database, Clocks(None, position - 1)) == now
    first = report(database, Clocks(None, 3))[0]
    assert (first["imposed"], first["outstanding"], first["outstanding_count"]) == (1_000, 1_000, 1)
    assert report(database, Clocks(time.micros(START) - 1, None)) == []


def test_a_row_is_a_penalty(database: Database):
    with database.read() as connection:
        found = {row.penalty: row._mapping for row in connection.execute(select(TABLE))}
    assert set(found) == {"n1", "n2", "n3", "n4", "n5", "n6", "e1"}
    first = found["n1"]
    assert (first["status"], first["points"], first["kept"], first["outstanding"]) == (
        "published",
        3,
        700,
        350,
    )
    assert found["n6"]["status"] == "released"
    assert found["n3"]["status"] == "overturned"


def test_the_register_shows_what_was_published(database: Database):
    found = register(database)
    assert [view.id for _, view in found] == ["n1", "n3", "n4"]
    assert [view.penalty.status for _, view in found] == ["published", "overturned", "collected"]
    first, rest = register(database, limit=1), register(database, after=found[0][0])
    assert [view.id for _, view in (*first, *rest)] == ["n1", "n3", "n4"]
    assert [view.id for _, view in register(database, shop="S3")] == ["n3"]


def test_the_register_on_both_clocks(database: Database):
    places = {view.id: place for place, view in register(database)}
    then = register(database, Clocks(None, places["n3"]))
    assert [(view.id, view.penalty.status) for _, view in then] == [("n1", "published"), ("n3", "published")]
    early = register(database, Clocks(time.micros(day(0, 4)), None))
    assert [(view.id, view.penalty.kept) for _, view in early] == [("n1", 0)]
    assert register(database, Clocks(time.micros(day(0, 4)) - 1, None)) == []


def test_who_was_published_before_it_was_imposed_is_not_shown_for_the_time_between(empty: Database):
    told(empty, imposed("n1"), hour=10)
    told(empty, PublishPenalty(id="n1"), hour=5)
    assert register(empty, Clocks(time.micros(day(0, 6)), None)) == []
    assert len(register(empty)) == 1


def test_a_view_on_both_clocks(database: Database):
    steps = penalty_story(database, "n1")
    topics = [step.recorded.fact.TOPIC for step in steps]
    assert topics == ["penalty-imposed", "penalty-sent", "fee-added", "penalty-published", "fine-collected"]
    view = penalty_view(database, "n1")
    assert (view.penalty.due, view.penalty.kept, view.position) == (1_050, 700, steps[-1].recorded.position)
    before = penalty_view(database, "n1", Clocks(None, steps[0].recorded.position))
    assert (before.penalty.due, before.penalty.published) == (1_000, False)
    with pytest.raises(UnknownPenalty):
        penalty_view(database, "n9")
    with pytest.raises(UnknownPenalty):
        penalty_view(database, "n1", Clocks(time.micros(START) - 10**15, None))


def test_what_only_waits_is_no_penalty(empty: Database):
    with pytest.raises(ProjectionBehind):
        report(empty)
    told(empty, Request(command=PayFine(id="n1", amount=5), source=source("x")))
    assert report(empty) == []
    with pytest.raises(UnknownPenalty):
        penalty_view(empty, "n1")
    told(empty, Request(command=imposed("n1", 5), source=source("y")))
    assert report(empty)[0]["settled_count"] == 1


def test_gangs_are_counted(database: Database):
    gang = ImposePenalty(id="g1", party="gang", party_id="ring", reason="brushing")
    told(database, gang, RemoveAccounts(id="g1", accounts=("a", "b")))
    assert penalty_view(database, "g1").penalty.accounts == 2

"""Shops: their standing, sums and points on both clocks, the deposits of all, and rows that batches agree on."""

from collections.abc import Iterator

import pytest

from ledger import policies, time
from ledger.books import Clocks
from ledger.decisions.base import Command
from ledger.decisions.penalty import Demand, ImposePenalty
from ledger.decisions.shop import GrantSubsidy, OpenShop, PayDeposit, RequestClosing
from ledger.decisions.standing import BanShop, CloseBenefit, OpenBenefit, RestrictShop
from ledger.errors import ProjectionBehind, UnknownShop
from ledger.store.database import Database
from projections.engine import Engine
from projections.shops import SHOPS, Deposit, Sums, benefits, deposits, restraints, shop_view
from tests.projections.story import day, facts, rows, stored, write

TERMS = policies.shipped()["seven-day-return-2021-06"]
STORY: tuple[Command, ...] = (
    type(TERMS)(id=TERMS.id, version=TERMS.version, effective_from=TERMS.effective_from, rule=TERMS.rule,
                force=True, reason="the first terms"),
    OpenShop(id="S1", name="Cups", industry="home", at=day(0)),
    PayDeposit(id="S1", amount=5_000, at=day(0)),
    OpenBenefit(id="S1", benefit="seven-day-return", at=day(1)),
    CloseBenefit(id="S1", benefit="seven-day-return", reason="too dear", at=day(3)),
    RestrictShop(id="S1", cause="deposit", at=day(4)),
    ImposePenalty(id="pe1", party="shop", party_id="S1", fine=700, points=6, measures=(Demand(name="suspension", days=7),),
                  reason="brushing", at=day(5)),
    OpenShop(id="S2", name="Pots", at=day(6)),
    GrantSubsidy(id="S2", amount=900, at=day(6)),
    RequestClosing(id="S2", at=day(7)),
    OpenShop(id="S3", at=day(8)),
)  # fmt: skip
LATE = time.micros(day(30))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def told(database: Database) -> Database:
    """The story, written and folded."""
    assert write(database, STORY) == len(facts(*STORY))
    Engine(database).catch_up()
    return database


def as_of(number: int) -> Clocks:
    return Clocks(as_of=time.micros(day(number)))


@pytest.mark.parametrize(("number", "status", "points"), [
    (0, "open", 0), (3, "open", 0), (4, "restricted", 0), (5, "suspended", 6), (11, "suspended", 6), (12, "restricted", 6),
])  # fmt: skip
def test_the_standing_of_a_shop_as_of_a_day(told: Database, number: int, status: str, points: int):
    view = shop_view(told, "S1", LATE, as_of(number))
    assert (view.status, view.points) == (status, points)


def test_a_shop_now(told: Database):
    view = shop_view(told, "S1", LATE)
    assert (view.status, view.name, view.industry) == ("restricted", "Cups", "home")
    assert view.sums == (Sums("CNY", deposit=5_000, fines=700),)
    assert benefits(view) == [
        {
            "benefit": "seven-day-return",
            "since": "2021-06-02T12:00:00+08:00",
            "until": "2021-06-04T12:00:00+08:00",
        }
    ]
    assert [(each["what"], each["cause"], each["until"]) for each in restraints(view)] == [
        ("restricted", "deposit", None),
        ("suspended", "pe1", "2021-06-13T12:00:00+08:00"),
    ]


def test_a_shop_as_at_a_position(told: Database):
    view = shop_view(told, "S1", LATE, Clocks(as_at=3))
    assert (view.status, view.sums, view.position) == ("open", (Sums("CNY", deposit=5_000),), 3)


def test_a_shop_that_nobody_knows_or_knew_then(told: Database):
    with pytest.raises(UnknownShop):
        shop_view(told, "S9", LATE)
    with pytest.raises(UnknownShop):
        shop_view(told, "S2", LATE, as_of(5))


def test_the_deposits_of_all_shops(told: Database):
    assert deposits(told, LATE) == {
        "CNY": [
            Deposit("S1", "restricted", 5_000, 0, 0, 0, 700),
            Deposit("S2", "closing", 0, 900, 0, 0, 0),
        ]
    }
    assert deposits(told, LATE, as_of(1)) == {"CNY": [Deposit("S1", "open", 5_000, 0, 0, 0, 0)]}


def test_rows_are_the_same_however_the_log_is_cut(told: Database):
    log = facts(*STORY)
    assert rows(SHOPS, log, [3, 6, 7]) == rows(SHOPS, log) == stored(told, SHOPS)


def test_a_ban_weighs_more_than_leaving():
    story = (*STORY, BanShop(id="S2", cause="pe2"))
    assert rows(SHOPS, facts(*story))["S2"][1] == "banned"


def test_a_model_that_is_not_built_says_so(database: Database):
    write(database, STORY)
    with pytest.raises(ProjectionBehind):
        shop_view(database, "S1", LATE)

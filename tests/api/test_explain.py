"""What is behind the fund: the fines that fed it, and the payouts that a reader can follow to their claims."""

from collections.abc import Iterator

import pytest

from api.explain import explain
from api.figures import Explanation
from ledger import books, time
from ledger.books import NOW, Clocks
from ledger.decisions.base import Command
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fine import CollectFine, FinalizePenalty, PayFine, ReleaseFine
from ledger.decisions.fund import Contribute
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.store.database import Database
from projections.cards import CARDS
from projections.engine import Engine
from projections.pet_fund import FUND_DUES, PET_FUND, fund_view
from tests.projections.story import day, write
from tests.projections.test_cards import STORY as CLAIMED

STORY: tuple[Command, ...] = (
    OpenShop(id="S1", at=day(0)),
    PayDeposit(id="S1", amount=50_000, at=day(0)),
    Contribute(amount=700, at=day(0)),
    Contribute(amount=900, at=day(0)),
    RecordCorrection(id="3", reason="twice", at=day(1)),
    ImposePenalty(id="P1", party="shop", party_id="S1", fine=30_000, reason="fakes", at=day(1)),
    CollectFine(id="P1", at=day(1)),
    ImposePenalty(id="P2", party="account", party_id="A1", fine=4_000, reason="brushing", at=day(2)),
    PayFine(id="P2", amount=4_000, at=day(3)),
    FinalizePenalty(id="P1", at=day(20)),
    ReleaseFine(id="P1", at=day(21)),
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    Engine(database, (CARDS, PET_FUND, FUND_DUES)).catch_up()
    yield database
    database.close()


def asked(database: Database, figure: str, clocks: Clocks = NOW, limit: int = 100) -> Explanation:
    return explain(database, figure, clocks=clocks, moment=0, limit=limit)


def test_the_fund_leads_to_the_fines_that_fed_it(database: Database):
    found = asked(database, "fund/available")
    assert found.amount == books.balances(database, "pet_fund")["CNY"] == 30_900
    assert {part.name: part.amount for part in found.parts} == {
        "contributions": 1_600,
        "fines": 30_000,
        "correction_recorded": -700,
    }
    fines = asked(database, "fund/in/fines")
    assert [(fact.type, fact.stream, fact.amount) for fact in fines.facts] == [
        ("fine-released", "penalty-P1", 30_000)
    ]
    back = asked(database, "fund/out/correction_recorded")
    assert [(fact.type, fact.amount, fact.data["reason"]) for fact in back.facts] == [
        ("correction-recorded", 700, "twice")
    ]
    assert fund_view(database).held == 4_000


@pytest.mark.parametrize(
    ("figure", "parts"), [("fund/held", {"penalty/P2": 4_000}), ("fund/recourse", {}), ("fund/reserved", {})]
)
def test_who_makes_up_what_is_held(database: Database, figure: str, parts: dict[str, int]):
    found = asked(database, figure)
    assert {part.name: part.amount for part in found.parts} == parts
    assert found.amount == sum(parts.values()) == getattr(fund_view(database), figure.removeprefix("fund/"))


def test_the_newest_facts_come_first(database: Database):
    found = asked(database, "fund/in/contributions", limit=1)
    assert (found.amount, found.more) == (1_600, True)
    assert [fact.amount for fact in found.facts] == [900]


def test_each_part_of_a_figure_can_be_explained(database: Database):
    found = asked(database, "fund/available")
    for part in found.parts:
        further = asked(database, part.figure)
        assert further.amount == abs(part.amount) == sum(fact.amount for fact in further.facts)
        assert further.figure == part.figure


def test_an_earlier_moment_is_explained_as_it_was(database: Database):
    then = asked(database, "fund/available", Clocks(as_at=4))
    assert {part.name: part.amount for part in then.parts} == {"contributions": 1_600}


# A claim, from the buyer's card to each payer.


@pytest.fixture
def claimed(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, CLAIMED)
    Engine(database, (CARDS, PET_FUND, FUND_DUES)).catch_up()
    yield database
    database.close()


def test_a_card_leads_to_the_claim_its_terms_and_each_payer(claimed: Database):
    found = asked(claimed, "card:B1/compensation")
    assert found.amount == sum(part.amount for part in found.parts) == 179_100
    (cause,) = found.causes
    assert (cause.name, cause.benefit, cause.version) == ("claim/C1", "counterfeit", "2021-11")
    assert (cause.basis, cause.decided, cause.paid) == ("contract", 179_100, 179_100)
    assert cause.payers == {"deposit": 50_000, "fund": 129_100}
    assert sum(cause.payers.values()) == cause.funded
    assert 179_100 in {step.value for step in cause.trace}
    paid = asked(claimed, "card:B1/compensation/paid")
    assert [(part.name, part.amount, part.figure) for part in paid.parts] == [
        ("claim/C1", 179_100, "claim:C1/compensation")
    ]
    assert asked(claimed, "claim:C1/compensation").causes == found.causes


def test_the_fund_leads_to_the_claim_that_took_from_it(claimed: Database):
    recourse = asked(claimed, "fund/recourse")
    assert [(part.name, part.amount) for part in recourse.parts] == [("shop/S1", 129_100)]
    spent = asked(claimed, "fund/out/claims")
    assert [fact.amount for fact in spent.facts] == [29_100, 100_000]
    assert {fact.stream for fact in spent.facts} == {"claim-C1"}
    then = asked(claimed, "fund/due", Clocks(as_of=time.micros(day(162))))
    assert [(part.name, part.amount, part.figure) for part in then.parts] == [
        ("C1", 29_100, "claim:C1/compensation")
    ]

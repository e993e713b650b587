"""The read model of claims says what their facts say, on both clocks, and what was paid to whom."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ledger.books import Clocks
from ledger.decisions.fund import Contribute
from ledger.decisions.order import VoidOrder
from ledger.decisions.payout import ConfirmPayment, FailPayment, PayClaim, RecoverPayout
from ledger.decisions.verdict import AppealClaim, DecideAppeal, RejectClaim
from ledger.errors import ProjectionBehind, UnknownClaim
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.time import local_day, micros
from ledger.verify import verify
from ledger.writer import Writer
from projections.catalogue import PROJECTIONS
from projections.check import prove
from projections.claims import CLAIMS, PAYOUTS, TABLE, claim_quote, claim_view, report
from projections.engine import Engine
from tests.ledger.stories import Step, but, request
from tests.ledger.test_claim import BOUGHT, CUP, LATER, NINE, PAID, SHOP, file, order, unit, uphold

NOW = micros(LATER)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty ledger; whatever a test leads to is proved afterwards, the read models included."""
    database = Database(database_url)
    migrate(database)
    yield database
    Engine(database).catch_up()
    proved = verify(database, lambda connection: prove(PROJECTIONS, connection))
    database.close()
    assert proved.ok, [check for check in proved.checks if not check.ok]


def tell(database: Database, *steps: Step) -> None:
    """Write a story and fold it."""
    writer = Writer(database)
    for step in steps:
        writer.execute(request(step))
    writer.close()
    Engine(database).catch_up()


def test_a_claim_on_both_clocks(database: Database):
    tell(database, *PAID)
    view = claim_view(database, "c1")
    assert (view.status, view.compensation, view.funded, view.paid, view.due) == (
        "paid",
        179_100,
        179_100,
        179_100,
        0,
    )
    assert view.parts == {"deposit": 50_000, "fund": 129_100}
    assert view.trace[2].expression == "9 × 19900"
    assert [(each.transfer, each.status) for each in view.payments] == [("t1", "sent")]
    before = claim_view(database, "c1", Clocks(None, view.position - 1))
    assert (before.status, before.payable) == ("funded", 179_100)
    with pytest.raises(UnknownClaim):
        claim_view(database, "c1", Clocks(micros(LATER - timedelta(days=1)), None))
    with pytest.raises(UnknownClaim):
        claim_view(database, "c9")


def test_rows_follow_the_facts(database: Database):
    tell(database, *PAID, ConfirmPayment(id="c1", transfer="t1"), VoidOrder(id="p:1", reason="brushing"))
    tell(database, RecoverPayout(id="c1"))
    with database.read() as connection:
        row = connection.execute(sa.select(TABLE)).one()
    assert (row.claim, row.order_id, row.shop, row.buyer, row.benefit) == (
        "c1",
        "p:1",
        "s1",
        "b1",
        "counterfeit",
    )
    assert (row.status, row.decided, row.funded, row.paid) == ("recovered", 179_100, 179_100, 179_100)


def test_a_quote_before_and_after(database: Database):
    tell(database, *NINE, file())
    found = claim_quote(database, "c1", NOW)
    assert (found.refund, found.compensation, found.basis) == (0, 179_100, "contract")
    # Before the refund it was more.
    with database.read() as connection:
        query = sa.text("SELECT position FROM facts WHERE topic = 'refund-requested'")
        requested = connection.execute(query).scalar_one()
    tell(database, uphold())
    assert claim_quote(database, "c1", NOW).compensation == 179_100
    assert requested
    with pytest.raises(UnknownClaim):
        claim_quote(database, "c9", NOW)


def test_evidence_and_reasons_are_shown(database: Database):
    tell(database, *SHOP, *BOUGHT, file(reason="it peels"), RejectClaim(id="c1", reason="genuine"))
    tell(database, AppealClaim(id="c1", by="buyer", reason="look again"))
    assert claim_view(database, "c1").reason == "look again"
    tell(database, DecideAppeal(id="c1", outcome="denied", reason="we did"))
    view = claim_view(database, "c1")
    assert (view.status, view.reason, view.trace) == ("rejected", "we did", ())


def test_payouts_by_day_month_shop_and_benefit(database: Database):
    cups = order(CUP, CUP, cash=39_800, id_="p:2")
    tell(database, *PAID[:-1], Contribute(amount=10**6), PayClaim(id="c1", transfer="t1", at=LATER))
    tell(database, *cups, file("c2", order="p:2", items=unit(1)), uphold("c2"))
    tell(database, PayClaim(id="c2", transfer="t2", at=LATER + timedelta(days=31)))
    assert report(database, "month") == [
        {
            "currency": "CNY",
            "rows": [
                {"month": "2021-12", "count": 1, "amount": 179_100},
                {"month": "2022-01", "count": 1, "amount": 179_100},
            ],
            "total": {"count": 2, "amount": 358_200},
        }
    ]
    assert report(database, "shop")[0]["rows"] == [{"shop": "s1", "count": 2, "amount": 358_200}]
    assert report(database, "benefit")[0]["rows"] == [
        {"benefit": "counterfeit", "count": 2, "amount": 358_200}
    ]
    assert report(database, "sku") == [
        {
            "currency": "CNY",
            "rows": [{"sku": "cup", "count": 2, "amount": 358_200}],
            "total": {"count": 2, "amount": 358_200},
        }
    ]
    first = local_day(NOW, 0)
    assert report(database, "day", last_day=first)[0]["rows"] == [
        {"day": "2021-12-01", "count": 1, "amount": 179_100}
    ]
    assert report(database, first_day=first + 32) == []
    assert report(database, currency="GBP") == []
    # What failed was not paid.
    tell(database, FailPayment(id="c2", transfer="t2"))
    assert report(database)[0]["total"] == {"count": 1, "amount": 179_100}


def test_a_payout_for_several_articles_is_divided(database: Database):
    both = order(CUP, but(CUP, sku="pot", amount=9_950), cash=29_850, id_="p:2")
    tell(database, *SHOP, *both, Contribute(amount=10**6), file("c2", order="p:2"), uphold("c2"))
    tell(database, PayClaim(id="c2"))
    assert report(database, "sku") == [
        {
            "currency": "CNY",
            "rows": [
                {"sku": "cup", "count": 1, "amount": 179_100},
                {"sku": "pot", "count": 1, "amount": 89_550},
            ],
            "total": {"count": 1, "amount": 268_650},
        }
    ]


def test_a_model_that_is_not_built(database: Database):
    with pytest.raises(ProjectionBehind):
        report(database)


def test_the_models_have_versions():
    assert (CLAIMS.name, CLAIMS.version, PAYOUTS.name, PAYOUTS.version) == ("claims", 1, "payouts", 1)

"""What assures an order: its covers, their windows and what they would pay, on both clocks."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ledger import policies, time
from ledger.books import Clocks
from ledger.decisions.claim import ClaimItem, FileClaim
from ledger.decisions.fulfilment import DeliverParcel, DispatchParcel
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, VoidOrder
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem, RequestRefund
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.decisions.verdict import UpholdClaim
from ledger.errors import ProjectionBehind
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.coverage import COVERAGE, TABLE, Assurance, assurance
from projections.engine import Engine
from tests.projections.story import facts, rows, write

SHANGHAI = timezone(timedelta(hours=8))


def on(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2021, month, day, hour, tzinfo=SHANGHAI)


BENEFITS = ("counterfeit", "late-dispatch", "return-freight", "seven-day-return")
POLICIES = [
    type(command)(
        id=command.id,
        version=command.version,
        effective_from=command.effective_from,
        rule=command.rule,
        force=True,
        reason="they ship",
        at=on(5, 1),
    )
    for command in policies.shipped().values()
]
STORY = (
    *POLICIES,
    OpenShop(id="s1", at=on(5, 1)),
    *(OpenBenefit(id="s1", benefit=benefit, at=on(5, 1)) for benefit in BENEFITS),
    PlaceOrder(
        id="p:1",
        shop="s1",
        buyer="b1",
        currency="CNY",
        lines=(OrderLine(sku="bag", quantity=2, amount=398_00), OrderLine(sku="box", amount=0)),
        at=on(6, 1),
    ),
    PayOrder(id="p:1", cash=398_00, at=on(6, 1, 1)),
    DispatchParcel(id="p:1", waybill="w1", at=on(6, 2)),
    DeliverParcel(id="p:1", waybill="w1", at=on(6, 3, 15)),
    RequestRefund(id="r1", order="p:1", items=(RefundItem(line=1, cash=50_00),), at=on(6, 4)),
    ApproveRefund(id="r1", at=on(6, 4)),
    CompleteRefund(id="r1", at=on(6, 4, 1)),
)


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


def told(database: Database, *more: Any) -> None:
    write(database, [*STORY, *more])
    Engine(database, (COVERAGE,)).catch_up()


def ask(database: Database, moment: datetime, clocks: Clocks = Clocks()) -> Assurance:  # noqa: B008 - it is frozen
    return assurance(database, "p:1", ["r1"], time.micros(moment), clocks)


def covers(found: Assurance, line: int = 1) -> dict[str, tuple[str, int, int, int]]:
    """By benefit of a line: status, units left, refund and compensation."""
    return {
        cover.benefit: (cover.status, cover.units, cover.refund, cover.compensation)
        for cover in found.covers
        if cover.line == line
    }


def test_one_row_for_each_line_and_benefit():
    found = rows(COVERAGE, facts(*STORY))
    assert sorted(found) == [("p:1", line, benefit) for line in (1, 2) for benefit in BENEFITS]
    row = dict(zip(TABLE.columns.keys(), found["p:1", 2, "counterfeit"], strict=True))
    del row["position"]
    assert row == {
        "order_id": "p:1",
        "line": 2,
        "benefit": "counterfeit",
        "version": "2021-06",
        "shop": "s1",
        "buyer": "b1",
        "tier": "",
        "attached_at": time.micros(on(6, 1, 1)),
    }


def test_what_each_cover_would_pay(database: Database):
    told(database)
    found = ask(database, on(6, 5))
    assert covers(found) == {
        "counterfeit":      ("live", 2, 0, 3_930_00),
        "late-dispatch":    ("live", 2, 0, 30_00),
        "return-freight":   ("live", 2, 0, 12_00),
        "seven-day-return": ("live", 2, 348_00, 0),
    }  # fmt: skip
    assert found.claims == ()
    by_benefit = {cover.benefit: cover for cover in found.covers if cover.line == 1}
    seven = by_benefit["seven-day-return"]
    assert (seven.window_from, seven.starts_at) == ("received", time.micros(on(6, 3, 15)))
    assert seven.ends_at == time.micros(on(6, 11)) - 1
    assert by_benefit["late-dispatch"].ends_at is None
    assert by_benefit["return-freight"].flags == ("at_most",)
    assert by_benefit["counterfeit"].flags == ("refund_included",)
    last = by_benefit["counterfeit"].trace[-1]
    assert (last.expression, last.value) == ("max(398000 - 5000, 0)", 3_930_00)


def test_a_free_line_is_covered_and_flagged(database: Database):
    told(database)
    (gift,) = [
        each for each in ask(database, on(6, 5)).covers if (each.line, each.family) == (2, "authenticity")
    ]
    assert (gift.status, gift.basis, gift.compensation) == ("live", "law", 500_00)
    assert gift.flags == ("needs_person",)


@pytest.mark.parametrize(
    ("moment", "status"),
    [(on(6, 10, 23) + timedelta(minutes=59, seconds=59), "live"), (on(6, 11), "over")],
)
def test_a_window_ends_with_its_last_day(database: Database, moment: datetime, status: str):
    """Case 22: received on 06-03, 23:59:59 on 06-10 is in, 00:00:00 on 06-11 is out."""
    told(database)
    assert covers(ask(database, moment))["seven-day-return"][0] == status
    assert covers(ask(database, moment))["counterfeit"][0] == "live"


def test_both_clocks(database: Database):
    told(database)
    later = on(12, 1)
    assert covers(ask(database, later, Clocks(as_of=time.micros(on(6, 4)))))["seven-day-return"] == (
        *("live", 2),
        *(398_00, 0),
    )
    before_delivery = ask(database, later, Clocks(as_of=time.micros(on(6, 2))))
    assert {cover.starts_at for cover in before_delivery.covers} == {None}
    assert ask(database, later, Clocks(as_of=time.micros(on(6, 1)))) == Assurance((), ())
    assert ask(database, later, Clocks(as_at=len(POLICIES) + 2)) == Assurance((), ())


def test_claims_use_the_cover_up(database: Database):
    filed = FileClaim(
        id="c1", order="p:1", benefit="counterfeit", items=(ClaimItem(line=1, units=(1,)),), at=on(6, 6)
    )
    told(database, filed)
    assert covers(ask(database, on(6, 7)))["counterfeit"][0] == "claimed"
    (claim,) = ask(database, on(6, 7)).claims
    assert (claim.id, claim.benefit, claim.status, claim.compensation) == ("c1", "counterfeit", "filed", 0)
    write(database, [UpholdClaim(id="c1", at=on(6, 8))])
    found = ask(database, on(6, 9))
    assert covers(found)["counterfeit"][:2] == ("live", 1)
    assert covers(found)["seven-day-return"][:2] == ("live", 2)
    assert found.claims[0].compensation > 0
    assert covers(ask(database, on(6, 9), Clocks(as_of=time.micros(on(6, 7)))))["counterfeit"][0] == "claimed"


def test_a_voided_order_has_no_live_cover(database: Database):
    told(database, VoidOrder(id="p:1", reason="brushed", at=on(6, 9)))
    assert {cover.status for cover in ask(database, on(6, 10)).covers} == {"void"}
    assert {cover.compensation for cover in ask(database, on(6, 10)).covers} == {0}


def test_nothing_before_the_first_fold(database: Database):
    migrate(database)
    with pytest.raises(ProjectionBehind):
        ask(database, on(6, 5))

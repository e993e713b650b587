"""An order's row tells what its facts and its refunds say, its view and story the same on both clocks."""

from typing import Any

import msgspec
import pytest

from ledger import time
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.appraisal import CHECKS, CertifyItem, PassItem, ReceiveItem, RecordCheck
from ledger.decisions.base import Command, Request
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel
from ledger.decisions.order import (
    CancelOrder,
    CloseOrder,
    InWarehouse,
    Order,
    PayOrder,
    SettleOrder,
    VoidOrder,
)
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RecordRefund, ReportedLine, RequestRefund
from ledger.errors import ProjectionBehind, UnknownOrder
from ledger.events.refund import RefundCompleted
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.engine import Engine
from projections.order_status import ORDER_STATUS, TABLE, OrderView, order_story, order_view
from tests.projections.story import busy, day, facts, lines, log_of, place, rows, source, write

ORDER = "p:1"
PLACED = place(ORDER)
PAID = PayOrder(id=ORDER, cash=10_000)
SENT = DispatchParcel(id=ORDER, waybill="W1")
DELIVERED = DeliverParcel(id=ORDER, waybill="W1")
CONFIRMED = ConfirmReceipt(id=ORDER)
SETTLED = SettleOrder(id=ORDER)
TO_THE_END = (PLACED, PAID, SENT, DELIVERED, CONFIRMED, SETTLED, CloseOrder(id=ORDER))
ASKED = RequestRefund(id="r1", order=ORDER)
BACK = (ASKED, ApproveRefund(id="r1"), CompleteRefund(id="r1"))
REPORTED = RecordRefund(
    id="r2", order=ORDER, shop="S1", currency="CNY", lines=(ReportedLine(line=1, cash=400, coupon=5),)
)


def reported(command: Command, version: int = 0) -> Request:
    return Request(command=command, source=source(command.id, version))


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (TO_THE_END[:1], {"status": "placed", "buyer": "B1", "paid": 0, "paid_at": None}),
        (TO_THE_END[:2], {"status": "paid", "paid": 10_000, "steps": ["placed", "paid"]}),
        (TO_THE_END[:3], {"status": "dispatched"}),
        (TO_THE_END[:4], {"status": "delivered"}),
        (TO_THE_END[:5], {"status": "confirmed"}),
        (TO_THE_END[:6], {"status": "settled"}),
        (TO_THE_END, {"status": "closed", "parked": 0}),
        ((PLACED, CancelOrder(id=ORDER)), {"status": "cancelled"}),
        ((PLACED, PAID, VoidOrder(id=ORDER, reason="brushing")), {"status": "voided", "paid": 10_000}),
        ((PLACED, PAID, ASKED), {"paid": 10_000, "refunded": 0, "refunds": ["r1"]}),
        ((PLACED, PAID, *BACK), {"status": "paid", "refunded": 10_000, "refunds": ["r1"]}),
        ((PLACED, PAID, reported(REPORTED)), {"paid": 10_000, "refunded": 405}),
        ((reported(PAID),), {"status": "awaited", "parked": 1, "shop": ""}),
        ((reported(PAID), PLACED), {"status": "paid", "parked": 0}),
        ((reported(PAID), reported(REPORTED)), {"status": "awaited", "parked": 2}),
        ((reported(REPORTED), PLACED, PAID), {"parked": 0, "refunded": 405, "refunds": ["r2"]}),
        ((PLACED, reported(SENT)), {"status": "dispatched", "marks": ["out_of_order"]}),
        ((reported(place(ORDER, 0)),), {"status": "placed", "marks": []}),
    ],
)
def test_a_row_tells_the_story(story: tuple[Command | Request, ...], told: dict[str, Any]):
    row = only_row(story)
    assert {name: row[name] for name in told} == told


def only_row(story: tuple[Command | Request, ...]) -> dict[str, Any]:
    """The columns of the single order, and what of its state has no column."""
    log = facts(*story)
    (stored,) = rows(ORDER_STATUS, log).values()
    kept = ORDER_STATUS.load(stored)
    assert kept.position == log[-1].position or log[-1].stream.startswith("refund-")
    more = {
        "refunds": [given.id for given in kept.refunds],
        "marks": list(kept.marks),
        "steps": [step for step, _, _ in kept.times],
        "parked": len(kept.order.parked),
    }
    return dict(zip(TABLE.columns.keys(), stored, strict=True)) | more


def test_a_reversed_refund_gives_nothing_back_and_stays_listed():
    story = (PLACED, PAID, *BACK, RecordCorrection(id="5", reason="not theirs"))
    row = only_row(story)
    assert (row["refunded"], row["refunds"]) == (0, ["r1"])


def test_a_replaced_report_counts_once():
    second = msgspec.structs.replace(REPORTED, lines=(ReportedLine(line=1, cash=300),))
    row = only_row((PLACED, PAID, reported(REPORTED, 1), reported(second, 2)))
    assert (row["refunded"], row["refunds"]) == (300, ["r2"])


def test_a_reversed_settlement_is_no_longer_settled():
    row = only_row((*TO_THE_END[:6], RecordCorrection(id="6", reason="too early")))
    assert row["status"] == "confirmed"
    assert "settled" not in row["steps"]


def test_an_amended_order_tells_its_newest_version():
    first = RecordOrder(id=ORDER, shop="S1", currency="CNY", lines=lines(1_000), settled=True)
    second = RecordOrder(id=ORDER, shop="S1", currency="CNY", lines=lines(1_000, 200), settled=True)
    row = only_row((reported(first, 1), reported(second, 2), reported(first, 1)))
    assert (row["status"], row["paid"]) == ("settled", 1_200)


def test_a_stored_row_is_read_back_as_it_was():
    story = (reported(PAID), *TO_THE_END[:3], *BACK, reported(REPORTED), reported(DELIVERED))
    log = facts(*story[:1], *story[1:])
    assert rows(ORDER_STATUS, log, range(len(log))) == rows(ORDER_STATUS, log)


def test_the_version_moves_with_the_shape_of_an_order():
    """Stored rows hold these fields in this order: when they change, so must ORDER_STATUS.version."""
    names = (
        "placed shop host buyer currency lines freight placed_day version paid paid_at cash coupon "
        "line_cash line_coupon items sent rest_sent parcels delivered delivered_at confirmed "
        "confirmed_at clock settled whole_commission whole_host_share handed_out closed cancelled "
        "voided claims parked"
    )
    assert (ORDER_STATUS.version, " ".join(Order.__struct_fields__)) == (4, names)


# Views and stories.


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


def told(database: Database, *story: Command | Request) -> None:
    write(database, story, size=1)
    Engine(database, (ORDER_STATUS,)).catch_up()


def test_the_present_view_is_that_of_the_last_position(database: Database):
    write(database, busy(5, 500))
    given = [each.position for each in log_of(database) if isinstance(each.fact, RefundCompleted)]
    last = write(database, [RecordCorrection(id=str(position), reason="wrong") for position in given[::3]])
    Engine(database).catch_up()
    with database.read() as connection:
        orders = [row.order_id for row in connection.execute(TABLE.select())]
    assert len(orders) > 40
    seen: set[str] = set()
    for order in orders:
        view = order_view(database, order)
        assert view == order_view(database, order, as_at=last)
        assert view == order_story(database, order)[-1].order
        seen |= {view.status} | {refund.status for refund in view.refunds}
    assert {"awaited", "paid", "settled", "completed", "reversed", "requested"} <= seen


def test_refunds_show_how_far_they_have_come(database: Database):
    told(database, PLACED, PAID, *BACK[:2], reported(REPORTED))
    view = order_view(database, ORDER)
    assert [(refund.id, refund.status, refund.cash) for refund in view.refunds] == [
        ("r1", "approved", 10_000),
        ("r2", "completed", 400),
    ]
    assert (view.refunded_cash, view.position) == (400, 5)


@pytest.mark.parametrize(
    ("as_of", "as_at", "status", "refunded"),
    [
        (None, None, "settled", 400),
        (None, 2, "paid", 0),
        (day(1), None, "paid", 0),
        (day(3), None, "settled", 0),
        (day(9), None, "settled", 400),
        (day(9), 3, "settled", 0),
        (day(1), 4, "paid", 0),
    ],
)
def test_both_clocks(database: Database, as_of: Any, as_at: int | None, status: str, refunded: int):
    told(
        database,
        place(ORDER, at=day(0)),
        PayOrder(id=ORDER, cash=10_000, at=day(0, 1)),
        reported(SettleOrder(id=ORDER, at=day(2))),
        reported(msgspec.structs.replace(REPORTED, at=day(5))),
    )
    of = None if as_of is None else time.micros(as_of)
    view = order_view(database, ORDER, as_of=of, as_at=as_at)
    assert (view.status, view.refunded_cash) == (status, refunded)
    assert order_story(database, ORDER, as_of=of, as_at=as_at)[-1].order == view


def test_a_story_goes_fact_by_fact(database: Database):
    told(database, PLACED, PAID, *BACK)
    story = order_story(database, ORDER)
    assert [(step.recorded.fact.TOPIC, step.order.status, len(step.transfers)) for step in story] == [
        ("order-placed", "placed", 0),
        ("order-paid", "paid", 1),
        ("refund-requested", "paid", 0),
        ("refund-approved", "paid", 0),
        ("refund-completed", "paid", 1),
    ]
    assert [step.order.refunds[0].status for step in story[2:]] == ["requested", "approved", "completed"]
    assert [step.order.position for step in story] == [1, 2, 3, 4, 5]


def test_a_refund_that_moves_to_another_order_leaves_its_trace(database: Database):
    elsewhere = msgspec.structs.replace(REPORTED, order="p:2", lines=(ReportedLine(line=1, cash=500),))
    told(
        database,
        PLACED,
        PAID,
        place("p:2"),
        PayOrder(id="p:2", cash=10_000),
        reported(REPORTED, 1),
        reported(elsewhere, 2),
    )
    first, second = order_view(database, ORDER), order_view(database, "p:2")
    assert (first.refunded_cash, [refund.status for refund in first.refunds]) == (0, ["reversed"])
    assert (second.refunded_cash, [refund.status for refund in second.refunds]) == (500, ["completed"])
    assert order_view(database, ORDER, as_at=5).refunded_cash == 400


def test_what_cannot_be_told(database: Database):
    migrate(database)
    with pytest.raises(ProjectionBehind):
        order_view(database, ORDER)
    told(database, PLACED)
    with pytest.raises(UnknownOrder):
        order_view(database, "p:2")
    with pytest.raises(UnknownOrder):
        order_view(database, ORDER, as_of=0)
    with pytest.raises(ProjectionBehind):
        order_view(database, ORDER, as_at=2)
    assert order_story(database, ORDER, as_of=0) == []
    assert isinstance(msgspec.json.encode(order_view(database, ORDER)), bytes)
    assert msgspec.convert(msgspec.to_builtins(order_view(database, ORDER)), OrderView).id == ORDER


def test_buyers_see_what_the_lab_found(database_url: str):
    story = [
        place("p:9", 900),
        PayOrder(id="p:9", cash=900),
        ReceiveItem(id="i1", order="p:9", lab="lab1"),
        *(RecordCheck(id="i1", check=name, passed=True) for name in CHECKS),
        PassItem(id="i1"),
        CertifyItem(id="i1", certificate="c1"),
    ]
    database = Database(database_url)
    write(database, story)
    Engine(database).catch_up()
    view = order_view(database, "p:9")
    database.close()
    assert (view.status, view.items) == ("appraised", (InWarehouse("i1", 1, 1, "certified", "c1"),))

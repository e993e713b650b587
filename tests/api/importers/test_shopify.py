"""Shopify: orders with payments, parcels and refunds in one; disputes, payouts, the lines between them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ledger.decisions.base import replay
from ledger.events.base import Recorded
from ledger.events.fulfilment import ParcelDelivered, ParcelDispatched, Shipped
from ledger.events.order import Line, OrderPaid, OrderPlaced
from ledger.events.refund import RefundCompleted
from ledger.events.shop import ShopPaidOut
from ledger.events.statement import PlatformFundMovementRecorded
from tests.api.importers.ledgers import Ledger

STREAM = "order-shopify:1001"


def item(id_: int, sku: str, price: str, quantity: int = 1, **more: Any) -> Any:
    return {"id": id_, "sku": sku, "title": f"The {sku}", "price": price, "quantity": quantity} | more


def order(**changes: Any) -> Any:
    """Two pots for 20.00 each less 4.00, a cup for 10.00; freight 5.00, tax 2.76 and 0.60: 54.36 to pay."""
    return {
        "id": 1001,
        "created_at": "2021-06-10T08:00:00-04:00",
        "updated_at": "2021-06-10T08:00:00-04:00",
        "currency": "USD",
        "total_price": "54.36",
        "total_tax": "3.36",
        "total_discounts": "4.00",
        "financial_status": "paid",
        "source_name": "web",
        "customer": {"id": 77, "email": "never@read.example"},
        "line_items": [
            item(
                1, "pot", "20.00", 2, discount_allocations=[{"amount": "4.00"}], tax_lines=[{"price": "2.16"}]
            ),
            item(2, "cup", "10.00", tax_lines=[{"price": "0.60"}]),
        ],
        "shipping_lines": [{"price": "5.00", "tax_lines": [{"price": "0.60"}]}],
        "fulfillments": [],
        "refunds": [],
    } | changes


def parcel(id_: int = 5, *lines: tuple[int, int], **more: Any) -> Any:
    return {
        "id": id_,
        "order_id": 1001,
        "status": "success",
        "created_at": "2021-06-11T08:00:00-04:00",
        "updated_at": "2021-06-14T08:00:00-04:00",
        "tracking_number": f"1Z{id_}",
        "tracking_company": "Royal Mail",
        "line_items": [item(line, "", "0", quantity) for line, quantity in lines],
    } | more


def refund(*lines: Any, amount: str = "20.16", status: str = "success", **more: Any) -> Any:
    return {
        "id": 9,
        "order_id": 1001,
        "created_at": "2021-06-20T08:00:00-04:00",
        "refund_line_items": list(lines),
        "transactions": [
            {"kind": "refund", "status": status, "amount": amount, "currency": "USD"},
            {"kind": "void", "status": "success", "amount": "1.00"},
        ],
    } | more


POT = {"line_item_id": 1, "quantity": 1, "subtotal": "18.00", "total_tax": "1.08"}
CUP = {"line_item_id": 2, "quantity": 1, "subtotal": "10.00", "total_tax": "0.60"}


def load(ledger: Ledger, tmp_path: Path, *payloads: Any, **how: Any) -> Any:
    path = tmp_path / "feed.jsonl"
    path.write_text("".join(json.dumps(payload) + "\n" for payload in payloads), encoding="utf-8")
    return ledger.load("shopify", path, **how)


def state(ledger: Ledger, stream: str = STREAM) -> Any:
    return replay(stream, [Recorded(*fact) for fact in ledger.log() if fact[1] == stream])


@pytest.mark.parametrize("payload", [
    order(),
    {"order": order()},
    {"orders": [order()]},
    [order()],
], ids=["webhook", "one", "list", "array"])  # fmt: skip
def test_a_paid_order(ledger: Ledger, tmp_path: Path, payload: Any):
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(payload, indent=1), encoding="utf-8")
    report = ledger.load("shopify", path)

    assert (report["read"], report["recorded"], report["refused"]) == (2, 2, [])
    assert report["documents"]["sales"] == {"count": 1, "amount": 5_436}
    lines = Line("pot", "The pot", 2, 4_216, 400), Line("cup", "The cup", 1, 1_060)
    assert ledger.facts() == [
        OrderPlaced("shopify", "77", "USD", lines, 560, channel="web"),
        OrderPaid("USD", 5_436, 0, (3_816, 1_060), (0, 0)),
    ]
    assert ledger.log()[0][3].offset == -240


def test_tax_and_discount_of_the_order_are_shared_by_its_lines(ledger: Ledger, tmp_path: Path):
    lines = [item(1, "pot", "20.00", 2), item(2, "cup", "10.00")]
    load(ledger, tmp_path, order(line_items=lines, shipping_lines=[], total_price="49.36"))

    placed, paid = ledger.facts()
    assert isinstance(placed, OrderPlaced)
    assert isinstance(paid, OrderPaid)
    assert [(line.amount, line.shop_coupon) for line in placed.lines] == [(4_269, 320), (1_067, 80)]
    assert (paid.line_cash, paid.marks) == ((3_949, 987), ())


def test_prices_that_include_tax_and_freight_that_is_discounted(ledger: Ledger, tmp_path: Path):
    shipping = [{"price": "5.00", "discounted_price": "2.00"}]
    cup = [item(2, "", "10.00", variant_id=3, total_discount="1.00")]
    changes = {
        "shipping_lines": shipping,
        "line_items": cup,
        "total_discounts": "4.00",
        "total_price": "11.00",
    }
    load(ledger, tmp_path, order(taxes_included=True, **changes))

    placed, paid = ledger.facts()
    assert isinstance(placed, OrderPlaced)
    assert isinstance(paid, OrderPaid)
    assert placed.lines == (Line("3", "The ", 1, 1_000, 100),)
    assert (placed.freight, paid.line_cash, paid.marks) == (200, (900,), ())


def test_a_payment_that_comes_later_and_in_part(ledger: Ledger, tmp_path: Path):
    pending = order(financial_status="pending")
    part = order(
        financial_status="partially_paid", total_outstanding="14.36", updated_at="2021-06-11T00:00:00Z"
    )
    whole = order(updated_at="2021-06-12T00:00:00Z")
    load(ledger, tmp_path, pending, part, whole)

    assert ledger.topics() == ["order-placed", "same-version-recorded", "order-paid", "order-amended"]
    assert ledger.balances() == {"bank": 5_436, "order_escrow:shopify:1001": 5_436}


def test_parcels_count_by_unit(ledger: Ledger, tmp_path: Path):
    first = parcel(5, (1, 1), shipment_status="delivered")
    load(ledger, tmp_path, order(fulfillments=[first, parcel(6, (1, 1), status="cancelled")]))

    assert ledger.facts(STREAM)[2:] == [
        ParcelDispatched("1Z5", "Royal_Mail", (Shipped(1, 1),)),
        ParcelDelivered("1Z5"),
    ]
    assert state(ledger).stage == "partly_dispatched"
    rest = parcel(7, (1, 1), (2, 1), tracking_number=None)
    load(ledger, tmp_path, order(updated_at="2021-06-13T00:00:00Z", fulfillments=[first, rest]))
    assert state(ledger).stage == "dispatched"
    assert state(ledger).parcels == ("1Z5", "fulfillment-7")


def test_a_parcel_by_itself_finds_the_lines_of_an_order_before_it(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(), parcel(5, (2, 1)))
    assert ledger.facts(STREAM)[2] == ParcelDispatched("1Z5", "Royal_Mail", (Shipped(2, 1),))


def test_a_refund_falls_on_its_lines(ledger: Ledger, tmp_path: Path):
    back = {"kind": "shipping_refund", "amount": "-5.00", "tax_amount": "-0.60"}
    given = refund(POT, CUP, amount="35.28", order_adjustments=[back])
    report = load(ledger, tmp_path, order(financial_status="partially_refunded", refunds=[given]))

    assert report["documents"]["refunds"] == {"count": 1, "amount": 3_528}
    (completed,) = ledger.facts("refund-shopify:9")
    assert isinstance(completed, RefundCompleted)
    assert (completed.order, completed.cash) == ("shopify:1001", 3_528)
    assert [(line.line, line.cash) for line in completed.lines] == [(1, 1_908), (2, 1_060)]
    assert ledger.balances() == {"bank": 1_908, "order_escrow:shopify:1001": 1_908}


def test_a_refund_by_itself_is_replaced_by_the_same_with_its_order(ledger: Ledger, tmp_path: Path):
    alone = load(ledger, tmp_path, {"refund": refund(POT, amount="19.08")})
    assert alone["parked"] == 1
    load(ledger, tmp_path, order(refunds=[refund(POT, amount="19.08")]))
    load(ledger, tmp_path, {"refund": refund(POT, amount="19.08")})

    completed = [fact for fact in ledger.facts("refund-shopify:9") if isinstance(fact, RefundCompleted)]
    assert [fact.lines[0].line for fact in completed] == [0, 1]
    assert ledger.balances() == {"bank": 3_528, "order_escrow:shopify:1001": 3_528}


@pytest.mark.parametrize("given", [
    refund(POT, status="pending"),
    refund(POT, transactions=[]),
], ids=["pending", "restocked"])  # fmt: skip
def test_a_refund_without_money_yet(ledger: Ledger, tmp_path: Path, given: Any):
    report = load(ledger, tmp_path, given)
    assert (report["skipped"], ledger.head()) == (1, 0)


def test_a_refund_of_no_line(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(refunds=[refund(amount="1.00")]))
    (completed,) = ledger.facts("refund-shopify:9")
    assert isinstance(completed, RefundCompleted)
    assert [(line.line, line.cash) for line in completed.lines] == [(0, 100)]


def test_a_cancelled_order(ledger: Ledger, tmp_path: Path):
    load(
        ledger,
        tmp_path,
        order(financial_status="voided", cancelled_at="2021-06-11T08:00:00Z", cancel_reason="fraud"),
    )
    assert ledger.topics() == ["order-placed", "order-cancelled"]


def dispute(**changes: Any) -> Any:
    return {
        "id": 3,
        "order_id": 1001,
        "type": "chargeback",
        "amount": "54.36",
        "currency": "USD",
        "reason": "fraudulent",
        "status": "needs_response",
        "initiated_at": "2021-07-01T08:00:00-04:00",
    } | changes


def test_a_chargeback_and_its_end(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, order(), {"dispute": dispute()})
    assert ledger.balances() == {}
    report = load(
        ledger, tmp_path, {"dispute": dispute(status="won", finalized_on="2021-07-20T08:00:00-04:00")}
    )
    assert (report["skipped"], report["recorded_rows"]) == (1, 1)
    assert ledger.balances() == {"bank": 5_436, "order_escrow:shopify:1001": 5_436}


def test_disputes_that_are_no_chargeback_of_an_order(ledger: Ledger, tmp_path: Path):
    feed = {"disputes": [dispute(type="inquiry"), dispute(id=4, order_id=None)]}
    report = load(ledger, tmp_path, feed)
    assert report["filtered"] == {"disputes that take no money back": 1}
    assert ledger.facts() == [
        PlatformFundMovementRecorded("shopify", "chargeback", "USD", -5_436, reason="fraudulent")
    ]


def line(type_: str, amount: str, **more: Any) -> Any:
    return {
        "id": 8,
        "type": type_,
        "currency": "USD",
        "amount": amount,
        "fee": "0.00",
        "payout_id": 6,
        "source_type": "charge",
        "processed_at": "2021-06-12T08:00:00-04:00",
    } | more


def test_a_charge_settles_its_order_and_a_payout_pays_the_shop(ledger: Ledger, tmp_path: Path):
    charge = line("charge", "54.36", fee="1.88", source_order_id=1001)
    payout = {"id": 6, "status": "paid", "date": "2021-06-14", "currency": "USD", "amount": "52.48"}
    report = load(
        ledger,
        tmp_path,
        order(),
        {"transactions": [charge]},
        {"payouts": [payout, payout | {"id": 7, "status": "scheduled"}]},
        shop="tea-house",
    )

    assert report["documents"]["payouts"] == {"count": 1, "amount": 5_248}
    assert report["filtered"] == {"payouts with status scheduled": 1}
    assert ledger.facts("shop-tea-house") == [ShopPaidOut("tea-house", "USD", 5_248)]
    assert ledger.balances() == {"bank": 188, "commission": 188}


def test_other_lines_are_kept(ledger: Ledger, tmp_path: Path):
    feed = {
        "transactions": [
            line("reserve", "-42.00", source_type=None),
            line("adjustment", "-1.50", id=9, fee="-0.25", source_order_id=1001),
        ]
    }
    load(
        ledger,
        tmp_path,
        feed,
        {"payout": {"id": 6, "status": "paid", "date": "2021-06-14", "currency": "USD", "amount": "-2.00"}},
    )
    assert ledger.facts() == [
        PlatformFundMovementRecorded("shopify", "reserve", "USD", -4_200, 0, "", "payout-6"),
        PlatformFundMovementRecorded(
            "shopify", "adjustment", "USD", -150, -25, "shopify:1001", "payout-6", "charge"
        ),
        PlatformFundMovementRecorded("shopify", "payout", "USD", 200),
    ]


PASSED_OVER = {
    "a test order":        order(test=True),
    "a test line":         {"transactions": [line("charge", "1.00", test=True)]},
    "a card transaction":  {"transactions": [{"id": 1, "kind": "capture", "gateway": "bogus", "amount": "1.00"}]},
    "a customer":          {"customer": {"id": 1}},
    "a webhook's product": {"id": 1, "vendor": "me"},
}  # fmt: skip


@pytest.mark.parametrize("payload", PASSED_OVER.values(), ids=list(PASSED_OVER))
def test_what_is_passed_over(ledger: Ledger, tmp_path: Path, payload: Any):
    report = load(ledger, tmp_path, payload)
    assert (report["read"], report["skipped"], ledger.head()) == (1, 1, 0)


WRONG = {
    "no lines":              (order(line_items=[]), "order 1001", "line_items"),
    "no currency":           (order(currency="dollars"), "order 1001", "dollars"),
    "a sum that is none":    (order(total_price="free"), "order 1001", "free"),
    "a parcel of strangers": (parcel(5, (1, 1), order_id=5), "fulfillment 5", "import the order"),
    "a refund without id":   ({"refund": {"transactions": []}}, "refund", "id"),
    "a list of texts":       ({"orders": ["1001"]}, "order", "object"),
    "a text":                ("1001", "payload", "object"),
}  # fmt: skip


@pytest.mark.parametrize(("payload", "name", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_refused(ledger: Ledger, tmp_path: Path, payload: Any, name: str, said: str):
    report = load(ledger, tmp_path, payload, order(id=7))
    (refused,) = report["refused"]
    assert refused["row"] == 1
    assert refused["reason"].startswith(f"{name}: ")
    assert said in refused["reason"]
    assert ledger.topics() == ["order-placed", "order-paid"]


def test_the_examples_of_the_interface(ledger: Ledger):
    folder = Path(os.environ.get("ASSURANCE_TEST_DATA", "-"), "shopify")
    if not folder.is_dir():
        pytest.skip("ASSURANCE_TEST_DATA names no folder with Shopify's examples")
    report = ledger.load("shopify", *sorted(folder.glob("*.json")))
    # One example of a list of orders leaves their lines out; one of a calculation is no refund.
    assert [entry["reason"].partition(":")[0] for entry in report["refused"]] == [
        "orders.json",
        "refund_calculate.json",
    ]
    assert report["documents"]["sales"] == {"count": 1, "amount": 40_994}
    assert report["documents"]["movements"]["count"] == 22

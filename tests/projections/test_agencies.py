"""Agencies: whom each served and when, and what they sold in a year, on both clocks."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from ledger import time
from ledger.books import NOW, Clocks
from ledger.decisions.agency import ChangeHostProvider, ChangeShopProvider
from ledger.decisions.base import Command, Request
from ledger.decisions.host import OpenHost
from ledger.decisions.order import CancelOrder, PayOrder, VoidOrder
from ledger.decisions.provider import AdmitProvider
from ledger.decisions.refund import RecordRefund, ReportedLine
from ledger.decisions.shop import OpenShop
from ledger.errors import UnknownProvider
from ledger.store.database import Database
from projections.agencies import (
    AGENCIES,
    MODELS,
    Sales,
    Served,
    provider_view,
    providers,
    sales,
    served,
    year_bounds,
    years_of,
)
from projections.engine import Engine
from tests.projections.story import day, facts, place, rows, source, stored, write

SHANGHAI = timezone(timedelta(hours=8))
NEW_YEAR = datetime(2022, 1, 1, tzinfo=SHANGHAI)


def sold(id_: str, at: datetime, amount: int = 1_000, **more: str) -> tuple[Command, ...]:
    return place(id_, amount, at=at, **more), PayOrder(id=id_, cash=amount, at=at)


STORY: tuple[Command | Request, ...] = (
    AdmitProvider(id="A1", name="Agency", at=day(0)),
    AdmitProvider(id="A2", at=day(0)),
    OpenShop(id="S1", at=day(0)),
    OpenShop(id="S2", at=day(0)),
    OpenHost(id="H1", provider="A1", at=day(0)),
    OpenHost(id="H2", at=day(0)),
    *sold("p:0", day(1), shop="S1"),                                # Before anybody serves the shop.
    ChangeShopProvider(id="S1", provider="A1", at=day(2)),
    *sold("p:1", day(3), shop="S1"),
    *sold("p:2", day(3), shop="S1", host="H1"),                     # Both are served by A1: it counts once.
    *sold("p:3", day(3), 500, shop="S2", host="H1"),
    *sold("p:4", day(3), shop="S2", host="H2"),                     # Nobody serves either.
    *sold("p:5", day(4), shop="S1", buyer="B2"),
    VoidOrder(id="p:5", reason="brushing", at=day(5)),
    *sold("p:6", day(4), shop="S1", buyer="B3"),
    Request(command=CancelOrder(id="p:6", at=day(5)), source=source("p:6")),
    RecordRefund(id="r1", order="p:1", shop="S1", currency="CNY", lines=(ReportedLine(line=1, cash=300),), at=day(20)),
    ChangeShopProvider(id="S1", provider="A2", at=day(10)),
    *sold("p:7", day(11), 70, shop="S1", host="H1"),                # The shop's A2, the host's A1.
    ChangeHostProvider(id="H1", provider="", at=day(12)),
    *sold("p:8", day(13), 90, shop="S1", host="H1"),
    *sold("p:9", NEW_YEAR - timedelta(seconds=1), 40, shop="S1"),
    *sold("p:10", NEW_YEAR, 50, shop="S1"),
)  # fmt: skip


@pytest.fixture
def told(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, STORY)
    Engine(database).catch_up(names=MODELS)
    yield database
    database.close()


def at(number: int) -> int:
    return time.micros(day(number))


def test_whom_each_served_and_when(told: Database):
    assert served(told) == [
        Served("host", "H1", "A1", at(0), at(12)),
        Served("shop", "S1", "A1", at(2), at(10)),
        Served("shop", "S1", "A2", at(10), None),
    ]
    assert served(told, NOW, "A2") == [Served("shop", "S1", "A2", at(10), None)]
    assert served(told, Clocks(as_of=at(5))) == [
        Served("host", "H1", "A1", at(0), None),
        Served("shop", "S1", "A1", at(2), None),
    ]
    assert providers(told) == ["A1", "A2"]


def test_sales_of_a_year(told: Database):
    found = sales(told, 2021)
    assert found == {
        "A1": {"CNY": Sales(4, 700 + 1_000 + 500 + 70)},
        "A2": {"CNY": Sales(3, 70 + 90 + 40)},
    }
    assert sales(told, 2021, NOW, "A2") == {"A2": found["A2"]}
    assert sales(told, 2022) == {"A2": {"CNY": Sales(1, 50)}}
    assert sales(told, 2020) == {}


def test_sales_as_they_were(told: Database):
    assert sales(told, 2021, Clocks(as_of=at(3)))["A1"] == {"CNY": Sales(3, 2_500)}
    # As at the eleventh day's end the refund of the twentieth is not known, the voided orders are.
    assert sales(told, 2021, Clocks(as_of=at(12)))["A1"] == {"CNY": Sales(4, 2_570)}


def test_a_provider(told: Database):
    view = provider_view(told, "A1", (2021,))
    assert (view.provider.status, view.provider.name) == ("admitted", "Agency")
    assert view.sales == {2021: {"CNY": Sales(4, 2_270)}}
    assert [(each.party, each.id) for each in view.served] == [("host", "H1"), ("shop", "S1")]
    with pytest.raises(UnknownProvider):
        provider_view(told, "A9", ())


def test_a_year_is_that_of_shanghai():
    first, after = year_bounds(2021)
    assert time.rfc3339(first, 480) == "2021-01-01T00:00:00+08:00"
    assert after == time.micros(NEW_YEAR)
    assert years_of(after) == (2021, 2022)
    assert years_of(0, Clocks(as_of=after - 1)) == (2020, 2021)


def test_rows_are_the_same_however_the_log_is_cut(told: Database):
    log = facts(*STORY)
    assert rows(AGENCIES, log, [3, 9, 20]) == rows(AGENCIES, log)
    assert {key[:2] for key in stored(told, AGENCIES)} == {
        ("provider", "A1"), ("provider", "A2"), ("host", "H1"), ("shop", "S1"),
    }  # fmt: skip

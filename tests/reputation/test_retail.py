"""A real shop as one shop a country: its index on every first of a month, against SQL over the file itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from pyarrow import compute, parquet

from api.settings import PREFIX
from ledger.events.refund import RefundAdvanceRecovered, RefundCompleted
from tests.api.cli.conftest import command
from tests.api.importers.ledgers import Ledger
from tests.reputation.figures import ask, came_back, compare, returning, script

MAPPING = Path(__file__).with_name("online_retail.toml")
MONTHS = [date(2011, month, 1) for month in range(1, 13)] + [date(2012, 1, 1)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def retail(test_data: Path) -> Path:
    return test_data / "retail" / "online_retail.parquet"


@pytest.fixture(scope="module")
def imported(
    retail: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ledger, dict[str, Any]]]:
    """The ledger of the whole file on SQLite, and the report of the import."""
    with Ledger(f"sqlite:///{tmp_path_factory.mktemp('retail') / 'ledger.db'}") as ledger:
        yield ledger, ledger.load("mapping", retail, mapping=MAPPING)


@pytest.fixture(scope="module")
def sql(retail: Path) -> Iterator[DuckDBPyConnection]:
    with opened(retail) as connection:
        yield connection


def opened(path: Path) -> DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET VARIABLE path = ?", [str(path)])
    script(connection, "retail")
    return connection


def test_all_of_the_file_is_recorded(imported: tuple[Ledger, dict[str, Any]], sql: DuckDBPyConnection):
    _, report = imported

    kinds = sql.execute("SELECT kind || 's', count(*), sum(pence) FROM documents GROUP BY kind").fetchall()
    assert report["recorded_rows"] == report["read"] == 541_909
    assert report["documents"] == {
        kind: {"count": count, "amount": -pence if kind == "refunds" else pence}
        for kind, count, pence in kinds
    }


def test_what_was_advanced_for_countries_that_had_refunded_more_than_they_had_sold(
    imported: tuple[Ledger, dict[str, Any]], sql: DuckDBPyConnection
):
    ledger, _ = imported
    advanced, recovered = Counter[str](), Counter[str]()
    for fact in ledger.facts():
        if isinstance(fact, RefundCompleted):
            advanced[fact.shop] += fact.bearers.advance
        elif isinstance(fact, RefundAdvanceRecovered):
            recovered[fact.shop] += fact.payable

    expected = dict(sql.execute("SELECT shop, sum(amount)::BIGINT FROM advances GROUP BY shop").fetchall())
    assert +advanced == recovered == expected
    assert expected == {"Sweden": 118_800, "Austria": 2_016, "Israel": 22_744, "Hong-Kong": 14_400}
    owed = sql.execute(
        "SELECT shop, sum(pence)::BIGINT FROM documents WHERE kind <> 'adjustment' GROUP BY shop"
    )
    payable = {f"shop_payable:{shop}": pence for shop, pence in owed.fetchall()}
    assert ledger.balances() == {"bank": sum(payable.values()), **payable}


def test_every_index_of_every_month(
    imported: tuple[Ledger, dict[str, Any]], sql: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
):
    ledger, _ = imported
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", ledger.url)

    labels = compare(sql, MONTHS)

    assert labels == Counter(insufficient=465, on_par=13, behind=8, above_average=5, leading=3)


def test_a_month_on_postgresql(
    retail: Path, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table = parquet.read_table(retail)
    at = table["InvoiceDate"]
    inside = compute.and_(
        compute.greater_equal(at, datetime(2010, 12, 19)),  # noqa: DTZ001 - the file's times are naive
        compute.less(at, datetime(2011, 2, 1)),  # noqa: DTZ001 - see above
    )
    path = tmp_path / "january.parquet"
    parquet.write_table(table.filter(inside), path)
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", postgres_url)
    report = json.loads(command("import", "mapping", path, "--mapping", MAPPING, "--json").stdout)

    with opened(path) as connection:
        labels = compare(connection, [date(2011, 2, 1)])

    assert report["refused"] == []
    assert labels == Counter(insufficient=22, above_average=1, behind=1)


def test_who_came_back(
    imported: tuple[Ledger, dict[str, Any]], sql: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
):
    ledger, _ = imported
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", ledger.url)
    sql.execute(
        """
        CREATE TEMP TABLE bought AS
        SELECT buyer, shop, DATE '1970-01-01' + day::INT AS day FROM documents WHERE kind = 'sale'
        """
    )

    assert ask("returning-buyers") == returning(sql)
    came_back(sql, range(2010, 2012))

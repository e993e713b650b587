"""Who came back, in two sets of real purchases: what the reports answer against SQL over the files themselves."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from api.importers.complete_journey import transactions
from api.settings import PREFIX
from tests.api.cli.conftest import command
from tests.reputation.figures import ask, came_back, returning, rows

MAPPING = Path(__file__).with_name("cdnow.toml")


def cdnow(name: str) -> Path:
    """A file of purchases in the package `lifetimes`: found, not imported, which would need old setuptools."""
    package = find_spec("lifetimes")
    assert package
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0], "datasets", name)


@pytest.mark.parametrize(
    ("name", "purchases"),
    [
        ("CDNOW_sample.txt", 6_919),  # of every tenth customer
        pytest.param("CDNOW_master.txt", 69_659, marks=pytest.mark.slow),
    ],
    ids=["sample", "all"],
)
def test_the_buyers_of_cdnow(
    name: str, purchases: int, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", sqlite_url)
    lines = [line.split() for line in cdnow(name).read_text(encoding="ascii").splitlines()]
    # A customer's number comes first; date, discs and dollars last; one file has a heading, the other none.
    bought = [(line[0], *line[-3:]) for line in lines if line[0].isdecimal()]
    named = dict(zip(("customer", "date", "cds", "dollars"), zip(*bought, strict=True), strict=True))
    path = tmp_path / "cdnow.parquet"
    number = [str(number) for number in range(1, purchases + 1)]
    parquet.write_table(pa.table({"number": number, **named}), path)

    report = json.loads(command("import", "mapping", path, "--mapping", MAPPING, "--json").stdout)

    assert (report["recorded_rows"], report["refused"]) == (purchases, [])
    with duckdb.connect() as connection:
        connection.execute(
            r"""
            CREATE TEMP TABLE bought AS
            SELECT cells[1] AS buyer, 'cdnow' AS shop, strptime(cells[-3], '%Y%m%d')::DATE AS day
            FROM (
                SELECT regexp_split_to_array(trim(content, E' \r'), '\s+') AS cells
                FROM (SELECT unnest(string_split(content, chr(10))) AS content FROM read_text(?))
            )
            WHERE try_cast(cells[1] AS INTEGER) IS NOT NULL
            """,
            [str(cdnow(name))],
        )
        assert ask("returning-buyers") == returning(connection)
        found = came_back(connection, range(1997, 1999))
    assert found[1997]["repurchase.new_buyers"] == found[1997]["repurchase.buyers"]


@pytest.mark.parametrize(
    "part",
    [pytest.param(16, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.long)],
    ids=["a sixteenth", "all"],
)
def test_the_households_of_complete_journey(
    part: int, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A whole year of some households, or of all."""
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", sqlite_url)
    path = tmp_path / "transactions.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE path = ?", [str(transactions())])
        connection.execute("SET VARIABLE part = ?", [part])
        connection.execute("SET VARIABLE copy = ?", [str(path)])
        connection.execute(
            """
            CREATE TEMP TABLE lines AS
            FROM read_parquet(getvariable('path')) WHERE household_id % getvariable('part') = 0;
            CREATE TEMP TABLE bought AS
            SELECT
                any_value(household_id)::VARCHAR AS buyer,
                'store-' || any_value(store_id) AS shop,
                min(transaction_timestamp)::DATE AS day
            FROM lines GROUP BY basket_id;
            """
        )
        connection.execute("COPY lines TO (getvariable('copy')) (FORMAT parquet)")
        report = json.loads(command("import", "complete-journey", path, "--json").stdout)

        assert report["refused"] == []
        assert (
            report["documents"]["sales"]["count"]
            == rows(connection, "SELECT count(*) AS n FROM bought")[0]["n"]
        )
        assert ask("returning-buyers") == returning(connection)
        came_back(connection, range(2017, 2019))

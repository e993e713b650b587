"""What the tests ask of a ledger after an import, and how they write the files for it."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa
from pyarrow import parquet

from api.importers import FORMATS, Options, run
from ledger.codec import CODEC
from ledger.decisions.base import Command, Request
from ledger.events.base import Fact
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.writer import Result, Writer

Row = dict[str, Any]


class Ledger:
    """A migrated database with its writer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        migrate(self.database)
        self.writer = Writer(self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()
        self.database.close()

    def load(self, importer: str, *paths: Path, dry_run: bool = False, **options: Any) -> dict[str, Any]:
        """Import files; every row must be accounted for, whatever becomes of it."""
        report = run(self.writer, FORMATS[importer], paths, Options(**options), dry_run=dry_run)
        accounted = report["recorded_rows"] + report["skipped"] + report["parked"] + len(report["refused"])
        assert accounted == report["read"]
        return report

    def do(self, command: Command) -> Result:
        return self.writer.execute(Request(command=command))

    def log(self) -> list[tuple[Any, ...]]:
        """All facts in their places, without the time at which they were recorded."""
        columns = schema.facts.c
        query = schema.facts.select().order_by(columns.position)
        found = []
        with self.database.read() as connection:
            for row in connection.execute(query):
                envelope, fact = CODEC.decode(row.topic, row.state)
                envelope = msgspec.structs.replace(envelope, recorded_at=0)
                found.append((row.position, row.originator_id, row.originator_version, envelope, fact))
        return found

    def facts(self, stream: str = "") -> list[Fact]:
        """The facts of a stream, or all."""
        return [fact for _, name, _, _, fact in self.log() if stream in {"", name}]

    def topics(self, stream: str = "") -> list[str]:
        return [fact.TOPIC for fact in self.facts(stream)]

    def balances(self) -> dict[str, int]:
        """All accounts that are not at zero."""
        with self.database.read() as connection:
            rows = connection.execute(schema.accounts.select()).all()
        return {row.name: row.balance for row in rows if row.balance}

    def head(self) -> int:
        with self.database.read() as connection:
            position: int = connection.execute(schema.head.select()).one().position
            return position


def write(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as the suffix says; columns are those of the first row."""
    match path.name.removesuffix(".gz").rpartition(".")[2]:
        case "csv":
            text = io.StringIO()
            table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
            data = text.getvalue().encode()
        case "jsonl":
            data = b"".join(json.dumps(row, default=_plain).encode() + b"\n" for row in rows)
        case _:
            buffer = io.BytesIO()
            parquet.write_table(pa.Table.from_pylist(list(rows)), buffer)
            data = buffer.getvalue()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


def invoice(
    number: str, *lines: tuple[str, int, int], buyer: int | None = 17850, **changes: Any
) -> list[Row]:
    """The rows of an invoice in the shape of the retail file: (code, quantity, unit price in mils) a line."""
    return [
        {
            "InvoiceNo": number,
            "StockCode": code,
            "Description": f"{code} OF THE SHOP",
            "Quantity": quantity,
            "InvoiceDate": "2010-12-01T08:26:00",
            "CustomerID": buyer,
            "Country": "United Kingdom",
            "unit_price_mils": mils,
        }
        | changes
        for code, quantity, mils in lines
    ]

"""What the benchmarks write: two-line orders, and a retail file that is given or generated in its shape."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from sqlalchemy import func, select

from api import importers
from ledger.decisions.base import Request
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.events.base import Recorded
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.log import FactMapper, Pages
from ledger.writer import Writer

FORMAT = importers.FORMATS["uci-retail"]

_PLATFORM = "bench"
CASH = 25_000
"""What every order is paid with, in minor units."""


def place_order(number: int, at: datetime | None = None) -> Request:
    """Place the order of this number: two lines, one of fifty shops, one of ten thousand buyers."""
    command = PlaceOrder(
        id=f"{_PLATFORM}:{number:010d}",
        at=at,
        shop=f"S{number % 50}",
        buyer=f"B{number % 10_000}",
        currency="CNY",
        lines=(
            OrderLine(sku="85123A", title="White hanging heart", quantity=2, amount=15_000),
            OrderLine(sku="71053", title="White metal lantern", quantity=1, amount=10_000),
        ),
    )
    return Request(command=command, key=f"place-{number:010d}", actor="bench")


def pay_order(number: int, at: datetime | None = None) -> Request:
    """Pay it in full."""
    command = PayOrder(id=f"{_PLATFORM}:{number:010d}", at=at, cash=CASH)
    return Request(command=command, key=f"pay-{number:010d}", actor="bench")


_COLUMNS = "InvoiceNo StockCode Description Quantity InvoiceDate CustomerID Country unit_price_mils".split()
_LINES = 24
_REFUND_LINES = 2
_REFUNDS = 0.15
_WORDS = "WHITE RED HANGING HEART METAL LANTERN CREAM CUPID VINTAGE BAG CLOCK SET JUMBO RETROSPOT".split()


def retail_file(path: Path, rows: int, seed: int = 7) -> None:
    """Write a CSV file of the retail importer's shape with at least `rows` rows: 24 lines a sale invoice."""
    chance = random.Random(seed)  # noqa: S311 - the same file every time is the point
    moment, number, written = datetime(2010, 12, 1, 8, tzinfo=UTC), 536_365, 0
    titles = [" ".join(chance.sample(_WORDS, 4)) for _ in range(4_000)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        while written < rows:
            refund = chance.random() < _REFUNDS
            lines = 1 + int(chance.expovariate(1 / ((_REFUND_LINES if refund else _LINES) - 0.5)))
            moment += timedelta(minutes=chance.randrange(1, 40))
            buyer = "" if chance.random() < 1 / 4 else 12_346 + chance.randrange(4_300)
            for _ in range(lines):
                item = chance.randrange(len(titles))
                quantity = chance.choice((1, 2, 3, 6, 12, 24))
                writer.writerow(
                    (
                        f"C{number}" if refund else number,
                        20_000 + item,
                        titles[item],
                        -quantity if refund else quantity,
                        f"{moment:%Y-%m-%dT%H:%M:%S}",
                        buyer,
                        "United Kingdom",
                        chance.choice((420, 850, 1250, 1650, 2550, 4950)),
                    )
                )
            number, written = number + 1, written + lines


_COMMIT = 256
_YEAR = datetime(2021, 1, 1, tzinfo=UTC)
_PAGE = 250


def load_orders(ledger: Database, orders: int) -> None:
    """Place and pay orders, evenly over a year of effective time."""
    apart = timedelta(days=365) / orders
    writer = Writer(ledger)
    for start in range(0, orders, _COMMIT // 2):
        numbered = [(number + 1, _YEAR + number * apart) for number in range(start, start + _COMMIT // 2)]
        some = numbered[: orders - start]
        writer.execute_many([make(number, at) for number, at in some for make in (place_order, pay_order)])
    writer.close()


def load_file(ledger: Database, file: Path) -> int:
    """Import a retail file as `assurance import` does; answers the number of its rows."""
    writer = Writer(ledger)
    read: int = importers.run(writer, FORMAT, [file], importers.Options())["read"]
    writer.close()
    return read


def facts(ledger: Database) -> Iterator[Recorded]:
    """All facts of a ledger in order of position, read a page at a time."""
    return chain.from_iterable(_pages(ledger))


def _pages(ledger: Database) -> Iterator[list[Recorded]]:
    with ledger.read() as connection:
        yield from Pages(ledger, FactMapper()).all(connection, _PAGE)


def mean_bytes(ledger: Database) -> float:
    """How long the stored state of a fact is on average."""
    with ledger.read() as connection:
        return float(connection.execute(select(func.avg(func.length(schema.facts.c.state)))).scalar_one())

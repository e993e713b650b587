"""UCI Online Retail: each invoice of a British gift shop is a settled order, a refund or an adjustment.

An invoice number without a letter is an order, `C…` is a refund that names no order, `A…` is an adjustment of
the books. A line's amount is quantity × unit price (thousandths of a pound), rounded half-up to pence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from datetime import datetime
from operator import mul
from pathlib import Path
from typing import Any

from api.importers import readers, values
from api.importers.documents import Document, Importer, Lines, Options, gather
from api.importers.readers import Batch
from ledger import codec, money, time
from ledger.decisions.adjustment import RecordAdjustment
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command, Request
from ledger.decisions.order import OrderLine
from ledger.decisions.refund import RecordRefund, ReportedLine
from ledger.errors import InvalidIdentifier, LedgerError
from ledger.events.base import Source

SYSTEM = "uci-retail"
CURRENCY = "GBP"
ZONE = values.zone_of("Europe/London")
COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "CustomerID",
    "Country",
    "unit_price_mils",
)
_DIGESTED = (
    "StockCode",
    "Description",
    "Quantity",
    "CustomerID",
    "Country",
    "unit_price_mils",
)
_KINDS = {"": "sales", "C": "refunds", "A": "adjustments"}
_NUMBER = re.compile(r"([CA]?)[^\sA-Za-z\x00-\x1f\x7f]{1,95}")
"""As long as fits an identifier behind the longest platform."""
_LONGEST_TEXT = 1_000
_LIMITS: tuple[tuple[str, Callable[[Any], int], int, int], ...] = (
    ("StockCode",   len, 1,           128),
    ("Description", len, 0, _LONGEST_TEXT),
    ("Quantity",    abs, 0, 1_000_000_000),
    ("amount",      abs, 0, money.MAX_AMOUNT),
)  # fmt: skip


def documents(path: Path, options: Options) -> Generator[Document]:
    """The invoices of a file, in the order of their first lines."""
    shop, platform = values.name(options.shop or "uci"), values.platform(options.platform or "uci")
    batches = readers.read(path, COLUMNS, optional=("Country",))
    for lines in gather(map(_prepared, batches), "InvoiceNo"):
        try:
            yield _document(lines, shop, platform)
        except LedgerError as refusal:
            yield Document(lines.rows, refusal)


UCI_RETAIL = Importer(documents, readers.count)


def _prepared(batch: Batch) -> Batch:
    """The rows of a batch as values, with a column more: the amount in pence."""
    columns: dict[str, list[Any]] = {
        "InvoiceNo": batch.parsed("InvoiceNo", values.text, "", str),
        "StockCode": batch.parsed("StockCode", values.text, "", str),
        "Description": batch.parsed("Description", values.text, "", str),
        "Quantity": batch.parsed("Quantity", values.whole, 0, int),
        "InvoiceDate": batch.parsed("InvoiceDate", _moment, time.EPOCH),
        "CustomerID": batch.parsed("CustomerID", _customer, ""),
        "Country": batch.parsed("Country", values.text, "", str),
        "unit_price_mils": batch.parsed("unit_price_mils", values.whole, 0, int),
    }
    mils = map(mul, columns["Quantity"], columns["unit_price_mils"])
    # The same as money.round_ratio(each, 10), which is too slow for every line there is.
    columns["amount"] = [(each + 5) // 10 if each >= 0 else -((5 - each) // 10) for each in mils]
    for name, measure, low, high in _LIMITS:
        batch.limit(name, columns[name], measure, low, high)
    return batch._replace(columns=columns)


def _moment(cell: object) -> datetime:
    return values.moment(cell, ZONE)


def _customer(cell: object) -> str:
    # 17850.0 is what other tools make of 17850 in a column with gaps.
    return "" if values.is_missing(cell) else values.name(values.text(cell).removesuffix(".0"))


def _document(lines: Lines, shop: str, platform: str) -> Document:
    """One invoice; raises the refusal of one that cannot be recorded."""
    if lines.fault:
        raise lines.fault
    number = _NUMBER.fullmatch(lines.id)
    if not number:
        raise InvalidIdentifier(f"{values.shown(lines.id)} is no number, nor one behind C or A.")
    columns = lines.columns
    moments = columns["InvoiceDate"]
    if moments.count(moments[0]) == len(moments):  # As almost always: said once, it is told sooner.
        moments = moments[:1]
    digest = codec.digest(*[columns[name] for name in _DIGESTED], [time.micros(at) for at in moments])
    known: dict[str, Any] = {
        "id": f"{platform}:{lines.id}",
        "at": min(moments),
        "shop": shop,
        "currency": CURRENCY,
    }
    buyer = next(filter(None, columns["CustomerID"]), "")
    amount = money.amount(sum(columns["amount"]), signed=True)
    command: Command
    if number[1] == "A":
        reason = "; ".join(filter(None, columns["Description"]))
        command = RecordAdjustment(**known, amount=amount, reason=reason[:_LONGEST_TEXT])
    elif number[1] == "C":
        amount = money.amount(sum(map(abs, columns["amount"])))
        command = RecordRefund(**known, buyer=buyer, lines=_refunded(columns))
    else:
        command = RecordOrder(**known, buyer=buyer, lines=_sold(columns), settled=True)
    source = Source(SYSTEM, command.id, 0, digest)
    request = Request(command=command, key=f"{SYSTEM}/{command.id}", digest=digest, source=source)
    return Document(lines.rows, request, _KINDS[number[1]], amount)


def _sold(columns: dict[str, list[Any]]) -> tuple[OrderLine, ...]:
    cells = zip(*[columns[name] for name in ("StockCode", "Description", "Quantity", "amount")], strict=True)
    return tuple(
        [
            OrderLine(sku=code, title=title, quantity=units, amount=amount)
            for code, title, units, amount in cells
        ]
    )


def _refunded(columns: dict[str, list[Any]]) -> tuple[ReportedLine, ...]:
    cells = zip(*[columns[name] for name in ("StockCode", "Quantity", "amount")], strict=True)
    return tuple(
        [ReportedLine(sku=code, quantity=abs(units), cash=abs(amount)) for code, units, amount in cells]
    )

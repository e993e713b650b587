"""Any table by a mapping: a TOML file that says which column means what (docs/import-mapping.md).

A text stands for itself, `{ column = "…" }` for what a column says. Everything is checked before the first
row is read, and each document against the schema of its command before it is sent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from api.importers import readers, values
from api.importers.documents import Document, Importer, Lines, Options, Skip, gather
from api.importers.readers import Batch
from ledger import money
from ledger.decisions.adjustment import RecordAdjustment
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Command, Request
from ledger.decisions.refund import RecordRefund
from ledger.errors import LedgerError, Malformed
from ledger.events.base import Source

KINDS: dict[str, tuple[str, type[Command]]] = {
    "sale": ("sales", RecordOrder),
    "refund": ("refunds", RecordRefund),
    "adjustment": ("adjustments", RecordAdjustment),
}
"""What a document may be: its name in the report's totals, and the command that records it."""

COUPON_EXCEEDS_AMOUNT = "coupon_exceeds_amount"
"""The mark of an order with a line whose coupons are worth more than the line."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a column says: as it is, or as `values` translate the cell or `starts` the beginning of it.

    `default` stands for an empty cell and for one that no translation knows; `blanks` for each run of blanks
    within what was found; `prefix` goes before the rest.
    """

    column: str
    values: dict[str, str] = {}
    starts: dict[str, str] = {}
    default: str | None = None
    blanks: str | None = None
    prefix: str = ""

    def of(self, row: dict[str, Any]) -> str:
        """The text of a row; raises Malformed for a cell that no translation knows."""
        cell = values.text(row[self.column])
        found: str | None = cell
        if self.values or self.starts:
            start = max((start for start in self.starts if cell.startswith(start)), key=len, default=None)
            found = self.values.get(cell, None if start is None else self.starts[start])
        if not found and self.default is not None:
            found = self.default
        if found is None:
            raise Malformed(f"{self.column}: No translation knows {values.shown(cell)}.", field=self.column)
        if self.blanks is not None:
            found = self.blanks.join(found.split())
        return found and self.prefix + found


class Sum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount: major units ("19.99"), or with `decimals` digits behind the point (2: 1999 for the same).

    With `per_unit` it is the price of one unit, to be multiplied by the line's quantity.
    """

    column: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    per_unit: bool = False

    def of(self, row: dict[str, Any], currency: str, quantity: int = 1) -> int:
        """The minor units of a row; 0 for an empty cell."""
        times = quantity if self.per_unit else 1
        with values.naming(self.column):
            return values.minor_units(row[self.column], currency, self.decimals, times)


class Among(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Yes where a column says one of some texts."""

    column: str
    among: tuple[str, ...]

    def of(self, row: dict[str, Any]) -> bool:
        """Whether a row does."""
        with values.naming(self.column):
            return values.text(row[self.column]) in self.among


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time: ISO 8601, a strptime `format`, `epoch_s` or `epoch_ms`; in `zone` unless it has an offset."""

    column: str
    zone: str
    format: str = ""

    def of(self, row: dict[str, Any]) -> datetime:
        """The aware time of a row."""
        with values.naming(self.column):
            return values.moment(row[self.column], values.zone_of(self.zone), self.format)


class Filter(Among, frozen=True, forbid_unknown_fields=True):
    """Rows to leave out, and why."""

    reason: str


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a CSV file is written."""

    delimiter: Annotated[str, msgspec.Meta(max_length=1)] = ""
    encoding: str = "utf-8"


class DocumentTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the lines of a document say alike: an empty cell says nothing, the earliest time counts."""

    id: Text
    platform: str | Text
    shop: str | Text
    currency: str | Text
    time: Time
    kind: str | Text = "sale"
    buyer: str | Text = ""
    order: str | Text = ""
    version: Text | None = None
    paid: bool | Among = True
    settled: bool | Among = False
    cash: Sum | None = None
    freight: Sum | None = None
    commission: Sum | None = None
    host: str | Text = ""
    host_share: Sum | None = None


class LineTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each line says. `number` is that of the order's line which a refund gives back."""

    amount: Sum
    sku: str | Text = ""
    title: str | Text = ""
    quantity: str | Text = "1"
    shop_coupon: Sum | None = None
    platform_coupon: Sum | None = None
    number: Text | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping; `system` names the source."""

    system: str
    document: DocumentTerms
    line: LineTerms
    file: File = File()
    skip: tuple[Filter, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Every column it reads."""
        terms = (*_terms(self.document), *_terms(self.line), *self.skip)
        return tuple(dict.fromkeys(term.column for term in terms if hasattr(term, "column")))


def _terms(struct: msgspec.Struct) -> Iterator[Any]:
    return (getattr(struct, name) for name in struct.__struct_fields__)


def load(path: Path) -> Mapping:
    """Read a mapping and check all that can be checked without data; raises Malformed."""
    try:
        mapping = msgspec.toml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise Malformed(f"{path.name}: {error.strerror}.", field="mapping") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(f"{path.name}: {error}.", field="mapping") from None
    try:
        _check(mapping)
    except LedgerError as error:
        raise Malformed(f"{path.name}: {error.detail}", field="mapping") from None
    return mapping


def _check(mapping: Mapping) -> None:
    document = mapping.document
    values.name(mapping.system)
    values.zone_of(document.time.zone)
    if isinstance(document.currency, str):
        money.currency(document.currency)
    kind = document.kind
    if isinstance(kind, str):
        named = {kind}
    else:
        named = {*kind.values.values(), *kind.starts.values(), kind.default or "sale"}
    if unknown := named - KINDS.keys():
        raise Malformed(f"{unknown.pop()!r} is no kind of document: {', '.join(KINDS)} are.")
    for numbers in (mapping.line.quantity, mapping.line.number):
        if isinstance(numbers, str):
            values.whole(numbers)


def documents(path: Path, options: Options) -> Generator[Document]:
    """The documents of a file, read by `options.mapping`."""
    if options.mapping is None:
        raise Malformed("This format needs a mapping; name its TOML file.", field="mapping")
    return mapped(path, options, load(options.mapping))


def mapped(path: Path, options: Options, mapping: Mapping) -> Generator[Document]:
    """The documents of a file in the order of their first lines."""
    reader = _Reader(mapping, options)
    file = mapping.file
    batches = readers.read(path, mapping.columns(), delimiter=file.delimiter, encoding=file.encoding)
    for lines in gather(map(reader.batch, batches), _KEY):
        left_out = lines.columns[_ROW][0]
        if isinstance(left_out, Skip):
            yield Document(lines.rows, left_out)
            continue
        try:
            yield reader.document(lines)
        except LedgerError as refusal:
            yield Document(lines.rows, refusal)


MAPPING = Importer(documents, readers.count)

_KEY, _ROW = "key", "row"


class _Row(msgspec.Struct, frozen=True):
    """One line of a document as values; `head` is what it says of the whole document."""

    kind: str
    id: str
    version: int
    at: datetime
    head: dict[str, Any]
    line: dict[str, Any]


class _Reader:
    """A mapping with the caller's own shop and platform."""

    def __init__(self, mapping: Mapping, options: Options) -> None:
        self._mapping = mapping
        self._platform = options.platform or mapping.document.platform
        self._shop = options.shop or mapping.document.shop

    def batch(self, batch: Batch) -> Batch:
        """Rows as values, with the key of their document; a row that is left out or spoilt tells so."""
        keys: list[str] = []
        rows: list[_Row | Skip | None] = []
        names = list(batch.columns)
        for offset, cells in enumerate(zip(*batch.columns.values(), strict=True)):
            row = dict(zip(names, cells, strict=True))
            keys.append("")
            rows.append(None)
            try:
                rows[-1] = self._left_out(row)
                if rows[-1] is None:
                    keys[-1] = self._key(row)
                    rows[-1] = self._row(row)
            except LedgerError as error:
                batch.faults.setdefault(offset, error)
        return batch._replace(columns={_KEY: keys, _ROW: rows})

    def _left_out(self, row: dict[str, Any]) -> Skip | None:
        for filter_ in self._mapping.skip:
            if filter_.of(row):
                return Skip(filter_.reason)
        return None

    def _key(self, row: dict[str, Any]) -> str:
        """What the lines of a document share: its name, kind and version, as far as they can be read."""
        document = self._mapping.document
        try:
            kind = _said(document.kind, row)
        except Malformed as error:
            kind = error.detail  # No line of a kind that is known belongs to the same document.
        version = document.version.of(row) if document.version else ""
        return f"{kind}/{self._id(row)}@{version}"

    def _id(self, row: dict[str, Any]) -> str:
        """The name of the document, with its platform."""
        platform = values.platform(_said(self._platform, row))
        return f"{platform}:{values.name(self._mapping.document.id.of(row))}"

    def _row(self, row: dict[str, Any]) -> _Row:
        document = self._mapping.document
        kind = _said(document.kind, row)
        if kind not in KINDS:
            raise Malformed(f"{values.shown(kind)} is no kind of document.", field="kind")
        currency = money.currency(_said(document.currency, row))
        order = _said(document.order, row)
        head: dict[str, Any] = {
            "shop": _said(self._shop, row),
            "currency": currency,
            "buyer": _said(document.buyer, row),
            "order": order and f"{values.platform(_said(self._platform, row))}:{order}",
            "host": _said(document.host, row),
            "paid": document.paid if isinstance(document.paid, bool) else document.paid.of(row),
            "settled": document.settled if isinstance(document.settled, bool) else document.settled.of(row),
        }
        for name in ("cash", "freight", "commission", "host_share"):
            term: Sum | None = getattr(document, name)
            if term and not values.is_missing(row[term.column]):
                head[name] = term.of(row, currency)
        version = 0
        if document.version:
            version = values.whole(document.version.of(row))
            if version < 1:
                raise Malformed(f"Version {version} is not above 0.", field="version")
        at = document.time.of(row)
        said = {name: value for name, value in head.items() if value != ""}
        return _Row(kind, self._id(row), version, at, said, self._line(row, currency))

    def _line(self, row: dict[str, Any], currency: str) -> dict[str, Any]:
        line = self._mapping.line
        quantity = values.whole(_said(line.quantity, row))
        return {
            "sku": _said(line.sku, row),
            "title": _said(line.title, row),
            "quantity": quantity,
            "amount": line.amount.of(row, currency, quantity),
            "shop_coupon": line.shop_coupon.of(row, currency, quantity) if line.shop_coupon else 0,
            "platform_coupon": line.platform_coupon.of(row, currency, quantity)
            if line.platform_coupon
            else 0,
            "number": values.whole(line.number.of(row)) if line.number else 0,
        }

    def document(self, lines: Lines) -> Document:
        """One document; raises the refusal of one that cannot be recorded."""
        if lines.fault:
            raise lines.fault
        rows: list[_Row] = lines.columns[_ROW]
        first = rows[0]
        head = _agreed(lines.rows, rows)
        head |= {"id": first.id, "at": min(row.at for row in rows)}
        found = [row.line for row in rows]
        amount = sum(line["amount"] for line in found)
        match first.kind:
            case "sale":
                plain = _sale(head, found)
            case "refund":
                plain = _refund(head, found)
                amount = abs(amount)
            case _:
                plain = _adjustment(head, found)
        kind, command_type = KINDS[first.kind]
        command = _convert(plain, command_type)
        id_ = first.id if first.kind == "sale" else f"{first.kind}/{first.id}"
        system = self._mapping.system
        key = f"{system}/{id_}@{first.version}" if first.version else f"{system}/{id_}"
        digest = Request(command=command).fingerprint()
        source = Source(system, id_, first.version, digest)
        request = Request(command=command, key=key, digest=digest, source=source)
        return Document(lines.rows, request, kind, amount)


def _said(term: str | Text, row: dict[str, Any]) -> str:
    return term if isinstance(term, str) else term.of(row)


def _agreed(numbers: Sequence[int], rows: list[_Row]) -> dict[str, Any]:
    """What the lines say of their document; Malformed if two say different things."""
    agreed: dict[str, Any] = {}
    for number, row in zip(numbers, rows, strict=True):
        for name, value in row.head.items():
            if agreed.setdefault(name, value) != value:
                detail = f"Row {number}: {name} is {value!r}, on the lines before it is {agreed[name]!r}."
                raise Malformed(detail, field=name)
    return agreed


_NOT_OF_ORDERS = {"order"}
_OF_REFUNDS = {"id", "at", "shop", "currency", "buyer", "order", "freight"}
_OF_ADJUSTMENTS = {"id", "at", "shop", "currency"}
_OF_LINES = ("sku", "title", "quantity", "amount", "shop_coupon", "platform_coupon")


def _sale(head: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    exceeded = any(line["shop_coupon"] + line["platform_coupon"] > max(line["amount"], 0) for line in lines)
    return {
        **{name: value for name, value in head.items() if name not in _NOT_OF_ORDERS},
        "lines": [{name: line[name] for name in _OF_LINES} for line in lines],
        "marks": [COUPON_EXCEEDS_AMOUNT] if exceeded else [],
    }


def _refund(head: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A refund's sums count without their sign; what the shop's coupon bore is not given back."""
    if min(line["amount"] for line in lines) < 0 < max(line["amount"] for line in lines):
        raise Malformed("Some lines of the refund give and others take.", field="amount")
    return {
        **{name: value for name, value in head.items() if name in _OF_REFUNDS},
        "lines": [
            {
                "line": line["number"],
                "sku": line["sku"],
                "quantity": abs(line["quantity"]),
                "cash": abs(line["amount"]) - abs(line["shop_coupon"]) - abs(line["platform_coupon"]),
                "coupon": abs(line["platform_coupon"]),
            }
            for line in lines
        ],
    }


def _adjustment(head: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **{name: value for name, value in head.items() if name in _OF_ADJUSTMENTS},
        "amount": sum(line["amount"] for line in lines),
        "reason": "; ".join(line["title"] for line in lines if line["title"])[:1000],
    }


def _convert(plain: dict[str, Any], command: type[Command]) -> Command:
    """A command that agrees with its schema, and whose sums the books can add up; raises Malformed."""
    money.amount(sum(abs(line.get("amount", 0)) for line in plain.get("lines", ())))
    try:
        return msgspec.convert(plain, command)
    except msgspec.ValidationError as error:
        raise Malformed(f"{error}.") from None

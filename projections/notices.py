"""Counterfeit notices: what brands share, and which pieces, certificates and open orders each one means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Table, Text, select

from ledger.books import NOW, Clocks
from ledger.decisions.appraisal import Piece
from ledger.decisions.base import identifier, replay
from ledger.decisions.notice import Brand, Notice
from ledger.decisions.order import Order
from ledger.errors import UnknownNotice
from ledger.events.appraisal import CertificateIssued
from ledger.events.base import Recorded
from ledger.events.notice import CounterfeitNoticeShared, CounterfeitNoticeWithdrawn
from ledger.events.order import Line
from ledger.store.database import Database
from projections import order_status
from projections.base import Projection
from projections.order_status import ORDER_STATUS
from projections.store import reached, tables
from projections.streams import facts_of
from projections.then import model

TABLE = Table(
    "p_notices_v1",
    tables,
    Column("notice", Text, primary_key=True),
    Column("brand", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("shared_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a notice: the brand it is about, the brand that shared it, when (UTC microseconds), and where."""

CERTIFICATE_TABLE = Table(
    "p_certificates_v1",
    tables,
    Column("certificate", Text, primary_key=True),
    Column("serial", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The piece that each certificate belongs to."""

OPEN = (
    "placed",
    "paid",
    "at_warehouse",
    "appraised",
    "partly_dispatched",
    "dispatched",
    "delivered",
    "confirmed",
)
"""The states of an order whose money is still in escrow."""


class Row(NamedTuple):
    """A row of the table of notices; `status` is shared or withdrawn."""

    notice: str
    brand: str
    source: str
    status: str
    shared_at: int
    position: int


class Certificate(NamedTuple):
    """A row of the table of certificates."""

    certificate: str
    serial: str


def touches(recorded: Recorded) -> tuple[str]:
    """The notice."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row | None:
    """A notice is shared, and may be withdrawn."""
    match recorded.fact:
        case CounterfeitNoticeShared() as fact:
            at = recorded.envelope.effective_at
            return Row(key, fact.brand, fact.source, "shared", at, recorded.position)
        case _:
            return row and row._replace(status="withdrawn")


NOTICES = Projection(
    "notices",
    1,
    TABLE,
    frozenset({CounterfeitNoticeShared, CounterfeitNoticeWithdrawn}),
    touches,
    fold,
    Row._make,
    own="notice",
)


def _touches_certificate(recorded: Recorded) -> tuple[str]:
    """The certificate."""
    assert isinstance(recorded.fact, CertificateIssued)  # noqa: S101 - the engine brings no other facts
    return (recorded.fact.certificate,)


def _fold_certificate(_row: Certificate | None, recorded: Recorded, key: str) -> Certificate:
    """A certificate belongs to one piece for ever."""
    return Certificate(key, identifier(recorded.stream))


CERTIFICATES = Projection(
    "certificates",
    1,
    CERTIFICATE_TABLE,
    frozenset({CertificateIssued}),
    _touches_certificate,
    _fold_certificate,
    Certificate._make,
)


class OpenLine(NamedTuple):
    """A line of an open order that a notice means, why, and the pieces of it that came to a lab."""

    order: str
    line: int
    status: str
    shop: str
    buyer: str
    sku: str
    title: str
    quantity: int
    why: tuple[str, ...]
    serials: tuple[str, ...]


class FoundPiece(NamedTuple):
    """A piece of goods that a notice names, by its serial or its certificate number."""

    serial: str
    certificate: str
    order: str
    line: int
    shop: str
    status: str
    why: tuple[str, ...]


class NoticeView(NamedTuple):
    """A notice, how its brand's goods are known, and what it means; a withdrawn one means nothing."""

    id: str
    notice: Notice
    brand: Brand
    shared_at: int
    lines: tuple[OpenLine, ...]
    pieces: tuple[FoundPiece, ...]
    position: int


def notices(
    database: Database, clocks: Clocks = NOW, *, brand: str = "", after: int = 0, limit: int = 100
) -> list[Row]:
    """The notices in the order they were recorded, on both clocks, of one brand or of all.

    `after` is the position behind which to begin. Raises ProjectionBehind.
    """
    columns = TABLE.c
    query = select(*columns).where(columns.position > after).order_by(columns.position).limit(limit)
    if brand:
        query = query.where(columns.brand == brand)
    with model(database, NOTICES, clocks) as connection:
        return [Row._make(row) for row in connection.execute(query)]


def notice_view(database: Database, id_: str, clocks: Clocks = NOW) -> NoticeView:
    """A notice on both clocks, with what it means then. Raises UnknownNotice and ProjectionBehind.

    The brand's goods are known as the brand says on both clocks. Of orders those are looked at whose money is
    in escrow then, of pieces those that the notice names, whatever became of them.
    """
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"notice-{id_}"], clocks)
        found: Notice = replay(f"notice-{id_}", told)
        if not found.status:
            raise UnknownNotice(f"Got {id_!r}.", field="id")
        own = f"brand-{found.brand}"
        brand: Brand = replay(own, facts_of(connection, database, [own], clocks))
        means = _Means(found, brand)
        pieces = () if found.withdrawn else tuple(_pieces(connection, database, means, clocks))
    lines = () if found.withdrawn else tuple(_open_lines(database, means, clocks))
    first = told[0]
    return NoticeView(id_, found, brand, first.envelope.effective_at, lines, pieces, told[-1].position)


class _Means:
    """Which lines are the brand's own, and which of them a notice means."""

    def __init__(self, notice: Notice, brand: Brand) -> None:
        """Prepare what a line is compared with; names and titles are compared without regard to case."""
        self.notice = notice
        self._suppliers = frozenset(brand.suppliers)
        self._articles = frozenset(each for each in brand.articles if not each.endswith("*"))
        self._prefixes = tuple(each.removesuffix("*") for each in brand.articles if each.endswith("*"))
        self._names = tuple(_words(name) for name in brand.names)
        self._skus = frozenset(notice.skus)
        self._keywords = tuple((keyword, frozenset(_words(keyword))) for keyword in notice.keywords)

    def own(self, line: Line) -> bool:
        """Whether a line is one of the brand's: by its supplier, its SKU, or a name in its title."""
        if line.supplier in self._suppliers or line.sku in self._articles:
            return True
        if line.sku.startswith(self._prefixes):
            return True
        title = _words(line.title)
        return any(_holds(title, name) for name in self._names)

    def why(self, line: Line) -> tuple[str, ...]:
        """What of the notice says that a line is meant; nothing for a line of other brands."""
        said = [f"sku {line.sku}"] if line.sku in self._skus else []
        if self._keywords:
            title = frozenset(_words(line.title))
            said += [f"keyword {keyword}" for keyword, words in self._keywords if words and words <= title]
        return tuple(said) if said and self.own(line) else ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def _holds(title: Sequence[str], name: Sequence[str]) -> bool:
    """Whether the words of a name stand in a title one after the other."""
    width = len(name)
    return bool(width) and any(title[at : at + width] == name for at in range(len(title) - width + 1))


def _open_lines(database: Database, means: _Means, clocks: Clocks) -> Iterator[OpenLine]:
    """The lines of orders in escrow that a notice means, by their orders."""
    columns = order_status.TABLE.c
    query = select(*columns).where(columns.status.in_(OPEN)).order_by(columns.order_id)
    with model(database, ORDER_STATUS, clocks) as connection:
        for stored in connection.execution_options(yield_per=1_000).execute(query):
            order = ORDER_STATUS.load(stored).order
            for number, line in enumerate(order.lines, 1):
                serials = tuple(item.serial for item in order.items if item.line == number)
                why = (*means.why(line), *_named(means, line, order, number))
                if why:
                    yield OpenLine(
                        stored.order_id,
                        number,
                        order.status,
                        order.shop,
                        order.buyer,
                        line.sku,
                        line.title,
                        line.quantity,
                        why,
                        serials,
                    )


def _named(means: _Means, line: Line, order: Order, number: int) -> list[str]:
    """The pieces of a line that a notice names."""
    if not order.items or not means.own(line):
        return []
    notice, items = means.notice, [item for item in order.items if item.line == number]
    return [
        *(f"serial {item.serial}" for item in items if item.serial in notice.serials),
        *(f"certificate {item.certificate}" for item in items if item.certificate in notice.certificates),
    ]


def _pieces(
    connection: Connection, database: Database, means: _Means, clocks: Clocks
) -> Iterator[FoundPiece]:
    """The pieces that a notice names, if they are the brand's own, by serial number."""
    notice = means.notice
    serials = set(notice.serials)
    if notice.certificates:
        reached(connection, CERTIFICATES)
        columns = CERTIFICATE_TABLE.c
        query = select(columns.serial).where(columns.certificate.in_(notice.certificates))
        serials |= set(connection.execute(query).scalars())
    pieces: Mapping[str, Piece] = _states(connection, database, clocks, "item", serials)
    named = {piece.order for piece in pieces.values() if piece.order}
    orders: Mapping[str, Order] = _states(connection, database, clocks, "order", named)
    for serial, piece in sorted(pieces.items()):
        lines = orders[piece.order].lines if piece.order else ()
        why = [f"serial {serial}"] if serial in notice.serials else []
        if piece.certificate in notice.certificates:
            why.append(f"certificate {piece.certificate}")
        if why and 1 <= piece.line <= len(lines) and means.own(lines[piece.line - 1]):
            where = piece.order, piece.line, piece.shop
            yield FoundPiece(serial, piece.certificate, *where, piece.status, tuple(why))


def _states(
    connection: Connection, database: Database, clocks: Clocks, kind: str, ids: Iterable[str]
) -> dict[str, Any]:
    """The states of streams of a kind on both clocks, by identifier."""
    told: dict[str, list[Recorded]] = {f"{kind}-{id_}": [] for id_ in ids}
    for recorded in facts_of(connection, database, told, clocks):
        told[recorded.stream].append(recorded)
    return {identifier(stream): replay(stream, facts) for stream, facts in told.items()}

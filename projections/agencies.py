"""Agencies: which shops and hosts a service provider serves, since when, and what they sold in a year."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Index, Table, Text, select

from ledger import time
from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier, kind, replay
from ledger.decisions.provider import Provider
from ledger.errors import UnknownProvider
from ledger.events.base import Recorded
from ledger.events.host import HostOpened, HostProviderChanged
from ledger.events.provider import ProviderAdmitted
from ledger.events.shop import ShopProviderChanged
from ledger.store.database import Database
from projections.base import Projection
from projections.order_status import ORDER_STATUS
from projections.order_status import TABLE as ORDERS
from projections.store import tables
from projections.streams import facts_of
from projections.then import model

TABLE = Table(
    "p_agencies_v1",
    tables,
    Column("party", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("provider", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row each time a shop or host (`party`) came to a provider, or left (empty), from `since` (UTC
microseconds) on; `position` is that of the fact. A provider itself has a row each time it was admitted."""
Index(f"{TABLE.name}_provider", TABLE.c.provider)

_STRUCK = ("voided", "cancelled")
_AT_ONCE = 5_000
_DAY_US = 86_400_000_000


class Row(NamedTuple):
    """A row of the table."""

    party: str
    id: str
    position: int
    provider: str
    since: int


def touches(recorded: Recorded) -> Iterable[tuple[str, str, int]]:
    """The change; a host who opens without a provider is none."""
    fact: Any = recorded.fact
    if isinstance(fact, HostOpened) and not fact.provider:
        return ()
    return ((kind(recorded.stream), identifier(recorded.stream), recorded.position),)


def fold(_row: Row | None, recorded: Recorded, key: tuple[str, str, int]) -> Row:
    """What the fact says stays so."""
    fact: Any = recorded.fact
    provider = "" if isinstance(fact, ProviderAdmitted) else fact.provider
    return Row(*key, provider, recorded.envelope.effective_at)


AGENCIES = Projection(
    "agencies",
    1,
    TABLE,
    frozenset({HostOpened, HostProviderChanged, ShopProviderChanged, ProviderAdmitted}),
    touches,
    fold,
    Row._make,
)
MODELS = (AGENCIES.name, ORDER_STATUS.name)
"""What sales are counted from."""


class Served(NamedTuple):
    """A time in which a provider served a shop or host, UTC microseconds; `until` (outside) None: it does."""

    party: str
    id: str
    provider: str
    since: int
    until: int | None


def served(database: Database, clocks: Clocks = NOW, provider: str | None = None) -> list[Served]:
    """Who was served by whom and when, by party and time; of one provider, or of all."""
    columns = TABLE.c
    query = select(columns.party, columns.id, columns.since, columns.provider)
    if provider is not None:
        theirs = select(columns.party, columns.id).where(columns.provider == provider).distinct().subquery()
        query = query.join(theirs, (theirs.c.party == columns.party) & (theirs.c.id == columns.id))
    with model(database, AGENCIES, clocks) as connection:
        rows = connection.execute(
            query.order_by(columns.party, columns.id, columns.since, columns.position)
        ).all()
    found = []
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        same = after is not None and (after.party, after.id) == (row.party, row.id)
        until = after.since if after is not None and same else None
        if row.provider and until != row.since and provider in {None, row.provider}:
            found.append(Served(row.party, row.id, row.provider, row.since, until))
    return found


def year_bounds(year: int) -> tuple[int, int]:
    """The first moment of a calendar year in Asia/Shanghai, and that of the next one, UTC microseconds."""
    first = time.micros(datetime(year, 1, 1, tzinfo=UTC) - timedelta(minutes=time.HOME_OFFSET))
    return first, first + (365 + isleap(year)) * _DAY_US


def years_of(now: int, clocks: Clocks = NOW) -> tuple[int, int]:
    """The calendar year before, and that of a moment (UTC microseconds), or of the as-of time."""
    year = time.moment(now if clocks.as_of is None else clocks.as_of, time.HOME_OFFSET).year
    return year - 1, year


class Sales(NamedTuple):
    """What was sold in a currency: how many orders, and what was paid less what went back, minor units."""

    orders: int = 0
    amount: int = 0


def sales(
    database: Database, year: int, clocks: Clocks = NOW, provider: str | None = None
) -> dict[str, dict[str, Sales]]:
    """By provider and currency, the orders paid in a year while their shop or host was served.

    An order counts once for a provider that serves both. Voided and cancelled orders do not count; refunds
    count against the year of their order. Raises ProjectionBehind.
    """
    times = _by_party(served(database, clocks, provider))
    found: dict[str, dict[str, Sales]] = {}
    if not times:
        return found
    for shop, host, currency, paid_at, amount in _paid(database, year, clocks, times):
        both = (*times.get(("shop", shop), ()), *times.get(("host", host), ()))
        for name in {
            each.provider
            for each in both
            if each.since <= paid_at and (each.until is None or paid_at < each.until)
        }:
            known = found.setdefault(name, {}).get(currency, Sales())
            found[name][currency] = Sales(known.orders + 1, known.amount + amount)
    return found


def _by_party(times: Sequence[Served]) -> dict[tuple[str, str], list[Served]]:
    found: dict[tuple[str, str], list[Served]] = {}
    for each in times:
        found.setdefault((each.party, each.id), []).append(each)
    return found


def _paid(
    database: Database, year: int, clocks: Clocks, parties: Mapping[tuple[str, str], object]
) -> Iterator[tuple[str, str, str, int, int]]:
    """Shop, host, currency, time and net sum of the orders of a year, read a few thousand at a time."""
    columns, (first, after) = ORDERS.c, year_bounds(year)
    net = columns.paid - columns.refunded
    query = select(columns.shop, columns.host, columns.currency, columns.paid_at, net).where(
        columns.paid_at >= first, columns.paid_at < after, columns.status.not_in(_STRUCK)
    )
    if len(parties) <= _AT_ONCE:
        names = {party: [id_ for of, id_ in parties if of == party] for party in ("shop", "host")}
        query = query.where(columns.shop.in_(names["shop"]) | columns.host.in_(names["host"]))
    with model(database, ORDER_STATUS, clocks) as connection:
        rows = connection.execute(query.execution_options(yield_per=_AT_ONCE))
        for shop, host, currency, paid_at, amount in rows:
            yield shop, host, currency, paid_at, int(amount)


class ProviderView(NamedTuple):
    """A provider on both clocks; `sales` by year and currency, of the years in which it served anybody."""

    id: str
    provider: Provider
    served: tuple[Served, ...]
    sales: dict[int, dict[str, Sales]]
    position: int


def provider_view(database: Database, id_: str, years: Sequence[int], clocks: Clocks = NOW) -> ProviderView:
    """A provider with those whom it serves or served; raises UnknownProvider and ProjectionBehind."""
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"provider-{id_}"], clocks)
    if not told:
        raise UnknownProvider(f"Got {id_!r}.", field="id")
    known: Provider = replay(f"provider-{id_}", told)
    found = {year: sales(database, year, clocks, id_).get(id_, {}) for year in years}
    return ProviderView(id_, known, tuple(served(database, clocks, id_)), found, told[-1].position)


def providers(database: Database) -> list[str]:
    """The providers that were ever admitted; raises ProjectionBehind."""
    query = select(TABLE.c.id).where(TABLE.c.party == "provider").distinct().order_by(TABLE.c.id)
    with model(database, AGENCIES, NOW) as connection:
        return list(connection.execute(query).scalars())

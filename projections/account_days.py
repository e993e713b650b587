"""Account days: what each account moved on each day, so that a balance as of a time reads no long history."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    and_,
    func,
    select,
)

from ledger import books, postings
from ledger.books import NOW, Clocks, Posted
from ledger.decisions.base import identifier
from ledger.errors import ProjectionBehind
from ledger.events.base import Recorded
from ledger.store.database import Database
from ledger.store.schema import accounts, transfers
from projections.base import Projection
from projections.store import reached, tables

TABLE = Table(
    "p_account_days_v1",
    tables,
    Column("account", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("change", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The net change of an account's natural balance on a UTC day (by effective time), in minor units, and
between which positions the transfers behind it stand."""

FEW = frozenset({"order_escrow", "penalty_held", "buyer_payable", "buyer_receivable", "recovery_suspense"})
"""Kinds of accounts that live for a handful of transfers: those are summed as they are asked for."""

DAY_US = 86_400_000_000

Key = tuple[str, str, int]


class Row(NamedTuple):
    """A row of the table."""

    account: str
    currency: str
    day: int
    change: int
    first_position: int
    last_position: int


def kept(account: str) -> bool:
    """Whether the days of an account are kept."""
    return account.partition(":")[0] not in FEW


def _moves(recorded: Recorded) -> dict[tuple[str, str], int]:
    """What a fact adds to the natural balance of each account that is kept, by account and currency."""
    found: dict[tuple[str, str], int] = {}
    for transfer in postings.transfers(recorded.fact, identifier(recorded.stream)):
        for account, sign in ((transfer.debit, 1), (transfer.credit, -1)):
            if kept(account):
                natural = sign if postings.kind_of(account).debit_normal else -sign
                key = (account, transfer.currency)
                found[key] = found.get(key, 0) + natural * transfer.amount
    return found


def touches(recorded: Recorded) -> list[Key]:
    """Every account the fact moves, on the day it counts."""
    day = recorded.envelope.effective_at // DAY_US
    return [(*account, day) for account in _moves(recorded)]


def fold(row: Row | None, recorded: Recorded, key: Key) -> Row:
    """The day after one more fact."""
    change = _moves(recorded)[key[:2]]
    position = recorded.position
    if row is None:
        return Row(*key, change, position, position)
    return Row(*key, row.change + change, row.first_position, position)


ACCOUNT_DAYS = Projection(
    "account_days",
    1,
    TABLE,
    frozenset(fact for fact, rows in postings.POSTINGS.items() if rows),
    touches,
    fold,
    Row._make,
)


def balances(database: Database, account: str, clocks: Clocks | Posted = NOW) -> dict[str, int]:
    """What the books say of an account in each of its currencies, as of any time without a whole history.

    Raises UnknownAccount.
    """
    if isinstance(clocks, Posted) or clocks.as_of is None or clocks.as_at is not None:
        return books.balances(database, account, clocks)
    by_day: dict[str, int] = {}
    for currency in books.balances(database, account):
        with database.snapshot() as connection:
            found = as_of_balance(connection, account, currency, clocks.as_of)
        if found is None:
            return books.balances(database, account, clocks)
        by_day[currency] = found
    return by_day


def as_of_balance(connection: Connection, account: str, currency: str, as_of: int) -> int | None:
    """The natural balance (minor units) of an account counting what is effective by `as_of` (UTC µs).

    None where the days are not kept or not built: then the transfers must be summed.
    """
    if not kept(account):
        return None
    try:
        position = reached(connection, ACCOUNT_DAYS)
    except ProjectionBehind:
        return None
    mine = and_(TABLE.c.account == account, TABLE.c.currency == currency)
    day = as_of // DAY_US
    before = select(func.sum(TABLE.c.change)).where(mine, TABLE.c.day < day)
    balance = int(connection.execute(before).scalar() or 0)
    span = select(TABLE.c.first_position, TABLE.c.last_position).where(mine, TABLE.c.day == day)
    last_day = connection.execute(span).first()
    query = select(accounts.c.number).where(accounts.c.name == account, accounts.c.currency == currency)
    number = connection.execute(query).scalar()
    if number is None:
        return balance
    at, effective = transfers.c.position, transfers.c.effective_at
    net = _net(connection, number, and_(at > position, effective <= as_of))
    if last_day is not None:
        on_the_day = effective.between(day * DAY_US, as_of)
        net += _net(connection, number, and_(at.between(*last_day), on_the_day))
    return balance + (net if postings.kind_of(account).debit_normal else -net)


def _net(connection: Connection, number: int, which: ColumnElement[bool]) -> int:
    """Debits less credits of an account over some of its transfers."""
    net = 0
    for side, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
        query = select(func.sum(transfers.c.amount)).where(side == number, which)
        net += sign * int(connection.execute(query).scalar() or 0)
    return net

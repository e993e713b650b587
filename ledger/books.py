"""The books: balances, trial balance, statement and journal, as of any effective time and as at any position.

Both clocks may be given together: *as of* counts transfers by when they are effective, *as at* by when they
were recorded. All sums are natural balances in minor units: what is owed is positive for a liability, what
is held is positive for an asset.

Where a period was closed, a transfer that came too late for it is *posted* on the first open day: balances by
posting never change for a closed period, those by effective time do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from ledger import time
from ledger.codec import CODEC
from ledger.decisions.period import STREAM, Closing, posted_at
from ledger.errors import InvalidTime, UnknownAccount, UnknownPosition
from ledger.events.period import PeriodClosed
from ledger.postings import CHART, kind_of
from ledger.store.database import Database
from ledger.store.schema import accounts, commits, facts, head, transfers


class Clocks(NamedTuple):
    """Which past is asked for: effective up to `as_of` (UTC µs), recorded up to `as_at` (position)."""

    as_of: int | None = None
    as_at: int | None = None

    @property
    def moment(self) -> ColumnElement[int]:
        """When a transfer counts."""
        return transfers.c.effective_at

    def condition(self) -> ColumnElement[bool]:
        """Which transfers count."""
        return _condition(self)


class Posted(NamedTuple):
    """The same by posting: `as_of` asks for what was posted by then, under these closings."""

    closings: tuple[Closing, ...]
    as_of: int | None = None
    as_at: int | None = None

    @property
    def moment(self) -> ColumnElement[int]:
        """When a transfer counts in the books that were reported."""
        if not self.closings:
            return transfers.c.effective_at
        late = [
            (
                and_(transfers.c.position > closing.position, transfers.c.effective_at < closing.until),
                literal(closing.until, BigInteger),
            )
            for closing in reversed(self.closings)
        ]
        return case(*late, else_=transfers.c.effective_at)

    def condition(self) -> ColumnElement[bool]:
        """Which transfers count."""
        return _condition(self)


def _condition(asked: Clocks | Posted) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [literal(value=True)]
    if asked.as_of is not None:
        conditions.append(asked.moment <= asked.as_of)
    if asked.as_at is not None:
        conditions.append(transfers.c.position <= asked.as_at)
    return and_(*conditions)


NOW = Clocks()


def closings(database: Database) -> tuple[Closing, ...]:
    """The periods that are closed, in their order."""
    with database.read() as connection:
        return _closings(connection)


def _closings(connection: Connection) -> tuple[Closing, ...]:
    query = (
        select(facts.c.position, facts.c.topic, facts.c.state)
        .where(facts.c.originator_id == STREAM)
        .order_by(facts.c.originator_version)
    )
    found = []
    for position, topic, state in connection.execute(query):
        fact = CODEC.decode(topic, state)[1]
        assert isinstance(fact, PeriodClosed)  # noqa: S101 - nothing else stands in this stream
        found.append(Closing(fact.period, fact.until, position))
    return tuple(found)


def head_position(database: Database) -> int:
    """The position of the last fact, 0 in an empty ledger."""
    with database.read() as connection:
        position: int = connection.execute(select(head.c.position)).scalar_one()
        return position


def position_at(database: Database, text: str) -> int:
    """The last position recorded up to a time (RFC 3339 or a date), or the position itself if it is a number.

    Raises InvalidTime for what is neither, UnknownPosition beyond the head.
    """
    if text.isdecimal():
        with database.read() as connection:
            last = connection.execute(select(head.c.position)).scalar_one()
        if int(text) > last:
            raise UnknownPosition(f"Got {text}, the head is at {last}.", field="as_at")
        return int(text)
    try:
        moment = time.micros(time.parse(text))
    except InvalidTime as error:
        raise InvalidTime(error.detail, field="as_at") from None
    query = select(func.max(commits.c.position)).where(commits.c.recorded_at <= moment)
    with database.read() as connection:
        return connection.execute(query).scalar() or 0


def trial_balance(database: Database, clocks: Clocks | Posted = NOW, *, zero: bool = False) -> dict[str, Any]:
    """All balances by currency, with the sums of both sides; accounts at zero only with `zero`.

    Answers `{"position": n, "currencies": {"CNY": {"debit": n, "credit": n, "accounts": [{"account",
    "kind", "balance"}]}}}`. Debit equals credit.
    """
    with database.snapshot() as connection:
        position = connection.execute(select(head.c.position)).scalar_one()
        rows = _balances(connection, clocks)
    order = {kind: number for number, kind in enumerate(CHART)}
    currencies: dict[str, Any] = {}
    for name, currency, balance in sorted(
        rows, key=lambda row: (row[1], order[row[0].partition(":")[0]], row[0])
    ):
        book = currencies.setdefault(currency, {"debit": 0, "credit": 0, "accounts": []})
        kind = kind_of(name)
        side = "debit" if kind.debit_normal == (balance >= 0) else "credit"
        book[side] += abs(balance)
        if balance or zero:
            book["accounts"].append({"account": name, "kind": kind.group, "balance": balance})
    return {"position": position if clocks.as_at is None else clocks.as_at, "currencies": currencies}


def _balances(connection: Connection, clocks: Clocks | Posted) -> list[tuple[str, str, int]]:
    """Name, currency and natural balance of every account that the clocks have seen."""
    if clocks == NOW:
        query = select(accounts.c.name, accounts.c.currency, accounts.c.balance)
        return [(name, currency, balance) for name, currency, balance in connection.execute(query)]
    moved = union_all(
        select(transfers.c.debit.label("account"), transfers.c.amount.label("net")).where(clocks.condition()),
        select(transfers.c.credit, -transfers.c.amount).where(clocks.condition()),
    ).subquery()
    sums = select(moved.c.account, func.sum(moved.c.net).label("net")).group_by(moved.c.account).subquery()
    query = select(accounts.c.name, accounts.c.currency, sums.c.net).join(
        sums, sums.c.account == accounts.c.number
    )
    return [(name, currency, _natural(name, int(net))) for name, currency, net in connection.execute(query)]


def _natural(account: str, net: int) -> int:
    """The natural balance of an account whose debits exceed its credits by `net`."""
    return net if kind_of(account).debit_normal else -net


def _numbers(connection: Connection, account: str) -> dict[str, Row[Any]]:
    """The rows of an account by currency; raises UnknownAccount."""
    query = select(accounts).where(accounts.c.name == account).order_by(accounts.c.currency)
    found = {row.currency: row for row in connection.execute(query)}
    if not found:
        raise UnknownAccount(f"Got {account!r}.", field="account")
    return found


def balances(database: Database, account: str, clocks: Clocks | Posted = NOW) -> dict[str, int]:
    """The natural balance of an account in each of its currencies; raises UnknownAccount."""
    with database.snapshot() as connection:
        return {
            currency: _balance(connection, row, clocks)
            for currency, row in _numbers(connection, account).items()
        }


def _balance(connection: Connection, account: Row[Any], clocks: Clocks | Posted) -> int:
    """One balance without reading a whole history.

    As at a position it is the running balance of the last transfer before it. As of a time it is that, less
    the transfers recorded by then but effective later. Both sides are found by index.
    """
    balance: int = (
        account.balance if clocks.as_at is None else _running(connection, account.number, clocks.as_at)
    )
    if clocks.as_of is None:
        return balance
    later = and_(
        clocks.moment > clocks.as_of,
        literal(value=True) if clocks.as_at is None else transfers.c.position <= clocks.as_at,
    )
    net = 0
    for side, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
        query = select(func.coalesce(func.sum(transfers.c.amount), 0)).where(side == account.number, later)
        net += sign * int(connection.execute(query).scalar_one())
    return balance - _natural(account.name, net)


def _running(connection: Connection, number: int, position: int) -> int:
    """The balance after the last transfer of an account up to a position, 0 before the first."""
    last: tuple[int, int, int] = (0, -1, 0)
    for side, balance in (
        (transfers.c.debit, transfers.c.debit_balance),
        (transfers.c.credit, transfers.c.credit_balance),
    ):
        query = (
            select(transfers.c.position, transfers.c.number, balance)
            .where(side == number, transfers.c.position <= position)
            .order_by(transfers.c.position.desc(), transfers.c.number.desc())
            .limit(1)
        )
        if row := connection.execute(query).first():
            last = max(last, (row[0], row[1], row[2]))
    return last[2]


class StatementLine(NamedTuple):
    """One movement of an account: its place, the other account, the signed change and the balance after it.

    The balance is the running one in recorded order; with an as-of clock it counts the lines shown.
    """

    position: int
    number: int
    effective_at: int
    offset: int
    type: str
    stream: str
    other: str
    change: int
    balance: int


def statement(  # noqa: PLR0913 - an account has a currency, a page a place and a length
    database: Database,
    account: str,
    currency: str,
    clocks: Clocks = NOW,
    *,
    after: tuple[int, int] = (0, -1),
    limit: int = 100,
) -> list[StatementLine]:
    """The movements of an account in recorded order after a place (position, number), at most `limit`.

    Raises UnknownAccount.
    """
    with database.snapshot() as connection:
        row = _numbers(connection, account).get(currency)
        if row is None:
            raise UnknownAccount(f"{account} has no {currency}.", field="currency")
        mine = or_(transfers.c.debit == row.number, transfers.c.credit == row.number)
        rows = _page(connection, mine, clocks, after, limit)
        balance = _before(connection, row, clocks, after)
    lines = []
    for line in rows:
        debited = line.debit == row.number
        change = line.amount if debited == kind_of(account).debit_normal else -line.amount
        balance += change
        envelope, _ = CODEC.decode(line.topic, line.state)
        other = line.credit_name if debited else line.debit_name
        lines.append(
            StatementLine(
                line.position,
                line.number,
                line.effective_at,
                envelope.offset,
                line.topic,
                line.originator_id,
                other,
                change,
                balance,
            )
        )
    return lines


def _before(connection: Connection, account: Row[Any], clocks: Clocks, after: tuple[int, int]) -> int:
    """The balance that a page of a statement begins with."""
    position, number = after
    up_to = _balance(connection, account, Clocks(clocks.as_of, max(position - 1, 0)))
    net = 0
    for side, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
        query = select(func.coalesce(func.sum(transfers.c.amount), 0)).where(
            side == account.number,
            transfers.c.position == position,
            transfers.c.number <= number,
            clocks.condition(),
        )
        net += sign * int(connection.execute(query).scalar_one())
    return up_to + _natural(account.name, net)


class JournalLine(NamedTuple):
    """One transfer in its place, with both accounts by name; `amount` in minor units of `currency`.

    `posted_at` is `effective_at`, or the first open moment if the period of that was closed before.
    """

    position: int
    number: int
    effective_at: int
    offset: int
    type: str
    stream: str
    debit: str
    credit: str
    amount: int
    currency: str
    posted_at: int


def journal(
    database: Database, clocks: Clocks = NOW, *, after: tuple[int, int] = (0, -1), limit: int = 100
) -> list[JournalLine]:
    """All transfers in recorded order after a place (position, number), at most `limit`."""
    with database.snapshot() as connection:
        rows = _page(connection, literal(value=True), clocks, after, limit)
        closed = _closings(connection)
    return [
        JournalLine(
            line.position,
            line.number,
            line.effective_at,
            CODEC.decode(line.topic, line.state)[0].offset,
            line.topic,
            line.originator_id,
            line.debit_name,
            line.credit_name,
            line.amount,
            line.currency,
            posted_at(closed, line.position, line.effective_at),
        )
        for line in rows
    ]


def _page(
    connection: Connection, which: ColumnElement[bool], clocks: Clocks, after: tuple[int, int], limit: int
) -> list[Row[Any]]:
    """Transfers with their facts and the names of both accounts."""
    debit, credit = accounts.alias("debit_account"), accounts.alias("credit_account")
    position, number = after
    query = (
        select(
            transfers,
            facts.c.topic,
            facts.c.originator_id,
            facts.c.state,
            debit.c.name.label("debit_name"),
            credit.c.name.label("credit_name"),
            debit.c.currency,
        )
        .join(facts, facts.c.position == transfers.c.position)
        .join(debit, debit.c.number == transfers.c.debit)
        .join(credit, credit.c.number == transfers.c.credit)
        .where(
            which,
            clocks.condition(),
            transfers.c.position >= position,
            or_(transfers.c.position > position, transfers.c.number > number),
        )
        .order_by(transfers.c.position, transfers.c.number)
        .limit(limit)
    )
    return list(connection.execute(query))

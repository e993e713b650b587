"""Verification: everything the ledger keeps is proved again from the log, row by row, from nothing.

The log is read once in order of position; beside it run cursors over commits and transfers, so that memory
stays flat however long the log is. What is missing, changed, moved or added shows as the first row that is
not what the facts before it make it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from ledger import postings, proofs
from ledger.codec import CODEC, leaf_bytes
from ledger.decisions.base import identifier
from ledger.errors import Corrupt
from ledger.events.base import Envelope, Fact
from ledger.store import schema
from ledger.store.database import Database, Insert
from ledger.store.log import Head, Key, first_head, keys_digest
from ledger.uses import uses

_PAGE = 2_000


class Check(NamedTuple):
    """One thing that was proved: how many rows it took, and the first that was wrong."""

    name: str
    ok: bool
    checked: int
    first_failure: dict[str, object] | None


class Report(NamedTuple):
    """All checks over one state of the database; `root` is the tree's root over `events` facts."""

    ok: bool
    events: int
    head: int
    root: str
    checks: list[Check]


class _Tally:
    """Counts what a check has seen and keeps its first failure."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checked = 0
        self.failure: dict[str, object] | None = None

    def expect(self, ok: bool, table: str, row: object, reason: str) -> bool:  # noqa: FBT001 - a private helper
        """Note a failure unless `ok`; only the first is kept."""
        if not ok and self.failure is None:
            self.failure = {"table": table, "row": row, "reason": reason}
        return ok

    def check(self) -> Check:
        """The result."""
        return Check(self.name, self.failure is None, self.checked, self.failure)


def verify(
    database: Database,
    more: Callable[[Connection], Iterable[Check]] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Report:
    """Prove one state of the database; `more` adds checks of its own (read models) on the same state.

    `progress` is told the position reached. Nothing is written but temporary tables.
    """
    with database.snapshot() as connection:
        return prove(database, connection, more, progress)


def prove(
    database: Database,
    connection: Connection,
    more: Callable[[Connection], Iterable[Check]] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Report:
    """The same for the state that a transaction of the caller sees."""
    # Cursors are closed here, not when they happen to be collected: a driver may be fetching just then.
    uses_ = _Uses(database, connection)
    with ExitStack() as cursors:
        run = _Run(connection, cursors, uses_)
        run.walk(progress)
    uses_.drop()
    checks = [*run.checks(), *(more(connection) if more else ())]
    head = run.head.position if run.head else 0
    return Report(all(check.ok for check in checks), run.position, head, run.root.hex(), checks)


class _Run:
    """One pass over the log."""

    def __init__(self, connection: Connection, cursors: ExitStack, uses_: _Uses) -> None:
        self.connection = connection
        self._uses = uses_
        self._cursors = cursors
        self.position = 0
        self.root = proofs.EMPTY_ROOT
        names = ("positions", "hashes", "streams", "tree", "keys", "transfers", "balances", "guards", "head")
        self._tallies = {name: _Tally(name) for name in names}
        rows = connection.execute(select(schema.head)).all()
        self._say("head").expect(len(rows) == 1, "head", len(rows), "the head is a single row")
        self.head = Head(**{name: getattr(rows[0], name) for name in Head._fields}) if rows else None
        self._frontier = proofs.Frontier()
        self._transfers = self._named_transfers()
        self._next_transfer = next(self._transfers, None)
        self._named = 0
        self._keys = self._ordered(schema.idempotency_keys, "commit_number", "key")
        self._next_key = next(self._keys, None)

    def _streamed(self, query: Select[*tuple[Any, ...]]) -> Iterator[Any]:
        """The rows of a query, which arrive a page at a time."""
        result = self.connection.execute(query, execution_options={"yield_per": _PAGE})
        return iter(self._cursors.enter_context(result))

    def _ordered(self, table: Table, *key: str) -> Iterator[Row[Any]]:
        """All rows of a table in the order of a key."""
        return self._streamed(select(table).order_by(*(table.c[name] for name in key)))

    def _say(self, name: str) -> _Tally:
        return self._tallies[name]

    def checks(self) -> list[Check]:
        """The results, in the order things were proved."""
        return [tally.check() for tally in self._tallies.values()]

    def _named_transfers(self) -> Iterator[Row[Any]]:
        """The stored transfers in order, with both accounts by name."""
        debit, credit = schema.accounts.alias("debit_account"), schema.accounts.alias("credit_account")
        columns = schema.transfers.c
        query = (
            select(
                schema.transfers,
                debit.c.name.label("debit_name"),
                debit.c.currency.label("debit_currency"),
                credit.c.name.label("credit_name"),
                credit.c.currency.label("credit_currency"),
            )
            .outerjoin(debit, debit.c.number == columns.debit)
            .outerjoin(credit, credit.c.number == columns.credit)
            .order_by(columns.position, columns.number)
        )
        return self._streamed(query)

    def walk(self, progress: Callable[[int], object] | None) -> None:
        """Read the log once; then compare what it amounts to with the tables that keep it."""
        commits = self._ordered(schema.commits, "number")
        chain = first_head()
        commit = next(commits, None)
        last_recorded = 0
        for row in self._ordered(schema.facts, "position"):
            decoded = self._fact(row)
            while commit is not None and commit.position < row.position:
                chain = self._commit(commit, chain)
                commit = next(commits, None)
            self._frontier.extend([row.leaf])
            if decoded is not None:
                last_recorded = self._timing(row, decoded[0], commit, last_recorded)
                self._transfers_of(row, *decoded)
                self._uses.add(row.position, decoded[1], identifier(row.originator_id))
            if progress and row.position % _PAGE == 0:
                progress(row.position)
        while commit is not None:
            chain = self._commit(commit, chain)
            commit = next(commits, None)
        self.root = self._frontier.root()
        if self._next_transfer is not None:
            place = _place(self._next_transfer)
            self._say("transfers").expect(False, "transfers", place, "no fact stands for this transfer")
        if self._next_key is not None:
            self._say("keys").expect(
                False, "idempotency_keys", self._next_key.key, "no commit brought this key"
            )
        self._head(chain)
        self._streams()
        self._balances()
        self._uses.compare(self._say("guards"))

    def _fact(self, row: Row[Any]) -> tuple[Envelope, Fact] | None:
        """Position and hash of a fact, and the fact itself if its bytes can be read."""
        positions, hashes = self._say("positions"), self._say("hashes")
        positions.checked += 1
        hashes.checked += 1
        expected = self.position + 1
        positions.expect(
            row.position == expected, "facts", row.position, f"position {expected} was to follow"
        )
        self.position = row.position
        data = leaf_bytes(row.position, row.originator_id, row.originator_version, row.topic, row.state)
        hashes.expect(
            proofs.leaf_hash(data) == row.leaf, "facts", row.position, "the leaf hash is not that of the row"
        )
        try:
            return CODEC.decode(row.topic, row.state)
        except Corrupt as error:
            hashes.expect(False, "facts", row.position, str(error))
            return None

    def _timing(self, row: Row[Any], envelope: Envelope, commit: Row[Any] | None, last: int) -> int:
        """A fact is recorded when its commit is, and never before the fact before it."""
        positions = self._say("positions")
        positions.expect(
            envelope.recorded_at >= last, "facts", row.position, "recorded before the fact before it"
        )
        if commit is None:
            self._say("tree").expect(False, "commits", row.position, "no commit holds this position")
        else:
            same = commit.recorded_at == envelope.recorded_at
            self._say("tree").expect(
                same, "commits", commit.number, f"not recorded when position {row.position} was"
            )
        return envelope.recorded_at

    def _commit(self, row: Row[Any], before: Head) -> Head:
        """A commit's root, the digest of its keys and its link to the commit before."""
        tree = self._say("tree")
        tree.checked += 1
        number = before.commits + 1
        tree.expect(row.number == number, "commits", row.number, f"commit {number} was to follow")
        position = self._frontier.size
        tree.expect(row.position == position, "commits", row.number, f"it ends at position {position}")
        root = self._frontier.root()
        tree.expect(row.root == root, "commits", row.number, "the root is not that of the facts")
        keys = keys_digest(self._keys_of(row.number))
        fields = before.chain, row.number, row.position, row.recorded_at, row.root
        # The link binds the digest of the keys: while it holds, a difference lies in the keys themselves.
        if row.chain != proofs.chain_hash(*fields, row.keys):
            tree.expect(False, "commits", row.number, "the link to the commits before is broken")
        elif row.keys != keys:
            reason = "the keys of this commit are not those it brought"
            self._say("keys").expect(False, "idempotency_keys", {"commit_number": row.number}, reason)
        return Head(row.position, row.number, row.recorded_at, row.chain, self._frontier.pack(), 0)

    def _keys_of(self, commit: int) -> list[Key]:
        """The keys that say they came with a commit."""
        keys = []
        while self._next_key is not None and self._next_key.commit_number <= commit:
            row = self._next_key
            keys.append(Key(row.key, row.digest, row.first_position, row.facts))
            self._next_key = next(self._keys, None)
        self._say("keys").checked += len(keys)
        return keys

    def _transfers_of(self, row: Row[Any], envelope: Envelope, fact: Fact) -> None:
        """The stored transfers of a fact are those the posting table makes of it, in order."""
        tally = self._say("transfers")
        for number, transfer in enumerate(postings.transfers(fact, identifier(row.originator_id))):
            stored = self._next_transfer
            place = {"position": row.position, "number": number}
            if stored is None or _place(stored) != place:
                tally.expect(False, "transfers", place, f"missing: {transfer}")
                return
            tally.checked += 1
            same = (stored.amount, stored.effective_at) == (transfer.amount, envelope.effective_at)
            tally.expect(same, "transfers", place, f"the fact stands for {transfer}")
            for account, name, currency, expected in (
                (stored.debit, stored.debit_name, stored.debit_currency, transfer.debit),
                (stored.credit, stored.credit_name, stored.credit_currency, transfer.credit),
            ):
                # Accounts are numbered as transfers first name them, so the first to name one tells its name.
                same = (name, currency) == (expected, transfer.currency)
                first = account == self._named + 1 and (
                    same or self._number(expected, transfer) > self._named
                )
                self._named += first
                table, at = ("accounts", account) if first else ("transfers", place)
                reason = f"the fact names {expected} {transfer.currency}, not {name} {currency}"
                tally.expect(same, table, at, reason)
            self._next_transfer = next(self._transfers, None)
        if (extra := self._next_transfer) is not None and extra.position <= row.position:
            tally.expect(False, "transfers", _place(extra), "no fact stands for this transfer")

    def _number(self, name: str, transfer: postings.Transfer) -> int:
        """The number under which an account stands; beyond all others if there is none of that name."""
        columns = schema.accounts.c
        query = select(columns.number).where(columns.name == name, columns.currency == transfer.currency)
        found: int | None = self.connection.execute(query).scalar()
        return sys.maxsize if found is None else found

    def _balances(self) -> None:
        """Running balances add up transfer by transfer, end in the account's balance, and hold the guards."""
        tally = self._say("balances")
        moved = _moved()
        wrong = (
            select(moved).where(moved.c.stored != moved.c.running).order_by(moved.c.position, moved.c.number)
        )
        if row := self.connection.execute(wrong.limit(1)).first():
            reason = f"account {row.account}: the running balance is {row.running}, not {row.stored}"
            tally.expect(False, "transfers", _place(row), reason)
        below = select(moved).join(schema.accounts, schema.accounts.c.number == moved.c.account)
        below = below.where(schema.accounts.c.guarded, moved.c.running < 0)
        if row := self.connection.execute(below.limit(1)).first():
            tally.expect(
                False, "transfers", _place(row), f"guarded account {row.account} is at {row.running}"
            )
        sums = (
            select(moved.c.account, func.sum(moved.c.change).label("total"))
            .group_by(moved.c.account)
            .subquery()
        )
        query = select(schema.accounts, sums.c.total).outerjoin(
            sums, sums.c.account == schema.accounts.c.number
        )
        query = query.order_by(schema.accounts.c.number)
        for number, row in enumerate(self._streamed(query), 1):
            tally.checked += 1
            kind = postings.CHART.get(row.name.partition(":")[0])
            tally.expect(row.number == number, "accounts", row.number, f"account {number} was to follow")
            tally.expect(kind is not None, "accounts", row.number, f"{row.name} is not in the chart")
            tally.expect(
                row.balance == row.total, "accounts", row.number, f"its transfers add up to {row.total}"
            )
            guarded = kind is not None and kind.guarded
            tally.expect(
                row.guarded == guarded, "accounts", row.number, f"the chart says guarded = {guarded}"
            )
        tally.expect(
            tally.checked == self._named, "accounts", tally.checked, f"transfers name {self._named} accounts"
        )

    def _head(self, chain: Head) -> None:
        """The head row is what the last commit left."""
        tally = self._say("head")
        tally.checked += 1
        if self.head is None:
            return
        last = self.head.position
        self._say("positions").expect(
            self.position >= last, "facts", self.position + 1, f"missing: the head is at {last}"
        )
        expected = chain._replace(accounts=self._named)
        for name, ours in expected._asdict().items():
            tally.expect(getattr(self.head, name) == ours, "head", name, "not what the last commit left")

    def _streams(self) -> None:
        """Versions of a stream run from 1 without a gap."""
        tally = self._say("streams")
        columns = schema.facts.c
        count, low, high = (
            func.count(),
            func.min(columns.originator_version),
            func.max(columns.originator_version),
        )
        query = select(columns.originator_id, count, low, high).group_by(columns.originator_id)
        query = query.order_by(columns.originator_id)
        for stream, found, first, last in self._streamed(query):
            tally.checked += 1
            tally.expect(
                (first, last) == (1, found),
                "facts",
                stream,
                f"{found} facts carry versions {first} to {last}",
            )


def _place(row: Row[Any]) -> dict[str, int]:
    return {"position": row.position, "number": row.number}


def _moved() -> Subquery:
    """Every transfer once for each side: the change of the natural balance, stored and recomputed balance."""
    raised = or_(*(_is_kind(name) for name, kind in postings.CHART.items() if kind.debit_normal))
    sides = []
    columns = schema.transfers.c
    for side, account, balance in (
        (1, columns.debit, columns.debit_balance),
        (-1, columns.credit, columns.credit_balance),
    ):
        sides.append(
            select(
                account.label("account"),
                columns.position,
                columns.number,
                case((raised, side * columns.amount), else_=-side * columns.amount).label("change"),
                balance.label("stored"),
            ).join(schema.accounts, schema.accounts.c.number == account)
        )
    both = union_all(*sides).subquery()
    running = func.sum(both.c.change).over(
        partition_by=both.c.account, order_by=(both.c.position, both.c.number)
    )
    return select(both, cast(running, BigInteger).label("running")).subquery()


def _is_kind(kind: str) -> ColumnElement[bool]:
    return or_(schema.accounts.c.name == kind, schema.accounts.c.name.startswith(f"{kind}:", autoescape=True))


class _Uses:
    """What the facts use, gathered in a temporary table and compared with the uses that are kept."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._connection = connection
        self._table = Table(
            "verify_uses",
            MetaData(),
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("number", Integer, primary_key=True, autoincrement=False),
            Column("subject", Text, nullable=False),
            Column("used", BigInteger, nullable=False),
            Column("allowed", BigInteger, nullable=False),
            prefixes=["TEMPORARY"],
        )
        self._insert = Insert(self._table, database)
        self._rows: list[tuple[int, int, str, int, int]] = []
        self._table.create(connection)

    def add(self, position: int, fact: Fact, id_: str) -> None:
        """Gather what a fact uses."""
        self._rows += [(position, number, *use) for number, use in enumerate(uses(fact, id_))]
        if len(self._rows) >= _PAGE:
            self._flush()

    def _flush(self) -> None:
        self._insert(self._connection, self._rows)
        self._rows = []

    def drop(self) -> None:
        """Take the temporary table away again."""
        self._table.drop(self._connection)

    def compare(self, tally: _Tally) -> None:
        """What is used is what the facts use, never more than was allowed at any position.

        A reversal may give back more than is used before what waited takes its place, in the same commit:
        only the end must not be below zero.
        """
        self._flush()
        told, kept = self._table.c, schema.uses.c
        order = (told.position, told.number)
        running = func.sum(told.used).over(partition_by=told.subject, order_by=order)
        later = func.row_number().over(partition_by=told.subject, order_by=tuple(c.desc() for c in order))
        steps = select(self._table, cast(running, BigInteger).label("total"), later.label("later")).subquery()
        below = and_(steps.c.later == 1, steps.c.total < 0)
        over = select(steps).where(or_(steps.c.total > steps.c.allowed, below))
        if row := self._connection.execute(over.order_by(steps.c.position).limit(1)).first():
            tally.expect(
                False, "uses", row.subject, f"{row.total} of {row.allowed} at position {row.position}"
            )
        ends = select(steps).where(steps.c.later == 1).subquery()
        both = select(schema.uses, ends.c.total, ends.c.allowed.label("may")).outerjoin(
            ends, ends.c.subject == kept.subject
        )
        for row in self._connection.execute(both.order_by(kept.subject)):
            tally.checked += 1
            same = (row.used, row.allowed) == (row.total, row.may)
            tally.expect(same, "uses", row.subject, f"the facts use {row.total} of {row.may}")
        missing = select(ends.c.subject).where(ends.c.subject.not_in(select(kept.subject)))
        if row := self._connection.execute(missing.order_by(ends.c.subject).limit(1)).first():
            tally.expect(False, "uses", row.subject, "missing")

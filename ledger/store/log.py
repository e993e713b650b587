"""The ledger's own log: facts with leaf hashes, the tree and the chain of commits, and the books beside it.

FactRecorder is an eventsourcing recorder like any other; what the writer hands it beyond the events
(transfers, balances, uses, keys) goes into the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

from eventsourcing import persistence as es
from sqlalchemy import Connection, select

from ledger import codec, proofs, time
from ledger.decisions.base import Account, Draft, Known, Posted
from ledger.events.base import Recorded
from ledger.postings import kind_of
from ledger.store import schema
from ledger.store.database import Database, Insert, Lookup, rows, rows_by_page
from ledger.store.recorder import ApplicationRecorder, errors


class Head(NamedTuple):
    """The head row: the last position and everything the next commit builds on."""

    position: int
    commits: int
    recorded_at: int
    chain: bytes
    frontier: bytes
    accounts: int


class Key(NamedTuple):
    """An idempotency key with the digest of its request and the place of its facts."""

    key: str
    digest: bytes
    first_position: int
    facts: int


class Books(NamedTuple):
    """The rows that go beside some facts, in the order of their tables' columns; `accounts` are upserted.

    `last_account` is the number of the newest account, 0 if there is no new one.
    """

    transfers: Sequence[tuple[Any, ...]] = ()
    accounts: Sequence[tuple[Any, ...]] = ()
    uses: Sequence[tuple[Any, ...]] = ()
    keys: Sequence[Key] = ()
    last_account: int = 0


NO_BOOKS = Books()

NO_KEYS = sha256().digest()
"""The digest of a commit that brought no keys."""


def keys_digest(keys: Sequence[Key]) -> bytes:
    """What a commit says of the keys it brought, in the order of the keys; 32 bytes."""
    return sha256(b"".join(map(codec.pack, sorted(keys)))).digest()


COLUMNS = "originator_id, originator_version, topic, state, position"
"""What makes a recorded fact, in the order of an eventsourcing notification."""


class FactMapper(es.Mapper[Any]):
    """Between facts in their place and stored events: topics of the closed register, MessagePack states."""

    def __init__(self, facts: codec.Codec = codec.CODEC) -> None:
        """Map the facts of one register."""
        super().__init__(es.JSONTranscoder())
        self._codec = facts

    def to_stored_event(self, domain_event: Any) -> es.StoredEvent:  # noqa: ANN401 - as the mapper of others
        """Of a Recorded fact; its position is the recorder's business."""
        fact = domain_event.fact
        state = self._codec.encode(domain_event.envelope, fact)
        return es.StoredEvent(domain_event.stream, domain_event.version, fact.TOPIC, state)

    def to_domain_event(self, stored_event: es.StoredEvent) -> Any:  # noqa: ANN401 - as the mapper of others
        """A Recorded fact; its position is 0 unless the event is a notification."""
        envelope, fact = self._codec.decode(stored_event.topic, stored_event.state)
        position = stored_event.id if isinstance(stored_event, es.Notification) else 0
        stream = str(stored_event.originator_id)
        return Recorded(position, stream, stored_event.originator_version, envelope, fact)

    def recorded(self, rows: Sequence[Sequence[Any]]) -> list[Recorded]:
        """The facts of rows in the order of COLUMNS; raises Corrupt."""
        states: dict[str, list[bytes]] = defaultdict(list)
        for row in rows:
            states[row[2]].append(row[3])
        decoded = {topic: iter(self._codec.decode_all(topic, found)) for topic, found in states.items()}
        return [
            Recorded(position, stream, version, envelope, fact)
            for stream, version, topic, _, position in rows
            for envelope, fact in (next(decoded[topic]),)
        ]


class Pages:
    """Reads the log in order of position."""

    def __init__(self, database: Database, mapper: FactMapper) -> None:
        """Prepare the text for one database."""
        mark = "?" if database.is_sqlite else "%s"
        self._text = f"SELECT {COLUMNS} FROM facts WHERE position > {mark} ORDER BY position LIMIT {mark}"  # noqa: S608 - ours
        self._mapper = mapper

    def read(self, connection: Connection, after: int, limit: int) -> list[Recorded]:
        """The first `limit` facts behind a position; raises Corrupt."""
        return self._mapper.recorded(rows(connection, self._text, (after, limit)))

    def all(self, connection: Connection, limit: int) -> Iterator[list[Recorded]]:
        """The whole log, `limit` facts at a time; raises Corrupt."""
        for found in rows_by_page(connection, self._text, limit):
            yield self._mapper.recorded(found)


class FactRecorder(ApplicationRecorder):
    """Appends facts: positions, leaf hashes, tree, chain and books move together or not at all."""

    def __init__(self, database: Database) -> None:
        """Record into the ledger's own tables."""
        super().__init__(database, schema.facts, schema.head)
        self._insert_commits = Insert(schema.commits, database)
        self._insert_keys = Insert(schema.idempotency_keys, database)
        self._insert_transfers = Insert(schema.transfers, database)
        self._put_accounts = Insert(schema.accounts, database, replace=("balance",))
        self._put_uses = Insert(schema.uses, database, replace=("used", "allowed"))
        lock = "" if database.is_sqlite else " FOR UPDATE"
        mark = "?" if database.is_sqlite else "%s"
        self._head_text = f"SELECT position, commits, recorded_at, chain, frontier, accounts FROM head{lock}"  # noqa: S608
        changes = ", ".join(f"{name} = {mark}" for name in Head._fields)
        self._move_text = f"UPDATE head SET {changes}"  # noqa: S608

    @contextmanager
    def transaction(self) -> Iterator[tuple[Connection, Head]]:
        """Hold the head row: nobody else appends until the block ends."""
        with self.database.write() as connection:
            yield connection, self.locked_head(connection)

    def locked_head(self, connection: Connection) -> Head:
        """The head row, locked until the transaction ends."""
        return Head(*connection.exec_driver_sql(self._head_text).one())

    def _insert_events(
        self, connection: Connection, stored_events: Sequence[es.StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        head = self.locked_head(connection)
        now = max(time.now(), head.recorded_at)
        events = [(str(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events]
        self.append(connection, head, events, now)
        return list(range(head.position + 1, head.position + 1 + len(stored_events)))

    def append(
        self,
        connection: Connection,
        head: Head,
        events: Iterable[tuple[str, int, str, bytes]],
        recorded_at: int,
        books: Books = NO_BOOKS,
    ) -> Head:
        """Append events and all that belongs to them behind `head`; the caller holds the head row.

        `events` are stream, version, topic and state. `recorded_at` in UTC microseconds is never before the
        head's. Answers the new head.
        """
        rows = [
            (position, *event, proofs.leaf_hash(codec.leaf_bytes(position, *event)))
            for position, event in enumerate(events, head.position + 1)
        ]
        position = head.position + len(rows)
        frontier = proofs.Frontier(head.position, head.frontier)
        frontier.extend(row[5] for row in rows)
        number, root, digest = head.commits + 1, frontier.root(), keys_digest(books.keys)
        chain = proofs.chain_hash(head.chain, number, position, recorded_at, root, digest)
        new = Head(position, number, recorded_at, chain, frontier.pack(), books.last_account or head.accounts)
        self._insert(connection, rows)
        self._insert_transfers(connection, books.transfers)
        self._put_accounts(connection, books.accounts)
        self._put_uses(connection, books.uses)
        self._insert_keys(connection, [(*key, number) for key in books.keys])
        self._insert_commits(connection, [(number, position, recorded_at, root, digest, chain)])
        connection.exec_driver_sql(self._move_text, tuple(new))
        return new

    def create_table(self) -> None:
        """Create the ledger's tables and its empty head; migrations do the same step by step."""
        with errors(), self.database.write() as connection:
            schema.metadata.create_all(connection)
            if connection.execute(select(schema.head)).first() is None:
                connection.execute(schema.head.insert().values(id=1, **first_head()._asdict()))


def first_head() -> Head:
    """The head of an empty ledger."""
    return Head(0, 0, 0, b"\x00" * proofs.HASH_SIZE, b"", 0)


def book_rows(drafts: Sequence[Draft], known: Known, keys: Sequence[Key]) -> Books:
    """The rows that some accepted drafts amount to, each row once."""
    numbers = known.accounts
    transfers = [_transfer_row(posted, numbers) for draft in drafts for posted in draft.posted]
    touched = dict.fromkeys(key for draft in drafts for key in draft.accounts)
    accounts = [
        (numbers[key].number, key[0], key[1], kind_of(key[0]).guarded, numbers[key].balance)
        for key in touched
    ]
    uses: dict[str, tuple[int, int]] = {}
    for draft in drafts:
        uses.update(draft.uses)
    used = [(subject, *use) for subject, use in uses.items()]
    return Books(transfers, accounts, used, keys, known.last_account)


def _transfer_row(posted: Posted, numbers: dict[tuple[str, str], Account]) -> tuple[Any, ...]:
    transfer = posted.transfer
    return (
        posted.position,
        posted.number,
        numbers[transfer.debit, transfer.currency].number,
        numbers[transfer.credit, transfer.currency].number,
        transfer.amount,
        posted.effective_at,
        posted.debit_balance,
        posted.credit_balance,
    )


class DatabaseLoader:
    """The past as the database has it, read inside the writer's transaction."""

    def __init__(self, database: Database, mapper: FactMapper) -> None:
        """Prepare the few statements of the hot path."""
        self._mapper = mapper
        self._streams = Lookup(
            database, COLUMNS, "facts", "originator_id", "originator_id, originator_version"
        )
        self._facts = Lookup(database, COLUMNS, "facts", "position")
        self._accounts = Lookup(database, "number, name, currency, balance", "accounts", "name")
        self._uses = Lookup(database, "subject, used, allowed", "uses", "subject")
        self._keys = Lookup(database, "key, digest, first_position, facts", "idempotency_keys", "key")
        self.connection: Connection | None = None

    @property
    def _connected(self) -> Connection:
        assert self.connection is not None  # noqa: S101 - set by the writer before it decides
        return self.connection

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """All facts of these streams in order."""
        found: dict[str, list[Recorded]] = {name: [] for name in names}
        for recorded in self._mapper.recorded(self._streams(self._connected, names)):
            found[recorded.stream].append(recorded)
        return found

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:
        """The accounts of these names in every currency they have."""
        rows = self._accounts(self._connected, names)
        return {(row[1], row[2]): Account(row[0], row[3]) for row in rows}

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Used and allowed of the subjects that have been used."""
        return {row[0]: (row[1], row[2]) for row in self._uses(self._connected, subjects)}

    def fact(self, position: int) -> Recorded | None:
        """The fact at a position."""
        found = self._mapper.recorded(self._facts(self._connected, (position,)))
        return found[0] if found else None

    def keys(self, keys: Sequence[str]) -> dict[str, Key]:
        """The idempotency keys among these that are known."""
        return {row[0]: Key(*row) for row in self._keys(self._connected, keys)}

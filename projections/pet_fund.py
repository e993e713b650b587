"""The pet fund: what came into it from where, what it was spent on, what is held for it, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from eventsourcing.persistence import Notification
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, func, select

from ledger import postings, time
from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier, replay
from ledger.decisions.funding import ACCOUNT, FUND, RANKS, Due
from ledger.events.base import Fact, Recorded
from ledger.events.claim import FundingShortfallRecorded
from ledger.postings import POSTINGS, Mirror, Pour
from ledger.store.database import Database
from ledger.store.log import FactMapper
from ledger.store.schema import accounts, facts, transfers
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of

TABLE = Table(
    "p_pet_fund_v1",
    tables,
    Column("kind", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("fact", Text, primary_key=True),
    Column("came", BigInteger, nullable=False),
    Column("went", BigInteger, nullable=False),
    Column("facts", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What facts of a type moved into and out of one kind of account on a local day, minor units."""

KINDS = (ACCOUNT, "pet_fund_reserved", "penalty_held", "fund_recourse_claim")
"""The fund, what is reserved of it, the fines that are not decided yet, and what it holds against shops."""

SOURCES = {
    "fine-released": "fines",
    "pet-fund-contributed": "contributions",
    "recourse-recovered": "recourse",
    "compensation-forfeited": "forfeited",
    "compensation-cancelled": "cancelled_claims",
    "compensation-recovered": "recovered_from_buyers",
    "batch-closed": "unused_batches",
}
"""Names of what comes into the fund, by the fact that brings it."""
USES = {
    "claim-funded": "claims",
    "batch-approved": "batches",
    "batch-funded": "batches",
    "penalty-overturned": "returned_fines",
    "penalty-varied": "returned_fines",
}
"""Names of what it is spent on."""

Key = tuple[str, str, int, str]
By = Literal["day", "month"]
Names = dict[str, int]


class Flow(NamedTuple):
    """A row of the table."""

    kind: str
    currency: str
    day: int
    fact: str
    came: int
    went: int
    facts: int


def named(fact: str, *, came: bool) -> str:
    """What a flow is called: `fines` for what released fines brought, else after its fact."""
    return (SOURCES if came else USES).get(fact, fact.replace("-", "_"))


def facts_behind(name: str, *, came: bool) -> tuple[str, ...]:
    """The types of facts behind a name of `named`."""
    known = tuple(fact for fact, source in (SOURCES if came else USES).items() if source == name)
    return known or (name.replace("_", "-"),)


def _accounts(rows: Iterable[Any]) -> set[str]:
    """The kinds of accounts that posting rows name."""
    found = set()
    for row in rows:
        match row:
            case Pour(bearers, receivers):
                found |= {account for account, _ in (*bearers, *receivers)}
            case Mirror():
                found |= set(KINDS)
            case _:
                found |= {row.debit, row.credit}
    return {account.partition(":")[0] for account in found}


_FACTS: frozenset[type[Fact]] = frozenset(
    fact for fact, rows in POSTINGS.items() if _accounts(rows) & set(KINDS)
)


def _moved(recorded: Recorded) -> dict[tuple[str, str], tuple[int, int]]:
    """What a fact brings to and takes from each kind of account, by currency."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for transfer in postings.transfers(recorded.fact, identifier(recorded.stream)):
        for account, came in ((transfer.credit, True), (transfer.debit, False)):
            kind = account.partition(":")[0]
            if kind in KINDS:
                key = kind, transfer.currency
                before = found.get(key, (0, 0))
                amount = transfer.amount
                found[key] = (before[0] + amount, before[1]) if came else (before[0], before[1] + amount)
    return found


def touches(recorded: Recorded) -> list[Key]:
    """Each kind of account that the fact moves, on its local day."""
    envelope = recorded.envelope
    day = time.local_day(envelope.effective_at, envelope.offset)
    return [(*key, day, recorded.fact.TOPIC) for key in _moved(recorded)]


def fold(row: Flow | None, recorded: Recorded, key: Key) -> Flow:
    """The day after one more fact."""
    came, went = _moved(recorded)[key[:2]]
    before = row or Flow(*key, 0, 0, 0)
    return Flow(*key, before.came + came, before.went + went, before.facts + 1)


PET_FUND = Projection("pet_fund", 1, TABLE, _FACTS, touches, fold, Flow._make)
MODELS = ("pet_fund", "fund_dues")
"""The read models that a view of the fund needs."""


DUES_TABLE = Table(
    "p_fund_dues_v1",
    tables,
    Column("claim", Text, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("shop", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("payers", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What stays due of each upheld claim and approved batch, minor units; `payers` apart by blanks."""


def _due_of(recorded: Recorded) -> list[str]:
    """The claim that waits, or has what it waited for."""
    return [recorded.fact.claim]  # type: ignore[attr-defined] # all facts of the model have it


def _fold_due(_row: Due | None, recorded: Recorded, key: str) -> Due | None:
    """What stays due of a claim after one more fact; what is settled has no row."""
    fact = recorded.fact
    assert isinstance(fact, FundingShortfallRecorded)  # noqa: S101 - the engine brings no other facts
    if not fact.due:
        return None
    return Due(RANKS[fact.basis], fact.decided_at, key, fact.shop, fact.currency, fact.due, fact.payers)


def _load_due(row: Sequence[Any]) -> Due:
    claim, rank, decided_at, shop, currency, amount, payers = row
    return Due(rank, decided_at, claim, shop, currency, amount, tuple(payers.split()))


def _dump_due(_key: str, due: Due) -> tuple[Any, ...]:
    return (
        due.claim, due.rank, due.decided_at, due.shop, due.currency, due.amount, " ".join(due.payers)
    )  # fmt: skip


FUND_DUES = Projection(
    "fund_dues",
    1,
    DUES_TABLE,
    frozenset({FundingShortfallRecorded}),
    _due_of,
    _fold_due,
    _load_due,
    _dump_due,
)


def dues(database: Database, currency: str = "CNY", clocks: Clocks = NOW) -> list[Due]:
    """What upheld claims and approved batches wait for, in the order in which it will be paid."""
    with database.snapshot() as connection:
        if clocks == NOW:
            reached(connection, FUND_DUES)
            rows = connection.execute(select(DUES_TABLE).where(DUES_TABLE.c.currency == currency)).all()
            return sorted(map(_load_due, rows))
        told = facts_of(connection, database, (FUND,), clocks)
    return [due for due in replay(FUND, told).dues if due.currency == currency]


class FundView(NamedTuple):
    """The fund in one currency, minor units.

    `available` is free, `reserved` belongs to approved batches, `held` are fines that are not decided for
    good, `recourse` is what the fund holds against shops, `due` what upheld claims and batches still wait
    for. What came in less what went out is what is available.
    """

    currency: str
    available: int
    reserved: int
    held: int
    recourse: int
    due: int
    came: Names
    went: Names


def fund_view(database: Database, currency: str = "CNY", clocks: Clocks = NOW) -> FundView:
    """The fund now, or on both clocks; raises ProjectionBehind where the read model is not built."""
    with database.snapshot() as connection:
        flows = _flows(connection, currency) if clocks == NOW else _flows_then(connection, currency, clocks)
    due = sum(due.amount for due in dues(database, currency, clocks))
    balances = dict.fromkeys(KINDS, 0)
    for kind, _, came, went in flows:
        balances[kind] += came - went
    names = _named([(fact, came, went) for kind, fact, came, went in flows if kind == ACCOUNT])
    available, reserved, held, recourse = (balances[kind] for kind in KINDS)
    return FundView(currency, available, reserved, held, recourse, due, *names)


def _named(flows: Iterable[tuple[str, int, int]]) -> tuple[Names, Names]:
    """What came and what went, by name."""
    came: Names = {}
    went: Names = {}
    for fact, in_, out in sorted(flows):
        for names, amount, direction in ((came, in_, True), (went, out, False)):
            if amount:
                name = named(fact, came=direction)
                names[name] = names.get(name, 0) + amount
    return came, went


def _flows(connection: Connection, currency: str) -> list[tuple[str, str, int, int]]:
    """Kind, fact, what came and what went, from the read model."""
    reached(connection, PET_FUND)
    columns = TABLE.c
    query = (
        select(columns.kind, columns.fact, func.sum(columns.came), func.sum(columns.went))
        .where(columns.currency == currency)
        .group_by(columns.kind, columns.fact)
    )
    return [(kind, fact, int(came), int(went)) for kind, fact, came, went in connection.execute(query)]


def _flows_then(connection: Connection, currency: str, clocks: Clocks) -> list[tuple[str, str, int, int]]:
    """The same from the transfers themselves, on both clocks."""
    found: list[tuple[str, str, int, int]] = []
    for side, came in ((transfers.c.credit, True), (transfers.c.debit, False)):
        for kind in KINDS:
            query = (
                select(facts.c.topic, func.sum(transfers.c.amount))
                .join(accounts, accounts.c.number == side)
                .join(facts, facts.c.position == transfers.c.position)
                .where(_of(kind), accounts.c.currency == currency, clocks.condition())
                .group_by(facts.c.topic)
            )
            for topic, amount in connection.execute(query):
                found.append((kind, topic, int(amount), 0) if came else (kind, topic, 0, int(amount)))
    return found


def _of(kind: str) -> Any:  # noqa: ANN401 - a condition of SQL
    """The accounts of a kind; those of parties lie between its name with a colon and with what follows it."""
    if kind == ACCOUNT:
        return accounts.c.name == kind
    return accounts.c.name.startswith(f"{kind}:", autoescape=True)


def holders(
    database: Database, kind: str, currency: str = "CNY", clocks: Clocks = NOW
) -> list[tuple[str, int]]:
    """Who makes up the balance of a kind of account in KINDS: incidents, penalties or shops, largest first.

    Balances are minor units.
    """
    net: dict[str, int] = {}
    with database.snapshot() as connection:
        for side, sign in ((transfers.c.credit, 1), (transfers.c.debit, -1)):
            query = (
                select(accounts.c.name, func.sum(transfers.c.amount))
                .join(accounts, accounts.c.number == side)
                .where(_of(kind), accounts.c.currency == currency, clocks.condition())
                .group_by(accounts.c.name)
            )
            for name, amount in connection.execute(query):
                party = name.partition(":")[2]
                net[party] = net.get(party, 0) + sign * int(amount)
    held = [(party, balance) for party, balance in net.items() if balance]
    return sorted(held, key=lambda row: (-row[1], row[0]))


class Movement(NamedTuple):
    """What one fact brought to the fund or took from it, minor units."""

    recorded: Recorded
    amount: int


def movements(  # noqa: PLR0913 - a name has a direction, a page a length
    database: Database,
    name: str,
    *,
    came: bool,
    currency: str = "CNY",
    clocks: Clocks = NOW,
    limit: int = 100,
) -> list[Movement]:
    """The latest facts behind a name of `came` or `went`, newest first."""
    side = transfers.c.credit if came else transfers.c.debit
    query = (
        select(
            facts.c.originator_id,
            facts.c.originator_version,
            facts.c.topic,
            facts.c.state,
            transfers.c.position,
            transfers.c.amount,
        )
        .join(accounts, accounts.c.number == side)
        .join(facts, facts.c.position == transfers.c.position)
        .where(accounts.c.name == ACCOUNT, accounts.c.currency == currency, clocks.condition())
        .where(facts.c.topic.in_(facts_behind(name, came=came)))
        .order_by(transfers.c.position.desc(), transfers.c.number)
        .limit(limit)
    )
    mapper = FactMapper()
    with database.snapshot() as connection:
        rows = connection.execute(query).all()
    return [Movement(mapper.to_domain_event(Notification(*row[:5])), row.amount) for row in rows]


class Day(NamedTuple):
    """What the fund had before a day or month, what came and went, and what it had then; minor units."""

    name: str
    opening: int
    came: int
    went: int
    closing: int


class RollForward(NamedTuple):
    """The fund through time in one currency: `came` and `went` by name over all the rows."""

    currency: str
    rows: list[Day]
    opening: int
    came: Names
    went: Names
    closing: int


def roll_forward(
    database: Database,
    by: By = "month",
    *,
    first_day: int | None = None,
    last_day: int | None = None,
    currency: str = "CNY",
) -> RollForward:
    """How the free money of the fund moved; days are local day numbers, both included.

    A period without a movement has no row.
    """
    columns = TABLE.c
    query = (
        select(columns.day, columns.fact, columns.came, columns.went)
        .where(columns.kind == ACCOUNT, columns.currency == currency)
        .order_by(columns.day, columns.fact)
    )
    with database.snapshot() as connection:
        reached(connection, PET_FUND)
        flows = connection.execute(query).all()
    if last_day is not None:
        flows = [flow for flow in flows if flow.day <= last_day]
    before = [flow for flow in flows if first_day is not None and flow.day < first_day]
    flows = flows[len(before) :]
    opening = sum(flow.came - flow.went for flow in before)
    names = _named([(flow.fact, flow.came, flow.went) for flow in flows])
    rows = _rows(flows, by, opening)
    return RollForward(currency, rows, opening, *names, rows[-1].closing if rows else opening)


def _rows(flows: Sequence[Any], by: By, balance: int) -> list[Day]:
    """One row a day or month, each beginning where the one before it ended."""
    length = len("2011-01-01") if by == "day" else len("2011-01")
    sums: dict[str, tuple[int, int]] = {}
    for flow in flows:
        name = time.day_text(flow.day)[:length]
        came, went = sums.get(name, (0, 0))
        sums[name] = came + flow.came, went + flow.went
    rows = []
    for name, (came, went) in sums.items():
        rows.append(Day(name, balance, came, went, balance + came - went))
        balance = rows[-1].closing
    return rows

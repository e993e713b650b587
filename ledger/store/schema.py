"""The tables: facts, commits and the head; idempotency keys; transfers, accounts and uses.

One schema for SQLite and PostgreSQL. Whole tables of other applications are made by the same functions.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData()
"""Everything that migrations know: the log and the books."""

Key = BigInteger().with_variant(Integer, "sqlite")
"""A primary key of 64 bits; on SQLite the row number itself."""


def sequence_table(
    name: str, owner: MetaData, id_type: Literal["uuid", "text"], *extra: Column[bytes]
) -> Table:
    """A log with global positions: an application sequence, in it each aggregate a sequence of its own."""
    return Table(
        name,
        owner,
        Column("position", Key, primary_key=True, autoincrement=False),
        Column("originator_id", Uuid() if id_type == "uuid" else Text(), nullable=False),
        Column("originator_version", BigInteger, nullable=False),
        Column("topic", Text, nullable=False),
        Column("state", LargeBinary, nullable=False),
        *extra,
        UniqueConstraint("originator_id", "originator_version", name=f"{name}_stream"),
    )


def head_table(name: str, owner: MetaData, *extra: Column[int] | Column[bytes]) -> Table:
    """The single row that orders all appends to a log: whoever holds it, writes."""
    return Table(
        name,
        owner,
        Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        Column("position", BigInteger, nullable=False),
        *extra,
    )


def aggregate_table(name: str, owner: MetaData, id_type: Literal["uuid", "text"]) -> Table:
    """Aggregate sequences without an application sequence, such as snapshots."""
    return Table(
        name,
        owner,
        Column("originator_id", Uuid() if id_type == "uuid" else Text(), primary_key=True),
        Column("originator_version", BigInteger, primary_key=True, autoincrement=False),
        Column("topic", Text, nullable=False),
        Column("state", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def tracking_table(name: str, owner: MetaData) -> Table:
    """How far each upstream application has been processed: one row an application."""
    return Table(
        name,
        owner,
        Column("application_name", Text, primary_key=True),
        Column("notification_id", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


facts = sequence_table("facts", metadata, "text", Column("leaf", LargeBinary, nullable=False))

head = head_table(
    "head",
    metadata,
    Column("commits", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("accounts", BigInteger, nullable=False),
)

commits = Table(
    "commits",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Index("commits_position", "position"),
    Index("commits_recorded_at", "recorded_at"),
)
"""One row a commit: the last position, when, the tree's root, the digest of its keys, the link."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("facts", Integer, nullable=False),
    Column("commit_number", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Kept for ever: the request's digest and where its facts stand (`facts` from `first_position` on)."""

accounts = Table(
    "accounts",
    metadata,
    Column("number", Key, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("guarded", Boolean(create_constraint=False), nullable=False),
    Column("balance", BigInteger, nullable=False),
    UniqueConstraint("name", "currency", name="accounts_name"),
    CheckConstraint("NOT guarded OR balance >= 0", name="accounts_guard"),
)
"""Natural balances in minor units; a guarded account is never below zero."""

transfers = Table(
    "transfers",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("debit", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="transfers_amount"), nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("debit_balance", BigInteger, nullable=False),
    Column("credit_balance", BigInteger, nullable=False),
    Index("transfers_debit", "debit", "position", "number"),
    Index("transfers_credit", "credit", "position", "number"),
    sqlite_with_rowid=False,
)
"""Debit and credit are account numbers; the balances are those after the transfer."""

uses = Table(
    "uses",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
    Column("allowed", BigInteger, nullable=False),
    CheckConstraint("used >= 0 AND used <= allowed", name="uses_guard"),
    sqlite_with_rowid=False,
)
"""What may be used only so far: a row from the first use on."""

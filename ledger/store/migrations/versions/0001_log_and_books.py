"""The log and the books: facts, commits, head, keys, accounts, transfers, uses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables and the head of an empty ledger."""
    _log()
    _books()


def _log() -> None:
    op.create_table(
        "facts",
        sa.Column("position", _KEY, primary_key=True, autoincrement=False),
        sa.Column("originator_id", sa.Text, nullable=False),
        sa.Column("originator_version", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("originator_id", "originator_version", name="facts_stream"),
    )
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("commits", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.LargeBinary, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("accounts", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "commits",
        sa.Column("number", _KEY, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("keys", sa.LargeBinary, nullable=False),
        sa.Column("chain", sa.LargeBinary, nullable=False),
    )
    op.create_index("commits_position", "commits", ["position"])
    op.create_index("commits_recorded_at", "commits", ["recorded_at"])
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("first_position", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Integer, nullable=False),
        sa.Column("commit_number", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    zero = b"\x00" * 32
    first = {
        "id": 1,
        "position": 0,
        "commits": 0,
        "recorded_at": 0,
        "chain": zero,
        "frontier": b"",
        "accounts": 0,
    }
    op.bulk_insert(head, [first])


def _books() -> None:
    op.create_table(
        "accounts",
        sa.Column("number", _KEY, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("guarded", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name", "currency", name="accounts_name"),
        sa.CheckConstraint("NOT guarded OR balance >= 0", name="accounts_guard"),
    )
    op.create_table(
        "transfers",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("debit", sa.BigInteger, nullable=False),
        sa.Column("credit", sa.BigInteger, nullable=False),
        sa.Column(
            "amount", sa.BigInteger, sa.CheckConstraint("amount > 0", name="transfers_amount"), nullable=False
        ),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("debit_balance", sa.BigInteger, nullable=False),
        sa.Column("credit_balance", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("transfers_debit", "transfers", ["debit", "position", "number"])
    op.create_index("transfers_credit", "transfers", ["credit", "position", "number"])
    op.create_table(
        "uses",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("allowed", sa.BigInteger, nullable=False),
        sa.CheckConstraint("used >= 0 AND used <= allowed", name="uses_guard"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("uses", "transfers", "accounts", "idempotency_keys", "commits", "head", "facts"):
        op.drop_table(table)

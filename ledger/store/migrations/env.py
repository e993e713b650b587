"""What Alembic runs: the steps on the connection the ledger hands over, or on ASSURANCE_DATABASE_URL."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from ledger.store.database import Database
from ledger.store.schema import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    _run(handed)
else:
    database = Database(os.environ.get("ASSURANCE_DATABASE_URL", "sqlite:///assurance.db"))
    with database.write() as connection:
        _run(connection)
    database.close()

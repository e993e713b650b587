"""Bringing a database to the present schema."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from ledger.store.database import Database, storage_errors

_LOCK = 0x61_73_73_75  # An arbitrary number that processes migrating at once agree on.
_ALEMBIC = threading.Lock()  # Alembic keeps the migration it is at in a global of the process.


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def revisions(database: Database) -> tuple[str | None, str | None]:
    """The schema's present revision (None for an empty database) and the newest there is."""
    with storage_errors(), database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(_config()).get_current_head()


def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the schema up to date, one process at a time; answers the revisions before and after."""
    before, newest = revisions(database)
    if before != newest:
        config = _config()
        with _ALEMBIC, storage_errors(), database.write() as connection:
            if not database.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return before, newest

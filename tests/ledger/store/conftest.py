"""A migrated database, and a writer on it."""

import pytest

from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.writer import Writer


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def writer(database: Database):
    writer = Writer(database)
    yield writer
    writer.close()

"""A ledger to import into, on either store."""

from collections.abc import Iterator

import pytest

from tests.api.importers.ledgers import Ledger


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with Ledger(database_url) as opened:
        yield opened

"""The cases with the right answer, told to the real writer on both databases and proved afterwards."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from ledger import books, catalogue, time
from ledger.decisions.base import Request
from ledger.errors import LedgerError
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.verify import verify
from ledger.writer import Writer
from tests.cases import CASES, Do, Step

FIRST = datetime.fromisoformat("2021-05-01T00:00:00+08:00")


def moments(steps: Sequence[Step]) -> Iterator[tuple[Step, datetime]]:
    """Each step with its time."""
    at = FIRST
    for step in steps:
        if isinstance(step, Do):
            at = time.parse(step.at) if step.at else at + timedelta(hours=1)
        yield step, at


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_case(database: Database, steps: Sequence[Step]):
    writer = Writer(database)
    for step, at in moments(steps):
        if not isinstance(step, Do):
            books_ = books.trial_balance(database)["currencies"].get("CNY", {"accounts": ()})
            found = {line["account"]: line["balance"] for line in books_["accounts"]}
            assert {account: found.get(account, 0) for account in step.balances} == step.balances
            continue
        kind = catalogue.command_type(step.name)
        command = msgspec.convert({**step.fields, "id": step.id, "at": at}, kind)
        (answer,) = writer.execute_many([Request(command=command, key=step.key, actor="tests")])
        code = answer.code if isinstance(answer, LedgerError) else ""
        assert code == step.code, (step, answer)
    report = verify(database)
    writer.close()
    assert report.ok, [check for check in report.checks if not check.ok]

"""Towns made up from seeds: the index of every shop on many days, against SQL over the facts, on both clocks."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from datetime import UTC, date, datetime
from importlib import resources

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from api.settings import PREFIX
from ledger import codec, formulas, time
from ledger.errors import LedgerError
from tests.api.importers.ledgers import Ledger
from tests.reputation.figures import came_back, compare, explained, script
from tests.reputation.town import SHOPS, season

# The second version of the formula begins on 2022-04-08; in July refunds are all that is left.
DAYS = [
    date(2022, 3, 1),
    date(2022, 4, 7),
    date(2022, 4, 8),
    date(2022, 5, 1),
    date(2022, 5, 16),
    date(2022, 7, 5),
]

FORMULA = tomllib.loads(
    resources.files(formulas).joinpath("repeat-customer-1.toml").read_text(encoding="utf-8")
)

WANTED = {
    "order-amended",
    "order-voided",
    "order-cancelled",
    "review-submitted",
    "worth-vote-cast",
    "refund-requested",
    "refund-refused",
    "refund-completed",
    "correction-recorded",
    "penalty-imposed",
    "penalty-overturned",
    "appeal-denied",
}
"""Facts that a town must have brought for the comparison to say much."""

Fact = tuple[int, str, str, int, int, str]
"""Position, stream, topic, effective time in UTC microseconds, offset in minutes, and what it says as JSON."""


def settled(ledger: Ledger, seed: int, orders: int) -> list[Fact]:
    """The facts of a town, read back from the ledger that recorded them."""
    requests = season(seed, orders)
    for begin in range(0, len(requests), 500):
        answers = ledger.writer.execute_many(requests[begin : begin + 500])
        assert not [answer for answer in answers if isinstance(answer, LedgerError)]
    return [
        (position, stream, fact.TOPIC, envelope.effective_at, envelope.offset, json.dumps(codec.plain(fact)))
        for position, stream, _, envelope, fact in ledger.log()
    ]


def counted(facts: list[Fact]) -> DuckDBPyConnection:
    """What facts say, as tables for the SQL of the index."""
    connection = duckdb.connect()
    connection.execute(
        """
        CREATE TEMP TABLE facts AS SELECT
            unnest(?::BIGINT[]) AS position, unnest(?::VARCHAR[]) AS stream, unnest(?::VARCHAR[]) AS topic,
            unnest(?::BIGINT[]) AS effective_at, unnest(?::BIGINT[]) AS minutes, unnest(?::JSON[]) AS body
        """,
        [list(column) for column in zip(*facts, strict=True)],
    )
    connection.execute("SET VARIABLE reasons = ?", [FORMULA["quality_reasons"]])
    connection.execute("SET VARIABLE endings = ?", [FORMULA["quality_endings"]])
    script(connection, "facts")
    return connection


def labels(facts: list[Fact], *clocks: object) -> Counter[str]:
    """Hold index and repurchase by some clocks against the SQL over the facts that these have seen.

    Answers how many shops have which label, on all days together.
    """
    with counted(facts) as connection:
        connection.execute(
            """
            CREATE TEMP TABLE bought AS
            SELECT buyer, shop, DATE '1970-01-01' + day::INT AS day FROM orders
            WHERE day IS NOT NULL AND NOT voided AND NOT cancelled
            """
        )
        script(connection, "repurchase")
        came_back(connection, [2022], *clocks)
        return compare(connection, DAYS, *clocks)


@pytest.mark.parametrize(
    "seed",
    [pytest.param(4, marks=pytest.mark.slow), *(pytest.param(n, marks=pytest.mark.long) for n in (6, 7))],
)
def test_every_index_on_both_clocks(seed: int, sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", sqlite_url)
    with Ledger(sqlite_url) as ledger:
        facts = settled(ledger, seed, 2_400)
    assert {topic for _, _, topic, *_ in facts} > WANTED

    found = labels(facts)

    assert min(found[label] for label in ("leading", "above_average", "on_par", "behind")) > 0
    middle = len(facts) * 2 // 3
    moment = datetime(2022, 4, 20, 3, tzinfo=UTC)
    until = time.micros(moment)
    assert labels(facts[:middle], "--as-at", middle) != found
    effective = [fact for fact in facts if fact[3] <= until]
    assert labels(effective, "--as-of", moment.isoformat()) != found
    both = [fact for fact in facts[:middle] if fact[3] <= until]
    assert labels(both, "--as-of", moment.isoformat(), "--as-at", middle) != found


def test_the_same_on_either_store(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", database_url)
    with Ledger(database_url) as ledger:
        facts = settled(ledger, 3, 700)

    assert labels(facts)["insufficient"] > 0


@pytest.mark.slow
def test_what_explains_every_index(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", sqlite_url)
    with Ledger(sqlite_url) as ledger:
        facts = settled(ledger, 7, 1_200)

    with counted(facts) as connection:
        assert explained(connection, date(2022, 5, 1)) == len(SHOPS)

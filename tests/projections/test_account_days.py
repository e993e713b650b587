"""The days of an account add up to what its transfers say, as of any moment."""

import random

import pytest
from sqlalchemy import func, select

from ledger import books, time
from ledger.books import Clocks
from ledger.postings import kind_of
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.store.schema import accounts, transfers
from projections.account_days import ACCOUNT_DAYS, TABLE, as_of_balance, balances, kept
from projections.engine import Engine
from tests.projections.story import busy, day, write


@pytest.fixture
def database(database_url: str):
    database = Database(database_url)
    yield database
    database.close()


@pytest.mark.parametrize("behind", [False, True])
def test_a_balance_as_of_a_moment_is_the_sum_of_its_transfers(database: Database, behind: bool):
    requests = busy(11, 400)
    half = write(database, requests[:200])
    engine = Engine(database, (ACCOUNT_DAYS,))
    engine.catch_up(half)
    write(database, requests[200:])
    if not behind:
        engine.catch_up()
    chance = random.Random(3)
    moments = [time.micros(day(chance.randrange(-1, 42), chance.randrange(24))) for _ in range(4)]
    with database.read() as connection:
        known = connection.execute(select(accounts)).all()
        moments += [connection.execute(select(func.max(transfers.c.effective_at))).scalar_one()]
        asked = 0
        for account in known:
            for moment in moments:
                found = as_of_balance(connection, account.name, account.currency, moment)
                if kept(account.name):
                    asked += 1
                    assert found == summed(connection, account, moment), (account.name, moment)
                else:
                    assert found is None
    assert asked > 50


def summed(connection, account, moment: int) -> int:
    net = 0
    for side, sign in ((transfers.c.debit, 1), (transfers.c.credit, -1)):
        query = select(func.sum(transfers.c.amount)).where(
            side == account.number, transfers.c.effective_at <= moment
        )
        net += sign * int(connection.execute(query).scalar() or 0)
    return net if kind_of(account.name).debit_normal else -net


def test_no_days_before_the_first_fold_and_none_for_short_lives(database: Database):
    migrate(database)
    with database.read() as connection:
        assert as_of_balance(connection, "bank", "CNY", 0) is None
    Engine(database).catch_up()
    with database.read() as connection:
        assert as_of_balance(connection, "bank", "CNY", 0) == 0
        assert as_of_balance(connection, "order_escrow:p:1", "CNY", 0) is None


def test_days_hold_the_positions_of_their_transfers(database: Database):
    write(database, busy(12, 300))
    Engine(database, (ACCOUNT_DAYS,)).catch_up()
    with database.read() as connection:
        for row in connection.execute(select(TABLE).where(TABLE.c.account == "bank")).all():
            number = select(accounts.c.number).where(
                accounts.c.name == "bank", accounts.c.currency == row.currency
            )
            account = connection.execute(number).scalar_one()
            span = select(func.min(transfers.c.position), func.max(transfers.c.position)).where(
                (transfers.c.debit == account) | (transfers.c.credit == account),
                transfers.c.effective_at.between(
                    row.day * 86_400_000_000, (row.day + 1) * 86_400_000_000 - 1
                ),
            )
            assert tuple(connection.execute(span).one()) == (row.first_position, row.last_position)


def test_the_door_to_balances_agrees_with_the_books(database: Database):
    write(database, busy(13, 200))
    Engine(database, (ACCOUNT_DAYS,)).catch_up()
    with database.read() as connection:
        names = (
            connection.execute(select(accounts.c.name).order_by(accounts.c.number).limit(20)).scalars().all()
        )
    for name in names:
        for asked in (Clocks(), Clocks(time.micros(day(12))), Clocks(time.micros(day(12)), 150)):
            assert balances(database, name, asked) == books.balances(database, name, asked)

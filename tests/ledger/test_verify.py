"""Whatever is changed, moved or removed in a table that holds truth, verification names the row."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Table

from ledger.decisions.base import Request
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fulfilment import ConfirmReceipt, DispatchParcel
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, SettleOrder
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem, RequestRefund
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.errors import LedgerError
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.migrate import migrate
from ledger.verify import prove, verify
from ledger.writer import Writer

TABLES = [table.name for table in schema.metadata.sorted_tables]
COLUMNS = [(table.name, column.name) for table in schema.metadata.sorted_tables for column in table.columns]


def story(number: int) -> list[Request]:
    """An order with coupons from placing to settling, partly refunded on the way."""
    order = f"p:{number}"
    lines = (
        OrderLine(sku="cup", quantity=3, amount=10_000, platform_coupon=2_000),
        OrderLine(sku="plate", amount=5_000 + number),
    )
    commands = [
        OpenShop(id=f"s{number}"),
        PayDeposit(id=f"s{number}", amount=50_000),
        PlaceOrder(id=order, shop=f"s{number}", buyer="b", currency="CNY", lines=lines),
        PayOrder(id=order, cash=13_000 + number),
        RequestRefund(id=f"r{number}", order=order, items=(RefundItem(line=1, units=(2,)),)),
        ApproveRefund(id=f"r{number}"),
        CompleteRefund(id=f"r{number}"),
        DispatchParcel(id=order, waybill=f"w{number}"),
        ConfirmReceipt(id=order),
        SettleOrder(id=order, commission=700),
    ]
    return [Request(command=c, key=f"{c.NAME}/{c.id}", actor="test") for c in commands]


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    migrate(database)
    writer = Writer(database)
    for number in range(1, 4):
        requests = story(number)
        for batch in (requests[:4], requests[4:]):
            answers = writer.execute_many(batch)
            assert not any(isinstance(answer, LedgerError) for answer in answers), answers
    refunded = writer.execute(story(3)[6])  # Its first answer, for the key is known.
    correction = RecordCorrection(id=str(refunded.first_position), reason="booked twice")
    writer.execute(Request(command=correction, key="correct"))
    yield database
    writer.close()
    database.close()


def other(value: object, column: sa.Column[Any]) -> object:
    """A value of the same type that is not this one."""
    match value:
        case bool():
            return not value
        case int():
            return value - 1 if column.name == "used" else value + (1_000_000 if column.primary_key else 1)
        case str():
            return value + "x"
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
    raise AssertionError(value)


class Undo(Exception):
    """Takes a tampered transaction back."""


def failures(database: Database, tamper) -> set[str]:
    """The tables named by verification after `tamper`, or {"refused"} if the database would not have it."""
    named: set[str] = set()
    try:
        with database.write() as connection:
            try:
                tamper(connection)
            except sa.exc.IntegrityError:
                named.add("refused")
                raise Undo from None
            report = prove(database, connection)
            named |= {str(check.first_failure["table"]) for check in report.checks if check.first_failure}
            assert report.ok == (not named)
            raise Undo  # noqa: TRY301 - the way out of a transaction without keeping it
    except Undo:
        return named


def rows(connection: Connection, table: Table) -> list[sa.Row[Any]]:
    return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))


def same(table: Table, row) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == getattr(row, column.name) for column in table.primary_key.columns))


def test_an_untouched_ledger_verifies(database):
    report = verify(database)
    assert report.ok, report
    assert report.events == report.head == 32
    assert all(check.checked for check in report.checks), report


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{t}.{c}" for t, c in COLUMNS])
def test_a_changed_value_is_found(database, table, column):
    target = schema.metadata.tables[table]

    def change(at: int):
        def tamper(connection):
            row = rows(connection, target)[at]
            value = other(getattr(row, column), target.c[column])
            connection.execute(target.update().where(same(target, row)).values({column: value}))

        return tamper

    for at in (0, -1):
        assert failures(database, change(at)) & {table, "refused"}


@pytest.mark.parametrize("table", TABLES)
def test_a_removed_row_is_found(database, table):
    target = schema.metadata.tables[table]

    def remove(at: int):
        def tamper(connection):
            connection.execute(target.delete().where(same(target, rows(connection, target)[at])))

        return tamper

    with database.read() as connection:
        count = len(rows(connection, target))
    for at in range(count):
        assert table in failures(database, remove(at)), at


@pytest.mark.parametrize("table", [name for name in TABLES if name != "head"])
def test_a_swapped_pair_is_found(database, table):
    target = schema.metadata.tables[table]
    key = [column.name for column in target.primary_key.columns]

    def swap(connection):
        found = rows(connection, target)
        first, last = found[0]._asdict(), found[-1]._asdict()
        for row in (found[0], found[-1]):
            connection.execute(target.delete().where(same(target, row)))
        connection.execute(target.insert().values(first | {name: last[name] for name in key}))
        connection.execute(target.insert().values(last | {name: first[name] for name in key}))

    assert table in failures(database, swap)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "head"])
def test_an_added_row_is_found(database, table):
    target = schema.metadata.tables[table]

    def add(connection):
        row = rows(connection, target)[-1]._asdict()
        new = {key.name: other(row[key.name], key) for key in target.primary_key.columns}
        if table == "facts":
            new["originator_version"] = row["originator_version"] + 1
        if table == "accounts":
            new["name"] = "bank:x"
        connection.execute(target.insert().values(row | new))

    assert table in failures(database, add)


def test_facts_that_cannot_be_read_are_named(database):
    def tamper(connection):
        fifth = schema.facts.update().where(schema.facts.c.position == 5)
        connection.execute(fifth.values(topic="never-heard-of"))

    assert failures(database, tamper) >= {"facts"}


def test_verification_leaves_nothing_behind(database):
    before = verify(database)
    assert verify(database) == before
    with database.read() as connection:
        assert "verify_uses" not in sa.inspect(connection).get_table_names()

"""Every change of a read model or of its checkpoint that the log does not make is found, wherever it is."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, LargeBinary, Table, Text, delete, inspect, select, text, update

from ledger.store import schema
from ledger.store.database import Database
from ledger.verify import Check, verify
from projections.catalogue import PROJECTIONS
from projections.engine import Engine
from projections.store import checkpoints
from tests.projections.story import assured, busy, write

COLUMNS = [(projection, column) for projection in PROJECTIONS for column in projection.table.columns]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    write(database, [*busy(40, 250), *assured()])
    Engine(database).catch_up()
    yield database
    database.close()


def failures(database: Database, *statements: Any) -> list[Check]:
    """What the checks find after some statements, which are taken back."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0
        checks = list(Engine(database).check(connection))
        transaction.rollback()
    assert len(checks) == len(PROJECTIONS) + 1
    return [check for check in checks if not check.ok]


def other(column: Column[Any], value: Any) -> Any:
    """Another value of a column."""
    if value is None:
        return 1
    if isinstance(column.type, Text):
        return f"{value}x"
    return value + b"x" if isinstance(column.type, LargeBinary) else value + 1


def last_row(database: Database, table: Table) -> tuple[Any, Any]:
    """The row with the greatest key, and the condition that finds it."""
    keys = list(table.primary_key)
    with database.read() as connection:
        row = connection.execute(select(table).order_by(*(key.desc() for key in keys)).limit(1)).one()
    condition = None
    for key in keys:
        same = key == getattr(row, key.name)
        condition = same if condition is None else condition & same
    return row, condition


def test_nothing_is_found_where_nothing_was_changed(database: Database):
    assert failures(database) == []
    report = verify(database, Engine(database).check)
    assert report.ok
    names = [check.name for check in report.checks]
    mine = ["projections", *(f"projection {projection.name}" for projection in PROJECTIONS)]
    assert names[-len(mine) :] == mine
    assert all(check.checked > 0 for check in report.checks[-len(mine) :])


def test_every_column_of_every_model(database: Database):
    for projection, column in COLUMNS:
        table = projection.table
        row, condition = last_row(database, table)
        value = other(column, getattr(row, column.name))
        (found,) = failures(database, update(table).where(condition).values({column.name: value}))
        assert found.name == f"projection {projection.name}"
        failure = found.first_failure
        assert failure is not None
        assert failure["table"] == table.name
        if not column.primary_key:
            assert failure["row"] == {key.name: getattr(row, key.name) for key in table.primary_key}
            assert str(failure["reason"]).startswith(f"{column.name} is ")


def test_every_missing_and_every_added_row(database: Database):
    for projection in PROJECTIONS:
        table = projection.table
        row, condition = last_row(database, table)
        (found,) = failures(database, delete(table).where(condition))
        assert found.first_failure == {
            "table": table.name,
            "row": {key.name: getattr(row, key.name) for key in table.primary_key},
            "reason": "missing",
        }
        (found,) = failures(database, delete(table))
        assert found.first_failure is not None
        for first in ("", "zzz"):
            values = row._asdict() | {next(iter(table.primary_key)).name: first}
            (found,) = failures(database, table.insert().values(values))
            assert found.first_failure is not None
            assert found.first_failure["reason"] == "no fact stands for this row"


CHECKPOINTS: list[tuple[dict[str, Any], str]] = [
    ({"position": checkpoints.c.position - 1}, "the leaf is not that of position"),
    ({"position": checkpoints.c.position + 1}, "no fact stands at its position"),
    ({"position": 0}, "the leaf is not that of position 0"),
    ({"position": 0, "leaf": b""}, "no fact stands for this row"),
    ({"leaf": b"\x00" * 32}, "the leaf is not that of position"),
    ({"version": 9}, "version 9 is live, not "),
    ({"failed_position": 3}, "stopped at position 3"),
    ({"reason": "none"}, "stopped at position None: none"),
]


def test_every_column_of_a_checkpoint(database: Database):
    for changes, reason in CHECKPOINTS:
        for projection in PROJECTIONS:
            change = update(checkpoints).where(checkpoints.c.name == projection.name).values(changes)
            (found,) = failures(database, change)
            assert found.name == f"projection {projection.name}"
            assert found.first_failure is not None
            assert str(found.first_failure["reason"]).startswith(reason)


def test_a_checkpoint_moved_back_with_its_leaf_does_not_fit_the_rows(database: Database):
    leaf = select(schema.facts.c.leaf).where(schema.facts.c.position == 30).scalar_subquery()
    for projection in PROJECTIONS:
        at = checkpoints.c.name == projection.name
        (found,) = failures(database, update(checkpoints).where(at).values(position=30, leaf=leaf))
        assert found.name == f"projection {projection.name}"


def test_unknown_and_missing_checkpoints(database: Database):
    of_refunds = checkpoints.c.name == "refunds"
    found = failures(database, update(checkpoints).where(of_refunds).values(name="refundz"))
    assert [check.name for check in found] == ["projections", "projection refunds"]
    assert found[0].first_failure == {
        "table": "projection_checkpoints",
        "row": {"name": "refundz"},
        "reason": "there is no such projection",
    }
    (missing,) = failures(database, delete(checkpoints).where(of_refunds))
    assert missing.first_failure is not None
    assert missing.first_failure["reason"] == "no fact stands for this row"
    (gone,) = failures(database, text("DROP TABLE p_refunds_v1"))
    assert gone.first_failure is not None
    assert gone.first_failure["reason"] == "the table is missing"


def test_a_fact_that_cannot_be_read_is_named_by_every_model(database: Database):
    spoiled = update(schema.facts).where(schema.facts.c.position == 20).values(state=b"\x01")
    found = failures(database, spoiled)
    assert len(found) == len(PROJECTIONS)
    for check in found:
        assert check.first_failure is not None
        assert (check.first_failure["table"], check.first_failure["row"]) == ("facts", {"position": 20})


def test_a_ledger_without_models_has_nothing_to_prove(sqlite_url: str):
    database = Database(sqlite_url)
    write(database, busy(41, 20))
    with database.snapshot() as connection:
        assert "projection_checkpoints" not in inspect(connection).get_table_names()
        checks = list(Engine(database).check(connection))
    assert all(check.ok and not check.checked for check in checks)
    database.close()

"""The few requests that the tests of the writer send, and how the store is looked at afterwards."""

from typing import Any

from sqlalchemy import func, select

from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import Request
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RequestRefund
from ledger.store import schema
from ledger.store.database import Database
from ledger.verify import verify

PRICE = 10_000
LINES = (OrderLine(sku="tea", quantity=2, amount=PRICE),)


def place(order: str) -> Request:
    """One fact, no transfers."""
    command = PlaceOrder(id=order, shop="s1", buyer="b1", currency="CNY", lines=LINES)
    return Request(command=command, key=f"place/{order}")


def pay(order: str, cash: int = PRICE) -> Request:
    """One fact and one transfer."""
    return Request(command=PayOrder(id=order, cash=cash), key=f"pay/{order}")


def record(order: str) -> Request:
    """Three facts and three transfers: placed, paid and settled."""
    command = RecordOrder(
        id=order,
        shop="s1",
        host="h1",
        buyer="b1",
        currency="CNY",
        lines=LINES,
        settled=True,
        commission=500,
        host_share=300,
    )
    return Request(command=command, key=f"record/{order}")


def refund(order: str, name: str) -> list[Request]:
    """Ask for all that was paid, and approve: what is left to do is to complete it."""
    return [Request(command=RequestRefund(id=name, order=order)), Request(command=ApproveRefund(id=name))]


def complete(name: str) -> Request:
    """Give the money of a refund back."""
    return Request(command=CompleteRefund(id=name), key=f"complete/{name}")


def counts(database: Database) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    with database.snapshot() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def streams(database: Database) -> list[str]:
    """The stream of each fact, in order of position."""
    with database.read() as connection:
        return list(
            connection.scalars(select(schema.facts.c.originator_id).order_by(schema.facts.c.position))
        )


def balances(database: Database) -> dict[str, int]:
    """The natural balance of each account, in minor units."""
    with database.read() as connection:
        return {name: balance for _, name, _, _, balance in connection.execute(select(schema.accounts))}


def proven(database: Database) -> int:
    """The head's position, once everything was proved again from the log."""
    report: Any = verify(database)
    assert report.ok, [check for check in report.checks if not check.ok]
    assert report.events == report.head
    return int(report.head)

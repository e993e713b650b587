"""A log written at given times for what people say: orders of shop S1 up to their receipt, and what follows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ledger.decisions.base import Command, Request
from ledger.decisions.fulfilment import ConfirmReceipt, DeliverParcel, DispatchParcel
from ledger.decisions.order import PayOrder, SettleOrder
from ledger.store.database import Database
from ledger.writer import Result, Writer
from projections.base import Projection
from projections.engine import Engine
from tests.projections.story import day, place

DIGEST = "0a" * 32


def at(moment: datetime, *commands: Command) -> list[Command]:
    """The same commands, counting from a moment on."""
    return [msgspec.structs.replace(each, at=moment) for each in commands]


def bought(id_: str, number: int, **fields: Any) -> list[Command]:
    """An order that was placed, paid, delivered, confirmed and settled on a day after the start."""
    return at(
        day(number),
        place(id_, **fields),
        PayOrder(id=id_, cash=10_000),
        DispatchParcel(id=id_, waybill=f"W-{id_}"),
        DeliverParcel(id=id_, waybill=f"W-{id_}"),
        ConfirmReceipt(id=id_),
        SettleOrder(id=id_),
    )


def told(database: Database, models: Sequence[Projection], *story: Command | Request) -> int:
    """Write these, of which none is refused, and bring the models up; answers the last position."""
    asked = [each if isinstance(each, Request) else Request(command=each) for each in story]
    writer = Writer(database)
    answers = writer.execute_many(asked)
    writer.close()
    refused = [answer for answer in answers if not isinstance(answer, Result)]
    assert refused == []
    Engine(database, models).catch_up()
    return max(answer.last_position for answer in answers if isinstance(answer, Result))

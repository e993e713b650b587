"""Brushing: gangs lose their accounts, fake orders are struck, and what was stopped is counted by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from ledger.decisions import order
from ledger.decisions.base import (
    INITIAL,
    Command,
    Count,
    Item,
    Name,
    OrderId,
    Past,
    Text,
    also,
    decides,
    folds,
)
from ledger.decisions.penalty import binding, check_stands, wait
from ledger.errors import Malformed, WrongState
from ledger.events.base import Recorded
from ledger.events.penalty import AccountRemoved, BrushingIntercepted


class Brushing(msgspec.Struct, frozen=True, gc=False):
    """How many fake orders were stopped on a day; None while nobody has said so."""

    count: int | None = None
    detail: str = ""


INITIAL["brushing"] = Brushing()


@folds(BrushingIntercepted)
def _intercepted(_brushing: Brushing, fact: BrushingIntercepted, _recorded: Recorded) -> Brushing:
    return Brushing(fact.count, fact.detail)


class RemoveAccounts(Command, kw_only=True):
    """Remove accounts of a gang. An account that another gang has lost before counts no second time."""

    NAME = "penalties.remove-accounts"
    STREAM = "penalty"

    id: Name
    accounts: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=1000)]


class VoidOrders(Command, kw_only=True):
    """Strike the orders that a penalty for brushing or deals off the platform is about."""

    NAME = "penalties.void-orders"
    STREAM = "penalty"

    id: Name
    order_ids: Annotated[tuple[OrderId, ...], msgspec.Meta(min_length=1, max_length=1000)]

    def touches(self) -> tuple[str, ...]:
        """The orders too."""
        return (self.stream, *(f"order-{id_}" for id_ in self.order_ids))

    def orders(self) -> tuple[str, ...]:
        """What follows depends on their escrow and refunds."""
        return self.order_ids


class RecordBrushing(Command, kw_only=True):
    """Report how many fake orders were stopped on a day in all; `id` is the day, such as 2021-06-10."""

    NAME = "brushing.record"
    STREAM = "brushing"

    id: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)")]
    count: Count
    detail: Text = ""


@decides(RemoveAccounts)
def remove_accounts(past: Past, command: RemoveAccounts) -> Iterator[Item]:
    """Each account is removed once with a gang, and counts once over all gangs."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    if penalty.party not in {"gang", "account"} and not past.reported:
        raise WrongState(f"The penalty is on a {penalty.party}, not on a gang.", field="id")
    accounts = tuple(dict.fromkeys(command.accounts))
    here = past.used_of([f"removed/{command.id}/{account}" for account in accounts])
    anywhere = past.used_of([f"removed/{account}" for account in accounts])
    for account, known, before in zip(accounts, here, anywhere, strict=True):
        if not known:
            yield AccountRemoved(account, before > 0)


@decides(VoidOrders)
def void_orders(past: Past, command: VoidOrders) -> Iterator[Item]:
    """Each order is struck as if it had been asked for by itself."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    for id_ in dict.fromkeys(command.order_ids):
        strike = order.VoidOrder(id=id_, at=command.at, reason=f"{penalty.reason} (penalty {command.id})")
        yield from also(past, strike)


@decides(RecordBrushing)
def record_brushing(past: Past, command: RecordBrushing) -> Iterator[Item]:
    """The count of a day may be reported anew; the last one stands."""
    brushing: Brushing = past.state(command.stream)
    try:
        datetime.strptime(command.id, "%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise Malformed(f"{command.id} is no day.", field="id") from None
    if brushing != Brushing(command.count, command.detail):
        yield BrushingIntercepted(command.count, command.detail)

"""What the freight of a return parcel was: paid for once a waybill, divided by value among its orders."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions.base import INITIAL, On, Past, folds
from ledger.errors import AlreadyCompensated, InvalidAmount
from ledger.events.base import Recorded
from ledger.events.freight import FreightShare, FreightSplit


class Return(msgspec.Struct, frozen=True, gc=False):
    """A return parcel: who may claim what of its freight, minor units; empty until somebody does."""

    cost: int = 0
    shares: tuple[FreightShare, ...] = ()


INITIAL["return"] = Return()


@folds(FreightSplit)
def _split(_parcel: Return, fact: FreightSplit, _recorded: Recorded) -> Return:
    return Return(fact.cost, fact.shares)


def check(past: Past, waybill: str, order: str, cost: int, *, upheld: bool = False) -> None:
    """Refuse a cost that is not the order's share of a waybill that was divided; a report is not refused.

    Raises AlreadyCompensated and InvalidAmount.
    """
    parcel: Return = past.state(f"return-{waybill}")
    if not parcel.shares or past.reported:
        return
    share = next((each.cost for each in parcel.shares if each.order == order), None)
    if share is None:
        detail = f"The freight of {waybill} was claimed for others."
        raise AlreadyCompensated(detail, field="id" if upheld else "waybill")
    if share != cost:
        detail = f"Of the {parcel.cost} of {waybill} the share of {order} is {share}."
        raise InvalidAmount(detail, field="id" if upheld else "cost")


def upheld(past: Past, waybill: str, order: str, currency: str, cost: int) -> Iterator[On]:
    """An order is paid `cost` of a waybill: its share, or the whole where it was not divided before.

    Only a decision takes the waybill: a claim that is given up, or is a stranger's, keeps it from nobody.
    """
    check(past, waybill, order, cost, upheld=True)
    if not past.state(f"return-{waybill}").shares:
        yield On(f"return-{waybill}", FreightSplit(currency, cost, (FreightShare(order, 0, cost),)))


def counts(past: Past, waybill: str, order: str) -> bool:
    """Whether a claim uses its benefit: of the orders in a return parcel the first does, for all of them."""
    parcel: Return = past.state(f"return-{waybill}") if waybill else Return()
    return not parcel.shares or parcel.shares[0].order == order

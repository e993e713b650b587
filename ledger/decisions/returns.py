"""A return parcel with goods of one order or of several: its freight is claimed for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator

from ledger import money
from ledger.decisions import policy as policies
from ledger.decisions.base import Amount, Command, Item, Name, Past, decides
from ledger.decisions.claim import ClaimItem, FileClaim
from ledger.decisions.freight import Return
from ledger.decisions.order import Order
from ledger.decisions.refund import Refund
from ledger.decisions.unasked import granted, named
from ledger.errors import (
    AlreadyCompensated,
    CurrencyMismatch,
    InvalidAmount,
    LedgerError,
    NotCovered,
    UnknownRefund,
    WrongState,
)
from ledger.events.freight import FreightShare, FreightSplit

FREIGHT = "return-freight"


class ClaimFreight(Command, kw_only=True):
    """Claim what a return waybill (`id`) cost, for all refunds whose goods were in the parcel.

    The cost is divided by value among their orders, and each order's claim is upheld by its own terms.
    """

    NAME = "returns.claim-freight"
    STREAM = "return"

    id: Name
    cost: Amount
    refunds: tuple[Name, ...]

    def touches(self) -> tuple[str, ...]:
        """The parcel and the refunds."""
        return (self.stream, *(f"refund-{refund}" for refund in self.refunds))


@decides(ClaimFreight)
def claim_freight(past: Past, command: ClaimFreight) -> Iterator[Item]:
    """Freight is paid once a waybill, after the refunds, and within the window of each order's terms.

    The share of an order that does not carry the benefit is paid by nobody.
    """
    parcel: Return = past.state(command.stream)
    refunds = [_given_back(past, command, id_) for id_ in dict.fromkeys(command.refunds)]
    values: dict[str, int] = {}
    for refund in refunds:
        values[refund.order] = values.get(refund.order, 0) + refund.cash
    if parcel.shares:
        if (parcel.cost, [share.order for share in parcel.shares]) == (command.cost, sorted(values)):
            return
        raise AlreadyCompensated(f"The freight of {command.id} was claimed before.", field="id")
    if not command.cost or not values:
        raise InvalidAmount("There is nothing to pay, or nobody to pay it for.", field="cost")
    currencies, buyers = {refund.currency for refund in refunds}, {refund.buyer for refund in refunds}
    if len(currencies) > 1:
        raise CurrencyMismatch("A waybill is paid for in one currency.", field="refunds")
    if len(buyers) > 1:
        raise InvalidAmount("A parcel is that of one buyer.", field="refunds")
    shares = _shares(past, command.cost, values)
    uncovered: list[NotCovered] = []
    yield FreightSplit(currencies.pop(), command.cost, shares)
    for share in shares:
        lines = sorted(
            {line.line for refund in refunds if refund.order == share.order for line in refund.lines}
        )
        if share.cost:
            wanted = FileClaim(
                id=named(f"freight:{command.id}:{share.order}"),
                order=share.order,
                benefit=FREIGHT,
                items=tuple(ClaimItem(line=line) for line in lines if line),
                cost=share.cost,
                waybill=command.id,
                reason=f"its share by value of {command.cost} of waybill {command.id}",
            )
            try:
                yield from past.attempt(granted(past, wanted))
            except NotCovered as refusal:
                uncovered.append(refusal)
            except LedgerError as refusal:
                raise type(refusal)(refusal.detail, field="refunds") from refusal
    if len(uncovered) == sum(1 for share in shares if share.cost):
        raise NotCovered(uncovered[0].detail, field="refunds")


def _given_back(past: Past, command: ClaimFreight, id_: str) -> Refund:
    """A refund whose goods came back in the parcel and whose money went back; raises what is not so."""
    refund: Refund = past.state(f"refund-{id_}")
    if not refund.known:
        raise UnknownRefund(f"Got {id_!r}.", field="refunds")
    if not refund.order:
        raise WrongState(f"Refund {id_} names no order.", field="refunds")
    if refund.waybill != command.id:
        raise WrongState(f"The goods of {id_} did not travel under {command.id}.", field="refunds")
    if not refund.completed:
        raise WrongState(f"Refund {id_} is {refund.status}; freight is paid after it.", field="refunds")
    return refund


def _shares(past: Past, cost: int, values: dict[str, int]) -> tuple[FreightShare, ...]:
    """What each order bears of the cost, by its own terms' cap; the first by name on a tie."""
    orders = sorted(values)
    weights = [values[order] for order in orders]
    shares = []
    for number, id_ in enumerate(orders):
        order: Order = past.state(f"order-{id_}")
        terms = policies.terms(past, FREIGHT, order.paid_at)
        most = cost if terms is None or terms.cap is None else min(cost, terms.cap)
        shares.append(FreightShare(id_, values[id_], money.split(most, weights)[number]))
    return tuple(shares)

"""How far a buyer's refunds are advanced, over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import Money, of_models_now
from api.http.openapi import answers
from api.http.service import Running, answer
from ledger import time
from projections.claims import CLAIMS
from projections.credit import CreditView, credit_view
from projections.order_status import ORDER_STATUS

router = APIRouter(tags=["credit"])


class CreditReckoning(msgspec.Struct):
    """One step of the limit that a person can check by hand, minor units."""

    name: str
    expression: str
    value: int


class BuyerStanding(msgspec.Struct):
    """What is known of a buyer up to a position of the log; position 0: nothing was assessed yet."""

    position: int
    paid_orders: int
    voided: int
    rejected: int


class BuyerCredit(msgspec.Struct):
    """How far a buyer's refunds may be advanced now, by the terms of `version`.

    `limit` (null: the terms set none) follows from the standing that was `assessed`; `advanced` of it is open
    and `left` may be used. `known` is the standing as the ledger knows it now: assess it to make it count.
    """

    buyer: str
    tier: str
    version: str
    limit: Money | None
    advanced: Money
    left: Money | None
    reckoning: list[CreditReckoning]
    assessed: BuyerStanding
    known: BuyerStanding
    appealed: bool
    refunds: dict[str, Money]


@router.get(
    "/v1/credit/{buyer}",
    operation_id="credit",
    summary="How far a buyer's refunds are advanced, and why.",
    response_class=Response,
    responses=answers(BuyerCredit, "The limit now; it does not answer on other clocks."),
)
def credit(
    service: Running, position: Annotated[int, Depends(of_models_now(ORDER_STATUS, CLAIMS))], buyer: str
) -> Response:
    """Reckon the limit as the next instant refund would."""
    return answer(_credit(credit_view(service.database, buyer, time.now())), position)


def _credit(view: CreditView) -> BuyerCredit:
    def money(amount: int) -> Money:
        return Money(amount, view.currency)

    return BuyerCredit(
        view.buyer,
        view.tier,
        view.version,
        None if view.most is None else money(view.most),
        money(view.taken),
        None if view.left is None else money(view.left),
        [CreditReckoning(step.name, step.expression, step.value) for step in view.trace],
        BuyerStanding(*view.assessed),
        BuyerStanding(*view.known),
        view.appealed,
        {refund: money(amount) for refund, amount in view.refunds.items()},
    )


SCHEMAS = (BuyerCredit,)

"""The pet fund over HTTP: what it holds, from where, for what."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import InCurrency, Money, Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from projections.pet_fund import FUND_DUES, PET_FUND, fund_view

router = APIRouter(tags=["fund"])


class Fund(msgspec.Struct, rename={"came": "in", "went": "out"}):
    """The fund in one currency: what is free, reserved for approved batches and due to those who wait.

    `held` are fines that are not decided for good, `recourse` is held against shops. What came `in` by
    source less what went `out` by use is what is available.
    """

    currency: str
    available: Money
    reserved: Money
    held: Money
    recourse: Money
    due: Money
    came: dict[str, Money]
    went: dict[str, Money]


@router.get(
    "/v1/fund",
    operation_id="fund",
    summary="The pet fund: what it holds, from where, for what.",
    response_class=Response,
    responses=answers(Fund, "The fund in one currency."),
)
def fund(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(PET_FUND, FUND_DUES))],
    currency: InCurrency = "CNY",
) -> Response:
    """Read the fund's days, or the transfers themselves for another moment."""
    view = fund_view(service.database, currency, seen.clocks)

    def money(amount: int) -> Money:
        return Money(amount, currency)

    found = Fund(
        currency,
        money(view.available),
        money(view.reserved),
        money(view.held),
        money(view.recourse),
        money(view.due),
        {name: money(amount) for name, amount in view.came.items()},
        {name: money(amount) for name, amount in view.went.items()},
    )
    return answer(found, seen.position)


SCHEMAS = (Fund,)

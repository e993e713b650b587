"""Figures explained over HTTP, exactly as at the command line."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.explain import explain
from api.figures import Explanation
from api.http.asking import InCurrency, Limit, OnDay, Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from api.reputation import asked_day
from ledger import time
from projections.cards import CARDS
from projections.pet_fund import FUND_DUES, PET_FUND
from projections.reputation import REPUTATION

router = APIRouter(tags=["explanations"])


@router.get(
    "/v1/explain/{figure:path}",
    operation_id="explain",
    summary="The claims, terms and facts behind a figure.",
    response_class=Response,
    responses=answers(Explanation, "The figure with its parts; sums in minor units of its currency."),
)
def explained(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(CARDS, PET_FUND, FUND_DUES, REPUTATION))],
    figure: str,
    currency: InCurrency = "CNY",
    day: OnDay = "",
    limit: Limit = 100,
) -> Response:
    """Answer exactly what the command line prints."""
    now = time.now()
    found = explain(
        service.database,
        figure,
        currency=currency,
        clocks=seen.clocks,
        moment=now,
        limit=limit,
        day=asked_day(day, seen.clocks, now),
    )
    return answer(found, seen.position)


SCHEMAS = (Explanation,)

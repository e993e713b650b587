"""The repeat-customer index of a shop over HTTP: components, peers, label, the facts behind each figure."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.http.asking import OnDay, Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from api.reputation import Reputation, asked_day, known_index, reputation_of
from ledger import time
from projections.reputation import REPUTATION

router = APIRouter(tags=["shops"])


@router.get(
    "/v1/shops/{id:path}/reputation",
    operation_id="reputation",
    summary="A shop's repeat-customer index on a day.",
    response_class=Response,
    responses=answers(Reputation, "The index with all that it follows from."),
)
def reputation(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(REPUTATION))],
    id: str,  # noqa: A002 - the name in the path
    day: OnDay = "",
    limit: Annotated[int, Query(ge=0, le=1000, description="Most facts named behind each figure.")] = 20,
) -> Response:
    """Reckon the day from the read model, or from the log as both clocks had seen it."""
    number = asked_day(day, seen.clocks, time.now())
    found = known_index(service.database, id, number, seen.clocks, limit=limit)
    return answer(reputation_of(service.database, found, seen.clocks), seen.position)


SCHEMAS = (Reputation,)

"""Incidents over HTTP: what each is about, and what became of its buyers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import Money, of_models_now
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from projections.incidents import INCIDENT_MEMBERS, IncidentView, incident_view

router = APIRouter(tags=["incidents"])


class Incident(msgspec.Struct):
    """An incident now; `members` counts its buyers by what became of them, `amount` is for each."""

    id: str
    status: str
    title: str
    cause: str
    shop: str
    amount: Money
    approvals: int
    approvers: list[str]
    members: dict[str, int]


@router.get(
    "/v1/incidents/{id}",
    operation_id="incident",
    summary="An incident as it stands.",
    response_class=Response,
    responses=answers(Incident, "The incident now; it does not answer on other clocks.", ETAG),
)
def incident(
    service: Running,
    position: Annotated[int, Depends(of_models_now(INCIDENT_MEMBERS))],
    id: str,  # noqa: A002 - the name in the path
) -> Response:
    """Count the members in the read model."""
    version = service.version(f"incident-{id}", position)
    return answer(_incident(incident_view(service.database, id)), position, etag(version))


def _incident(view: IncidentView) -> Incident:
    told = view.incident
    return Incident(
        view.id,
        told.status,
        told.title,
        told.cause,
        told.shop,
        Money(told.amount, told.currency),
        told.approvals,
        list(told.approvers),
        view.members,
    )


SCHEMAS = (Incident,)

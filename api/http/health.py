"""Whether the server is well, which needs no key."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Response

from api.http.openapi import answers
from api.http.service import Running, answer

router = APIRouter(tags=["operation"])


class Health(msgspec.Struct):
    """`ok` when the database answers."""

    status: str
    position: int


@router.get(
    "/health",
    operation_id="health",
    summary="Whether the server can answer.",
    response_class=Response,
    responses=answers(Health, "It can."),
    openapi_extra={"security": []},
)
def health(service: Running) -> Response:
    """Ask the database where the log stands."""
    position = service.head()
    return answer(Health("ok", position), position)


SCHEMAS = (Health,)

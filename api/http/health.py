"""Whether the server is well, which needs no key, and how far its read models are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Response

from api.http.openapi import answers
from api.http.service import Running, Service, answer
from projections.catalogue import PROJECTIONS
from projections.engine import Status

router = APIRouter(tags=["operation"])

BEHIND_S = 10
"""How many seconds a fact may wait for a read model before that counts as behind."""

_VERSIONS = {projection.name: projection.version for projection in PROJECTIONS}


class Health(msgspec.Struct):
    """`ok` when the database answers.

    `read_models` is `current`, `behind` when a fact has waited for one of them for ten seconds or a new
    version of one is being built, or `stopped` when one cannot go on by itself; `/v1/projections` says why.
    """

    status: str
    position: int
    read_models: str


class ReadModel(msgspec.Struct):
    """A read model: `lag` facts and `seconds` behind the log.

    `stopped_at` is the position of the fact at which it stopped, `reason` why it does not go on. `kept` is
    the position of the rows that were live before the last switch.
    """

    name: str
    version: int
    position: int
    lag: int
    seconds: int
    stopped_at: int | None
    reason: str
    kept: int | None


class ReadModels(msgspec.Struct):
    """Every read model."""

    read_models: list[ReadModel]


@router.get(
    "/health",
    operation_id="health",
    summary="Whether the server can answer.",
    response_class=Response,
    responses=answers(Health, "It can."),
    openapi_extra={"security": []},
)
def health(service: Running) -> Response:
    """Ask the database where the log and the read models stand."""
    position = service.head()
    return answer(Health("ok", position, _word(service.engine.status())), position)


def _word(models: Sequence[Status]) -> str:
    """How all of them are doing."""
    outdated = [model for model in models if model.version != _VERSIONS[model.name]]
    if any(model.reason for model in models if model not in outdated):
        return "stopped"
    return "behind" if outdated or any(model.seconds >= BEHIND_S for model in models) else "current"


@router.get(
    "/v1/projections",
    operation_id="read_models",
    summary="How far the read models are, and what stops one.",
    response_class=Response,
    responses=answers(ReadModels, "Every read model."),
)
def read_models(service: Running) -> Response:
    """Where each stands behind the log as it is now."""
    return answer(ReadModels(_models(service)), service.position)


def _models(service: Service) -> list[ReadModel]:
    found = service.engine.status()
    service.saw(max(model.head for model in found))
    return [
        ReadModel(
            each.name,
            each.version,
            each.position,
            each.lag,
            each.seconds,
            each.failed_position,
            each.reason,
            each.kept,
        )
        for each in found
    ]


SCHEMAS = (Health, ReadModel, ReadModels)

"""Policies over HTTP: the terms of every benefit, version by version."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from ledger import time
from ledger.events.policy import Rule, Terms
from projections.policies import POLICIES, Status, rule_of, status, terms, times

router = APIRouter(tags=["policies"])


class Policy(msgspec.Struct):
    """A version of a benefit's terms; `status` is `announced`, `in_force` or `ended`."""

    benefit: str
    version: str
    status: Status
    effective_from: str
    effective_to: str | None
    rule: Rule


class Policies(msgspec.Struct):
    """Versions of terms, those of a benefit in the order of time."""

    policies: list[Policy]


OfPolicies = Annotated[Seen, Depends(of_models(POLICIES))]


@router.get(
    "/v1/policies",
    operation_id="policies",
    summary="The terms of every benefit, version by version.",
    response_class=Response,
    responses=answers(Policies, "All versions."),
)
def policies(service: Running, seen: OfPolicies) -> Response:
    """List all versions of all benefits."""
    return _answer(seen, terms(service.database, seen.clocks.as_at))


@router.get(
    "/v1/policies/{id:path}",
    operation_id="policy",
    summary="The terms of a benefit, version by version.",
    response_class=Response,
    responses=answers(Policies, "The versions of the benefit."),
)
def policy(service: Running, seen: OfPolicies, id: str) -> Response:  # noqa: A002 - the name in the path
    """List the versions of one benefit."""
    return _answer(seen, terms(service.database, seen.clocks.as_at, id))


def _answer(seen: Seen, found: list[Terms]) -> Response:
    moment = time.now() if seen.clocks.as_of is None else seen.clocks.as_of
    listed = [
        Policy(
            each.benefit,
            each.version,
            status(each, moment),
            **times(each),
            rule=rule_of(each),
        )
        for each in found
    ]
    return answer(Policies(listed), seen.position)


SCHEMAS = (Policies,)

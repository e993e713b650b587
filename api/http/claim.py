"""Claims over HTTP: what one is on both clocks, and what its terms give with every step of the reckoning."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import Money, OfTheLog, Seen, of_models
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from ledger import codec, time
from projections.claims import ClaimView, claim_quote, claim_view
from projections.order_status import ORDER_STATUS

router = APIRouter(tags=["claims"])


class Claim(msgspec.Struct):
    """A claim; `units` and `trace` are in minor units of its currency, `times` RFC 3339 by kind of fact.

    `compensation` is decided beside `refund`; of it `funded` is the buyer's, `paid` was sent, `due` waits for
    money. `parts` says who bore what was funded, `returned` what of it went back to them.
    """

    id: str
    status: str
    decision: str
    order: str
    shop: str
    buyer: str
    currency: str
    benefit: str
    family: str
    version: str
    units: list[dict[str, Any]]
    cost: Money
    loss: Money
    waybill: str
    cause: str
    basis: str
    fault: str
    law: list[str]
    flags: list[str]
    trace: list[dict[str, Any]]
    reason: str
    refund: Money
    compensation: Money
    offset: Money
    funded: Money
    due: Money
    paid: Money
    payable: Money
    forfeited: Money
    owed_back: Money
    recovered: Money
    payers: list[str]
    parts: dict[str, Money]
    returned: dict[str, Money]
    payments: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    times: dict[str, str]
    marks: list[str]
    position: int


class Quote(msgspec.Struct):
    """What terms and law give for all units of a claim; `trace` can be checked by hand, in minor units.

    `refund` is what of the price has not gone back yet. `offset` is taken off for what an incident of the
    same cause has paid. With the flag `needs_person` nothing is ever paid automatically.
    """

    id: str
    benefit: str
    version: str
    law: list[str]
    basis: str
    refund: Money
    compensation: Money
    total: Money
    offset: Money
    payers: list[str]
    flags: list[str]
    trace: list[dict[str, Any]]


def _fields(view: ClaimView) -> dict[str, Any]:
    """The view with its sums as money and its times as RFC 3339."""

    def money(sums: dict[str, int]) -> dict[str, Money]:
        return {name: Money(sum_, view.currency) for name, sum_ in sums.items()}

    return {
        **{name: codec.plain(getattr(view, name)) for name in Claim.__struct_fields__ if name not in _OWN},
        **money({name: getattr(view, name) for name in _SUMS}),
        "parts": money(view.parts),
        "returned": money(view.returned),
        "evidence": [evidence._asdict() for evidence in view.evidence],
        "times": {name: time.rfc3339(*at) for name, at in view.times.items()},
    }


_OWN = {"parts", "returned", "evidence", "times"}
_SUMS = {name for name, kind in Claim.__annotations__.items() if kind == "Money"}


@router.get(
    "/v1/claims/{id:path}/quote",
    operation_id="claim-quote",
    summary="What the terms and the law give for a claim.",
    response_class=Response,
    responses=answers(Quote, "The sums with every step of the reckoning."),
)
def quote(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(ORDER_STATUS))],
    id: str,  # noqa: A002 - the name in the path
) -> Response:
    """Reckon the claim anew from its facts."""
    found = claim_quote(service.database, id, time.now(), seen.clocks)
    currency = found.terms.currency
    return answer(
        Quote(
            id=id,
            benefit=found.terms.benefit,
            version=found.terms.version,
            law=[f"{terms.benefit} {terms.version}" for terms in found.law],
            basis=found.basis,
            refund=Money(found.refund, currency),
            compensation=Money(found.compensation, currency),
            total=Money(found.refund + found.compensation, currency),
            offset=Money(found.offset, currency),
            payers=list(found.terms.payers),
            flags=list(found.flags),
            trace=codec.plain(found.trace),
        ),
        seen.position,
    )


@router.get(
    "/v1/claims/{id:path}",
    operation_id="claim",
    summary="What a claim is now, or was.",
    response_class=Response,
    responses=answers(Claim, "The claim.", ETAG),
)
def claim(service: Running, asked: OfTheLog, id: str) -> Response:  # noqa: A002 - as above
    """Fold the claim from its facts, so that it is never behind the log."""
    clocks = asked.clocks(service.database)
    position = service.head() if clocks.as_at is None else clocks.as_at
    view = claim_view(service.database, id, clocks)
    return answer(Claim(**_fields(view)), position, etag(view.version_of_stream))


SCHEMAS = (Claim, Quote)

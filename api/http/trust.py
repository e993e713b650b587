"""The yearly trust report and the uplift report over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from api import trust
from api.http import cursors
from api.http.asking import Cursor, Limit, Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from ledger import time
from ledger.books import Clocks
from projections.trust import MODELS, UPLIFT_MODELS, days, report, uplift_report
from projections.uplift import WINDOW, Wanted

router = APIRouter(tags=["reports"])

Year = Annotated[int, Query(ge=1971, le=9998, description="The year, by the local dates of what happened.")]
Window = Annotated[int, Query(ge=1, le=366, description="Days of each window around an opening.")]


@router.get(
    "/v1/reports/trust",
    operation_id="trust_report",
    summary="The yearly trust report: every figure against the year before.",
    response_class=Response,
    responses=answers(trust.TrustReport, "The report of a year."),
)
def trust_report(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(*MODELS))],
    year: Year,
    window: Window = WINDOW,
) -> Response:
    """Ask the read models; for another moment they are folded again from the log, beside."""
    found = report(service.database, year, time.now(), seen.clocks, window=window)
    return answer(trust.told(found, seen.position), seen.position)


class UpliftQuery(msgspec.Struct):
    """What a cursor of the uplift report carries; `after` is shop, benefit and day of the last opening."""

    year: int
    window: int
    shop: str
    as_of: int | None
    as_at: int | None
    limit: int
    after: tuple[str, str, int] | None = None


@router.get(
    "/v1/reports/uplift",
    operation_id="uplift_report",
    summary="Orders, conversion and repurchase around the day a shop opened a benefit.",
    response_class=Response,
    responses=answers(trust.UpliftReport, "Every opening of a year; an association, not a cause."),
)
def uplift(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(*UPLIFT_MODELS))],
    year: Year,
    window: Window = WINDOW,
    shop: Annotated[str, Query(max_length=128, description="Only benefits that this shop opened.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Go on behind the last opening of the page before; each page tells of the moment it is asked."""
    if cursor is not None:
        query = cursors.read(service.secret, UpliftQuery, cursor)
    else:
        query = UpliftQuery(year, window, shop, *seen.clocks, limit)
    wanted = Wanted(*days(query.year), query.shop, query.after, query.limit + 1)
    clocks = Clocks(query.as_of, query.as_at)
    found = uplift_report(service.database, wanted, time.now(), clocks, window=query.window)
    page, following = found[: query.limit], None
    if len(found) > len(page):
        last = page[-1]
        after = msgspec.structs.replace(query, after=(last.shop, last.benefit, last.day))
        following = cursors.write(service.secret, after)
    return answer(trust.opened(query.year, query.window, page, following), seen.position)


SCHEMAS = (trust.TrustReport, trust.UpliftReport)

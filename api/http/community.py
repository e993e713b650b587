"""Reviews, votes, complaints, reports of false claims and counterfeit notices over HTTP, on both clocks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from api import community
from api.http import cursors
from api.http.asking import Cursor, Limit, Seen, of_models
from api.http.openapi import answers
from api.http.service import Running, answer
from ledger import time
from ledger.books import Clocks
from projections import complaints as complaints_
from projections import false_claims as false_claims_
from projections import notices as notices_
from projections import reviews as reviews_
from projections import votes as votes_
from projections.order_status import ORDER_STATUS
from projections.trust_orders import TRUST_ORDERS

router = APIRouter(tags=["community"])

First = Annotated[date | None, Query(alias="from", description="The first local day that counts.")]
Last = Annotated[date | None, Query(alias="to", description="The last one, included.")]
Shop = Annotated[str, Query(max_length=128, description="Only this shop's.")]

_FIRST_DAY = date(1970, 1, 1)

OfReviews = Annotated[Seen, Depends(of_models(reviews_.REVIEWS, TRUST_ORDERS))]


def _day(day: date | None) -> int | None:
    return None if day is None else (day - _FIRST_DAY).days


class SaysQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of reviews is asked with; `after` is the position behind which it begins."""

    shop: str
    returning: bool
    as_of: int | None
    as_at: int
    limit: int
    after: int = 0


class NamesQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of votes or statements is asked with: two names to keep to, and two to begin behind."""

    first: str
    second: str
    as_of: int | None
    as_at: int | None
    limit: int
    after: tuple[str, str] = ("", "")


class ReportsQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of reports is asked with; `after` is the position behind which it begins."""

    session: str
    statement: str
    status: Literal["filed", "upheld", "dismissed"] | None
    as_of: int | None
    as_at: int | None
    limit: int
    after: int = 0


class NoticesQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of notices is asked with; `after` is the position behind which it begins."""

    brand: str
    as_of: int | None
    as_at: int | None
    limit: int
    after: int = 0


@router.get(
    "/v1/shops/{id:path}/reviews",
    operation_id="shop-reviews",
    summary="What returning customers, or all buyers, say of a shop.",
    response_class=Response,
    responses=answers(community.Says, "A page of reviews; `next` leads to the one after it."),
)
def says(
    service: Running,
    seen: OfReviews,
    id: str,  # noqa: A002 - the name in the path
    returning: Annotated[bool, Query(description="Only of buyers who had an order there before.")] = True,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Fix the position at the first page, so that all pages tell of one state. A page may be short."""
    if cursor is not None:
        query = cursors.read(service.secret, SaysQuery, cursor)
    else:
        query = SaysQuery(id, returning, seen.clocks.as_of, seen.position, limit)
    page = reviews_.says(
        service.database,
        query.shop,
        Clocks(query.as_of, query.as_at),
        returning=query.returning,
        after=query.after,
        limit=query.limit,
    )
    following = None
    if page.next is not None:
        following = cursors.write(service.secret, msgspec.structs.replace(query, after=page.next))
    return answer(community.Says(query.shop, list(map(community.say, page.said)), following), query.as_at)


@router.get(
    "/v1/reports/reviews",
    operation_id="review_report",
    summary="Reviews: invited, submitted within seven days, answered.",
    response_class=Response,
    responses=answers(community.ReviewReport, "The figures by day, month or shop."),
)
def review_report(
    service: Running,
    seen: OfReviews,
    by: Annotated[Literal["day", "month", "shop"], Query(description="What a row is.")] = "month",
    first: First = None,
    last: Last = None,
    shop: Shop = "",
) -> Response:
    """Ask the read models; for another moment they are folded again from the log, beside."""
    days = {"first_day": _day(first), "last_day": _day(last)}
    found = reviews_.report(service.database, time.now(), seen.clocks, by=by, shop=shop, **days)
    return answer(community.review_report(by, found), seen.position)


@router.get(
    "/v1/reports/complaints",
    operation_id="complaint_report",
    summary="Complaints by reason, shop, host or time.",
    response_class=Response,
    responses=answers(community.ComplaintReport, "How often buyers complained of what."),
)
def complaint_report(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(complaints_.COMPLAINTS))],
    by: Annotated[
        Literal["reason", "shop", "host", "day", "month"], Query(description="What rows are named after.")
    ] = "reason",
    first: First = None,
    last: Last = None,
    shop: Shop = "",
) -> Response:
    """Ask the read model; for another moment it is folded again from the log, beside."""
    days = {"first_day": _day(first), "last_day": _day(last)}
    found = complaints_.report(service.database, seen.clocks, by=by, shop=shop, **days)
    return answer(community.complaint_report(by, found), seen.position)


@router.get(
    "/v1/votes",
    operation_id="votes",
    summary="Worth-it votes by article.",
    response_class=Response,
    responses=answers(community.VoteResults, "A page of results; `next` leads to the one after it."),
)
def votes(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(votes_.VOTES))],
    shop: Shop = "",
    item: Annotated[str, Query(max_length=128, description="Only this article's: its SKU.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Ask the read model; for another moment it is folded again from the log, beside."""
    if cursor is not None:
        query = cursors.read(service.secret, NamesQuery, cursor)
    else:
        query = NamesQuery(shop, item, *seen.clocks, limit)
    found = votes_.votes(
        service.database,
        Clocks(query.as_of, query.as_at),
        shop=query.first,
        item=query.second,
        after=query.after,
        limit=query.limit + 1,
    )
    page, following = cursors.page(service.secret, query, found, lambda last: (last.shop, last.item))
    results = list(map(community.vote_result, page))
    return answer(community.VoteResults(results, following), seen.position)


@router.get(
    "/v1/false-claims",
    operation_id="false-claims",
    summary="What users and machines reported of hosts' statements, and what followed.",
    response_class=Response,
    responses=answers(community.FalseClaims, "A page of statements; `next` leads to the one after it."),
)
def false_claims(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(false_claims_.FALSE_CLAIMS))],
    session: Annotated[str, Query(max_length=128, description="Only of this live session.")] = "",
    host: Annotated[str, Query(max_length=128, description="Only of this host.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Ask the read model; for another moment it is folded again from the log, beside."""
    if cursor is not None:
        query = cursors.read(service.secret, NamesQuery, cursor)
    else:
        query = NamesQuery(session, host, *seen.clocks, limit)
    found = false_claims_.false_claims(
        service.database,
        Clocks(query.as_of, query.as_at),
        session=query.first,
        host=query.second,
        after=query.after,
        limit=query.limit + 1,
    )
    page, following = cursors.page(service.secret, query, found, lambda last: (last.session, last.statement))
    statements = list(map(community.false_claim, page))
    return answer(community.FalseClaims(statements, following), seen.position)


@router.get(
    "/v1/false-claims/reports",
    operation_id="false-claim-reports",
    summary="The reports of false claims one by one, as they wait for a person to decide them.",
    response_class=Response,
    responses=answers(community.Reports, "A page of reports; `next` leads to the one after it."),
)
def reports(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(false_claims_.REPORTS))],
    session: Annotated[str, Query(max_length=128, description="Only of this live session.")] = "",
    statement: Annotated[str, Query(max_length=128, description="Only of this statement.")] = "",
    status: Annotated[
        Literal["filed", "upheld", "dismissed"] | None, Query(description="Only those that are so.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Ask the read model; for another moment it is folded again from the log, beside."""
    if cursor is not None:
        query = cursors.read(service.secret, ReportsQuery, cursor)
    else:
        query = ReportsQuery(session, statement, status, *seen.clocks, limit)
    found = false_claims_.reports(
        service.database,
        Clocks(query.as_of, query.as_at),
        session=query.session,
        statement=query.statement,
        status=query.status,
        after=query.after,
        limit=query.limit + 1,
    )
    page, following = cursors.page(service.secret, query, found, lambda last: last.position)
    return answer(community.Reports(list(map(community.report, page)), following), seen.position)


@router.get(
    "/v1/notices",
    operation_id="notices",
    summary="The counterfeit notices that brands share.",
    response_class=Response,
    responses=answers(community.NoticeList, "A page of notices; `next` leads to the one after it."),
)
def notices(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(notices_.NOTICES))],
    brand: Annotated[str, Query(max_length=128, description="Only about this brand's goods.")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Ask the read model; for another moment it is folded again from the log, beside."""
    if cursor is not None:
        query = cursors.read(service.secret, NoticesQuery, cursor)
    else:
        query = NoticesQuery(brand, *seen.clocks, limit)
    found = notices_.notices(
        service.database,
        Clocks(query.as_of, query.as_at),
        brand=query.brand,
        after=query.after,
        limit=query.limit + 1,
    )
    page, following = cursors.page(service.secret, query, found, lambda last: last.position)
    entries = list(map(community.notice_entry, page))
    return answer(community.NoticeList(entries, following), seen.position)


@router.get(
    "/v1/notices/{id:path}",
    operation_id="notice",
    summary="A counterfeit notice, and the lines, pieces and certificates it means.",
    response_class=Response,
    responses=answers(community.NoticeFound, "The notice and what of ours is meant."),
)
def notice(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(notices_.CERTIFICATES, ORDER_STATUS))],
    id: str,  # noqa: A002 - the name in the path
) -> Response:
    """Fold notice and brand from their facts, and look through the orders in escrow."""
    found = notices_.notice_view(service.database, id, seen.clocks)
    return answer(community.notice(found), seen.position)


SCHEMAS = (
    community.Says,
    community.ReviewReport,
    community.ComplaintReport,
    community.VoteResults,
    community.FalseClaims,
    community.Reports,
    community.NoticeList,
    community.NoticeFound,
)

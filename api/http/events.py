"""The log over HTTP: every fact in recorded order, page by page."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from api.facts import Event, event
from api.http import cursors
from api.http.asking import Cursor, Limit, OfTheLog
from api.http.openapi import answers
from api.http.service import Running, answer
from ledger.events.base import Recorded

router = APIRouter(tags=["events"])

_MOST_READ = 10_000
"""Facts that are read for one page of few that fit the clock."""


class Events(msgspec.Struct):
    """Facts in recorded order. `next` is null at the end: ask again with `after` the last position then.

    With `as_of` a page may be short, even empty, and go on all the same.
    """

    events: list[Event]
    next: str | None


class EventsQuery(msgspec.Struct, frozen=True, array_like=True):
    """What a page of the log is asked with."""

    after: int
    as_of: int | None
    as_at: int | None
    limit: int


@router.get(
    "/v1/events",
    operation_id="events",
    summary="The facts of the log after a position.",
    response_class=Response,
    responses=answers(Events, "A page of facts; `next` leads to the one after it."),
)
def events(
    service: Running,
    asked: OfTheLog,
    after: Annotated[int, Query(ge=0, lt=2**63, description="A position; 0 begins with the first fact.")] = 0,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Read on until the page is full, the log ends, or enough was read for one answer."""
    if cursor is not None:
        query = cursors.read(service.secret, EventsQuery, cursor)
    else:
        query = EventsQuery(after, *asked.clocks(service.database), limit)
    end = service.head() if query.as_at is None else query.as_at
    found: list[Recorded] = []
    position = query.after
    until = min(end, query.after + _MOST_READ)
    while position < until and len(found) < query.limit:
        page = service.reader.page(position, until, query.limit - len(found))
        position = page[-1].position
        found += [
            recorded
            for recorded in page
            if query.as_of is None or recorded.envelope.effective_at <= query.as_of
        ]
    following = None
    if position < end:
        following = cursors.write(service.secret, msgspec.structs.replace(query, after=position))
    return answer(Events([event(recorded) for recorded in found], following), end)


SCHEMAS = (Events,)

"""Cursors: where a list goes on, with the whole query in it, signed so that nobody writes one himself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from itsdangerous import BadData, URLSafeSerializer

from api.http.problems import InvalidCursor

Q = TypeVar("Q", bound=msgspec.Struct)
T = TypeVar("T")


def write(secret: str, query: msgspec.Struct) -> str:
    """A query as an opaque text for URLs."""
    return _serializer(secret, type(query)).dumps(msgspec.to_builtins(query))


def read(secret: str, query: type[Q], cursor: str) -> Q:
    """The query that `write` was given; raises InvalidCursor for any other text."""
    try:
        return msgspec.convert(_serializer(secret, query).loads(cursor), query)
    except (BadData, msgspec.ValidationError):
        raise InvalidCursor(field="cursor") from None


def page(
    secret: str, query: msgspec.Struct, found: Sequence[T], place: Callable[[T], object]
) -> tuple[Sequence[T], str | None]:
    """The first of what was found, as many as the query's `limit`, and the cursor if there is more.

    `place` tells of the last one where the query's `after` goes on.
    """
    limit: int = query.limit  # type: ignore[attr-defined] # queries of lists have it
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    return shown, write(secret, msgspec.structs.replace(query, after=place(shown[-1])))


def _serializer(secret: str, query: type[msgspec.Struct]) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"cursor/{query.__name__}")

"""Cursors: where a list goes on, with the whole query in it, signed so that nobody writes one himself."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from itsdangerous import BadData, URLSafeSerializer

from api.http.problems import InvalidCursor

Q = TypeVar("Q", bound=msgspec.Struct)


def write(secret: str, query: msgspec.Struct) -> str:
    """A query as an opaque text for URLs."""
    return _serializer(secret, type(query)).dumps(msgspec.to_builtins(query))


def read(secret: str, query: type[Q], cursor: str) -> Q:
    """The query that `write` was given; raises InvalidCursor for any other text."""
    try:
        return msgspec.convert(_serializer(secret, query).loads(cursor), query)
    except (BadData, msgspec.ValidationError):
        raise InvalidCursor(field="cursor") from None


def _serializer(secret: str, query: type[msgspec.Struct]) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"cursor/{query.__name__}")

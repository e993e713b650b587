"""Errors as a web client sees them: RFC 9457 problems, and the one table from errors to statuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc as sa
from starlette.exceptions import HTTPException

from ledger.errors import (
    Conflict,
    Corrupt,
    KeyInFlight,
    LedgerError,
    Malformed,
    Missing,
    ProjectionBehind,
    Refused,
    StorageUnavailable,
    Unavailable,
    UnknownCommand,
    VersionChanged,
)
from ledger.store.database import trouble

log = structlog.get_logger(__name__)


class IdempotencyKeyMissing(Malformed):
    """A command needs an idempotency key.

    Send a new random `Idempotency-Key` with each new command, and the same one when you repeat it.
    """

    code = "idempotency_key_missing"


class InvalidCursor(Malformed):
    """The cursor is not one that this list has given out.

    Begin again without a cursor, and pass on what `next` says unchanged.
    """

    code = "invalid_cursor"


class Unauthenticated(LedgerError):
    """The request carries no API key that is known.

    Send `Authorization: Bearer ak_…`; `assurance keys create NAME` makes a key.
    """

    code = "unauthenticated"


class NoSuchPath(Missing):
    """There is nothing at this address.

    `/docs` shows what there is.
    """

    code = "no_such_path"


class MethodNotAllowed(LedgerError):
    """The address does not know this method.

    The header `Allow` names those it knows.
    """

    code = "method_not_allowed"


class BodyTooLarge(LedgerError):
    """The body is larger than is taken.

    Send less at once, for example smaller batches.
    """

    code = "body_too_large"


class UnsupportedMediaType(LedgerError):
    """The body is not JSON.

    Send `Content-Type: application/json`.
    """

    code = "unsupported_media_type"


class Unexpected(LedgerError):
    """The server failed in a way that nobody foresaw.

    Its log says more under the `Request-Id`. Repeat the request later, a command with the same key.
    """

    code = "internal_error"


class Meaning(NamedTuple):
    """What an error is to a web client.

    `tells` says whether the detail may leave the house; `headers` go out with the answer.
    """

    status: int
    tells: bool = True
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed, and a tuple has no factories


_SOON = {"Retry-After": "1"}
_LATER = {"Retry-After": "5"}
_BEARER = {"WWW-Authenticate": 'Bearer realm="assurance"'}

#                                    status  tells  headers
STATUSES: dict[type[LedgerError], Meaning] = {
    Malformed:               Meaning(400),
    Unauthenticated:         Meaning(401,    True,  _BEARER),
    Missing:                 Meaning(404),
    UnknownCommand:          Meaning(404),
    MethodNotAllowed:        Meaning(405),
    Conflict:                Meaning(409),
    KeyInFlight:             Meaning(409,    True,  _SOON),
    VersionChanged:          Meaning(412),
    BodyTooLarge:            Meaning(413),
    UnsupportedMediaType:    Meaning(415),
    Refused:                 Meaning(422),
    Unavailable:             Meaning(503,    False, _LATER),
    ProjectionBehind:        Meaning(503,    True,  _SOON),
    Corrupt:                 Meaning(500,    False),
    LedgerError:             Meaning(500,    False),
}  # fmt: skip
"""The nearest class decides; every code has one status."""

_BY_STATUS: dict[int, type[LedgerError]] = {404: NoSuchPath, 405: MethodNotAllowed, 413: BodyTooLarge}
"""What the framework raises on its own."""


def meaning(error: LedgerError | type[LedgerError]) -> Meaning:
    """The row of an error."""
    kind = error if isinstance(error, type) else type(error)
    return next(STATUSES[parent] for parent in kind.__mro__ if parent in STATUSES)


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, as RFC 9457 has it; `code` is stable, `field` names what is at fault."""

    type: str
    title: str
    status: int
    code: str
    remedy: str
    detail: str = ""
    field: str = ""


def problem(error: LedgerError) -> Problem:
    """An error as a problem. Details that are nobody's business outside stay out, and in the log."""
    row = meaning(error)
    if not row.tells:
        cause = None if isinstance(error, Unavailable) else error
        log.error("failed", code=error.code, detail=error.detail, exc_info=cause)
    if type(error) is LedgerError:
        error = Unexpected()
    return Problem(
        type=f"urn:assurance:problem:{error.code}",
        title=error.title(),
        status=row.status,
        code=error.code,
        remedy=error.remedy(),
        detail=error.detail if row.tells else "",
        field=error.field,
    )


def refusal(error: LedgerError) -> Response:
    """An error as an answer."""
    row = meaning(error)
    return Response(
        msgspec.json.encode(problem(error)),
        row.status,
        media_type="application/problem+json",
        headers=row.headers,
    )


def unexpected(error: Exception) -> Response:
    """The answer to what nobody foresaw: nothing of it leaves the house, all of it is logged."""
    failure = LedgerError(f"{type(error).__name__}: {error}")
    failure.__cause__ = error
    return refusal(failure)


def install(app: FastAPI) -> None:
    """Let every error that an endpoint or the framework raises become a problem."""

    async def ledger_error(_request: Request, error: Any) -> Response:  # noqa: ANN401 - the framework's signature
        return refusal(error)

    async def storage_error(_request: Request, error: Any) -> Response:  # noqa: ANN401 - as above
        words = trouble(error)
        return refusal(StorageUnavailable(words)) if words else unexpected(error)

    async def invalid(_request: Request, error: Any) -> Response:  # noqa: ANN401 - as above
        first = error.errors()[0]
        return refusal(Malformed(first["msg"] + ".", field=str(first["loc"][-1])))

    async def http_error(_request: Request, error: Any) -> Response:  # noqa: ANN401 - as above
        answer = refusal(_BY_STATUS.get(error.status_code, LedgerError)())
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(LedgerError, ledger_error)
    app.add_exception_handler(sa.SQLAlchemyError, storage_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)

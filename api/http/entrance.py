"""The entrance that every request passes: its Request-Id, its API key, and an answer whatever goes wrong."""

from __future__ import annotations

import base64
import itertools
import re
import uuid

import structlog
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import keys
from api.http.penalty import PUBLIC
from api.http.problems import Unauthenticated, refusal, unexpected
from api.http.service import POSITION, Service
from ledger.errors import LedgerError

KEY_ID = "assurance.key"
"""Where in the scope the id of the caller's API key stands."""

_SANE = re.compile(rb"[\w.:/+=-]{1,128}", re.ASCII)
_PROCESS = uuid.uuid4().hex[:16].encode()
_numbers = itertools.count(1)
_OPEN = {(method, path) for method in ("GET", "HEAD") for path in ("/health", PUBLIC)}
"""What answers without a key."""
_READ_IN_BROWSERS = {"/docs", "/openapi.json"}
"""What takes the key as a password too, which is what browsers can ask for."""
_ASK_BROWSERS = 'Basic realm="assurance: the API key is the password", charset="UTF-8"'


class Entrance:
    """ASGI middleware in front of the routes."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service: Service = scope["app"].state.service
        request_id = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = [*message["headers"], (b"request-id", request_id)]
                if not any(name == b"ledger-position" for name, _ in headers):
                    headers.append((POSITION.lower().encode(), str(service.position).encode()))
                message = {**message, "headers": headers}
            await send(message)

        answer: Response | None = None
        try:
            if (scope["method"], scope["path"]) not in _OPEN:
                scope[KEY_ID] = await _authenticated(service, Request(scope))
            await self._app(scope, receive, stamped)
        except ClientDisconnect:
            return  # in the middle of its body: nobody is there to be answered
        except LedgerError as error:
            answer = refusal(error)
            if isinstance(error, Unauthenticated) and scope["path"] in _READ_IN_BROWSERS:
                answer.headers["WWW-Authenticate"] = _ASK_BROWSERS
        except Exception as error:  # noqa: BLE001 - whoever asks must get an answer, whatever went wrong
            answer = unexpected(error)
        if answer is not None and not started:
            await answer(scope, receive, stamped)


def _request_id(scope: Scope) -> bytes:
    """The caller's own Request-Id if it is a sane one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"request-id" and _SANE.fullmatch(value):
            return bytes(value)
    # A number behind what is random for the process: asking the system for randomness each time is slow.
    return b"%s-%d" % (_PROCESS, next(_numbers))


async def _authenticated(service: Service, request: Request) -> str:
    """The id of the API key that the request carries; raises Unauthenticated."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() == "basic" and request.url.path in _READ_IN_BROWSERS:
        key = _password(key)
    elif scheme.lower() != "bearer":
        raise Unauthenticated
    asked = (service.database, service.secret, key)
    id_ = keys.remembered(*asked) or await run_in_threadpool(keys.find, *asked)
    if id_ is None:
        raise Unauthenticated("The key is mistyped, unknown or revoked.")
    return id_


def _password(credentials: str) -> str:
    """The password of HTTP Basic credentials, whatever the name before it; nothing if they are none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""

"""OpenAPI 3.1 of what FastAPI does not see itself: schemas of msgspec types, problems, headers, the key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.problems import Problem

_REF = "#/components/schemas/{name}"
_HEADERS: dict[str, str] = {
    "Ledger-Position": "The answer has seen every fact up to this position.",
    "Request-Id": "Yours if you sent a sane one, else a new one; the server's log knows it.",
}
ETAG = {"ETag": "The version of its stream, for If-Match."}
"""The header of an answer that tells of one stream."""

_DESCRIPTION = """Every command and every query of the ledger.

Commands are posted with an `Idempotency-Key`: repeat a request with its key as often as you like, it is
carried out once and answered the same. Money is in minor units, times are RFC 3339 with offset, errors are
`application/problem+json` with a stable `code`.

Send `Authorization: Bearer ak_…` with every request but those for health and for the public register of
penalties; `assurance keys create NAME` makes a key."""


def ref(schema: type[Any]) -> dict[str, Any]:
    """Where the schema of a type stands."""
    return {"$ref": _REF.format(name=schema.__name__)}


def json_of(schema: type[Any], description: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The description of an answer in JSON, with the headers that every answer has."""
    named = {**_HEADERS, **(headers or {})}
    return {
        "description": description,
        "content": {"application/json": {"schema": ref(schema)}},
        "headers": {
            name: {"description": text, "schema": {"type": "string"}} for name, text in named.items()
        },
    }


def body_of(schema: type[Any], *, required: bool) -> dict[str, Any]:
    """The description of a request's body in JSON."""
    return {"required": required, "content": {"application/json": {"schema": ref(schema)}}}


def parameter(
    name: str, where: str, description: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    """The description of a parameter that the endpoint reads for itself."""
    return {
        "name": name,
        "in": where,
        "description": description,
        "required": required or where == "path",
        "schema": schema,
    }


def answers(
    schema: type[Any], description: str, headers: dict[str, str] | None = None
) -> dict[int | str, Any]:
    """What an operation answers: the good, and problems."""
    trouble = {"content": {"application/problem+json": {"schema": ref(Problem)}}}
    return {
        200: json_of(schema, description, headers),
        "4XX": {"description": "The request is at fault; `code` says how.", **trouble},
        "5XX": {"description": "The server is at fault; 503 says when to try again.", **trouble},
    }


def install(app: FastAPI, schemas: Iterable[type[Any]]) -> None:
    """Let the app publish its paths together with these schemas and the key that they need."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title="Order assurance ledger", version="1", description=_DESCRIPTION, routes=app.routes
            )
            _, components = msgspec.json.schema_components([*schemas, Problem], ref_template=_REF)
            document["components"] = {
                "schemas": dict(sorted(components.items())),
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer", "description": "`assurance keys create NAME`"}
                },
            }
            document["security"] = [{"key": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

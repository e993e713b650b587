"""The page at `/docs`: the OpenAPI document as people read it, without scripts and from this server alone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
nav a{margin-right:.8rem}code{background:#8882;padding:0 .2rem}details{margin:.4rem 0;padding-left:1rem}
summary{margin-left:-1rem;cursor:pointer}td,th{padding:.1rem .8rem .1rem 0;text-align:left}"""
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/docs")
async def documents(request: Request) -> HTMLResponse:
    """Write the page from what `/openapi.json` answers."""
    return HTMLResponse(page(request.app.openapi()), headers=_HEADERS)


def page(document: dict[str, Any]) -> str:
    """An OpenAPI document as HTML: its operations by tag, then its schemas."""
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    title = escape(document["info"]["title"])
    links = "".join(f'<a href="#{tag}">{tag}</a>' for tag in (*sorted(tags), "schemas"))
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title}</h1>{_prose(document['info']['description'])}",
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p><nav>{links}</nav>',
    ]
    for tag, operations in sorted(tags.items()):
        parts += [f'<h2 id="{tag}">{tag}</h2>', *operations]
    parts.append('<h2 id="schemas">schemas</h2>')
    parts += (_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    """One operation: what it does, what it takes, what it answers."""
    rows = [
        (parameter["name"], parameter["in"], parameter["required"], parameter.get("description", ""))
        for parameter in operation.get("parameters", ())
    ]
    takes = _table("parameter", "where", ((n, escape(where), r, said) for n, where, r, said in rows))
    body = operation.get("requestBody")
    sends = f"<p>Body: {_type(_content(body))}</p>" if body else ""
    answers = f"<p>Answer: {_type(_content(operation['responses']['200']))}</p>"
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code> {_inline(operation['summary'])}"
        f"</summary>{_prose(operation.get('description', ''))}{takes}{sends}{answers}</details>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    """One schema: what it is, and its fields."""
    required = schema.get("required", ())
    fields = _table(
        "field",
        "type",
        (
            (field, _type(value), field in required, _said(value))
            for field, value in schema.get("properties", {}).items()
        ),
    )
    described = _prose(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{described}{fields or f"<p>{_type(schema)}</p>"}'


def _content(message: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body or an answer."""
    schema: dict[str, Any] = message["content"]["application/json"]["schema"]
    return schema


def _said(schema: dict[str, Any]) -> str:
    """What a schema says of itself, or one of those it stands for."""
    own = schema.get("description", "")
    return own or next((found for each in schema.get("anyOf", ()) if (found := _said(each))), "")


def _type(schema: dict[str, Any]) -> str:
    """A schema in a word or two; those with a name lead to it."""
    match schema:
        case {"$ref": str(ref)}:
            name = escape(ref.rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": list(choices)}:
            return " or ".join(map(_type, choices))
        case {"enum": list(values)}:
            return " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"type": "array", "items": dict(items)}:
            return f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {_type(values)}"
        case _:
            return escape(str(schema.get("type", "anything")))


def _table(name: str, what: str, rows: Iterable[tuple[str, str, bool, str]]) -> str:
    """Names with what they are (HTML), whether they must be there, and what is said of them."""
    lines = [
        f"<tr><td><code>{escape(each)}</code>{'' if required else ' (optional)'}<td>{kind}<td>{_inline(said)}"
        for each, kind, required, said in rows
    ]
    return f"<table><tr><th>{name}<th>{what}<th>{''.join(lines)}</table>" if lines else ""


def _prose(text: str) -> str:
    """Paragraphs of a description."""
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _inline(text: str) -> str:
    """A line in which code stands between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))

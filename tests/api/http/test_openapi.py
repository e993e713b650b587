"""The published description: OpenAPI 3.1 in itself consistent, and true to the catalogue and the server."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from api.http.app import create_app
from api.http.commands import KINDS
from api.http.documents import page
from api.settings import Settings
from ledger.decisions.base import COMMANDS

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
METHODS = {"get", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_the_page_shows_all_of_it_and_loads_nothing():
    shown = page(DOCUMENT)
    assert not re.search(r"<script|<link|<img|https?://", shown)
    anchors = set(re.findall(r'id="([^"]+)"', shown))
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= anchors
    assert anchors >= DOCUMENT["components"]["schemas"].keys()
    for path, method, _ in operations():
        assert f"<code>{method.upper()} {path}</code>" in shown


def test_it_is_openapi_3_1():
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert DOCUMENT["security"] == [{name: []} for name in DOCUMENT["components"]["securitySchemes"]]


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    referred = {node["$ref"] for node in walk(DOCUMENT) if "$ref" in node}
    assert referred == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_operations_are_complete():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations():
        assert operation["summary"], path
        assert operation["tags"], path
        assert {"200", "4XX", "5XX"} <= operation["responses"].keys()
        assert "422" not in operation["responses"]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        assert operation["responses"]["4XX"]["content"].keys() == {"application/problem+json"}
        assert all(answer["description"] for answer in operation["responses"].values())
        parameters = operation.get("parameters", [])
        assert len({(one["in"], one["name"]) for one in parameters}) == len(parameters)
        assert all(one["description"] for one in parameters if one["in"] != "path")
        named = {one["name"] for one in parameters if one["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path
        assert all(one["required"] for one in parameters if one["in"] == "path")
        assert ("requestBody" in operation) == (method == "post")


def test_patterns_are_regular_expressions():
    for node in walk(DOCUMENT["components"]):
        if isinstance(node.get("pattern"), str):
            re.compile(node["pattern"])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_route_and_a_schema(name: str):
    collection, _, action = name.partition(".")
    operation = DOCUMENT["paths"][f"/v1/{collection}/{{id}}/{action}"]["post"]
    assert operation["operationId"] == name
    required = {one["name"] for one in operation["parameters"] if one["required"]}
    assert required == {"id", "Idempotency-Key"}
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    fields = {field.name: field for field in msgspec.structs.fields(COMMANDS[name])}
    assert schema["properties"].keys() == fields.keys() - {"id"}
    assert set(schema["required"]) == {one for one, field in fields.items() if field.required} - {"id"}
    assert schema["additionalProperties"] is False
    assert schema["description"] == inspect.cleandoc(KINDS[name].command.__doc__ or "")
    assert operation["requestBody"]["required"] == bool(schema["required"])

"""Commands over HTTP, made from the catalogue: one route and one schema each, and all of them in batches."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.facts import Event, event
from api.http.entrance import KEY_ID
from api.http.openapi import answers, body_of, parameter
from api.http.problems import (
    BodyTooLarge,
    IdempotencyKeyMissing,
    Problem,
    UnsupportedMediaType,
    meaning,
    problem,
)
from api.http.service import Service, answer, running
from api.rehearsal import Rehearsed, rehearse
from ledger import catalogue, codec
from ledger.decisions import base
from ledger.errors import InvalidIdentifier, KeyInFlight, LedgerError, Malformed, UnknownCommand
from ledger.events.base import Recorded
from ledger.writer import Result

MAX_BODY = 1 << 20
MAX_BATCH_BODY = 8 << 20
"""Bytes that are taken of a body."""
MAX_BATCH = 1_000

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_ETAG = re.compile(r'"(\d{1,18})"')
_AT = Annotated[
    datetime, msgspec.Meta(tz=True, description="when it counts, RFC 3339 with offset (default: now)")
]


class Answer(msgspec.Struct):
    """What a command led to. `position` is the last of its facts, to be waited for by reads that follow.

    Without `facts` all was so already; `position` is then where the log stood.
    """

    position: int
    facts: list[Event]


class Item(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One command of a batch. `data` is the body it would have alone, `expected` the version its stream has.

    Without an `idempotency_key` of its own it has the batch's with a slash and its place, from 0.
    """

    command: str
    id: str
    data: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    idempotency_key: str = ""
    expected: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Commands that share a commit, each accepted or refused for itself."""

    commands: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class ItemAnswer(msgspec.Struct, omit_defaults=True):
    """What a command of a batch would have been answered alone: a status, and an answer or a problem."""

    status: int
    hit: bool = False
    answer: Answer | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct):
    """One answer for each command, in their order."""

    position: int
    answers: list[ItemAnswer]


class Kind(NamedTuple):
    """A command as this door knows it: its type, its body (all fields but the id), and how both are read."""

    command: type[base.Command]
    body: type[msgspec.Struct]
    decode: Callable[[bytes], msgspec.Struct]
    id_type: Any


def _kind(command: type[base.Command]) -> Kind:
    fields: list[Any] = []
    id_type: Any = str
    for field in msgspec.structs.fields(command):
        if field.name == "id":
            id_type = field.type
        elif field.required:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, _AT | None if field.name == "at" else field.type, field.default))
    body_type = msgspec.defstruct(
        command.__name__,
        fields,
        namespace={"__doc__": inspect.cleandoc(command.__doc__ or "")},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return Kind(command, body_type, msgspec.json.Decoder(body_type).decode, id_type)


_OFTEN = ("orders.", "refunds.")
KINDS = {
    name: _kind(catalogue.command_type(name))
    for name in sorted(base.COMMANDS, key=lambda name: (not name.startswith(_OFTEN), name))
}
"""Every command of the catalogue by its name; the framework looks for a route from first to last."""

_sorted = msgspec.json.Encoder(order="sorted").encode
_decode_batch = msgspec.json.Decoder(Batch).decode


# From bytes to requests.


def decode(read: Callable[[bytes], Any], raw: bytes) -> Any:  # noqa: ANN401 - whatever is read
    """Read JSON into its type; raises Malformed that names the field at fault."""
    try:
        return read(raw)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        named = re.search(r"field `(\w+)`", message)
        field = f"{path.rstrip('`')}.{named[1] if named else ''}".strip(".")
        raise Malformed(f"{message}.", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{error}.", field="body") from None


def _request(name: str, id_: str, raw: bytes, *, key: str, caller: str, expected: int | None) -> base.Request:
    """A command of the catalogue as its caller put it; raises Malformed or UnknownCommand."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownCommand(f"Got {name!r}.", field="command")
    if not _KEY.fullmatch(key):
        raise InvalidIdentifier("A key has 1 to 200 visible ASCII characters.", field="Idempotency-Key")
    body = decode(kind.decode, raw)
    try:
        msgspec.convert(id_, kind.id_type)
    except msgspec.ValidationError:
        raise InvalidIdentifier(f"Got {id_!r}.", field="id") from None
    return base.Request(
        command=kind.command(id=id_, **msgspec.structs.asdict(body)),
        key=f"{caller}/{key}",
        # Of what was sent rather than of what it became: a later release may add fields with defaults.
        digest=codec.digest(name, id_, _sorted(msgspec.json.decode(raw))),
        actor=caller,
        expected=expected,
    )


async def _body(request: Request, most: int) -> bytes:
    """The JSON body; raises BodyTooLarge or UnsupportedMediaType. None at all is an empty object."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise BodyTooLarge(f"At most {most} bytes are taken.", field="body")
        parts.append(part)
    if not size:
        return b"{}"
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(f"Got {media_type!r}.", field="Content-Type")
    return b"".join(parts)


def _expected(request: Request) -> int | None:
    """The version that If-Match names; raises Malformed."""
    given = request.headers.get("if-match")
    if given is None:
        return None
    found = _ETAG.fullmatch(given.strip())
    if found is None:
        raise Malformed(f'Got {given!r}, not an ETag such as "3".', field="If-Match")
    return int(found[1])


def _dry_run(request: Request) -> bool:
    if not request.scope["query_string"]:
        return False
    given = request.query_params.get("dry_run", "false")
    if given not in {"true", "false"}:
        raise Malformed(f"Got {given!r}, not true or false.", field="dry_run")
    return given == "true"


# One command.


async def _carry_out(service: Service, request: Request, name: str) -> Response:
    """Decide one command, or repeat its first answer."""
    key = request.headers.get("idempotency-key")
    if not key:
        raise IdempotencyKeyMissing(field="Idempotency-Key")
    wanted = _request(
        name,
        request.path_params["id"],
        await _body(request, MAX_BODY),
        key=key,
        caller=request.scope[KEY_ID],
        expected=_expected(request),
    )
    if _dry_run(request):
        result, facts = (await run_in_threadpool(rehearse, service.database, [wanted]))[0]
        if isinstance(result, LedgerError):
            raise result
        return _answer(wanted, result, facts, service.position)
    if not service.take(wanted.key):
        raise KeyInFlight(f"Got {key!r}.", field="Idempotency-Key")
    try:
        result = await service.writer.submit(wanted)
    finally:
        service.give_back(wanted.key)
    service.saw(result.last_position)
    facts = await service.reader.gather(range(result.first_position, result.last_position + 1))
    return _answer(wanted, result, facts, result.last_position)


def _answer(request: base.Request, result: Result, facts: Sequence[Recorded], position: int) -> Response:
    headers = {"Idempotency-Hit": "true"} if result.hit else {}
    stream = request.command.stream
    if versions := [recorded.version for recorded in facts if recorded.stream == stream]:
        headers["ETag"] = f'"{versions[-1]}"'
    return answer(Answer(result.last_position, [event(recorded) for recorded in facts]), position, headers)


# Many commands.


async def _carry_out_all(service: Service, request: Request) -> Response:
    """Decide the commands of a batch in one commit, each for itself."""
    dry_run = _dry_run(request)
    batch: Batch = decode(_decode_batch, await _body(request, MAX_BATCH_BODY))
    common = request.headers.get("idempotency-key", "")
    wanted: list[base.Request | LedgerError] = []
    taken: set[str] = set()
    try:
        for number, item in enumerate(batch.commands):
            try:
                found = _item_request(item, common and f"{common}/{number}", request.scope[KEY_ID])
                if not dry_run:
                    _take(service, found.key, taken)
                wanted.append(found)
            except LedgerError as refusal:
                wanted.append(refusal)
        requests = [found for found in wanted if isinstance(found, base.Request)]
        decided = await run_in_threadpool(_decide, service, requests, dry_run=dry_run)
    finally:
        for key in taken:
            service.give_back(key)
    in_turn = iter(decided)
    items = [
        _item_answer(*(next(in_turn) if isinstance(found, base.Request) else Rehearsed(found)))
        for found in wanted
    ]
    return answer(BatchAnswer(service.position, items), service.position)


def _take(service: Service, key: str, taken: set[str]) -> None:
    """Take a key for the batch, whose items may repeat each other; raises KeyInFlight."""
    if key not in taken:
        if not service.take(key):
            raise KeyInFlight(f"Got {key!r}.", field="idempotency_key")
        taken.add(key)


def _item_request(item: Item, common_key: str, caller: str) -> base.Request:
    key = item.idempotency_key or common_key
    if not key:
        raise IdempotencyKeyMissing(field="idempotency_key")
    return _request(item.command, item.id, bytes(item.data), key=key, caller=caller, expected=item.expected)


def _decide(service: Service, requests: Sequence[base.Request], *, dry_run: bool) -> list[Rehearsed]:
    """The answers to all requests, with their facts; waits for the commit."""
    if dry_run:
        return rehearse(service.database, requests)
    results = service.writer.execute_many(requests)
    ranges = [
        range(0)
        if isinstance(result, LedgerError)
        else range(result.first_position, result.last_position + 1)
        for result in results
    ]
    found = service.reader.read(at for positions in ranges for at in positions)
    service.saw(max((positions[-1] for positions in ranges if positions), default=0))
    return [
        Rehearsed(result, [found[at] for at in positions])
        for result, positions in zip(results, ranges, strict=True)
    ]


def _item_answer(result: Result | LedgerError, facts: Sequence[Recorded]) -> ItemAnswer:
    if isinstance(result, LedgerError):
        return ItemAnswer(meaning(result).status, problem=problem(result))
    found = Answer(result.last_position, [event(recorded) for recorded in facts])
    return ItemAnswer(200, result.hit, found)


# The routes.

_DRY_RUN = parameter(
    "dry_run", "query", "Decide, answer and keep nothing.", {"type": "boolean", "default": False}
)
_HEADERS = {
    "ETag": "The version of the command's stream behind its last fact, for If-Match.",
    "Idempotency-Hit": "`true` if this is the answer to an earlier request with the same key.",
}


def _parameters(kind: Kind) -> list[dict[str, Any]]:
    key = {"type": "string", "pattern": "^[!-~]{1,200}$"}
    version = {"type": "string", "pattern": r'^"\d{1,18}"$'}
    return [
        parameter("id", "path", "Whom or what it is about.", msgspec.json.schema(kind.id_type)),
        parameter("Idempotency-Key", "header", "A new one for each new command.", key, required=True),
        parameter("If-Match", "header", "The ETag that the stream must still have.", version),
        _DRY_RUN,
    ]


def _add(router: APIRouter, name: str, kind: Kind) -> None:
    async def endpoint(request: Request) -> Response:
        return await _carry_out(running(request), request, name)

    collection, _, action = name.partition(".")
    title, _, description = inspect.cleandoc(kind.command.__doc__ or "").partition("\n")
    required = any(field.required for field in msgspec.structs.fields(kind.body))
    router.add_api_route(
        f"/v1/{collection}/{{id:path}}/{action}",
        endpoint,
        methods=["POST"],
        tags=[collection],
        operation_id=name,
        summary=title,
        description=" ".join(description.split()),
        response_class=Response,
        responses=answers(Answer, "What it led to.", _HEADERS),
        openapi_extra={"parameters": _parameters(kind), "requestBody": body_of(kind.body, required=required)},
    )


router = APIRouter()
for _name, _one in KINDS.items():
    _add(router, _name, _one)


@router.post(
    "/v1/batch",
    tags=["batch"],
    operation_id="batch",
    summary="Carry out up to 1 000 commands in one commit, each accepted or refused for itself.",
    response_class=Response,
    responses=answers(BatchAnswer, "An answer for each, in their order."),
    openapi_extra={
        "parameters": [
            parameter(
                "Idempotency-Key", "header", "For items that have none of their own.", {"type": "string"}
            ),
            _DRY_RUN,
        ],
        "requestBody": body_of(Batch, required=True),
    },
)
async def batch(request: Request) -> Response:
    """Decide many commands at once."""
    return await _carry_out_all(running(request), request)


last = APIRouter()
"""What is looked at when no other route fits."""


@last.post("/v1/{collection}/{id:path}/{action}", include_in_schema=False)
async def unknown(collection: str, id: str, action: str) -> Response:  # noqa: A002 - the name in the path
    """Say that there is no such command, rather than that the address has another method."""
    raise UnknownCommand(f"Got {collection}.{action} for {id!r}.", field="command")


SCHEMAS = (Answer, Batch, BatchAnswer, *(kind.body for kind in KINDS.values()))

"""Any command of the catalogue, by the same names and with the same fields as over HTTP."""

from __future__ import annotations

import getpass
import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api.cli.opening import opened
from api.cli.output import JSON, amount, examples, print_json, print_line, print_table
from api.facts import Reader, event
from api.rehearsal import rehearse
from ledger import codec, postings
from ledger.catalogue import command_type
from ledger.decisions.base import COMMANDS, Command, Request, identifier
from ledger.errors import InvalidIdentifier, LedgerError, Malformed
from ledger.events.base import Recorded
from ledger.store.database import Database
from ledger.writer import Answer, Result, Writer

app = typer.Typer()


def _catalogue() -> str:
    """Every command with its first sentence."""
    width = max(map(len, COMMANDS))
    hanging = " " * (width + 2)
    lines = (
        textwrap.fill(
            f"{name:{width}}  {(kind.__doc__ or '').splitlines()[0]}", 78, subsequent_indent=hanging
        )
        for name, kind in sorted(COMMANDS.items())
    )
    return "\n".join(("Catalogue:", *lines))


_EXAMPLES = examples(
    """assurance do shops.open S1 --data '{"name": "Tea house"}'""",
    "assurance do orders.place --data @order.json --idempotency-key 7f3a",
    "assurance do orders.place --schema",
)


@app.command(epilog=f"{_EXAMPLES}\n\n{_catalogue()}")
def do(
    name: Annotated[str, typer.Argument(metavar="COLLECTION.ACTION", help="A name of the catalogue below.")],
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="What it is about; may stand in the data instead.")
    ] = "",
    data: Annotated[
        str, typer.Option("--data", metavar="JSON|@FILE", help="The fields of the command; @- reads stdin.")
    ] = "{}",
    key: Annotated[
        str,
        typer.Option("--idempotency-key", help="The same key and command again answer the first result."),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide, but keep nothing.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Only print the JSON Schema of the fields.")
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Carry out a command of the catalogue."""
    kind = command_type(name)
    if schema:
        print_json(msgspec.json.schema(kind))
        return
    request = _request(kind, id_, data, key)
    with opened() as database:
        answer, facts = rehearse(database, [request])[0] if dry_run else _carry_out(database, request)
    if isinstance(answer, LedgerError):
        raise answer
    if as_json:
        said = {
            "position": answer.last_position,
            "hit": answer.hit,
            "parked": answer.parked,
            "dry_run": dry_run,
        }
        print_json({**said, "facts": [msgspec.to_builtins(event(recorded)) for recorded in facts]})
    else:
        _tell(answer, facts, dry_run=dry_run)


def _carry_out(database: Database, request: Request) -> tuple[Answer, Sequence[Recorded]]:
    """What the writer answers, and the facts as they now stand in the log."""
    (answer,) = Writer(database).execute_many([request])
    if isinstance(answer, LedgerError):
        return answer, ()
    positions = range(answer.first_position, answer.last_position + 1)
    found = Reader(database).read(positions)
    return answer, [found[position] for position in positions]


def _request(kind: type[Command], id_: str, data: str, key: str) -> Request:
    """The command from its id and its fields; raises Malformed that names the field at fault."""
    try:
        fields = msgspec.json.decode(_read(data), type=dict[str, object])
        if id_ and fields.setdefault("id", id_) != id_:
            raise Malformed(f"The data say {fields['id']!r}, the command line {id_!r}.", field="id")
        command = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        named = re.search(r"field `(\w+)`", message)
        field = f"{path.rstrip('`')}.{named[1] if named else ''}".strip(".")
        if field == "id" and field in fields:
            raise InvalidIdentifier(f"Got {fields['id']!r}.", field=field) from None
        raise Malformed(
            f"{message}. `assurance do {kind.NAME} --schema` prints the schema.", field=field
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{error}.", field="data") from None
    # Of what was said rather than of what it became: a later release may add fields with defaults.
    digest = codec.digest(kind.NAME, msgspec.json.encode(fields, order="sorted"))
    return Request(command=command, key=key and f"cli/{key}", digest=digest, actor=actor())


def _read(data: str) -> bytes:
    """What follows --data, or the file it names."""
    if not data.startswith("@"):
        return data.encode()
    try:
        return sys.stdin.buffer.read() if data == "@-" else Path(data[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{data[1:]}: {error.strerror}.", param_hint="--data") from None


def actor() -> str:
    """Who sits at the command line, as the machine knows them: `cli/ann`."""
    try:
        return f"cli/{getpass.getuser()}"
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "cli/"


def _tell(answer: Result, facts: Sequence[Recorded], *, dry_run: bool) -> None:
    """What became of the command, for people."""
    if not facts:
        print_line("It is so already; nothing had to be recorded.")
        return
    if dry_run:
        print_line("A dry run: this would be recorded.")
    elif answer.hit:
        print_line("The key is known; this is its first answer.")
    print_table("position  stream  fact", ((each.position, each.stream, each.fact.TOPIC) for each in facts))
    moved = [each for one in facts for each in postings.transfers(one.fact, identifier(one.stream))]
    if moved:
        print_line()
        rows = ((each.debit, each.credit, amount(each.amount, each.currency)) for each in moved)
        print_table("debit  credit  >amount", rows)

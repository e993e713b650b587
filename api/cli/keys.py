"""API keys: each opens the HTTP door for whoever holds it, until it is revoked."""

from __future__ import annotations

from typing import Annotated

import typer

from api import keys
from api.cli.opening import opened, read_settings
from api.cli.output import JSON, examples, note, print_json, print_line, print_table, when

app = typer.Typer(
    help="Create, list and revoke API keys.",
    epilog=examples("assurance keys create warehouse", "assurance keys revoke f5k2r7q3w6x4m2na"),
    no_args_is_help=True,
)


@app.command(epilog=examples("assurance keys create warehouse"))
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whom or what it is for.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Create a key; it is shown this once."""
    settings = read_settings()
    with opened() as database:
        key = keys.create(database, settings.secret.get_secret_value(), name)
    if as_json:
        print_json({"name": name, "key": key})
        return
    print_line(key)
    note("Keep it well: it cannot be shown again. Send it as `Authorization: Bearer ak_…`.")


@app.command("list", epilog=examples("assurance keys list"))
def list_(as_json: Annotated[bool, JSON] = False) -> None:
    """All keys, revoked ones too; never the secrets themselves."""
    with opened() as database:
        found = keys.list_keys(database)
    rows = [
        (key.id, key.name, when(key.created_at), when(key.revoked_at) if key.revoked_at else None)
        for key in found
    ]
    if as_json:
        names = ("id", "name", "created_at", "revoked_at")
        print_json({"keys": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    print_table("id  name  created  revoked", rows)


@app.command(epilog=examples("assurance keys revoke f5k2r7q3w6x4m2na"))
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `assurance keys list` shows it.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Let a key open nothing any more."""
    with opened() as database:
        keys.revoke(database, id_)
    if as_json:
        print_json({"id": id_, "revoked": True})
        return
    print_line(f"Key {id_} is revoked.")

"""Every way the ledger says no: codes that scripts may rely on, what they mean, what to do."""

from __future__ import annotations

from typing import Annotated

import typer

import api.importers
import api.keys
import api.rehearsal
from api.cli.output import EXIT_CODES, JSON, examples, print_json, print_table
from api.http.problems import meaning
from ledger.errors import LedgerError, catalogue

app = typer.Typer()

LOADED = (api.importers, api.keys, api.rehearsal)
"""Rooms that are imported for their errors."""


@app.command(epilog=examples("assurance errors", "assurance errors refused", "assurance errors --json"))
def errors(
    about: Annotated[str, typer.Argument(help="A code, or a part of one.", show_default=False)] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Every way the ledger says no.

    A code never changes its meaning. The status is that of HTTP, exit that of
    this command line; some are met over HTTP alone.
    """
    found = [error for error in catalogue() if about in error.code or about in _kind(error)]
    if as_json:
        print_json([
            {
                "code": error.code,
                "kind": _kind(error),
                "status": meaning(error).status,
                "exit": _exit(error),
                "message": error.title(),
                "remedy": error.remedy(),
            }
            for error in found
        ])  # fmt: skip
        return
    rows = [
        (error.code, meaning(error).status, _exit(error) or "", error.title(), error.remedy())
        for error in found
    ]
    print_table("code  >status  >exit  message  what to do", rows)


def _kind(error: type[LedgerError]) -> str:
    """The code of the group an error belongs to; its own if it is a group."""
    parents = [parent for parent in error.__mro__[1:] if parent in EXIT_CODES and parent is not LedgerError]
    return parents[0].code if parents else error.code


def _exit(error: type[LedgerError]) -> int | None:
    """Errors of HTTP alone have no exit code."""
    if error.__module__.startswith("api.http"):
        return None
    return next(EXIT_CODES[parent] for parent in error.__mro__ if parent in EXIT_CODES)

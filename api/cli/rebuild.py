"""Rebuilding read models from the command line: beside the live ones, compared, and the way back."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from api.cli.opening import opened
from api.cli.output import JSON, examples, print_json, print_line, print_table
from api.cli.projections import plain, print_status, status_of
from projections.engine import Engine
from projections.rebuild import Rebuilt

app = typer.Typer()


@app.command(
    epilog=examples(
        "assurance rebuild", "assurance rebuild refunds --accept", "assurance rebuild refunds --back"
    )
)
def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PROJECTION…", help="Default: all of them.")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=64, help="How many fold. Default: one a core.")
    ] = os.cpu_count() or 1,
    accept: Annotated[
        bool, typer.Option("--accept", help="Where rows differ, the live ones are those that are wrong.")
    ] = False,
    back: Annotated[
        bool, typer.Option("--back", help="Back to the rows that were live before the last switch.")
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Build read models anew from the log, and compare.

    They are built beside the live ones; readers never wait. Rows of the same
    version that come out otherwise are refused unless --accept says that
    they are right. What was live is kept for --back, which needs names.
    """
    if back and (accept or not names):
        raise typer.BadParameter("It takes the names of models, and nothing to accept.", param_hint="--back")
    with opened() as database:
        engine = Engine(database)
        rebuilt = [] if back else engine.rebuild(names or (), processes=processes, accept=accept)
        if back:
            engine.back(names or ())
        found = status_of(engine, names or [])
    if as_json:
        print_json({**plain(found), "rebuilt": [each._asdict() for each in rebuilt]})
        return
    if rebuilt:
        print_table("projection  what  >position  >rows  digest", map(_told, rebuilt))
        print_line()
    print_status(found, as_json=False)


def _told(each: Rebuilt) -> tuple[object, ...]:
    what = "the same as before" if each.outcome == "same" else "switched"
    return each.name, what, each.position, each.rows, each.digest[:16]

"""Read models from the command line: how far they are, what stops one, and the ways on."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.do import actor
from api.cli.opening import opened
from api.cli.output import JSON, WRONG, examples, note, print_json, print_table
from ledger.decisions.base import Request
from ledger.decisions.projection import SkipFact
from ledger.writer import Writer
from projections.engine import Engine, Status

app = typer.Typer(
    help="How far the read models are, and what stops one.",
    epilog=examples(
        "assurance projections",
        "assurance projections retry refunds",
        'assurance projections skip refunds 1234 --reason "its line is of no order"',
    ),
    invoke_without_command=True,
)

Name = Annotated[str, typer.Argument(metavar="PROJECTION", help="As `assurance projections` shows it.")]


@app.callback()
def projections(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """How far the read models are, and what stops one.

    The exit code is 1 if one of them has stopped at a fact.
    """
    if context.invoked_subcommand is not None:
        return
    with opened() as database:
        found = Engine(database).status()
    print_status(found, as_json=as_json)
    if any(status.reason for status in found):
        raise typer.Exit(WRONG)


@app.command(epilog=examples("assurance projections retry refunds"))
def retry(name: Name, as_json: Annotated[bool, JSON] = False) -> None:
    """Let a read model that has stopped try its fact again now."""
    with opened() as database:
        engine = Engine(database)
        engine.retry([name])
        found = status_of(engine, [name])
    print_status(found, as_json=as_json)


@app.command(epilog=examples('assurance projections skip refunds 1234 --reason "its line is of no order"'))
def skip(
    name: Name,
    position: Annotated[int, typer.Argument(metavar="POSITION", min=1, help="Where the fact stands.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with your name.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Let a read model leave out a fact, by a recorded decision.

    The fact stays in the log and counts everywhere else. A read model that
    has already taken it is rebuilt with --accept.
    """
    with opened() as database:
        engine = Engine(database)
        engine.catch_up(0, [name])  # Raises if there is no such model.
        taken = status_of(engine, [name])[0].position >= position
        writer = Writer(database)
        try:
            writer.execute(
                Request(command=SkipFact(id=name, position=position, reason=reason), actor=actor())
            )
        finally:
            writer.close()
        if taken:
            note(
                f"{name} has taken it already: `assurance rebuild {name} --accept` folds it anew without it."
            )
        else:
            engine.catch_up(names=[name])
        found = status_of(engine, [name])
    print_status(found, as_json=as_json)


def status_of(engine: Engine, names: list[str]) -> list[Status]:
    """How the named models are doing, all of them if none is named."""
    return [status for status in engine.status() if not names or status.name in names]


def plain(found: list[Status]) -> dict[str, object]:
    """The same for machines."""
    return {"projections": [status._asdict() for status in found]}


def print_status(found: list[Status], *, as_json: bool) -> None:
    """The same for people, or for machines."""
    if as_json:
        print_json(plain(found))
        return
    rows = (
        (s.name, s.version, s.position, s.lag, s.seconds, s.kept, s.failed_position, s.reason) for s in found
    )
    print_table("projection  >version  >position  >behind  >seconds  >kept at  >stopped at  reason", rows)

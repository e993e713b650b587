"""Operation: proving everything again, the schema, and what the settings say."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from api.cli.opening import opened, read_settings
from api.cli.output import (
    JSON,
    WRONG,
    examples,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress_bar,
)
from ledger import books
from ledger.errors import ProjectionBehind, StorageUnavailable
from ledger.store.database import Database, storage_errors
from ledger.store.migrate import migrate as migrate_database
from ledger.verify import verify as verify_database
from projections.engine import Engine

app = typer.Typer()


@app.command(epilog=examples("assurance verify", "assurance verify --json"))
def verify(as_json: Annotated[bool, JSON] = False) -> None:
    """Prove everything again from the log.

    The exit code is 1 if anything is not what the facts make it; then the
    first wrong row of each check is named.
    """
    with opened() as database, progress_bar() as bar:
        task = bar.add_task("facts", total=books.head_position(database))
        engine = Engine(database)
        with suppress(
            ProjectionBehind, StorageUnavailable
        ):  # A model that has stopped is proved as far as it is.
            engine.catch_up()
        report = verify_database(
            database, engine.check, lambda position: bar.update(task, completed=position)
        )
    if as_json:
        print_json({**report._asdict(), "checks": [check._asdict() for check in report.checks]})
    else:
        print_fields(
            (
                ("facts", report.events),
                ("head", report.head),
                ("root", report.root),
                ("result", "everything holds" if report.ok else "NOT what the facts make it"),
            )
        )
        print_line()
        rows = (
            (c.name, "ok" if c.ok else "WRONG", c.checked, _failure(c.first_failure)) for c in report.checks
        )
        print_table("check  result  >checked  first wrong row", rows)
    if not report.ok:
        raise typer.Exit(WRONG)


def _failure(failure: dict[str, object] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in failure.items()) if failure else ""


@app.command(epilog=examples("assurance migrate"))
def migrate(as_json: Annotated[bool, JSON] = False) -> None:
    """Bring the database to the present schema."""
    with storage_errors():
        database = Database(read_settings().database_url)
        try:
            before, after = migrate_database(database)
        finally:
            database.close()
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        print_line(f"The schema is at {after} already.")
    else:
        print_line(f"The schema was at {before or 'nothing'} and is at {after} now.")


@app.command(
    epilog=examples("assurance settings", "ASSURANCE_DATABASE_URL=sqlite:///other.db assurance settings")
)
def settings(as_json: Annotated[bool, JSON] = False) -> None:
    """All settings, their values and what they are for."""
    found = read_settings().listed()
    if as_json:
        print_json({"settings": [setting._asdict() for setting in found]})
        return
    print_table("variable  value  description", found)

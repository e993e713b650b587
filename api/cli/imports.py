"""Importing what files of other systems report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.opening import opened
from api.cli.output import (
    JSON,
    REFUSED,
    examples,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress_bar,
)
from api.importers import FORMATS, Options, run
from ledger.writer import Writer

app = typer.Typer()

_SHOWN = 20
"""Refused rows that people are shown; JSON has them all."""


@app.command(
    "import",
    epilog=examples(
        "assurance import uci-retail online_retail.csv",
        "assurance import shopify orders.json --shop tea-house",
        "assurance import traffic-fines fines.parquet",
        "assurance import mapping orders.csv --mapping shop.toml --dry-run",
    ),
)
def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", exists=True, dir_okay=False, readable=True, help="What to read."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide every row, but keep nothing.")] = False,
    shop: Annotated[str, typer.Option("--shop", help="The shop, where the format names none.")] = "",
    platform: Annotated[str, typer.Option("--platform", help="What order ids begin with.")] = "",
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE.toml", exists=True, dir_okay=False, help="For `mapping`."),
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Record what files of other systems report.

    An import can be repeated at any time: what is known already is skipped.
    The exit code is 2 if any row was refused; all others are recorded.
    """
    importer = FORMATS.get(format_)
    if importer is None:
        raise typer.BadParameter(f"{format_!r} is not one of {', '.join(FORMATS)}.", param_hint="FORMAT")
    options = Options(shop=shop, platform=platform, mapping=mapping)
    counts = [importer.rows(path) for path in files]
    total = None if None in counts else sum(filter(None, counts))
    with opened() as database, progress_bar() as bar:
        task = bar.add_task("rows", total=total)
        report = run(
            Writer(database),
            importer,
            files,
            options,
            dry_run=dry_run,
            progress=lambda rows: bar.advance(task, rows),
        )
    if as_json:
        print_json(report)
    else:
        print_report(report, title="Dry run: nothing was recorded" if dry_run else "Imported")
    if report["refused"]:
        raise typer.Exit(REFUSED)


def print_report(report: dict[str, Any], *, title: str) -> None:
    """What became of every row, for people."""
    refused = report["refused"]
    print_fields(
        (
            ("rows read", f"{report['read']:,}"),
            ("recorded", f"{report['recorded_rows']:,} rows as {report['recorded']:,} facts"),
            ("skipped", f"{report['skipped']:,} rows"),
            *((f"  {reason}", f"{rows:,} rows") for reason, rows in report.get("filtered", {}).items()),
            ("parked", f"{report['parked']:,} rows"),
            ("refused", f"{len(refused):,} rows"),
            (
                "positions",
                f"{report['first_position']} to {report['last_position']}" if report["recorded"] else "",
            ),
        ),
        title=title,
    )
    print_line()
    documents = report["documents"].items()
    rows = ((kind, f"{total['count']:,}", f"{total['amount']:,}") for kind, total in documents)
    print_table("documents  >count  >minor units", rows)
    if refused:
        print_line()
        shown = refused[:_SHOWN]
        print_table(
            ">refused row  code  reason", ((each["row"], each["code"], each["reason"]) for each in shown)
        )
    if len(refused) > _SHOWN:
        print_line(f"… and {len(refused) - _SHOWN:,} more; --json lists all.")

"""The yearly trust report and the uplift report, as tables, JSON and one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api import trust as trust_
from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, print_json, print_line, print_table
from ledger import time
from ledger.books import head_position
from projections.engine import Engine
from projections.trust import MODELS, UPLIFT_MODELS, days, report, uplift_report
from projections.uplift import WINDOW, Wanted

Year = Annotated[
    int, typer.Option("--year", min=1971, max=9998, help="The year, by the local dates of what happened.")
]
Window = Annotated[
    int,
    typer.Option("--window", min=1, max=366, help="Days of each window around the opening of a benefit."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", dir_okay=False, help="Write one page that opens without a network."
    ),
]

_COLUMNS = "figure  of  >{year}  >{before}  change"


def trust(
    year: Year,
    window: Window = WINDOW,
    html: Page = None,
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The yearly trust report: every figure against the year before.

    What cannot be reckoned says why. `docs/trust-report.md` defines each figure.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=[model.name for model in MODELS])
        position = head_position(database) if asked.as_at is None else asked.as_at
        found = trust_.told(report(database, year, time.now(), asked, window=window), position)
    if html is not None:
        from api.page import page  # noqa: PLC0415 - the plots take a second to be ready

        try:
            html.write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{html}: {error.strerror}.", param_hint="--html") from None
    if as_json:
        print_json(msgspec.to_builtins(found))
    elif html is None:
        _print(found)
    else:
        print_line(f"The report of {year} is in {html}.")


def _print(found: trust_.TrustReport) -> None:
    """Every section as a table."""
    columns = _COLUMNS.format(year=found.year, before=found.year - 1)
    for section in found.sections:
        rows = [row for figure in section.figures for row in trust_.cells(figure)]
        print_table(columns, rows, title=section.title)
        print_line()
    if found.uplift:
        print_table(
            "benefit  >openings  figure  >before  >after  change",
            trust_.uplift_cells(found),
            title=f"Uplift, {found.window} days",
        )
        print_line(found.note)
    if not found.over:
        print_line(f"{found.year} is not over.")


def uplift(
    year: Year,
    window: Window = WINDOW,
    shop: Annotated[str, typer.Option("--shop", help="Only benefits that this shop opened.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Orders, conversion and repurchase in equal windows around the day a shop opened a benefit.

    An association, not a cause. Visits come by `visits.record`.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=[model.name for model in UPLIFT_MODELS])
        wanted = Wanted(*days(year), shop)
        openings = uplift_report(database, wanted, time.now(), asked, window=window)
    found = trust_.opened(year, window, openings)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    print_table("shop  benefit  opened  figure  >before  >after  change", trust_.opening_cells(found))
    print_line(found.note)

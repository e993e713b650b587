"""What is due without anybody asking, found and done."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.opening import moment, opened
from api.cli.output import (
    JSON,
    REFUSED,
    amount,
    examples,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress_bar,
)
from api.due import run_due as run
from ledger import time

app = typer.Typer()

_BY_RULE = {
    "granted": "marks granted",
    "revoked": "marks revoked",
    "units": "units of traffic",
    "tiers": "tiers of agencies changed",
}


@app.command("run-due", epilog=examples("assurance run-due", "assurance run-due --dry-run --json"))
def run_due(
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="What was due at a time; now if nothing is said.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide, but keep nothing.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Do what is due: late goods, coupons, scores, marks.

    What left late is paid for, coupons expire, the index of each shop is kept,
    and the rules of marks, traffic and agencies' tiers are applied.
    It may run as often as you like, and be stopped at any point: nothing is
    paid twice. The exit code is 2 if the ledger refused any of it.
    """
    when = moment(at, "at") if at else time.now()
    if when > time.now() and not dry_run:
        raise typer.BadParameter(f"{at} is still to come: only look, with --dry-run.", param_hint="--at")
    with opened() as database, progress_bar() as bar:
        task = bar.add_task("orders", total=None)
        report = run(database, when, dry_run=dry_run, progress=lambda orders: bar.advance(task, orders))
    if as_json:
        print_json(report)
    else:
        late = report["late"]
        sums = (
            (name, ", ".join(amount(each[name], code) for code, each in sorted(late["currencies"].items())))
            for name in ("compensation", "funded")
        )
        counts = ((name, f"{late[name]:,}") for name in ("orders", "units", "claims"))
        title = "A dry run: this would be recorded" if dry_run else "Late dispatch"
        expired = ("coupons expired", f"{report['expired']['coupons']:,}")
        kept = ("indexes kept", f"{report['snapshots']:,}")
        by_rule = ((words, f"{report['rules'][name]:,}") for name, words in _BY_RULE.items())
        print_fields((("due at", report["at"]), *counts, *sums, expired, kept, *by_rule), title=title)
        if report["refused"]:
            print_line()
            rows = ((each["order"], each["code"], each["reason"]) for each in report["refused"])
            print_table("refused order  code  reason", rows)
    if report["refused"]:
        raise typer.Exit(REFUSED)

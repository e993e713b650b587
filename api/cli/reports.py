"""Reports over all orders and refunds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import typer

from api.cli.opening import opened
from api.cli.output import JSON, examples, print_fields, print_json, print_line, print_table
from ledger import money
from ledger.errors import InvalidTime
from projections import refunds as refunds_
from projections import returning_buyers as returning_buyers_
from projections.engine import Engine

app = typer.Typer(
    help="Reports over all orders: refunds, returning-buyers.",
    epilog=examples("assurance report refunds --by month", "assurance report returning-buyers"),
    no_args_is_help=True,
)

_FIRST_DAY = date(1970, 1, 1)


@app.command(
    epilog=examples(
        "assurance report refunds --by month",
        "assurance report refunds --by sku --from 2011-01-01 --to 2011-12-31",
    )
)
def refunds(
    by: Annotated[
        Literal["day", "month", "shop", "sku"], typer.Option("--by", help="What a row is.")
    ] = "month",
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first local day that counts.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Only refunds in this currency.")] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Refunds: how many documents gave back how much money.

    Days and months are local ones, of the document's earliest line.
    """
    days = {"first_day": _day(first, "from"), "last_day": _day(last, "to")}
    with opened() as database:
        Engine(database).catch_up(names=("refunds",))
        found = refunds_.report(database, by, **days, currency=currency or None)
    if as_json:
        print_json(_only(found, currency))
        return
    for report in found:
        code = report["currency"]
        total = {by: "total", **report["total"]}
        rows = (
            (row[by], row["count"], money.display(row["amount"], code), money.display(row["coupon"], code))
            for row in (*report["rows"], total)
        )
        print_table(f"{by}  >refunds  >money  >coupons", rows, title=code)
    if not found:
        print_line("No refunds.")


def _day(text: str, field: str) -> int | None:
    """A date as the number of its day; raises InvalidTime that names the option."""
    try:
        return (date.fromisoformat(text) - _FIRST_DAY).days if text else None
    except ValueError:
        raise InvalidTime(f"Got {text!r}, not a date such as 2011-12-31.", field=field) from None


def _only(reports: list[dict[str, Any]], currency: str) -> dict[str, Any]:
    """The report of the only currency, as the contract has it."""
    if len(reports) > 1:
        known = ", ".join(report["currency"] for report in reports)
        raise typer.BadParameter(f"There are refunds in {known}: name one.", param_hint="--currency")
    if not reports:
        return {"currency": currency or None, "rows": [], "total": {"count": 0, "amount": 0}}
    (report,) = reports
    group = next(iter(report["rows"][0]))
    return {
        "currency": report["currency"],
        "rows": [{name: row[name] for name in (group, "count", "amount")} for row in report["rows"]],
        "total": {name: report["total"][name] for name in ("count", "amount")},
    }


@app.command("returning-buyers", epilog=examples("assurance report returning-buyers --json"))
def returning_buyers(as_json: Annotated[bool, JSON] = False) -> None:
    """Buyers with at least one order, with two or more, and with orders on two or more days."""
    with opened() as database:
        Engine(database).catch_up(names=("returning_buyers",))
        found = returning_buyers_.report(database)
    if as_json:
        print_json(found)
        return
    print_fields(
        (
            ("buyers", f"{found['buyers']:,}"),
            ("with two or more orders", f"{found['returning_by_order']:,}"),
            ("with orders on two or more days", f"{found['returning_by_day']:,}"),
        )
    )

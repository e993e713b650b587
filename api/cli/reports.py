"""Reports over all orders, claims, penalties and shops, and over the pet fund."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from api.cli import community as community_
from api.cli import reputation as reputation_
from api.cli import traffic as traffic_
from api.cli import trust as trust_
from api.cli.opening import AsAt, AsOf, InCurrency, clocks, in_currency, local_day, opened
from api.cli.output import JSON, examples, print_fields, print_json, print_line, print_table
from ledger import money, time
from projections import claims as claims_
from projections import penalties as penalties_
from projections import pet_fund as pet_fund_
from projections import refunds as refunds_
from projections import returning_buyers as returning_buyers_
from projections import shops as shops_
from projections.engine import Engine

app = typer.Typer(
    help="Reports over all orders, claims and penalties.",
    epilog=examples("assurance report refunds --by month", "assurance report penalties --json"),
    no_args_is_help=True,
)


app.command(
    epilog=examples(
        "assurance report trust --year 2021", "assurance report trust --year 2021 --html trust.html"
    )
)(trust_.trust)
app.command(epilog=examples("assurance report badges", "assurance report badges --as-of 2021-12-31 --json"))(
    traffic_.badges
)
app.command(epilog=examples("assurance report traffic --by shop", "assurance report traffic --json"))(
    traffic_.traffic
)
app.command(
    epilog=examples(
        "assurance report reputation --day 2021-12-01", "assurance report reputation --industry shoes --json"
    )
)(reputation_.reputation)
app.command(
    epilog=examples("assurance report reviews --by shop", "assurance report reviews --shop s1 --json")
)(community_.reviews)
app.command(epilog=examples("assurance report complaints", "assurance report complaints --by shop --json"))(
    community_.complaints
)
app.command(epilog=examples("assurance report votes cup --shop s1"))(community_.votes)
app.command("false-claims", epilog=examples("assurance report false-claims --host h1"))(
    community_.false_claims
)
app.command("false-claim-reports", epilog=examples("assurance report false-claim-reports --status filed"))(
    community_.false_claim_reports
)
app.command(epilog=examples("assurance report notices --brand north"))(community_.notices)
app.command(epilog=examples("assurance report uplift --year 2021 --shop s1"))(trust_.uplift)


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
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        Engine(database).catch_up(names=("refunds",))
        found = refunds_.report(database, by, **days, currency=currency or None)
    if as_json:
        print_json(_only(found, "refunds", currency))
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


@app.command(
    epilog=examples(
        "assurance report fund --by month", "assurance report fund --from 2021-06-01 --to 2021-06-30"
    )
)
def fund(
    by: Annotated[Literal["day", "month"], typer.Option("--by", help="What a row is.")] = "month",
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first local day that counts.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")] = "",
    currency: InCurrency = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The pet fund through time: what it began with, what came and went, what it ended with."""
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        Engine(database).catch_up(names=(pet_fund_.PET_FUND.name,))
        currency = in_currency(database, currency)
        found = pet_fund_.roll_forward(database, by, **days, currency=currency)
    sums = (found.opening, sum(found.came.values()), sum(found.went.values()), found.closing)
    if as_json:
        names = ("opening", "in", "out", "closing")
        print_json(
            {
                "currency": currency,
                "rows": [{by: row.name, **dict(zip(names, row[1:], strict=True))} for row in found.rows],
                "total": {
                    "opening": found.opening,
                    "in": found.came,
                    "out": found.went,
                    "closing": found.closing,
                },
            }
        )
        return
    rows = ((name, *(money.display(sum_, currency) for sum_ in row)) for name, *row in found.rows)
    total = ("total", *(money.display(sum_, currency) for sum_ in sums))
    print_table(f"{by}  >opening  >in  >out  >closing", (*rows, total), title=currency)


def _one(reports: list[dict[str, Any]], what: str) -> dict[str, Any] | None:
    """The report of the only currency, if there is any; raises BadParameter where there are several."""
    if len(reports) > 1:
        known = ", ".join(report["currency"] for report in reports)
        raise typer.BadParameter(f"There are {what} in {known}: name one.", param_hint="--currency")
    return reports[0] if reports else None


def _only(reports: list[dict[str, Any]], what: str, currency: str) -> dict[str, Any]:
    """The report of the only currency, as the contract has it."""
    report = _one(reports, what)
    if not report:
        return {"currency": currency or None, "rows": [], "total": {"count": 0, "amount": 0}}
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


@app.command(
    epilog=examples("assurance report penalties", "assurance report penalties --from 2007-01-01 --json")
)
def penalties(
    by: Annotated[
        Literal["day", "month", "shop"] | None, typer.Option("--by", help="Rows beside the sums.")
    ] = None,
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first local day of imposing that counts.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Only penalties in this currency.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Penalties: what was imposed and paid, what is outstanding, and how appeals ended.

    Due is the fine as it stands now and its fees. What is paid counts with what was returned since.
    """
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        Engine(database).catch_up(names=("penalties",))
        found = penalties_.report(database, clocks(database, as_of, as_at), by=by, **days)
    found = [report for report in found if currency in {"", report["currency"]}]
    if as_json:
        print_json(_one(found, "penalties") or penalties_.nothing(currency or "CNY"))
        return
    for report in found:
        _print_penalties(report, by)
    if not found:
        print_line("No penalties.")


def _print_penalties(report: dict[str, Any], by: str | None) -> None:
    """The sums of one currency for people, and what they are made of."""

    def of(name: str, sum_: int, count: int | None = None) -> tuple[str, str]:
        shown = money.display(sum_, report["currency"])
        return name, shown if count is None else f"{shown} in {count:,}"

    owed_back = report["owed_back"]
    print_fields(
        (
            *(of(name, report[name]) for name in ("imposed", "increased", "fees", "paid")),
            *(of(name, report[name], report[f"{name}_count"]) for name in ("outstanding", "overpaid")),
            ("settled", f"{report['settled_count']:,}"),
            ("in collection", f"{report['in_collection_count']:,}"),
            of("owed back", owed_back["amount"], owed_back["count"]),
            *(
                (f"appeals to {instance}", f"{found['filed']:,} filed, {found['upheld']:,} upheld")
                for instance, found in report["appeals"].items()
            ),
        ),
        title=report["currency"],
    )
    if by:
        names = ("imposed", "increased", "fees", "paid", "outstanding")
        shown = (
            (row[by], *(money.display(row[name], report["currency"]) for name in names))
            for row in report["rows"]
        )
        print_line()
        print_table(f"{by}  >imposed  >increased  >fees  >paid  >outstanding", shown)


@app.command(epilog=examples("assurance report deposits", "assurance report deposits --as-of 2021-12-31"))
def deposits(
    as_of: AsOf = "",
    as_at: AsAt = "",
    currency: Annotated[str, typer.Option("--currency", help="Only sums in this currency.")] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Deposits of all shops, with what the shops are owed and what counts against them.

    Advanced is what was refunded for a shop and not made good, recourse what the pet fund holds against it.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=("shops", "penalties", "account_days"))
        found = shops_.deposits(database, time.now(), asked)
    found = {code: rows for code, rows in found.items() if currency in {"", code}}
    if as_json:
        plain = [
            {"currency": code, "rows": [row._asdict() for row in rows], "total": _total(rows)}
            for code, rows in found.items()
        ]
        print_json(_one(plain, "deposits") or {"currency": currency or None, "rows": [], "total": _total(())})
        return
    for code, rows in found.items():
        lines = [(row.shop, row.status, *(money.display(sum_, code) for sum_ in row[2:])) for row in rows]
        lines.append(("total", "", *(money.display(sum_, code) for sum_ in _total(rows).values())))
        print_table("shop  status  >deposit  >payable  >advanced  >recourse  >fines", lines, title=code)
    if not found:
        print_line("No deposits.")


def _total(rows: Sequence[shops_.Deposit]) -> dict[str, int]:
    """The sums of all shops, minor units."""
    return {name: sum(getattr(row, name) for row in rows) for name in shops_.Deposit._fields[2:]}


@app.command(
    epilog=examples("assurance report payouts --by shop", "assurance report payouts --by day --json")
)
def payouts(
    by: Annotated[
        Literal["day", "month", "shop", "sku", "benefit"], typer.Option("--by", help="What a row is.")
    ] = "month",
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first local day of payment that counts.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Only payouts in this currency.")] = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Payouts: how many compensations were paid to buyers, and how much; what failed does not count."""
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        Engine(database).catch_up(names=("claims", "payouts"))
        found = claims_.report(database, by, **days, currency=currency or None)
    if as_json:
        print_json(_only(found, "payouts", currency))
        return
    for report in found:
        code = report["currency"]
        rows = (
            (row[by], row["count"], money.display(row["amount"], code))
            for row in (*report["rows"], {by: "total", **report["total"]})
        )
        print_table(f"{by}  >payouts  >money", rows, title=code)
    if not found:
        print_line("No payouts.")

"""What shops have earned by rule: the marks of all, the memo book of traffic, what the subsidy has left."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.opening import AsAt, AsOf, clocks, local_day, opened
from api.cli.output import JSON, amount, print_fields, print_json, print_line, print_table, when
from ledger import time
from projections.account_days import ACCOUNT_DAYS
from projections.badges import BADGES, holders
from projections.engine import Engine
from projections.traffic import KINDS, TRAFFIC, By, book, programme


def traffic(
    by: Annotated[By, typer.Option("--by", help="What a row is.")] = "month",
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first local day that counts.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last one, included.")] = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Traffic: the units that shops were given, basic and by the cause of key ones; the subsidy in money."""
    days = {"first_day": local_day(first, "from"), "last_day": local_day(last, "to")}
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(TRAFFIC.name, ACCOUNT_DAYS.name))
        found = book(database, by, asked, **days)
        subsidy = programme(database, time.now(), asked)
    total = {kind: sum(row[kind] for row in found.values()) for kind in KINDS}
    if as_json:
        rows = [{by: name, **row, "units": sum(row.values())} for name, row in found.items()]
        all_ = {**total, "units": sum(total.values())}
        print_json({"rows": rows, "total": all_, "subsidy": subsidy._asdict()})
        return
    lines = [
        (name, *(f"{row[kind]:,}" for kind in KINDS), f"{sum(row.values()):,}")
        for name, row in (*found.items(), ("total", total))
    ]
    print_table(f"{by}  {'  '.join(f'>{kind}' for kind in KINDS)}  >units", lines)
    print_line()
    print_fields(
        ((name, amount(getattr(subsidy, name), subsidy.currency)) for name in ("budget", "granted", "left")),
        title="The subsidy in money",
    )


def badges(as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """Marks: every shop that has one, since when, and by which fact."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(BADGES.name,))
        found = holders(database, asked)
    if as_json:
        print_json({"rows": [{**each._asdict(), "since": when(each.since)} for each in found]})
        return
    rows = ((each.shop, each.badge, when(each.since), each.position) for each in found)
    print_table("shop  mark  since  >position", rows)

"""Shops: the standing of one, and what it holds, is owed and owes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from ledger import time
from projections.engine import Engine
from projections.penalties import PENALTIES
from projections.shops import SHOPS, ShopView, benefits, restraints, shop_view

app = typer.Typer()


@app.command(epilog=examples("assurance shop s1", "assurance shop s1 --as-of 2021-12-31 --json"))
def shop(
    id_: Annotated[str, typer.Argument(metavar="SHOP", help="The shop's id.")],
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A shop as it stands: deposit, dues, benefits."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(SHOPS.name, PENALTIES.name))
        view = shop_view(database, id_, time.now(), asked)
    if as_json:
        print_json(plain_shop(view))
    else:
        print_shop(view)


def plain_shop(view: ShopView) -> dict[str, Any]:
    """The view for machines: sums are minor units, times RFC 3339."""
    return {
        **plain_standing(view),
        "points": view.points,
        "sums": [sums._asdict() for sums in view.sums],
        "position": view.position,
    }


def plain_standing(view: ShopView) -> dict[str, Any]:
    """What of the view is told by the shop's own facts alone."""
    return {
        "id": view.id,
        "status": view.status,
        "name": view.name,
        "industry": view.industry,
        "benefits": benefits(view),
        "restraints": restraints(view),
    }


def print_shop(view: ShopView) -> None:
    """A shop for people: what is nothing is left out."""
    print_fields(
        (
            ("status", view.status or "not opened here"),
            ("name", view.name),
            ("industry", view.industry),
            ("penalty points", view.points or ""),
            ("last position", view.position or ""),
        ),
        title=f"Shop {view.id}",
    )
    for sums in view.sums:
        print_line()
        named = {"fines": "fines due", "recourse": "owed to the pet fund", "advanced": "advanced for it"}
        fields = sums._asdict()
        fields.pop("currency")
        print_fields(
            (named.get(name, name.replace("_", " ")), amount(value, sums.currency))
            for name, value in fields.items()
            if value or name in {"deposit", "payable"}
        )
    if view.restraints:
        print_line()
        rows = ((r.what, r.cause, when(r.since), _until(r.until)) for r in view.restraints)
        print_table("restraint  cause  since  until", rows)
    if view.benefits:
        print_line()
        print_table(
            "benefit  since  until",
            ((each.benefit, when(each.since), _until(each.until)) for each in view.benefits),
        )


def _until(moment: int | None) -> str:
    return "" if moment is None else when(moment)

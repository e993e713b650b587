"""Shops: the standing of one, and what it holds, is owed and owes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from api.cli.reputation import OnDay, plain_index, print_index
from api.merits import shown_score
from api.reputation import asked_day
from ledger import time
from projections.engine import Engine
from projections.merits import Experience, experience_of
from projections.penalties import PENALTIES
from projections.repeat_customers import shop_index
from projections.reputation import REPUTATION
from projections.shops import SHOPS, ShopView, badges, benefits, restraints, shop_view

app = typer.Typer()


@app.command(epilog=examples("assurance shop s1", "assurance shop s1 --as-of 2021-12-31 --json"))
def shop(
    id_: Annotated[str, typer.Argument(metavar="SHOP", help="The shop's id.")],
    day: OnDay = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A shop as it stands: deposit, dues, index."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(SHOPS.name, PENALTIES.name, REPUTATION.name))
        now = time.now()
        view = shop_view(database, id_, now, asked)
        number = asked_day(day, asked, now)
        index = shop_index(database, id_, number, asked)
        rated = experience_of(database, id_, number, asked)
    if as_json:
        print_json({
            **plain_shop(view),
            "reputation": plain_index(index),
            "experience": {"score": shown_score(rated) or None, "missing": list(rated.missing)},
        })  # fmt: skip
    else:
        print_shop(view)
        print_line()
        print_index(index)
        print_line()
        print_experience(rated)


def print_experience(rated: Experience) -> None:
    """The experience score of a shop for people."""
    print_fields(
        (
            ("score", shown_score(rated) or "nobody in the industry was rated"),
            ("not observed", ", ".join(rated.missing)),
        ),
        title=f"Experience on {time.day_text(rated.day)}",
    )


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
        "badges": badges(view),
        "campaigns": list(view.campaigns),
        "provider": view.provider,
    }


def print_shop(view: ShopView) -> None:
    """A shop for people: what is nothing is left out."""
    print_fields(
        (
            ("status", view.status or "not opened here"),
            ("name", view.name),
            ("industry", view.industry),
            ("marks", ", ".join(each.name for each in view.badges if each.until is None)),
            ("campaigns", ", ".join(view.campaigns)),
            ("service provider", view.provider),
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

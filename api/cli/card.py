"""Trust cards: what a buyer may use, holds in coupons, is owed and was paid."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, InCurrency, clocks, in_currency, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table
from ledger import time
from projections.cards import CARDS, CardView, card_view
from projections.engine import Engine

app = typer.Typer()


@app.command(epilog=examples("assurance card B1", "assurance card B1 --as-of 2021-07-01 --json"))
def card(
    buyer: Annotated[str, typer.Argument(metavar="BUYER", help="Whose card it is.")],
    as_of: AsOf = "",
    as_at: AsAt = "",
    currency: InCurrency = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A trust card: uses left, coupons, compensation."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(CARDS.name,))
        view = card_view(database, buyer, time.now(), in_currency(database, currency), asked)
    if as_json:
        print_json(plain_card(view))
    else:
        print_card(view)


def plain_card(view: CardView) -> dict[str, Any]:
    """The view for machines, minor units."""
    return {
        "buyer": view.buyer,
        "tier": view.tier,
        "currency": view.currency,
        "benefits": [
            {"benefit": use.benefit, "used": use.used, "left": use.left, "period": use.period}
            for use in view.benefits
        ],
        "coupons": {
            each.kind: {
                "granted": each.granted,
                "redeemed": each.redeemed,
                "expired": each.expired,
                "left": each.left,
            }
            for each in view.coupons
        },
        "compensation": {"pending": view.pending, "payable": view.payable, "paid": view.paid},
        "position": view.position,
    }


def print_card(view: CardView) -> None:
    """A card for people."""

    def shown(value: int) -> str:
        return amount(value, view.currency)

    print_fields(
        (
            ("tier", view.tier or "no card"),
            ("compensation pending", shown(view.pending)),
            ("compensation payable", shown(view.payable)),
            ("compensation paid", shown(view.paid)),
            ("last position", view.position),
        ),
        title=f"Card of {view.buyer}",
    )
    if view.benefits:
        print_line()
        rows = (
            (use.benefit, use.period, use.used, "no limit" if use.left is None else use.left)
            for use in view.benefits
        )
        print_table("benefit  period  >used  >left", rows)
    if view.coupons:
        print_line()
        print_table(
            "coupons  >granted  >redeemed  >expired  >left",
            (
                (each.kind, *map(shown, (each.granted, each.redeemed, each.expired, each.left)))
                for each in view.coupons
            ),
        )
    if view.owed:
        print_line()
        rows_owed = (
            (owed.cause, *map(shown, (owed.decided, owed.pending, owed.payable, owed.sent)))
            for owed in view.owed
        )
        print_table("compensation for  >decided  >pending  >payable  >paid", rows_owed)

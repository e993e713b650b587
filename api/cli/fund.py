"""The pet fund: what it holds, where that came from and where it went."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, InCurrency, clocks, in_currency, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json
from projections.engine import Engine
from projections.pet_fund import MODELS, FundView, fund_view

app = typer.Typer()


@app.command(epilog=examples("assurance fund", "assurance fund --as-of 2021-12-31 --json"))
def fund(
    as_of: AsOf = "", as_at: AsAt = "", currency: InCurrency = "", as_json: Annotated[bool, JSON] = False
) -> None:
    """The pet fund: what it holds, from where, for what."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=MODELS)
        view = fund_view(database, in_currency(database, currency), asked)
    if as_json:
        print_json(plain_fund(view))
    else:
        print_fund(view)


def plain_fund(view: FundView) -> dict[str, Any]:
    """The view for machines, minor units."""
    fields = view._asdict()
    came, went = fields.pop("came"), fields.pop("went")
    return {**fields, "in": came, "out": went}


def print_fund(view: FundView) -> None:
    """The fund for people: what came, what went, what is left of it."""

    def shown(value: int) -> str:
        return amount(value, view.currency)

    print_fields(
        (
            ("available", shown(view.available)),
            ("reserved for batches", shown(view.reserved)),
            ("fines held until they are decided", shown(view.held)),
            ("held against shops", shown(view.recourse)),
            ("due to claims and batches", shown(view.due)),
            *((f"in: {name.replace('_', ' ')}", shown(value)) for name, value in view.came.items()),
            *((f"out: {name.replace('_', ' ')}", shown(value)) for name, value in view.went.items()),
        ),
        title="Pet fund",
    )

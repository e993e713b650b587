"""How far a buyer's refunds are advanced, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.do import actor
from api.cli.opening import opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table
from ledger import codec, time
from ledger.decisions.base import Request
from ledger.decisions.credit import AssessStanding
from ledger.errors import LedgerError
from ledger.writer import Writer
from projections.credit import CreditView, Standing, credit_view, standing
from projections.engine import Engine

app = typer.Typer()


@app.command(epilog=examples("assurance credit B1", "assurance credit B1 --assess --json"))
def credit(
    buyer: Annotated[str, typer.Argument(metavar="BUYER", help="Whose refunds.")],
    assess: Annotated[
        bool, typer.Option("--assess", help="First keep what the ledger knows of the buyer by now.")
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """How far a buyer's refunds are advanced, and why.

    What counts is the standing that was assessed last: paid orders, voided
    ones, rejected claims; and what the buyer owes now.
    """
    with opened() as database:
        Engine(database).catch_up(names=("order_status", "claims"))
        if assess:
            known = standing(database, buyer)
            command = AssessStanding(id=buyer, **known._asdict())
            (answer,) = Writer(database).execute_many([Request(command=command, actor=actor())])
            if isinstance(answer, LedgerError):
                raise answer
        view = credit_view(database, buyer, time.now())
    if as_json:
        print_json(plain_credit(view))
    else:
        _print(view)


def plain_credit(view: CreditView) -> dict[str, Any]:
    """The view for machines, sums in minor units."""
    plain: dict[str, Any] = codec.plain(view)
    return {**plain, "assessed": view.assessed._asdict(), "known": view.known._asdict()}


def _print(view: CreditView) -> None:
    def sum_(value: int | None) -> str:
        return "not limited" if value is None else amount(value, view.currency)

    print_fields(
        (
            ("card", view.tier or "none"),
            ("terms", view.version),
            ("limit", sum_(view.most)),
            ("advanced", sum_(view.taken)),
            ("left", sum_(view.left)),
            ("assessed", _standing(view.assessed)),
            ("known now", _standing(view.known)),
            ("appeal", "is to be decided" if view.appealed else ""),
        ),
        title=f"Instant refunds of {view.buyer}",
    )
    if view.trace:
        print_line()
        rows = ((step.name, step.expression, amount(step.value, view.currency)) for step in view.trace)
        print_table("step  reckoning  >comes to", rows)


def _standing(known: Standing) -> str:
    """A standing in a line."""
    said = f"{known.paid_orders} paid orders, {known.voided} voided, {known.rejected} rejected claims"
    return f"{said}, at position {known.position}" if known.position else "never"

"""Explaining a figure: its parts, the claims and terms that decided it, the facts behind it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from api.cli.opening import AsAt, AsOf, InCurrency, clocks, in_currency, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table
from api.explain import FIGURES, Explanation, FigureCause
from api.explain import explain as explain_
from ledger import money, time
from projections.cards import CARDS
from projections.engine import Engine
from projections.pet_fund import MODELS

app = typer.Typer()


@app.command(
    epilog="\n".join(
        (
            examples("assurance explain card:B1/compensation", "assurance explain fund/in/fines"),
            "Figures:",
            *(f"  {figure}" for figure in FIGURES),
        )
    )
)
def explain(
    figure: Annotated[str, typer.Argument(metavar="FIGURE", help="Such as fund/available.")],
    as_of: AsOf = "",
    as_at: AsAt = "",
    currency: InCurrency = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most facts that are listed.")] = 100,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The claims, terms and facts behind a figure."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(CARDS.name, *MODELS))
        currency = in_currency(database, currency)
        found = explain_(database, figure, currency=currency, clocks=asked, moment=time.now(), limit=limit)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        _print(found)


def _print(found: Explanation) -> None:
    def shown(value: int) -> str:
        return amount(value, found.currency)

    print_fields((("amount", shown(found.amount)), ("means", found.means)), title=found.figure)
    if found.parts:
        print_line()
        rows = ((part.name, shown(part.amount), part.figure) for part in found.parts)
        print_table("part  >amount  explained by", rows)
    for cause in found.causes:
        print_line()
        _print_cause(cause, found.currency)
    if found.facts:
        print_line()
        behind = (
            (each.position, each.effective_at, each.type, each.stream, shown(each.amount))
            for each in found.facts
        )
        print_table(">position  effective  fact  stream  >amount", behind)
    if found.more:
        print_line("There are older facts; --limit lists more.")


def _print_cause(cause: FigureCause, currency: str) -> None:
    print_fields(
        (
            ("terms", f"{cause.benefit} {cause.version}"),
            ("basis", cause.basis),
            ("floor of the law", ", ".join(cause.law)),
            ("decided", amount(cause.decided, currency)),
            ("funded", amount(cause.funded, currency)),
            ("paid", amount(cause.paid, currency)),
            *((f"borne by {payer}", amount(sum_, currency)) for payer, sum_ in cause.payers.items()),
            ("facts", ", ".join(map(str, cause.facts))),
        ),
        title=cause.name,
    )
    if cause.trace:
        steps = ((step.name, step.expression, money.display(step.value, currency)) for step in cause.trace)
        print_table("step  in minor units  >result", steps)

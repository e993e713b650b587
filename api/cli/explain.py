"""Explaining a figure: its parts, the claims and terms that decided it, the facts behind it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from api.cli.opening import AsAt, AsOf, InCurrency, clocks, in_currency, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table
from api.cli.reputation import OnDay
from api.explain import FIGURES
from api.explain import explain as explain_
from api.figures import Explanation, FigureCause
from api.reputation import asked_day
from ledger import money, time
from projections.cards import CARDS
from projections.engine import Engine
from projections.pet_fund import MODELS
from projections.reputation import REPUTATION

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
    day: OnDay = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most facts that are listed.")] = 100,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The claims, terms and facts behind a figure."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(CARDS.name, REPUTATION.name, *MODELS))
        currency, now = in_currency(database, currency), time.now()
        found = explain_(
            database,
            figure,
            currency=currency,
            clocks=asked,
            moment=now,
            limit=limit,
            day=asked_day(day, asked, now),
        )
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        _print(found)


def _print(found: Explanation) -> None:
    def shown(value: int) -> str:
        return amount(value, found.currency)

    value = shown(found.amount) if found.currency else found.value
    print_fields(
        (("amount" if found.currency else "value", value), ("means", found.means)), title=found.figure
    )
    if found.parts:
        print_line()
        rows = ((part.name, shown(part.amount), part.figure) for part in found.parts)
        print_table("part  >amount  explained by", rows)
    if found.components:
        print_line()
        _print_components(found)
    for cause in found.causes:
        print_line()
        _print_cause(cause, found.currency)
    if found.facts:
        print_line()
        behind = (
            (each.position, each.effective_at, each.type, each.stream, shown(each.amount))
            for each in found.facts
        )
        if found.currency:
            print_table(">position  effective  fact  stream  >amount", behind)
        else:
            print_table(">position  effective  fact  stream", (row[:-1] for row in behind))
    if found.more:
        print_line("There are more facts; --limit lists more of them.")


def _print_components(found: Explanation) -> None:
    """What a figure that is no money is made of, then how the peers lie and which facts are behind each."""
    rows = (
        (each.name, each.inputs, each.value, each.weight, each.percentile, each.points)
        for each in found.components
    )
    print_table("component  counted  >value  >weight  >percentile  >points", rows)
    spreads = [(each.name, *msgspec.structs.astuple(each.peers)) for each in found.components if each.peers]
    if spreads:
        print_line()
        print_table("peers of  >least  >lower quarter  >middle  >upper quarter  >most  >shops", spreads)
    positions = [(each.name, each.count, ", ".join(map(str, each.positions))) for each in found.components]
    if any(count for _, count, _ in positions):
        print_line()
        print_table("facts behind  >facts  positions of the first", [row for row in positions if row[1]])


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

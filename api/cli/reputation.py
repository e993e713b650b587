"""The repeat-customer index of all shops on a day, and of one as `assurance shop` shows it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, print_fields, print_json, print_line, print_table
from api.reputation import asked_day, score, suggestions
from ledger import time
from ledger.reputation import Standing, decimal
from projections.engine import Engine
from projections.repeat_customers import Day, Index, day_index
from projections.reputation import REPUTATION

OnDay = Annotated[
    str,
    typer.Option(
        "--day", metavar="DATE", help="Of which day; that of --as-of, or today, if nothing is said."
    ),
]


def reputation(
    day: OnDay = "",
    industry: Annotated[
        str | None, typer.Option("--industry", help="Only this one; empty: of shops that have none.")
    ] = None,
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The repeat-customer index of every shop that has observations, among the shops of its industry.

    The windows end the day before: docs/reputation.md defines every figure.
    """
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        number = asked_day(day, asked, time.now())
        Engine(database).catch_up(names=(REPUTATION.name,))
        found = day_index(database, number, asked)
    if industry is not None:
        shops = {name: each for name, each in found.industries.items() if name == industry}
        found = found._replace(industries=shops)
    if as_json:
        print_json(_plain(found))
    else:
        _print(found)


def _plain(found: Day) -> dict[str, Any]:
    """The report for machines: exact values are fractions, all else decimals."""
    return {
        "day": time.day_text(found.day),
        "formula": found.formula.version,
        "digest": found.formula.digest,
        "industries": [
            {
                "industry": industry,
                "mean": _mean(shops, exact=True),
                "ranked": _ranked(shops),
                "shops": [
                    msgspec.to_builtins(score(found.rule, industry, shop, standing))
                    for shop, standing in shops.items()
                ],
            }
            for industry, shops in found.industries.items()
        ],
    }


def _mean(shops: dict[str, Standing], *, exact: bool = False) -> str | None:
    mean = next((standing.rank.mean for standing in shops.values()), None)
    return None if mean is None else str(mean) if exact else decimal(mean, 1)


def _ranked(shops: dict[str, Standing]) -> int:
    return next((standing.rank.among for standing in shops.values()), 0)


def _print(found: Day) -> None:
    for number, (industry, shops) in enumerate(found.industries.items()):
        if number:
            print_line()
        title = f"{industry or 'no industry'} on {time.day_text(found.day)}"
        ranked, mean = _ranked(shops), _mean(shops)
        about = f"mean {mean} of {ranked} shops with enough orders" if mean else "no shop has enough orders"
        best = sorted(shops.items(), key=lambda each: (-each[1].exact, each[0]))
        rows = (
            (shop, decimal(each.exact, 1), words(each.label), each.orders, each.deduction or "", _costs(each))
            for shop, each in best
        )
        print_table("shop  >index  label  >orders  >deducted  to improve", rows, title=f"{title}: {about}")
    if not found.industries:
        print_line(f"No shop has an observation in the windows of {time.day_text(found.day)}.")


def words(label: str) -> str:
    """A label or a metric for people."""
    return label.replace("_", " ")


def _costs(standing: Standing) -> str:
    """The metrics that cost points, with what they cost."""
    costs = {component.metric: component.cost for component in standing.components}
    return ", ".join(f"{words(metric)} -{decimal(costs[metric], 1)}" for metric in standing.improve)


def plain_index(index: Index) -> dict[str, Any]:
    """The index of a shop for machines, as `assurance shop` answers it."""
    standing = index.standing
    return {
        "day": time.day_text(index.day),
        "formula": index.formula.version,
        "index": decimal(standing.exact, 1),
        "label": standing.label,
        "orders": standing.orders,
        "missing": list(standing.missing),
        "suggestions": [msgspec.to_builtins(each) for each in suggestions(standing)],
    }


def print_index(index: Index) -> None:
    """The index of a shop for people, with what to improve first."""
    standing, mean = index.standing, index.standing.rank.mean
    print_fields(
        (
            ("index", f"{decimal(standing.exact, 1)}, {words(standing.label)}"),
            ("mean of the industry", "" if mean is None else decimal(mean, 1)),
            (f"orders in {index.rule.windows['early'].first} days", standing.orders),
            ("penalties took off", standing.deduction or ""),
            ("not observed", ", ".join(map(words, standing.missing))),
            *(("to improve", each.suggestion) for each in suggestions(standing)[:1]),
        ),
        title=f"Repeat customers on {time.day_text(index.day)}",
    )

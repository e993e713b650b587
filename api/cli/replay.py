"""The story of an order, claim or shop, fact by fact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from api.cli.claims import plain_claim
from api.cli.opening import AsAt, AsOf, opened
from api.cli.orders import asked, plain_order
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from api.cli.shops import plain_standing
from api.facts import event
from ledger import codec
from ledger.books import Clocks
from ledger.errors import Missing, UnknownClaim, UnknownOrder, UnknownShop
from ledger.events.base import Recorded
from ledger.postings import Transfer
from ledger.store.database import Database
from projections.claims import ClaimView, claim_story
from projections.order_status import OrderView, order_story
from projections.shops import ShopView, shop_story

app = typer.Typer()

Id = Annotated[str, typer.Argument(metavar="ID", help="An order, such as uci:536365, a claim, or a shop.")]


class Told(NamedTuple):
    """A fact in its place, what it tells of (order, claim or shop), that after it, and its transfers."""

    recorded: Recorded
    what: str
    state: dict[str, Any]
    line: str
    transfers: Sequence[Transfer]


@app.command(epilog=examples("assurance replay uci:536365", "assurance replay C1 --step 2 --json"))
def replay(
    id_: Id,
    as_of: AsOf = "",
    as_at: AsAt = "",
    number: Annotated[int, typer.Option("--step", min=0, metavar="N", help="Only this step, from 1.")] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """The story of an order, claim or shop, fact by fact.

    After each fact: how the order, the claim or the shop stands, and the transfers it stands for.
    """
    with opened() as database:
        story = _story(database, id_, asked(database, as_of, as_at))
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


def _story(database: Database, id_: str, clocks: Clocks) -> list[Told]:
    """That of the order of this name, or else of the claim, or else of the shop.

    Raises UnknownOrder where the name is that of an order, `platform:id`, and Missing otherwise.
    """
    try:
        return [
            Told(recorded, "order", plain_order(order), _order_line(order), transfers)
            for recorded, order, transfers in order_story(database, id_, **clocks._asdict())
        ]
    except UnknownOrder:
        found = _claim(database, id_, clocks) or _shop(database, id_, clocks)
        if found:
            return found
        if ":" in id_:
            raise
        raise Missing(f"There was no order, claim or shop {id_!r} then.", field="id") from None


def _claim(database: Database, id_: str, clocks: Clocks) -> list[Told]:
    try:
        steps = claim_story(database, id_, clocks)
    except UnknownClaim:
        return []
    return [
        Told(recorded, "claim", plain_claim(claim), _claim_line(claim), transfers)
        for recorded, claim, transfers in steps
    ]


def _shop(database: Database, id_: str, clocks: Clocks) -> list[Told]:
    try:
        steps = shop_story(database, id_, clocks)
    except UnknownShop:
        return []
    return [
        Told(recorded, "shop", plain_standing(shop), _shop_line(shop), transfers)
        for recorded, shop, transfers in steps
    ]


def _plain_step(number: int, step: Told) -> dict[str, Any]:
    return {
        "step": number,
        "event": msgspec.to_builtins(event(step.recorded)),
        step.what: step.state,
        "transfers": [msgspec.to_builtins(transfer) for transfer in step.transfers],
    }


def _print_step(number: int, of: int, step: Told) -> None:
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
            (f"{step.what} then", step.line),
        ),
        title=f"Step {number} of {of}: {recorded.fact.TOPIC}",
    )
    if step.transfers:
        rows = ((each.debit, each.credit, amount(each.amount, each.currency)) for each in step.transfers)
        print_table("debit  credit  >amount", rows)
    print_line()


def _order_line(view: OrderView) -> str:
    """An order in a line."""
    paid, refunded = view.cash + view.coupon, view.refunded_cash + view.refunded_coupon
    sums = f", paid {amount(paid, view.currency)}, refunded {amount(refunded, view.currency)}"
    return view.status + (sums if paid else "")


def _claim_line(view: ClaimView) -> str:
    """A claim in a line: with the terms it is under, and its sums once it is decided."""
    sums = (
        ("refund", view.refund),
        ("compensation", view.compensation),
        ("due", view.due),
        ("paid", view.paid),
    )
    named = (f"{name} {amount(sum_, view.currency)}" for name, sum_ in sums if sum_)
    return ", ".join((view.status, f"terms {view.benefit} {view.version}", *named))


def _shop_line(view: ShopView) -> str:
    """A shop in a line: what its orders carry by then."""
    carried = [each.benefit for each in view.benefits if each.until is None]
    return ", ".join((view.status, *carried))

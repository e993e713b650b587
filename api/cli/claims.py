"""Claims: what one is on both clocks, how its sum was reckoned, and who bears it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from ledger import codec, money
from projections.claims import ClaimView, claim_view

app = typer.Typer()

Id = Annotated[str, typer.Argument(metavar="ID", help="The claim's id, such as C1.")]


@app.command(epilog=examples("assurance claim C1", "assurance claim C1 --as-of 2021-12-01 --json"))
def claim(id_: Id, as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """A claim as it stands: terms, sums, payers."""
    with opened() as database:
        view = claim_view(database, id_, clocks(database, as_of, as_at))
    if as_json:
        print_json(plain_claim(view))
    else:
        print_claim(view)


def plain_claim(view: ClaimView) -> dict[str, Any]:
    """The view for machines: sums stay minor units, times become RFC 3339."""
    own = {
        "parts": view.parts,
        "returned": view.returned,
        "evidence": [evidence._asdict() for evidence in view.evidence],
        "times": {name: when(*at) for name, at in view.times.items()},
    }
    names = (name for name in view.__struct_fields__ if name not in {*own, "version_of_stream"})
    return {**{name: codec.plain(getattr(view, name)) for name in names}, **own}


def print_claim(view: ClaimView) -> None:
    """A claim for people: what is empty or nothing is left out."""

    def shown(value: int) -> str:
        return amount(value, view.currency) if value else ""

    def shares(parts: dict[str, int]) -> str:
        return ", ".join(f"{payer} {amount(sum_, view.currency)}" for payer, sum_ in parts.items())

    units = ", ".join(
        f"{each.line}/{each.unit} at {money.display(each.paid, view.currency)}" for each in view.units
    )
    print_fields(
        (
            ("status", view.status),
            ("decision", view.decision),
            ("order", view.order),
            ("shop", view.shop),
            ("buyer", view.buyer),
            ("benefit", f"{view.benefit} {view.version}"),
            ("line/unit", units),
            ("cost", shown(view.cost)),
            ("loss", shown(view.loss)),
            ("waybill", view.waybill),
            ("same cause as incident", view.cause),
            ("basis", view.basis),
            ("floor of the law", ", ".join(view.law)),
            ("flags", ", ".join(view.flags)),
            ("refund", shown(view.refund)),
            ("compensation", shown(view.compensation)),
            ("borne by", shares(view.parts)),
            ("given back to", shares(view.returned)),
            ("due", shown(view.due)),
            ("payable", shown(view.payable)),
            ("paid", shown(view.paid)),
            ("forfeited", shown(view.forfeited)),
            ("buyer owes back", shown(view.owed_back)),
            ("buyer gave back", shown(view.recovered)),
            ("reason", view.reason),
            ("marks", ", ".join(view.marks)),
            *((name, when(*at)) for name, at in view.times.items()),
            ("last position", view.position),
        ),
        title=f"Claim {view.id}",
    )
    if view.trace:
        print_line()
        steps = (
            (each.name, each.expression, money.display(each.value, view.currency)) for each in view.trace
        )
        print_table("step  in minor units  >result", steps)
    if view.payments:
        print_line()
        sent = ((each.transfer, each.status, shown(each.amount)) for each in view.payments)
        print_table("transfer  status  >amount", sent)

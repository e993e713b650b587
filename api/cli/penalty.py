"""Penalties: what one is on both clocks, and the steps that led there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.opening import AsAt, AsOf, clocks, opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, print_line, print_table, when
from ledger import codec
from projections.penalties import Step, View, penalty_story

app = typer.Typer()

Id = Annotated[str, typer.Argument(metavar="ID", help="The penalty's id, such as A100.")]


@app.command(epilog=examples("assurance penalty A100", "assurance penalty A100 --as-of 2007-01-01 --json"))
def penalty(id_: Id, as_of: AsOf = "", as_at: AsAt = "", as_json: Annotated[bool, JSON] = False) -> None:
    """A penalty as it stands: money, measures, appeals."""
    with opened() as database:
        story = penalty_story(database, id_, clocks(database, as_of, as_at))
    if as_json:
        print_json(plain_penalty(story[-1].view))
        return
    _print(story[-1].view)
    print_line()
    print_table("effective  what  >moved", map(_told, story))


def plain_penalty(view: View) -> dict[str, Any]:
    """The view for machines: sums stay minor units, times become RFC 3339."""
    known = view.penalty
    return {
        "id": view.id,
        "status": known.status,
        "party": known.party,
        "party_id": known.party_id,
        "shop": known.shop,
        "currency": known.currency,
        "imposed": known.first,
        "fine": known.fine,
        "fees": known.fees,
        "due": known.due,
        "paid": known.received,
        "collected": known.collected,
        "given_back": known.restored + known.returned,
        "held": known.held,
        "released": known.released,
        "outstanding": known.outstanding,
        "overpaid": known.overpaid,
        "owed_back": known.owed_back,
        "points": known.points,
        "measures": codec.plain(known.measures),
        "reason": known.reason,
        "cause": known.cause,
        "in_collection": known.in_collection,
        "trained": known.trained,
        "appeals": list(known.appeals),
        "pending": list(known.pending),
        "ruling": known.ruling,
        "ruled_by": known.ruled_by,
        "accounts": known.accounts,
        "leads": list(known.leads),
        "cases": list(known.cases),
        "times": {step: when(*at) for step, at in view.times.items()},
        "position": view.position,
    }


def _print(view: View) -> None:
    """A penalty for people: what is empty or nothing is left out."""
    known = view.penalty

    def shown(value: int) -> str:
        return amount(value, known.currency) if value else ""

    measures = (f"{each.name} for {each.days} days" if each.days else each.name for each in known.measures)
    ruling = f"{known.ruling} by {known.ruled_by}" if known.ruling else ""
    print_fields(
        (
            ("status", view.penalty.status),
            (known.party, known.party_id),
            ("shop", known.shop if known.party != "shop" else ""),
            ("reason", known.reason),
            ("cause", known.cause),
            ("fine imposed", shown(known.first)),
            ("fine now", shown(known.fine) if known.fine != known.first else ""),
            ("fees", shown(known.fees)),
            ("paid", shown(known.received)),
            ("of it from the deposit", shown(known.collected)),
            ("given back", shown(known.restored + known.returned)),
            ("held", shown(known.held)),
            ("released", shown(known.released)),
            ("outstanding", shown(known.outstanding)),
            ("overpaid", shown(known.overpaid)),
            ("owed back", shown(known.owed_back)),
            ("points", known.points or ""),
            ("measures", ", ".join(measures)),
            ("appeals", ", ".join(known.appeals)),
            ("ruling", ruling),
            ("accounts removed", known.accounts or ""),
            ("leads", ", ".join(known.leads)),
            ("cases", ", ".join(known.cases)),
            ("last position", view.position),
        ),
        title=f"Penalty {view.id}",
    )


def _told(step: Step) -> tuple[str, str, str]:
    """One fact in a line: when, what, and the sum it moved."""
    envelope = step.recorded.envelope
    moved = sum(transfer.amount for transfer in step.transfers)
    return (
        when(envelope.effective_at, envelope.offset),
        step.recorded.fact.TOPIC,
        amount(moved, step.view.penalty.currency) if moved else "",
    )

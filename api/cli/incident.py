"""Incidents: going through long lists of buyers in batches that may be interrupted and repeated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from api.cli.do import actor
from api.cli.opening import opened
from api.cli.output import JSON, amount, examples, print_fields, print_json, progress_bar
from ledger import books
from ledger.decisions.base import Command, Request
from ledger.decisions.incident import MOST, AddMembers, GrantCompensation, Listed, PayCompensation
from ledger.errors import IncidentShort, LedgerError, Malformed, UnknownAccount
from ledger.store.database import Database
from ledger.writer import Result, Writer
from projections.engine import Engine
from projections.incidents import INCIDENT_MEMBERS, IncidentView, incident_view, members

app = typer.Typer(
    help="List, grant and pay the buyers of an incident.",
    epilog=examples("assurance incident add-members I1 buyers.csv", "assurance incident grant I1"),
    no_args_is_help=True,
)

Incident = Annotated[str, typer.Argument(metavar="ID", help="The incident.")]
_MEMBERS = {
    "added": "listed, not granted yet",
    "excluded": "excluded",
    "granted": "granted, not paid yet",
    "paid": "paid",
}
"""How many members have come how far, for people: each of them counts once."""


@app.command(epilog=examples("assurance incident show I1 --json"))
def show(id_: Incident, as_json: Annotated[bool, JSON] = False) -> None:
    """An incident as it stands: what it is about, and what became of its buyers."""
    with opened() as database:
        view = _view(database, id_)
        reserved = _reserved(database, view)
    if as_json:
        print_json(plain_incident(view, reserved))
        return
    incident = view.incident
    print_fields(
        (
            ("status", incident.status),
            ("title", incident.title),
            ("cause", incident.cause),
            ("shop", incident.shop),
            ("for each buyer", amount(incident.amount, incident.currency)),
            ("approved by", ", ".join(incident.approvers)),
            ("approvals needed", incident.approvals),
            ("reserved", amount(reserved, incident.currency)),
            *((f"members {_MEMBERS[status]}", f"{number:,}") for status, number in view.members.items()),
        ),
        title=f"Incident {view.id}",
    )


def _view(database: Database, id_: str) -> IncidentView:
    Engine(database).catch_up(names=(INCIDENT_MEMBERS.name,))
    return incident_view(database, id_)


def _reserved(database: Database, view: IncidentView) -> int:
    """What the fund holds for an incident, minor units."""
    try:
        return books.balances(database, f"pet_fund_reserved:{view.id}")[view.incident.currency]
    except UnknownAccount:
        return 0


def plain_incident(view: IncidentView, reserved: int) -> dict[str, Any]:
    """The view for machines, minor units."""
    incident = view.incident
    return {
        "id": view.id,
        "status": incident.status,
        "title": incident.title,
        "cause": incident.cause,
        "shop": incident.shop,
        "currency": incident.currency,
        "amount": incident.amount,
        "approvals": incident.approvals,
        "approvers": list(incident.approvers),
        "reserved": reserved,
        "members": view.members,
        "position": view.position,
    }


@app.command(
    "add-members",
    epilog=examples("assurance incident add-members I1 buyers.csv"),
)
def add_members(
    id_: Incident,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="CSV of a buyer a line, and the order that shows it if one does; a heading is not needed.",
        ),
    ],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Add the buyers of a file to an incident.

    Who is listed already, in the file or before, stays on the list once: run it again after an interruption.
    """
    with file.open(encoding="utf-8", newline="") as lines:
        rows = sum(1 for _ in lines)
    added = read = 0
    with opened() as database, progress_bar() as bar:
        task = bar.add_task("buyers", total=rows)
        writer = Writer(database)
        for batch in _batches(_listed(file)):
            added += _done(writer, AddMembers(id=id_, members=batch)).facts
            read += len(batch)
            bar.advance(task, len(batch))
    _tell({"read": read, "added": added}, as_json=as_json)


def _listed(file: Path) -> Iterator[Listed]:
    """The buyers of a file; raises Malformed that names the line."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        for number, row in enumerate(csv.reader(text), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 1 and cells[0].lower() == "buyer"):
                continue
            order = cells[1] if len(cells) > 1 else ""
            try:
                yield msgspec.convert({"buyer": cells[0], "order": order}, Listed)
            except msgspec.ValidationError:
                raise Malformed(f"Line {number} names no buyer.", field="FILE") from None


def _batches(listed: Iterator[Listed]) -> Iterator[tuple[Listed, ...]]:
    while batch := tuple(islice(listed, MOST)):
        yield batch


@app.command(epilog=examples("assurance incident grant I1"))
def grant(id_: Incident, as_json: Annotated[bool, JSON] = False) -> None:
    """Grant the compensation to all members of an incident who have not been granted it.

    It may be interrupted and run again: nobody receives it twice. Where the fund has not reserved enough, as
    many receive it as it is enough for.
    """
    granted = 0
    with opened() as database:
        view = _view(database, id_)
        writer = Writer(database)

        def give(buyers: tuple[str, ...]) -> int:
            try:
                return _done(writer, GrantCompensation(id=id_, buyers=buyers)).facts
            except IncidentShort:
                enough = _reserved(database, view) // max(view.incident.amount, 1)
                if enough:
                    _done(writer, GrantCompensation(id=id_, buyers=buyers[:enough]))
                raise

        granted = _for_all(database, view, "added", give)
    _tell({"granted": granted}, as_json=as_json)


@app.command(epilog=examples("assurance incident pay I1"))
def pay(id_: Incident, as_json: Annotated[bool, JSON] = False) -> None:
    """Tell the bank to pay all members of an incident to whom something was granted.

    It may be interrupted and run again: nobody is paid twice.
    """
    with opened() as database:
        view = _view(database, id_)
        writer = Writer(database)

        def send(buyers: tuple[str, ...]) -> int:
            return _done(writer, PayCompensation(id=id_, buyers=buyers)).facts

        paid = _for_all(database, view, "granted", send)
    _tell({"paid": paid}, as_json=as_json)


def _for_all(
    database: Database, view: IncidentView, status: str, act: Callable[[tuple[str, ...]], int]
) -> int:
    """Act on all members with a status, a page at a time; answers how many facts that led to."""
    facts, after = 0, ""
    with progress_bar() as bar:
        task = bar.add_task("buyers", total=view.members[status])
        while page := members(database, view.id, status, after, MOST):
            facts += act(tuple(page))
            after = page[-1]
            bar.advance(task, len(page))
    return facts


def _done(writer: Writer, command: Command) -> Result:
    """What the writer answers; raises its refusal."""
    (answer,) = writer.execute_many([Request(command=command, actor=actor())])
    if isinstance(answer, LedgerError):
        raise answer
    return answer


def _tell(counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        print_json(counts)
    else:
        print_fields((name, f"{number:,}") for name, number in counts.items())

"""Traffic fines: each row of an event log is a step of a penalty, from the fine to its payment or appeal.

A case is one penalty on one shop. Rows of a case may stand anywhere in the file: a step that comes before its
fine waits for it, and of totals and rulings the one with the highest `seq` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from api.importers import readers, values
from api.importers.documents import Document, Importer, Options
from api.importers.readers import Batch
from ledger import codec, money, time
from ledger.decisions.appeal import RecordAppeal, Ruling, Stage
from ledger.decisions.base import Command, Request
from ledger.decisions.fine import PayFine
from ledger.decisions.penalty import (
    ImposePenalty,
    IncreasePenalty,
    Instance,
    SendPenalty,
    SendToCollection,
    ServePenalty,
)
from ledger.errors import LedgerError, Malformed
from ledger.events.base import Source

SYSTEM = "traffic-fines"
CURRENCY = "EUR"
ZONE = values.zone_of("Europe/Rome")
_TIME = "time:timestamp"
COLUMNS = (
    "case_id",
    "seq",
    "activity",
    _TIME,
    "amount_c",
    "expense_c",
    "payment_c",
    "dismissal",
)
OPTIONAL = (
    "article",
    "points",
    "vehicleClass",
    "resource",
    "notificationType",
    "lastSent",
    "matricola",
)


class Row(NamedTuple):
    """A row as values; sums in cents. `extra` is what only the digest of the row keeps."""

    case_id: str
    seq: int
    activity: str
    at: datetime
    amount: int
    expense: int
    payment: int
    dismissal: str
    article: str
    points: int
    extra: tuple[str, ...]


class Step(NamedTuple):
    """What an activity means: the kind it is counted under, where its sum stands, how it is reported."""

    kind: str
    amount: str
    command: Callable[[Row, dict[str, Any], str], Command]


def _imposed(row: Row, said: dict[str, Any], shop: str) -> Command:
    """The column `dismissal` says nothing yet on this row."""
    return ImposePenalty(
        **said,
        party="shop",
        party_id=shop,
        shop=shop,
        currency=CURRENCY,
        fine=row.amount,
        points=row.points,
        reason=f"article {row.article}" if row.article else "traffic fine",
    )


_RULINGS: dict[str, tuple[Ruling, Instance]] = {"#": ("upheld", "prefecture"), "G": ("upheld", "judge")}
"""What `dismissal` says on the rows of an appeal: upheld, and by whom; anything else is not upheld."""


def _sent(row: Row, said: dict[str, Any], _shop: str) -> Command:
    return SendPenalty(**said, fee=row.expense)


def _served(_row: Row, said: dict[str, Any], _shop: str) -> Command:
    return ServePenalty(**said)


def _increased(row: Row, said: dict[str, Any], _shop: str) -> Command:
    return IncreasePenalty(**said, total=row.amount, sequence=row.seq + 1)


def _paid(row: Row, said: dict[str, Any], _shop: str) -> Command:
    return PayFine(**said, amount=row.payment)


def _collected(_row: Row, said: dict[str, Any], _shop: str) -> Command:
    return SendToCollection(**said)


def _appeal(instance: Instance, step: Stage) -> Callable[[Row, dict[str, Any], str], Command]:
    def appealed(row: Row, said: dict[str, Any], _shop: str) -> Command:
        if not row.dismissal:
            return RecordAppeal(**said, instance=instance, step=step)
        ruling, ruled_by = _RULINGS.get(row.dismissal, ("denied", instance))
        return RecordAppeal(
            **said,
            instance=instance,
            step=step,
            ruling=ruling,
            ruled_by=ruled_by,
            reason=f"dismissal {row.dismissal}",
            sequence=row.seq + 1,  # 0 would be the newest of all.
        )

    return appealed


_TO: Instance = "prefecture"

#                                             kind           its sum    what it reports
ACTIVITIES: dict[str, Step] = {
    "Create Fine":                           Step("fines",       "amount",  _imposed),
    "Send Fine":                             Step("fees",        "expense", _sent),
    "Insert Fine Notification":              Step("notices",     "",        _served),
    "Add penalty":                           Step("increases",   "amount",  _increased),
    "Payment":                               Step("payments",    "payment", _paid),
    "Send for Credit Collection":            Step("collections", "",        _collected),
    "Insert Date Appeal to Prefecture":      Step("appeals",     "",        _appeal(_TO, "filed")),
    "Send Appeal to Prefecture":             Step("appeals",     "",        _appeal(_TO, "forwarded")),
    "Receive Result Appeal from Prefecture": Step("appeals",     "",        _appeal(_TO, "received")),
    "Notify Result Appeal to Offender":      Step("appeals",     "",        _appeal(_TO, "notified")),
    "Appeal to Judge":                       Step("appeals",     "",        _appeal("judge", "filed")),
}  # fmt: skip


def documents(path: Path, options: Options) -> Generator[Document]:
    """The rows of a file, each by itself."""
    shop = values.name(options.shop) if options.shop else ""
    for batch in readers.read(path, (*COLUMNS, *OPTIONAL), optional=OPTIONAL):
        for offset, row in enumerate(_rows(batch)):
            number = (batch.first + offset,)
            fault = batch.faults.get(offset)
            try:
                yield Document(number, fault) if fault else _document(number, row, shop or row.case_id)
            except LedgerError as refusal:
                yield Document(number, refusal)


TRAFFIC_FINES = Importer(documents, readers.count)


def _rows(batch: Batch) -> list[Row]:
    """The rows of a batch as values; those that cannot be read are faults of the batch."""
    sums = ("amount_c", "expense_c", "payment_c")
    columns: list[list[Any]] = [
        batch.parsed("case_id", values.name, ""),
        batch.parsed("seq", _place, 0),
        batch.parsed("activity", values.text, "", str),
        batch.parsed(_TIME, _moment, time.EPOCH),
        *(batch.parsed(name, _count, 0) for name in sums),
        batch.parsed("dismissal", values.text, ""),
        batch.parsed("article", values.text, ""),
        batch.parsed("points", _count, 0),
    ]
    for name, found in zip(sums, columns[4:7], strict=True):
        batch.limit(name, found, int, 0, money.MAX_AMOUNT)
    others = zip(*[batch.parsed(name, values.text, "") for name in OPTIONAL[2:]], strict=True)
    return list(map(Row, *columns, others))


def _moment(cell: object) -> datetime:
    return values.moment(cell, ZONE)


def _count(cell: object) -> int:
    return 0 if values.is_missing(cell) else _place(cell)


def _place(cell: object) -> int:
    found = values.whole(cell)
    if found < 0:
        raise Malformed(f"{found} is below zero.")
    return found


def _document(number: tuple[int], row: Row, shop: str) -> Document:
    """One row as a report; raises the refusal of one that cannot be recorded."""
    step = ACTIVITIES.get(row.activity)
    if step is None:
        raise Malformed(f"{values.shown(row.activity)} is no activity of a fine.", field="activity")
    amount = getattr(row, step.amount) if step.amount else 0
    command = step.command(row, {"id": row.case_id, "at": row.at}, shop)
    digest = codec.digest(time.micros(row.at), *(value for value in row if value is not row.at))
    source = Source(SYSTEM, f"{row.case_id}/{row.seq}", 0, digest)
    request = Request(command=command, key=f"{SYSTEM}/{row.case_id}/{row.seq}", digest=digest, source=source)
    return Document(number, request, step.kind, amount)

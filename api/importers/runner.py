"""An import: documents to the writer in batches, and the account of every row.

Each document carries an idempotency key, so an import that was cut off is finished by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from api.importers.documents import Document, Importer, Options, Skip
from ledger.decisions.base import Request
from ledger.errors import LedgerError
from ledger.memory import little_collected
from ledger.writer import Answer, Writer

BATCH_DOCUMENTS = 500
KINDS = ("sales", "refunds", "adjustments")


class Report:
    """What became of every row; `plain` is the report as the command line prints it."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.read = self.recorded = self.skipped = self.parked = self.recorded_rows = 0
        self.refused: list[dict[str, Any]] = []
        self.documents = {kind: {"count": 0, "amount": 0} for kind in KINDS}
        self.filtered: dict[str, int] = {}
        self.first_position = self.last_position = 0

    def add(self, document: Document, answer: Answer | Skip, source: str) -> None:
        """Account for the rows of a document."""
        rows = len(document.rows)
        self.read += rows
        if document.kind:
            total = self.documents.setdefault(document.kind, {"count": 0, "amount": 0})
            total["count"] += 1
            total["amount"] += document.amount
        if isinstance(answer, LedgerError):
            reason = f"{source}{document.name}{': ' if document.name else ''}{answer}"
            self.refused += [{"row": row, "code": answer.code, "reason": reason} for row in document.rows]
        elif isinstance(answer, Skip):
            self.skipped += rows
            self.filtered[answer.reason] = self.filtered.get(answer.reason, 0) + rows
        elif answer.hit or not answer.facts:
            self.skipped += rows
        else:
            self.recorded += answer.facts
            self.first_position = self.first_position or answer.first_position
            self.last_position = max(self.last_position, answer.last_position)
            if answer.parked:
                self.parked += rows
            else:
                self.recorded_rows += rows

    def plain(self) -> dict[str, Any]:
        """The report as dictionaries: `recorded` counts facts, the rest rows; amounts in minor units.

        Positions are 0 if nothing was recorded. `filtered` appears when a mapping left rows out.
        """
        found = {
            "read": self.read,
            "recorded": self.recorded,
            "skipped": self.skipped,
            "parked": self.parked,
            "refused": self.refused,
            "recorded_rows": self.recorded_rows,
            "documents": self.documents,
            "first_position": self.first_position,
            "last_position": self.last_position,
        }
        return {**found, "filtered": self.filtered} if self.filtered else found


def run(
    writer: Writer,
    importer: Importer,
    paths: Sequence[Path],
    options: Options,
    *,
    dry_run: bool = False,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Record what some files hold; answers the report.

    `progress` is told the number of rows dealt with since it was last told. With `dry_run` every batch is
    decided on the ledger as it stands and nothing is kept. Raises Malformed for a file that cannot be read
    (what was recorded before stays, and is skipped when the import is repeated), Unavailable if the database
    cannot be written.
    """
    report = Report()
    for path in paths:
        source = f"{path.name}: " if len(paths) > 1 else ""
        with little_collected(), closing(importer.documents(path, options)) as found:
            documents = islice(found, options.limit or None)
            while batch := list(islice(documents, BATCH_DOCUMENTS)):
                for document, answer in zip(batch, _answers(writer, batch, dry_run=dry_run), strict=True):
                    report.add(document, answer, source)
                if progress is not None:
                    progress(sum(len(document.rows) for document in batch))
    return report.plain()


def _answers(writer: Writer, batch: Sequence[Document], *, dry_run: bool) -> Iterator[Answer | Skip]:
    """What became of each document: its refusal by the importer, or the writer's answer."""
    requests = [document.outcome for document in batch if isinstance(document.outcome, Request)]
    answers = iter(writer.execute_many(requests, dry_run=dry_run) if requests else ())
    for document in batch:
        outcome = document.outcome
        yield next(answers) if isinstance(outcome, Request) else outcome

"""Pages of the log as read models take them: a fact that cannot be read does not hide those behind it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ledger.errors import Corrupt
from ledger.events.base import Envelope, Fact, Recorded
from ledger.store.log import FactMapper
from projections.base import Broken

_NOTHING = Fact()


def read(mapper: FactMapper, rows: Sequence[Sequence[Any]]) -> tuple[list[Recorded], tuple[Broken, ...]]:
    """The facts of rows in the order of `ledger.store.log.COLUMNS`, and those that cannot be read.

    In the place of such a one stands a fact that concerns no model.
    """
    with suppress(Corrupt):
        return mapper.recorded(rows), ()
    facts: list[Recorded] = []
    broken: list[Broken] = []
    for row in rows:
        try:
            facts += mapper.recorded([row])
        except Corrupt as error:
            stream, version, _, _, position = row
            facts.append(Recorded(position, stream, version, Envelope(0, 0, 0), _NOTHING))
            broken.append(Broken(position, error))
    return facts, tuple(broken)

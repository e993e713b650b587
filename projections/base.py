"""What a read model is: a table, the facts it cares for, and two pure functions that say what they change.

`touches` names the rows a fact concerns, `fold` says what each becomes. Both take time and amounts from the
fact and its envelope alone, so that a rebuild a year later gives the same bytes. SQL stays in the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from sqlalchemy import Table

from ledger.events.base import Fact, Recorded

Key = Any
"""The primary key of a row: a plain value, or a tuple of values where it has several columns."""
Row = Any
"""A row while it is folded: a frozen value."""


class Projection(NamedTuple):
    """A read model. A new shape of its table or its fold is a new `version`, with a table of its own.

    `load` makes a row of a stored tuple and `dump` a tuple in the order of the table's columns of a key and
    its row; a `fold` that answers None removes the row. `own` names a kind of stream, if there is one, each
    of whose facts concerns one row alone, by the identifier in the stream's name: such facts can be dealt
    out before they are read. The name of the table ends with `_v{version}`.
    """

    name: str
    version: int
    table: Table
    facts: frozenset[type[Fact]]
    touches: Callable[[Recorded], Iterable[Key]]
    fold: Callable[[Row | None, Recorded, Key], Row | None]
    load: Callable[[Sequence[Any]], Row] = tuple
    dump: Callable[[Key, Row], tuple[Any, ...]] = lambda _key, row: row
    own: str = ""


class Broken(Exception):
    """A fact at `position` that a fold cannot take, and why."""

    def __init__(self, position: int, error: BaseException) -> None:
        super().__init__(position)
        self.position = position
        self.reason = reason(error)


def reason(error: BaseException) -> str:
    """An error in a line, for people."""
    return f"{type(error).__name__}: {error}".replace("\x00", "")[:500]


def concerns(
    projection: Projection, facts: Sequence[Recorded], skipped: AbstractSet[int] = frozenset()
) -> list[tuple[Key, Recorded]]:
    """Which row each fact concerns, in the order of the facts, but those skipped; raises Broken."""
    wanted, touches = projection.facts, projection.touches
    found: list[tuple[Key, Recorded]] = []
    for recorded in facts:
        if type(recorded.fact) in wanted and recorded.position not in skipped:
            try:
                for key in touches(recorded):
                    found.append((key, recorded))  # noqa: PERF401 - one list for all facts
            except Exception as error:
                raise Broken(recorded.position, error) from error
    return found


def folded(
    projection: Projection, stored: Mapping[Key, Sequence[Any]], pairs: Sequence[tuple[Key, Recorded]]
) -> dict[Key, tuple[Any, ...] | None]:
    """What the rows become, as tuples for the table (None: removed), from what is `stored`; raises Broken."""
    load, fold, dump = projection.load, projection.fold, projection.dump
    rows: dict[Key, Row | None] = {}
    for key, recorded in pairs:
        try:
            if key in rows:
                row = rows[key]
            else:
                found = stored.get(key)
                row = None if found is None else load(found)
            rows[key] = fold(row, recorded, key)
        except Exception as error:
            raise Broken(recorded.position, error) from error
    return {key: None if row is None else dump(key, row) for key, row in rows.items()}

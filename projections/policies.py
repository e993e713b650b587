"""Policies: every version of the terms of every benefit, and how each stands at a moment."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypedDict

from sqlalchemy import BigInteger, Column, Integer, Table, Text, select

from ledger import catalogue, time
from ledger.books import Clocks
from ledger.decisions.base import identifier, replay
from ledger.errors import UnknownPolicy
from ledger.events.base import Recorded
from ledger.events.policy import PolicyPublished, PolicyRetired, Rule, Terms
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_policies_v1",
    tables,
    Column("benefit", Text, primary_key=True),
    Column("published", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a benefit: how many versions of its terms were published. The terms are in its stream."""


class Row(NamedTuple):
    """A row of the table."""

    benefit: str
    published: int
    position: int


def touches(recorded: Recorded) -> list[str]:
    """The benefit in whose stream the fact stands."""
    return [identifier(recorded.stream)]


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:
    """The benefit after one more fact of its terms."""
    published = (row.published if row else 0) + (type(recorded.fact) is PolicyPublished)
    return Row(key, published, recorded.position)


POLICIES = Projection(
    "policies", 1, TABLE, frozenset({PolicyPublished, PolicyRetired}), touches, fold, Row._make
)


def terms(database: Database, as_at: int | None = None, benefit: str | None = None) -> list[Terms]:
    """The versions recorded by now or up to a position, those of a benefit in the order of time.

    Which of them counts at a moment they say themselves, whenever they were published. Raises UnknownPolicy
    if the named benefit has none.
    """
    with database.snapshot() as connection:
        reached(connection, POLICIES)
        query = select(TABLE.c.benefit).order_by(TABLE.c.benefit)
        names = [benefit] if benefit is not None else list(connection.execute(query).scalars())
        streams: dict[str, list[Recorded]] = {f"policy-{name}": [] for name in names}
        for recorded in facts_of(connection, database, streams, Clocks(None, as_at)):
            streams[recorded.stream].append(recorded)
    found = [version for stream, facts in streams.items() for version in replay(stream, facts)]
    if benefit is not None and not found:
        raise UnknownPolicy(f"Got {benefit!r}.", field="id")
    return found


Status = Literal["announced", "in_force", "ended"]


def status(version: Terms, moment: int) -> Status:
    """Whether a version is `announced`, `in_force` or `ended` at a moment (UTC microseconds)."""
    if moment < version.effective_from:
        return "announced"
    ended = version.effective_to is not None and version.effective_to <= moment
    return "ended" if ended else "in_force"


def rule_of(version: Terms) -> Rule:
    """What a version says, without its name and its time."""
    return Rule(**{name: getattr(version, name) for name in Rule.__struct_fields__})


class Times(TypedDict):
    """When a version begins and ends."""

    effective_from: str
    effective_to: str | None


def times(version: Terms) -> Times:
    """When a version begins and ends, RFC 3339 in Asia/Shanghai."""
    end = version.effective_to
    return {
        "effective_from": time.rfc3339(version.effective_from, time.HOME_OFFSET),
        "effective_to": None if end is None else time.rfc3339(end, time.HOME_OFFSET),
    }

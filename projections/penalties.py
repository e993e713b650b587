"""Penalties: what each stands for and what was paid of it, the public register, and the sums of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Table,
    Text,
    case,
    func,
    select,
)

from ledger import catalogue, postings, time
from ledger.books import NOW, Clocks
from ledger.codec import fact_types
from ledger.decisions.base import FOLDS, INITIAL, identifier
from ledger.decisions.penalty import Penalty
from ledger.errors import UnknownPenalty
from ledger.events import parking, penalty
from ledger.events.base import Fact, Recorded
from ledger.store.database import Database
from projections.base import Projection
from projections.store import reached, tables
from projections.streams import facts_of
from projections.then import model

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_penalties_v1",
    tables,
    Column("penalty", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("party_id", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("imposed_day", Integer),
    Column("imposed", BigInteger, nullable=False),
    Column("increased", BigInteger, nullable=False),
    Column("fees", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("outstanding", BigInteger, nullable=False),
    Column("owed_back", BigInteger, nullable=False),
    Column("points", Integer, nullable=False),
    Column("in_collection", Integer, nullable=False),
    Column("appeals", Text, nullable=False),
    Column("ruling", Text, nullable=False),
    Column("ruled_by", Text, nullable=False),
    Column("published", BigInteger),
    Column("published_at", BigInteger),
    Column("position", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a penalty, sums in minor units; `due` is the fine as it stands and its fees, `received` all that
was ever paid, `kept` what of it was not given back. `appeals` are the instances in order, `published` the
position of its publication; `state` holds the whole penalty as MessagePack."""

_STEPS: dict[type[Fact], str] = {
    penalty.PenaltyProposed: "proposed",
    penalty.PenaltyImposed: "imposed",
    penalty.PenaltyPublished: "published",
    penalty.PenaltySent: "sent",
    penalty.PenaltyServed: "served",
    penalty.SentToCollection: "in_collection",
    penalty.PenaltyAppealed: "appealed",
    penalty.AppealDenied: "denied",
    penalty.PenaltyVaried: "varied",
    penalty.PenaltyOverturned: "overturned",
    penalty.PenaltyFinal: "final",
    penalty.FineReleased: "released",
}
_ELSEWHERE = {penalty.FineDueRecorded, penalty.FineSharePublished, penalty.BrushingIntercepted}
_FACTS = frozenset(fact for fact in fact_types() if fact.__module__ == penalty.__name__) - _ELSEWHERE


By = Literal["day", "month", "shop"]
_DAY_US = 86_400_000_000


class Row(NamedTuple):
    """A penalty, when each step last happened (step, UTC microseconds, offset in minutes), and its places."""

    penalty: Penalty
    times: tuple[tuple[str, int, int], ...] = ()
    published: int | None = None
    position: int = 0


def touches(recorded: Recorded) -> tuple[str]:
    """The penalty."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:  # noqa: ARG001 - a penalty is found by its key
    """A penalty after one more fact of its own."""
    row = row or Row(INITIAL["penalty"])
    fact, envelope = recorded.fact, recorded.envelope
    after = FOLDS[type(fact)](row.penalty, fact, recorded)
    times, published = row.times, row.published
    if step := _STEPS.get(type(fact)):
        others = (entry for entry in times if entry[0] != step)
        times = (*others, (step, envelope.effective_at, envelope.offset))
        if step == "published":
            published = published or recorded.position
    return Row(after, times, published, recorded.position)


_encode = msgspec.msgpack.Encoder().encode
_fields = [field for field in msgspec.structs.fields(Penalty) if field.name != "parked"]
_Values: Any = tuple[tuple(field.type for field in _fields)]  # type: ignore[misc] # types known when this runs
_decode = msgspec.msgpack.Decoder(tuple[_Values, tuple[tuple[str, int, int], ...]]).decode


def _load(stored: Sequence[Any]) -> Row:
    values, times = _decode(stored[-1])
    # What waits for a penalty is no part of it: those facts are not folded here.
    known = Penalty(**dict(zip((field.name for field in _fields), values, strict=True)))
    return Row(known, times, stored[-4], stored[-2])


def _dump(key: str, row: Row) -> tuple[Any, ...]:
    known = row.penalty
    when = {step: (at, offset) for step, at, offset in row.times}
    return (
        key,
        known.status,
        known.party,
        known.party_id,
        known.shop,
        known.currency,
        time.local_day(*when["imposed"]) if "imposed" in when else None,
        known.first,
        known.increased,
        known.fees,
        known.due,
        known.received,
        known.kept,
        known.outstanding,
        known.owed_back,
        known.points,
        int(known.in_collection),
        ",".join(known.appeals),
        known.ruling,
        known.ruled_by,
        row.published,
        when["published"][0] if "published" in when else None,
        row.position,
        _encode(([getattr(known, field.name) for field in _fields], row.times)),
    )


PENALTIES = Projection("penalties", 1, TABLE, _FACTS, touches, fold, _load, _dump, "penalty")


class View(NamedTuple):
    """A penalty on both clocks: sums in minor units, `times` by step as UTC microseconds and offset."""

    id: str
    penalty: Penalty
    times: dict[str, tuple[int, int]]
    position: int


class Step(NamedTuple):
    """One fact of a penalty's story, the penalty after it, and the transfers it stands for."""

    recorded: Recorded
    view: View
    transfers: tuple[postings.Transfer, ...]


def penalty_story(database: Database, id_: str, clocks: Clocks = NOW) -> list[Step]:
    """The facts of a penalty in recorded order, on both clocks; raises UnknownPenalty."""
    with database.snapshot() as connection:
        found = facts_of(connection, database, [f"penalty-{id_}"], clocks)
    return _story(id_, found)


def _story(id_: str, facts: Iterable[Recorded]) -> list[Step]:
    row, steps = Row(INITIAL["penalty"]), []
    for recorded in facts:
        row = fold(row, recorded, id_)
        view = View(id_, row.penalty, {step: (at, offset) for step, at, offset in row.times}, row.position)
        steps.append(Step(recorded, view, tuple(postings.transfers(recorded.fact, id_))))
    if not any(type(step.recorded.fact) is not parking.FactParked for step in steps):
        raise UnknownPenalty(f"Got {id_!r}.", field="id")
    return steps


def penalty_view(database: Database, id_: str, clocks: Clocks = NOW) -> View:
    """A penalty as it was then; raises UnknownPenalty."""
    return penalty_story(database, id_, clocks)[-1].view


def withheld(database: Database, moment: int) -> dict[str, str]:
    """The shops that a standing penalty gives no traffic at a moment (UTC microseconds), and which one it is.

    Raises ProjectionBehind.
    """
    columns = TABLE.c
    query = select(TABLE).where(columns.party == "shop", columns.imposed_day.is_not(None))
    found: dict[str, str] = {}
    with database.snapshot() as connection:
        reached(connection, PENALTIES)
        for row in connection.execute(query.order_by(columns.penalty)):
            known = _load(row).penalty
            measure = known.measure("traffic") if known.standing else None
            if measure and (not measure.days or moment < known.imposed_at + measure.days * _DAY_US):
                found[known.party_id] = row[0]
    return found


def register(
    database: Database, clocks: Clocks = NOW, *, shop: str = "", after: int = 0, limit: int = 100
) -> list[tuple[int, View]]:
    """The published penalties with the position of their publication, in that order, on both clocks.

    `after` is the position behind which to begin, `shop` the only shop to list. Raises ProjectionBehind.
    """
    columns = TABLE.c
    with database.snapshot() as connection:
        position = reached(connection, PENALTIES)
        until = position if clocks.as_at is None else min(clocks.as_at, position)
        kept = [columns.published > after, columns.published <= until]
        if clocks.as_of is not None:
            kept.append(columns.published_at <= clocks.as_of)
        if shop:
            kept.append(columns.shop == shop)
        query = select(columns.penalty, columns.published).where(*kept).order_by(columns.published)
        places = {f"penalty-{id_}": place for id_, place in connection.execute(query.limit(limit))}
        found = facts_of(connection, database, places, Clocks(clocks.as_of, until))
    stories: dict[str, list[Recorded]] = {}
    for recorded in found:
        stories.setdefault(recorded.stream, []).append(recorded)
    views = (
        (place, _story(identifier(stream), stories[stream])[-1].view) for stream, place in places.items()
    )
    # Who published a penalty before the moment it was imposed left nothing to show for the time between.
    return [(place, view) for place, view in views if view.penalty.imposed]


def report(
    database: Database,
    clocks: Clocks = NOW,
    *,
    by: By | None = None,
    first_day: int | None = None,
    last_day: int | None = None,
) -> list[dict[str, Any]]:
    """The sums of all imposed penalties, one report a currency, in minor units, on both clocks.

    What is due is the fine as it stands and its fees. Outstanding is what is unpaid of penalties that stand;
    overpaid and settled count those of which more, or exactly, what is due was paid and kept, whatever became
    of them (what a lowered fine leaves over is owed back, not overpaid). Days are local ones of imposing.
    With `by` each report has `rows` too: the same sums without the appeals, by day, month or shop.
    """
    columns = TABLE.c
    kept: list[ColumnElement[bool]] = [columns.imposed_day.is_not(None)]
    if first_day is not None:
        kept.append(columns.imposed_day >= first_day)
    if last_day is not None:
        kept.append(columns.imposed_day <= last_day)
    with model(database, PENALTIES, clocks) as connection:
        query = select(columns.currency, *_sums()).where(*kept).group_by(columns.currency)
        totals = connection.execute(query.order_by(columns.currency)).all()
        ends = (columns.currency, columns.appeals, columns.ruling, columns.ruled_by)
        appeals = connection.execute(select(*ends, func.count()).where(*kept).group_by(*ends)).all()
        of = columns.shop if by == "shop" else columns.imposed_day
        query = select(columns.currency, of, *_sums()).where(*kept).group_by(columns.currency, of)
        groups = connection.execute(query).all() if by else []
    reports = []
    for currency, *sums in totals:
        found = {"currency": currency, **_named(sums)}
        found["appeals"] = _appeals(row for code, *row in appeals if code == currency)
        found["owed_back"] = found.pop("owed_back")  # Last, as people read it.
        if by:
            mine = [(name, list(map(int, rest))) for code, name, *rest in groups if code == currency]
            found["rows"] = [{by: name, **_named(rest)} for name, rest in _grouped(by, mine)]
        reports.append(found)
    return reports


def _named(sums: Sequence[Any]) -> dict[str, Any]:
    """Sums under their names; what is owed back stands with its count."""
    named: dict[str, Any] = dict(zip(_NAMES, map(int, sums), strict=True))
    named["owed_back"] = {"count": named.pop("owed_back_count"), "amount": named["owed_back"]}
    return named


def _appeals(groups: Iterable[Sequence[Any]]) -> dict[str, dict[str, int]]:
    """How many appeals each instance had, and of how many penalties it upheld the last one."""
    found = {name: {"filed": 0, "upheld": 0} for name in ("prefecture", "judge")}
    for filed, ruling, ruled_by, count in groups:
        for instance in filter(None, filed.split(",")):
            found.setdefault(instance, {"filed": 0, "upheld": 0})["filed"] += count
        if ruling == "overturned":
            found.setdefault(ruled_by, {"filed": 0, "upheld": 0})["upheld"] += count
    return found


def _grouped(by: By, groups: list[tuple[Any, list[int]]]) -> list[tuple[str, list[int]]]:
    """The groups in order and with names for people: day numbers become dates, days become months."""
    length = {"day": len("2011-01-01"), "month": len("2011-01")}
    found: dict[str, list[int]] = {}
    for group, sums in groups:
        name = group if by == "shop" else time.day_text(group)[: length[by]]
        known = found.get(name)
        found[name] = [a + b for a, b in zip(known, sums, strict=True)] if known else sums
    return sorted(found.items())


_NAMES = (
    "imposed",
    "increased",
    "fees",
    "paid",
    "outstanding",
    "outstanding_count",
    "overpaid",
    "overpaid_count",
    "settled_count",
    "in_collection_count",
    "owed_back",
    "owed_back_count",
)


def _sums() -> tuple[ColumnElement[int], ...]:
    """The columns of a report, in the order of their names."""
    columns = TABLE.c
    over = (columns.kept > columns.due) & (columns.ruling != "varied")
    return (
        func.sum(columns.imposed),
        func.sum(columns.increased),
        func.sum(columns.fees),
        func.sum(columns.received),
        func.sum(columns.outstanding),
        func.count(case((columns.outstanding > 0, 1))),
        func.sum(case((over, columns.kept - columns.due), else_=0)),
        func.count(case((over, 1))),
        func.count(case((columns.kept == columns.due, 1))),
        func.sum(columns.in_collection),
        func.sum(columns.owed_back),
        func.count(case((columns.owed_back > 0, 1))),
    )


def nothing(currency: str) -> dict[str, Any]:
    """The report of a currency in which no penalty was imposed."""
    found = {"currency": currency, **_named([0] * len(_NAMES)), "appeals": _appeals(())}
    return {**found, "owed_back": found.pop("owed_back")}

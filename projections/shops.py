"""Shops: the standing of each, what it holds, is owed and owes, and the deposits of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, Table, Text, select

from ledger import catalogue, postings, time
from ledger.books import NOW, Clocks
from ledger.codec import fact_types
from ledger.decisions.base import FOLDS, INITIAL, identifier, replay
from ledger.decisions.penalty import FineDue
from ledger.decisions.recourse import Recourse
from ledger.decisions.standing import Badge, Opening, Restraint, Shop
from ledger.errors import UnknownAccount, UnknownShop
from ledger.events import badge, campaign, recourse, shop
from ledger.events.base import Recorded
from ledger.events.penalty import FineDueRecorded
from ledger.store.database import Database
from ledger.store.schema import accounts
from projections import account_days
from projections.base import Projection
from projections.penalties import TABLE as PENALTY_TABLE
from projections.store import reached, tables
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_shops_v2",
    tables,
    Column("shop", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("industry", Text, nullable=False),
    Column("benefits", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a shop; `benefits` counts those that are open now, `state` is the whole shop as MessagePack."""

ACCOUNTS = {
    "deposit":       "shop_deposit",
    "payable":       "shop_payable",
    "advanced":      "refund_advance",
    "recourse":      "recourse_receivable",
    "freight_pool":  "freight_pool",
    "warranty_pool": "warranty_pool",
}  # fmt: skip
"""What a shop's sums are called, and the account of each."""

_IN_MODULES = {shop.__name__, recourse.__name__, badge.__name__, campaign.__name__}
_FACTS = {fact for fact in fact_types() if fact.__module__ in _IN_MODULES} | {FineDueRecorded}
_FACTS -= {shop.HostPaidOut}


class Row(NamedTuple):
    """A shop and the position of the last fact of its own."""

    shop: Shop
    position: int = 0


def touches(recorded: Recorded) -> tuple[str]:
    """The shop."""
    return (identifier(recorded.stream),)


def fold(row: Row | None, recorded: Recorded, key: str) -> Row:  # noqa: ARG001 - a shop is found by its key
    """A shop after one more fact of its own."""
    before = row.shop if row else INITIAL["shop"]
    return Row(FOLDS[type(recorded.fact)](before, recorded.fact, recorded), recorded.position)


def status(known: Shop, moment: int | None = None) -> str:
    """One word for people: what weighs most at a moment (UTC microseconds); empty for what nobody opened.

    Without a moment a suspension lasts until somebody lifts it.
    """
    for what in ("banned", "suspended"):
        if known.held(what, moment):
            return what
    if known.status == "open" and known.restricted:
        return "restricted"
    return known.status


_encode = msgspec.msgpack.Encoder().encode
# What the shop's state leaves open, as it belongs to others further up.
_OPEN_TYPES: dict[str, Any] = {"recourses": tuple[Recourse, ...], "fines": tuple[FineDue, ...]}
_FIELDS = [(field.name, _OPEN_TYPES.get(field.name, field.type)) for field in msgspec.structs.fields(Shop)]
_decode = msgspec.msgpack.Decoder(tuple[tuple(kind for _, kind in _FIELDS)]).decode  # type: ignore[misc] # see above


def _load(stored: Sequence[Any]) -> Row:
    return Row(Shop(*_decode(stored[-1])), stored[-2])


def _dump(key: str, row: Row) -> tuple[Any, ...]:
    known = row.shop
    open_ = sum(opening.until is None for opening in known.benefits)
    state = _encode([getattr(known, name) for name, _ in _FIELDS])
    return (key, status(known), known.name, known.currency, known.industry, open_, row.position, state)


SHOPS = Projection("shops", 2, TABLE, frozenset(_FACTS), touches, fold, _load, _dump)


def page(database: Database, after: str = "", limit: int = 200) -> list[tuple[str, Shop]]:
    """Some shops that were opened and not closed, behind one by name; raises ProjectionBehind."""
    columns = TABLE.c
    query = select(TABLE).where(columns.shop > after, columns.status.not_in(("", "closed")))
    with database.snapshot() as connection:
        reached(connection, SHOPS)
        rows = connection.execute(query.order_by(columns.shop).limit(limit)).all()
    return [(row[0], _load(row).shop) for row in rows]


class Sums(NamedTuple):
    """What a shop holds, is owed and owes in one currency, minor units.

    `advanced` was paid for it and not made good, `recourse` is what the fund holds against it, `fines` what
    its deposit owes of fines.
    """

    currency: str
    deposit: int = 0
    payable: int = 0
    advanced: int = 0
    recourse: int = 0
    freight_pool: int = 0
    warranty_pool: int = 0
    fines: int = 0


class ShopView(NamedTuple):
    """A shop for people; `status` is open, restricted, suspended, banned, closing, closed, or empty.

    `points` are those of its penalties that stand. `position` is that of the last fact of its own. `badges`
    are the marks it has or had, `campaigns` those it entered, `provider` is the agency that serves it.
    """

    id: str
    status: str
    name: str
    industry: str
    benefits: tuple[Opening, ...]
    restraints: tuple[Restraint, ...]
    points: int
    sums: tuple[Sums, ...]
    position: int
    badges: tuple[Badge, ...] = ()
    campaigns: tuple[str, ...] = ()
    provider: str = ""


def shop_view(database: Database, id_: str, now: int, clocks: Clocks = NOW) -> ShopView:
    """A shop at `now` (UTC microseconds), or on both clocks.

    Raises UnknownShop if neither its stream nor the books know it.
    """
    with database.snapshot() as connection:
        reached(connection, SHOPS)
        told = facts_of(connection, database, [f"shop-{id_}"], clocks)
        query = select(PENALTY_TABLE.c.penalty).where(
            PENALTY_TABLE.c.party == "shop", PENALTY_TABLE.c.party_id == id_
        )
        penalties = list(connection.execute(query).scalars())
        of_penalties = facts_of(connection, database, [f"penalty-{each}" for each in penalties], clocks)
    known: Shop = replay(f"shop-{id_}", told)
    sums = _sums(database, id_, known, clocks)
    if not told and not sums:
        raise UnknownShop(f"Got {id_!r}.", field="id")
    return ShopView(
        id_,
        status(known, now if clocks.as_of is None else clocks.as_of),
        known.name,
        known.industry,
        known.benefits,
        known.restraints,
        _points(of_penalties),
        sums,
        told[-1].position if told else 0,
        *_merits(known),
    )


def _merits(known: Shop) -> tuple[tuple[Badge, ...], tuple[str, ...], str]:
    return known.badges, known.campaigns, known.provider


class Step(NamedTuple):
    """One fact of a shop's own: in its place, with the standing after it and the transfers it stands for.

    The standing of a step has neither points nor sums: those come from other streams too.
    """

    recorded: Recorded
    view: ShopView
    transfers: tuple[postings.Transfer, ...]


def shop_story(database: Database, id_: str, clocks: Clocks = NOW) -> list[Step]:
    """The facts of a shop's own stream in recorded order; raises UnknownShop without any."""
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"shop-{id_}"], clocks)
    if not told:
        raise UnknownShop(f"Got {id_!r}.", field="id")
    known: Shop = INITIAL["shop"]
    steps = []
    for recorded in told:
        known = FOLDS[type(recorded.fact)](known, recorded.fact, recorded)
        word = status(known, recorded.envelope.effective_at)
        whole = known.name, known.industry, known.benefits, known.restraints
        view = ShopView(id_, word, *whole, 0, (), recorded.position, *_merits(known))
        steps.append(Step(recorded, view, tuple(postings.transfers(recorded.fact, id_))))
    return steps


def _points(facts: Iterable[Recorded]) -> int:
    """Those of penalties that stand."""
    streams: dict[str, list[Recorded]] = {}
    for recorded in facts:
        streams.setdefault(recorded.stream, []).append(recorded)
    found = (replay(stream, told) for stream, told in streams.items())
    return sum(penalty.points for penalty in found if penalty.standing)


def _sums(database: Database, id_: str, known: Shop, clocks: Clocks) -> tuple[Sums, ...]:
    found: dict[str, dict[str, int]] = {known.currency: {}} if known.currency else {}
    for name, account in ACCOUNTS.items():
        try:
            held = account_days.balances(database, f"{account}:{id_}", clocks)
        except UnknownAccount:
            continue
        for currency, amount in held.items():
            if amount or clocks == NOW:  # An account that is empty then may not have been there.
                found.setdefault(currency, {})[name] = amount
    for fine in known.fines:
        sums = found.setdefault(fine.currency, {})
        sums["fines"] = sums.get("fines", 0) + fine.due
    return tuple(Sums(currency, **sums) for currency, sums in sorted(found.items()))


def benefits(view: ShopView) -> list[dict[str, str | None]]:
    """The times in which its orders carry a benefit, for machines."""
    return [
        {"benefit": each.benefit, "since": _when(each.since), "until": _when(each.until)}
        for each in view.benefits
    ]


def restraints(view: ShopView) -> list[dict[str, str | None]]:
    """What it may not do, for machines."""
    return [
        {"what": each.what, "cause": each.cause, "since": _when(each.since), "until": _when(each.until)}
        for each in view.restraints
    ]


def badges(view: ShopView) -> list[dict[str, str | None]]:
    """The marks it has or had, each as it was granted last, for machines."""
    return [
        {"badge": each.name, "rule": each.rule, "since": _when(each.since), "until": _when(each.until)}
        for each in view.badges
    ]


def _when(moment: int | None) -> str | None:
    return None if moment is None else time.rfc3339(moment, time.HOME_OFFSET)


class Deposit(NamedTuple):
    """A shop in the report of deposits, with what counts against its deposit, in minor units."""

    shop: str
    status: str
    deposit: int
    payable: int
    advanced: int
    recourse: int
    fines: int


def deposits(database: Database, now: int, clocks: Clocks = NOW) -> dict[str, list[Deposit]]:
    """By currency: every shop whose deposit, payable, advances, recourse or fines are not zero."""
    with database.snapshot() as connection:
        reached(connection, SHOPS)
        names = set(connection.execute(select(TABLE.c.shop)).scalars()) | _in_the_books(connection)
        streams: dict[str, list[Recorded]] = {f"shop-{id_}": [] for id_ in sorted(names)}
        for recorded in facts_of(connection, database, streams, clocks):
            streams[recorded.stream].append(recorded)
    rows: dict[str, list[Deposit]] = {}
    for stream, told in streams.items():
        id_, known = identifier(stream), replay(stream, told)
        word = status(known, now if clocks.as_of is None else clocks.as_of)
        for sums in _sums(database, id_, known, clocks):
            counts = sums.deposit, sums.payable, sums.advanced, sums.recourse, sums.fines
            if any(counts):
                rows.setdefault(sums.currency, []).append(Deposit(id_, word, *counts))
    return dict(sorted(rows.items()))


def _in_the_books(connection: Connection) -> set[str]:
    """The shops that have an account, opened or not."""
    found: set[str] = set()
    for account in ("shop_deposit", "shop_payable", "refund_advance", "recourse_receivable"):
        within = accounts.c.name.startswith(f"{account}:", autoescape=True)
        names = connection.execute(select(accounts.c.name).where(within)).scalars()
        found |= {name.partition(":")[2] for name in names}
    return found

"""Hosts: the standing of one and what the books owe it, on both clocks."""

from __future__ import annotations

from typing import NamedTuple

from ledger import catalogue
from ledger.books import NOW, Clocks
from ledger.decisions.base import replay
from ledger.decisions.host import Host
from ledger.decisions.standing import Restraint, held
from ledger.errors import UnknownAccount, UnknownHost
from ledger.store.database import Database
from projections import account_days
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds


class HostView(NamedTuple):
    """A host for people; `status` is open, suspended, banned, closed, or empty for one nobody opened.

    `payable` is what it is owed by currency, minor units; `position` that of the last fact of its own.
    """

    id: str
    status: str
    name: str
    provider: str
    restraints: tuple[Restraint, ...]
    payable: dict[str, int]
    position: int


def host_view(
    database: Database, id_: str, now: int, clocks: Clocks = NOW, *, known_to_sell: bool = False
) -> HostView:
    """A host at `now` (UTC microseconds), or on both clocks; raises UnknownHost.

    A host whom nobody opened is known by what the books owe it, or by what it sold.
    """
    with database.snapshot() as connection:
        told = facts_of(connection, database, [f"host-{id_}"], clocks)
    known: Host = replay(f"host-{id_}", told)
    try:
        payable = account_days.balances(database, f"host_payable:{id_}", clocks)
    except UnknownAccount:
        payable = {}
    if not told and not payable and not known_to_sell:
        raise UnknownHost(f"Got {id_!r}.", field="id")
    moment = now if clocks.as_of is None else clocks.as_of
    return HostView(
        id_,
        _status(known, moment),
        known.name,
        known.provider,
        known.restraints,
        payable,
        told[-1].position if told else 0,
    )


def _status(known: Host, moment: int) -> str:
    for what in ("banned", "suspended"):
        if held(known.restraints, what, moment):
            return what
    return known.status

"""The daily snapshots of the repeat-customer index: what was counted, brought to the ledger to be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ledger import time
from ledger.decisions.base import Command
from ledger.decisions.score import Counted, TakeScore, subject
from ledger.errors import LedgerError
from ledger.events.base import Recorded
from ledger.reputation import Component, Standing
from ledger.store.database import Database, Lookup
from projections.repeat_customers import latest_index

_AT_ONCE = 200

Decide = Callable[[Sequence[Command]], Sequence[Sequence[Recorded] | LedgerError]]


def take(database: Database, moment: int, decide: Decide) -> int:
    """Keep the index of every shop that has observations on the day of a moment (UTC microseconds).

    Answers how many were kept. A day that was taken is left alone: its snapshot is what was answered then.
    Raises the first refusal, and ProjectionBehind if the read model is not built.
    """
    day, at = time.local_day(moment, time.HOME_OFFSET), time.moment(moment, time.HOME_OFFSET)
    position, found = latest_index(database, day)
    standings = [
        (shop, industry, standing)
        for industry, shops in found.industries.items()
        for shop, standing in shops.items()
    ]
    kept = 0
    for begin in range(0, len(standings), _AT_ONCE):
        some = standings[begin : begin + _AT_ONCE]
        taken = _taken(database, [subject(shop, day) for shop, _, _ in some])
        commands = [
            _taking(shop, industry, standing, position, at)
            for shop, industry, standing in some
            if subject(shop, day) not in taken
        ]
        for answer in decide(commands) if commands else ():
            if isinstance(answer, LedgerError):
                raise answer
            kept += len(answer)
    return kept


def _taken(database: Database, subjects: Sequence[str]) -> set[str]:
    """Those of the snapshots that are there."""
    with database.read() as connection:
        return {row[0] for row in Lookup(database, "subject", "uses", "subject")(connection, subjects)}


def _taking(shop: str, industry: str, standing: Standing, position: int, at: datetime) -> TakeScore:
    """What asks for the snapshot of a shop."""
    rank = standing.rank
    return TakeScore(
        id=shop,
        day=at.date(),
        at=at,
        position=position,
        industry=industry,
        purchases=standing.orders,
        points=standing.points,
        mean="" if rank.mean is None else str(rank.mean),
        lower=rank.lower,
        equal=rank.equal,
        ranked=rank.among,
        components=tuple(_counted(component) for component in standing.components),
    )


def _counted(component: Component) -> Counted:
    return Counted(
        metric=component.metric,
        numerator=component.counted.numerator,
        n=component.counted.n,
        peers_numerator=component.peers.numerator,
        peers_n=component.peers.n,
        lower=component.lower,
        equal=component.equal,
        among=component.among,
    )

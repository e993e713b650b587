"""What is due without anybody asking: found in the read models, decided by the ledger, safe to repeat.

A run may be killed at any point and begun again: an order is decided wholly or not at all, and what was
decided is not due any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from api import rules, snapshots
from api.facts import Reader
from api.rehearsal import rehearse
from ledger import time
from ledger.decisions.base import Command, Request
from ledger.decisions.card import ExpireCoupons
from ledger.decisions.unasked import MarkOverdue
from ledger.errors import LedgerError
from ledger.events.base import Recorded
from ledger.events.claim import ClaimFunded, ClaimUpheld
from ledger.events.fulfilment import DispatchOverdue
from ledger.store.database import Database
from ledger.writer import Writer
from projections import cards, order_status
from projections.engine import Engine

_AT_ONCE = 200
"""Orders that share a commit."""


def run_due(
    database: Database,
    moment: int,
    *,
    dry_run: bool = False,
    actor: str = "run-due",
    progress: Callable[[int], object] = lambda _orders: None,
) -> dict[str, Any]:
    """Do all that is due at a moment (UTC microseconds).

    Find what left late and pay for it, let coupons expire, keep the index of every shop, apply the rules.
    Answers `{"at", "late": {"orders", "units", "claims", "currencies": {code: {"compensation", "funded"}}},
    "expired": {"cards", "coupons"}, "snapshots", "rules": {"granted", "revoked", "shops", "units", "tiers"},
    "refused": [{"order", "code", "reason"}]}`, sums in minor units. With `dry_run` nothing is kept.
    `actor` is who the facts say did it.
    """
    Engine(database).catch_up(names=(order_status.ORDER_STATUS.name, cards.CARDS.name))
    found: dict[str, Any] = {"orders": 0, "units": 0, "claims": 0, "currencies": {}}
    refused: list[dict[str, str]] = []
    writer = Writer(database)

    def decide(commands: Sequence[Command]) -> Sequence[Sequence[Recorded] | LedgerError]:
        requests = [Request(command=command, actor=actor) for command in commands]
        return _decided(database, writer, requests, dry_run=dry_run)

    for orders in _late(database, moment):
        at = time.moment(moment, time.HOME_OFFSET)
        commands = [MarkOverdue(id=id_, at=at) for id_ in orders]
        for order, answer in zip(orders, decide(commands), strict=True):
            if isinstance(answer, LedgerError):
                refused.append({"order": order, "code": answer.code, "reason": str(answer)})
            elif answer:
                _count(found, answer)
        progress(len(orders))
    expired = _expire(database, moment, decide)
    Engine(database).catch_up(names=[model.name for model in rules.MODELS])
    kept = snapshots.take(database, moment, decide)
    ruled = rules.apply(database, moment, decide)
    at_ = time.rfc3339(moment, time.HOME_OFFSET)
    return {
        "at": at_,
        "late": found,
        "expired": expired,
        "snapshots": kept,
        "rules": ruled,
        "refused": refused,
    }


def _expire(database: Database, moment: int, decide: rules.Decide) -> dict[str, int]:
    """Take from cards what is left of coupons whose time is over; how many cards and coupons that were."""
    found, after = {"cards": 0, "coupons": 0}, ""
    at = time.moment(moment, time.HOME_OFFSET)
    while buyers := cards.expiring(database, moment, after, _AT_ONCE):
        for answer in decide([ExpireCoupons(id=buyer, at=at) for buyer in buyers]):
            if isinstance(answer, LedgerError):
                raise answer  # A card that has coupons lets them expire: something else is wrong.
            found["cards"] += bool(answer)
            found["coupons"] += len(answer)
        after = buyers[-1]
    return found


def _late(database: Database, moment: int) -> Iterator[list[str]]:
    """The orders that are late at a moment, some at once."""
    after = ""
    while orders := order_status.late(database, moment, after, _AT_ONCE):
        yield orders
        after = orders[-1]


def _decided(
    database: Database, writer: Writer, requests: Sequence[Request], *, dry_run: bool
) -> list[Sequence[Recorded] | LedgerError]:
    """The facts that each request led to, or would lead to, or its refusal."""
    if dry_run:
        rehearsed = rehearse(database, requests)
        return [each.answer if isinstance(each.answer, LedgerError) else each.facts for each in rehearsed]
    answers = writer.execute_many(requests)
    positions = {
        position
        for answer in answers
        if not isinstance(answer, LedgerError)
        for position in range(answer.first_position, answer.last_position + 1)
    }
    facts = Reader(database).read(sorted(positions)) if positions else {}
    return [
        answer
        if isinstance(answer, LedgerError)
        else [facts[position] for position in range(answer.first_position, answer.last_position + 1)]
        for answer in answers
    ]


def _count(found: dict[str, Any], facts: Sequence[Recorded]) -> None:
    """Add what an order led to."""
    for recorded in facts:
        match recorded.fact:
            case DispatchOverdue(units=units):
                found["orders"] += 1
                found["units"] += len(units)
            case ClaimUpheld(currency=currency, compensation=compensation):
                found["claims"] += 1
                _sums(found, currency)["compensation"] += compensation
            case ClaimFunded(currency=currency, parts=parts):
                _sums(found, currency)["funded"] += parts.total


def _sums(found: dict[str, Any], currency: str) -> dict[str, int]:
    sums: dict[str, int] = found["currencies"].setdefault(currency, {"compensation": 0, "funded": 0})
    return sums

"""A rehearsal: what commands would lead to now, decided on a snapshot without the writer's lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from ledger import time
from ledger.decisions.base import Known, Past, Request
from ledger.errors import IdempotencyKeyReused, LedgerError
from ledger.events.base import Recorded
from ledger.store.database import Database
from ledger.store.log import DatabaseLoader, FactMapper
from ledger.store.schema import head
from ledger.writer import Result


class Rehearsed(NamedTuple):
    """The answer that a request would get, and the facts that it is about."""

    answer: Result | LedgerError
    facts: Sequence[Recorded] = ()


def rehearse(database: Database, requests: Sequence[Request]) -> list[Rehearsed]:
    """Decide each request on the state that the ones before it would leave; nothing is kept."""
    loader = DatabaseLoader(database, FactMapper())
    with database.snapshot() as connection:
        loader.connection = connection
        position, recorded_at = connection.execute(select(head.c.position, head.c.recorded_at)).one()
        past = Past(loader, Known(), position, max(time.now(), recorded_at))
        answered: dict[str, tuple[bytes, Rehearsed]] = {}
        for key in loader.keys([request.key for request in requests]).values():
            result = Result(key.first_position, key.facts, hit=True)
            facts = [past.fact(at) for at in range(result.first_position, result.last_position + 1)]
            answered[key.key] = key.digest, Rehearsed(result, facts)
        return [_rehearsed(past, request, answered) for request in requests]


def _rehearsed(past: Past, request: Request, answered: dict[str, tuple[bytes, Rehearsed]]) -> Rehearsed:
    if request.key in answered:
        digest, before = answered[request.key]
        if digest == request.fingerprint():
            return before
        return Rehearsed(IdempotencyKeyReused("It stands for another request.", field="Idempotency-Key"))
    first = past.position + 1
    try:
        facts = past.decide(request).facts
    except LedgerError as refusal:
        return Rehearsed(refusal)
    if request.key:
        hit = Rehearsed(Result(first, len(facts), hit=True), facts)
        answered[request.key] = request.fingerprint(), hit
    return Rehearsed(Result(first, len(facts)), facts)

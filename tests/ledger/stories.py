"""Stories in memory: a ledger without a database that decides commands and keeps what they lead to."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from ledger import catalogue
from ledger.decisions.base import Account, Command, Known, Nothing, Past, Posted, Request, replay
from ledger.errors import LedgerError
from ledger.events.base import Fact, Recorded, Source

assert catalogue.LIFECYCLES  # Importing the catalogue registers every decision.

START = datetime(2021, 6, 1, tzinfo=UTC)


class Reported(NamedTuple):
    """A command as a report of what happened elsewhere; without a version the source has none."""

    command: Command
    version: int = 0
    system: str = "feed"

    def request(self) -> Request:
        return Request(command=self.command, source=Source(self.system, self.command.id, self.version))


Step = Command | Reported


def request(step: Step) -> Request:
    return step.request() if isinstance(step, Reported) else Request(command=step)


class Memory(Nothing):
    """A past that knows the facts it was told."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []

    def fact(self, position: int) -> Recorded | None:
        return self.facts[position - 1] if 0 < position <= len(self.facts) else None


class Ledger:
    """Decides one step after the other, an hour apart, as the writer would; nothing is kept on a disk."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.memory = Memory()
        self.known = Known()
        self.posted: list[Posted] = []
        self.hours = 0
        for step in steps:
            self.do(step)

    def do(self, step: Step) -> list[Recorded]:
        """The facts of a step in their place; raises its refusal."""
        self.hours += 1
        now = (START + timedelta(hours=self.hours)).timestamp() * 1_000_000
        past = Past(self.memory, self.known, len(self.memory.facts), int(now))
        draft = past.decide(request(step))
        self.memory.facts += draft.facts
        self.posted += draft.posted
        return draft.facts

    def facts(self, step: Step) -> list[Fact]:
        return [recorded.fact for recorded in self.do(step)]

    def try_(self, step: Step) -> list[Fact] | LedgerError:
        """The facts of a step, or its refusal."""
        try:
            return self.facts(step)
        except LedgerError as refusal:
            return refusal

    def state(self, stream: str) -> Any:
        return replay(stream, [recorded for recorded in self.memory.facts if recorded.stream == stream])

    def states(self) -> dict[str, Any]:
        streams = dict.fromkeys(recorded.stream for recorded in self.memory.facts)
        return {stream: self.state(stream) for stream in streams}

    def balance(self, account: str, currency: str = "CNY") -> int:
        return self.known.accounts.get((account, currency), Account(0, 0)).balance

    def balances(self, currency: str = "CNY") -> dict[str, int]:
        """All balances of a currency that are not zero."""
        return {
            name: account.balance
            for (name, held), account in self.known.accounts.items()
            if account.balance and held == currency
        }

    def used(self) -> dict[str, int]:
        return {subject: used for subject, (used, _) in self.known.claims.items() if used}


class Has(NamedTuple):
    """Any fact of a type whose named fields are these: what a story does not care about is left out."""

    fact: type[Fact]
    fields: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        return type(other) is self.fact and all(getattr(other, k) == v for k, v in self.fields.items())

    def __hash__(self) -> int:
        return hash(self.fact)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.fact.__name__}({fields}, …)"


def has(fact: type[Fact], **fields: Any) -> Has:
    return Has(fact, fields)


def told(given: Sequence[Step], when: Step) -> list[Fact] | LedgerError:
    """What a step leads to after others: its facts or its refusal."""
    return Ledger(given).try_(when)


def changed(command: Command, **fields: Any) -> Any:
    return msgspec.structs.replace(command, **fields)

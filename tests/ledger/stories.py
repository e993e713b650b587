"""Stories in memory: given these steps, when this one, then these facts or that refusal.

Their world: order p:1 of shop s1, sold by host h1 to buyer b1, is three cups for 100.00, nothing off, no freight;
of its commission and host share 5.00 and 3.00 are agreed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest

from ledger import catalogue
from ledger.decisions.amendment import RecordOrder
from ledger.decisions.base import (
    INITIAL,
    Account,
    Command,
    Known,
    Nothing,
    Past,
    Posted,
    Request,
    identifier,
    kind,
    replay,
)
from ledger.decisions.fulfilment import ConfirmReceipt, DispatchParcel
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, SettleOrder
from ledger.decisions.refund import (
    ApproveRefund,
    CompleteRefund,
    RecordRefund,
    RefundItem,
    ReportedLine,
    RequestRefund,
)
from ledger.errors import (
    LedgerError,
)
from ledger.events.base import Fact, Recorded, Source
from ledger.postings import kind_of

assert catalogue.LIFECYCLES  # Importing the catalogue registers every decision.

START = datetime(2021, 6, 1, tzinfo=UTC)


class Reported(NamedTuple):
    """A command as a report of what happened elsewhere; version 0 is that of a source that has none."""

    command: Command
    version: int = 0
    system: str = "feed"


Step = Command | Reported


def request(step: Step) -> Request:
    """What the writer is asked; nobody gives a key."""
    if isinstance(step, Reported):
        return Request(command=step.command, source=Source(step.system, step.command.id, step.version))
    return Request(command=step)


_NAMELESS = re.compile(
    r"\S+ (holds|cannot hold) \S+ .*"
    r"|\S+: -?\d+ of -?\d+\."
    r"|A transfer moves .*|The report \S+ could not .*"
    r"|\S+ (has no offset|is at the end of the calendar)\."
)
"""What the books and the clock say, which know neither the command nor its fields."""
_SENTENCE = re.compile(r"(?![a-z]+[ .,]).*\.", re.DOTALL)  # It may begin with an identifier.
_HOLLOW = re.compile(r"\bNone\b|  |\b[A-Z]{2,} [A-Z]{2,}\b")
"""What no sentence has: a gap where something was to be named, or words that shout."""


@contextmanager
def explained(asked: Request) -> Iterator[None]:
    """See that a refusal says in a sentence what is wrong, and names the field at fault, one of the command's."""
    try:
        yield
    except LedgerError as refusal:
        said = refusal.detail
        whole = _SENTENCE.fullmatch(said) and not (said.isupper() and " " in said)
        whole = whole and not _HOLLOW.search(said)
        named = refusal.field in asked.command.__struct_fields__
        if not (whole and named) and not _NAMELESS.fullmatch(said):
            pytest.fail(f"{refusal!r} names {refusal.field!r}")
        raise


class Memory(Nothing):
    """A past that remembers its facts by position; states, balances and uses are in what is known.

    What it is asked for has to be a name.
    """

    def __init__(self) -> None:
        self.facts: list[Recorded] = []

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        assert all(kind(name) in INITIAL and _named(identifier(name)) for name in names), names
        return super().streams(names)

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:
        for name in names:
            kind_of(name)  # It raises if there are none of the kind.
            assert _named(name), name
        return super().accounts(names)

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        assert all(re.fullmatch("[a-z-]+", name.split("/")[0]) and _named(name) for name in subjects), (
            subjects
        )
        return super().uses(subjects)

    def fact(self, position: int) -> Recorded | None:
        return self.facts[position - 1] if 0 < position <= len(self.facts) else None


def _named(name: str) -> bool:
    """Whether no part of a name is missing."""
    return not re.search(r"\bNone\b", name)


class Careful(Past):
    """A past that is always told of which currency."""

    def balance(self, account: str, currency: str) -> int:
        assert isinstance(currency, str), currency
        return super().balance(account, currency)


@cache
def _decoder(type_: type) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(type_)


def typed(value: Fact | msgspec.Struct) -> None:
    """See that every field of a fact or state holds what it is declared to hold."""
    if waiting := getattr(value, "parked", ()):
        assert isinstance(waiting, tuple), waiting
        value = but(value, parked=())  # They hold facts of any type.
    _decoder(type(value)).decode(msgspec.msgpack.encode(value))


class Ledger:
    """Decides one step after the other, an hour apart, as the writer would; nothing reaches a disk."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.memory = Memory()
        self.known = Known()
        self.posted: list[Posted] = []
        self.hours = 0
        for step in steps:
            self.do(step)

    def past(self) -> Past:
        """What the next step may know, an hour later."""
        self.hours += 1
        now = (START + timedelta(hours=self.hours)).timestamp() * 1_000_000
        return Careful(self.memory, self.known, len(self.memory.facts), int(now))

    def do(self, step: Step) -> list[Recorded]:
        """The facts of a step in their place; raises its refusal."""
        asked = request(step)
        with explained(asked):
            draft = self.past().decide(asked)
        for recorded in draft.facts:
            typed(recorded.fact)
            state = self.known.states[recorded.stream][1]
            if isinstance(state, msgspec.Struct):
                typed(state)
        self.memory.facts += draft.facts
        self.posted += draft.posted
        return draft.facts

    def try_(self, step: Step) -> list[Fact] | LedgerError:
        """The facts of a step, or its refusal."""
        try:
            return [recorded.fact for recorded in self.do(step)]
        except LedgerError as refusal:
            return refusal

    def state(self, stream: str) -> Any:
        """The state of a stream, folded from nothing."""
        return replay(stream, [recorded for recorded in self.memory.facts if recorded.stream == stream])

    def states(self) -> dict[str, Any]:
        streams = dict.fromkeys(recorded.stream for recorded in self.memory.facts)
        return {stream: self.state(stream) for stream in streams}

    def balance(self, account: str, currency: str = "CNY") -> int:
        return self.known.accounts.get((account, currency), Account(0, 0)).balance

    def balances(self, currency: str = "CNY") -> dict[str, int]:
        """All natural balances of a currency that are not zero."""
        return {
            name: account.balance
            for (name, held), account in self.known.accounts.items()
            if account.balance and held == currency
        }

    def used(self) -> dict[str, int]:
        """What is used of every subject, as far as it is anything."""
        return {subject: used for subject, (used, _) in self.known.uses.items() if used}


class Has(NamedTuple):
    """A fact of a type whose named fields are these; the story does not care about the others."""

    fact: type[Fact]
    fields: Mapping[str, Any]

    def fits(self, other: Fact) -> bool:
        return type(other) is self.fact and all(
            getattr(other, name) == value for name, value in self.fields.items()
        )

    def __repr__(self) -> str:
        fields = "".join(f"{name}={value!r}, " for name, value in self.fields.items())
        return f"{self.fact.__name__}({fields}…)"


def has(fact: type[Fact], **fields: Any) -> Has:
    return Has(fact, fields)


Then = Sequence[Fact | Has] | type[LedgerError]
Row = tuple[Sequence[Step], Step, Then]


def tell(given: Sequence[Step], when: Step, then: Then) -> None:
    """Check one row: the facts that follow in order, or the refusal, which leaves no trace."""
    ledger = Ledger(given)
    before = (len(ledger.memory.facts), dict(ledger.known.states), dict(ledger.known.uses))
    accounts = dict(ledger.known.accounts)
    found = ledger.try_(when)
    if isinstance(then, type):
        assert type(found) is then, f"{when} was to be refused as {then.code}, not: {found!r}"
        assert found.detail, "a refusal says what is wrong this time"
        # What had to be looked up may be known now, but nothing else than it was before.
        assert len(ledger.memory.facts) == before[0]
        assert {k: v for k, v in ledger.known.states.items() if v[0]} == {
            k: v for k, v in before[1].items() if v[0]
        }
        assert {k: v for k, v in ledger.known.uses.items() if v != (0, 0)} == {
            k: v for k, v in before[2].items() if v != (0, 0)
        }
        assert ledger.known.accounts == accounts
        return
    assert not isinstance(found, LedgerError), f"{when} was refused: {found!r}"
    same = len(found) == len(then) and all(
        want.fits(fact) if isinstance(want, Has) else want == fact
        for want, fact in zip(then, found, strict=True)
    )
    assert same, "\n".join(["wanted:", *map(repr, then), "found:", *map(repr, found)])


def stories(rows: Mapping[str, Row]) -> pytest.MarkDecorator:
    """One test for each row of a table, under its name."""
    return pytest.mark.parametrize(("given", "when", "then"), rows.values(), ids=list(rows))


def but(command: Any, **fields: Any) -> Any:
    """The same command with other fields."""
    return msgspec.structs.replace(command, **fields)


# The world of the stories.

CUPS = OrderLine(sku="cup", quantity=3, amount=10_000)
PLACE = PlaceOrder(id="p:1", shop="s1", host="h1", buyer="b1", currency="CNY", lines=(CUPS,))
PAY = PayOrder(id="p:1", cash=10_000)
DISPATCH = DispatchParcel(id="p:1", waybill="w1")
CONFIRM = ConfirmReceipt(id="p:1")
SETTLE = SettleOrder(id="p:1", commission=500, host_share=300)
RECORD = RecordOrder(id="p:1", shop="s1", host="h1", buyer="b1", currency="CNY", lines=(CUPS,))

PLACED: tuple[Step, ...] = (PLACE,)
PAID: tuple[Step, ...] = (*PLACED, PAY)
DISPATCHED: tuple[Step, ...] = (*PAID, DISPATCH)
CONFIRMED: tuple[Step, ...] = (*DISPATCHED, CONFIRM)
SETTLED: tuple[Step, ...] = (*CONFIRMED, SETTLE)


def asked(id_: str, cash: int | None = None, order: str = "p:1", **fields: Any) -> RequestRefund:
    """A request for so much cash of the first line, or for all that is left of the order."""
    items = () if cash is None else (RefundItem(line=1, cash=cash),)
    return RequestRefund(id=id_, order=order, items=items, **fields)


def refunded(id_: str, cash: int | None = None, order: str = "p:1") -> tuple[Step, ...]:
    """A refund from the request to the money."""
    return (asked(id_, cash, order), ApproveRefund(id=id_), CompleteRefund(id=id_))


def gave(id_: str, cash: int, line: int = 1, order: str = "p:1", **fields: Any) -> RecordRefund:
    """A refund of one line that happened elsewhere."""
    lines = (ReportedLine(line=line, cash=cash),)
    return RecordRefund(
        **{
            "id": id_,
            "order": order,
            "shop": "s1",
            "buyer": "b1",
            "currency": "CNY",
            "lines": lines,
            **fields,
        }
    )

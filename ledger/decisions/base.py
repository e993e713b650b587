"""What every decision shares: commands, the past it may know, and how facts become state.

A decision is a generator: it looks at the past, yields the facts that follow from a command, and raises a
refusal when it may not be. Each yielded fact is part of the past for the rest of the decision, so that one
command can lead to several facts that build on each other. A decision never reads a clock or a database:
the past brings both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, TypeVar, cast, dataclass_transform

import msgspec

from ledger import codec, money, postings, time
from ledger.errors import (
    InsufficientFunds,
    InvalidAmount,
    InvalidIdentifier,
    LedgerError,
    NotCorrectable,
    RefundExceedsPaid,
    UnknownPosition,
    VersionChanged,
)
from ledger.events.base import Envelope, Fact, Recorded, Source
from ledger.events.correction import CorrectionRecorded
from ledger.uses import uses

# Types of command fields: the doors check them and publish them as JSON Schema. Names never hold control
# characters, which PostgreSQL could not keep; `(?!\n)` because `$` alone lets a line end through.
Amount = Annotated[int, msgspec.Meta(ge=0, le=money.MAX_AMOUNT, description="minor units")]
SignedAmount = Annotated[
    int, msgspec.Meta(ge=-money.MAX_AMOUNT, le=money.MAX_AMOUNT, description="minor units")
]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Units = Annotated[
    int, msgspec.Meta(ge=-1_000_000_000, le=1_000_000_000, description="below zero: they went the other way")
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,128}$(?!\n)")]
OptionalName = Annotated[str, msgspec.Meta(pattern=r"^[^\s\x00-\x1f\x7f]{0,128}$(?!\n)")]
OrderId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\s\x00-\x1f\x7f:]{1,31}:[^\s\x00-\x1f\x7f]{1,128}$(?!\n)", description="platform:id"
    ),
]
Text = Annotated[str, msgspec.Meta(max_length=1000)]

_IDENTIFIER = re.compile(r"[^\s\x00-\x1f\x7f]{1,160}")
_MOST = 2**63 - 1  # What the columns of balances can keep.


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A wish, named in the imperative. `id` names the stream; `at` is when it counts (default: now)."""

    NAME: ClassVar[str]
    """The catalogue's name: collection.action."""
    STREAM: ClassVar[str]
    """The kind of stream the command speaks to: `order`, `refund`, `shop` …"""
    REPORTED: ClassVar[bool] = False
    """True for commands that report what happened elsewhere: recorded with marks rather than refused."""

    id: str
    at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse identifiers that could not be read back."""
        if not _IDENTIFIER.fullmatch(self.id):
            raise InvalidIdentifier(f"Got {self.id!r}.", field="id")

    @property
    def stream(self) -> str:
        """The stream the command speaks to."""
        return f"{self.STREAM}-{self.id}"

    def touches(self) -> tuple[str, ...]:
        """The streams a decision will want to know, so that a batch can load them at once."""
        return (self.stream,)

    def orders(self) -> tuple[str, ...]:
        """The orders of which a decision will want to know what was refunded, for the same reason."""
        return (self.id,) if self.STREAM == "order" else ()

    def escrows(self) -> tuple[str, ...]:
        """The orders whose escrow it will want to know."""
        return self.orders()


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command with what the caller says about it.

    `key` is the idempotency key ("" for none) and `digest` the SHA-256 that tells whether a repetition is
    the same request (default: of the command). `source` marks an imported report. `expected` is the
    version the caller believes the stream to be at (None: does not matter).
    """

    command: Command
    key: str = ""
    digest: bytes = b""
    actor: str = ""
    source: Source | None = None
    expected: int | None = None

    def fingerprint(self) -> bytes:
        """What a repetition under the same key must agree with, 32 bytes."""
        return self.digest or codec.digest(self.command.NAME, self.command)


class On(NamedTuple):
    """A fact for another stream than the command's own."""

    stream: str
    fact: Fact


class Account(msgspec.Struct, frozen=True, gc=False):
    """The present state of an account: its number in the books and its natural balance in minor units."""

    number: int
    balance: int


_NO_ACCOUNT = Account(0, 0)


class Loader(Protocol):
    """Where the past comes from: the database inside the writer, nothing in tests."""

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """All facts of these streams in order."""

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:
        """The accounts of these names in every currency they have."""

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Used and allowed of the subjects that have been used."""

    def fact(self, position: int) -> Recorded | None:
        """The fact at a position."""


class Nothing:
    """The empty past."""

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """No stream has any facts."""
        return {name: [] for name in names}

    def accounts(self, names: Sequence[str]) -> dict[tuple[str, str], Account]:  # noqa: ARG002 - Loader
        """No account exists."""
        return {}

    def uses(self, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:  # noqa: ARG002 - Loader
        """Nothing is used."""
        return {}

    def fact(self, position: int) -> Recorded | None:  # noqa: ARG002 - Loader
        """There is no fact."""
        return None


Item = Fact | On
Decision = Callable[["Past", Any], Iterator[Item]]
Fold = Callable[[Any, Any, Recorded], Any]
"""The state after a fact: of the state before, the fact, and its place and envelope."""
C = TypeVar("C", bound=Command)
F = TypeVar("F", bound=Fact)
S = TypeVar("S")

COMMANDS: dict[str, type[Command]] = {}
"""The catalogue: every command by its name."""
DECISIONS: dict[type[Command], Decision] = {}
FOLDS: dict[type[Fact], Fold] = {}
INITIAL: dict[str, Any] = {}
"""The empty state of each kind of stream."""


def decides(command: type[C]) -> Callable[[Callable[[Past, C], Iterator[Item]]], Decision]:
    """Register the decision for a command, and the command in the catalogue."""

    def register(decision: Callable[[Past, C], Iterator[Item]]) -> Decision:
        COMMANDS[command.NAME] = command
        DECISIONS[command] = decision
        return decision

    return register


def folds(*facts: type[F]) -> Callable[[Callable[[S, F, Recorded], S]], Callable[[S, F, Recorded], S]]:
    """Register how these facts change the state of their stream: a pure function of state and fact."""

    def register(fold: Callable[[S, F, Recorded], S]) -> Callable[[S, F, Recorded], S]:
        FOLDS.update(dict.fromkeys(facts, fold))
        return fold

    return register


def also(past: Past, command: Command) -> Iterator[On]:
    """Decide another command as a part of this one; its facts stand in the stream it speaks to."""
    for item in DECISIONS[type(command)](past, command):
        yield item if isinstance(item, On) else On(command.stream, item)


def unchanged(state: S, _fact: Fact, _recorded: Recorded) -> S:
    """The fold of facts that a stream's state has no interest in."""
    return state


def kind(stream: str) -> str:
    """The kind of a stream: `order` of `order-uci:536365`."""
    return stream.partition("-")[0]


def identifier(stream: str) -> str:
    """The identifier in a stream's name: `uci:536365` of `order-uci:536365`."""
    return stream.partition("-")[2]


def replay(stream: str, facts: Sequence[Recorded]) -> Any:  # noqa: ANN401 - each kind of stream has its state
    """The state of a stream after these facts."""
    state = INITIAL[kind(stream)]
    for recorded in facts:
        state = FOLDS[type(recorded.fact)](state, recorded.fact, recorded)
    return state


class Known(msgspec.Struct):
    """What is known at a point of the log: states by stream (with version), accounts, uses."""

    states: dict[str, tuple[int, Any]] = msgspec.field(default_factory=dict)
    accounts: dict[tuple[str, str], Account] = msgspec.field(default_factory=dict)
    uses: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    looked_up: set[str] = msgspec.field(default_factory=set)
    """Names of accounts that were asked for in all currencies: what is not in `accounts` does not exist."""
    last_account: int = 0
    """The number of the newest account; accounts are numbered as transfers first name them."""

    def clear(self) -> None:
        """Forget everything; it will be loaded again."""
        self.states.clear()
        self.accounts.clear()
        self.uses.clear()
        self.looked_up.clear()


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A transfer in its place, with both natural balances after it."""

    position: int
    number: int
    transfer: postings.Transfer
    effective_at: int
    debit_balance: int
    credit_balance: int


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What the decisions of one command amount to."""

    facts: list[Recorded]
    posted: list[Posted]
    accounts: dict[tuple[str, str], int]
    uses: dict[str, tuple[int, int]]


def _moment(command: Command, now: int) -> tuple[int, int]:
    """When a command counts: UTC microseconds and minutes east of UTC."""
    if command.at is None:
        return now, time.HOME_OFFSET
    return time.micros(command.at), time.offset_minutes(command.at)


class Past:
    """What a decision may know, and what it has led to so far.

    `known` is shared by the commands of a batch and survives it; a command's own effects are kept apart
    until it is accepted, so that a refused command leaves no trace. `position` is that of the last fact
    before this one, `now` the ledger's clock for this commit in UTC microseconds.
    """

    def __init__(self, loader: Loader, known: Known, position: int, now: int) -> None:
        """Begin where the log ends."""
        self._loader = loader
        self._known = known
        self._accepted: list[Recorded] = []
        self._begin = position + 1
        self.position = position
        self.now = now
        self.request = Request(command=Command(id="-"))
        self._own = ""
        self._moment = now, time.HOME_OFFSET
        self._causation = 0
        self._fresh()

    def _fresh(self) -> None:
        self._states: dict[str, tuple[int, Any]] = {}
        self._draft = Draft([], [], {}, {})

    # What a decision asks.

    @property
    def reported(self) -> bool:
        """Whether the command reports what happened elsewhere: then marks, not refusals."""
        parked = self._causation != 0
        return parked or self.request.source is not None or self.request.command.REPORTED

    @property
    def system(self) -> str:
        """The system that reports, for the suspense account; `command` if nobody is named."""
        return self.request.source.system if self.request.source else "command"

    @property
    def source_version(self) -> int:
        """The version of what the source reports, 0 if it has none."""
        return self.request.source.version if self.request.source else 0

    @property
    def moment(self) -> int:
        """When the command counts, UTC microseconds."""
        return self._moment[0]

    def state(self, stream: str) -> Any:  # noqa: ANN401 - each kind of stream has its state
        """The state of a stream, the facts of this decision included."""
        return self._versioned(stream)[1]

    def version(self, stream: str) -> int:
        """How many facts the stream has."""
        return self._versioned(stream)[0]

    def balance(self, account: str, currency: str) -> int:
        """The natural balance of an account in minor units; 0 if nothing ever touched it."""
        return self._balance((account, currency))

    def used(self, subject: str) -> int:
        """How much of a subject (`refund/uci:1/2`) has been used."""
        return self._use(subject)[0]

    def used_of(self, subjects: Sequence[str]) -> list[int]:
        """The same of several subjects, fetched together."""
        known = self._known.uses
        if missing := [subject for subject in subjects if subject not in known]:
            found = self._loader.uses(missing)
            known.update({subject: found.get(subject, (0, 0)) for subject in missing})
        return [self.used(subject) for subject in subjects]

    def fact(self, position: int) -> Recorded:
        """The fact at a position; raises UnknownPosition."""
        for recorded in self._draft.facts:
            if recorded.position == position:
                return recorded
        if 0 <= position - self._begin < len(self._accepted):
            return self._accepted[position - self._begin]
        found = self._loader.fact(position)
        if found is None:
            raise UnknownPosition(f"Got {position}.", field="id")
        return found

    # What leads there.

    def fetch(self, streams: Iterable[str], accounts: Iterable[str] = ()) -> None:
        """Load the states of these streams together, and these accounts, as far as they are not known."""
        looked_up = self._known.looked_up
        if names := [name for name in accounts if name not in looked_up]:
            self._known.accounts.update(self._loader.accounts(names))
            looked_up.update(names)
        # Looked up name by name: a set minus the keys of a dictionary walks the whole dictionary.
        known = self._known.states
        if missing := [name for name in streams if name not in known]:
            for name, facts in self._loader.streams(missing).items():
                known[name] = (len(facts), replay(name, facts))

    def load(self, commands: Sequence[Command]) -> None:
        """Fetch what these commands will ask for, in one query each; the rest is fetched as it is asked."""
        known = self._known
        orders = {order for command in commands for order in command.orders()}
        escrows = {order for command in commands for order in command.escrows()}
        streams = {name for command in commands for name in command.touches()}
        self.fetch(streams, {f"order_escrow:{order}" for order in escrows})
        subjects = [subject for order in orders if (subject := f"refund/{order}") not in known.uses]
        if subjects:
            found = self._loader.uses(subjects)
            known.uses.update({subject: found.get(subject, (0, 0)) for subject in subjects})

    def _versioned(self, stream: str) -> tuple[int, Any]:
        found = self._states.get(stream)
        if found is None:
            found = self._known.states.get(stream)
        if found is None:
            facts = self._loader.streams((stream,))[stream]
            found = self._known.states[stream] = (len(facts), replay(stream, facts))
        return found

    def _account(self, key: tuple[str, str]) -> Account:
        known = self._known
        found = known.accounts.get(key)
        if found is None and key[0] not in known.looked_up:
            known.accounts.update(self._loader.accounts((key[0],)))
            known.looked_up.add(key[0])
            found = known.accounts.get(key)
        return found or _NO_ACCOUNT

    def _balance(self, key: tuple[str, str]) -> int:
        found = self._draft.accounts.get(key)
        return self._account(key).balance if found is None else found

    def _use(self, subject: str) -> tuple[int, int]:
        found = self._draft.uses.get(subject) or self._known.uses.get(subject)
        if found is None:
            found = self._loader.uses((subject,)).get(subject, (0, 0))
            self._known.uses[subject] = found
        return found

    def decide(self, request: Request) -> Draft:
        """Decide one command; its facts become part of the past. Raises a refusal, leaving no trace."""
        command, start = request.command, self.position
        self.request, self._own = request, command.stream
        self._fresh()
        self._moment = _moment(command, self.now)
        if request.expected is not None and request.expected != self.version(command.stream):
            detail = f"It is at version {self.version(command.stream)}, not {request.expected}."
            raise VersionChanged(detail, field="If-Match")
        try:
            self._follow(DECISIONS[type(command)](self, command))
            # Only at the end: when a refund is reversed, what of it had to wait comes back after it.
            for subject, (used, allowed) in self._draft.uses.items():
                if used < 0:
                    self._over(subject, used, allowed)
        except BaseException:
            self.position = start
            self._fresh()
            raise
        self._accept()
        return self._draft

    def _follow(self, decision: Iterator[Item]) -> None:
        """Record what a decision yields. It hears of a guard that refuses a fact, and may do without it."""
        items = cast("Generator[Item, None, None]", decision)
        try:
            item = next(items)
            while True:
                try:
                    self._record(item)
                except LedgerError as refusal:
                    item = items.throw(refusal)
                else:
                    item = next(items)
        except StopIteration:
            return

    def _accept(self) -> None:
        known = self._known
        known.states.update(self._states)
        known.uses.update(self._draft.uses)
        self._accepted += self._draft.facts
        for key, balance in self._draft.accounts.items():
            number = known.accounts.get(key, _NO_ACCOUNT).number
            if not number:
                number = known.last_account = known.last_account + 1
            known.accounts[key] = Account(number, balance)

    def _record(self, item: Item) -> None:
        """Make a fact part of the past: its place, the state after it, its transfers and uses."""
        request, own = self.request, self._own
        stream, fact = item if isinstance(item, On) else (own, item)
        version, state = self._versioned(stream)
        envelope = Envelope(
            self.now,
            *self._moment,
            None,
            request.actor,
            self._causation,
            own if stream != own else "",
            request.key,
            request.source,
            fact.position if isinstance(fact, CorrectionRecorded) else 0,
        )
        recorded = Recorded(self.position + 1, stream, version + 1, envelope, fact)
        self._post(recorded)
        self.position += 1
        self._states[stream] = (version + 1, FOLDS[type(fact)](state, fact, recorded))
        self._draft.facts.append(recorded)

    def _post(self, recorded: Recorded) -> None:
        fact, id_ = recorded.fact, identifier(recorded.stream)
        balances = self._draft.accounts
        for number, transfer in enumerate(postings.transfers(fact, id_)):
            debit, credit = (transfer.debit, transfer.currency), (transfer.credit, transfer.currency)
            balances[debit] = self._moved(debit, transfer.amount, debited=True)
            balances[credit] = self._moved(credit, transfer.amount, debited=False)
            self._draft.posted.append(
                Posted(
                    recorded.position,
                    number,
                    transfer,
                    recorded.envelope.effective_at,
                    balances[debit],
                    balances[credit],
                )
            )
        for subject, used, allowed in uses(fact, id_):
            after = self._use(subject)[0] + used
            if after > allowed:
                self._over(subject, after, allowed)
            self._draft.uses[subject] = (after, allowed)

    def _moved(self, key: tuple[str, str], amount: int, *, debited: bool) -> int:
        account, currency = key
        kind, held = postings.kind_of(account), self._balance(key)
        after = held + amount if kind.debit_normal is debited else held - amount
        if after < 0 and kind.guarded:
            raise InsufficientFunds(f"{account} holds {held} {currency}, {amount} is asked for.")
        if not -_MOST <= after <= _MOST:
            raise InvalidAmount(f"{account} cannot hold {after} {currency}.")
        return after

    @staticmethod
    def _over(subject: str, after: int, allowed: int) -> None:
        if after < 0:
            raise NotCorrectable(f"What it used of {subject} was settled otherwise since.", field="id")
        raise RefundExceedsPaid(f"{subject.removeprefix('refund/')}: {after} of {allowed}.")

    @contextmanager
    def replaying(self, parked: Recorded, command: Command) -> Iterator[None]:
        """Decide a parked report now: in its own words, at its own time, caused by its parking."""
        outer, own, moment, cause = self.request, self._own, self._moment, self._causation
        self.request = Request(
            command=command, key=outer.key, actor=parked.envelope.actor, source=parked.envelope.source
        )
        self._own = command.stream
        self._moment = parked.envelope.effective_at, parked.envelope.offset
        self._causation = parked.position
        try:
            yield
        finally:
            self.request, self._own, self._moment, self._causation = outer, own, moment, cause

    def attempt(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield from a decision that may be refused midway; then what it did is taken back and it raises."""
        saved = self.position, dict(self._states)
        draft = self._draft
        lengths = len(draft.facts), len(draft.posted)
        accounts, used = dict(draft.accounts), dict(draft.uses)
        try:
            yield from items
        except LedgerError:
            self.position, self._states = saved
            self._draft = Draft(draft.facts[: lengths[0]], draft.posted[: lengths[1]], accounts, used)
            raise

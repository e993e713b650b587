"""Appeals against a penalty: filed with an instance, forwarded, and decided, in every state of the money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from ledger import money
from ledger.decisions import funding
from ledger.decisions.base import Amount, Command, Item, Name, Past, Text, decides
from ledger.decisions.fine import given_back
from ledger.decisions.penalty import (
    Instance,
    Penalty,
    Sequence_,
    binding,
    check_stands,
    due_changed,
    later,
    reinstated,
    restrained,
    wait,
)
from ledger.errors import InvalidAmount, WrongState
from ledger.events.penalty import (
    AppealAdvanced,
    AppealDenied,
    GivenBack,
    PenaltyAppealed,
    PenaltyOverturned,
    PenaltyVaried,
)

Stage = Literal["filed", "forwarded", "received", "notified"]
Ruling = Literal["", "upheld", "denied"]


class AppealPenalty(Command, kw_only=True):
    """Appeal against a penalty: to the platform's first or second instance, the prefecture, a judge."""

    NAME = "penalties.appeal"
    STREAM = "penalty"

    id: Name
    instance: Instance = "first"
    reason: Text = ""


class ForwardAppeal(Command, kw_only=True):
    """Record that an appeal was forwarded to its instance (default: the one that is open)."""

    NAME = "penalties.forward-appeal"
    STREAM = "penalty"

    id: Name
    instance: Instance | None = None


class DenyAppeal(Command, kw_only=True):
    """Deny an appeal (default: the one that is open): the penalty stands."""

    NAME = "penalties.deny-appeal"
    STREAM = "penalty"

    id: Name
    instance: Instance | None = None
    reason: Text = ""


class VaryPenalty(Command, kw_only=True):
    """Uphold an appeal in part: the fine is lowered to `total`, fees apart, and the rest goes back."""

    NAME = "penalties.vary"
    STREAM = "penalty"

    id: Name
    total: Amount
    instance: Instance | None = None
    reason: Text = ""


class OverturnPenalty(Command, kw_only=True):
    """Uphold an appeal: the penalty is struck, its measures are lifted, and all that was paid goes back."""

    NAME = "penalties.overturn"
    STREAM = "penalty"

    id: Name
    instance: Instance | None = None
    reason: Text = ""


class RecordAppeal(Command, kw_only=True):
    """Report a step of an appeal elsewhere, with the ruling it brought if it brought one.

    `sequence` is the place of the ruling in the source's own order: the last one counts.
    """

    NAME = "penalties.record-appeal"
    STREAM = "penalty"
    REPORTED: ClassVar[bool] = True

    id: Name
    instance: Instance
    step: Stage
    ruling: Ruling = ""
    ruled_by: Instance | None = None
    reason: Text = ""
    sequence: Sequence_ = 0


@decides(AppealPenalty)
def appeal(past: Past, command: AppealPenalty) -> Iterator[Item]:
    """A penalty that stands is appealed once to each instance, at any time, the second after the first."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    if command.instance in penalty.pending:
        return
    marks: tuple[str, ...] = ()
    if problem := _unappealable(penalty, command.instance):
        if not past.reported:
            raise WrongState(problem, field="instance")
        marks = ("out_of_order",)
    yield PenaltyAppealed(command.instance, command.reason, marks)


def _unappealable(penalty: Penalty, instance: str) -> str:
    """Why there can be no appeal to an instance now; empty if there can."""
    if not penalty.standing:
        return "The penalty was overturned."
    if instance in penalty.decided:
        return f"The {instance} instance has decided."
    if instance == "second" and "first" not in penalty.decided:
        return "The first instance has not decided."
    return ""


@decides(ForwardAppeal)
def forward(past: Past, command: ForwardAppeal) -> Iterator[Item]:
    """An open appeal is forwarded."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
    else:
        yield AppealAdvanced(_open(past, penalty, command.instance), "forwarded")


def _open(past: Past, penalty: Penalty, instance: str | None) -> str:
    """The instance that a ruling is of; it has an open appeal unless somebody reports otherwise."""
    if instance is None and penalty.pending:
        return penalty.pending[-1]
    if instance is None or (instance not in penalty.pending and not past.reported):
        raise WrongState(f"No appeal to {instance or 'any instance'} is open.", field="instance")
    return instance


@decides(DenyAppeal)
def deny(past: Past, command: DenyAppeal) -> Iterator[Item]:
    """An open appeal is denied."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    yield from _denied(past, command, _open(past, penalty, command.instance), 0)


def _denied(past: Past, command: DenyAppeal | RecordAppeal, instance: str, sequence: int) -> Iterator[Item]:
    """Deny an appeal; a penalty that was struck, and by a later report stands, demands again what it did."""
    penalty: Penalty = past.state(command.stream)
    marks = () if later(sequence, penalty.ruled) else ("superseded",)
    yield AppealDenied(instance, command.reason, sequence, marks)
    now: Penalty = past.state(command.stream)
    if now.standing and not penalty.standing:
        yield from restrained(past, command.id)
        yield from due_changed(past, command.id)


@decides(VaryPenalty)
def vary(past: Past, command: VaryPenalty) -> Iterator[Item]:
    """A fine is lowered; what was paid above it and its fees goes back, the measures stay."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    instance = _open(past, penalty, command.instance)
    total = money.amount(command.total, field="total")
    if total >= penalty.fine:
        raise InvalidAmount(f"The fine is {penalty.fine}, which {total} does not lower.", field="total")
    yield PenaltyVaried(
        instance,
        penalty.shop,
        penalty.currency,
        total,
        command.reason,
        given_back(past, penalty, total + penalty.fees),
        penalty.received,
    )
    yield from _follows(past, command.id)


@decides(OverturnPenalty)
def overturn(past: Past, command: OverturnPenalty) -> Iterator[Item]:
    """A struck penalty leaves nothing due: fine, fees and measures are gone."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    check_stands(past, penalty)
    instance = _open(past, penalty, command.instance)
    yield from _overturned(past, command.id, instance, command.reason, 0)


def _overturned(past: Past, id_: str, instance: str, reason: str, sequence: int) -> Iterator[Item]:
    """Strike a penalty; a report that a later ruling has superseded moves nothing."""
    penalty: Penalty = past.state(f"penalty-{id_}")
    counts = later(sequence, penalty.ruled)
    yield PenaltyOverturned(
        instance,
        penalty.shop,
        penalty.currency,
        reason,
        given_back(past, penalty, 0) if counts else GivenBack(),
        penalty.received,
        sequence,
        () if counts else ("superseded",),
    )
    yield from reinstated(past, id_, reason)
    yield from _follows(past, id_)


def _follows(past: Past, id_: str) -> Iterator[Item]:
    """The fine is due no more, or less of it, and what the deposit got back pays what it owes for claims."""
    yield from due_changed(past, id_)
    penalty: Penalty = past.state(f"penalty-{id_}")
    if penalty.restored:
        yield from funding.from_deposit(past, penalty.shop, penalty.currency)


@decides(RecordAppeal)
def record(past: Past, command: RecordAppeal) -> Iterator[Item]:
    """Every step is kept. Of the rulings the last one in the source's order counts, whoever made it."""
    penalty = binding(past, command)
    if penalty is None:
        yield from wait(past, command)
        return
    if command.step == "filed":
        yield PenaltyAppealed(command.instance, command.reason)
    else:
        yield AppealAdvanced(command.instance, command.step)
    ruled_by = command.ruled_by or command.instance
    if command.ruling == "upheld":
        yield from _overturned(past, command.id, ruled_by, command.reason, command.sequence)
    elif command.ruling == "denied":
        yield from _denied(past, command, ruled_by, command.sequence)

"""Terms of benefits through time: publishing a version, ending it, and which one an order is under."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from ledger import money, policy, time
from ledger.decisions.base import INITIAL, Command, Item, Name, Past, Text, decides, folds
from ledger.errors import (
    AlreadyExists,
    InvalidPolicy,
    Malformed,
    NoticeTooShort,
    PolicyOverlap,
    UnknownPolicy,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.policy import PolicyPublished, PolicyRetired, Rule, Terms

NOTICE_US = 7 * 86_400_000_000
"""How long before new terms count they are announced, unless it is forced with a reason."""

INITIAL["policy"] = ()  # The versions of a benefit's terms in the order of time.


@folds(PolicyPublished)
def _published(versions: tuple[Terms, ...], fact: PolicyPublished, _recorded: Recorded) -> tuple[Terms, ...]:
    new = fact.terms
    ended = [
        msgspec.structs.replace(terms, effective_to=new.effective_from)
        if terms.effective_to is None and terms.effective_from < new.effective_from
        else terms
        for terms in versions
    ]
    return tuple(sorted((*ended, new), key=lambda terms: terms.effective_from))


@folds(PolicyRetired)
def _retired(versions: tuple[Terms, ...], fact: PolicyRetired, _recorded: Recorded) -> tuple[Terms, ...]:
    return tuple(
        msgspec.structs.replace(terms, effective_to=fact.effective_to)
        if terms.version == fact.version
        else terms
        for terms in versions
    )


def terms(past: Past, benefit: str, paid_at: int) -> Terms | None:
    """The terms that an order paid at `paid_at` (UTC µs) is under: those in force then, or better later ones.

    What is better for the buyer counts as soon as it is in force when the command counts.
    """
    versions: tuple[Terms, ...] = past.state(f"policy-{benefit}")
    return policy.in_force(versions, paid_at, past.moment)


def law(past: Past, terms_: Terms, paid_at: int, category: str) -> tuple[Terms, ...]:
    """The terms of the law that are the floor of others in their currency, for goods of a category."""
    found = (terms(past, benefit, paid_at) for benefit in terms_.law)
    return tuple(
        floor
        for floor in found
        if floor is not None and floor.currency == terms_.currency and policy.applies(floor, category)
    )


class PublishPolicy(Command, kw_only=True):
    """Publish a version of a benefit's terms; an open version before it ends where it begins.

    It is announced seven days before it counts, or forced with a reason.
    """

    NAME = "policies.publish"
    STREAM = "policy"

    id: Name
    version: Name
    effective_from: datetime
    effective_to: datetime | None = None
    rule: Rule
    force: bool = False
    reason: Text = ""

    def terms(self) -> Terms:
        """The same as a fact keeps it."""
        return Terms(
            benefit=self.id,
            version=self.version,
            effective_from=time.micros(self.effective_from),
            effective_to=None if self.effective_to is None else time.micros(self.effective_to),
            **{name: getattr(self.rule, name) for name in Rule.__struct_fields__},
        )


class RetirePolicy(Command, kw_only=True):
    """End a version of a benefit's terms without a successor; orders paid before stay under it."""

    NAME = "policies.retire"
    STREAM = "policy"

    id: Name
    version: Name
    effective_to: datetime
    force: bool = False
    reason: Text


@decides(PublishPolicy)
def publish(past: Past, command: PublishPolicy) -> Iterator[Item]:
    """A version is published once, whole, in time, and never beside another one."""
    versions: tuple[Terms, ...] = past.state(command.stream)
    try:
        policy.check(command.rule)
        money.currency(command.rule.currency)
    except Malformed as error:
        raise type(error)(error.detail, field="rule") from None
    new = command.terms()
    if new.effective_to is not None and new.effective_to <= new.effective_from:
        raise InvalidPolicy("It ends before it begins.", field="effective_to")
    for known in versions:
        if known.version == new.version:
            if msgspec.structs.replace(known, effective_to=new.effective_to) == new:
                return
            raise AlreadyExists(f"Version {new.version} of {new.benefit} has other terms.", field="version")
        if known.family != new.family:
            raise InvalidPolicy(f"The benefit {new.benefit} is of the family {known.family}.", field="rule")
        _check_apart(known, new)
    forced = _notice(past, new.effective_from, command)
    yield PolicyPublished(new, forced)


def _check_apart(known: Terms, new: Terms) -> None:
    """Refuse two versions in force at once; one without an end gives way to a later one."""
    first, second = (known, new) if known.effective_from < new.effective_from else (new, known)
    gives_way = first is known and first.effective_to is None
    apart = first.effective_to is not None and first.effective_to <= second.effective_from
    if not (gives_way or apart):
        start = time.rfc3339(known.effective_from, time.HOME_OFFSET)
        detail = f"Version {known.version} of {known.benefit} begins at {start}."
        raise PolicyOverlap(detail, field="effective_from")


def _notice(past: Past, effective: int, command: PublishPolicy | RetirePolicy) -> str:
    """Why the notice is short, empty if it is not; raises NoticeTooShort."""
    if effective - past.moment >= NOTICE_US:
        return ""
    when = time.rfc3339(effective, time.HOME_OFFSET)
    if not command.force:
        detail = f"Version {command.version} of {command.id} would count from {when}."
        raise NoticeTooShort(detail, field="force")
    if not command.reason:
        raise NoticeTooShort("Who forces short notice gives a reason.", field="reason")
    return command.reason


@decides(RetirePolicy)
def retire(past: Past, command: RetirePolicy) -> Iterator[Item]:
    """A version ends earlier than it would, with notice; never later."""
    versions: tuple[Terms, ...] = past.state(command.stream)
    found = next((known for known in versions if known.version == command.version), None)
    if found is None:
        raise UnknownPolicy(f"Got {command.id} {command.version}.", field="version")
    end = time.micros(command.effective_to)
    if found.effective_to == end:
        return
    if end < found.effective_from or (found.effective_to is not None and end > found.effective_to):
        ends = "" if found.effective_to is None else f" to {time.rfc3339(found.effective_to, 480)}"
        start = time.rfc3339(found.effective_from, time.HOME_OFFSET)
        raise WrongState(f"The version counts from {start}{ends}.", field="effective_to")
    forced = _notice(past, end, command)
    yield PolicyRetired(command.version, end, command.reason, forced)

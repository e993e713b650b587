"""Reports of false claims: users and machines say that a host claims what is not so.

Enough of them remind the host; who says it again after a reminder has a penalty proposed, which a person
imposes or drops. However many report, a decision reads the session, the host and a few counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from ledger import formula, time
from ledger.decisions.appraisal import Digest, OptionalDigest
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    On,
    Past,
    Text,
    also,
    decides,
    folds,
)
from ledger.decisions.host import Host
from ledger.decisions.live import Session
from ledger.decisions.penalty import Demand, Points, ProposePenalty
from ledger.decisions.vote import check_there
from ledger.errors import (
    AlreadyExists,
    AlreadyReported,
    InvalidTime,
    TooManyReports,
    UnknownReport,
    UnknownSession,
    WindowOver,
    WrongState,
)
from ledger.events.base import Recorded
from ledger.events.report import FalseClaimFlagged, FalseClaimReported, HostReminded, ReportDecided
from ledger.uses import heard

RULE = "pinocchio"
"""The name of the rule among the formulas."""

_MINUTE_US = 60_000_000
_DAY_US = 1440 * _MINUTE_US
_WHOLE_BP = 10_000

Score = Annotated[int, msgspec.Meta(ge=0, le=_WHOLE_BP, description="hundredths of a percent")]


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a flag of a model weighs, if the model is as sure as `score_bp` says."""

    score_bp: Score
    weight: int


class Proposed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is proposed for who says it again."""

    fine: Amount
    currency: Currency
    points: Points
    measures: tuple[Demand, ...]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the rule, as its file explains it."""

    quorum: int
    daily: int
    window_days: int
    doubted_from: int
    doubted_bp: int
    grace_minutes: int
    repeat_days: int
    machine: Machine
    penalty: Proposed


class Reminder(NamedTuple):
    """When (UTC microseconds), and in which session, a host was last reminded of a statement."""

    statement: str
    session: str
    at: int


class Report(msgspec.Struct, frozen=True, gc=False):
    """What a report is now; `by` is the user, or the model of a machine."""

    session: str = ""
    host: str = ""
    statement: str = ""
    by: str = ""
    machine: bool = False
    said_at: int = 0
    weight: int = 0
    round: int = 0
    upheld: bool | None = None

    @property
    def status(self) -> str:
        """One word: empty while it is unknown, filed, upheld or dismissed."""
        if self.upheld is None:
            return "filed" if self.session else ""
        return "upheld" if self.upheld else "dismissed"


INITIAL["report"] = Report()


@folds(FalseClaimReported)
def _reported(_report: Report, fact: FalseClaimReported, _recorded: Recorded) -> Report:
    what = fact.session, fact.host, fact.statement
    return Report(*what, fact.user, False, fact.said_at, fact.weight, fact.round)


@folds(FalseClaimFlagged)
def _flagged(_report: Report, fact: FalseClaimFlagged, _recorded: Recorded) -> Report:
    what = fact.session, fact.host, fact.statement
    return Report(*what, fact.model, True, fact.said_at, fact.weight, fact.round)


@folds(ReportDecided)
def _decided(report: Report, fact: ReportDecided, _recorded: Recorded) -> Report:
    return msgspec.structs.replace(report, upheld=fact.upheld)


@folds(HostReminded)
def _reminded(host: Host, fact: HostReminded, recorded: Recorded) -> Host:
    others = tuple(each for each in host.reminders if each.statement != fact.statement)
    reminder = Reminder(fact.statement, fact.session, recorded.envelope.effective_at)
    return msgspec.structs.replace(host, reminders=(*others, reminder))


class FileReport(Command, kw_only=True):
    """Report that a statement made in a live session is false.

    `statement` is the name the platform gives to what is claimed, `said_at` when it was said (default: now).
    """

    NAME = "reports.file"
    STREAM = "report"

    id: Name
    session: Name
    statement: Name
    user: Name
    said_at: datetime | None = None
    digest: OptionalDigest = ""

    def touches(self) -> tuple[str, ...]:
        """The report and the session."""
        return (self.stream, f"live-{self.session}")


class FlagReport(Command, kw_only=True):
    """Record that a machine holds a statement for false: its model, how sure it is, and the evidence."""

    NAME = "reports.flag"
    STREAM = "report"

    id: Name
    session: Name
    statement: Name
    model: Name
    score_bp: Score
    said_at: datetime | None = None
    digest: Digest

    def touches(self) -> tuple[str, ...]:
        """The report and the session."""
        return (self.stream, f"live-{self.session}")


class DecideReport(Command, kw_only=True):
    """Decide whether a report is right; one that is dismissed has no weight any more."""

    NAME = "reports.decide"
    STREAM = "report"

    id: Name
    upheld: bool
    reason: Text = ""


def rule(past: Past) -> tuple[Rule, str]:
    """The rule in force when a command counts, and its version's name."""
    found = formula.in_force(RULE, time.local_day(past.moment, time.HOME_OFFSET))
    return found.read(Rule), f"{found.name}-{found.version}"


class _Heard(NamedTuple):
    """Where something was said and when, in which round it is heard, and whether that is still open."""

    session: str
    host: str
    statement: str
    said_at: int
    round: int
    open: bool
    marks: tuple[str, ...]


def _heard(past: Past, command: FileReport | FlagReport, terms: Rule) -> _Heard:
    """Look up the session; raises UnknownSession or WindowOver, or marks what others report."""
    session: Session = past.state(f"live-{command.session}")
    said_at = past.moment if command.said_at is None else time.micros(command.said_at)
    if said_at > past.moment and not past.reported:
        raise InvalidTime(f"It is {time.rfc3339(past.moment)}.", field="said_at")
    marks: tuple[str, ...] = ()
    if not session.status:
        if not past.reported:
            raise UnknownSession(f"Got {command.session!r}.", field="session")
        marks = ("unknown_session",)
    ended = session.closed_at
    if ended is not None and past.moment > ended + terms.window_days * _DAY_US:
        if not past.reported:
            raise WindowOver(f"The session ended at {time.rfc3339(ended)}.", field="session")
        marks = ("out_of_window",)
    number = past.used(f"reminded/{command.session} {command.statement}")
    last = _reminder(past, session.host, command.statement)
    # What was said before the host could stop has been answered by the reminder.
    until = last.at + terms.grace_minutes * _MINUTE_US if number and last else None
    open_ = until is None or said_at > until
    return _Heard(command.session, session.host, command.statement, said_at, number, open_, marks)


def _reminder(past: Past, host: str, statement: str) -> Reminder | None:
    reminders: tuple[Reminder, ...] = past.state(f"host-{host}").reminders if host else ()
    return next((each for each in reminders if each.statement == statement), None)


def _doubted(past: Past, user: str, terms: Rule) -> bool:
    """Whether of a user's reports that were decided too many were dismissed."""
    judged, dismissed = past.used_of([f"judged/{user}", f"dismissed/{user}"])
    return judged >= terms.doubted_from and dismissed * _WHOLE_BP > judged * terms.doubted_bp


@decides(FileReport)
def file(past: Past, command: FileReport) -> Iterator[Item]:
    """A user reports a statement of a session once, and so many a day; enough users remind the host."""
    report: Report = past.state(command.stream)
    if report.status:
        _check_same(report, command, command.user)
        return
    terms, version = rule(past)
    where = _heard(past, command, terms)
    marks = where.marks + check_there(past, command.user)
    day = time.local_day(past.moment, time.HOME_OFFSET)
    again, today = past.used_of(
        [f"reported/{command.session} {command.statement} {command.user}", f"reports/{command.user} {day}"]
    )
    if again:
        if not past.reported:
            raise AlreadyReported(f"{command.user} on {command.statement}.", field="user")
        marks = (*marks, "again")
    elif today >= terms.daily:
        if not past.reported:
            raise TooManyReports(f"{today} of {terms.daily}.", field="user")
        marks = (*marks, "too_many")
    weight = int(where.open and not marks and not _doubted(past, command.user, terms))
    yield FalseClaimReported(
        *where[:3],
        command.user,
        where.said_at,
        day,
        terms.daily,
        weight,
        where.round,
        command.digest,
        marks,
    )
    if weight:
        yield from _counted(past, command, where, terms, version)


@decides(FlagReport)
def flag(past: Past, command: FlagReport) -> Iterator[Item]:
    """A machine may flag a statement as often as it hears it; of a model one flag a round has weight."""
    report: Report = past.state(command.stream)
    if report.status:
        _check_same(report, command, command.model)
        return
    terms, version = rule(past)
    where = _heard(past, command, terms)
    sure = command.score_bp >= terms.machine.score_bp
    first = not past.used(f"{heard(command.session, command.statement, where.round)} {command.model}")
    weight = terms.machine.weight if where.open and not where.marks and sure and first else 0
    yield FalseClaimFlagged(
        *where[:3],
        command.model,
        command.score_bp,
        where.said_at,
        weight,
        where.round,
        command.digest,
        where.marks,
    )
    if weight:
        yield from _counted(past, command, where, terms, version)


def _check_same(report: Report, command: FileReport | FlagReport, by: str) -> None:
    said = report.session, report.statement, report.by, report.machine
    if said != (command.session, command.statement, by, isinstance(command, FlagReport)):
        raise AlreadyExists(f"Report {command.id} is that of {report.by}.", field="id")


def _counted(past: Past, command: Command, where: _Heard, terms: Rule, version: str) -> Iterator[Item]:
    """At the quorum the host is reminded; if it was said again after a reminder, a penalty is proposed."""
    weight = past.used(heard(where.session, where.statement, where.round))
    if weight < terms.quorum:
        return
    last = _reminder(past, where.host, where.statement)
    repeats = ""
    if last is not None:
        since = where.said_at - last.at
        if terms.grace_minutes * _MINUTE_US < since <= terms.repeat_days * _DAY_US:
            repeats = last.session
    penalty = _free_name(past, command.id) if repeats else ""
    what = where.session, where.statement, weight, terms.quorum, version
    yield On(f"host-{where.host}", HostReminded(*what, repeats, penalty))
    if penalty:
        proposed = terms.penalty
        yield from also(
            past,
            ProposePenalty(
                id=penalty,
                party="host",
                party_id=where.host,
                currency=proposed.currency,
                fine=proposed.fine,
                points=proposed.points,
                measures=proposed.measures,
                reason=f"{where.statement}: said again in session {where.session} after a reminder",
                cause=command.stream,
            ),
        )


def _free_name(past: Past, id_: str) -> str:
    """The name of a penalty after a report; nobody keeps it from being proposed by taking the name."""
    name, number = f"{RULE}-{id_}", 1
    while past.state(f"penalty-{name}").status:
        number += 1
        name = f"{RULE}-{id_}.{number}"
    return name


@decides(DecideReport)
def decide(past: Past, command: DecideReport) -> Iterator[Item]:
    """A report is decided once."""
    report: Report = past.state(command.stream)
    if not report.status:
        raise UnknownReport(f"Got {command.id!r}.", field="id")
    if report.upheld is command.upheld:
        return
    if report.upheld is not None:
        raise WrongState(f"The report is {report.status}.", field="upheld")
    user = "" if report.machine else report.by
    withdrawn = 0 if command.upheld else report.weight
    what = report.session, report.statement, user
    yield ReportDecided(*what, command.upheld, withdrawn, report.round, command.reason)

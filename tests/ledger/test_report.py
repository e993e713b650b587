"""Stories of reports of false claims: what has weight, when a host is reminded, and what follows a repetition."""

from datetime import timedelta
from typing import Any

import pytest

from ledger import formula
from ledger.decisions.brushing import RemoveAccounts
from ledger.decisions.host import OpenHost
from ledger.decisions.live import BeginSession, CloseSession
from ledger.decisions.penalty import ImposePenalty, ProposePenalty
from ledger.decisions.report import RULE, DecideReport, FileReport, FlagReport, Rule
from ledger.errors import (
    AccountGone,
    AlreadyExists,
    AlreadyReported,
    InvalidTime,
    TooManyReports,
    UnknownReport,
    UnknownSession,
    WindowOver,
    WrongState,
)
from ledger.events.penalty import Measure, PenaltyProposed
from ledger.events.report import FalseClaimFlagged, FalseClaimReported, HostReminded, ReportDecided
from tests.ledger.stories import START, Has, Ledger, Reported, Row, Step, but, has, stories, tell

NOTHING = ()
EVIDENCE = "0a" * 32
ON_AIR: tuple[Step, ...] = (OpenHost(id="h1"), BeginSession(id="l1", host="h1"))
FILE = FileReport(id="f1", session="l1", statement="pure-silver", user="u1")
FLAG = FlagReport(
    id="m1", session="l1", statement="pure-silver", model="ear-3", score_bp=9_500, digest=EVIDENCE
)
UPHOLD, DISMISS = (
    DecideReport(id="f1", upheld=True),
    DecideReport(id="f1", upheld=False, reason="it is silver"),
)
END = CloseSession(id="l1")
GANG: tuple[Step, ...] = (
    ImposePenalty(id="g1", party="gang", party_id="gang-1", reason="brushing"),
    RemoveAccounts(id="g1", accounts=("u1",)),
)
FILED = (*ON_AIR, FILE)
WEEK_AFTER = START + timedelta(days=7, hours=3)
LONG_AFTER = START + timedelta(days=8)
PROPOSED = PenaltyProposed(
    "host", "h1", "", "CNY", 0, 2, (Measure("training"),), "pure-silver: said again in session l2 after a reminder",
    "report-l2-f10",
)  # fmt: skip


def crowd(count: int, session: str = "l1", first: int = 1, **fields: object) -> tuple[FileReport, ...]:
    """Reports of so many users."""
    numbers = range(first, first + count)
    return tuple(but(FILE, id=f"{session}-f{n}", session=session, user=f"u{n}", **fields) for n in numbers)


def flags(count: int, first: int = 1) -> tuple[FlagReport, ...]:
    """Flags of so many models."""
    return tuple(but(FLAG, id=f"m{n}", model=f"ear-{n}") for n in range(first, first + count))


def reported(**fields: Any) -> Has:
    return has(FalseClaimReported, **fields)


REPORTS: dict[str, Row] = {
    "a user reports":               (ON_AIR, FILE,                          [reported(host="h1", user="u1", weight=1, round=0, marks=())]),
    "the same again":               (FILED, FILE,                           NOTHING),
    "under its name another":       (FILED, but(FILE, user="u2"),           AlreadyExists),
    "the user once more":           (FILED, but(FILE, id="f2"),             AlreadyReported),
    "a report of that":             (FILED, Reported(but(FILE, id="f2")),   [reported(weight=0, marks=("again",))]),
    "another statement":            (FILED, but(FILE, id="f2", statement="last-one"), [reported(weight=1)]),
    "a session nobody began":       ((), FILE,                              UnknownSession),
    "a report of one":              ((), Reported(FILE),                    [reported(host="", weight=0, marks=("unknown_session",))]),
    "a session that is over":       ((*ON_AIR, END), FILE,                  [reported(weight=1)]),
    "for seven days":               ((*ON_AIR, END), but(FILE, at=WEEK_AFTER), [reported(weight=1)]),
    "and long over":                ((*ON_AIR, END), but(FILE, at=LONG_AFTER), WindowOver),
    "a report of that one":         ((*ON_AIR, END), Reported(but(FILE, at=LONG_AFTER)), [reported(weight=0, marks=("out_of_window",))]),
    "what is still to be said":     (ON_AIR, but(FILE, said_at=LONG_AFTER), InvalidTime),
    "an account that was removed":  ((*ON_AIR, *GANG), FILE,                AccountGone),
    "a report of its report":       ((*ON_AIR, *GANG), Reported(FILE),      [reported(weight=0, marks=("account_gone",))]),
    "a machine flags":              (ON_AIR, FLAG,                          [has(FalseClaimFlagged, host="h1", score_bp=9_500, weight=5)]),
    "the same flag again":          ((*ON_AIR, FLAG), FLAG,                 NOTHING),
    "a flag under a report's name": (FILED, but(FLAG, id="f1"),             AlreadyExists),
    "a machine that is just sure":  (ON_AIR, but(FLAG, score_bp=9_000),     [has(FalseClaimFlagged, weight=5)]),
    "a machine that is not sure":   (ON_AIR, but(FLAG, score_bp=8_999),     [has(FalseClaimFlagged, weight=0)]),
    "the same model again":         ((*ON_AIR, FLAG), but(FLAG, id="m2"),   [has(FalseClaimFlagged, weight=0)]),
    "upheld":                       (FILED, UPHOLD,                         [ReportDecided("l1", "pure-silver", "u1", True, 0, 0)]),
    "dismissed":                    (FILED, DISMISS,                        [ReportDecided("l1", "pure-silver", "u1", False, 1, 0, "it is silver")]),
    "it is decided":                ((*FILED, UPHOLD), UPHOLD,              NOTHING),
    "it is decided otherwise":      ((*FILED, UPHOLD), DISMISS,             WrongState),
    "a report nobody made":         (ON_AIR, UPHOLD,                        UnknownReport),
    "a flag is dismissed":          ((*ON_AIR, FLAG), but(DISMISS, id="m1"), [ReportDecided("l1", "pure-silver", "", False, 5, 0, "it is silver")]),
}  # fmt: skip


@stories(REPORTS)
def test_reports(given, when, then):
    tell(given, when, then)


REMINDED = HostReminded("l1", "pure-silver", 10, 10, "pinocchio-1")
SOON = START + timedelta(hours=12, minutes=9)
"""Ten users report at 03:00 to 12:00; this is nine minutes after the last of them."""
FIRST = (*ON_AIR, *crowd(10))
SECOND_SESSION = BeginSession(id="l2", host="h1")
NEXT = (*FIRST, END, SECOND_SESSION, *crowd(9, "l2"))
LATER = START + timedelta(days=91)
LAST = START + timedelta(hours=12, days=90)
GRACE, MOMENT = START + timedelta(hours=12, minutes=10), timedelta(microseconds=1)
OTHER_HOST = (OpenHost(id="h2"), BeginSession(id="l2", host="h2"))

QUORUM: dict[str, Row] = {
    "nine users are too few":       ((*ON_AIR, *crowd(8)), crowd(9)[-1],    [reported(weight=1)]),
    "ten remind the host":          ((*ON_AIR, *crowd(9)), crowd(10)[-1],   [reported(weight=1), REMINDED]),
    "two machines do":              ((*ON_AIR, *flags(1)), flags(2)[-1],    [has(FalseClaimFlagged, weight=5), REMINDED]),
    "of two statements neither":    ((*ON_AIR, *crowd(5), *crowd(4, first=6, statement="last-one")), crowd(10, statement="last-one")[-1], [reported(weight=1)]),
    "one was dismissed before":     ((*ON_AIR, *crowd(9), but(DISMISS, id="l1-f3")), crowd(10)[-1], [reported(weight=1)]),
    "the next makes up for it":     ((*ON_AIR, *crowd(9), but(DISMISS, id="l1-f3"), crowd(10)[-1]), crowd(11)[-1], [reported(weight=1), REMINDED]),
    "the eleventh heard the same":  (FIRST, but(crowd(11)[-1], at=SOON),    [reported(weight=0, round=1)]),
    "ten minutes are not enough":   (FIRST, but(crowd(11)[-1], said_at=GRACE), [reported(weight=0, round=1)]),
    "a moment more is":             (FIRST, but(crowd(11)[-1], said_at=GRACE + MOMENT), [reported(weight=1, round=1)]),
    "dismissed in the next round":  ((*FIRST, crowd(11)[-1]), but(DISMISS, id="l1-f11"), [has(ReportDecided, withdrawn=1, round=1)]),
    "a flag in the next round":     ((*FIRST, *flags(1)), but(DISMISS, id="m1"), [has(ReportDecided, withdrawn=5, round=1)]),
    "or says so later":             (FIRST, but(crowd(11)[-1], said_at=SOON), [reported(weight=0, round=1)]),
    "what is said an hour later":   (FIRST, crowd(11)[-1],                  [reported(weight=1, round=1)]),
    "dismissed after the reminder": (FIRST, but(DISMISS, id="l1-f3"),       [has(ReportDecided, withdrawn=1, round=0)]),
    "a model flags once a round":   ((*ON_AIR, *flags(2)), but(FLAG, id="m9", model="ear-1"), [has(FalseClaimFlagged, weight=5, round=1)]),
    "said again in another session": (NEXT, crowd(10, "l2")[-1],
        [reported(weight=1), HostReminded("l2", "pure-silver", 10, 10, "pinocchio-1", "l1", "pinocchio-l2-f10"), PROPOSED]),
    "said again in the same":       ((*FIRST, *crowd(9, first=11)), crowd(10, first=11)[-1],
        [reported(weight=1), has(HostReminded, session="l1", repeats="l1", penalty="pinocchio-l1-f20"), has(PenaltyProposed)]),
    "a machine hears it again":     (NEXT[:-4], but(FLAG, session="l2"),
        [has(FalseClaimFlagged, weight=5), has(HostReminded, repeats="l1"), has(PenaltyProposed, cause="report-m1")]),
    "on the ninetieth day":         (NEXT, but(crowd(10, "l2")[-1], at=LAST), [reported(weight=1), has(HostReminded, repeats="l1"), has(PenaltyProposed)]),
    "a moment later":               (NEXT, but(crowd(10, "l2")[-1], at=LAST + MOMENT), [reported(weight=1), has(HostReminded, repeats="")]),
    "after three months":           (NEXT, but(crowd(10, "l2")[-1], at=LATER), [reported(weight=1), has(HostReminded, repeats="", penalty="")]),
    "by another host":              ((*FIRST, *OTHER_HOST, *crowd(9, "l2")), crowd(10, "l2")[-1], [reported(weight=1), has(HostReminded, repeats="")]),
}  # fmt: skip


@stories(QUORUM)
def test_a_quorum(given, when, then):
    tell(given, when, then)


def test_a_user_makes_so_many_reports_a_day():
    reports = [
        but(FILE, id=f"f{n}", statement=f"claim-{n}", at=START + timedelta(hours=2)) for n in range(21)
    ]
    tell((*ON_AIR, *reports[:20]), reports[20], TooManyReports)
    tell((*ON_AIR, *reports[:20]), Reported(reports[20]), [reported(weight=0, marks=("too_many",))])
    tell((*ON_AIR, *reports[:20]), but(reports[20], at=START + timedelta(hours=16)), [reported(weight=1)])


@pytest.mark.parametrize(("dismissed", "weight"), [(2, 1), (3, 0), (5, 0)])
def test_whoever_was_mostly_wrong_has_no_weight(dismissed: int, weight: int):
    """Of five decided reports, up to half may have been dismissed."""
    reports = [but(FILE, id=f"f{n}", statement=f"claim-{n}") for n in range(5)]
    rulings = [DecideReport(id=f"f{n}", upheld=n >= dismissed) for n in range(5)]
    tell((*ON_AIR, *reports, *rulings), but(FILE, id="f9"), [reported(weight=weight)])


def test_half_wrong_is_not_mostly_wrong():
    reports = [but(FILE, id=f"f{n}", statement=f"claim-{n}") for n in range(6)]
    rulings = [DecideReport(id=f"f{n}", upheld=n >= 3) for n in range(6)]
    tell((*ON_AIR, *reports, *rulings), but(FILE, id="f9"), [reported(weight=1)])


def test_four_wrong_reports_are_no_habit():
    reports = [but(FILE, id=f"f{n}", statement=f"claim-{n}") for n in range(4)]
    rulings = [DecideReport(id=f"f{n}", upheld=False) for n in range(4)]
    tell((*ON_AIR, *reports, *rulings), but(FILE, id="f9"), [reported(weight=1)])


def test_nobody_keeps_a_penalty_from_being_proposed_by_taking_its_name():
    taken = ProposePenalty(id="pinocchio-l2-f10", party="shop", party_id="s1", reason="something else")
    reminded = has(HostReminded, penalty="pinocchio-l2-f10.2")
    tell((*NEXT, taken), crowd(10, "l2")[-1], [reported(weight=1), reminded, PROPOSED])


def test_what_a_decision_reads_stays_small():
    """However many report, the state of session and host does not grow with them."""
    ledger = Ledger((*ON_AIR, *crowd(200)))
    assert len([each for each in ledger.memory.facts if each.stream == "live-l1"]) == 1
    host = ledger.state("host-h1")
    assert [each.statement for each in host.reminders] == ["pure-silver"]
    reminded = [each.fact for each in ledger.memory.facts if isinstance(each.fact, HostReminded)]
    assert len(reminded) == 20
    assert all(fact.penalty for fact in reminded[1:])


def test_the_shipped_rule_can_be_read():
    rules = [version.read(Rule) for version in formula.versions(RULE)]
    assert [(rule.quorum, rule.penalty.points) for rule in rules] == [(10, 2)]

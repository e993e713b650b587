"""Facts of reports of false claims (`report-{id}`) and of the host who is reminded (`host-{id}`).

A statement is what a host claims on air, under the name the platform gives it: `pure-silver`.
"""

from __future__ import annotations

from ledger.events.base import Fact


class FalseClaimReported(Fact):
    """A user says that a statement made in a live session is false.

    `weight` is how much the report counts towards a reminder (0: not at all), in which `round` of the session
    and statement: 0 before the first reminder, 1 before the second. `day` is the number of the local day, of
    which a user has `allowed` reports. `said_at` is when it was said (UTC microseconds), `digest` the SHA-256
    of evidence in hexadecimal.
    """

    TOPIC = "false-claim-reported"

    session: str
    host: str
    statement: str
    user: str
    said_at: int
    day: int
    allowed: int
    weight: int
    round: int
    digest: str = ""
    marks: tuple[str, ...] = ()


class FalseClaimFlagged(Fact):
    """A machine says so: its `model`, how sure it is (hundredths of a percent), else as a user's report."""

    TOPIC = "false-claim-flagged"

    session: str
    host: str
    statement: str
    model: str
    score_bp: int
    said_at: int
    weight: int
    round: int
    digest: str = ""
    marks: tuple[str, ...] = ()


class ReportDecided(Fact):
    """A person decided whether a report is right. `user` is "" where a machine made it.

    `withdrawn` is how much weight a dismissed report no longer has in its round.
    """

    TOPIC = "report-decided"

    session: str
    statement: str
    user: str
    upheld: bool
    withdrawn: int
    round: int
    reason: str = ""


class HostReminded(Fact):
    """So many reports came together that the host is reminded that a statement is held to be false.

    `heard` is their weight, `quorum` what was needed under the rule version `rule`. `repeats` is the session
    of an earlier reminder after which it was said again ("" if there is none): then a penalty is proposed.
    """

    TOPIC = "host-reminded"

    session: str
    statement: str
    heard: int
    quorum: int
    rule: str
    repeats: str = ""
    penalty: str = ""

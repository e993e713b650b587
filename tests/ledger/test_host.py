"""Stories of those who sell: hosts and what they may not do, live sessions, service providers."""

from datetime import timedelta

import pytest

from ledger import time
from ledger.decisions.host import BanHost, CloseHost, Host, OpenHost, ReinstateHost, SuspendHost
from ledger.decisions.live import BeginSession, CloseSession, Session
from ledger.decisions.provider import AdmitProvider, ExitProvider, Provider
from ledger.decisions.shop import OpenShop, RequestClosing
from ledger.decisions.standing import Restraint, SuspendShop
from ledger.errors import AlreadyExists, UnknownHost, UnknownProvider, UnknownSession, WrongState
from ledger.events.host import HostBanned, HostClosed, HostOpened, HostReinstated, HostSuspended
from ledger.events.live import SessionBegun, SessionClosed
from ledger.events.order import OrderPlaced
from ledger.events.provider import ProviderAdmitted, ProviderExited
from tests.ledger.stories import PLACE, START, Ledger, Reported, Row, but, has, stories, tell

NOTHING = ()
OPEN = OpenHost(id="h1", name="Ann", provider="a1")
UNTIL = START + timedelta(days=7)
SUSPEND = SuspendHost(id="h1", cause="pe1", until=UNTIL)
BAN, LIFT = BanHost(id="h1", cause="pe2"), ReinstateHost(id="h1", cause="pe1")
CLOSE = CloseHost(id="h1", reason="moved on")
OPENED = (OPEN,)
LATER = START + timedelta(days=8)

HOSTS: dict[str, Row] = {
    "a host opens":                     ((), OPEN,                              [HostOpened("Ann", "a1")]),
    "the same again":                   (OPENED, OPEN,                          NOTHING),
    "under another name":               (OPENED, but(OPEN, name="Bea"),         AlreadyExists),
    "suspended":                        (OPENED, SUSPEND,                       [HostSuspended("pe1", "", time.micros(UNTIL))]),
    "it is suspended":                  ((*OPENED, SUSPEND), SUSPEND,           NOTHING),
    "until a time that is past":        (OPENED, but(SUSPEND, until=START),     WrongState),
    "then nothing is sold":             ((*OPENED, SUSPEND), PLACE,             WrongState),
    "until the time is over":           ((*OPENED, SUSPEND), but(PLACE, at=LATER), [has(OrderPlaced)]),
    "a report of what was sold":        ((*OPENED, SUSPEND), Reported(PLACE),   [has(OrderPlaced)]),
    "lifted":                           ((*OPENED, SUSPEND), LIFT,              [HostReinstated("pe1")]),
    "what was not there":               (OPENED, LIFT,                          NOTHING),
    "banned":                           (OPENED, BAN,                           [HostBanned("pe2")]),
    "it is banned":                     ((*OPENED, BAN), BAN,                   NOTHING),
    "another cause stays":              ((*OPENED, SUSPEND, BAN, LIFT), PLACE,  WrongState),
    "closed":                           (OPENED, CLOSE,                         [HostClosed("moved on")]),
    "it is closed":                     ((*OPENED, CLOSE), CLOSE,               NOTHING),
    "a host nobody opened":             ((), BAN,                               UnknownHost),
    "sells, as far as we know":         ((), PLACE,                             [has(OrderPlaced)]),
}  # fmt: skip

BEGIN = BeginSession(id="l1", host="h1", shop="s1", title="Cups")
END = CloseSession(id="l1", reason="sold out")
SHOP = OpenShop(id="s1")
ON_AIR = (*OPENED, BEGIN)

SESSIONS: dict[str, Row] = {
    "a session begins":                 ((*OPENED, SHOP), BEGIN,                [SessionBegun("h1", "s1", "Cups")]),
    "the same again":                   (ON_AIR, BEGIN,                         NOTHING),
    "with another host":                (ON_AIR, but(BEGIN, host="h2"),         AlreadyExists),
    "with a host nobody opened":        ((), BEGIN,                             UnknownHost),
    "a report of one":                  ((), Reported(BEGIN),                   [SessionBegun("h1", "s1", "Cups")]),
    "with a suspended host":            ((*OPENED, SUSPEND), BEGIN,             WrongState),
    "with a closed host":               ((*OPENED, CLOSE), BEGIN,               WrongState),
    "for a shop that leaves":           ((*OPENED, SHOP, RequestClosing(id="s1")), BEGIN, WrongState),
    "it ends":                          (ON_AIR, END,                           [SessionClosed("sold out")]),
    "it has ended":                     ((*ON_AIR, END), END,                   NOTHING),
    "one that never began":             ((), END,                               UnknownSession),
}  # fmt: skip

ADMIT = AdmitProvider(id="a1", name="Agency", plan="wind-maker")
EXIT = ExitProvider(id="a1", reason="bankrupt")

PROVIDERS: dict[str, Row] = {
    "an agency is admitted":            ((), ADMIT,                             [ProviderAdmitted("Agency", "wind-maker")]),
    "it is admitted":                   ((ADMIT,), ADMIT,                       NOTHING),
    "under another name":               ((ADMIT,), but(ADMIT, name="Other"),    AlreadyExists),
    "it leaves":                        ((ADMIT,), EXIT,                        [ProviderExited("bankrupt")]),
    "it has left":                      ((ADMIT, EXIT), EXIT,                   NOTHING),
    "it comes again":                   ((ADMIT, EXIT), ADMIT,                  [ProviderAdmitted("Agency", "wind-maker")]),
    "one nobody admitted":              ((), EXIT,                              UnknownProvider),
}  # fmt: skip


@stories(HOSTS)
def test_hosts(given, when, then):
    tell(given, when, then)


@stories(SESSIONS)
def test_sessions(given, when, then):
    tell(given, when, then)


@stories(PROVIDERS)
def test_providers(given, when, then):
    tell(given, when, then)


AGAIN = but(SUSPEND, cause="pe3")


@stories({
    "banned, with a reason": (OPENED, but(BAN, reason="fakes"), [HostBanned("pe2", "fakes")]),
    "lifted, with a reason": ((*OPENED, SUSPEND), but(LIFT, reason="appeal won"), [
        HostReinstated("pe1", "appeal won"),
    ]),
    "suspended for good, with a reason": (OPENED, but(SUSPEND, until=None, reason="fakes"), [
        HostSuspended("pe1", "fakes"),
    ]),
    "until now": (OPENED, but(SUSPEND, at=START, until=START), WrongState),
    "until the next moment": (OPENED, but(SUSPEND, at=START, until=START + timedelta(microseconds=1)), [
        HostSuspended("pe1", until=1_622_505_600_000_001),
    ]),
    "a session for a suspended shop": ((*OPENED, SHOP, SuspendShop(id="s1", cause="pe1")), BEGIN, WrongState),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*OPENED, but(SUSPEND, at=START), but(AGAIN, at=START), but(BAN, at=START), but(SUSPEND, at=START,
            until=None)), "host-h1",
        Host(status="open", name="Ann", provider="a1", restraints=(Restraint("suspended", "pe3",
            1_622_505_600_000_000, 1_623_110_400_000_000), Restraint("banned", "pe2", 1_622_505_600_000_000,
            None), Restraint("suspended", "pe1", 1_622_505_600_000_000, None))),
        id="restrained for many causes"),
    pytest.param(
        (*OPENED, but(SUSPEND, at=START), but(AGAIN, at=START), LIFT), "host-h1",
        Host(status="open", name="Ann", provider="a1", restraints=(Restraint("suspended", "pe3",
            1_622_505_600_000_000, 1_623_110_400_000_000),)),
        id="but for one"),
    pytest.param(
        (*OPENED, but(BEGIN, at=START)), "live-l1",
        Session(status="on_air", host="h1", shop="s1", title="Cups", begun_at=1_622_505_600_000_000),
        id="on air"),
    pytest.param(
        (*OPENED, but(BEGIN, at=START), but(END, at=LATER)), "live-l1",
        Session(status="closed", host="h1", shop="s1", title="Cups", begun_at=1_622_505_600_000_000,
            closed_at=1_623_196_800_000_000),
        id="off air"),
    pytest.param(
        (ADMIT, EXIT), "provider-a1",
        Provider(status="exited", name="Agency", plan="wind-maker"),
        id="an agency that left"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

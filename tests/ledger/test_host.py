"""Stories of those who sell: hosts and what they may not do, live sessions, service providers."""

from datetime import timedelta

from ledger import time
from ledger.decisions.host import BanHost, CloseHost, OpenHost, ReinstateHost, SuspendHost
from ledger.decisions.live import BeginSession, CloseSession
from ledger.decisions.provider import AdmitProvider, ExitProvider
from ledger.decisions.shop import OpenShop, RequestClosing
from ledger.errors import AlreadyExists, UnknownHost, UnknownProvider, UnknownSession, WrongState
from ledger.events.host import HostBanned, HostClosed, HostOpened, HostReinstated, HostSuspended
from ledger.events.live import SessionBegun, SessionClosed
from ledger.events.order import OrderPlaced
from ledger.events.provider import ProviderAdmitted, ProviderExited
from tests.ledger.stories import PLACE, START, Reported, Row, but, has, stories, tell

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

"""Stories of complaints: of an order or a line, by its buyer, and the claim that one leads to."""

from ledger.decisions.claim import FileClaim
from ledger.decisions.complaint import LinkClaim, RecordComplaint
from ledger.decisions.order import VoidOrder
from ledger.errors import (
    AlreadyExists,
    InvalidAmount,
    NotTheBuyer,
    UnknownClaim,
    UnknownComplaint,
    UnknownOrder,
    WrongState,
)
from ledger.events.complaint import ComplaintClaimed, ComplaintRecorded
from ledger.events.order import OrderPlaced
from ledger.events.parking import FactParked
from ledger.policies import shipped
from tests.ledger.stories import CONFIRMED, PAY, PLACE, PLACED, Ledger, Reported, Row, but, has, stories, tell

NOTHING = ()
WORDS = "0a" * 32
COMPLAIN = RecordComplaint(id="k1", order="p:1", line=1, reason="missing-gift", digest=WORDS)
LAW = but(shipped()["fraud-law-2014-03"], force=True, reason="it is the law")
FILE = FileClaim(id="c1", order="p:1", benefit="fraud-law")
LINK = LinkClaim(id="k1", claim="c1")
SAID = ("p:1", 1, "s1", "h1", "b1", "missing-gift", WORDS)
COMPLAINED = (LAW, *CONFIRMED, COMPLAIN)
ELSEWHERE = (*COMPLAINED, but(PLACE, id="p:2"), but(PAY, id="p:2"), Reported(but(FILE, order="p:2")))

COMPLAINTS: dict[str, Row] = {
    "of a line":                    (PLACED, COMPLAIN,                      [ComplaintRecorded(*SAID)]),
    "of all of it":                 (PLACED, but(COMPLAIN, line=0),         [has(ComplaintRecorded, line=0)]),
    "the same again":               (COMPLAINED, COMPLAIN,                  NOTHING),
    "with another reason":          (COMPLAINED, but(COMPLAIN, reason="late"), AlreadyExists),
    "a second complaint":           (COMPLAINED, but(COMPLAIN, id="k2"),    [ComplaintRecorded(*SAID)]),
    "of an order nobody placed":    ((), COMPLAIN,                          UnknownOrder),
    "a report of that waits":       ((), Reported(COMPLAIN),                [has(FactParked, waits_for="placed")]),
    "and follows the order":        ((Reported(COMPLAIN),), PLACE,          [has(OrderPlaced), ComplaintRecorded(*SAID)]),
    "of a line there is not":       (PLACED, but(COMPLAIN, line=2),         InvalidAmount),
    "by somebody else":             (PLACED, but(COMPLAIN, buyer="b2"),     NotTheBuyer),
    "a report of that":             (PLACED, Reported(but(COMPLAIN, buyer="b2")), [has(ComplaintRecorded, buyer="b2", marks=("not_the_buyer",))]),
    "of what never counted":        ((*PLACED, VoidOrder(id="p:1", reason="brushing")), COMPLAIN, WrongState),
    "it leads to a claim":          ((*COMPLAINED, Reported(FILE)), LINK,   [ComplaintClaimed("c1", "fraud-law")]),
    "it has led there":             ((*COMPLAINED, Reported(FILE), LINK), LINK, NOTHING),
    "a claim nobody filed":         (COMPLAINED, LINK,                      UnknownClaim),
    "a claim for another order":    (ELSEWHERE, LINK,                       WrongState),
    "a complaint nobody made":      ((), LINK,                              UnknownComplaint),
    "a report of the claim waits":  ((), Reported(LINK),                    [has(FactParked, waits_for="recorded")]),
}  # fmt: skip


@stories(COMPLAINTS)
def test_complaints(given, when, then):
    tell(given, when, then)


def test_a_report_of_the_claim_follows_the_complaint():
    given = (LAW, *CONFIRMED, Reported(FILE), Reported(LINK))
    tell(given, COMPLAIN, [has(ComplaintRecorded), ComplaintClaimed("c1", "fraud-law")])
    complaint = Ledger((*given, COMPLAIN)).state("complaint-k1")
    assert (complaint.status, complaint.claims, complaint.parked) == ("claimed", ("c1",), ())

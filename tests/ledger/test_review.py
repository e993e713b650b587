"""Stories of reviews: who is asked, who may write one of which line, and who answers."""

from datetime import timedelta
from itertools import permutations

from ledger.decisions.amendment import RecordOrder
from ledger.decisions.order import VoidOrder
from ledger.decisions.review import Answer, AnswerReview, InviteReview, Review, SubmitReview
from ledger.errors import (
    AlreadyExists,
    InvalidAmount,
    Malformed,
    NotTheBuyer,
    UnknownOrder,
    UnknownReview,
    WrongState,
)
from ledger.events.fulfilment import ParcelDispatched
from ledger.events.order import OrderPaid, OrderPlaced
from ledger.events.parking import FactParked
from ledger.events.review import ReviewAnswered, ReviewInvited, ReviewSubmitted
from tests.ledger.stories import (
    CONFIRMED,
    CUPS,
    DISPATCH,
    DISPATCHED,
    PAID,
    PAY,
    PLACE,
    PLACED,
    SETTLED,
    START,
    Ledger,
    Reported,
    Row,
    but,
    has,
    stories,
    tell,
)

NOTHING = ()
WORDS, OTHER = "0a" * 32, "0b" * 32
INVITE = InviteReview(id="v1", order="p:1")
REVIEW = SubmitReview(id="v1", order="p:1", quality=2, service=5, digest=WORDS)
ANSWER = AnswerReview(id="v1", by="host", digest=OTHER)
VOID = VoidOrder(id="p:1", reason="brushing")
AGAIN = Reported(but(REVIEW, id="v2"))
WHO = ("p:1", 1, "s1", "h1", "b1")
REVIEWED = (*CONFIRMED, REVIEW)
GUEST = RecordOrder(id="p:2", shop="s1", currency="CNY", lines=(CUPS,), settled=True)
OF_GUEST = but(REVIEW, order="p:2", buyer="b9")

REVIEWS: dict[str, Row] = {
    "the buyer is asked":               (PAID, INVITE,                      [ReviewInvited(*WHO)]),
    "the same again":                   ((*PAID, INVITE), INVITE,           NOTHING),
    "of an order nobody placed":        ((), INVITE,                        UnknownOrder),
    "of an order nobody paid":          (PLACED, INVITE,                    WrongState),
    "a report of that waits":           (PLACED, Reported(INVITE),          [has(FactParked, waits_for="paid")]),
    "of a line there is not":           (PAID, but(INVITE, line=2),         InvalidAmount),
    "asked twice of a line":            ((*PAID, INVITE), but(INVITE, id="v2"), AlreadyExists),
    "a report of that":                 ((*PAID, INVITE), Reported(but(INVITE, id="v2")), [ReviewInvited(*WHO, ("again",))]),
    "asked for what is written":        (REVIEWED, but(INVITE, id="v2"),    AlreadyExists),
    "a report of it comes late":        (REVIEWED, Reported(INVITE),        [ReviewInvited(*WHO)]),
    "an order that never counted":      ((*PAID, VOID), INVITE,             WrongState),
    "nobody knows the buyer":           ((GUEST,), but(INVITE, order="p:2"), WrongState),
    "a review":                         (CONFIRMED, REVIEW,                 [ReviewSubmitted(*WHO, 2, 5, digest=WORDS)]),
    "of a settled order":               (SETTLED, REVIEW,                   [has(ReviewSubmitted)]),
    "invited before":                   ((*PAID, INVITE, DISPATCH, CONFIRMED[-1]), REVIEW, [has(ReviewSubmitted, marks=())]),
    "it is written":                    (REVIEWED, REVIEW,                  NOTHING),
    "in the buyer's name":              (REVIEWED, but(REVIEW, buyer="b1"), NOTHING),
    "with other content":               (REVIEWED, but(REVIEW, quality=5),  AlreadyExists),
    "of another line":                  ((*PAID, INVITE), but(REVIEW, line=2), AlreadyExists),
    "before the goods are there":       (DISPATCHED, REVIEW,                WrongState),
    "a report may be early":            (DISPATCHED, Reported(REVIEW),      [has(ReviewSubmitted, marks=("out_of_order",))]),
    "even before the payment":          ((), Reported(REVIEW),              [has(FactParked, waits_for="paid")]),
    "it follows the payment":           ((PLACE, Reported(REVIEW)), PAY,    [has(OrderPaid), has(ReviewSubmitted, buyer="b1")]),
    "by somebody else":                 (CONFIRMED, but(REVIEW, buyer="b2"), NotTheBuyer),
    "a report of that does not count":  (CONFIRMED, Reported(but(REVIEW, buyer="b2")), [has(ReviewSubmitted, buyer="b2", counts=False)]),
    "by a guest":                       ((GUEST,), OF_GUEST,                NotTheBuyer),
    "a second of the line":             (REVIEWED, but(REVIEW, id="v2"),    AlreadyExists),
    "a report of a second":             (REVIEWED, AGAIN,                   [has(ReviewSubmitted, counts=False, marks=("again",))]),
    "nothing is said":                  (CONFIRMED, SubmitReview(id="v1", order="p:1"), Malformed),
    "words alone":                      (CONFIRMED, SubmitReview(id="v1", order="p:1", digest=WORDS), [has(ReviewSubmitted, quality=0)]),
    "of a line that is not there":      (CONFIRMED, but(REVIEW, line=2),    InvalidAmount),
    "reported":                         (CONFIRMED, Reported(but(REVIEW, line=2)), [has(ReviewSubmitted, marks=("unknown_line",))]),
    "of an order that never counted":   ((*CONFIRMED, VOID), REVIEW,        WrongState),
    "a report of such":                 ((*CONFIRMED, VOID), Reported(REVIEW), [has(ReviewSubmitted, marks=("out_of_order",))]),
    "the host answers":                 (REVIEWED, ANSWER,                  [ReviewAnswered("host", OTHER)]),
    "it is answered":                   ((*REVIEWED, ANSWER), ANSWER,       NOTHING),
    "the shop too":                     ((*REVIEWED, ANSWER), but(ANSWER, by="shop"), [ReviewAnswered("shop", OTHER)]),
    "a second answer":                  ((*REVIEWED, ANSWER), but(ANSWER, digest=WORDS), AlreadyExists),
    "a report of a second answer":      ((*REVIEWED, ANSWER), Reported(but(ANSWER, digest=WORDS)), [ReviewAnswered("host", WORDS, ("again",))]),
    "nothing to answer yet":            ((*PAID, INVITE), ANSWER,           WrongState),
    "nothing to answer":                ((), ANSWER,                        UnknownReview),
    "a report of an answer waits":      ((), Reported(ANSWER),              [has(FactParked, waits_for="submitted")]),
    "and follows the review":           ((*CONFIRMED, Reported(ANSWER)), REVIEW, [has(ReviewSubmitted), has(ReviewAnswered)]),
}  # fmt: skip


@stories(REVIEWS)
def test_reviews(given, when, then):
    tell(given, when, then)


def test_a_refusal_says_what_the_line_has():
    asked = but(INVITE, id="v2")
    assert "has its invitation" in str(Ledger((*PAID, INVITE)).try_(asked))
    assert "has its review" in str(Ledger(REVIEWED).try_(asked))


def test_no_host_answers_where_none_sold():
    recorded = but(GUEST, id="p:1", buyer="b1")
    tell((recorded, REVIEW), ANSWER, WrongState)
    tell((recorded, REVIEW), Reported(ANSWER), [ReviewAnswered("host", OTHER, ("host_unknown",))])


def test_a_line_is_reviewed_once_whatever_comes_first():
    ledger = Ledger((Reported(REVIEW), AGAIN, Reported(ANSWER), PLACE))
    paid = ledger.do(PAY)
    kinds = [type(each.fact) for each in paid if each.stream.startswith("review-")]
    assert kinds == [ReviewSubmitted, ReviewAnswered, ReviewSubmitted]
    assert ledger.state("review-v1").status == "answered"
    assert ledger.used()["reviewed/p:1/1"] == 1


def test_the_words_a_status_goes_through():
    ledger, seen = Ledger(PAID), []
    for step in (INVITE, DISPATCH, CONFIRMED[-1], REVIEW, ANSWER):
        facts = ledger.do(step)
        assert facts
        seen.append(ledger.state("review-v1").status)
    assert seen == ["invited", "invited", "invited", "submitted", "answered"]
    assert {OrderPlaced, OrderPaid, ParcelDispatched} <= {type(each.fact) for each in ledger.memory.facts}


def test_reports_end_in_the_same_review_whatever_comes_first():
    steps = (PLACE, PAY, INVITE, REVIEW, ANSWER)
    timed = [Reported(but(step, at=START + timedelta(days=day))) for day, step in enumerate(steps)]
    ratings, answers = (2, 5, 0, 0, 0), (Answer("host", OTHER),)
    wanted = Review("p:1", 1, "s1", "h1", "b1", True, True, ratings, WORDS, ("out_of_order",), answers)
    for order in permutations(timed):
        assert Ledger(order).state("review-v1") == wanted, order

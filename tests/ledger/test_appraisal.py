"""Stories of the appraisal warehouse: marked offers, four checks, certificates, devices and their warranty."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import time
from ledger.decisions.appraisal import CHECKS as ALL_CHECKS
from ledger.decisions.appraisal import (
    CertifyItem,
    FailItem,
    InspectDevice,
    PassItem,
    PayLab,
    ReceiveItem,
    RecordCheck,
)
from ledger.decisions.base import Command
from ledger.decisions.correction import RecordCorrection
from ledger.decisions.fulfilment import DeliverParcel, ParcelItem
from ledger.decisions.offer import MarkOffer, UnmarkOffer
from ledger.decisions.order import CancelOrder, InWarehouse, OrderLine
from ledger.decisions.policy import PublishPolicy
from ledger.decisions.shop import OpenShop
from ledger.decisions.standing import OpenBenefit
from ledger.errors import (
    AlreadyExists,
    CertificateTaken,
    InsufficientFunds,
    InvalidAmount,
    InvalidIdentifier,
    NotAppraised,
    UnknownItem,
    UnknownOrder,
    WrongState,
)
from ledger.events.appraisal import (
    AppraisalFailed,
    AppraisalPassed,
    CertificateIssued,
    CheckRecorded,
    DeviceInspected,
    ItemReceived,
    LabPaid,
    WarrantyStarted,
)
from ledger.events.correction import CorrectionRecorded
from ledger.events.coverage import CoverageAttached
from ledger.events.fulfilment import (
    ItemAppraised,
    ItemAtWarehouse,
    ParcelDelivered,
    ParcelDispatched,
    ReceiptConfirmed,
    Shipped,
)
from ledger.events.offer import OfferMarked, OfferUnmarked
from ledger.events.order import OrderCancelled
from ledger.events.parking import FactParked
from ledger.events.policy import Rule
from ledger.events.refund import RefundAdvanceRecovered, RefundApproved, RefundCompleted, RefundRequested
from tests.ledger.stories import (
    CONFIRM,
    CUPS,
    DISPATCH,
    PAID,
    PAY,
    PLACE,
    PLACED,
    RECORD,
    SETTLE,
    START,
    Ledger,
    Reported,
    Row,
    but,
    has,
    refunded,
    stories,
    tell,
)

NOTHING = ()
EARLY = ("out_of_order",)
DIGEST, OTHER = "0a" * 32, "0b" * 32


def published(benefit: str, days: int = 0, **fields) -> PublishPolicy:
    """Terms in force long before the stories begin."""
    rule = Rule(
        **{"family": "warranty", "formula": "repair_or_refund", "payers": ("warranty_pool",), **fields},
        window_from="received" if days else None,
        window_days=days,
    )
    began = datetime(2021, 1, 1, tzinfo=UTC)
    return PublishPolicy(id=benefit, version="v1", effective_from=began, rule=rule, force=True, reason="test")


OPEN_ARMS = (
    OpenShop(id="s1"),
    published(
        "official-authenticity", family="authenticity", formula="refund", refund=True, payers=("escrow",)
    ),
    OpenBenefit(id="s1", benefit="official-authenticity"),
)
MARK, UNMARK = MarkOffer(id="s1:cup", lab="lab1", said="gold"), UnmarkOffer(id="s1:cup", reason="sold out")
MARKED = (*OPEN_ARMS, MARK)
BOUGHT = (*MARKED, *PAID)

RECEIVE = ReceiveItem(id="i1", order="p:1", lab="lab1")
HERE = (*PAID, RECEIVE)


def checks(id_: str = "i1", **wrong: bool) -> tuple[RecordCheck, ...]:
    """All four, passed but for those that are not."""
    return tuple(RecordCheck(id=id_, check=name, passed=wrong.get(name, True)) for name in ALL_CHECKS)


PASS, FAIL = PassItem(id="i1"), FailItem(id="i1", reason="plated")
CERTIFY = CertifyItem(id="i1", certificate="c1", fee=500)
CHECKED = (*HERE, *checks())
PASSED = (*CHECKED, PASS)
CERTIFIED = (*PASSED, CERTIFY)
WRONG = (*HERE, *checks(narration=False))
FAILED = (*WRONG, FAIL)


def through(serial: str, certificate: str) -> tuple[Command, ...]:
    """Another piece of the same line from its arrival to its certificate."""
    received = but(RECEIVE, id=serial)
    return (received, *checks(serial), PassItem(id=serial), but(CERTIFY, id=serial, certificate=certificate))


ALL_THREE = (*CERTIFIED, *through("i2", "c2"), *through("i3", "c3"))

OFFERS: dict[str, Row] = {
    "an offer is marked":               (OPEN_ARMS, MARK,                       [OfferMarked("lab1", "gold")]),
    "marked again changes nothing":     (MARKED, MARK,                          NOTHING),
    "not without the benefit":          ((), MARK,                              WrongState),
    "a report of a mark":               ((), Reported(MARK),                    [OfferMarked("lab1", "gold")]),
    "unmarked":                         (MARKED, UNMARK,                        [OfferUnmarked("sold out")]),
    "what is not marked stays so":      (OPEN_ARMS, UNMARK,                     NOTHING),
    "marked once more":                 ((*MARKED, UNMARK), MARK,               [OfferMarked("lab1", "gold")]),
    "an article with a colon":          (OPEN_ARMS, but(MARK, id="s1:cup:red"),  [OfferMarked("lab1", "gold")]),
    "no article":                       ((), but(MARK, id="s1"),                InvalidIdentifier),
}  # fmt: skip

LEAVING: dict[str, Row] = {
    "an unmarked article goes":         (PAID, DISPATCH,                        [ParcelDispatched("w1", "")]),
    "a marked one does not":            (BOUGHT, DISPATCH,                      NotAppraised),
    "marked after it was bought":       ((*OPEN_ARMS, *PAID, MARK), DISPATCH,   [ParcelDispatched("w1", "")]),
    "unmarked after it was bought":     ((*BOUGHT, UNMARK), DISPATCH,           NotAppraised),
    "while one is appraised":           (HERE, DISPATCH,                        NotAppraised),
    "passed is not certified":          (PASSED, DISPATCH,                      NotAppraised),
    "one of three is certified":        (CERTIFIED, DISPATCH,                   NotAppraised),
    "the one that is certified":        (CERTIFIED, but(DISPATCH, items=(ParcelItem(line=1, quantity=1),)),
                                         [ParcelDispatched("w1", "", (Shipped(1, 1),))]),
    "all three are certified":          (ALL_THREE, DISPATCH,                   [ParcelDispatched("w1", "")]),
    "two, when one failed":             ((*FAILED, *through("i2", "c2"), *through("i3", "c3")), DISPATCH,
                                         [ParcelDispatched("w1", "")]),
    "never what failed":                ((*FAILED, *through("i2", "c2")),
                                         but(DISPATCH, items=(ParcelItem(line=1, quantity=2),)), NotAppraised),
    "a report of what left anyway":     (HERE, Reported(DISPATCH),
                                         [ParcelDispatched("w1", "", (), ("not_appraised",))]),
}  # fmt: skip

PIECES: dict[str, Row] = {
    "a piece arrives":                  (PAID, RECEIVE,                         [ItemReceived("p:1", 1, 1, "s1", "lab1"), ItemAtWarehouse("i1", 1, 1)]),
    "the same again":                   (HERE, RECEIVE,                         NOTHING),
    "the next unit":                    (HERE, but(RECEIVE, id="i2"),           [has(ItemReceived, unit=2), ItemAtWarehouse("i2", 1, 2)]),
    "of a line there is not":           (PAID, but(RECEIVE, line=2),            InvalidAmount),
    "more than were sold":              (ALL_THREE, but(RECEIVE, id="i4"),      InvalidAmount),
    "a report of more":                 (ALL_THREE, Reported(but(RECEIVE, id="i4")),
                                         [has(ItemReceived, unit=0, marks=("quantity_mismatch",)), ItemAtWarehouse("i4", 1, 0)]),
    "of an order nobody placed":        ((), RECEIVE,                           UnknownOrder),
    "before it is paid":                (PLACED, RECEIVE,                       WrongState),
    "after it left":                    ((*PAID, DISPATCH), RECEIVE,            WrongState),
    "a report after it left":           ((*PAID, DISPATCH), Reported(RECEIVE),  [has(ItemReceived, marks=EARLY), has(ItemAtWarehouse)]),
    "a report before it is paid":       (PLACED, Reported(RECEIVE),             [has(FactParked, waits_for="paid")]),
    "for another order meanwhile":      (HERE, but(RECEIVE, order="p:2"),       AlreadyExists),
    "a check":                          (HERE, checks()[0],                     [CheckRecorded("material", True)]),
    "the same check":                   (CHECKED, checks()[0],                  NOTHING),
    "another word on it":               (CHECKED, checks(material=False)[0],    [CheckRecorded("material", False)]),
    "a check once it passed":           (PASSED, checks(material=False)[0],     WrongState),
    "of a piece that never came":       ((), checks()[0],                       UnknownItem),
    "a report before it came":          ((), Reported(checks()[0]),             [has(FactParked, waits_for="received")]),
    "it passes":                        (CHECKED, PASS,                         [AppraisalPassed()]),
    "it passed already":                (PASSED, PASS,                          NOTHING),
    "not without all checks":           ((*HERE, *checks()[:3]), PASS,          WrongState),
    "not when one is wrong":            (WRONG, PASS,                           WrongState),
    "a report that it passed":          (HERE, Reported(PASS),                  [AppraisalPassed(EARLY)]),
    "it cannot fail with all passed":   (CHECKED, FAIL,                         WrongState),
    "it failed already":                (FAILED, FAIL,                          NOTHING),
    "it fails and the money goes back": (WRONG, FAIL,
                                         [AppraisalFailed(("narration",), "plated"), ItemAppraised("i1", 1, 1, "failed"),
                                          has(RefundRequested, order="p:1", cash=3_334), has(RefundApproved),
                                          has(RefundCompleted, cash=3_334)]),
    "it fails when all was refunded":   ((*WRONG, *refunded("r1")), FAIL,
                                         [AppraisalFailed(("narration",), "plated"), ItemAppraised("i1", 1, 1, "failed")]),
    "a certificate":                    (PASSED, CERTIFY,
                                         [CertificateIssued("c1", "p:1", "s1", "lab1", "CNY", 500), ItemAppraised("i1", 1, 1, "certified", "c1")]),
    "the same certificate":             (CERTIFIED, CERTIFY,                    NOTHING),
    "another certificate":              (CERTIFIED, but(CERTIFY, certificate="c9"), AlreadyExists),
    "not before it passed":             (CHECKED, CERTIFY,                      WrongState),
    "never what failed":                (FAILED, CERTIFY,                       WrongState),
    "a number that is taken":           ((*CERTIFIED, *through("i2", "c1")[:-1]), but(CERTIFY, id="i2"), CertificateTaken),
    "at the shop's cost":               (PASSED, but(CERTIFY, borne_by="shop"),
                                         [has(CertificateIssued, platform_fee=0, shop_fee=500), has(ItemAppraised),
                                          RefundAdvanceRecovered("p:1", "s1", "CNY", 0, -500, 0)]),
    "the order is called off":          ((*HERE, *refunded("r1")), CancelOrder(id="p:1"), [OrderCancelled("")]),
    "a lab's payment is taken back":    ((*CERTIFIED, PayLab(id="lab1")), RecordCorrection(id="12", reason="wrong lab"),
                                         [has(CorrectionRecorded, topic="lab-paid")]),
    "a lab is paid":                    (CERTIFIED, PayLab(id="lab1"),          [LabPaid("lab1", "CNY", 500)]),
    "a part":                           (CERTIFIED, PayLab(id="lab1", amount=1), [LabPaid("lab1", "CNY", 1)]),
    "more than it is owed":             (CERTIFIED, PayLab(id="lab1", amount=501), InsufficientFunds),
    "a lab that is owed nothing":       ((), PayLab(id="lab1"),                 InvalidAmount),
}  # fmt: skip


@stories(OFFERS)
def test_offers(given, when, then):
    tell(given, when, then)


@stories(LEAVING)
def test_leaving_the_warehouse(given, when, then):
    tell(given, when, then)


@stories(PIECES)
def test_pieces(given, when, then):
    tell(given, when, then)


def test_a_stage_of_its_own():
    ledger = Ledger(HERE)
    assert ledger.state("order-p:1").status == "at_warehouse"
    for step in (*checks(), PASS, CERTIFY):
        ledger.do(step)
    assert ledger.state("order-p:1").status == "appraised"


def test_the_order_keeps_what_became_of_its_pieces():
    assert Ledger(CERTIFIED).state("order-p:1").items == (InWarehouse("i1", 1, 1, "certified", "c1"),)
    assert Ledger(FAILED).state("order-p:1").items == (InWarehouse("i1", 1, 1, "failed"),)


def dated(steps: Sequence[Any]) -> list[Reported]:
    """Reports of steps that happened an hour apart, in this order."""
    return [Reported(but(step, at=START + timedelta(hours=hour))) for hour, step in enumerate(steps)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "ends", [(PASS, CERTIFY), (FAIL,), (PASS, CERTIFY, FAIL)], ids=["passed", "failed", "both"]
)
def test_reports_follow_in_any_order(ends: Sequence[Command], seed: int):
    feed = dated([*PAID, RECEIVE, *checks(narration=FAIL not in ends), *ends])
    straight = Ledger(feed)
    random.Random(seed).shuffle(feed)
    ledger = Ledger(feed)
    assert ledger.balances() == straight.balances()
    assert ledger.state("item-i1") == straight.state("item-i1")
    assert ledger.state("order-p:1").items == straight.state("order-p:1").items
    assert {k: v for k, v in ledger.used().items() if v} == {k: v for k, v in straight.used().items() if v}


def test_only_what_is_left_of_the_unit_goes_back():
    goodwill = refunded("r1", 5_000)
    one = (
        but(PLACE, lines=(OrderLine(sku="cup", amount=10_000, platform_coupon=1_000),)),
        but(PAY, cash=9_000),
    )
    ledger = Ledger([*one, *goodwill, RECEIVE, *checks(weight=False), FAIL])
    assert ledger.state("refund-appraisal-i1-1").cash == 4_000
    assert ledger.balances() == {}


def test_a_piece_that_is_sold_again_keeps_its_certificate():
    again = but(RECEIVE, order="p:2")
    second = [but(step, id="p:2") for step in PAID]
    ledger = Ledger([*CERTIFIED, *second, again, *checks(), PASS])
    assert type(ledger.try_(but(CERTIFY, certificate="c9"))) is AlreadyExists
    assert [type(recorded.fact) for recorded in ledger.do(CERTIFY)] == [CertificateIssued, ItemAppraised]
    assert ledger.state("order-p:2").items[0].outcome == "certified"
    assert ledger.used()["certificate/c1"] == 1


# Devices.

INSPECT = InspectDevice(id="i1", report=DIGEST, grade="A")
DELIVER = DeliverParcel(id="p:1", waybill="w1")
PHONES = (published("device-warranty", 180), *CERTIFIED, *through("i2", "c2"), *through("i3", "c3"))
INSPECTED = (*PHONES, INSPECT)
SENT = (*INSPECTED, DISPATCH)

DEVICES: dict[str, Row] = {
    "a report on a device":             (HERE, INSPECT,                         [DeviceInspected("lab1", DIGEST, "A")]),
    "the same report":                  (INSPECTED, INSPECT,                    NOTHING),
    "another report":                   (INSPECTED, but(INSPECT, report=OTHER), [DeviceInspected("lab1", OTHER, "A")]),
    "on what failed":                   (FAILED, INSPECT,                       WrongState),
    "the warranty begins on delivery":  (SENT, DELIVER,                         [ParcelDelivered("w1"), has(WarrantyStarted, version="v1", unit=1)]),
    "or when the buyer says so":        (SENT, CONFIRM,                         [ReceiptConfirmed(), has(WarrantyStarted, version="v1")]),
    "it begins once":                   ((*SENT, DELIVER), CONFIRM,             [ReceiptConfirmed()]),
    "a report that comes late":         ((*PHONES, DISPATCH, DELIVER), INSPECT, [has(DeviceInspected), has(WarrantyStarted)]),
    "without terms":                    ((*ALL_THREE, INSPECT, DISPATCH), DELIVER, [ParcelDelivered("w1")]),
}  # fmt: skip


@stories(DEVICES)
def test_devices(given, when, then):
    tell(given, when, then)


def test_the_warranty_ends_with_the_180th_day():
    ledger = Ledger(SENT)
    received = datetime(2021, 6, 3, 15, tzinfo=UTC)
    ledger.do(but(DELIVER, at=received))
    until = ledger.state("item-i1").warranty
    # Day 1 is the 4th of June in Shanghai, day 180 the 30th of November.
    assert time.rfc3339(until, time.HOME_OFFSET) == "2021-11-30T23:59:59.999999+08:00"


def test_what_a_lab_earns():
    steps = (*PASSED, but(CERTIFY, borne_by="shop"), *through("i2", "c2"), *through("i3", "c3"))
    ledger = Ledger([*steps, DISPATCH, CONFIRM, SETTLE])
    # The platform bears two fees; the shop's was advanced, and its settlement made it good.
    assert ledger.balance("lab_payable:lab1") == 1_500
    assert ledger.balance("appraisal_fee") == 1_000
    assert ledger.balance("shop_payable:s1") == 9_200 - 500
    assert ledger.balance("refund_advance:s1") == 0
    ledger.do(PayLab(id="lab1"))
    assert ledger.balance("lab_payable:lab1") == 0


def test_nothing_is_looked_up_for_shops_without_the_benefit():
    ledger = Ledger(PAID)
    ledger.do(but(DISPATCH, at=START + timedelta(days=1)))
    assert not any(stream.startswith("offer-") for stream in ledger.known.states)


def test_only_marked_articles_are_covered():
    covered = CoverageAttached("p:1", 1, "official-authenticity", "v1", "s1", "b1")
    assert covered in [recorded.fact for recorded in Ledger(BOUGHT).memory.facts]
    assert covered not in [recorded.fact for recorded in Ledger([*OPEN_ARMS, *PAID, MARK]).memory.facts]


def test_a_piece_of_a_line_that_a_newer_version_lacks():
    plate = but(CUPS, sku="plate")
    two = Reported(but(RECORD, lines=(CUPS, plate)), 1)
    ledger = Ledger([two, but(RECEIVE, line=2), *checks(item=False), Reported(RECORD, 2)])
    found = [type(recorded.fact) for recorded in ledger.do(FAIL)]
    assert found == [AppraisalFailed, ItemAppraised]

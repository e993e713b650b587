"""Stories of a shop's standing: benefits, restraints and their causes, and when its deposit comes back."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ledger import time
from ledger.decisions.base import Command
from ledger.decisions.claim import FileClaim
from ledger.decisions.fine import PayFine
from ledger.decisions.fulfilment import DeliverParcel
from ledger.decisions.penalty import ImposePenalty
from ledger.decisions.refund import AdvanceRefund
from ledger.decisions.shop import (
    CloseShop,
    GrantSubsidy,
    OpenShop,
    PayDeposit,
    RefundDeposit,
    RequestClosing,
)
from ledger.decisions.standing import (
    BanShop,
    CloseBenefit,
    OpenBenefit,
    Opening,
    ReinstateShop,
    Restraint,
    RestrictShop,
    Shop,
    SuspendShop,
)
from ledger.decisions.verdict import RejectClaim, UpholdClaim
from ledger.errors import DepositHeld, InvalidAmount, UnknownPolicy, UnknownShop, WrongState
from ledger.events.order import OrderPlaced
from ledger.events.refund import RefundAdvanceRecovered
from ledger.events.shop import (
    BenefitClosed,
    BenefitOpened,
    DepositRefunded,
    ShopBanned,
    ShopClosed,
    ShopReinstated,
    ShopRestricted,
    ShopSuspended,
)
from ledger.policies import shipped
from tests.ledger.assured import terms
from tests.ledger.stories import (
    DISPATCH,
    PAID,
    PLACE,
    START,
    Ledger,
    Reported,
    Row,
    asked,
    but,
    has,
    stories,
    tell,
)
from tests.ledger.test_appraisal import published

NOTHING = ()
TERMS = published("seven-day-return", 7, family="refund", formula="refund", refund=True, payers=("payable",))
OPEN, LEAVE = OpenShop(id="s1"), RequestClosing(id="s1")
OPENED = (TERMS, OPEN)
OPEN_IT = OpenBenefit(id="s1", benefit="seven-day-return")
CLOSE_IT = CloseBenefit(id="s1", benefit="seven-day-return", reason="too dear")
OFFERING = (*OPENED, OPEN_IT)

RESTRICT = RestrictShop(id="s1", cause="deposit", reason="short")
SUSPEND = SuspendShop(id="s1", cause="pe1", until=START + timedelta(days=7))
BAN = BanShop(id="s1", cause="pe2", reason="fakes")
LIFT = ReinstateShop(id="s1", cause="pe1", reason="appeal won")
UNTIL = time.micros(START + timedelta(days=7))
LATER = but(PLACE, at=START + timedelta(days=8))

BENEFITS: dict[str, Row] = {
    "a benefit is opened":              (OPENED, OPEN_IT,                       [BenefitOpened("seven-day-return")]),
    "it is open":                       (OFFERING, OPEN_IT,                     NOTHING),
    "without any terms":                ((OPEN,), OPEN_IT,                      UnknownPolicy),
    "by a shop nobody opened":          ((TERMS,), OPEN_IT,                     UnknownShop),
    "by a shop that leaves":            ((*OPENED, LEAVE), OPEN_IT,             WrongState),
    "by a restricted shop":             ((*OPENED, RESTRICT), OPEN_IT,          WrongState),
    "by a suspended shop":              ((*OPENED, SUSPEND), OPEN_IT,           WrongState),
    "once the suspension is over":      ((*OPENED, SUSPEND), but(OPEN_IT, at=LATER.at), [BenefitOpened("seven-day-return")]),
    "by a banned shop":                 ((*OPENED, BAN), OPEN_IT,               WrongState),
    "a benefit is closed":              (OFFERING, CLOSE_IT,                    [BenefitClosed("seven-day-return", "too dear")]),
    "it is closed":                     (OPENED, CLOSE_IT,                      NOTHING),
    "closed by a banned shop":          ((*OFFERING, BAN), CLOSE_IT,            [BenefitClosed("seven-day-return", "too dear")]),
    "opened once more":                 ((*OFFERING, CLOSE_IT), OPEN_IT,        [BenefitOpened("seven-day-return")]),
}  # fmt: skip

RESTRAINTS: dict[str, Row] = {
    "a shop is restricted":             (OPENED, RESTRICT,                      [ShopRestricted("deposit", "short")]),
    "it sells nevertheless":            ((*OPENED, RESTRICT), PLACE,            [has(OrderPlaced)]),
    "it is restricted":                 ((*OPENED, RESTRICT), RESTRICT,         NOTHING),
    "a shop is suspended":              (OPENED, SUSPEND,                       [ShopSuspended("pe1", "", UNTIL)]),
    "it is suspended":                  ((*OPENED, SUSPEND), SUSPEND,           NOTHING),
    "for longer":                       ((*OPENED, SUSPEND), but(SUSPEND, until=None), [ShopSuspended("pe1", "", None)]),
    "until a time that is past":        (OPENED, but(SUSPEND, until=START),     WrongState),
    "a report of a time that is past":  (OPENED, Reported(but(SUSPEND, until=START)), [has(ShopSuspended)]),
    "it sells nothing":                 ((*OPENED, SUSPEND), PLACE,             WrongState),
    "a report of what it sold":         ((*OPENED, SUSPEND), Reported(PLACE),   [has(OrderPlaced)]),
    "until the time is over":           ((*OPENED, SUSPEND), LATER,             [has(OrderPlaced)]),
    "a shop is banned":                 (OPENED, BAN,                           [ShopBanned("pe2", "fakes")]),
    "it is banned":                     ((*OPENED, BAN), BAN,                   NOTHING),
    "it never sells again":             ((*OPENED, BAN), LATER,                 WrongState),
    "no subsidy for it":                ((*OPENED, BAN), GrantSubsidy(id="s1", amount=1), WrongState),
    "a cause is lifted":                ((*OPENED, SUSPEND), LIFT,              [ShopReinstated("pe1", "appeal won")]),
    "then it sells":                    ((*OPENED, SUSPEND, LIFT), PLACE,       [has(OrderPlaced)]),
    "another cause stays":              ((*OPENED, SUSPEND, BAN, LIFT), PLACE,  WrongState),
    "what was not there":               (OPENED, LIFT,                          NOTHING),
    "a shop that leaves sells nothing": ((*OPENED, LEAVE), PLACE,               WrongState),
    "a closed shop cannot be banned":   ((*OPENED, LEAVE, CloseShop(id="s1")), BAN, WrongState),
    "nor a shop nobody opened":         ((), BAN,                               UnknownShop),
}  # fmt: skip


@stories(BENEFITS)
def test_benefits(given, when, then):
    tell(given, when, then)


@stories(RESTRAINTS)
def test_restraints(given, when, then):
    tell(given, when, then)


def at(command: Command, moment: str) -> Command:
    return msgspec.structs.replace(command, at=time.parse(moment))


FUNDED = (*OFFERING, PayDeposit(id="s1", amount=1_000))
BACK = RefundDeposit(id="s1")
BANNED = (*FUNDED, at(BAN, "2021-06-02T10:00:00+08:00"))

# The last day the shop could sell is the 2nd of June; its goods may be on their way until the 17th, and the
# seven days end with the 24th.
DEPOSIT: dict[str, Row] = {
    "a banned shop asks too early":     (BANNED, at(BACK, "2021-06-24T23:59:59+08:00"), DepositHeld),
    "once the longest window is over":  (BANNED, at(BACK, "2021-06-25T00:00:00+08:00"), [DepositRefunded("s1", "CNY", 1_000)]),
    "a shop that sells":                (FUNDED, at(BACK, "2021-12-01T00:00:00+08:00"), WrongState),
    "reinstated meanwhile":             ((*BANNED, ReinstateShop(id="s1", cause="pe2")), at(BACK, "2021-12-01T00:00:00+08:00"), WrongState),
    "a benefit that was closed before": ((*FUNDED, CLOSE_IT, at(BAN, "2021-06-02T10:00:00+08:00")), at(BACK, "2021-06-24T00:00:00+08:00"), DepositHeld),
    "less what was advanced for it":    ((*FUNDED, *PAID, asked("r1", 400), AdvanceRefund(id="r1"), at(BAN, "2021-06-02T10:00:00+08:00")),
                                         at(BACK, "2021-12-01T00:00:00+08:00"), [RefundAdvanceRecovered("", "s1", "CNY", 0, 0, 400), DepositRefunded("s1", "CNY", 600)]),
    "when all of it was owed":          ((*OFFERING, at(BAN, "2021-06-02T10:00:00+08:00")), at(BACK, "2021-12-01T00:00:00+08:00"), InvalidAmount),
}  # fmt: skip


@stories(DEPOSIT)
def test_the_deposit_of_a_banned_shop(given, when, then):
    tell(given, when, then)


def test_what_orders_carry_is_decided_by_the_moment_of_payment():
    ledger = Ledger([TERMS, OPEN])
    ledger.do(at(OPEN_IT, "2021-06-03T00:00:00+08:00"))
    ledger.do(at(CLOSE_IT, "2021-06-05T00:00:00+08:00"))
    shop = ledger.state("shop-s1")
    days = [time.micros(datetime(2021, 6, day, tzinfo=UTC)) for day in (2, 3, 4, 5)]
    assert [shop.offers(day) for day in days] == [(), ("seven-day-return",), ("seven-day-return",), ()]


SOLD = (*OFFERING, *PAID, DISPATCH, DeliverParcel(id="p:1", waybill="w1"))
CLAIM = FileClaim(id="c1", order="p:1", benefit="seven-day-return")
FINE = ImposePenalty(id="pe3", party="shop", party_id="s1", fine=500, reason="fakes")
CLOSE = CloseShop(id="s1")

CLOSING: dict[str, Row] = {
    "with a claim that is open":        ((*SOLD, CLAIM, LEAVE), CLOSE,          WrongState),
    "with a fine that is open":         ((*OPENED, FINE, LEAVE), CLOSE,         WrongState),
    "once the claim is rejected":       ((*SOLD, CLAIM, LEAVE, RejectClaim(id="c1", reason="worn")), CLOSE, [ShopClosed()]),
    "once the fine is paid":            ((*OPENED, FINE, LEAVE, PayFine(id="pe3", amount=500)), CLOSE, [ShopClosed()]),
}  # fmt: skip


@stories(CLOSING)
def test_closing(given, when, then):
    tell(given, when, then)


def test_a_shop_whose_claims_are_not_made_good_stays_restricted():
    fake = msgspec.structs.replace(shipped()["counterfeit-2021-06"], force=True, reason="the first terms")
    steps = (
        fake,
        OPEN,
        OpenBenefit(id="s1", benefit="counterfeit"),
        *PAID,
        DISPATCH,
        DeliverParcel(id="p:1", waybill="w1"),
        FileClaim(id="c1", order="p:1", benefit="counterfeit"),
        UpholdClaim(id="c1"),
    )
    ledger = Ledger(steps)
    assert ledger.state("shop-s1").restricted
    lift = ReinstateShop(id="s1", cause="deposit")
    refused = ledger.try_(lift)
    assert isinstance(refused, WrongState)
    assert refused.detail == "Its claims are not made good: c1."
    ledger.do(PayDeposit(id="s1", amount=200_000))
    assert not ledger.state("shop-s1").restricted
    assert ledger.try_(lift) == []


SHORT_OF = RestrictShop(id="s1", cause="notice", reason="late")
OVER = but(SUSPEND, cause="pe3", until=START + timedelta(hours=9))


@stories({
    "another benefit is open": (
        (terms("counterfeit-2021-06"), *OFFERING),
        OpenBenefit(id="s1", benefit="counterfeit"), [
            BenefitOpened("counterfeit"),
        ]),
    "closed before": ((*OFFERING, CLOSE_IT), CLOSE_IT, []),
    "until now": (OPENED, but(SUSPEND, at=START, until=START), WrongState),
    "until the next moment": (OPENED, but(SUSPEND, at=START, until=START + timedelta(microseconds=1)), [
        ShopSuspended("pe1", until=1_622_505_600_000_001),
    ]),
    "it sells again in the moment it is over": (
        (*OPENED, SUSPEND),
        but(OPEN_IT, at=START + timedelta(days=7)), [
            BenefitOpened("seven-day-return"),
        ]),
    "for another cause too": ((*OPENED, RESTRICT), SHORT_OF, [ShopRestricted("notice", "late")]),
    "longer for one of two causes": ((*OPENED, SUSPEND, OVER), but(SUSPEND, until=None, reason="again"), [
        ShopSuspended("pe1", "again"),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*OPENED, RESTRICT, SHORT_OF, but(SUSPEND, at=START), but(OVER, at=START), but(BAN, at=START),
            but(SUSPEND, at=START, until=None)), "shop-s1",
        Shop(status="open", currency="CNY", restraints=(Restraint("restricted", "deposit",
            1_622_516_400_000_000, None), Restraint("restricted", "notice", 1_622_520_000_000_000, None),
            Restraint("suspended", "pe3", 1_622_505_600_000_000, 1_622_538_000_000_000), Restraint("banned",
            "pe2", 1_622_505_600_000_000, None), Restraint("suspended", "pe1", 1_622_505_600_000_000, None)),
            opened_at=1_622_512_800_000_000),
        id="restrained for many causes"),
    pytest.param(
        (*OPENED, RESTRICT, SHORT_OF, but(SUSPEND, at=START), but(RESTRICT, cause="pe1"), LIFT), "shop-s1",
        Shop(status="open", currency="CNY", restraints=(Restraint("restricted", "deposit",
            1_622_516_400_000_000, None), Restraint("restricted", "notice", 1_622_520_000_000_000, None)),
            opened_at=1_622_512_800_000_000),
        id="but for one"),
    pytest.param(
        (but(TERMS), but(OPEN, name="Cups", industry="home", at=START), but(OPEN_IT, at=START), but(CLOSE_IT,
            at=LATER.at), but(OPEN_IT, at=LATER.at), but(LEAVE, at=LATER.at)), "shop-s1",
        Shop(status="closing", name="Cups", currency="CNY", industry="home",
            benefits=(Opening("seven-day-return", 1_622_505_600_000_000, 1_623_196_800_000_000),
            Opening("seven-day-return", 1_623_196_800_000_000, None)), closing_since=1_623_196_800_000_000,
            opened_at=1_622_505_600_000_000),
        id="with what it offers"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

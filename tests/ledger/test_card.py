"""Stories of trust cards: tiers, quotas of benefits, and coupons from their grant to their end."""

from datetime import timedelta

import msgspec
import pytest

from ledger import policies, time
from ledger.decisions.card import (
    Card,
    ChangeTier,
    Coupon,
    ExpireCoupons,
    GrantCoupon,
    IssueCard,
    RedeemCoupon,
    UseBenefit,
    period,
)
from ledger.errors import (
    AlreadyExists,
    CouponUnusable,
    InvalidAmount,
    QuotaExhausted,
    UnknownCard,
    UnknownOrder,
    UnknownPolicy,
)
from ledger.events.card import (
    BenefitUsed,
    CardIssued,
    CouponExpired,
    CouponGranted,
    CouponRedeemed,
    TierChanged,
)
from tests.ledger.stories import PLACED, START, Ledger, Row, but, stories, tell

SHIPPED = policies.shipped()
QUOTAS = but(SHIPPED["returnless-refund-2021-06"], force=True, reason="the first terms")
FREE = but(SHIPPED["seven-day-return-2021-06"], force=True, reason="the first terms")
ISSUE = IssueCard(id="b1", tier="silver")
GOLD = ChangeTier(id="b1", tier="gold", reason="asked")
USE = UseBenefit(id="b1", benefit="returnless-refund", reference="c1")
LAST = START + timedelta(hours=10)
K1 = GrantCoupon(id="b1", coupon="k1", kind="red-packet", amount=500, expires_at=LAST, reason="welcome")
K2 = GrantCoupon(id="b1", coupon="k2", amount=70)
REDEEM = RedeemCoupon(id="b1", coupon="k1", order="p:1")
EXPIRE = ExpireCoupons(id="b1")
LATER = LAST + timedelta(microseconds=1)

ISSUED = (ISSUE,)
WITH_TERMS = (QUOTAS, FREE, ISSUE)
WITH_COUPONS = (*PLACED, ISSUE, K1, K2)
NOTHING = ()


def used(quota: int, left: int) -> BenefitUsed:
    return BenefitUsed("returnless-refund", "2021-06", "c1", quota, left)


CARDS: dict[str, Row] = {
    "issued": ((), ISSUE, [CardIssued("silver")]),
    "issued again": (ISSUED, ISSUE, NOTHING),
    "of another tier": (ISSUED, but(ISSUE, tier="gold"), AlreadyExists),
    "changed": (ISSUED, GOLD, [TierChanged("gold", "asked")]),
    "changed again": ((*ISSUED, GOLD), GOLD, NOTHING),
    "no card to change": ((), GOLD, UnknownCard),
    "used": (WITH_TERMS, USE, [used(2, 1)]),
    "used up": ((*WITH_TERMS, USE), USE, [used(2, 0)]),
    "used too often": ((*WITH_TERMS, USE, USE), USE, QuotaExhausted),
    "another month": ((*WITH_TERMS, USE, USE), but(USE, at=START + timedelta(days=31)),
        [BenefitUsed("returnless-refund", "2021-07", "c1", 2, 1)]),
    "a better tier": ((*WITH_TERMS, USE, USE, GOLD), USE, [used(4, 1)]),
    "a tier the terms do not name": ((QUOTAS, but(ISSUE, tier="plain")), USE, [used(1, 0)]),
    "not limited": (WITH_TERMS, but(USE, benefit="seven-day-return"),
        [BenefitUsed("seven-day-return", "2021", "c1")]),
    "no such terms": (WITH_TERMS, but(USE, benefit="late-dispatch"), UnknownPolicy),
    "no card to use": ((QUOTAS,), USE, UnknownCard),
}  # fmt: skip


@stories(CARDS)
def test_cards(given, when, then):
    tell(given, when, then)


GRANTED = CouponGranted("k1", "red-packet", "CNY", 500, time.micros(LAST), "welcome")

COUPONS: dict[str, Row] = {
    "granted": (ISSUED, K1, [GRANTED]),
    "granted again": ((ISSUE, K1), K1, NOTHING),
    "granted otherwise": ((ISSUE, K1), but(K1, amount=501), AlreadyExists),
    "granted after it was used": ((*WITH_COUPONS, REDEEM), K1, AlreadyExists),
    "nothing on it": (ISSUED, but(K1, amount=0), InvalidAmount),
    "too late": (ISSUED, but(K1, expires_at=START), CouponUnusable),
    "no card to put it on": ((), K1, UnknownCard),
    "redeemed": (WITH_COUPONS, REDEEM, [CouponRedeemed("k1", "red-packet", "CNY", 500, "p:1")]),
    "in part": (WITH_COUPONS, but(REDEEM, amount=300),
        [CouponRedeemed("k1", "red-packet", "CNY", 300, "p:1")]),
    "the rest": ((*WITH_COUPONS, but(REDEEM, amount=300)), REDEEM,
        [CouponRedeemed("k1", "red-packet", "CNY", 200, "p:1")]),
    "redeemed again": ((*WITH_COUPONS, REDEEM), REDEEM, CouponUnusable),
    "more than it holds": (WITH_COUPONS, but(REDEEM, amount=501), CouponUnusable),
    "nothing of it": (WITH_COUPONS, but(REDEEM, amount=0), CouponUnusable),
    "in its last moment": (WITH_COUPONS, but(REDEEM, at=LAST),
        [CouponRedeemed("k1", "red-packet", "CNY", 500, "p:1")]),
    "a moment later": (WITH_COUPONS, but(REDEEM, at=LATER), CouponUnusable),
    "one without an end": (WITH_COUPONS, but(REDEEM, coupon="k2", at=LATER),
        [CouponRedeemed("k2", "coupon", "CNY", 70, "p:1")]),
    "for an order that is not known": ((ISSUE, K1), REDEEM, UnknownOrder),
    "for the order of another": ((*PLACED, but(ISSUE, id="b2"), but(K1, id="b2")), but(REDEEM, id="b2"),
        CouponUnusable),
    "in another currency": ((*PLACED, ISSUE, but(K1, currency="USD")), REDEEM, CouponUnusable),
    "expired": ((*WITH_COUPONS, but(REDEEM, amount=300)), but(EXPIRE, at=LATER),
        [CouponExpired("k1", "red-packet", "CNY", 200)]),
    "not yet": (WITH_COUPONS, but(EXPIRE, at=LAST), NOTHING),
    "expired once": ((*WITH_COUPONS, but(EXPIRE, at=LATER)), but(EXPIRE, at=LATER), NOTHING),
}  # fmt: skip


@stories(COUPONS)
def test_coupons(given, when, then):
    tell(given, when, then)


def test_a_card_keeps_what_is_left():
    ledger = Ledger((*WITH_COUPONS, QUOTAS, but(REDEEM, amount=300), USE, USE))
    card = ledger.state("card-b1")
    assert card.coupons == (
        Coupon("k1", "red-packet", "CNY", 200, time.micros(LAST)),
        Coupon("k2", "coupon", "CNY", 70),
    )
    assert card.used("returnless-refund", "2021-06") == 2
    assert card.used("returnless-refund", "2021-07") == 0
    assert ledger.used()["uses/b1/returnless-refund/2021-06"] == 2
    assert ledger.used()["coupon/b1/k1"] == 1
    assert not any("card" in account for account in ledger.balances())


@pytest.mark.parametrize(
    ("of", "when", "name"),
    [
        ("month", "2021-06-30T23:59:59+08:00", "2021-06"),
        ("month", "2021-06-30T16:00:00Z", "2021-07"),
        ("quarter", "2021-06-30T23:59:59+08:00", "2021-Q2"),
        ("quarter", "2021-10-01", "2021-Q4"),
        ("year", "2021-12-31T16:00:00Z", "2022"),
        ("ever", "2021-12-31", ""),
    ],
)
def test_a_use_counts_in_the_local_period(of: str, when: str, name: str):
    terms = msgspec.structs.replace(QUOTAS.terms(), quota_period=of)
    assert period(terms, time.micros(time.parse(when))) == name


FEN = but(K1, amount=1)


@stories({
    "one fen on it": (ISSUED, FEN, [
        CouponGranted("k1", "red-packet", "CNY", 1, 1_622_541_600_000_000, "welcome"),
    ]),
    "granted in its last moment": (ISSUED, but(K1, at=LAST), [
        CouponGranted("k1", "red-packet", "CNY", 500, 1_622_541_600_000_000, "welcome"),
    ]),
    "one fen is redeemed": ((*PLACED, ISSUE, FEN), but(REDEEM, amount=1), [
        CouponRedeemed("k1", "red-packet", "CNY", 1, "p:1"),
    ]),
})  # fmt: skip
def test_facts(given, when, then):
    tell(given, when, then)


@pytest.mark.parametrize(("given", "stream", "known"), [
    pytest.param(
        (*WITH_COUPONS, but(REDEEM, amount=499)), "card-b1",
        Card(tier="silver", coupons=(Coupon("k1", "red-packet", "CNY", 1, 1_622_541_600_000_000), Coupon("k2",
            "coupon", "CNY", 70, None))),
        id="a fen is left"),
    pytest.param(
        (*WITH_COUPONS, REDEEM), "card-b1",
        Card(tier="silver", coupons=(Coupon("k2", "coupon", "CNY", 70, None),)),
        id="nothing is left"),
    pytest.param((*ISSUED, GOLD), "card-b1", Card(tier="gold"), id="the tier changed"),
])  # fmt: skip
def test_states(given, stream, known):
    """Field by field; what is not named is as it was in the beginning."""
    assert Ledger(given).state(stream) == known

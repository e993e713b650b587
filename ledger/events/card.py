"""Facts of a trust card (`card-{buyer}`): its tier, the benefits used, and coupons of each kind."""

from __future__ import annotations

from ledger.events.base import Fact


class CardIssued(Fact):
    """A buyer received a trust card of a tier."""

    TOPIC = "card-issued"

    tier: str


class TierChanged(Fact):
    """The card is of another tier from now on; uses and coupons stay."""

    TOPIC = "tier-changed"

    tier: str
    reason: str = ""


class BenefitUsed(Fact):
    """A benefit was used once: `left` of its quota in the period remain (None: no quota).

    `period` is the local month, quarter or year it counts in (`2021-06`, `2021-Q2`, `2021`), empty where the
    quota is for good; `reference` names what it was used for, such as a claim.
    """

    TOPIC = "benefit-used"

    benefit: str
    period: str
    reference: str
    quota: int | None = None
    left: int | None = None


class CouponGranted(Fact):
    """The buyer received a coupon of a kind (minor units); `expires_at` in UTC microseconds, None: never."""

    TOPIC = "coupon-granted"

    coupon: str
    kind: str
    currency: str
    amount: int
    expires_at: int | None = None
    reason: str = ""


class CouponRedeemed(Fact):
    """A part of a coupon or all of it paid for an order; the money moved when the order was paid."""

    TOPIC = "coupon-redeemed"

    coupon: str
    kind: str
    currency: str
    amount: int
    order: str


class CouponExpired(Fact):
    """What was left of a coupon is lost."""

    TOPIC = "coupon-expired"

    coupon: str
    kind: str
    currency: str
    amount: int

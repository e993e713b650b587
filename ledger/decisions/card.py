"""Trust cards: their tier, how often each benefit was used, and the coupons they carry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from ledger import money, policy, time
from ledger.decisions import policy as policies
from ledger.decisions.base import (
    INITIAL,
    Amount,
    Command,
    Currency,
    Item,
    Name,
    On,
    OrderId,
    Past,
    Text,
    decides,
    folds,
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
from ledger.events.base import Recorded
from ledger.events.card import (
    BenefitUsed,
    CardIssued,
    CouponExpired,
    CouponGranted,
    CouponRedeemed,
    TierChanged,
)

Tier = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$(?!\n)", description="such as gold")]
Kind = Literal["coupon", "red-packet", "shopping-credit"]


class Coupon(NamedTuple):
    """A coupon with something left on it, minor units; `expires_at` in UTC microseconds, None: never."""

    coupon: str
    kind: str
    currency: str
    left: int
    expires_at: int | None = None


class Card(msgspec.Struct, frozen=True):
    """What a card is now; a buyer without one has tier "". Uses are counted by the benefit and period."""

    tier: str = ""
    uses: tuple[tuple[str, str, int], ...] = ()
    """(benefit, period, how often), newest periods last."""
    coupons: tuple[Coupon, ...] = ()
    """Those with something left, in the order they were granted."""

    def used(self, benefit: str, period: str) -> int:
        """How often a benefit was used in a period."""
        return next((count for name, when, count in self.uses if (name, when) == (benefit, period)), 0)


INITIAL["card"] = Card()


@folds(CardIssued)
def _issued(card: Card, fact: CardIssued, _recorded: Recorded) -> Card:
    return msgspec.structs.replace(card, tier=fact.tier)


@folds(TierChanged)
def _changed(card: Card, fact: TierChanged, _recorded: Recorded) -> Card:
    return msgspec.structs.replace(card, tier=fact.tier)


@folds(BenefitUsed)
def _used(card: Card, fact: BenefitUsed, _recorded: Recorded) -> Card:
    # One row a benefit and period; periods gone by are few and tell the card's story.
    count = card.used(fact.benefit, fact.period) + 1
    others = tuple(row for row in card.uses if row[:2] != (fact.benefit, fact.period))
    return msgspec.structs.replace(card, uses=(*others, (fact.benefit, fact.period, count)))


@folds(CouponGranted)
def _granted(card: Card, fact: CouponGranted, _recorded: Recorded) -> Card:
    coupon = Coupon(fact.coupon, fact.kind, fact.currency, fact.amount, fact.expires_at)
    return msgspec.structs.replace(card, coupons=(*card.coupons, coupon))


@folds(CouponRedeemed)
def _redeemed(card: Card, fact: CouponRedeemed, _recorded: Recorded) -> Card:
    return _spent(card, fact.coupon, fact.amount)


@folds(CouponExpired)
def _expired(card: Card, fact: CouponExpired, _recorded: Recorded) -> Card:
    return _spent(card, fact.coupon, fact.amount)


def _spent(card: Card, coupon: str, amount: int) -> Card:
    """The card with less on one of its coupons."""
    coupons = tuple(
        each._replace(left=each.left - amount) if each.coupon == coupon else each for each in card.coupons
    )
    return msgspec.structs.replace(card, coupons=tuple(each for each in coupons if each.left > 0))


class IssueCard(Command, kw_only=True):
    """Give a buyer a trust card of a tier."""

    NAME = "cards.issue"
    STREAM = "card"

    id: Name
    tier: Tier


class ChangeTier(Command, kw_only=True):
    """Move a card to another tier; uses and coupons stay as they are."""

    NAME = "cards.change-tier"
    STREAM = "card"

    id: Name
    tier: Tier
    reason: Text = ""


class UseBenefit(Command, kw_only=True):
    """Use a benefit of a card once; `reference` says for what, such as a claim."""

    NAME = "cards.use-benefit"
    STREAM = "card"

    id: Name
    benefit: Name
    reference: Name

    def touches(self) -> tuple[str, ...]:
        """The card, and the terms of the benefit."""
        return (self.stream, f"policy-{self.benefit}")


class GrantCoupon(Command, kw_only=True):
    """Put a coupon, red packet or shopping credit on a card; it pays until `expires_at`, included."""

    NAME = "cards.grant-coupon"
    STREAM = "card"

    id: Name
    coupon: Name
    kind: Kind = "coupon"
    amount: Amount
    currency: Currency = "CNY"
    expires_at: datetime | None = None
    reason: Text = ""


class RedeemCoupon(Command, kw_only=True):
    """Use a coupon for an order of the buyer, all that is left of it unless `amount` says less."""

    NAME = "cards.redeem-coupon"
    STREAM = "card"

    id: Name
    coupon: Name
    order: OrderId
    amount: Amount | None = None

    def touches(self) -> tuple[str, ...]:
        """The card and the order."""
        return (self.stream, f"order-{self.order}")


class ExpireCoupons(Command, kw_only=True):
    """Take from a card what is left of coupons whose time is over."""

    NAME = "cards.expire-coupons"
    STREAM = "card"

    id: Name


def _known(past: Past, command: Command) -> Card:
    card: Card = past.state(command.stream)
    if not card.tier:
        raise UnknownCard(f"Got {command.id!r}.", field="id")
    return card


@decides(IssueCard)
def issue(past: Past, command: IssueCard) -> Iterator[Item]:
    """A buyer has one card."""
    card: Card = past.state(command.stream)
    if not card.tier:
        yield CardIssued(command.tier)
    elif card.tier != command.tier:
        raise AlreadyExists(f"The card of {command.id} is {card.tier}; change its tier.", field="id")


@decides(ChangeTier)
def change_tier(past: Past, command: ChangeTier) -> Iterator[Item]:
    """To any other tier."""
    if _known(past, command).tier != command.tier:
        yield TierChanged(command.tier, command.reason)


@decides(UseBenefit)
def use_benefit(past: Past, command: UseBenefit) -> Iterator[Item]:
    """As often as the terms in force allow a card of the tier."""
    _known(past, command)
    terms = policies.terms(past, command.benefit, past.moment)
    if terms is None:
        raise UnknownPolicy(f"No terms of {command.benefit} are in force then.", field="benefit")
    yield from use(past, command.id, terms, command.reference)


def use(past: Past, buyer: str, terms: policy.Terms, reference: str, tier: str | None = None) -> Iterator[On]:
    """Count one use of a benefit on the buyer's card; raises QuotaExhausted.

    `tier` is the one that counts where it is not the card's present one, as a cover remembers it. A buyer
    without a card is held to the quota of every other tier, where the terms have one.
    """
    stream = f"card-{buyer}"
    held: str = past.state(stream).tier if tier is None else tier
    quota = policy.quota(terms, held)
    if quota is None and not held:
        return
    when = period(terms, past.moment)
    left = None
    if quota is not None:
        used = past.used(f"uses/{buyer}/{terms.benefit}/{when}")
        left = quota.uses - used - 1
        if left < 0:
            detail = f"{terms.benefit} was used {used} of {quota.uses} times{' in ' if when else ''}{when}."
            asked = past.request.command.__struct_fields__
            raise QuotaExhausted(detail, field="benefit" if "benefit" in asked else "id")
    uses = None if quota is None else quota.uses
    yield On(stream, BenefitUsed(terms.benefit, when, reference, uses, left))


def period(terms: policy.Terms, moment: int) -> str:
    """The local month, quarter or year in which a use at a moment (UTC microseconds) counts; or for ever."""
    year, month, _ = time.day_text(time.local_day(moment, time.HOME_OFFSET)).split("-")
    match terms.quota_period:
        case "month":
            return f"{year}-{month}"
        case "quarter":
            return f"{year}-Q{(int(month) + 2) // 3}"
        case "year":
            return year
        case "ever":
            return ""


@decides(GrantCoupon)
def grant_coupon(past: Past, command: GrantCoupon) -> Iterator[Item]:
    """A coupon is granted once and holds something."""
    card = _known(past, command)
    if command.amount <= 0:
        raise InvalidAmount(f"There is nothing on it: {command.amount}.", field="amount")
    expires_at = None if command.expires_at is None else time.micros(command.expires_at)
    wanted = Coupon(
        command.coupon, command.kind, money.currency(command.currency), command.amount, expires_at
    )
    if wanted in card.coupons:
        return
    if past.used(f"coupon/{command.id}/{command.coupon}"):
        raise AlreadyExists(f"Coupon {command.coupon} was granted before.", field="coupon")
    if expires_at is not None and expires_at < past.moment:
        raise CouponUnusable("It would have expired before it is granted.", field="expires_at")
    yield CouponGranted(*wanted[:3], money.amount(command.amount), expires_at, command.reason)


@decides(RedeemCoupon)
def redeem_coupon(past: Past, command: RedeemCoupon) -> Iterator[Item]:
    """For an order of the same buyer and currency, while the coupon lasts and holds enough."""
    card = _known(past, command)
    order = past.state(f"order-{command.order}")
    if not order.status:
        raise UnknownOrder(f"Got {command.order!r}.", field="order")
    coupon = next((each for each in card.coupons if each.coupon == command.coupon), None)
    if coupon is None:
        raise CouponUnusable(f"Nothing is left on {command.coupon}.", field="coupon")
    if coupon.expires_at is not None and coupon.expires_at < past.moment:
        raise CouponUnusable(f"{command.coupon} has expired.", field="coupon")
    if order.buyer != command.id or order.currency != coupon.currency:
        raise CouponUnusable(
            f"The order is one of {order.buyer or 'nobody known'} in {order.currency}.", field="order"
        )
    amount = coupon.left if command.amount is None else command.amount
    if not 0 < amount <= coupon.left:
        raise CouponUnusable(f"{command.coupon} holds {coupon.left}, not {amount}.", field="amount")
    yield CouponRedeemed(command.coupon, coupon.kind, coupon.currency, amount, command.order)


@decides(ExpireCoupons)
def expire_coupons(past: Past, command: ExpireCoupons) -> Iterator[Item]:
    """Those whose last moment has passed."""
    for coupon in _known(past, command).coupons:
        if coupon.expires_at is not None and coupon.expires_at < past.moment:
            yield CouponExpired(coupon.coupon, coupon.kind, coupon.currency, coupon.left)

"""Trust cards over HTTP: uses left, coupons, compensation."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.http.asking import InCurrency, Money, Seen, of_models
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from ledger import time
from projections.cards import CARDS, CardView, card_view

router = APIRouter(tags=["cards"])


class BenefitUses(msgspec.Struct):
    """How often a benefit was used in its present period, and what is left (null: not limited)."""

    benefit: str
    period: str
    used: int
    left: int | None


class CardCoupons(msgspec.Struct):
    """All coupons of a kind."""

    granted: Money
    redeemed: Money
    expired: Money
    left: Money


class CardCompensation(msgspec.Struct):
    """Pending: decided and not yet funded; payable: what the buyer's account holds; paid: sent."""

    pending: Money
    payable: Money
    paid: Money


class Card(msgspec.Struct):
    """A buyer's trust card; without one the tier is empty. `position` is that of the last fact behind it."""

    buyer: str
    tier: str
    benefits: list[BenefitUses]
    coupons: dict[str, CardCoupons]
    compensation: CardCompensation
    position: int


@router.get(
    "/v1/cards/{buyer:path}",
    operation_id="card",
    summary="A trust card: uses left, coupons, compensation.",
    response_class=Response,
    responses=answers(Card, "The card in one currency.", ETAG),
)
def card(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(CARDS))],
    buyer: str,
    currency: InCurrency = "CNY",
) -> Response:
    """Read the card from its read model, or fold it again for another moment."""
    view = card_view(service.database, buyer, time.now(), currency, seen.clocks)
    return answer(_card(view), seen.position, etag(service.version(f"card-{buyer}", seen.position)))


def _card(view: CardView) -> Card:
    def money(amount: int) -> Money:
        return Money(amount, view.currency)

    return Card(
        view.buyer,
        view.tier,
        [BenefitUses(use.benefit, use.period, use.used, use.left) for use in view.benefits],
        {
            each.kind: CardCoupons(*map(money, (each.granted, each.redeemed, each.expired, each.left)))
            for each in view.coupons
        },
        CardCompensation(money(view.pending), money(view.payable), money(view.paid)),
        view.position,
    )


SCHEMAS = (Card,)

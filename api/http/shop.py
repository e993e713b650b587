"""Shops over HTTP: the standing of one on both clocks, and what it holds, is owed and owes."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Response

from api.http.asking import Money, OfTheLog
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from ledger import time
from projections.shops import ShopView, badges, benefits, restraints, shop_view

router = APIRouter(tags=["shops"])


class ShopBenefit(msgspec.Struct):
    """A time in which the shop's orders carry a benefit; `until` is null while it goes on."""

    benefit: str
    since: str
    until: str | None


class ShopRestraint(msgspec.Struct):
    """What the shop may not do: it is restricted, suspended or banned; `cause` is a penalty or `deposit`."""

    what: str
    cause: str
    since: str
    until: str | None


class ShopBadge(msgspec.Struct):
    """A mark that the shop has, or had until `until`, by a version of its rule."""

    badge: str
    rule: str
    since: str
    until: str | None


class ShopSums(msgspec.Struct):
    """What the shop holds, is owed and owes in one currency.

    `advanced` was paid for it and not made good, `recourse` is what the pet fund holds against it, `fines`
    what its deposit owes of fines.
    """

    deposit: Money
    payable: Money
    advanced: Money
    recourse: Money
    freight_pool: Money
    warranty_pool: Money
    fines: Money


class Shop(msgspec.Struct):
    """A shop. `status` is open, restricted, suspended, banned, closing or closed; empty if nobody opened it.

    `points` are those of its penalties that stand; `position` is that of the last fact of its own. `badges`
    are the marks it has or had, `campaigns` those it entered, `provider` is the agency that serves it.
    """

    id: str
    status: str
    name: str
    industry: str
    benefits: list[ShopBenefit]
    restraints: list[ShopRestraint]
    points: int
    sums: list[ShopSums]
    badges: list[ShopBadge]
    campaigns: list[str]
    provider: str
    position: int


@router.get(
    "/v1/shops/{id:path}",
    operation_id="shop",
    summary="What a shop is now, or was.",
    response_class=Response,
    responses=answers(Shop, "The shop.", ETAG),
)
def shop(service: Running, asked: OfTheLog, id: str) -> Response:  # noqa: A002 - the name in the path
    """Fold the shop from its facts and read its balances from the books, so that neither is behind."""
    clocks = asked.clocks(service.database)
    position = service.head() if clocks.as_at is None else clocks.as_at
    version = service.version(f"shop-{id}", position)
    return answer(_shop(shop_view(service.database, id, time.now(), clocks)), position, etag(version))


def _shop(view: ShopView) -> Shop:
    sums = [ShopSums(*(Money(amount, each.currency) for amount in each[1:])) for each in view.sums]
    return Shop(
        view.id,
        view.status,
        view.name,
        view.industry,
        msgspec.convert(benefits(view), list[ShopBenefit]),
        msgspec.convert(restraints(view), list[ShopRestraint]),
        view.points,
        sums,
        msgspec.convert(badges(view), list[ShopBadge]),
        list(view.campaigns),
        view.provider,
        view.position,
    )


SCHEMAS = (Shop,)

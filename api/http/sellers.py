"""Hosts and service providers over HTTP, and the experience score of shops."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from api.figures import FigurePeers
from api.http.asking import Limit, Money, OnDay, Seen, of_models
from api.http.openapi import ETAG, answers
from api.http.service import Running, answer, etag
from api.merits import ShopExperience, shop_experience
from api.reputation import (
    FactsBehind,
    ShopScore,
    Suggestion,
    asked_day,
    known_index,
    peers,
    score,
    suggestions,
)
from ledger import time
from projections.agencies import AGENCIES, ProviderView, provider_view, years_of
from projections.hosts import HostView, host_view
from projections.merits import experience_of, host_index
from projections.order_status import ORDER_STATUS
from projections.repeat_customers import Index, index_spread
from projections.reputation import REPUTATION

router = APIRouter(tags=["hosts and providers"])


class HostRestraint(msgspec.Struct):
    """What the host may not do: it is suspended or banned; `cause` is a penalty."""

    what: str
    cause: str
    since: str
    until: str | None


class HostScore(msgspec.Struct, kw_only=True):
    """The index of a host among all hosts on a day, with what is behind it.

    `formula` is the version of the rule and `digest` the SHA-256 of its file; `peers` is how the indexes of
    the hosts with enough orders lie.
    """

    day: str
    formula: str
    digest: str
    score: ShopScore
    suggestions: list[Suggestion]
    peers: FigurePeers | None
    facts: list[FactsBehind]


class Host(msgspec.Struct, kw_only=True):
    """A host. `status` is open, suspended, banned or closed; empty if nobody opened it.

    `payable` is what it is owed; `position` is that of the last fact of its own.
    """

    id: str
    status: str
    name: str
    provider: str
    restraints: list[HostRestraint]
    payable: list[Money]
    index: HostScore
    position: int


class ProviderTier(msgspec.Struct):
    """What a provider reached in a year, empty if less than the lowest tier, by sales in minor units."""

    year: int
    tier: str
    sales: int


class ProviderServed(msgspec.Struct):
    """A time in which the provider served a shop or host (`party`); `until` is null while it does."""

    party: str
    id: str
    since: str
    until: str | None


class ProviderSales(msgspec.Struct):
    """What those whom it served sold in a year: how many orders, what was paid less what went back."""

    year: int
    orders: int
    amount: Money


class Provider(msgspec.Struct, kw_only=True):
    """A service provider; `status` is admitted or exited, `position` that of the last fact of its own."""

    id: str
    status: str
    name: str
    plan: str
    tiers: list[ProviderTier]
    served: list[ProviderServed]
    sales: list[ProviderSales]
    position: int


@router.get(
    "/v1/shops/{id:path}/experience",
    operation_id="shop-experience",
    summary="The experience score of a shop on a day, and what it follows from.",
    response_class=Response,
    responses=answers(ShopExperience, "The score."),
)
def experience(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(REPUTATION))],
    id: str,  # noqa: A002 - the name in the path
    day: OnDay = "",
    limit: Limit = 20,
) -> Response:
    """Reckon the score from the ratings of the shop and of its industry."""
    clocks, position = seen
    number = asked_day(day, clocks, time.now())
    known_index(service.database, id, number, clocks, limit=0)
    found = experience_of(service.database, id, number, clocks, limit=limit)
    return answer(shop_experience(found), position)


@router.get(
    "/v1/hosts/{id:path}",
    operation_id="host",
    summary="What a host is now, or was, with its index.",
    response_class=Response,
    responses=answers(Host, "The host.", ETAG),
)
def host(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(REPUTATION))],
    id: str,  # noqa: A002 - as above
    day: OnDay = "",
) -> Response:
    """Fold the host from its facts, and reckon its index among all hosts."""
    clocks, position = seen
    now = time.now()
    index = host_index(service.database, id, asked_day(day, clocks, now), clocks)
    view = host_view(service.database, id, now, clocks, known_to_sell=index.known)
    return answer(_host(view, index), position, etag(service.version(f"host-{id}", position)))


def _host(view: HostView, index: Index) -> Host:
    return Host(
        id=view.id,
        status=view.status,
        name=view.name,
        provider=view.provider,
        restraints=[
            HostRestraint(each.what, each.cause, _when(each.since), _until(each.until))
            for each in view.restraints
        ],
        payable=[Money(amount, currency) for currency, amount in sorted(view.payable.items())],
        index=HostScore(
            day=time.day_text(index.day),
            formula=index.formula.version,
            digest=index.formula.digest,
            score=score(index.rule, "", index.shop, index.standing),
            suggestions=suggestions(index.standing),
            peers=peers(index_spread(index)),
            facts=[
                FactsBehind(figure, found.total, list(found.positions))
                for figure, found in index.behind.items()
            ],
        ),
        position=view.position,
    )


def _when(moment: int) -> str:
    return time.rfc3339(moment, time.HOME_OFFSET)


def _until(moment: int | None) -> str | None:
    return None if moment is None else _when(moment)


@router.get(
    "/v1/providers/{id:path}",
    operation_id="provider",
    summary="What a service provider is, whom it serves and what they sold.",
    response_class=Response,
    responses=answers(Provider, "The provider.", ETAG),
)
def provider(
    service: Running,
    seen: Annotated[Seen, Depends(of_models(AGENCIES, ORDER_STATUS))],
    id: str,  # noqa: A002 - as above
    year: Annotated[int | None, Query(ge=1970, le=9998, description="Sales of this year alone.")] = None,
) -> Response:
    """Fold the provider from its facts, and sum the orders of this year and the last."""
    clocks, position = seen
    years = years_of(time.now(), clocks) if year is None else (year,)
    view = provider_view(service.database, id, years, clocks)
    return answer(_provider(view), position, etag(service.version(f"provider-{id}", position)))


def _provider(view: ProviderView) -> Provider:
    known = view.provider
    return Provider(
        id=view.id,
        status=known.status,
        name=known.name,
        plan=known.plan,
        tiers=[ProviderTier(tier.year, tier.name, tier.sales) for tier in known.tiers],
        served=[
            ProviderServed(each.party, each.id, _when(each.since), _until(each.until)) for each in view.served
        ],
        sales=[
            ProviderSales(year, sold.orders, Money(sold.amount, currency))
            for year, by_currency in view.sales.items()
            for currency, sold in sorted(by_currency.items())
        ],
        position=view.position,
    )


SCHEMAS = (Host, Provider, ShopExperience)

"""What the simulation is played over: real shops, buyers and orders; and what a step of it says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from ledger import time
from ledger.store.database import Database
from projections.order_status import TABLE, OrderView, order_view

CURRENCY = "USD"
INDUSTRY = "food"
PLATFORM = "cj:"
"""How identifiers of real orders begin."""
BEGIN = datetime(2017, 1, 1, tzinfo=ZoneInfo("America/New_York"))
DAY = timedelta(days=1)

_BUSIEST = 10
_REVIEWED = 60
_DEAREST = 40


class Step(NamedTuple):
    """One command of the story: its name in the catalogue, whom it is about, what it says."""

    name: str
    id: str
    at: datetime
    fields: dict[str, Any]


class Bought(NamedTuple):
    """An order of a known buyer at one of the busiest shops, and how many that buyer had there before."""

    order: str
    shop: str
    buyer: str
    at: datetime
    earlier: int


class World(NamedTuple):
    """Shops and buyers by name, the busiest shops with their first orders, the dearest orders of all."""

    shops: list[str]
    buyers: list[str]
    busiest: list[str]
    bought: list[Bought]
    orders: list[OrderView]

    @property
    def loyal(self) -> Bought:
        """The last order of the buyer who came back most often."""
        return max(self.bought, key=lambda bought: (bought.earlier, bought.order))


def busiest(baskets: Mapping[str, int]) -> list[str]:
    """The shops with most baskets."""
    return sorted(baskets, key=lambda shop: (-baskets[shop], shop))[:_BUSIEST]


def look(database: Database) -> World:
    """The baskets that were loaded, as the read model has them."""
    columns = TABLE.c
    ours = columns.order_id.startswith(PLATFORM), columns.currency == CURRENCY, columns.buyer != ""
    dearest = select(columns.order_id).where(*ours).order_by(columns.paid.desc(), columns.order_id)
    counted = select(columns.shop, func.count()).where(*ours).group_by(columns.shop).order_by(columns.shop)
    with database.snapshot() as connection:
        baskets = {shop: count for shop, count in connection.execute(counted)}  # noqa: C416 - rows are no pairs to mypy
        buyers = select(columns.buyer).where(*ours).distinct().order_by(columns.buyer)
        names = list(connection.execute(buyers).scalars())
        orders = list(connection.execute(dearest.limit(_DEAREST)).scalars())
        bought: list[Bought] = []
        for shop in busiest(baskets):
            query = select(columns.order_id, columns.buyer, columns.paid_at).where(
                *ours, columns.shop == shop
            )
            before: dict[str, int] = {}
            for order, buyer, us in connection.execute(
                query.order_by(columns.paid_at, columns.order_id).limit(_REVIEWED)
            ):
                at = time.moment(us, 0).astimezone(BEGIN.tzinfo)
                bought.append(Bought(order, shop, buyer, at, before.get(buyer, 0)))
                before[buyer] = before.get(buyer, 0) + 1
    views = [order_view(database, order) for order in orders]
    return World(list(baskets), names, busiest(baskets), bought, views)

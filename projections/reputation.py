"""Reputation: what is counted of every shop and host, and the repeat-customer index of all on any day.

The table keeps what can be observed, one row a purchase, refund, review, vote and penalty. Windows are
summed when they are asked for, so that any day can be reckoned on both clocks; docs/reputation.md defines
each word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from ledger import time
from ledger.decisions.base import identifier
from ledger.decisions.penalty import later
from ledger.events.base import Fact, Recorded
from ledger.events.correction import CorrectionRecorded
from ledger.events.order import OrderAmended, OrderCancelled, OrderPaid, OrderPlaced, OrderVoided
from ledger.events.penalty import AppealDenied, PenaltyImposed, PenaltyOverturned, PenaltyVaried
from ledger.events.refund import RefundCompleted, RefundRefused, RefundRequested
from ledger.events.review import ReviewSubmitted
from ledger.events.shop import ShopOpened
from ledger.events.vote import WorthVoteCast
from ledger.reputation import NOTHING, Count, Observed, Rule
from projections.base import Projection
from projections.store import tables

TABLE = Table(
    "p_reputation_v1",
    tables,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("shop", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("day", Integer),
    Column("struck", Integer, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("quality", Integer, nullable=False),
    Column("service", Integer, nullable=False),
    Column("logistics", Integer, nullable=False),
    Column("content", Integer, nullable=False),
    Column("welfare", Integer, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What was observed. `day` is the local day on which it counts (None: it does not, so far), `position` that
of the fact which made it count.

| kind | id | party | subject | word | struck | value |
|---|---|---|---|---|---|---|
| shop | the shop | | | its industry | | |
| order | the order | the buyer | | | 1 cancelled, 2 voided | what was paid, minor units |
| refund | the refund | the buyer | its order, or `:` and its id | its reason | | |
| handling | the refund | the buyer | its order, or `:` and its id | | | whole seconds it took |
| review | the review | the buyer | its order | | | |
| vote | the vote | the user | the article | | | 1 worth it, 0 not |
| penalty | the penalty | shop or host | | | 1 overturned | its points |

`place` is the position of a refund's completion, and of the last ruling on a penalty that in the order of its
source; `state` keeps when a refund was requested, completed and refused, as MessagePack.
"""
# Orders are by far the most rows: what is counted of them is in the index.
_COUNTED = (TABLE.c.shop, TABLE.c.struck, TABLE.c.value, TABLE.c.party)
Index(f"{TABLE.name}_day", TABLE.c.kind, TABLE.c.day, *_COUNTED)
Index(f"{TABLE.name}_shop", TABLE.c.shop, TABLE.c.kind, TABLE.c.day)

Key = tuple[str, str]
By = Literal["shop", "host"]

_CANCELLED, _VOIDED = 1, 2


class _Step(NamedTuple):
    """A fact that handled a refund: when (UTC microseconds), its local day, its position."""

    at: int
    day: int
    position: int


class _Steps(NamedTuple):
    """When a refund was requested (UTC microseconds), completed, and first refused."""

    requested: int | None = None
    completed: _Step | None = None
    refused: _Step | None = None


class Row(NamedTuple):
    """A row of the table without its key, as far as it is known."""

    shop: str = ""
    host: str = ""
    party: str = ""
    subject: str = ""
    word: str = ""
    day: int | None = None
    struck: int = 0
    value: int = 0
    quality: int = 0
    service: int = 0
    logistics: int = 0
    content: int = 0
    welfare: int = 0
    place: int = 0
    position: int = 0
    state: _Steps = _Steps()


_ORDER: frozenset[type[Fact]] = frozenset({OrderPlaced, OrderPaid, OrderAmended, OrderCancelled, OrderVoided})
_REFUND: frozenset[type[Fact]] = frozenset({RefundRequested, RefundCompleted, RefundRefused})
_PENALTY: frozenset[type[Fact]] = frozenset({PenaltyImposed, AppealDenied, PenaltyVaried, PenaltyOverturned})
_ONE: dict[type[Fact], str] = {ShopOpened: "shop", ReviewSubmitted: "review", WorthVoteCast: "vote"}
_FACTS: frozenset[type[Fact]] = frozenset({*_ORDER, *_REFUND, *_PENALTY, *_ONE, CorrectionRecorded})


def touches(recorded: Recorded) -> Iterable[Key]:
    """The row of a fact's stream; a refund has one for its completion and one for how long it took."""
    kind, id_ = type(recorded.fact), identifier(recorded.stream)
    if kind in _ORDER:
        return (("order", id_),)
    if kind in _PENALTY:
        return (("penalty", id_),)
    if kind is CorrectionRecorded:
        of_refund = recorded.fact.topic == RefundCompleted.TOPIC  # type: ignore[attr-defined] # see above
        return (("refund", id_), ("handling", id_)) if of_refund else ()
    return ((_ONE[kind], id_),) if kind in _ONE else (("refund", id_), ("handling", id_))


def fold(row: Row | None, recorded: Recorded, key: Key) -> Row:
    """What a row becomes by one more fact of its stream."""
    return _FOLDS[key[0]](row or Row(), recorded, key[1])


def _day(recorded: Recorded) -> int:
    return time.local_day(recorded.envelope.effective_at, recorded.envelope.offset)


def _shop(row: Row, recorded: Recorded, id_: str) -> Row:
    fact: Any = recorded.fact
    return row._replace(shop=id_, word=fact.industry, position=recorded.position)


def _order(row: Row, recorded: Recorded, _id: str) -> Row:
    match recorded.fact:
        case OrderPlaced() as fact:
            return row._replace(shop=fact.shop, host=fact.host, party=fact.buyer)
        case OrderPaid() as fact:
            paid = fact.cash + fact.coupon
            return row._replace(day=_day(recorded), value=paid, position=recorded.position)
        case OrderAmended() as fact:
            paid = fact.cash + fact.coupon
            return row._replace(shop=fact.shop, host=fact.host, party=fact.buyer, value=paid)
        case OrderVoided():
            return row._replace(struck=_VOIDED)
        case _:
            return row._replace(struck=max(row.struck, _CANCELLED))


def _named(row: Row, fact: Any, id_: str) -> Row:  # noqa: ANN401 - a refund that was requested or completed
    host = getattr(fact, "host", row.host)
    return row._replace(shop=fact.shop, host=host, party=fact.buyer, subject=fact.order or f":{id_}")


def _refund(row: Row, recorded: Recorded, id_: str) -> Row:
    """It counts on the day of its completion."""
    match recorded.fact:
        case RefundRequested() as fact:
            return _named(row, fact, id_)._replace(word=fact.reason.strip().casefold())
        case RefundCompleted() as fact:
            row = _named(row, fact, id_)
            return row._replace(day=_day(recorded), place=recorded.position, position=recorded.position)
        case CorrectionRecorded(position=undone) if undone == row.place:
            return row._replace(day=None, place=0)
        case _:
            return row


def _handling(row: Row, recorded: Recorded, id_: str) -> Row:
    """It counts on the day on which it was first completed or refused, once it was requested."""
    fact, at = recorded.fact, recorded.envelope.effective_at
    here, steps = _Step(at, _day(recorded), recorded.position), row.state
    match fact:
        case RefundRequested():
            row, steps = _named(row, fact, id_), steps._replace(requested=at)
        case RefundCompleted():
            row, steps = _named(row, fact, id_), steps._replace(completed=here)
        case RefundRefused():
            steps = steps._replace(refused=min(here, steps.refused or here))
        case CorrectionRecorded(position=undone) if steps.completed and steps.completed.position == undone:
            steps = steps._replace(completed=None)
    done = [step for step in (steps.completed, steps.refused) if step]
    if steps.requested is None or not done or min(done).at < steps.requested:
        return row._replace(day=None, value=0, state=steps)
    first = min(done)
    took = (first.at - steps.requested) // 1_000_000
    return row._replace(day=first.day, value=took, position=first.position, state=steps)


def _review(row: Row, recorded: Recorded, _id: str) -> Row:
    fact: Any = recorded.fact
    if not fact.counts:
        return row
    return row._replace(
        shop=fact.shop,
        host=fact.host,
        party=fact.buyer,
        subject=fact.order,
        day=_day(recorded),
        quality=fact.quality,
        service=fact.service,
        logistics=fact.logistics,
        content=fact.content,
        welfare=fact.welfare,
        position=recorded.position,
    )


def _vote(row: Row, recorded: Recorded, _id: str) -> Row:
    fact: Any = recorded.fact
    if not fact.counts:
        return row
    row = row._replace(shop=fact.shop, party=fact.user, subject=fact.item, value=int(fact.worth))
    return row._replace(day=_day(recorded), position=recorded.position)


def _penalty(row: Row, recorded: Recorded, _id: str) -> Row:
    fact: Any = recorded.fact
    if isinstance(fact, PenaltyImposed):
        shop, host = (fact.party_id if fact.party == party else "" for party in ("shop", "host"))
        row = row._replace(shop=shop, host=host, party=fact.party, value=fact.points)
        return row._replace(day=_day(recorded), position=recorded.position)
    if not later(fact.sequence, row.place):
        return row
    return row._replace(struck=int(isinstance(fact, PenaltyOverturned)), place=max(fact.sequence, row.place))


_FOLDS = {
    "shop": _shop,
    "order": _order,
    "refund": _refund,
    "handling": _handling,
    "review": _review,
    "vote": _vote,
    "penalty": _penalty,
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Steps).decode


def _load(stored: Sequence[Any]) -> Row:
    return Row._make((*stored[2:-1], _decode(stored[-1]) if stored[-1] else _Steps()))


def _dump(key: Key, row: Row) -> tuple[Any, ...]:
    return (*key, *row[:-1], _encode(row.state) if row.state != _Steps() else b"")


REPUTATION = Projection("reputation", 1, TABLE, _FACTS, touches, fold, _load, _dump)


class Asking(NamedTuple):
    """Whose observations: shops' or hosts', of all of them, of one `industry`, or of `one` by its id."""

    by: By = "shop"
    industry: str | None = None
    one: str | None = None


ALL_SHOPS = Asking()

_columns, _order_of, _shop_of = TABLE.c, TABLE.alias("of_order"), TABLE.alias("of_shop")
RATINGS = ("quality", "service", "logistics", "content", "welfare")
"""The ratings of a review that are metrics by their mean."""
_OF_ORDERS = ("refund", "handling", "review")


def _who(asking: Asking, kind: str) -> ColumnElement[str]:
    """The shop or host that a row is about; a refund that was refused has the host of its order."""
    if asking.by == "shop":
        return _columns.shop
    if kind in _OF_ORDERS:
        return case((_columns.host != "", _columns.host), else_=func.coalesce(_order_of.c.host, ""))
    return _columns.host


def _select(asking: Asking, days: tuple[int, int], kind: str, *wanted: Any) -> Select[Any]:
    """What counts within some days, both included: neither struck nor of a voided order, and of somebody."""
    source: Any = TABLE
    query = select(*wanted).where(_columns.kind == kind, _columns.day.between(*days), _columns.struck == 0)
    if kind in _OF_ORDERS:
        source = source.outerjoin(
            _order_of, and_(_order_of.c.kind == "order", _order_of.c.id == _columns.subject)
        )
        query = query.where(func.coalesce(_order_of.c.struck, 0) != _VOIDED)
    if kind == "order":
        query = query.where(_columns.value > 0)
    if asking.industry is not None:
        query = query.where(_within(asking.industry))
    who = _who(asking, kind)
    return query.where(who != "" if asking.one is None else who == asking.one).select_from(source)


def _within(industry: str) -> ColumnElement[bool]:
    """Whether the shop of a row is of an industry; without a name, of none."""
    opened = select(_shop_of.c.id).where(_shop_of.c.kind == "shop")
    if industry:
        return _columns.shop.in_(opened.where(_shop_of.c.word == industry))
    return _columns.shop.not_in(opened.where(_shop_of.c.word != ""))


class _Sums:
    """The sums behind the metrics of one day, each taken from the table once."""

    def __init__(self, connection: Connection, rule: Rule, day: int, asking: Asking) -> None:
        self._connection = connection
        self._rule = rule
        self._day = day
        self._asking = asking
        self._known: dict[Any, dict[str, Any]] = {}

    def of(self, metric: str) -> dict[str, Count]:
        """What was counted of a metric, by shop or host."""
        days = self._rule.window(metric).days(self._day)
        match metric:
            case "repeat_rate":
                return self._buyers(days)
            case "praise_rate":
                return {name: Count(row.praised, row.rated) for name, row in self._reviews(days).items()}
            case "dissatisfaction":
                return self._dissatisfied(days)
            case "quality_refunds":
                refunded, orders = self._refunded(days), self.orders(days)
                return {name: Count(refunded.get(name, 0), n) for name, n in orders.items()}
            case "handling_time":
                return self._handled(days)
            case _:
                return {name: self._rating(row, metric) for name, row in self._reviews(days).items()}

    @staticmethod
    def _rating(row: Any, metric: str) -> Count:  # noqa: ANN401 - of the query below
        return Count(getattr(row, metric), getattr(row, f"{metric}_n"))

    def _grouped(self, days: tuple[int, int], kind: str, *sums: Any) -> dict[str, Any]:
        """Sums of what counts within some days, by shop or host."""
        key = (days, kind)
        if key not in self._known:
            who = _who(self._asking, kind).label("who")
            query = _select(self._asking, days, kind, who, *sums).group_by("who")
            self._known[key] = {row.who: row for row in self._connection.execute(query)}
        return self._known[key]

    def orders(self, days: tuple[int, int]) -> dict[str, int]:
        """Purchases."""
        return {name: row.n for name, row in self._grouped(days, "order", func.count().label("n")).items()}

    def _buyers(self, days: tuple[int, int]) -> dict[str, Count]:
        """Known buyers with two or more purchases, and with one or more."""
        who = _who(self._asking, "order").label("who")
        by_buyer = _select(self._asking, days, "order", who, func.count().label("n"))
        each = by_buyer.where(_columns.party != "").group_by("who", _columns.party).subquery()
        again = func.sum(case((each.c.n > 1, 1), else_=0))
        query = select(each.c.who, again, func.count()).group_by(each.c.who)
        return {name: Count(int(came), n) for name, came, n in self._connection.execute(query)}

    def _reviews(self, days: tuple[int, int]) -> dict[str, Any]:
        quality = _columns.quality
        sums = [
            _number(quality > 0).label("rated"),
            _number(quality > 3).label("praised"),  # noqa: PLR2004 - 4 and 5 of 5
            _number(quality.between(1, 3)).label("poor"),
        ]
        for name in RATINGS:
            rating = _columns[name]
            sums += [cast(func.sum(rating), BigInteger).label(name), _number(rating > 0).label(f"{name}_n")]
        return self._grouped(days, "review", *sums)

    def _dissatisfied(self, days: tuple[int, int]) -> dict[str, Count]:
        found = {name: Count(row.poor, row.rated) for name, row in self._reviews(days).items()}
        against = _number(_columns.value == 0).label("against")
        votes = self._grouped(days, "vote", func.count().label("n"), against)
        for name, row in votes.items():
            poor, rated = found.get(name, NOTHING)
            found[name] = Count(poor + row.against, rated + row.n)
        return found

    def _refunded(self, days: tuple[int, int]) -> dict[str, int]:
        """Orders with a refund for a reason of quality, and such refunds that name no order."""
        of_quality = case((_of_quality(self._rule), _columns.subject))
        found = self._grouped(days, "refund", func.count(of_quality.distinct()).label("n"))
        return {name: row.n for name, row in found.items()}

    def _handled(self, days: tuple[int, int]) -> dict[str, Count]:
        took = cast(func.sum(_columns.value), BigInteger).label("took")
        found = self._grouped(days, "handling", took, func.count().label("n"))
        return {name: Count(row.took, row.n) for name, row in found.items()}

    def points(self, days: tuple[int, int]) -> dict[str, int]:
        """Points of penalties that stand."""
        points = cast(func.sum(_columns.value), BigInteger).label("points")
        return {name: row.points for name, row in self._grouped(days, "penalty", points).items()}


def _of_quality(rule: Rule) -> ColumnElement[bool]:
    """Whether the reason of a refund is one of quality."""
    endings = (_columns.word.endswith(ending, autoescape=True) for ending in rule.quality_endings)
    return or_(_columns.word.in_(rule.quality_reasons), *endings)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil a condition."""
    return func.count(case((condition, 1)))


def observed(connection: Connection, rule: Rule, day: int, asking: Asking = ALL_SHOPS) -> dict[str, Observed]:
    """What was counted for a day, of every shop or host of which there is anything in its windows."""
    sums = _Sums(connection, rule, day, asking)
    early = rule.windows["early"].days(day)
    orders, points = sums.orders(early), sums.points(early)
    counts: dict[str, dict[str, Count]] = {name: {} for name in (*orders, *points)}
    for metric in sorted(rule.names):
        for name, count in sums.of(metric).items():
            if count.n:
                counts.setdefault(name, {})[metric] = count
    return {name: Observed(counts[name], orders.get(name, 0), points.get(name, 0)) for name in sorted(counts)}


def industries(connection: Connection, shop: str | None = None) -> dict[str, str]:
    """The industry of every shop that was opened, or of one if it was."""
    query = select(_columns.id, _columns.word).where(_columns.kind == "shop")
    if shop is not None:
        query = query.where(_columns.id == shop)
    return {row.id: row.word for row in connection.execute(query)}


def knows(connection: Connection, shop: str) -> bool:
    """Whether anything was ever observed of a shop, or it was opened."""
    query = select(_columns.id).where(_columns.shop == shop).limit(1)
    return connection.execute(query).first() is not None


class Behind(NamedTuple):
    """The facts behind a figure: how many there are, and the positions of those that cost most."""

    total: int
    positions: tuple[int, ...]


#                       kinds of rows behind each metric
_BEHIND: dict[str, tuple[str, ...]] = {
    "repeat_rate":     ("order",),
    "dissatisfaction": ("review", "vote"),
    "quality_refunds": ("order", "refund"),
    "handling_time":   ("handling",),
    "orders":          ("order",),
    "deduction":       ("penalty",),
}  # fmt: skip


def behind(  # noqa: PLR0913 - which figure of whom and when
    connection: Connection, rule: Rule, day: int, figure: str, asking: Asking, *, limit: int = 20
) -> Behind:
    """The facts behind a metric, `orders` or `deduction` of somebody.

    What counts against it comes first: refunds, low ratings, what took long; then all in recorded order.
    """
    window = rule.window(figure) if figure in rule.names else rule.windows["early"]
    days = window.days(day)
    kinds = _BEHIND.get(figure, ("review",))
    found = union_all(*(_rows_behind(rule, figure, asking, days, kind) for kind in kinds)).subquery()
    total = connection.execute(select(func.count()).select_from(found)).scalar_one()
    query = select(found.c.position).order_by(found.c.cost.desc(), found.c.position).limit(limit)
    return Behind(total, tuple(connection.execute(query).scalars()))


def _rows_behind(rule: Rule, figure: str, asking: Asking, days: tuple[int, int], kind: str) -> Select[Any]:
    """The rows of a kind that a figure counts, and a number that is higher the more they count against it."""
    rated = _columns[figure if figure in RATINGS else "quality"]
    cost: dict[str, ColumnElement[Any]] = {
        "order": literal(-1),
        "refund": literal(1),
        "handling": _columns.value,
        "review": -rated,
        "vote": -(1 + 4 * _columns.value),
        "penalty": _columns.value,
    }
    query = _select(asking, days, kind, _columns.position, cast(cost[kind], BigInteger).label("cost"))
    if figure == "repeat_rate":
        query = query.where(_columns.party != "")
    elif kind == "refund":
        query = query.where(_of_quality(rule))
    elif kind == "review":
        query = query.where(rated > 0)
    return query

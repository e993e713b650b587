"""Trust cards: tier, uses left, coupons, and what a buyer is owed and was paid, on both clocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, select

from ledger import catalogue, policy
from ledger.books import NOW, Clocks
from ledger.decisions.base import identifier, kind, replay
from ledger.decisions.card import period
from ledger.decisions.incident import member_stream
from ledger.errors import UnknownCard
from ledger.events import card, claim, incident
from ledger.events.base import Fact, Recorded
from ledger.policies import shipped
from ledger.store.database import Database
from projections.base import Projection
from projections.store import Rows, reached, tables
from projections.streams import facts_of

assert catalogue.LIFECYCLES  # noqa: S101 - the catalogue is loaded for its effect: it registers all folds

TABLE = Table(
    "p_cards_v1",
    tables,
    Column("buyer", Text, primary_key=True),
    Column("tier", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("position", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("p_cards_v1_expires_at", "expires_at", "buyer"),
    sqlite_with_rowid=False,
)
"""One row a buyer who has a card, an upheld claim or a part in an incident; `state` is MessagePack.

`expires_at` (UTC microseconds) is when the first coupon with something left on it expires.
"""


class Uses(NamedTuple):
    """How often a benefit was used in a period, and what was left after the last use (None: no quota)."""

    benefit: str
    period: str
    used: int
    left: int | None


class Coupon(NamedTuple):
    """One coupon, minor units; `expires_at` is its last moment in UTC microseconds, None: never."""

    coupon: str
    kind: str
    currency: str
    granted: int
    expires_at: int | None = None
    redeemed: int = 0
    expired: int = 0

    @property
    def left(self) -> int:
        """What can be redeemed as long as the coupon lasts."""
        return self.granted - self.redeemed - self.expired


class Coupons(NamedTuple):
    """All coupons of a kind in a currency, minor units."""

    kind: str
    currency: str
    granted: int = 0
    redeemed: int = 0
    expired: int = 0

    @property
    def left(self) -> int:
        """What can still be redeemed."""
        return self.granted - self.redeemed - self.expired


class Owed(NamedTuple):
    """What one claim (`claim/C1`) or incident (`incident/I1`) brings the buyer, minor units."""

    cause: str
    currency: str
    decided: int = 0
    funded: int = 0
    sent: int = 0
    forfeited: int = 0

    @property
    def pending(self) -> int:
        """Decided and not yet funded."""
        return max(self.decided - self.funded - self.forfeited, 0)

    @property
    def payable(self) -> int:
        """Funded and not on its way to the buyer."""
        return self.funded - self.sent


class CardRow(NamedTuple):
    """A row of the table."""

    tier: str = ""
    position: int = 0
    uses: tuple[Uses, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    owed: tuple[Owed, ...] = ()


_OWN: tuple[type[Fact], ...] = (
    card.CardIssued,
    card.TierChanged,
    card.BenefitUsed,
    card.CouponGranted,
    card.CouponRedeemed,
    card.CouponExpired,
)
_OWED: tuple[type[Fact], ...] = (
    claim.ClaimUpheld,
    claim.ClaimFunded,
    claim.CompensationPaid,
    claim.CompensationFailed,
    claim.CompensationForfeited,
    claim.CompensationCancelled,
    incident.IncidentCompensationGranted,
    incident.IncidentCompensationPaid,
    incident.IncidentCompensationFailed,
)


def touches(recorded: Recorded) -> Sequence[str]:
    """The buyer whose card it is, or to whom something is owed."""
    if isinstance(recorded.fact, _OWN):
        return (identifier(recorded.stream),)
    buyer: str = recorded.fact.buyer  # type: ignore[attr-defined] # all facts of _OWED have one
    return (buyer,) if buyer else ()


def fold(row: CardRow | None, recorded: Recorded, key: str) -> CardRow:  # noqa: ARG001 - found by its key
    """A buyer after one more fact."""
    row = row or CardRow()
    fact = recorded.fact
    match fact:
        case card.CardIssued() | card.TierChanged():
            row = row._replace(tier=fact.tier)
        case card.BenefitUsed():
            row = row._replace(uses=_used(row.uses, fact))
        case card.CouponGranted() | card.CouponRedeemed() | card.CouponExpired():
            row = row._replace(coupons=_coupons(row.coupons, fact))
        case _:
            row = row._replace(owed=_owed(row.owed, recorded))
    return row._replace(position=recorded.position)


def _used(uses: tuple[Uses, ...], fact: card.BenefitUsed) -> tuple[Uses, ...]:
    found = {(row.benefit, row.period): row for row in uses}
    key = fact.benefit, fact.period
    before = found[key].used if key in found else 0
    found[key] = Uses(*key, before + 1, fact.left)
    return tuple(found.values())


def _coupons(
    coupons: tuple[Coupon, ...], fact: card.CouponGranted | card.CouponRedeemed | card.CouponExpired
) -> tuple[Coupon, ...]:
    found = {each.coupon: each for each in coupons}
    match fact:
        case card.CouponGranted():
            found[fact.coupon] = Coupon(fact.coupon, fact.kind, fact.currency, fact.amount, fact.expires_at)
        case card.CouponRedeemed():
            old = found[fact.coupon]
            found[fact.coupon] = old._replace(redeemed=old.redeemed + fact.amount)
        case card.CouponExpired():
            old = found[fact.coupon]
            found[fact.coupon] = old._replace(expired=old.expired + fact.amount)
    return tuple(found.values())


def _owed(owed: tuple[Owed, ...], recorded: Recorded) -> tuple[Owed, ...]:
    fact: Any = recorded.fact
    cause = (
        f"claim/{identifier(recorded.stream)}"
        if kind(recorded.stream) == "claim"
        else f"incident/{fact.incident}"
    )
    found = {row.cause: row for row in owed}
    row = found.get(cause) or Owed(cause, fact.currency)
    match fact:
        case claim.ClaimUpheld():
            row = row._replace(decided=fact.decided)
        case claim.ClaimFunded():
            row = row._replace(funded=row.funded + fact.parts.total)
        case incident.IncidentCompensationGranted():
            row = row._replace(decided=fact.amount, funded=fact.amount)
        case claim.CompensationPaid() | incident.IncidentCompensationPaid():
            row = row._replace(sent=row.sent + fact.amount)
        case claim.CompensationFailed() | incident.IncidentCompensationFailed():
            row = row._replace(sent=row.sent - fact.amount)
        case claim.CompensationForfeited():
            forfeited = row.forfeited + fact.amount
            row = row._replace(funded=row.funded - fact.amount, forfeited=forfeited)
        case claim.CompensationCancelled():
            row = row._replace(decided=fact.left, funded=row.funded - fact.parts.total)
    found[cause] = row
    return tuple(found.values())


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[tuple[Uses, ...], tuple[Coupon, ...], tuple[Owed, ...]]).decode


def _load(stored: Sequence[Any]) -> CardRow:
    return CardRow(stored[1], stored[3], *_decode(stored[4]))


def _dump(key: str, row: CardRow) -> tuple[Any, ...]:
    ends = [each.expires_at for each in row.coupons if each.left and each.expires_at is not None]
    return key, row.tier, min(ends, default=None), row.position, _encode((row.uses, row.coupons, row.owed))


CARDS = Projection("cards", 1, TABLE, frozenset((*_OWN, *_OWED)), touches, fold, _load, _dump)


class CardView(NamedTuple):
    """A buyer's card in one currency, sums in minor units.

    `benefits` has a row for each benefit with terms in force or uses: of the period that is asked about.
    `coupons` are by kind; one whose last moment has passed counts as expired. `position` is that of the last
    fact behind the view.
    """

    buyer: str
    currency: str
    tier: str
    benefits: tuple[Uses, ...]
    coupons: tuple[Coupons, ...]
    owed: tuple[Owed, ...]
    position: int

    @property
    def pending(self) -> int:
        """Compensation decided and not yet funded."""
        return sum(owed.pending for owed in self.owed)

    @property
    def payable(self) -> int:
        """What the buyer's account holds."""
        return sum(owed.payable for owed in self.owed)

    @property
    def paid(self) -> int:
        """What was sent to the buyer and did not fail."""
        return sum(owed.sent for owed in self.owed)


def card_view(
    database: Database, buyer: str, moment: int, currency: str = "CNY", clocks: Clocks = NOW
) -> CardView:
    """A buyer's card now or on both clocks; `moment` (UTC µs) says in which periods uses are counted.

    Raises UnknownCard where nothing is known of the buyer, ProjectionBehind where the model is not built.
    """
    with database.snapshot() as connection:
        reached(connection, CARDS)
        stored = Rows(TABLE, database).load(connection, [buyer]).get(buyer)
        row = None if stored is None else _load(stored)
        if row is not None and clocks != NOW:
            row = _then(buyer, facts_of(connection, database, _streams(buyer, row), clocks))
        if row is None:
            raise UnknownCard(f"Got {buyer!r}.", field="id")
        names = {command.id for command in shipped().values()} | {use.benefit for use in row.uses}
        told = facts_of(connection, database, [f"policy-{name}" for name in sorted(names)], clocks)
    moment = moment if clocks.as_of is None else clocks.as_of
    return CardView(
        buyer,
        currency,
        row.tier,
        _benefits(row, _terms(told, moment), moment),
        _by_kind([coupon for coupon in row.coupons if coupon.currency == currency], moment),
        tuple(owed for owed in row.owed if owed.currency == currency),
        row.position,
    )


def _by_kind(coupons: Sequence[Coupon], moment: int) -> tuple[Coupons, ...]:
    """The sums of each kind at a moment."""
    found: dict[str, Coupons] = {}
    for each in coupons:
        over = each.expires_at is not None and each.expires_at < moment
        row = found.get(each.kind) or Coupons(each.kind, each.currency)
        found[each.kind] = row._replace(
            granted=row.granted + each.granted,
            redeemed=row.redeemed + each.redeemed,
            expired=row.expired + each.expired + (each.left if over else 0),
        )
    return tuple(found.values())


def expiring(database: Database, moment: int, after: str = "", limit: int = 1_000) -> list[str]:
    """Buyers, by name behind `after`, with coupons whose last moment (UTC microseconds) is before one."""
    query = (
        select(TABLE.c.buyer)
        .where(TABLE.c.expires_at < moment, TABLE.c.buyer > after)
        .order_by(TABLE.c.buyer)
        .limit(limit)
    )
    with database.snapshot() as connection:
        reached(connection, CARDS)
        return list(connection.execute(query).scalars())


def _streams(buyer: str, row: CardRow) -> list[str]:
    """Where all that concerns a buyer stands."""
    found = [f"card-{buyer}"]
    for owed in row.owed:
        what, _, id_ = owed.cause.partition("/")
        found.append(f"claim-{id_}" if what == "claim" else member_stream(id_, buyer))
    return found


def _then(buyer: str, told: Sequence[Recorded]) -> CardRow | None:
    """The buyer after these facts; None if they say nothing."""
    row = None
    for recorded in told:
        if type(recorded.fact) in CARDS.facts and buyer in touches(recorded):
            row = fold(row, recorded, buyer)
    return row


def _terms(told: Sequence[Recorded], moment: int) -> list[policy.Terms]:
    """The terms in force at a moment, by benefit."""
    streams = dict.fromkeys(recorded.stream for recorded in told)
    versions = (
        replay(stream, [recorded for recorded in told if recorded.stream == stream]) for stream in streams
    )
    return [found for terms in versions if (found := policy.in_force(terms, moment))]


def _benefits(row: CardRow, terms: Sequence[policy.Terms], moment: int) -> tuple[Uses, ...]:
    """What was used and is left of each benefit in its present period; of others what was used last."""
    used = {(use.benefit, use.period): use.used for use in row.uses}
    latest = {use.benefit: use for use in row.uses}
    for each in terms:
        if each.quotas or each.benefit in latest:
            when = period(each, moment)
            count = used.get((each.benefit, when), 0)
            quota = policy.quota(each, row.tier)
            left = None if quota is None else max(quota.uses - count, 0)
            latest[each.benefit] = Uses(each.benefit, when, count, left)
    return tuple(latest[name] for name in sorted(latest))

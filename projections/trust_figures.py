"""The figures of the yearly trust report: one table of what each is called, means, and how it is reckoned.

Whatever is reckoned is a whole number, or a part of a whole: nothing is rounded here. What cannot be reckoned
is answered by the reason in words, never by 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Subquery,
    and_,
    case,
    distinct,
    func,
    or_,
    select,
)

from projections.penalties import TABLE as PENALTIES
from projections.pet_fund import TABLE as FUND
from projections.pet_fund import named
from projections.trust_cases import CLAIMS, REFUNDS
from projections.trust_days import TABLE as DAYS
from projections.trust_orders import SESSIONS
from projections.trust_orders import TABLE as ORDERS

Unit = Literal["count", "share", "money", "time"]


class Value(NamedTuple):
    """A count, a sum in minor units, a time in seconds, or the part of a whole that a share is.

    `whole` is what a share is a part of, or over how many cases a time was taken.
    """

    amount: int
    whole: int | None = None


class Row(NamedTuple):
    """What a value is of: a benefit, a payer, a kind … (empty: of all), and its currency if it is money."""

    subject: str = ""
    currency: str = ""


Values = dict[Row, Value]
Reckoned = Mapping[str, Values | str]
"""Figures by name: their values, or why there are none."""


class Year(NamedTuple):
    """Which year is asked for: its first and last local day, and the tables to ask."""

    connection: Connection
    first: int
    last: int

    def rows(self, query: Executable) -> list[tuple[Any, ...]]:
        """What a query answers, sums as integers whatever the database makes of them."""
        return [
            tuple(int(each) if each is not None and not isinstance(each, str) else each for each in row)
            for row in self.connection.execute(query)
        ]

    def within(self, day: ColumnElement[Any]) -> ColumnElement[bool]:
        """That a day lies in the year."""
        return day.between(self.first, self.last)


class Figure(NamedTuple):
    """One row of the table: what a figure is called, its unit, by what it is divided, and what it means."""

    name: str
    unit: Unit
    by: str
    title: str
    means: str


class Section(NamedTuple):
    """Figures that are reckoned and shown together."""

    name: str
    title: str
    reckon: Callable[[Year], Reckoned]
    figures: tuple[Figure, ...]


_o = ORDERS.c
COUNTS = and_(_o.voided == 0, _o.cancelled == 0)
"""That a paid order counts: it is a purchase."""
_KNOWN = _o.buyer != ""
_NO_PURCHASE = "no order was paid in the year"


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _single(value: int, whole: int | None = None) -> Values:
    return {Row(): Value(value, whole)}


def _share(part: int, whole: int, why: str) -> Values | str:
    """A part of a whole, or why there is none."""
    return _single(part, whole) if whole else why


def _purchases(year: Year) -> ColumnElement[bool]:
    return and_(COUNTS, year.within(_o.paid_day))


def _orders(year: Year) -> Reckoned:
    query = select(func.count(), _count(_o.covered == 1)).where(_purchases(year))
    ((purchases, covered),) = year.rows(query)
    struck = select(func.count()).where(year.within(_o.paid_day), _o.voided == 1)
    ((voided,),) = year.rows(struck)
    sales = select(_o.currency, func.sum(_o.paid)).where(_purchases(year)).group_by(_o.currency)
    own = case((SESSIONS.c.shop == _o.shop, 1), else_=0)
    live = (
        select(_o.currency, func.count(), func.sum(own), func.sum(_o.paid), func.sum(own * _o.paid))
        .join(SESSIONS, SESSIONS.c.session == _o.session)
        .where(_purchases(year))
        .group_by(_o.currency)
    )
    known = year.rows(live)
    why = "no paid order names a live session that began here"
    return {
        "orders.paid": _single(purchases),
        "orders.covered": _share(covered, purchases, _NO_PURCHASE),
        "orders.voided": _single(voided),
        "sales.paid": {Row("", currency): Value(paid) for currency, paid in year.rows(sales)} or _NO_PURCHASE,
        "sales.own_shop_orders": _share(sum(row[2] for row in known), sum(row[1] for row in known), why),
        "sales.own_shop": {Row("", row[0]): Value(row[4], row[3]) for row in known if row[3]} or why,
    }


def _repurchase(year: Year) -> Reckoned:
    mine = _purchases(year), _KNOWN
    buyers = select(func.count().label("n")).where(*mine).group_by(_o.buyer).subquery()
    pairs = select(_o.shop, func.count().label("n")).where(*mine).group_by(_o.shop, _o.buyer).subquery()
    shops = select(func.max(pairs.c.n).label("n")).group_by(pairs.c.shop).subquery()
    first = (
        select(func.min(_o.paid_day).label("first"), _count(year.within(_o.paid_day)).label("n"))
        .where(COUNTS, _KNOWN, _o.paid_day <= year.last)
        .group_by(_o.buyer)
        .subquery()
    )
    of_buyers, of_pairs, of_shops = (_twice(year, table) for table in (buyers, pairs, shops))
    again, new = _twice(year, first, first.c.first >= year.first)
    why = "no order of a known buyer was paid in the year"
    return {
        "buyers.purchasing": _single(of_buyers[1]),
        "buyers.new": _single(new),
        "repurchase.buyers": _share(*of_buyers, why),
        "repurchase.same_shop": _share(*of_pairs, why),
        "repurchase.shops": _share(*of_shops, why),
        "repurchase.new_buyers": _share(again, new, "no buyer bought for the first time in the year"),
    }


def _twice(year: Year, table: Subquery, *kept: ColumnElement[bool]) -> tuple[int, int]:
    """How many rows count two purchases or more, and how many there are."""
    query = select(_count(table.c.n > 1), func.count()).select_from(table).where(*kept)
    ((twice, all_),) = year.rows(query)
    return twice, all_


def _disputes(year: Year) -> Reckoned:
    refunds = select(REFUNDS.c.order_id)
    claims = select(CLAIMS.c.order_id)
    disputed = or_(
        _o.charged_back == 1,
        _o.order_id.in_(refunds.where(or_(REFUNDS.c.refused == 1, REFUNDS.c.escalated == 1))),
        _o.order_id.in_(claims.where(CLAIMS.c.disputed == 1)),
    )
    intervened = or_(
        _o.order_id.in_(refunds.where(REFUNDS.c.escalated == 1)),
        _o.order_id.in_(claims.where(CLAIMS.c.intervened == 1)),
    )
    query = select(_count(disputed), _count(intervened), func.count()).where(_purchases(year))
    ((quarrels, decided, purchases),) = year.rows(query)
    return {
        "disputes.orders": _share(quarrels, purchases, _NO_PURCHASE),
        "disputes.intervened": _share(decided, purchases, _NO_PURCHASE),
    }


def _quantile(
    year: Year, start: ColumnElement[Any], end: ColumnElement[Any], day: ColumnElement[Any], per_cent: int
) -> Values | str:
    """The shortest time in seconds that so many per cent of the cases did not exceed (nearest rank).

    What was asked for and done in one moment, as the refund of an upheld claim, had nothing to wait for.
    """
    kept = year.within(day), start.is_not(None), end > start
    ((count,),) = year.rows(select(func.count()).where(*kept))
    if not count:
        return "no refund that took its time ended in the year"
    rank = -(-count * per_cent // 100)
    took = (end - start).label("took")
    ((time,),) = year.rows(select(took).where(*kept).order_by(took).offset(rank - 1).limit(1))
    return _single(time // 1_000_000, count)


def _after_sales(year: Year) -> Reckoned:
    columns = REFUNDS.c
    completed = year.within(columns.completed_day)
    ((number,),) = year.rows(select(func.count()).where(completed))
    cash = select(columns.currency, func.sum(columns.cash)).where(completed).group_by(columns.currency)
    early = and_(
        columns.advanced_at.is_not(None),
        or_(columns.completed_at.is_(None), columns.advanced_at <= columns.completed_at),
    )
    money = (
        columns.requested_at,
        case((early, columns.advanced_at), else_=columns.completed_at),
        case((early, columns.advanced_day), else_=columns.completed_day),
    )
    handled = (
        columns.requested_at,
        func.coalesce(columns.completed_at, columns.ended_at),
        case((columns.completed_at.is_(None), columns.ended_day), else_=columns.completed_day),
    )
    return {
        "refunds.completed": _single(number),
        "refunds.cash": {Row("", currency): Value(sum_) for currency, sum_ in year.rows(cash)},
        "refunds.time_median": _quantile(year, *money, 50),
        "refunds.time_p90": _quantile(year, *money, 90),
        "aftersales.time_median": _quantile(year, *handled, 50),
        "aftersales.time_p90": _quantile(year, *handled, 90),
    }


def _dispatch(year: Year) -> Reckoned:
    promised = _o.promised == 1
    late = _count(and_(promised, _o.late == 1))
    query = select(late, _count(promised), _count(_o.fake == 1), func.count()).where(_purchases(year))
    ((late_orders, with_promise, fake, purchases),) = year.rows(query)
    return {
        "dispatch.late": _share(late_orders, with_promise, "no order with a promised time was paid"),
        "dispatch.fake": _share(fake, purchases, _NO_PURCHASE),
    }


def _claims(year: Year) -> Reckoned:
    columns = CLAIMS.c
    won = columns.decision.in_(("upheld", "partly_upheld"))
    lost = columns.decision.in_(("rejected", "overturned"))
    states = (won, lost, columns.decision == "withdrawn", columns.decision == "")
    query = select(columns.benefit, func.count(), *map(_count, states)).where(year.within(columns.filed_day))
    found = year.rows(query.group_by(columns.benefit))
    sums = (
        select(columns.benefit, columns.currency, func.sum(columns.compensation))
        .where(year.within(columns.filed_day))
        .group_by(columns.benefit, columns.currency)
    )
    return {
        "claims.filed": {Row(row[0]): Value(row[1]) for row in found},
        "claims.upheld": {Row(row[0]): Value(row[2], row[2] + row[3]) for row in found if row[2] + row[3]}
        or "no claim that was filed in the year is decided",
        "claims.withdrawn": {Row(row[0]): Value(row[4]) for row in found},
        "claims.open": {Row(row[0]): Value(row[5]) for row in found},
        "claims.compensation": {
            Row(benefit, currency): Value(sum_) for benefit, currency, sum_ in year.rows(sums)
        },
    }


def _days(year: Year, *figures: str) -> list[tuple[Any, ...]]:
    """Figure, subject, currency, facts and amount of the whole year."""
    columns = DAYS.c
    names = (columns.figure, columns.subject, columns.currency)
    query = (
        select(*names, func.sum(columns.facts), func.sum(columns.amount))
        .where(columns.figure.in_(figures), year.within(columns.day))
        .group_by(*names)
    )
    return year.rows(query)


def _payouts(year: Year) -> Reckoned:
    found = _days(year, "funded", "given_back", "sent", "failed")
    sums: dict[str, Values] = {"funded": {}, "given_back": {}, "sent": {}, "number": {}}
    for figure, subject, currency, facts, amount in found:
        sign = -1 if figure == "failed" else 1
        name = "sent" if figure == "failed" else figure
        _add(sums[name], Row(subject, currency), sign * amount)
        if name == "sent":
            _add(sums["number"], Row(subject), sign * facts)
    return {
        "payouts.funded": sums["funded"],
        "payouts.given_back": sums["given_back"],
        "payouts.sent": sums["sent"],
        "payouts.payments": sums["number"],
    }


def _add(values: Values, row: Row, amount: int) -> None:
    values[row] = Value(values.get(row, Value(0)).amount + amount)


def _fund(year: Year) -> Reckoned:
    columns = FUND.c
    query = (
        select(
            columns.currency,
            columns.fact,
            *(
                func.coalesce(func.sum(case((when, side), else_=0)), 0)
                for when in (columns.day < year.first, columns.day >= year.first)
                for side in (columns.came, columns.went)
            ),
        )
        .where(columns.kind == "pet_fund", columns.day <= year.last)
        .group_by(columns.currency, columns.fact)
    )
    opening: Values = {}
    closing: Values = {}
    came: Values = {}
    went: Values = {}
    for currency, fact, came_before, went_before, in_, out in year.rows(query):
        _add(opening, Row("", currency), came_before - went_before)
        _add(closing, Row("", currency), came_before - went_before + in_ - out)
        if in_:
            _add(came, Row(named(fact, came=True), currency), in_)
        if out:
            _add(went, Row(named(fact, came=False), currency), out)
    if not closing:
        return dict.fromkeys(("fund.opening", "fund.in", "fund.out", "fund.closing"), "the fund never moved")
    return {"fund.opening": opening, "fund.in": came, "fund.out": went, "fund.closing": closing}


def _penalties(year: Year) -> Reckoned:
    columns = PENALTIES.c
    mine = year.within(columns.imposed_day)
    struck = _count(columns.ruling == "overturned")
    query = select(columns.party, func.count(), func.sum(columns.points), struck).where(mine)
    found = year.rows(query.group_by(columns.party))
    fines = select(columns.party, columns.currency, func.sum(columns.imposed)).where(mine)
    return {
        "penalties.imposed": {Row(party): Value(count) for party, count, _, _ in found},
        "penalties.fines": {
            Row(party, currency): Value(fine)
            for party, currency, fine in year.rows(fines.group_by(columns.party, columns.currency))
            if fine
        },
        "penalties.points": {Row(party): Value(points) for party, _, points, _ in found},
        "penalties.measures": {Row(name): Value(facts) for _, name, _, facts, _ in _days(year, "measure")},
        "penalties.overturned": {Row(party): Value(over, count) for party, count, _, over in found}
        or "no penalty was imposed in the year",
    }


def _appeals(year: Year) -> Reckoned:
    found = _days(year, "appeal", "ruling", "claim_appeal", "claim_ruling")
    sums: dict[str, Values] = {"appeal": {}, "ruling": {}, "claim_appeal": {}, "claim_ruling": {}}
    for figure, subject, _, facts, _ in found:
        _add(sums[figure], Row(subject), facts)
    rulings = {row.subject: value.amount for row, value in sums["ruling"].items()}
    won = sum(count for outcome, count in rulings.items() if outcome != "denied")
    return {
        "appeals.filed": sums["appeal"],
        "appeals.rulings": sums["ruling"],
        "appeals.won": _share(won, sum(rulings.values()), "no appeal was decided in the year"),
        "claim_appeals.filed": sums["claim_appeal"],
        "claim_appeals.rulings": sums["claim_ruling"],
    }


def _order_kept(year: Year) -> Reckoned:
    columns = DAYS.c
    mine = year.within(columns.day)
    banned = {
        figure: year.rows(select(func.count(distinct(columns.subject))).where(columns.figure == figure, mine))
        for figure in ("banned_shop", "banned_host")
    }
    gangs = select(func.count(distinct(PENALTIES.c.party_id))).where(
        PENALTIES.c.party == "gang", year.within(PENALTIES.c.imposed_day), PENALTIES.c.ruling != "overturned"
    )
    sums: Values = {}
    for figure, _, _, facts, _ in _days(year, "removed", "again", "lead", "case"):
        _add(sums, Row(figure), facts)

    def number(name: str) -> Values:
        return _single(sums.get(Row(name), Value(0)).amount)

    brushing = _days(year, "brushing")
    return {
        "bans.shops": _single(banned["banned_shop"][0][0]),
        "bans.hosts": _single(banned["banned_host"][0][0]),
        "gangs.punished": _single(year.rows(gangs)[0][0]),
        "gangs.accounts": number("removed"),
        "gangs.accounts_again": number("again"),
        "leads.referred": number("lead"),
        "cases.linked": number("case"),
        "brushing.intercepted": _single(brushing[0][4]) if brushing else "nobody recorded a day of the year",
    }


def _cards(year: Year) -> Reckoned:
    columns = DAYS.c
    is_card = columns.figure == "card"
    ((issued,),) = year.rows(select(func.count()).where(is_card, year.within(columns.day)))
    buyers = select(_o.buyer).where(_purchases(year), _KNOWN).distinct().subquery()
    holders = select(columns.subject).where(is_card, columns.day <= year.last).distinct().subquery()
    both = buyers.outerjoin(holders, holders.c.subject == buyers.c.buyer)
    ((held, count),) = year.rows(select(func.count(holders.c.subject), func.count()).select_from(both))
    return {
        "cards.issued": _single(issued),
        "cards.uptake": _share(held, count, "no order of a known buyer was paid in the year"),
    }


def _inspection(year: Year) -> Reckoned:
    names = ("received", "passed", "failed_check", "certified", "inspected", "warranty")
    facts = dict.fromkeys(names, 0)
    for figure, _, _, number, _ in _days(year, *names):
        facts[figure] = number
    seen = facts["passed"] + facts["failed_check"]
    appraised = _o.appraised == 1
    promised = _o.authentic == 1
    query = select(
        _count(and_(promised, appraised)), _count(promised), _count(appraised), func.count()
    ).where(_purchases(year))
    ((kept, authentic, with_any, purchases),) = year.rows(query)
    return {
        "inspection.received": _single(facts["received"]),
        "inspection.failed": _share(facts["failed_check"], seen, "no piece was appraised in the year"),
        "inspection.certificates": _single(facts["certified"]),
        "inspection.devices": _single(facts["inspected"]),
        "inspection.warranties": _single(facts["warranty"]),
        "inspection.promised": _share(kept, authentic, "no order with official authenticity was paid"),
        "inspection.coverage": _share(with_any, purchases, _NO_PURCHASE),
    }


def holds(year: Year) -> bool:
    """Whether the ledger has anything to tell of a year."""
    days = (
        _o.paid_day,
        REFUNDS.c.completed_day,
        REFUNDS.c.ended_day,
        CLAIMS.c.filed_day,
        DAYS.c.day,
        PENALTIES.c.imposed_day,
        FUND.c.day,
    )
    return any(year.connection.execute(select(day).where(year.within(day)).limit(1)).first() for day in days)


def totals(figure: Figure, values: Values) -> Iterable[tuple[Row, Value]]:
    """The values in order of their names; where they are divided, what they come to comes last."""
    yield from sorted(values.items())
    if not figure.by:
        return
    if not values and figure.unit == "count":
        yield Row(), Value(0)
    sums: dict[str, tuple[int, int]] = {}
    for row, value in values.items():
        amount, whole = sums.get(row.currency, (0, 0))
        sums[row.currency] = amount + value.amount, whole + (value.whole or 0)
    for currency, (amount, whole) in sorted(sums.items()):
        yield Row("", currency), Value(amount, whole if figure.unit == "share" else None)


# name                        unit     by          title, and what it means
SECTIONS: tuple[Section, ...] = (
    Section("orders", "Orders", _orders, (
        Figure("orders.paid", "count", "", "paid orders",
               "Orders paid in the year, neither voided nor cancelled: the purchases."),
        Figure("orders.covered", "share", "", "covered orders",
               "Purchases of which at least one line carries a benefit, of all purchases."),
        Figure("orders.voided", "count", "", "orders struck",
               "Orders paid in the year and voided since: brushing, deals off the platform."),
        Figure("sales.paid", "money", "", "sales",
               "What cash and coupons paid for the purchases."),
        Figure("sales.own_shop_orders", "share", "", "own-shop orders",
               "Purchases in a live session held for the order's own shop, of those whose session is known."),
        Figure("sales.own_shop", "share", "", "own-shop sales",
               "The same by what was paid."),
    )),
    Section("repurchase", "Repurchase", _repurchase, (
        Figure("buyers.purchasing", "count", "", "buyers", "Known buyers with a purchase in the year."),
        Figure("buyers.new", "count", "", "new buyers", "Those of them who never bought before."),
        Figure("repurchase.buyers", "share", "", "buyers who came back",
               "Buyers with two or more purchases, of those with one or more."),
        Figure("repurchase.same_shop", "share", "", "buyers who came back to the same shop",
               "Pairs of a buyer and a shop with two or more purchases, of those with one or more."),
        Figure("repurchase.shops", "share", "", "shops to which a buyer came back",
               "Shops with a buyer who bought there twice or more, of shops with a known buyer."),
        Figure("repurchase.new_buyers", "share", "", "new buyers who came back",
               "New buyers with two or more purchases in the year, of all new buyers."),
    )),
    Section("disputes", "Disputes", _disputes, (
        Figure("disputes.orders", "share", "", "disputed orders",
               "Purchases with a refund refused or escalated, a claim contested or appealed, a chargeback."),
        Figure("disputes.intervened", "share", "", "orders in which the platform stepped in",
               "Purchases with a refund escalated, or a claim decided after it was contested or appealed."),
    )),
    Section("after-sales", "Refunds and after-sales", _after_sales, (
        Figure("refunds.completed", "count", "", "refunds", "Refunds completed in the year."),
        Figure("refunds.cash", "money", "", "refunded", "The cash that they gave back."),
        Figure("refunds.time_median", "time", "", "time to the money, median",
               "From the request until the buyer has the money, advanced or complete: half took no longer."),
        Figure("refunds.time_p90", "time", "", "time to the money, nine of ten",
               "The same: nine of ten took no longer."),
        Figure("aftersales.time_median", "time", "", "after-sales handling, median",
               "From the request until the refund is complete, refused or closed: half took no longer."),
        Figure("aftersales.time_p90", "time", "", "after-sales handling, nine of ten",
               "The same: nine of ten took no longer."),
    )),
    Section("dispatch", "Dispatch", _dispatch, (
        Figure("dispatch.late", "share", "", "late dispatch",
               "Purchases of which units left late, of those with a promised time."),
        Figure("dispatch.fake", "share", "", "fake dispatch",
               "Purchases with a waybill behind which no parcel moved."),
    )),
    Section("claims", "Claims", _claims, (
        Figure("claims.filed", "count", "benefit", "claims filed", "Claims filed in the year."),
        Figure("claims.upheld", "share", "benefit", "claims upheld",
               "Claims upheld wholly or in part, of those that are decided."),
        Figure("claims.withdrawn", "count", "benefit", "claims withdrawn", "Claims that were given up."),
        Figure("claims.open", "count", "benefit", "claims open", "Claims that nobody has decided yet."),
        Figure("claims.compensation", "money", "benefit", "compensation decided",
               "What is decided for them beside refunds."),
    )),
    Section("payouts", "Payouts", _payouts, (
        Figure("payouts.funded", "money", "payer", "compensation funded",
               "Who bore what became the buyers' in the year; `incident` is the fund's reserve for one."),
        Figure("payouts.given_back", "money", "payer", "given back to payers",
               "What returned to them of it: payouts cancelled or recovered from buyers."),
        Figure("payouts.sent", "money", "cause", "paid to buyers",
               "What the bank was told to pay, less what failed."),
        Figure("payouts.payments", "count", "cause", "payments", "How many payments that were."),
    )),
    Section("fund", "Pet fund", _fund, (
        Figure("fund.opening", "money", "", "at the beginning", "What the fund held when the year began."),
        Figure("fund.in", "money", "source", "came in", "What came into it."),
        Figure("fund.out", "money", "use", "went out", "What it was spent on."),
        Figure("fund.closing", "money", "", "at the end", "What it held when the year was over."),
    )),
    Section("penalties", "Penalties", _penalties, (
        Figure("penalties.imposed", "count", "party", "penalties imposed", "Penalties imposed in the year."),
        Figure("penalties.fines", "money", "party", "fines", "Their fines as they were imposed."),
        Figure("penalties.points", "count", "party", "points", "Their points."),
        Figure("penalties.measures", "count", "measure", "measures", "What they demand beside money."),
        Figure("penalties.overturned", "share", "party", "overturned since",
               "Those that an appeal has struck, of those imposed."),
    )),
    Section("appeals", "Appeals", _appeals, (
        Figure("appeals.filed", "count", "instance", "appeals against penalties", "Filed in the year."),
        Figure("appeals.rulings", "count", "outcome", "rulings", "How appeals were decided in the year."),
        Figure("appeals.won", "share", "", "appeals won",
               "Rulings that varied or overturned the penalty, of all rulings."),
        Figure("claim_appeals.filed", "count", "side", "appeals against claims decided",
               "Filed in the year by the buyer or the shop."),
        Figure("claim_appeals.rulings", "count", "outcome", "their rulings", "How they were decided."),
    )),
    Section("order-kept", "Bans, gangs, brushing", _order_kept, (
        Figure("bans.shops", "count", "", "shops banned", "Different shops banned in the year."),
        Figure("bans.hosts", "count", "", "hosts banned", "Different hosts banned in the year."),
        Figure("gangs.punished", "count", "", "gangs", "Different gangs with a penalty that stands."),
        Figure("gangs.accounts", "count", "", "accounts removed",
               "Accounts removed in the year; one that another gang lost before counts no second time."),
        Figure("gangs.accounts_again", "count", "", "accounts found in another gang",
               "Accounts removed that had been removed with another gang before."),
        Figure("leads.referred", "count", "", "leads referred", "Findings handed to authorities."),
        Figure("cases.linked", "count", "", "cases linked", "Cases of authorities that belong to penalties."),
        Figure("brushing.intercepted", "count", "", "fake orders stopped",
               "The counts reported for the days of the year, the last one of each day."),
    )),
    Section("cards", "Trust card", _cards, (
        Figure("cards.issued", "count", "", "cards issued", "Trust cards issued in the year."),
        Figure("cards.uptake", "share", "", "buyers with a card",
               "Buyers with a card when the year ended, of known buyers with a purchase in it."),
    )),
    Section("inspection", "Inspection", _inspection, (
        Figure("inspection.received", "count", "", "pieces received", "Pieces that came to a lab."),
        Figure("inspection.failed", "share", "", "pieces that failed", "Of the pieces that were appraised."),
        Figure("inspection.certificates", "count", "", "certificates", "Certificates issued."),
        Figure("inspection.devices", "count", "", "devices inspected", "Used devices inspected."),
        Figure("inspection.warranties", "count", "", "warranties", "Device warranties that began."),
        Figure("inspection.promised", "share", "", "authenticity kept",
               "Purchases with a piece appraised, of those that carry official authenticity."),
        Figure("inspection.coverage", "share", "", "inspection coverage",
               "Purchases with a piece appraised, of all purchases."),
    )),
)  # fmt: skip
"""The one table behind the report, its JSON, its page and its documentation."""

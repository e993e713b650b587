"""The figures of the trust report once more, in SQL over the decoded facts and the transfers: no fold of ours.

The facts stand in a table of a scratch SQLite as JSON. Every statement answers subject, currency, amount, whole.
"""

import sqlite3
from datetime import date, timedelta
from typing import Any

import msgspec

from ledger.books import NOW, Clocks
from ledger.codec import plain
from ledger.store.database import Database
from tests.projections.story import log_of

Found = dict[tuple[str, str], tuple[int, int | None]]

_TABLES = """
CREATE TABLE f (position INTEGER PRIMARY KEY, id TEXT, topic TEXT, at INTEGER, day TEXT, j TEXT);
CREATE INDEX f_topic ON f (topic, id);
CREATE TABLE t (position INTEGER, debit TEXT, credit TEXT, currency TEXT, amount INTEGER);
"""

_VIEWS = """
CREATE TABLE purchases AS
SELECT paid.id, paid.day, substr(paid.day, 1, 4) AS year, paid.j ->> 'currency' AS currency,
       coalesce((SELECT j ->> 'buyer' FROM f WHERE topic = 'order-amended' AND id = paid.id
                 ORDER BY position DESC LIMIT 1), placed.j ->> 'buyer', '') AS buyer, coalesce(placed.j ->> 'shop', '') AS shop,
       coalesce(placed.j ->> 'session', '') AS session,
       (coalesce(amended.j, paid.j) ->> 'cash') + (coalesce(amended.j, paid.j) ->> 'coupon') AS paid,
       EXISTS (SELECT 1 FROM f WHERE f.topic = 'order-voided' AND f.id = paid.id) AS voided,
       EXISTS (SELECT 1 FROM f WHERE f.topic = 'order-cancelled' AND f.id = paid.id) AS cancelled
FROM f AS paid
LEFT JOIN f AS placed ON placed.topic = 'order-placed' AND placed.id = paid.id
LEFT JOIN f AS amended ON amended.position =
     (SELECT max(position) FROM f WHERE topic = 'order-amended' AND id = paid.id AND position > paid.position)
WHERE paid.topic = 'order-paid';

CREATE TABLE p AS SELECT * FROM purchases WHERE NOT voided AND NOT cancelled;
CREATE INDEX p_id ON p (id);
CREATE TABLE y AS SELECT * FROM p WHERE year = :year;
CREATE TABLE first_bought AS SELECT buyer, min(year) AS year FROM p WHERE buyer <> '' GROUP BY buyer;

CREATE TABLE quarrels AS
SELECT DISTINCT requested.j ->> 'order' AS id
FROM f AS requested JOIN f AS bad ON bad.id = requested.id AND bad.topic IN ('refund-refused', 'refund-escalated')
WHERE requested.topic = 'refund-requested'
UNION
SELECT filed.j ->> 'order' FROM f AS filed
JOIN f AS bad ON bad.id = filed.id AND bad.topic IN ('claim-contested', 'claim-appealed')
WHERE filed.topic = 'claim-filed'
UNION
SELECT id FROM f WHERE topic = 'order-charged-back' AND j ->> 'amount' > 0;

CREATE TABLE stepped_in AS
SELECT DISTINCT requested.j ->> 'order' AS id
FROM f AS requested JOIN f AS up ON up.id = requested.id AND up.topic = 'refund-escalated'
WHERE requested.topic = 'refund-requested'
UNION
SELECT filed.j ->> 'order' FROM f AS filed
WHERE filed.topic = 'claim-filed' AND EXISTS (
    SELECT 1 FROM f AS bad JOIN f AS decided ON decided.id = bad.id AND decided.position > bad.position
    WHERE bad.id = filed.id AND bad.topic IN ('claim-contested', 'claim-appealed')
    AND decided.topic IN ('claim-upheld', 'claim-rejected', 'claim-appeal-decided'));

CREATE TABLE completed AS
SELECT * FROM f AS done WHERE topic = 'refund-completed' AND NOT EXISTS (
    SELECT 1 FROM f AS undone WHERE undone.topic = 'correction-recorded'
    AND undone.j ->> 'position' = done.position);

CREATE TABLE money AS
SELECT id, min(at) AS at, day FROM (
    SELECT id, at, day FROM completed
    UNION ALL SELECT id, at, day FROM f WHERE topic = 'instant-refund-advanced')
GROUP BY id;

CREATE TABLE handled AS
SELECT id, at, day FROM completed
UNION ALL
SELECT id, at, day FROM f WHERE position IN (
    SELECT max(position) FROM f WHERE topic IN ('refund-refused', 'refund-closed')
    AND id NOT IN (SELECT id FROM completed) GROUP BY id);

CREATE TABLE decided AS
SELECT filed.id, filed.day, filed.j ->> 'benefit' AS benefit, filed.j ->> 'currency' AS currency,
       coalesce((SELECT CASE topic WHEN 'claim-upheld' THEN 'won' WHEN 'claim-withdrawn' THEN 'withdrawn' ELSE 'lost' END
                 FROM f WHERE f.id = filed.id AND (topic IN ('claim-upheld', 'claim-rejected', 'claim-withdrawn')
                 OR topic = 'claim-appeal-decided' AND j ->> 'outcome' = 'overturned')
                 ORDER BY position DESC LIMIT 1), 'open') AS what,
       coalesce((SELECT coalesce(j ->> 'left', j ->> 'decided') FROM f
                 WHERE f.id = filed.id AND topic IN ('claim-upheld', 'compensation-cancelled')
                 ORDER BY position DESC LIMIT 1), 0) AS compensation
FROM f AS filed WHERE topic = 'claim-filed';

CREATE TABLE imposed AS
SELECT id, j ->> 'party' AS party, j ->> 'currency' AS currency, j ->> 'fine' AS fine, j ->> 'points' AS points, j,
       coalesce((SELECT topic = 'penalty-overturned' FROM f AS ruling WHERE ruling.id = penalty.id
        AND topic IN ('penalty-overturned', 'penalty-varied', 'appeal-denied') AND j ->> 'marks' NOT LIKE '%superseded%'
        ORDER BY position DESC LIMIT 1), 0) AS overturned
FROM f AS penalty WHERE topic = 'penalty-imposed' AND day LIKE :year || '%';

CREATE TABLE live AS
SELECT y.*, begun.j ->> 'shop' AS own FROM y JOIN f AS begun ON begun.topic = 'session-begun' AND begun.id = y.session;

CREATE TABLE stopped AS
SELECT j ->> 'count' AS count FROM f WHERE id LIKE :year || '%'
AND position IN (SELECT max(position) FROM f WHERE topic = 'brushing-intercepted' GROUP BY id);

CREATE TABLE seen AS SELECT DISTINCT id FROM f WHERE topic = 'item-appraised';
"""

_TIME = """
WITH took AS (SELECT (ended.at - asked.at) AS us FROM {table} AS ended
    JOIN f AS asked ON asked.topic = 'refund-requested' AND asked.id = ended.id
    WHERE ended.day LIKE :year || '%' AND ended.at > asked.at),
ranked AS (SELECT us, row_number() OVER (ORDER BY us) AS place, count(*) OVER () AS n FROM took)
SELECT '', '', min(us) / 1000000, max(n) FROM ranked WHERE place * 100 >= n * {per_cent} HAVING count(*)
"""


def _events(topic: str, subject: str = "''", of: str = "count(*)", more: str = "") -> str:
    """How many facts of a topic the year has, by subject."""
    return f"SELECT {subject}, '', {of}, NULL FROM f WHERE topic = '{topic}' AND day LIKE :year || '%'{more} GROUP BY 1"  # noqa: S608


def _share(of: str, table: str = "y", more: str = "") -> str:
    """How many rows of a table meet a condition, of all."""
    return f"SELECT '', '', sum({of}), count(*) FROM {table} {more} HAVING count(*)"  # noqa: S608


_BY_BUYER = "(SELECT count(*) AS n FROM y WHERE buyer <> '' GROUP BY buyer)"
_BY_PAIR = "(SELECT shop, count(*) AS n FROM y WHERE buyer <> '' GROUP BY shop, buyer)"
_NEW = """(SELECT count(*) AS n FROM y JOIN first_bought ON first_bought.buyer = y.buyer AND first_bought.year = :year
    GROUP BY y.buyer)"""
_OF_FUND = """SELECT '', currency, sum(CASE WHEN credit = 'pet_fund' THEN amount ELSE -amount END), NULL
    FROM t JOIN f USING (position) WHERE 'pet_fund' IN (debit, credit) AND substr(day, 1, 4) {sign} :year
    GROUP BY currency"""
_THROUGH_FUND = """SELECT topic, currency, sum(amount), NULL FROM t JOIN f USING (position)
    WHERE {side} = 'pet_fund' AND day LIKE :year || '%' GROUP BY topic, currency"""
_TO_BUYERS = """SELECT CASE WHEN topic LIKE 'incident%' THEN 'incident' ELSE 'claim' END, {currency},
    sum(CASE WHEN credit = 'bank' THEN {amount} ELSE -{amount} END), NULL FROM t JOIN f USING (position)
    WHERE 'bank' IN (debit, credit) AND (debit LIKE 'buyer_payable:%' OR credit LIKE 'buyer_payable:%')
    AND day LIKE :year || '%' GROUP BY 1, 2"""
_PAYER = """CASE substr({side}, 1, instr({side} || ':', ':') - 1) WHEN 'order_escrow' THEN 'escrow'
    WHEN 'shop_payable' THEN 'payable' WHEN 'shop_deposit' THEN 'deposit' WHEN 'lab_payable' THEN 'lab'
    WHEN 'pet_fund' THEN 'fund' WHEN 'platform_backstop' THEN 'backstop' WHEN 'pet_fund_reserved' THEN 'incident'
    ELSE substr({side}, 1, instr({side} || ':', ':') - 1) END"""
_CLAIMS = "FROM decided WHERE day LIKE :year || '%' GROUP BY benefit"

SQL: dict[str, str] = {
    "orders.paid": "SELECT '', '', count(*), NULL FROM y",
    "orders.covered": _share("id IN (SELECT j ->> 'order' FROM f WHERE topic = 'coverage-attached')"),
    "orders.voided": "SELECT '', '', count(*), NULL FROM purchases WHERE voided AND year = :year",
    "sales.paid": "SELECT '', currency, sum(paid), NULL FROM y GROUP BY currency",
    "sales.own_shop_orders": _share("own = shop", "live"),
    "sales.own_shop": "SELECT '', currency, sum(paid * (own = shop)), sum(paid) FROM live GROUP BY currency HAVING sum(paid)",
    "buyers.purchasing": "SELECT '', '', count(DISTINCT buyer), NULL FROM y WHERE buyer <> ''",
    "buyers.new": "SELECT '', '', count(*), NULL FROM first_bought WHERE year = :year",
    "repurchase.buyers": _share("n > 1", _BY_BUYER),
    "repurchase.same_shop": _share("n > 1", _BY_PAIR),
    "repurchase.shops": _share("m > 1", f"(SELECT max(n) AS m FROM {_BY_PAIR} GROUP BY shop)"),  # noqa: S608
    "repurchase.new_buyers": _share("n > 1", _NEW),
    "disputes.orders": _share("id IN quarrels"),
    "disputes.intervened": _share("id IN stepped_in"),
    "refunds.completed": "SELECT '', '', count(*), NULL FROM completed WHERE day LIKE :year || '%'",
    "refunds.cash": "SELECT '', j ->> 'currency', sum(j ->> 'cash'), NULL FROM completed "
    "WHERE day LIKE :year || '%' GROUP BY 2",
    "refunds.time_median": _TIME.format(table="money", per_cent=50),
    "refunds.time_p90": _TIME.format(table="money", per_cent=90),
    "aftersales.time_median": _TIME.format(table="handled", per_cent=50),
    "aftersales.time_p90": _TIME.format(table="handled", per_cent=90),
    "dispatch.late": _share(
        "id IN (SELECT id FROM f WHERE topic = 'dispatch-overdue')",
        more="WHERE id IN (SELECT id FROM f WHERE topic = 'dispatch-promised')",
    ),
    "dispatch.fake": _share("id IN (SELECT id FROM f WHERE topic = 'fake-dispatch-found')"),
    "claims.filed": f"SELECT benefit, '', count(*), NULL {_CLAIMS}",
    "claims.upheld": f"SELECT benefit, '', sum(what = 'won'), sum(what IN ('won', 'lost')) {_CLAIMS} "
    "HAVING sum(what IN ('won', 'lost'))",
    "claims.withdrawn": f"SELECT benefit, '', sum(what = 'withdrawn'), NULL {_CLAIMS}",
    "claims.open": f"SELECT benefit, '', sum(what = 'open'), NULL {_CLAIMS}",
    "claims.compensation": f"SELECT benefit, currency, sum(compensation), NULL {_CLAIMS}, currency",
    "payouts.funded": f"SELECT {_PAYER.format(side='debit')}, currency, sum(amount), NULL FROM t JOIN f USING (position) "  # noqa: S608
    "WHERE topic IN ('claim-funded', 'incident-compensation-granted') AND day LIKE :year || '%' GROUP BY 1, 2",
    "payouts.given_back": f"SELECT {_PAYER.format(side='credit')}, currency, sum(amount), NULL FROM t JOIN f USING (position) "  # noqa: S608
    "WHERE topic IN ('compensation-cancelled', 'compensation-recovered') AND debit <> 'bank' "
    "AND day LIKE :year || '%' GROUP BY 1, 2",
    "payouts.sent": _TO_BUYERS.format(currency="currency", amount="amount"),
    "payouts.payments": _TO_BUYERS.format(currency="''", amount="1"),
    "fund.opening": _OF_FUND.format(sign="<"),
    "fund.in": _THROUGH_FUND.format(side="credit"),
    "fund.out": _THROUGH_FUND.format(side="debit"),
    "fund.closing": _OF_FUND.format(sign="<="),
    "penalties.imposed": "SELECT party, '', count(*), NULL FROM imposed GROUP BY party",
    "penalties.fines": "SELECT party, currency, sum(fine), NULL FROM imposed WHERE fine > 0 GROUP BY party, currency",
    "penalties.points": "SELECT party, '', sum(points), NULL FROM imposed GROUP BY party",
    "penalties.measures": "SELECT m.value ->> 'name', '', count(*), NULL FROM imposed, json_each(imposed.j, '$.measures') AS m "
    "GROUP BY 1",
    "penalties.overturned": "SELECT party, '', sum(overturned), count(*) FROM imposed GROUP BY party",
    "appeals.filed": _events("penalty-appealed", "j ->> 'instance'"),
    "appeals.rulings": "SELECT CASE topic WHEN 'appeal-denied' THEN 'denied' ELSE substr(topic, 9) END, '', count(*), NULL "
    "FROM f WHERE topic IN ('appeal-denied', 'penalty-varied', 'penalty-overturned') AND day LIKE :year || '%' GROUP BY 1",
    "appeals.won": _share("topic <> 'appeal-denied'", "f", "WHERE topic IN ('appeal-denied', 'penalty-varied', "
    "'penalty-overturned') AND day LIKE :year || '%'"),
    "claim_appeals.filed": _events("claim-appealed", "j ->> 'by'"),
    "claim_appeals.rulings": _events("claim-appeal-decided", "j ->> 'outcome'"),
    "bans.shops": _events("shop-banned", of="count(DISTINCT id)"),
    "bans.hosts": _events("host-banned", of="count(DISTINCT id)"),
    "gangs.punished": "SELECT '', '', count(DISTINCT j ->> 'party_id'), NULL FROM imposed WHERE party = 'gang' AND NOT overturned",
    "gangs.accounts": _events("account-removed", more=" AND NOT j ->> 'again'"),
    "gangs.accounts_again": _events("account-removed", more=" AND j ->> 'again'"),
    "leads.referred": _events("lead-referred"),
    "cases.linked": _events("case-linked"),
    "brushing.intercepted": "SELECT '', '', sum(count), NULL FROM stopped HAVING count(*)",
    "cards.issued": _events("card-issued"),
    "cards.uptake": "SELECT '', '', count(DISTINCT f.id), count(DISTINCT buyer) FROM y LEFT JOIN f "
    "ON f.topic = 'card-issued' AND f.id = buyer AND substr(f.day, 1, 4) <= :year WHERE buyer <> '' HAVING count(*)",
    "inspection.received": _events("item-received"),
    "inspection.failed": _share("topic = 'appraisal-failed'", "f", "WHERE topic IN ('appraisal-failed', 'appraisal-passed') "
    "AND day LIKE :year || '%'"),
    "inspection.certificates": _events("certificate-issued"),
    "inspection.devices": _events("device-inspected"),
    "inspection.warranties": _events("warranty-started"),
    "inspection.promised": _share("id IN seen", more="WHERE id IN (SELECT j ->> 'order' FROM f "
    "WHERE topic = 'coverage-attached' AND j ->> 'benefit' = 'official-authenticity')"),
    "inspection.coverage": _share("id IN seen"),
}  # fmt: skip
"""Every figure of the report. Where a figure is divided, what all come to is left out."""

_TRANSFERS = """SELECT position, debit.name, credit.name, debit.currency, amount FROM transfers
    JOIN accounts AS debit ON debit.number = transfers.debit JOIN accounts AS credit ON credit.number = transfers.credit"""


def figures(database: Database, year: int, clocks: Clocks = NOW) -> dict[str, Found]:
    """Every figure of a year by subject and currency, from the facts that both clocks have seen."""
    scratch = sqlite3.connect(":memory:")
    try:
        scratch.executescript(_TABLES)
        scratch.executemany("INSERT INTO f VALUES (?, ?, ?, ?, ?, ?)", _facts(database, clocks))
        with database.read() as connection:
            moved = [tuple(row) for row in connection.exec_driver_sql(_TRANSFERS)]
        scratch.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", moved)
        for statement in _VIEWS.split(";\n"):
            scratch.execute(statement, {"year": str(year)} if ":year" in statement else {})
        return {name: _found(scratch, query, year) for name, query in SQL.items()}
    finally:
        scratch.close()


def _facts(database: Database, clocks: Clocks) -> list[tuple[Any, ...]]:
    rows = []
    until, as_of = (2**62 if clock is None else clock for clock in (clocks.as_at, clocks.as_of))
    for told in log_of(database):
        at, offset = told.envelope.effective_at, told.envelope.offset
        day = date(1970, 1, 1) + timedelta(days=(at // 60_000_000 + offset) // 1440)
        body = msgspec.json.encode(plain(told.fact)).decode()
        if told.position <= until and at <= as_of:
            id_ = told.stream.partition("-")[2]
            rows.append((told.position, id_, told.fact.TOPIC, at, day.isoformat(), body))
    return rows


def _found(scratch: sqlite3.Connection, query: str, year: int) -> Found:
    named = {"year": str(year)} if ":year" in query else {}
    return {(row[0] or "", row[1] or ""): (row[2], row[3]) for row in scratch.execute(query, named)}

-- Who came back, by docs/trust-report.md and `assurance report returning-buyers`.
--
-- Asks for the table bought(buyer, shop, day): paid orders, '' for a buyer whom nobody knows, `day` a date; and for
-- the variable `year`.

CREATE TEMP VIEW returning_buyers AS
WITH buyers AS (
    SELECT count(*) AS orders, count(DISTINCT day) AS days FROM bought WHERE buyer <> '' GROUP BY buyer
)
SELECT
    count(*) AS buyers,
    count(*) FILTER (orders >= 2) AS returning_by_order,
    count(*) FILTER (days >= 2) AS returning_by_day
FROM buyers;

CREATE TEMP VIEW repurchase AS
WITH known AS (
    SELECT *, min(year(day)) OVER (PARTITION BY buyer) AS first FROM bought WHERE buyer <> ''
),
buyers AS (
    SELECT buyer, count(*) AS times, any_value(first) = getvariable('year') AS new
    FROM known WHERE year(day) = getvariable('year') GROUP BY buyer
),
pairs AS (
    SELECT shop, buyer, count(*) AS times FROM known WHERE year(day) = getvariable('year') GROUP BY ALL
),
shops AS (
    SELECT shop, max(times) AS times FROM pairs GROUP BY shop
)
SELECT 'orders.paid' AS figure, count(*) AS part, NULL AS whole FROM bought WHERE year(day) = getvariable('year')
UNION ALL SELECT 'buyers.purchasing', count(*), NULL FROM buyers
UNION ALL SELECT 'buyers.new', count(*) FILTER (new), NULL FROM buyers
UNION ALL SELECT 'repurchase.buyers', count(*) FILTER (times >= 2), count(*) FROM buyers
UNION ALL SELECT 'repurchase.same_shop', count(*) FILTER (times >= 2), count(*) FROM pairs
UNION ALL SELECT 'repurchase.shops', count(*) FILTER (times >= 2), count(*) FROM shops
UNION ALL SELECT 'repurchase.new_buyers', count(*) FILTER (new AND times >= 2), count(*) FILTER (new) FROM buyers;

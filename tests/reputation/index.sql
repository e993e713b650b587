-- The repeat-customer index from docs/reputation.md, in whole numbers from beginning to end.
--
-- Asks for the tables shops(shop, industry), days(day), purchases(shop, buyer, day), reviews(shop, day, quality,
-- service, logistics, content, welfare), votes(shop, day, worth), refunds(shop, number, day): those completed for a
-- reason of quality, `number` being that of the order or '', handled(shop, day, seconds), penalties(shop, day,
-- points). Days are numbers of local days since 1970.

CREATE TEMP TABLE metrics AS
SELECT * FROM (VALUES
    ('repeat_rate',     30, 1,  2500, FALSE, 1),
    ('praise_rate',     30, 1,  2500, FALSE, 1),
    ('dissatisfaction', 44, 15, 1750, TRUE,  2),
    ('quality_refunds', 44, 15,  750, TRUE,  3),
    ('handling_time',   44, 15,  750, TRUE,  4),
    ('service',         44, 15,  875, FALSE, 5),
    ('logistics',       44, 15,  875, FALSE, 6),
    ('content',         30, 1,  2500, FALSE, 7),
    ('welfare',         30, 1,  2500, FALSE, 7)
) AS m(metric, first, last, weight, inverted, place);   -- weight in ten-thousandths

-- Every shop on every day with the seven metrics of its industry and of the version in force.
CREATE TEMP TABLE asked AS
SELECT d.day, s.shop, s.industry, m.metric, m.weight, m.inverted, m.place
FROM days d CROSS JOIN shops s CROSS JOIN metrics m
WHERE CASE
    WHEN m.metric = 'repeat_rate'
        THEN s.industry NOT IN ('furniture', 'appliances', 'jewellery', 'cars', 'wedding')
    WHEN m.metric = 'praise_rate'
        THEN s.industry IN ('furniture', 'appliances', 'jewellery', 'cars', 'wedding')
    WHEN m.metric = 'content' THEN d.day < DATE '2022-04-08' - DATE '1970-01-01'
    WHEN m.metric = 'welfare' THEN d.day >= DATE '2022-04-08' - DATE '1970-01-01'
    ELSE TRUE
END;

CREATE TEMP TABLE counted AS
WITH bought AS (
    SELECT d.day, p.shop, p.buyer, count(*) AS times
    FROM days d JOIN purchases p ON p.day BETWEEN d.day - 30 AND d.day - 1
    WHERE p.buyer <> ''
    GROUP BY ALL
),
early AS (
    SELECT d.day AS of_day, r.* FROM days d JOIN reviews r ON r.day BETWEEN d.day - 30 AND d.day - 1
),
late AS (
    SELECT d.day AS of_day, r.* FROM days d JOIN reviews r ON r.day BETWEEN d.day - 44 AND d.day - 15
),
bad AS (
    SELECT of_day, shop, quality <= 3 AS bad FROM late WHERE quality > 0
    UNION ALL
    SELECT d.day, v.shop, NOT v.worth FROM days d JOIN votes v ON v.day BETWEEN d.day - 44 AND d.day - 15
),
given_back AS (
    SELECT d.day, r.shop, count(DISTINCT r.number) FILTER (r.number <> '') + count(*) FILTER (r.number = '') AS times
    FROM days d JOIN refunds r ON r.day BETWEEN d.day - 44 AND d.day - 15
    GROUP BY ALL
),
sold AS (
    SELECT d.day, p.shop, count(*) AS times
    FROM days d JOIN purchases p ON p.day BETWEEN d.day - 44 AND d.day - 15
    GROUP BY ALL
)
SELECT day, shop, 'repeat_rate' AS metric, count(*) FILTER (times >= 2)::HUGEINT AS numerator, count(*)::HUGEINT AS n
FROM bought GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'praise_rate', count(*) FILTER (quality >= 4), count(*)
FROM early WHERE quality > 0 GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'dissatisfaction', count(*) FILTER (bad), count(*) FROM bad GROUP BY ALL
UNION ALL
SELECT day, shop, 'quality_refunds', coalesce(g.times, 0), coalesce(s.times, 0)
FROM sold s FULL JOIN given_back g USING (day, shop)
UNION ALL
SELECT d.day, h.shop, 'handling_time', sum(h.seconds), count(*)
FROM days d JOIN handled h ON h.day BETWEEN d.day - 44 AND d.day - 15 GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'service', sum(service), count(*) FROM late WHERE service > 0 GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'logistics', sum(logistics), count(*) FROM late WHERE logistics > 0 GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'content', sum(content), count(*) FROM early WHERE content > 0 GROUP BY ALL
UNION ALL
SELECT of_day, shop, 'welfare', sum(welfare), count(*) FROM early WHERE welfare > 0 GROUP BY ALL;

-- The shrunk value is (numerator + 50 G) / (n + 50) with G = all / all_n, that is drawn / (all_n (n + 50)); among
-- peers all_n is the same for all. A shop without an observation takes part in nothing.
CREATE TEMP TABLE components AS
WITH filled AS (
    SELECT a.*, CASE WHEN c.n > 0 THEN c.numerator ELSE 0 END AS numerator, coalesce(c.n, 0) AS n
    FROM asked a LEFT JOIN counted c USING (day, shop, metric)
),
summed AS (
    SELECT
        *,
        sum(numerator) FILTER (n > 0) OVER peers AS peers,
        sum(n) OVER peers AS peers_n,
        count(*) FILTER (n > 0) OVER peers AS among
    FROM filled
    WINDOW peers AS (PARTITION BY day, industry, metric)
),
drawn AS (
    SELECT *, numerator * peers_n + 50 * peers AS drawn FROM summed
),
placed AS (
    SELECT
        a.day, a.shop, a.metric,
        count(*) FILTER (b.drawn * (a.n + 50) < a.drawn * (b.n + 50)) AS lower,
        count(*) FILTER (b.drawn * (a.n + 50) = a.drawn * (b.n + 50)) AS equal
    FROM drawn a JOIN drawn b USING (day, industry, metric)
    WHERE a.n > 0 AND b.n > 0
    GROUP BY ALL
)
SELECT
    d.day, d.shop, d.industry, d.metric, d.place, d.weight, d.numerator, d.n,
    coalesce(d.peers, 0) AS peers, d.peers_n, d.among, coalesce(p.lower, 0) AS lower, coalesce(p.equal, 0) AS equal,
    CASE WHEN d.n > 0 THEN d.drawn END AS shrunk,
    CASE WHEN d.n > 0 THEN d.peers_n * (d.n + 50) END AS shrunk_over,
    -- The percentile is rank / rank_over.
    CASE
        WHEN d.n = 0 THEN 50
        WHEN d.inverted THEN 100 * (2 * d.among - 2 * p.lower - p.equal)
        ELSE 100 * (2 * p.lower + p.equal)
    END::HUGEINT AS rank,
    CASE WHEN d.n = 0 THEN 1 ELSE 2 * d.among END::HUGEINT AS rank_over
FROM drawn d LEFT JOIN placed p USING (day, shop, metric);

-- All indexes of an industry on a day as whole numbers of one part: index / whole.
CREATE TEMP TABLE indexes AS
WITH parts AS (
    SELECT day, industry, list_reduce(list(DISTINCT rank_over), lambda a, b: lcm(a, b)) AS part
    FROM components GROUP BY ALL
),
taken AS (
    SELECT d.day, p.shop, least(20, sum(p.points)) AS deduction
    FROM days d JOIN penalties p ON p.day BETWEEN d.day - 30 AND d.day - 1
    GROUP BY ALL
),
sold AS (
    SELECT d.day, p.shop, count(*) AS orders
    FROM days d JOIN purchases p ON p.day BETWEEN d.day - 30 AND d.day - 1
    GROUP BY ALL
)
SELECT
    c.day, c.shop, c.industry,
    10000 * any_value(p.part)::HUGEINT AS whole,
    coalesce(any_value(t.deduction), 0) AS deduction,
    coalesce(any_value(s.orders), 0) AS orders,
    greatest(0, sum(c.weight * c.rank * (p.part // c.rank_over)) - any_value(coalesce(t.deduction, 0)) * whole) AS index
FROM components c
JOIN parts p USING (day, industry)
LEFT JOIN taken t USING (day, shop)
LEFT JOIN sold s USING (day, shop)
GROUP BY c.day, c.shop, c.industry;

-- Of the shops with 30 orders: their number, the sum of their indexes, and who stands below.
CREATE TEMP TABLE answers AS
WITH ranked AS (
    SELECT
        a.day, a.shop,
        count(*) AS among,
        sum(b.index) AS total,
        count(*) FILTER (b.index < a.index) AS lower,
        count(*) FILTER (b.index = a.index) AS equal
    FROM indexes a JOIN indexes b USING (day, industry)
    WHERE a.orders >= 30 AND b.orders >= 30
    GROUP BY ALL
)
SELECT
    i.day, i.shop, i.industry, i.orders, i.deduction, i.index, i.whole, coalesce(r.among, 0) AS ranked, r.total,
    (20 * i.index + i.whole) // (2 * i.whole) AS tenths,
    CASE
        WHEN i.orders < 30 THEN 'insufficient'
        WHEN i.index * among > total + 2 * whole * among AND 100 * (2 * lower + equal) >= 80 * 2 * among THEN 'leading'
        WHEN i.index * among > total + 2 * whole * among THEN 'above_average'
        WHEN i.index * among >= total - 2 * whole * among THEN 'on_par'
        ELSE 'behind'
    END AS label
FROM indexes i LEFT JOIN ranked r USING (day, shop);

-- The facts of a log as docs/reputation.md counts them: the tables that index.sql asks for.
--
-- Asks for the table facts(position, stream, topic, effective_at, minutes, body): microseconds UTC, the offset of the
-- local time, what the fact says as JSON. Only those are in it that both clocks have seen. The variables `reasons` and
-- `endings` are the lists of the formula by which a refund is one for a reason of quality.

CREATE TEMP TABLE said AS
SELECT
    position,
    split_part(stream, '-', 1) AS kind,
    substr(stream, 2 + length(split_part(stream, '-', 1))) AS id,
    topic,
    effective_at,
    floor((effective_at + minutes * 60_000_000) / 86_400_000_000)::BIGINT AS day,
    body
FROM facts;

CREATE TEMP TABLE orders AS
WITH named AS (
    SELECT
        *, body ->> 'shop' AS shop, body ->> 'buyer' AS buyer,
        (body ->> 'cash')::BIGINT + (body ->> 'coupon')::BIGINT AS sum
    FROM said WHERE kind = 'order'
)
SELECT
    id,
    arg_max(shop, position) FILTER (topic IN ('order-placed', 'order-amended')) AS shop,
    arg_max(buyer, position) FILTER (topic IN ('order-placed', 'order-amended')) AS buyer,
    min(day) FILTER (topic = 'order-paid') AS day,
    min(position) FILTER (topic = 'order-paid') AS position,
    arg_max(sum, position) FILTER (topic IN ('order-paid', 'order-amended')) AS sum,
    bool_or(topic = 'order-voided') AS voided,
    bool_or(topic = 'order-cancelled') AS cancelled
FROM named
GROUP BY id;

CREATE TEMP TABLE purchases AS
SELECT shop, buyer, day, position FROM orders WHERE day IS NOT NULL AND sum > 0 AND NOT voided AND NOT cancelled;

CREATE TEMP TABLE shops AS
WITH opened AS (
    SELECT id, body ->> 'industry' AS industry FROM said WHERE kind = 'shop' AND topic = 'shop-opened'
),
known AS (
    SELECT id AS shop FROM opened
    UNION
    SELECT body ->> 'shop' FROM said WHERE coalesce(body ->> 'shop', '') <> ''
)
SELECT shop, coalesce(industry, '') AS industry FROM known LEFT JOIN opened ON id = shop;

CREATE TEMP TABLE reviews AS
SELECT
    body ->> 'shop' AS shop, day, position,
    (body ->> 'quality')::INT AS quality, (body ->> 'service')::INT AS service,
    (body ->> 'logistics')::INT AS logistics, (body ->> 'content')::INT AS content, (body ->> 'welfare')::INT AS welfare
FROM said
WHERE topic = 'review-submitted'
    AND NOT json_contains(body -> 'marks', '"again"') AND NOT json_contains(body -> 'marks', '"not_the_buyer"')
    AND body ->> 'order' NOT IN (SELECT id FROM orders WHERE voided);

CREATE TEMP TABLE votes AS
SELECT body ->> 'shop' AS shop, day, position, (body ->> 'worth')::BOOLEAN AS worth
FROM said WHERE topic = 'worth-vote-cast' AND json_array_length(body -> 'marks') = 0;

CREATE TEMP TABLE all_refunds AS
WITH reversed AS (
    SELECT (body ->> 'position')::BIGINT AS position FROM said WHERE topic = 'correction-recorded'
),
steps AS (
    SELECT *, topic = 'refund-completed' AND position NOT IN (FROM reversed) AS completes FROM said WHERE kind = 'refund'
)
SELECT
    id,
    arg_max(body ->> 'shop', position) FILTER (topic IN ('refund-requested', 'refund-completed')) AS shop,
    arg_max(body ->> 'order', position) FILTER (topic IN ('refund-requested', 'refund-completed')) AS number,
    coalesce(any_value(body ->> 'reason') FILTER (topic = 'refund-requested'), '') AS reason,
    any_value(day) FILTER (completes) AS completed,
    any_value(position) FILTER (completes) AS completion,
    min(effective_at) FILTER (topic = 'refund-requested') AS requested_at,
    min(effective_at) FILTER (completes OR topic = 'refund-refused') AS handled_at,
    arg_min(day, effective_at) FILTER (completes OR topic = 'refund-refused') AS handled,
    arg_min(position, effective_at) FILTER (completes OR topic = 'refund-refused') AS handling
FROM steps
GROUP BY id
HAVING coalesce(number, '') NOT IN (SELECT id FROM orders WHERE voided);

CREATE TEMP TABLE refunds AS
WITH plain AS (SELECT *, lower(trim(reason, E' \t\n')) AS why FROM all_refunds WHERE completed IS NOT NULL)
SELECT shop, number, completed AS day, completion AS position
FROM plain
WHERE list_contains(getvariable('reasons'), why)
    OR list_bool_or(list_transform(getvariable('endings'), lambda ending: suffix(why, ending)));

CREATE TEMP TABLE handled AS
SELECT shop, handled AS day, handling AS position, (handled_at - requested_at) // 1_000_000 AS seconds
FROM all_refunds
WHERE handled_at >= requested_at;

-- Of all rulings on a penalty the last one counts: in the order of the source where it says one.
CREATE TEMP TABLE penalties AS
WITH sequenced AS (
    SELECT *, (body ->> 'sequence')::BIGINT AS sequence
    FROM said WHERE topic IN ('appeal-denied', 'penalty-overturned', 'penalty-varied')
),
latest AS (
    SELECT *, max(sequence) OVER (PARTITION BY id ORDER BY position) AS last FROM sequenced
),
rulings AS (
    SELECT id, arg_max(topic, position) AS ruling FROM latest WHERE sequence = 0 OR sequence = last GROUP BY id
)
SELECT body ->> 'party_id' AS shop, day, said.position, (body ->> 'points')::BIGINT AS points
FROM said LEFT JOIN rulings USING (id)
WHERE topic = 'penalty-imposed' AND body ->> 'party' = 'shop' AND ruling IS DISTINCT FROM 'penalty-overturned';

-- What the retail file holds, by country: the tables that index.sql asks for.

-- Pence are rounded half-up on the absolute value, line by line. The place of a document is that of its first line.
CREATE TEMP TABLE documents AS
WITH lines AS (
    SELECT
        file_row_number AS row,
        InvoiceNo AS number,
        replace(Country, ' ', '-') AS shop,
        coalesce(CustomerID::VARCHAR, '') AS buyer,
        InvoiceDate AS moment,
        Quantity::HUGEINT * unit_price_mils AS mils
    FROM read_parquet(getvariable('path'), file_row_number = TRUE)
)
SELECT
    number,
    CASE left(number, 1) WHEN 'C' THEN 'refund' WHEN 'A' THEN 'adjustment' ELSE 'sale' END AS kind,
    min(shop) AS shop,
    max(buyer) AS buyer,
    min(moment)::DATE - DATE '1970-01-01' AS day,
    sum(sign(mils) * ((abs(mils) + 5) // 10)) AS pence,
    min(row) AS place
FROM lines
GROUP BY number;

CREATE TEMP TABLE shops AS SELECT DISTINCT shop, '' AS industry FROM documents;
CREATE TEMP TABLE purchases AS SELECT shop, buyer, day FROM documents WHERE kind = 'sale' AND pence > 0;
CREATE TEMP TABLE refunds AS SELECT shop, '' AS number, day FROM documents WHERE kind = 'refund';
CREATE TEMP TABLE reviews(
    shop VARCHAR, day BIGINT, quality INT, service INT, logistics INT, content INT, welfare INT
);
CREATE TEMP TABLE votes(shop VARCHAR, day BIGINT, worth BOOLEAN);
CREATE TEMP TABLE handled(shop VARCHAR, day BIGINT, seconds HUGEINT);
CREATE TEMP TABLE penalties(shop VARCHAR, day BIGINT, points BIGINT);

-- What a shop is owed after each document, in the order of the file: what is below zero was advanced for it.
CREATE TEMP TABLE advances AS
WITH owed AS (
    SELECT *, sum(pence) OVER (PARTITION BY shop ORDER BY place) AS after
    FROM documents
    WHERE kind <> 'adjustment'
)
SELECT shop, number, greatest(0, -after) - greatest(0, pence - after) AS amount
FROM owed
WHERE kind = 'refund' AND after < 0;

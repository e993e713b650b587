-- The positions of the facts behind each figure of each shop, from the tables of facts.sql.

CREATE TEMP TABLE behind AS
WITH observed AS (
    SELECT shop, day, position, 'label' AS figure FROM purchases
    UNION ALL SELECT shop, day, position, 'repeat_rate' FROM purchases WHERE buyer <> ''
    UNION ALL SELECT shop, day, position, 'praise_rate' FROM reviews WHERE quality > 0
    UNION ALL SELECT shop, day, position, 'content' FROM reviews WHERE content > 0
    UNION ALL SELECT shop, day, position, 'welfare' FROM reviews WHERE welfare > 0
    UNION ALL SELECT shop, day, position, 'deduction' FROM penalties
    UNION ALL SELECT shop, day, position, 'quality_refunds' FROM purchases
    UNION ALL SELECT shop, day, position, 'quality_refunds' FROM refunds
    UNION ALL SELECT shop, day, position, 'dissatisfaction' FROM reviews WHERE quality > 0
    UNION ALL SELECT shop, day, position, 'dissatisfaction' FROM votes
    UNION ALL SELECT shop, day, position, 'handling_time' FROM handled
    UNION ALL SELECT shop, day, position, 'service' FROM reviews WHERE service > 0
    UNION ALL SELECT shop, day, position, 'logistics' FROM reviews WHERE logistics > 0
)
SELECT d.day, o.shop, o.figure, list_sort(list(o.position)) AS positions
FROM days d JOIN observed o
    ON CASE WHEN o.figure IN ('quality_refunds', 'dissatisfaction', 'handling_time', 'service', 'logistics')
        THEN o.day BETWEEN d.day - 44 AND d.day - 15
        ELSE o.day BETWEEN d.day - 30 AND d.day - 1
    END
GROUP BY ALL;

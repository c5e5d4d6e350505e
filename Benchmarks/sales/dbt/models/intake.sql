-- One reading of the text; typed values beside it, and whether a rule is broken.
{{ config(materialized='table') }}
SELECT *, order_id IS NULL OR order_id = '' OR product_id IS NULL OR product_id = ''
            OR quantity IS NOT NULL AND (TRY_CAST(quantity AS DOUBLE) = number) IS NOT TRUE OR coalesce(number < 0, false)
            OR price IS NOT NULL AND amount IS NULL OR coalesce(amount < 0, false) OR instant IS NULL AS is_bad
FROM (SELECT *, TRY_CAST(quantity AS BIGINT) AS number, TRY_CAST(price AS DOUBLE) AS amount, TRY_CAST(order_date AS TIMESTAMP) AS instant
      FROM read_csv('sales.csv', header = true, all_varchar = true, nullstr = ''))

-- The sales job as one script for one DuckDB process, as fast as we know how to write it. It writes the files that Caudal's stages
-- write: valid, clean and enriched rows in the order of the source, and a quarantine with one row for each broken rule. It knows
-- what Caudal does not: that every date has one form, that the file has no malformed line, and that nobody stops it halfway.
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p out

-- One reading of the text; the fields of invalid rows are kept as they are.
CREATE TEMP TABLE intake AS
SELECT CASE WHEN length(order_id) >= 1 AND length(product_id) >= 1
              AND (text_of_quantity IS NULL OR quantity >= 0 AND quantity = TRY_CAST(text_of_quantity AS DOUBLE))
              AND (text_of_price IS NULL OR price >= 0)
              AND order_date IS NOT NULL
            THEN NULL ELSE [order_id, product_id, text_of_quantity, text_of_price, region, text_of_date] END AS bad,
       order_id, product_id, quantity, price, region, order_date
FROM (SELECT order_id, product_id, region, quantity AS text_of_quantity, price AS text_of_price, order_date AS text_of_date,
             TRY_CAST(quantity AS BIGINT) AS quantity, TRY_CAST(price AS DOUBLE) AS price,
             TRY_CAST(order_date AS TIMESTAMP) AS order_date
      FROM read_csv('sales.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
                    columns = {'order_id': 'VARCHAR', 'product_id': 'VARCHAR', 'quantity': 'VARCHAR', 'price': 'VARCHAR',
                               'region': 'VARCHAR', 'order_date': 'VARCHAR'}));

COPY (
SELECT 'sales.csv' AS file, "row", "row" + 1 AS line, v."column" AS "column", v.rule AS rule, v.value AS value, raw
FROM (SELECT rowid + 1 AS "row",
             CAST(to_json({'order_id': bad[1], 'product_id': bad[2], 'quantity': bad[3], 'price': bad[4], 'region': bad[5],
                           'order_date': bad[6]}) AS VARCHAR) AS raw,
             unnest([
               CASE WHEN bad[1] IS NULL THEN {'column': 'order_id', 'rule': 'required', 'value': bad[1]} END,
               CASE WHEN bad[1] = '' THEN {'column': 'order_id', 'rule': 'minLength: 1', 'value': bad[1]} END,
               CASE WHEN bad[2] IS NULL THEN {'column': 'product_id', 'rule': 'required', 'value': bad[2]} END,
               CASE WHEN bad[2] = '' THEN {'column': 'product_id', 'rule': 'minLength: 1', 'value': bad[2]} END,
               CASE WHEN bad[3] IS NOT NULL AND (TRY_CAST(bad[3] AS DOUBLE) = TRY_CAST(bad[3] AS BIGINT)) IS NOT TRUE
                    THEN {'column': 'quantity', 'rule': 'type: integer', 'value': bad[3]} END,
               CASE WHEN TRY_CAST(bad[3] AS DOUBLE) = TRY_CAST(bad[3] AS BIGINT) AND TRY_CAST(bad[3] AS BIGINT) < 0
                    THEN {'column': 'quantity', 'rule': 'minimum: 0', 'value': bad[3]} END,
               CASE WHEN bad[4] IS NOT NULL AND TRY_CAST(bad[4] AS DOUBLE) IS NULL
                    THEN {'column': 'price', 'rule': 'type: number', 'value': bad[4]} END,
               CASE WHEN TRY_CAST(bad[4] AS DOUBLE) < 0 THEN {'column': 'price', 'rule': 'minimum: 0', 'value': bad[4]} END,
               CASE WHEN bad[6] IS NULL THEN {'column': 'order_date', 'rule': 'required', 'value': bad[6]} END,
               CASE WHEN bad[6] IS NOT NULL AND TRY_CAST(bad[6] AS TIMESTAMP) IS NULL
                    THEN {'column': 'order_date', 'rule': 'format: date-time', 'value': bad[6]} END
             ]) AS v
      FROM intake WHERE bad IS NOT NULL)
WHERE v IS NOT NULL
ORDER BY "row", "column" NULLS FIRST, rule
) TO 'out/quarantine.parquet' (FORMAT parquet);

COPY (SELECT * EXCLUDE bad FROM intake WHERE bad IS NULL) TO 'out/valid.parquet' (FORMAT parquet);

-- The rows that repeat a key, as a set of their numbers.
CREATE TEMP TABLE dropped AS
WITH again AS (SELECT order_id, min(rowid) AS kept FROM intake WHERE bad IS NULL GROUP BY order_id HAVING count(*) > 1)
SELECT intake.rowid AS "row" FROM intake JOIN again USING (order_id) WHERE bad IS NULL AND intake.rowid <> kept;
SET VARIABLE last = (SELECT coalesce(max("row"), -1) FROM dropped);
SET VARIABLE dropped = (SELECT bitstring_agg("row", 0, getvariable('last')) FROM dropped);
CREATE TEMP VIEW clean AS
SELECT order_id, product_id, coalesce(quantity, 0) AS quantity, coalesce(price, 0.0::DOUBLE) AS price, region, order_date,
       CAST(coalesce(quantity, 0) * coalesce(price, 0.0::DOUBLE) AS DOUBLE) AS total
FROM intake
WHERE bad IS NULL AND (rowid > getvariable('last') OR get_bit(getvariable('dropped'), CAST(rowid AS INTEGER)) = 0);
COPY (FROM clean) TO 'out/clean.parquet' (FORMAT parquet);

-- The catalog as lists, found by the place of a product in an enumeration: a lookup that keeps the order of the rows.
CREATE TEMP TABLE catalog AS
FROM read_csv('catalog.csv', header = true, columns = {'product_id': 'VARCHAR', 'product_name': 'VARCHAR', 'category': 'VARCHAR'});
SELECT CASE WHEN count(*) > count(DISTINCT product_id) THEN error('the catalog has a product twice') END FROM catalog;
CREATE TYPE product AS ENUM (SELECT product_id FROM catalog);
SET VARIABLE names = (SELECT list(product_name ORDER BY CAST(product_id AS product)) FROM catalog);
SET VARIABLE categories = (SELECT list(category ORDER BY CAST(product_id AS product)) FROM catalog);
COPY (
SELECT * EXCLUDE place,
       CASE WHEN place IS NULL THEN 'unknown' ELSE getvariable('names')[place] END AS product_name,
       CASE WHEN place IS NULL THEN 'unknown' ELSE getvariable('categories')[place] END AS category
FROM (SELECT *, CAST(enum_code(TRY_CAST(product_id AS product)) AS INTEGER) + 1 AS place FROM clean)
) TO 'out/enriched.parquet' (FORMAT parquet);

SELECT count(*) AS "rows", count(order_id) - count(DISTINCT order_id) AS repeated, count(total) / count(*) AS complete,
       count_if(quantity < 0) AS negative, count_if(region NOT IN ('north', 'south', 'east', 'west', 'center')) AS elsewhere
FROM 'out/enriched.parquet';

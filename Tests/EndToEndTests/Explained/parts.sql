-- everything / parts: 2 steps on valid
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'out/parts'

-- Values
SET VARIABLE "item_region" = 'north';

-- 1. count the rows of the input
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM (WITH
  -- rows of this item
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE "region" IS NOT DISTINCT FROM getvariable('item_region')
  )
SELECT 1
FROM "#caudal.step_1")) AS BIGINT) AS value;

-- 2. find the keys that several rows have
CREATE TEMP TABLE "#caudal.duplicates_1" AS
SELECT "id", min("#caudal.row") AS "#caudal.kept"
FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1;

-- 3. find the rows to drop
CREATE TEMP TABLE "#caudal.dropped_1" AS
SELECT rows."#caudal.row" AS "row"
FROM (
WITH
  -- rows of this item
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE "region" IS NOT DISTINCT FROM getvariable('item_region')
  )
SELECT "id", "#caudal.row"
FROM "#caudal.step_1"
) AS rows JOIN "#caudal.duplicates_1" AS again
  ON rows."id" = again."id" AND rows."#caudal.row" <> again."#caudal.kept";

-- 4. note the last of them
SET VARIABLE dropped_last_1 = (SELECT max("row") FROM "#caudal.dropped_1");

-- 5. note them as a set
SET VARIABLE dropped_set_1 = (SELECT bitstring_agg("row", 0, getvariable('dropped_last_1')) FROM "#caudal.dropped_1");

-- 6. count the rows after: deduplicate by id, keep the first
SELECT 'count' AS caudal, 'after_0' AS name, CAST((SELECT count(*) FROM (
WITH
  -- rows of this item
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE "region" IS NOT DISTINCT FROM getvariable('item_region')
  ),
  -- deduplicate by id, keep the first
  "#caudal.step_2" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM "#caudal.step_1"
    WHERE (getvariable('dropped_set_1') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_1') THEN get_bit(getvariable('dropped_set_1'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  )
SELECT 1
FROM "#caudal.step_2"
)) AS BIGINT) AS value;

-- 7. write the result
COPY (
WITH
  -- rows of this item
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE "region" IS NOT DISTINCT FROM getvariable('item_region')
  ),
  -- deduplicate by id, keep the first
  "#caudal.step_2" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM "#caudal.step_1"
    WHERE (getvariable('dropped_set_1') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_1') THEN get_bit(getvariable('dropped_set_1'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  ),
  -- sql
  "#caudal.step_3" AS (
    WITH input AS (SELECT "id", "region", "price", "day" FROM "#caudal.step_2")
    SELECT "id", "region", "price", "day" FROM (
    select * from input
    )
  )
SELECT "id", "region", "price", CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END AS "day"
FROM "#caudal.step_3"
) TO 'out/parts/north.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- 8. measure 0 checks in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows"
FROM read_csv('out/parts/north.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'});

-- 9. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows"
WHERE FALSE;

-- 10. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 11. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_csv('out/parts/north.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'});

-- 12. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input where region <> getvariable('item_region')
));

-- 13. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_csv('out/parts/north.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) AS t0;

-- 14. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 15. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where region <> getvariable('item_region')
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

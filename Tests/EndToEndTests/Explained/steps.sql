-- everything / steps: 13 steps on valid
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'out'

-- Values
SET VARIABLE "param_least" = CAST('1' AS BIGINT);
SET VARIABLE "param_day" = 'north';
SET VARIABLE "param_Day#6" = CAST('2026-11-23' AS DATE);

-- 1. name measures for queries
CREATE TEMP VIEW "measures" AS
SELECT * FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 2. count the rows of the input
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM (SELECT 1
FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false)))) AS BIGINT) AS value;

-- 3. find the keys that several rows have
CREATE TEMP TABLE "#caudal.duplicates_1" AS
SELECT "id", arg_max("#caudal.row", {'there': "day" IS NOT NULL, 'value': "day", 'row': "#caudal.row"}) AS "#caudal.kept"
FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1;

-- 4. find the rows to drop
CREATE TEMP TABLE "#caudal.dropped_1" AS
SELECT rows."#caudal.row" AS "row"
FROM (
SELECT "id", "#caudal.row"
FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
) AS rows JOIN "#caudal.duplicates_1" AS again
  ON rows."id" = again."id" AND rows."#caudal.row" <> again."#caudal.kept";

-- 5. note the last of them
SET VARIABLE dropped_last_1 = (SELECT max("row") FROM "#caudal.dropped_1");

-- 6. note them as a set
SET VARIABLE dropped_set_1 = (SELECT bitstring_agg("row", 0, getvariable('dropped_last_1')) FROM "#caudal.dropped_1");

-- 7. count the rows after: deduplicate by id, keep the last by day
SELECT 'count' AS caudal, 'after_0' AS name, CAST((SELECT count(*) FROM (
WITH
  -- deduplicate by id, keep the last by day
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE (getvariable('dropped_set_1') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_1') THEN get_bit(getvariable('dropped_set_1'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  )
SELECT 1
FROM "#caudal.step_1"
)) AS BIGINT) AS value;

-- 8. count the rows after: filter
SELECT 'count' AS caudal, 'after_3' AS name, CAST((SELECT count(*) FROM (
WITH
  -- deduplicate by id, keep the last by day
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE (getvariable('dropped_set_1') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_1') THEN get_bit(getvariable('dropped_set_1'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  ),
  -- fill missing region
  "#caudal.step_2" AS (
    SELECT "id",
           coalesce("region", CAST('nowhere' AS VARCHAR)) AS "region",
           "price",
           "day",
           "#caudal.row"
    FROM "#caudal.step_1"
  ),
  -- derive double
  "#caudal.step_3" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           CAST("price" * 2 AS DOUBLE) AS "double",
           "#caudal.row"
    FROM "#caudal.step_2"
  ),
  -- derive label
  "#caudal.step_4" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           CAST(CAST("region" AS VARCHAR) || CAST('!' AS VARCHAR) AS VARCHAR) AS "label",
           "#caudal.row"
    FROM "#caudal.step_3"
  ),
  -- filter: "price" >= CAST(getvariable('param_least') AS BIGINT)
  "#caudal.step_5" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           "label",
           "#caudal.row"
    FROM "#caudal.step_4"
    WHERE "price" >= CAST(getvariable('param_least') AS BIGINT)
  )
SELECT 1
FROM "#caudal.step_5"
)) AS BIGINT) AS value;

-- 9. keep the result of the query
CREATE TEMP TABLE "#caudal.result_10" AS
WITH
  -- deduplicate by id, keep the last by day
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
    WHERE (getvariable('dropped_set_1') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_1') THEN get_bit(getvariable('dropped_set_1'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  ),
  -- fill missing region
  "#caudal.step_2" AS (
    SELECT "id",
           coalesce("region", CAST('nowhere' AS VARCHAR)) AS "region",
           "price",
           "day",
           "#caudal.row"
    FROM "#caudal.step_1"
  ),
  -- derive double
  "#caudal.step_3" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           CAST("price" * 2 AS DOUBLE) AS "double",
           "#caudal.row"
    FROM "#caudal.step_2"
  ),
  -- derive label
  "#caudal.step_4" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           CAST(CAST("region" AS VARCHAR) || CAST('!' AS VARCHAR) AS VARCHAR) AS "label",
           "#caudal.row"
    FROM "#caudal.step_3"
  ),
  -- filter: "price" >= CAST(getvariable('param_least') AS BIGINT)
  "#caudal.step_5" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           "label",
           "#caudal.row"
    FROM "#caudal.step_4"
    WHERE "price" >= CAST(getvariable('param_least') AS BIGINT)
  ),
  -- rename label to word
  "#caudal.step_6" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           "label" AS "word",
           "#caudal.row"
    FROM "#caudal.step_5"
  ),
  -- cast double to integer
  "#caudal.step_7" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           CASE WHEN "double" IS NOT NULL AND (CASE WHEN TRY_CAST("double" AS BIGINT) = "double" THEN TRY_CAST("double" AS BIGINT) END) IS NULL THEN error(chr(1) || 'column ''double'' has the value ''' || chr(2) || coalesce(CAST("double" AS VARCHAR), '') || chr(3) || ''', which does not fit integer; filter such rows out, or let a validate stage put them aside') ELSE CASE WHEN TRY_CAST("double" AS BIGINT) = "double" THEN TRY_CAST("double" AS BIGINT) END END AS "double",
           "word",
           "#caudal.row"
    FROM "#caudal.step_6"
  ),
  -- trim every text
  "#caudal.step_8" AS (
    SELECT "id",
           trim("region", concat(' ', chr(9), chr(10), chr(11), chr(12), chr(13), chr(160))) AS "region",
           "price",
           "day",
           "double",
           trim("word", concat(' ', chr(9), chr(10), chr(11), chr(12), chr(13), chr(160))) AS "word",
           "#caudal.row"
    FROM "#caudal.step_7"
  ),
  -- map values of region
  "#caudal.step_9" AS (
    SELECT "id",
           CASE WHEN "region" = 'north' THEN 'north' WHEN "region" = 'nil' THEN NULL WHEN "region" IS NOT NULL THEN 'other' END AS "region",
           "price",
           "day",
           "double",
           "word",
           "#caudal.row"
    FROM "#caudal.step_8"
  ),
  -- split word into first, second
  "#caudal.step_10" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           "word",
           nullif(split_part("word", 'o', 1), '') AS "first",
           nullif(split_part("word", 'o', 2), '') AS "second",
           "#caudal.row"
    FROM "#caudal.step_9"
  ),
  -- sql
  "#caudal.step_11" AS (
    WITH input AS (SELECT "id", "region", "price", "day", "double", "word", "first", "second" FROM "#caudal.step_10")
    SELECT "id", "region", "price", "day", "double", "word", "first", "second" FROM (
    select * from input where region in (select region from measures) or getvariable('param_day') = 'north'
    )
  )
SELECT "id", "region", "price", "day", "double", "word", "first", "second"
FROM "#caudal.step_11";

-- 10. count the rows after: sql
SELECT 'count' AS caudal, 'after_9' AS name, CAST((SELECT count(*) FROM (
SELECT 1
FROM (SELECT "id", "region", "price", "day", "double", "word", "first", "second", rowid AS "#caudal.row" FROM "#caudal.result_10")
)) AS BIGINT) AS value;

-- 11. find the keys that several rows have
CREATE TEMP TABLE "#caudal.duplicates_11" AS
SELECT "id", min("#caudal.row") AS "#caudal.kept"
FROM (SELECT "id", "region", "price", "day", "double", "word", "first", "second", rowid AS "#caudal.row" FROM "#caudal.result_10")
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1;

-- 12. find the rows to drop
CREATE TEMP TABLE "#caudal.dropped_11" AS
SELECT rows."#caudal.row" AS "row"
FROM (
SELECT "id", "#caudal.row"
FROM (SELECT "id", "region", "price", "day", "double", "word", "first", "second", rowid AS "#caudal.row" FROM "#caudal.result_10")
) AS rows JOIN "#caudal.duplicates_11" AS again
  ON rows."id" = again."id" AND rows."#caudal.row" <> again."#caudal.kept";

-- 13. note the last of them
SET VARIABLE dropped_last_11 = (SELECT max("row") FROM "#caudal.dropped_11");

-- 14. note them as a set
SET VARIABLE dropped_set_11 = (SELECT bitstring_agg("row", 0, getvariable('dropped_last_11')) FROM "#caudal.dropped_11");

-- 15. write the result
COPY (
WITH
  -- deduplicate by id, keep the first
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "double",
           "word",
           "first",
           "second",
           "#caudal.row"
    FROM (SELECT "id", "region", "price", "day", "double", "word", "first", "second", rowid AS "#caudal.row" FROM "#caudal.result_10")
    WHERE (getvariable('dropped_set_11') IS NULL OR CASE WHEN "#caudal.row" <= getvariable('dropped_last_11') THEN get_bit(getvariable('dropped_set_11'), CAST("#caudal.row" AS INTEGER)) = 0 ELSE TRUE END)
  ),
  -- select id, region, price, day, first
  "#caudal.step_2" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "first",
           "#caudal.row"
    FROM "#caudal.step_1"
  ),
  -- drop first
  "#caudal.step_3" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           "#caudal.row"
    FROM "#caudal.step_2"
  )
SELECT "id", "region", "price", CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END AS "day"
FROM "#caudal.step_3"
) TO 'out/steps.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- 16. name the keys of steps for foreign_key_id
CREATE TEMP VIEW "#caudal.known_11" AS
SELECT DISTINCT "id" AS key
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE "id" IS NOT NULL;

-- 17. name the keys of valid for foreign_key_id_2
CREATE TEMP VIEW "#caudal.known_12" AS
SELECT DISTINCT "id" AS key
FROM read_parquet('out/valid.parquet', hive_partitioning = false)
WHERE "id" IS NOT NULL;

-- 18. measure 16 checks in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows",
       CAST(coalesce(count_if("id" IS NULL), 0) AS BIGINT) AS m0,
       CAST(count(*) AS BIGINT) AS t0,
       CAST(count("price") AS DOUBLE) AS m1,
       CAST(count(*) AS BIGINT) AS t1,
       CAST(coalesce(count_if("id" IS NOT NULL AND "region" IS NOT NULL), 0) - count(DISTINCT ("id", "region")) FILTER (WHERE "id" IS NOT NULL AND "region" IS NOT NULL) AS BIGINT) AS m2,
       CAST(count(*) AS BIGINT) AS t2,
       CAST(coalesce(count_if("region" NOT IN ('north', 'other')), 0) AS BIGINT) AS m3,
       CAST(count(*) AS BIGINT) AS t3,
       CAST(coalesce(count_if(("price" < 0 OR NOT isfinite("price"))), 0) AS BIGINT) AS m4,
       CAST(count(*) AS BIGINT) AS t4,
       CAST(coalesce(count_if(NOT regexp_matches(CAST("region" AS VARCHAR), 'o')), 0) AS BIGINT) AS m5,
       CAST(count(*) AS BIGINT) AS t5,
       CAST(count(*) AS DOUBLE) AS m6,
       CAST(count(*) AS BIGINT) AS t6,
       CAST(count(*) AS DOUBLE) AS m7,
       CAST(count(*) AS BIGINT) AS t7,
       epoch(max(TRY_CAST("day" AS TIMESTAMP))) AS m8,
       CAST(count(*) AS BIGINT) AS t8,
       0 AS m9,
       CAST(count(*) AS BIGINT) AS t9,
       CAST(coalesce(count_if("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11"))), 0) AS BIGINT) AS m10,
       CAST(count(*) AS BIGINT) AS t10,
       CAST(coalesce(count_if("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12"))), 0) AS BIGINT) AS m11,
       CAST(count(*) AS BIGINT) AS t11,
       CAST(CAST(CAST(count(DISTINCT "id") AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m12,
       CAST(count(*) AS BIGINT) AS t12,
       CAST(CAST(CAST(avg("price") FILTER (WHERE ("price" > 0)) AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m14,
       CAST(coalesce(count_if(("price" > 0)), 0) AS BIGINT) AS t14,
       CAST(count(*) AS DOUBLE) AS m15,
       CAST(count(*) AS BIGINT) AS t15,
       CAST(CAST(CAST(avg("price") AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m16,
       CAST(count(*) AS BIGINT) AS t16
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'});

-- 19. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m0, NULL AS t0, NULL AS m1, NULL AS t1, NULL AS m2, NULL AS t2, NULL AS m3, NULL AS t3, NULL AS m4, NULL AS t4, NULL AS m5, NULL AS t5, NULL AS m6, NULL AS t6, NULL AS m7, NULL AS t7, NULL AS m8, NULL AS t8, NULL AS m9, NULL AS t9, NULL AS m10, NULL AS t10, NULL AS m11, NULL AS t11, NULL AS m12, NULL AS t12, NULL AS m14, NULL AS t14, NULL AS m15, NULL AS t15, NULL AS m16, NULL AS t16
WHERE FALSE;

-- 20. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 21. note whether the scan succeeded
SET VARIABLE caudal_scanned = (SELECT count(*) FROM "#caudal.measures");

-- 22. check not_null_id, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if("id" IS NULL), 0) AS BIGINT) AS m0, CAST(count(*) AS BIGINT) AS t0
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 23. check completeness_price, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(count("price") AS DOUBLE) AS m1, CAST(count(*) AS BIGINT) AS t1
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 24. check unique_id_region, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if("id" IS NOT NULL AND "region" IS NOT NULL), 0) - count(DISTINCT ("id", "region")) FILTER (WHERE "id" IS NOT NULL AND "region" IS NOT NULL) AS BIGINT) AS m2, CAST(count(*) AS BIGINT) AS t2
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 25. check accepted_values_region, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if("region" NOT IN ('north', 'other')), 0) AS BIGINT) AS m3, CAST(count(*) AS BIGINT) AS t3
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 26. check range_price, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if(("price" < 0 OR NOT isfinite("price"))), 0) AS BIGINT) AS m4, CAST(count(*) AS BIGINT) AS t4
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 27. check matches_region, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if(NOT regexp_matches(CAST("region" AS VARCHAR), 'o')), 0) AS BIGINT) AS m5, CAST(count(*) AS BIGINT) AS t5
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 28. check row_count, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(count(*) AS DOUBLE) AS m6, CAST(count(*) AS BIGINT) AS t6
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 29. check row_count_variation, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(count(*) AS DOUBLE) AS m7, CAST(count(*) AS BIGINT) AS t7
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 30. check freshness_day, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", epoch(max(TRY_CAST("day" AS TIMESTAMP))) AS m8, CAST(count(*) AS BIGINT) AS t8
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 31. check schema, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", 0 AS m9, CAST(count(*) AS BIGINT) AS t9
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 32. check foreign_key_id, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11"))), 0) AS BIGINT) AS m10, CAST(count(*) AS BIGINT) AS t10
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 33. check foreign_key_id_2, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(coalesce(count_if("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12"))), 0) AS BIGINT) AS m11, CAST(count(*) AS BIGINT) AS t11
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 34. check distinct_count_id, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(CAST(CAST(count(DISTINCT "id") AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m12, CAST(count(*) AS BIGINT) AS t12
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 35. check mean_price, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(CAST(CAST(avg("price") FILTER (WHERE ("price" > 0)) AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m14, CAST(coalesce(count_if(("price" > 0)), 0) AS BIGINT) AS t14
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 36. check anomaly, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(count(*) AS DOUBLE) AS m15, CAST(count(*) AS BIGINT) AS t15
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 37. check anomaly_price, alone if the scan failed
SELECT 'measures' AS caudal, *
FROM (SELECT CAST(count(*) AS BIGINT) AS "rows", CAST(CAST(CAST(avg("price") AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m16, CAST(count(*) AS BIGINT) AS t16
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
WHERE getvariable('caudal_scanned') = 0)
WHERE getvariable('caudal_scanned') = 0;

-- 38. check sum_price for each region
CREATE TEMP TABLE "#caudal.parts_14" AS
SELECT CASE WHEN GROUPING("region") = 1 THEN 'parts' ELSE 'part' END AS caudal, 13 AS "check", CAST("region" AS VARCHAR) AS part, CAST(CAST(CAST(sum("price") AS VARCHAR) AS DOUBLE) AS VARCHAR) AS m13, CAST(count(*) AS BIGINT) AS t13
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
GROUP BY GROUPING SETS (("region"), ())
ORDER BY GROUPING("region") DESC, "region" NULLS FIRST
LIMIT 1002;

-- 39. create an empty table of parts if that failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.parts_14" AS
SELECT NULL AS caudal, NULL AS m13, NULL AS t13
WHERE FALSE;

-- 40. list the results of the parts
FROM "#caudal.parts_14";

-- 41. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'});

-- 42. check far
SET VARIABLE m17 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input where day > getvariable('param_Day#6')::date + interval 300 day
));

-- 43. list the measurement
SELECT 'measures' AS caudal, getvariable('m17') AS m17, (SELECT CAST(count(*) AS BIGINT) FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) AS t17;

-- 44. name input for queries
CREATE OR REPLACE TEMP VIEW "input" AS
SELECT * FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'});

-- 45. name known0 for queries
CREATE TEMP VIEW "known0" AS
SELECT * FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 46. check other
SET VARIABLE m18 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from known0 where region is null
));

-- 47. list the measurement
SELECT 'measures' AS caudal, getvariable('m18') AS m18, (SELECT CAST(count(*) AS BIGINT) FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) AS t18;

-- 48. note how many of the first rows to search for failing ones
SET VARIABLE near = (SELECT [CASE WHEN m0 >= 800 THEN CAST("rows" * 200 / (m0) AS BIGINT) ELSE 0 END, CASE WHEN t1 - m1 >= 800 THEN CAST("rows" * 200 / (t1 - m1) AS BIGINT) ELSE 0 END, CASE WHEN m2 >= 2400 THEN CAST("rows" * sqrt(150.0 / (m2)) AS BIGINT) ELSE 0 END, CASE WHEN m3 >= 800 THEN CAST("rows" * 200 / (m3) AS BIGINT) ELSE 0 END, CASE WHEN m4 >= 800 THEN CAST("rows" * 200 / (m4) AS BIGINT) ELSE 0 END, CASE WHEN m5 >= 800 THEN CAST("rows" * 200 / (m5) AS BIGINT) ELSE 0 END, CASE WHEN m10 >= 800 THEN CAST("rows" * 200 / (m10) AS BIGINT) ELSE 0 END, CASE WHEN m11 >= 800 THEN CAST("rows" * 200 / (m11) AS BIGINT) ELSE 0 END, greatest(0, CASE WHEN m0 >= 800 THEN CAST("rows" * 200 / (m0) AS BIGINT) ELSE 0 END, CASE WHEN t1 - m1 >= 800 THEN CAST("rows" * 200 / (t1 - m1) AS BIGINT) ELSE 0 END, CASE WHEN m2 >= 2400 THEN CAST("rows" * sqrt(150.0 / (m2)) AS BIGINT) ELSE 0 END, CASE WHEN m3 >= 800 THEN CAST("rows" * 200 / (m3) AS BIGINT) ELSE 0 END, CASE WHEN m4 >= 800 THEN CAST("rows" * 200 / (m4) AS BIGINT) ELSE 0 END, CASE WHEN m5 >= 800 THEN CAST("rows" * 200 / (m5) AS BIGINT) ELSE 0 END, CASE WHEN m10 >= 800 THEN CAST("rows" * 200 / (m10) AS BIGINT) ELSE 0 END, CASE WHEN m11 >= 800 THEN CAST("rows" * 200 / (m11) AS BIGINT) ELSE 0 END)]
FROM "#caudal.measures");

-- 49. find failing rows among the first rows, where many fail
CREATE TEMP TABLE "#caudal.failing" AS
SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([0,
          1,
          3,
          4,
          5,
          10,
          11]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('near')[1] > "#caudal.row" AND ("id" IS NULL)
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[2] > "#caudal.row" AND ("price" IS NULL)
            THEN [CAST("price" AS VARCHAR), CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[4] > "#caudal.row" AND ("region" NOT IN ('north', 'other'))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[5] > "#caudal.row" AND (("price" < 0 OR NOT isfinite("price")))
            THEN [CAST("price" AS VARCHAR), CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[6] > "#caudal.row" AND (NOT regexp_matches(CAST("region" AS VARCHAR), 'o'))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[7] > "#caudal.row" AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11")))
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('near')[8] > "#caudal.row" AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12")))
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END]) AS "#caudal.sample_values"
FROM (SELECT * FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) LIMIT (coalesce(getvariable('near')[9], 0)))
WHERE (getvariable('near')[1] > "#caudal.row" AND ("id" IS NULL))
   OR (getvariable('near')[2] > "#caudal.row" AND ("price" IS NULL))
   OR (getvariable('near')[4] > "#caudal.row" AND ("region" NOT IN ('north', 'other')))
   OR (getvariable('near')[5] > "#caudal.row" AND (("price" < 0 OR NOT isfinite("price"))))
   OR (getvariable('near')[6] > "#caudal.row" AND (NOT regexp_matches(CAST("region" AS VARCHAR), 'o')))
   OR (getvariable('near')[7] > "#caudal.row" AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11"))))
   OR (getvariable('near')[8] > "#caudal.row" AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100
UNION ALL
SELECT "check", "row", row_number() OVER () AS place, "values"
FROM (SELECT 2 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] AS "values"
FROM (SELECT * FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) LIMIT (coalesce(getvariable('near')[3], 0)))
WHERE getvariable('near')[3] > 0 AND ("id", "region") IN (SELECT ("id", "region") FROM (SELECT * FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}) LIMIT (coalesce(getvariable('near')[3], 0)))
  WHERE "id" IS NOT NULL AND "region" IS NOT NULL GROUP BY "id", "region" HAVING count(*) > 1)
ORDER BY "id" NULLS LAST, "region" NULLS LAST, "row"
LIMIT 100);

-- 50. create an empty table of failing rows if that failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.failing" AS
SELECT 0 AS "check", 0 AS "row", 0 AS place, [''] AS "values"
WHERE FALSE;

-- 51. note which checks have their failing rows elsewhere
SET VARIABLE far = (SELECT [CASE WHEN m0 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 0) < least(m0, 100) THEN 1 ELSE 0 END, CASE WHEN t1 - m1 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 1) < least(t1 - m1, 100) THEN 1 ELSE 0 END, CASE WHEN m2 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 2) < least(m2, 100) THEN 1 ELSE 0 END, CASE WHEN m3 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 3) < least(m3, 100) THEN 1 ELSE 0 END, CASE WHEN m4 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 4) < least(m4, 100) THEN 1 ELSE 0 END, CASE WHEN m5 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 5) < least(m5, 100) THEN 1 ELSE 0 END, CASE WHEN m10 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 10) < least(m10, 100) THEN 1 ELSE 0 END, CASE WHEN m11 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 11) < least(m11, 100) THEN 1 ELSE 0 END]
FROM "#caudal.measures");

-- 52. list the failing rows among the first rows
SELECT 'sample' AS caudal, "check", "row", "values"
FROM "#caudal.failing"
WHERE "check" = 0 AND NOT getvariable('far')[1] > 0
   OR "check" = 1 AND NOT getvariable('far')[2] > 0
   OR "check" = 2 AND NOT getvariable('far')[3] > 0
   OR "check" = 3 AND NOT getvariable('far')[4] > 0
   OR "check" = 4 AND NOT getvariable('far')[5] > 0
   OR "check" = 5 AND NOT getvariable('far')[6] > 0
   OR "check" = 10 AND NOT getvariable('far')[7] > 0
   OR "check" = 11 AND NOT getvariable('far')[8] > 0
ORDER BY "check", place;

-- 53. find the failing rows among all rows, if there are any
SELECT 'sample' AS caudal, "check", "row", "values"
FROM (SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([0,
          1,
          3,
          4,
          5,
          10,
          11]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('far')[1] > 0 AND ("id" IS NULL)
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[2] > 0 AND ("price" IS NULL)
            THEN [CAST("price" AS VARCHAR), CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[4] > 0 AND ("region" NOT IN ('north', 'other'))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[5] > 0 AND (("price" < 0 OR NOT isfinite("price")))
            THEN [CAST("price" AS VARCHAR), CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[6] > 0 AND (NOT regexp_matches(CAST("region" AS VARCHAR), 'o'))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[7] > 0 AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11")))
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END,
          CASE WHEN getvariable('far')[8] > 0 AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12")))
            THEN [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] END]) AS "#caudal.sample_values"
FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}))
WHERE (getvariable('far')[1] > 0 AND ("id" IS NULL))
   OR (getvariable('far')[2] > 0 AND ("price" IS NULL))
   OR (getvariable('far')[4] > 0 AND ("region" NOT IN ('north', 'other')))
   OR (getvariable('far')[5] > 0 AND (("price" < 0 OR NOT isfinite("price"))))
   OR (getvariable('far')[6] > 0 AND (NOT regexp_matches(CAST("region" AS VARCHAR), 'o')))
   OR (getvariable('far')[7] > 0 AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_11"))))
   OR (getvariable('far')[8] > 0 AND ("id" IS NOT NULL AND ("id" NOT IN (FROM "#caudal.known_12")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100)
ORDER BY "check", place;

-- 54. find the rows that fail unique_id_region among all rows, if there are any
SELECT 'sample' AS caudal, "check", "row", "values"
FROM (SELECT 2 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] AS "values"
FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}))
WHERE getvariable('far')[3] > 0 AND ("id", "region") IN (SELECT ("id", "region") FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})
  WHERE "id" IS NOT NULL AND "region" IS NOT NULL GROUP BY "id", "region" HAVING count(*) > 1)
ORDER BY "id" NULLS LAST, "region" NULLS LAST, "row"
LIMIT 100);

-- 55. note how many rows fail far
SET VARIABLE found = getvariable('m17');

-- 56. rows that fail far, if there are any
SELECT 'sample' AS caudal, 17 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where day > getvariable('param_Day#6')::date + interval 300 day
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

-- 57. note how many rows fail other
SET VARIABLE found = getvariable('m18');

-- 58. rows that fail other, if there are any
SELECT 'sample' AS caudal, 18 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from known0 where region is null
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

-- everything / look: 2 checks of rich
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;

-- 1. name the keys of regions for foreign_key_region
CREATE TEMP VIEW "#caudal.known_1" AS
SELECT DISTINCT "region" AS key
FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'})
WHERE "region" IS NOT NULL;

-- 2. measure 1 check in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows",
       CAST(coalesce(count_if("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_1"))), 0) AS BIGINT) AS m0,
       CAST(count(*) AS BIGINT) AS t0
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 3. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m0, NULL AS t0
WHERE FALSE;

-- 4. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 5. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 6. check sql
SET VARIABLE m1 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input where id < 0
));

-- 7. list the measurement
SELECT 'measures' AS caudal, getvariable('m1') AS m1, (SELECT CAST(count(*) AS BIGINT) FROM read_parquet('out/rich.parquet', hive_partitioning = false)) AS t1;

-- 8. note how many of the first rows to search for failing ones
SET VARIABLE near = (SELECT [CASE WHEN m0 >= 800 THEN CAST("rows" * 200 / (m0) AS BIGINT) ELSE 0 END, greatest(0, CASE WHEN m0 >= 800 THEN CAST("rows" * 200 / (m0) AS BIGINT) ELSE 0 END)]
FROM "#caudal.measures");

-- 9. find failing rows among the first rows, where many fail
CREATE TEMP TABLE "#caudal.failing" AS
SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([0]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('near')[1] > "#caudal.row" AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_1")))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END, CAST("name" AS VARCHAR)] END]) AS "#caudal.sample_values"
FROM (SELECT * FROM (SELECT "id", "region", "price", "day", "name", file_row_number AS "#caudal.row" FROM read_parquet('out/rich.parquet', hive_partitioning = false)) LIMIT (coalesce(getvariable('near')[2], 0)))
WHERE (getvariable('near')[1] > "#caudal.row" AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_1")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100;

-- 10. create an empty table of failing rows if that failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.failing" AS
SELECT 0 AS "check", 0 AS "row", 0 AS place, [''] AS "values"
WHERE FALSE;

-- 11. note which checks have their failing rows elsewhere
SET VARIABLE far = (SELECT [CASE WHEN m0 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 0) < least(m0, 100) THEN 1 ELSE 0 END]
FROM "#caudal.measures");

-- 12. list the failing rows among the first rows
SELECT 'sample' AS caudal, "check", "row", "values"
FROM "#caudal.failing"
WHERE "check" = 0 AND NOT getvariable('far')[1] > 0
ORDER BY "check", place;

-- 13. find the failing rows among all rows, if there are any
SELECT 'sample' AS caudal, "check", "row", "values"
FROM (SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([0]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('far')[1] > 0 AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_1")))
            THEN [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END, CAST("name" AS VARCHAR)] END]) AS "#caudal.sample_values"
FROM (SELECT "id", "region", "price", "day", "name", file_row_number AS "#caudal.row" FROM read_parquet('out/rich.parquet', hive_partitioning = false))
WHERE (getvariable('far')[1] > 0 AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_1")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100)
ORDER BY "check", place;

-- 14. note how many rows fail sql
SET VARIABLE found = getvariable('m1');

-- 15. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 1 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where id < 0
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

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
       CAST(coalesce(count_if("region" IS NOT NULL AND coalesce("region" NOT IN (FROM "#caudal.known_1"), TRUE)), 0) AS BIGINT) AS m0,
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

-- 8. note how many rows fail foreign_key_region
SET VARIABLE found = (SELECT m0 FROM "#caudal.measures");

-- 9. rows that fail foreign_key_region, if there are any
SELECT 'sample' AS caudal, 0 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("region" AS VARCHAR), CAST("id" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END, CAST("name" AS VARCHAR)] AS "values"
FROM (SELECT "id", "region", "price", "day", "name", file_row_number AS "#caudal.row" FROM read_parquet('out/rich.parquet', hive_partitioning = false))
WHERE getvariable('found') > 0 AND "region" IS NOT NULL AND coalesce("region" NOT IN (FROM "#caudal.known_1"), TRUE)
LIMIT 100;

-- 10. note how many rows fail sql
SET VARIABLE found = getvariable('m1');

-- 11. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 1 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where id < 0
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

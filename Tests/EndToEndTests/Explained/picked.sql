-- everything / picked: a query
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'out'

-- 1. name rich for queries
CREATE TEMP VIEW "rich" AS
SELECT "id", "region", "price", "day", "name"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 2. name regions for queries
CREATE TEMP VIEW "regions" AS
SELECT "region", "name"
FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 3. name the result
CREATE TEMP VIEW "#caudal.result" AS
SELECT * FROM (
with measures as (select region, count(*) as known0 from rich group by all)
select * from measures join regions using (region)
);

-- 4. compare its columns with those that were announced
SELECT CASE WHEN list(column_name) <> ['region', 'known0', 'name']::VARCHAR[] THEN error(chr(1) || 'the query gives the columns ' || array_to_string(list(column_name), ', ') || ', and before it ran they were ' || array_to_string(['region', 'known0', 'name']::VARCHAR[], ', ')) END AS refused
FROM (DESCRIBE (
SELECT * FROM "#caudal.result"
));

-- 5. write the result
COPY (
SELECT "region", "known0", "name" FROM "#caudal.result"
) TO 'out/picked.json' (FORMAT json, ARRAY true, RETURN_FILES true);

-- 6. name the keys of regions for foreign_key_region
CREATE TEMP VIEW "#caudal.known_2" AS
SELECT DISTINCT "region" AS key
FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'})
WHERE "region" IS NOT NULL;

-- 7. measure 1 check in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows",
       CAST(coalesce(count_if("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_2"))), 0) AS BIGINT) AS m1,
       CAST(count(*) AS BIGINT) AS t1
FROM read_json('out/picked.json', format = 'auto', records = true, columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'});

-- 8. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m1, NULL AS t1
WHERE FALSE;

-- 9. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 10. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_json('out/picked.json', format = 'auto', records = true, columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'});

-- 11. name regions for queries
CREATE OR REPLACE TEMP VIEW "regions" AS
SELECT * FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 12. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from regions join input using (region) where known0 < 1
));

-- 13. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_json('out/picked.json', format = 'auto', records = true, columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'})) AS t0;

-- 14. note how many of the first rows to search for failing ones
SET VARIABLE near = (SELECT [CASE WHEN m1 >= 800 THEN CAST("rows" * 200 / (m1) AS BIGINT) ELSE 0 END, greatest(0, CASE WHEN m1 >= 800 THEN CAST("rows" * 200 / (m1) AS BIGINT) ELSE 0 END)]
FROM "#caudal.measures");

-- 15. find failing rows among the first rows, where many fail
CREATE TEMP TABLE "#caudal.failing" AS
SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([1]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('near')[1] > "#caudal.row" AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_2")))
            THEN [CAST("region" AS VARCHAR), CAST("known0" AS VARCHAR), CAST("name" AS VARCHAR)] END]) AS "#caudal.sample_values"
FROM (SELECT * FROM (SELECT "region", "known0", "name", row_number() OVER () - 1 AS "#caudal.row" FROM read_json('out/picked.json', format = 'auto', records = true, columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'})) LIMIT (coalesce(getvariable('near')[2], 0)))
WHERE (getvariable('near')[1] > "#caudal.row" AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_2")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100;

-- 16. create an empty table of failing rows if that failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.failing" AS
SELECT 0 AS "check", 0 AS "row", 0 AS place, [''] AS "values"
WHERE FALSE;

-- 17. note which checks have their failing rows elsewhere
SET VARIABLE far = (SELECT [CASE WHEN m1 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 1) < least(m1, 100) THEN 1 ELSE 0 END]
FROM "#caudal.measures");

-- 18. list the failing rows among the first rows
SELECT 'sample' AS caudal, "check", "row", "values"
FROM "#caudal.failing"
WHERE "check" = 1 AND NOT getvariable('far')[1] > 0
ORDER BY "check", place;

-- 19. find the failing rows among all rows, if there are any
SELECT 'sample' AS caudal, "check", "row", "values"
FROM (SELECT "#caudal.sample_check" AS "check", "#caudal.sample_row" AS "row", "#caudal.sample_row" AS place, "#caudal.sample_values" AS "values"
FROM (SELECT unnest([1]) AS "#caudal.sample_check", CAST("#caudal.row" + 1 AS BIGINT) AS "#caudal.sample_row",
       unnest([CASE WHEN getvariable('far')[1] > 0 AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_2")))
            THEN [CAST("region" AS VARCHAR), CAST("known0" AS VARCHAR), CAST("name" AS VARCHAR)] END]) AS "#caudal.sample_values"
FROM (SELECT "region", "known0", "name", row_number() OVER () - 1 AS "#caudal.row" FROM read_json('out/picked.json', format = 'auto', records = true, columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'}))
WHERE (getvariable('far')[1] > 0 AND ("region" IS NOT NULL AND ("region" NOT IN (FROM "#caudal.known_2")))))
WHERE "#caudal.sample_values" IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY "#caudal.sample_check" ORDER BY "#caudal.sample_row") <= 100)
ORDER BY "check", place;

-- 20. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 21. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from regions join input using (region) where known0 < 1
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

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
       CAST(coalesce(count_if("region" IS NOT NULL AND coalesce("region" NOT IN (FROM "#caudal.known_2"), TRUE)), 0) AS BIGINT) AS m1,
       CAST(count(*) AS BIGINT) AS t1
FROM read_json('out/picked.json', format = 'auto', columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'});

-- 8. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m1, NULL AS t1
WHERE FALSE;

-- 9. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 10. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_json('out/picked.json', format = 'auto', columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'});

-- 11. name regions for queries
CREATE OR REPLACE TEMP VIEW "regions" AS
SELECT * FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 12. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from regions join input using (region) where known0 < 1
));

-- 13. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_json('out/picked.json', format = 'auto', columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'})) AS t0;

-- 14. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 15. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from regions join input using (region) where known0 < 1
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

-- 16. note how many rows fail foreign_key_region
SET VARIABLE found = (SELECT m1 FROM "#caudal.measures");

-- 17. rows that fail foreign_key_region, if there are any
SELECT 'sample' AS caudal, 1 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("region" AS VARCHAR), CAST("known0" AS VARCHAR), CAST("name" AS VARCHAR)] AS "values"
FROM (SELECT "region", "known0", "name", row_number() OVER () - 1 AS "#caudal.row" FROM read_json('out/picked.json', format = 'auto', columns = {'region': 'VARCHAR', 'known0': 'BIGINT', 'name': 'VARCHAR'}))
WHERE getvariable('found') > 0 AND "region" IS NOT NULL AND coalesce("region" NOT IN (FROM "#caudal.known_2"), TRUE)
LIMIT 100;

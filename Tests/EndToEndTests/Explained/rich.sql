-- everything / rich: steps with regions
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'out'

-- 1. count the rows of the input
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM (SELECT 1
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}))) AS BIGINT) AS value;

-- 2. count the rows that regions does not know
SELECT 'count' AS caudal, 'unmatched_0' AS name, CAST((SELECT CAST(count(*) AS BIGINT)
FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}) AS rows ANTI JOIN read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'}) AS found ON rows."region" = found."region") AS BIGINT) AS value;

-- 3. keep the rows of regions
CREATE TEMP TABLE "#caudal.lookup_1" AS
SELECT CAST("region" AS VARCHAR) AS key, "name" AS c0
FROM (SELECT * FROM (SELECT "region", "name", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'})) QUALIFY row_number() OVER (PARTITION BY "region" ORDER BY "#caudal.row" ASC) = 1)
WHERE "region" IS NOT NULL;

-- 4. make a type of their keys
CREATE TEMP TYPE "#caudal.keys_1" AS ENUM (SELECT key FROM (SELECT key, rowid AS "#caudal.row" FROM "#caudal.lookup_1") ORDER BY "#caudal.row");

-- 5. list name
SET VARIABLE lookup_1_c0 = (SELECT coalesce(list(c0 ORDER BY "#caudal.row"), []) FROM (SELECT c0, rowid AS "#caudal.row" FROM "#caudal.lookup_1"));

-- 6. write the result
COPY (
WITH
  -- look up regions by region
  "#caudal.step_1" AS (
    SELECT "id",
           "region",
           "price",
           "day",
           CASE WHEN "#caudal.place" IS NULL THEN CAST('none' AS VARCHAR) ELSE CAST(getvariable('lookup_1_c0')["#caudal.place" + 1] AS VARCHAR) END AS "name"
    FROM (SELECT *, CAST(enum_code(TRY_CAST(CAST("region" AS VARCHAR) AS "#caudal.keys_1")) AS BIGINT) AS "#caudal.place"
    FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'}))
  )
SELECT "id", "region", "price", "day", "name"
FROM "#caudal.step_1"
) TO 'out/rich.parquet' (FORMAT parquet, RETURN_STATS true);

-- 7. measure 0 checks in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 8. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows"
WHERE FALSE;

-- 9. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 10. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 11. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input where name is null
));

-- 12. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_parquet('out/rich.parquet', hive_partitioning = false)) AS t0;

-- 13. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 14. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where name is null
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

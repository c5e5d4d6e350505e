-- everything / rich: steps with regions
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'out'

-- 1. count the rows of the input
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM (SELECT 1
FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})))) AS BIGINT) AS value;

-- 2. count the rows that regions does not know
SELECT 'count' AS caudal, 'unmatched_0' AS name, CAST((SELECT CAST(count(*) AS BIGINT)
FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) AS rows ANTI JOIN read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'}) AS found ON rows."region" = found."region") AS BIGINT) AS value;

-- 3. write the result
COPY (
WITH
  -- look up regions by region
  "#caudal.step_1" AS (
    SELECT rows."id",
           rows."region",
           rows."price",
           rows."day",
           CASE WHEN found."region" IS NULL THEN CAST('none' AS VARCHAR) ELSE found."name" END AS "name",
           rows."#caudal.row"
    FROM (SELECT "id", "region", "price", "day", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('out/steps.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'id': 'BIGINT', 'region': 'VARCHAR', 'price': 'DOUBLE', 'day': 'DATE'})) AS rows
    LEFT JOIN (SELECT * FROM (SELECT "region", "name", row_number() OVER () - 1 AS "#caudal.row" FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'})) QUALIFY row_number() OVER (PARTITION BY "region" ORDER BY "#caudal.row" ASC) = 1) AS found
      ON rows."region" = found."region"
  )
SELECT "id", "region", "price", "day", "name"
FROM "#caudal.step_1"
ORDER BY "#caudal.row"
) TO 'out/rich.parquet' (FORMAT parquet, RETURN_STATS true);

-- 4. measure 0 checks in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 5. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows"
WHERE FALSE;

-- 6. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 7. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 8. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input where name is null
));

-- 9. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_parquet('out/rich.parquet', hive_partitioning = false)) AS t0;

-- 10. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 11. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input where name is null
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

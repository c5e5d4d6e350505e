-- everything / late: a query
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;

-- 1. name rich for queries
CREATE TEMP VIEW "rich" AS
SELECT "id", "region", "price", "day", "name"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 2. name the result
CREATE TEMP VIEW "#caudal.result" AS
SELECT * FROM (
select * from rich
);

-- 3. compare its columns with those that were announced
SELECT CASE WHEN list(column_name) <> ['id', 'region', 'price', 'day', 'name']::VARCHAR[] THEN error(chr(1) || 'the query gives the columns ' || array_to_string(list(column_name), ', ') || ', and before it ran they were ' || array_to_string(['id', 'region', 'price', 'day', 'name']::VARCHAR[], ', ')) END AS refused
FROM (DESCRIBE (
SELECT * FROM "#caudal.result"
));

-- 4. write the result
COPY (
SELECT "id", "region", "price", CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END AS "day", "name" FROM "#caudal.result"
) TO 'late.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- everything / load: rich into db.t, before it is loaded
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;

-- 1. count the rows, and fingerprint them in whatever order
SELECT 'load' AS caudal, count(*) AS "rows",
       CAST(coalesce(sum(CAST(hash("id", "region", "price", "day", "name") AS HUGEINT)), 0) AS VARCHAR) AS fingerprint
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 2. measure 0 checks in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 3. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows"
WHERE FALSE;

-- 4. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 5. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 6. name rich for queries
CREATE TEMP VIEW "rich" AS
SELECT * FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 7. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input join rich using (id) where id < 0
));

-- 8. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_parquet('out/rich.parquet', hive_partitioning = false)) AS t0;

-- 9. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 10. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input join rich using (id) where id < 0
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

-- The transaction
INSTALL sqlite;
LOAD sqlite;
ATTACH 'out.db' AS "db" (TYPE sqlite, BUSY_TIMEOUT 30000);
-- everything / load: rich into db.t

-- 1. write the rows to a staging table
CREATE TEMP TABLE "caudal_staging" AS
SELECT "id",
       "region",
       CASE WHEN isnan("price") THEN error(chr(1) || 'column ''price'' has the value NaN, for which SQLite would keep that there is none; make that of it with map_values {nan: ~}') ELSE "price" END AS "price",
       CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END AS "day",
       "name"
FROM read_parquet('out/rich.parquet', hive_partitioning = false);

-- 2. create the table that records loads
CREATE TABLE IF NOT EXISTS "db"."main"."caudal_loads" (run VARCHAR, stage VARCHAR, pipeline VARCHAR, "table" VARCHAR, mode VARCHAR, "rows" BIGINT, fingerprint VARCHAR, loaded TIMESTAMP DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (run, stage));

-- 3. begin the transaction of the load
BEGIN TRANSACTION;

-- 4. delete the record of an earlier load of this run
DELETE FROM "db"."main"."caudal_loads" WHERE run = 'explained' AND stage = 'load';

-- 5. record the load
INSERT INTO "db"."main"."caudal_loads" (run, stage, pipeline, "table", mode, "rows", fingerprint)
VALUES ('explained', 'load', 'everything', 't', 'replace', 0, '(of the rows)');

-- 6. create the table
CREATE TABLE "db"."main"."t" (
  "id" BIGINT,
  "region" VARCHAR,
  "price" DOUBLE,
  "day" VARCHAR,
  "name" VARCHAR
);

-- 7. delete the old rows
DELETE FROM "db"."main"."t";

-- 8. insert the rows
INSERT INTO "db"."main"."t" ("id", "region", "price", "day", "name") SELECT s."id", s."region", s."price", s."day", s."name" FROM "caudal_staging" AS s;

-- 9. refuse a table that left rows out
SELECT CASE WHEN (SELECT count(*) FROM "caudal_staging") <> (SELECT count(*) FROM "db"."main"."t") THEN error(chr(1) || '''t'' did not take exactly these rows: a constraint, a rule or a trigger of the table left some out; nothing was loaded') END;

-- 10. commit the load
COMMIT;

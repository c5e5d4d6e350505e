-- everything / valid: raw against schema.json
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'data/quarantine' 'out'

-- 1. scan the input
CREATE TEMP TABLE intake AS
SELECT CASE WHEN "id" IS NOT NULL AND TRY_CAST("id" AS DOUBLE) = "v0" AND NOT contains("id", '_') AND (NOT (contains("id", '.') OR contains("id", 'e') OR contains("id", 'E')) OR regexp_extract("id", '^[^eE]*([1-9])', 1) = '' OR length(regexp_extract("id", '^[^eE]*[.]([0-9]*[1-9])', 1)) - length(regexp_extract("id", '^[^eE.]*[1-9](0*)([.]0*)?([^.0-9]|$)', 1)) <= CASE WHEN regexp_extract("id", '[eE]([+-]?[0-9]+)', 1) = '' THEN 0 ELSE TRY_CAST(regexp_extract("id", '[eE]([+-]?[0-9]+)', 1) AS BIGINT) END + 0)
   AND ("price" IS NULL OR (isfinite("v2") AND NOT contains("price", '_')))
   AND ("day" IS NULL OR ("v3" IS NOT NULL AND length("day") = 10 AND "day" >= '0' AND "day" < ':'))
       THEN NULL ELSE [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CAST("day" AS VARCHAR)] END AS bad,
       v0 AS v0,
       "region" AS v1,
       v2 AS v2,
       v3 AS v3
FROM (SELECT "id",
       "region",
       "price",
       "day",
       TRY_CAST("id" AS BIGINT) AS v0,
       TRY_CAST("price" AS DOUBLE) AS v2,
       TRY_CAST("day" AS DATE) AS v3
FROM read_csv('raw.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, store_rejects = true, columns = {'id': 'VARCHAR', 'region': 'VARCHAR', 'price': 'VARCHAR', 'day': 'VARCHAR'}));

-- 2. collect the malformed lines
CREATE TEMP TABLE broken AS
SELECT 0 AS file, CAST(line AS BIGINT) - 1 AS "row",
       row_number() OVER (PARTITION BY file_id ORDER BY line) AS place,
       CASE WHEN starts_with(ltrim(min(csv_line), E'\r\n'), '"#caudal.torn:') THEN regexp_extract(ltrim(min(csv_line), E'\r\n'), '^\x{22}\x{23}\x{63}\x{61}\x{75}\x{64}\x{61}\x{6c}\x{2e}\x{74}\x{6f}\x{72}\x{6e}\x{3a}[0-9]+:([^:]*):', 1) ELSE lower(string_agg(DISTINCT CAST(error_type AS VARCHAR), ', ' ORDER BY CAST(error_type AS VARCHAR))) END AS problem,
       CASE WHEN starts_with(ltrim(min(csv_line), E'\r\n'), '"#caudal.torn:') THEN regexp_replace(regexp_extract(ltrim(min(csv_line), E'\r\n'), '(?s)^\x{22}\x{23}\x{63}\x{61}\x{75}\x{64}\x{61}\x{6c}\x{2e}\x{74}\x{6f}\x{72}\x{6e}\x{3a}[0-9]+:([^:]*):(.*)\x{22}[^\x{22}]*$', 2), '(?s)\x{22}(.)', '\1', 'g') ELSE ltrim(min(csv_line), E'\r\n') END AS line
FROM reject_errors
GROUP BY file_id, line;

-- 3. look for faults that cannot be quarantined line by line
SELECT 'unreadable' AS caudal, 0 AS file, min(CAST(line AS BIGINT)) AS line
FROM reject_errors
WHERE error_type = 'LINE SIZE OVER MAXIMUM'
GROUP BY ALL
ORDER BY file, line;

-- 4. number the invalid rows as they stand in the file
CREATE TEMP TABLE invalid AS
SELECT file AS file, ordinal + (SELECT count(*) FROM broken
         WHERE broken.file = numbered.file AND broken."row" - broken.place < ordinal) AS "row",
       bad[1] AS "id",
       bad[2] AS "region",
       bad[3] AS "price",
       bad[4] AS "day"
FROM (SELECT bad, 0 AS file, rowid - 0 + 1 AS ordinal
      FROM intake WHERE bad IS NOT NULL) AS numbered;

-- 5. count the rows
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM intake) + (SELECT count(*) FROM broken) AS BIGINT) AS value;

-- 6. list every broken rule of every row
CREATE TEMP TABLE violations AS
SELECT file, "row", v."column" AS "column", v.rule AS rule, v.value AS value, raw
FROM (SELECT file AS file, "row" AS "row", CAST(to_json({'id': "id", 'region': "region", 'price': "price", 'day': "day"}) AS VARCHAR) AS raw,
       unnest([
         CASE WHEN "id" IS NULL
           THEN {'column': 'id', 'rule': 'required', 'value': CAST("id" AS VARCHAR)} END,
         CASE WHEN "id" IS NOT NULL AND (TRY_CAST("id" AS DOUBLE) = TRY_CAST("id" AS BIGINT) AND NOT contains("id", '_') AND (NOT (contains("id", '.') OR contains("id", 'e') OR contains("id", 'E')) OR regexp_extract("id", '^[^eE]*([1-9])', 1) = '' OR length(regexp_extract("id", '^[^eE]*[.]([0-9]*[1-9])', 1)) - length(regexp_extract("id", '^[^eE.]*[1-9](0*)([.]0*)?([^.0-9]|$)', 1)) <= CASE WHEN regexp_extract("id", '[eE]([+-]?[0-9]+)', 1) = '' THEN 0 ELSE TRY_CAST(regexp_extract("id", '[eE]([+-]?[0-9]+)', 1) AS BIGINT) END + 0)) IS NOT TRUE
           THEN {'column': 'id', 'rule': 'type: integer', 'value': CAST("id" AS VARCHAR)} END,
         CASE WHEN "price" IS NOT NULL AND (isfinite(TRY_CAST("price" AS DOUBLE)) AND NOT contains("price", '_')) IS NOT TRUE
           THEN {'column': 'price', 'rule': 'type: number', 'value': CAST("price" AS VARCHAR)} END,
         CASE WHEN "day" IS NOT NULL AND (TRY_CAST("day" AS DATE) IS NOT NULL AND length("day") = 10 AND "day" >= '0' AND "day" < ':') IS NOT TRUE
           THEN {'column': 'day', 'rule': 'format: date', 'value': CAST("day" AS VARCHAR)} END
       ]) AS v FROM invalid)
WHERE v IS NOT NULL
UNION ALL
SELECT file, "row", NULL AS "column", 'malformed line: ' || problem AS rule, NULL AS value, line AS raw
FROM broken;

-- 7. count the invalid rows
SELECT 'count' AS caudal, 'invalid' AS name, CAST((SELECT count(*) FROM invalid) AS BIGINT) AS value;

-- 8. count the malformed lines
SELECT 'count' AS caudal, 'rejected' AS name, CAST((SELECT count(*) FROM broken) AS BIGINT) AS value;

-- 9. count the lines that are not in the file's encoding
SELECT 'count' AS caudal, 'odd' AS name, CAST((SELECT count(*) FROM broken WHERE contains(problem, 'invalid encoding')) AS BIGINT) AS value;

-- 10. list the rules that most rows break
SELECT 'violation' AS caudal, "column", rule, count(*) AS "rows", min("row") AS "row", arg_min(value, "row") AS value
FROM violations
GROUP BY "column", rule
ORDER BY "rows" DESC, "column" NULLS FIRST, rule
LIMIT 100;

-- 11. write the quarantined rows
COPY (
SELECT CASE file WHEN 0 THEN 'raw.csv' END AS file, "row", line, "column", rule, value, raw
FROM (SELECT *, "row" + 1 AS line FROM violations) AS listed
ORDER BY listed.file, "row", "column" NULLS FIRST, rule
) TO 'data/quarantine/raw.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- 12. write the valid rows
COPY (
SELECT v0 AS "id",
       v1 AS "region",
       v2 AS "price",
       v3 AS "day"
FROM intake
WHERE bad IS NULL
) TO 'out/valid.parquet' (FORMAT parquet, RETURN_STATS true);

-- 13. measure 1 check in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows",
       CAST(count("id") - count(DISTINCT "id") AS BIGINT) AS m1,
       CAST(count(*) AS BIGINT) AS t1
FROM read_parquet('out/valid.parquet', hive_partitioning = false);

-- 14. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m1, NULL AS t1
WHERE FALSE;

-- 15. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

-- 16. name input for queries
CREATE TEMP VIEW "input" AS
SELECT * FROM read_parquet('out/valid.parquet', hive_partitioning = false);

-- 17. name measures for queries
CREATE TEMP VIEW "measures" AS
SELECT * FROM read_csv('regions.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', buffer_size = 67108864, max_line_size = 67000000, columns = {'region': 'VARCHAR', 'name': 'VARCHAR'});

-- 18. check sql
SET VARIABLE m0 = (SELECT CAST(count(*) AS BIGINT) FROM (
select * from input join measures using (region) where id is null
));

-- 19. list the measurement
SELECT 'measures' AS caudal, getvariable('m0') AS m0, (SELECT CAST(count(*) AS BIGINT) FROM read_parquet('out/valid.parquet', hive_partitioning = false)) AS t0;

-- 20. note how many of the first rows to search for failing ones
SET VARIABLE near = (SELECT [CASE WHEN m1 >= 2400 THEN CAST("rows" * sqrt(150.0 / (m1)) AS BIGINT) ELSE 0 END, greatest(0, CASE WHEN m1 >= 2400 THEN CAST("rows" * sqrt(150.0 / (m1)) AS BIGINT) ELSE 0 END)]
FROM "#caudal.measures");

-- 21. find failing rows among the first rows, where many fail
CREATE TEMP TABLE "#caudal.failing" AS
SELECT "check", "row", row_number() OVER () AS place, "values"
FROM (SELECT 1 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] AS "values"
FROM (SELECT * FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false)) LIMIT (coalesce(getvariable('near')[1], 0)))
WHERE getvariable('near')[1] > 0 AND ("id") IN (SELECT ("id") FROM (SELECT * FROM read_parquet('out/valid.parquet', hive_partitioning = false) LIMIT (coalesce(getvariable('near')[1], 0)))
  WHERE "id" IS NOT NULL GROUP BY "id" HAVING count(*) > 1)
ORDER BY "id" NULLS LAST, "row"
LIMIT 100);

-- 22. create an empty table of failing rows if that failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.failing" AS
SELECT 0 AS "check", 0 AS "row", 0 AS place, [''] AS "values"
WHERE FALSE;

-- 23. note which checks have their failing rows elsewhere
SET VARIABLE far = (SELECT [CASE WHEN m1 > 0 AND (SELECT count(*) FROM "#caudal.failing" WHERE "check" = 1) < least(m1, 100) THEN 1 ELSE 0 END]
FROM "#caudal.measures");

-- 24. list the failing rows among the first rows
SELECT 'sample' AS caudal, "check", "row", "values"
FROM "#caudal.failing"
WHERE "check" = 1 AND NOT getvariable('far')[1] > 0
ORDER BY "check", place;

-- 25. find the rows that fail unique_id among all rows, if there are any
SELECT 'sample' AS caudal, "check", "row", "values"
FROM (SELECT 1 AS "check", CAST("#caudal.row" + 1 AS BIGINT) AS "row", [CAST("id" AS VARCHAR), CAST("region" AS VARCHAR), CAST("price" AS VARCHAR), CASE WHEN "day" < DATE '0001-01-01' AND isfinite("day") THEN printf(CASE WHEN year("day") < 0 THEN '%05d' ELSE '%04d' END, year("day")) || strftime("day", '-%m-%d') || split_part(CAST("day" AS VARCHAR), '(BC)', 2) ELSE CAST("day" AS VARCHAR) END] AS "values"
FROM (SELECT "id", "region", "price", "day", file_row_number AS "#caudal.row" FROM read_parquet('out/valid.parquet', hive_partitioning = false))
WHERE getvariable('far')[1] > 0 AND ("id") IN (SELECT ("id") FROM read_parquet('out/valid.parquet', hive_partitioning = false)
  WHERE "id" IS NOT NULL GROUP BY "id" HAVING count(*) > 1)
ORDER BY "id" NULLS LAST, "row"
LIMIT 100);

-- 26. note how many rows fail sql
SET VARIABLE found = getvariable('m0');

-- 27. rows that fail sql, if there are any
SELECT 'sample' AS caudal, 0 AS "check", NULL AS "row", json_keys(row) AS names,
       list_transform(json_keys(row), lambda k: json_extract(row, '/' || replace(replace(k, '~', '~0'), '/', '~1')) ->> '$') AS "values"
FROM (SELECT to_json(failing) AS row FROM (
select * from input join measures using (region) where id is null
) AS failing
WHERE getvariable('found') > 0
LIMIT 100);

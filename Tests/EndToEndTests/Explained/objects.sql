-- everything / objects: lines against lines.json
-- Settings
SET memory_limit = 'N MB';
SET TimeZone = 'UTC';
SET preserve_insertion_order = true;
.shell mkdir -p 'data/quarantine' 'out'

-- 1. scan the input
CREATE TEMP TABLE intake AS
SELECT bad AS bad,
       CASE WHEN bad IS NULL THEN ("k" ->> '$') END AS v0,
       CASE WHEN bad IS NULL THEN CAST(nullif("o", 'null') AS BIGINT) END AS v1
FROM (SELECT *, CASE WHEN NOT (json_type(json) IS DISTINCT FROM 'OBJECT' OR (regexp_matches(CAST(json AS VARCHAR), ',[ \t\r\n]*[}\]]') AND regexp_matches(regexp_replace(CAST(json AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), ',[ \t\r\n]*[}\]]')) OR (regexp_matches(CAST(json AS VARCHAR), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)') AND regexp_matches(regexp_replace(CAST(json AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)')))
   AND len(json_keys(json)) = CAST("k" IS NOT NULL AS INTEGER) + CAST("o" IS NOT NULL AS INTEGER)
   AND ("k" IS NULL OR (json_type("k") = 'VARCHAR'))
   AND ("o" IS NULL OR ((json_type("o") IN ('UBIGINT', 'BIGINT', 'DOUBLE') AND TRY_CAST("o" AS DOUBLE) = trunc(TRY_CAST("o" AS DOUBLE)) AND TRY_CAST("o" AS BIGINT) IS NOT NULL)))
       THEN NULL ELSE [CAST(json AS VARCHAR)] END AS bad
FROM (SELECT json AS json,
       json_extract(json, '/k') AS "k",
       json_extract(json, '/o') AS "o"
FROM read_json_objects('lines.jsonl', format = 'newline_delimited', ignore_errors = true)));

-- 2. collect the malformed lines
CREATE TEMP TABLE broken AS
SELECT file, ordinal AS "row", 0 AS place, CASE WHEN CAST(bad[1] AS JSON) IS NULL THEN 'no json' WHEN (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), ',[ \t\r\n]*[}\]]') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), ',[ \t\r\n]*[}\]]')) THEN 'a comma without anything behind it' WHEN (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)')) THEN 'NaN or Infinity, which JSON does not have' ELSE 'no object, but ' || lower(json_type(CAST(bad[1] AS JSON))) END AS problem, bad[1] AS line
FROM (SELECT bad, 0 AS file, rowid - 0 + 1 AS ordinal
      FROM intake WHERE bad IS NOT NULL) AS numbered
WHERE (json_type(CAST(bad[1] AS JSON)) IS DISTINCT FROM 'OBJECT' OR (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), ',[ \t\r\n]*[}\]]') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), ',[ \t\r\n]*[}\]]')) OR (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)')));

-- 3. find the texts of the lines that cannot be read
CREATE TEMP TABLE lines_0 AS
SELECT n, line
FROM (SELECT row_number() OVER () AS n, line
      FROM read_csv('lines.jsonl', auto_detect = false, header = false, delim = '', quote = '', escape = '', strict_mode = false, max_line_size = 16777216, columns = {'line': 'VARCHAR'}, store_rejects = true, rejects_table = 'lines_0_rejects', rejects_scan = 'lines_0_rejects_scans'))
WHERE NOT json_valid(line) AND trim(line, E' \t\r\n') <> '';

-- 4. add their texts to their numbers
UPDATE broken SET line = found.line
FROM (SELECT *, row_number() OVER (PARTITION BY file ORDER BY number) AS nth,
        count(*) OVER (PARTITION BY file) AS size FROM (SELECT 0 AS file, line, n + (SELECT count(*) FROM (SELECT line, row_number() OVER (ORDER BY line) AS place FROM lines_0_rejects) AS r WHERE r.line - r.place < n) AS number FROM lines_0
UNION ALL SELECT 0, ltrim(csv_line, E'\r\n'), line FROM lines_0_rejects
)) AS found,
     (SELECT file, "row", row_number() OVER (PARTITION BY file ORDER BY "row") AS nth,
        count(*) OVER (PARTITION BY file) AS size FROM broken WHERE line IS NULL) AS unread
WHERE broken.file = unread.file AND broken."row" = unread."row"
  AND found.file = unread.file AND found.nth = unread.nth AND found.size = unread.size;

-- 5. number the invalid rows as they stand in the file
CREATE TEMP TABLE invalid AS
SELECT file AS file,
       ordinal AS "row",
       bad[1] AS json,
       json_extract(CAST(bad[1] AS JSON), '/k') AS "k",
       json_extract(CAST(bad[1] AS JSON), '/o') AS "o"
FROM (SELECT bad, 0 AS file, rowid - 0 + 1 AS ordinal
      FROM intake WHERE bad IS NOT NULL) AS numbered
WHERE NOT ((json_type(CAST(bad[1] AS JSON)) IS DISTINCT FROM 'OBJECT' OR (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), ',[ \t\r\n]*[}\]]') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), ',[ \t\r\n]*[}\]]')) OR (regexp_matches(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)') AND regexp_matches(regexp_replace(CAST(CAST(bad[1] AS JSON) AS VARCHAR), '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i)[\[:,][ \t\r\n]*-?(nan|inf)'))));

-- 6. count the rows
SELECT 'count' AS caudal, 'read' AS name, CAST((SELECT count(*) FROM intake) AS BIGINT) AS value;

-- 7. list every broken rule of every row
CREATE TEMP TABLE violations AS
SELECT file, "row", v."column" AS "column", v.rule AS rule, v.value AS value, raw
FROM (SELECT file AS file, "row" AS "row", json AS raw,
       unnest([
         CASE WHEN "k" IS NOT NULL AND (json_type("k") = 'VARCHAR') IS NOT TRUE
           THEN {'column': 'k', 'rule': 'type: string', 'value': CAST("k" AS VARCHAR)} END,
         CASE WHEN "o" IS NOT NULL AND ((json_type("o") IN ('UBIGINT', 'BIGINT', 'DOUBLE') AND TRY_CAST("o" AS DOUBLE) = trunc(TRY_CAST("o" AS DOUBLE)) AND TRY_CAST("o" AS BIGINT) IS NOT NULL)) IS NOT TRUE
           THEN {'column': 'o', 'rule': 'type: integer', 'value': CAST("o" AS VARCHAR)} END
       ] || list_transform(list_filter(list_distinct(json_keys(json)), lambda "#caudal.key": len(list_filter(json_keys(json), lambda "#caudal.other": "#caudal.other" = "#caudal.key")) > 1), lambda "#caudal.key": {'column': "#caudal.key", 'rule': 'key stands twice', 'value': CAST(json_extract(json, '/' || replace(replace("#caudal.key", '~', '~0'), '/', '~1')) AS VARCHAR)}) || list_transform(list_filter(list_distinct(json_keys(json)), lambda "#caudal.key": NOT list_contains(CAST(['k', 'o'] AS VARCHAR[]), "#caudal.key")), lambda "#caudal.key": {'column': "#caudal.key", 'rule': 'additionalProperties: false', 'value': CAST(json_extract(json, '/' || replace(replace("#caudal.key", '~', '~0'), '/', '~1')) AS VARCHAR)})) AS v FROM invalid)
WHERE v IS NOT NULL
UNION ALL
SELECT file, "row", NULL AS "column", 'malformed line: ' || problem AS rule, NULL AS value, line AS raw
FROM broken;

-- 8. count the invalid rows
SELECT 'count' AS caudal, 'invalid' AS name, CAST((SELECT count(*) FROM invalid) AS BIGINT) AS value;

-- 9. count the malformed lines
SELECT 'count' AS caudal, 'rejected' AS name, CAST((SELECT count(*) FROM broken) AS BIGINT) AS value;

-- 10. count the lines that are not in the file's encoding
SELECT 'count' AS caudal, 'odd' AS name, CAST((SELECT count(*) FROM broken WHERE contains(problem, 'invalid encoding')) AS BIGINT) AS value;

-- 11. list the rules that most rows break
SELECT 'violation' AS caudal, "column", rule, count(*) AS "rows", min("row") AS "row", arg_min(value, "row") AS value
FROM violations
GROUP BY "column", rule
ORDER BY "rows" DESC, "column" NULLS FIRST, rule
LIMIT 100;

-- 12. write the quarantined rows
COPY (
SELECT CASE file WHEN 0 THEN 'lines.jsonl' END AS file, "row", line, "column", rule, value, raw
FROM (SELECT *, CAST(NULL AS BIGINT) AS line FROM violations) AS listed
ORDER BY listed.file, "row", "column" NULLS FIRST, rule
) TO 'data/quarantine/lines.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- 13. write the valid rows
COPY (
SELECT v0 AS "k",
       v1 AS "o"
FROM intake
WHERE bad IS NULL
) TO 'out/objects.csv' (FORMAT csv, HEADER true, RETURN_FILES true);

-- 14. measure 1 check in one scan
CREATE TEMP TABLE "#caudal.measures" AS
SELECT CAST(count(*) AS BIGINT) AS "rows",
       CAST(count(*) AS DOUBLE) AS m0,
       CAST(count(*) AS BIGINT) AS t0
FROM read_csv('out/objects.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'k': 'VARCHAR', 'o': 'BIGINT'});

-- 15. create an empty table of measurements if the scan failed
CREATE TEMP TABLE IF NOT EXISTS "#caudal.measures" AS
SELECT NULL AS "rows", NULL AS m0, NULL AS t0
WHERE FALSE;

-- 16. list the measurements
SELECT 'measures' AS caudal, *
FROM "#caudal.measures";

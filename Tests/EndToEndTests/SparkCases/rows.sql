-- The rows that both engines are given: values at which engines differ.
COPY (
  SELECT i AS id, i % 7 AS n, CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN -0.0 WHEN 2 THEN 2.5 WHEN 3 THEN -2.5 WHEN 4 THEN 0.1 WHEN 5 THEN 1.005
         WHEN 6 THEN 2.675 WHEN 7 THEN 1e15 ELSE i * 1.25 END::DOUBLE AS x,
    CASE i % 11 WHEN 0 THEN 'nan' WHEN 1 THEN 'inf' WHEN 2 THEN '-inf' ELSE (i / 3.0)::VARCHAR END::DOUBLE AS odd,
    CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN 9223372036854775807 WHEN 2 THEN -9223372036854775808 ELSE i * -3 END::BIGINT AS big,
    (ARRAY['ÀÉ x', '  two  ', E'\ttab\n', 'a-b--c', '', NULL, 'abc', 'Zürich', chr(160)||'nb'||chr(160), '🙂 smile', 'a_b%c', 'back\slash', E'quo''te"d',
           'x.y.z', 'ПРИВЕТ', 'line'||chr(10)||'break', 'ab', 'aab', '100%', 'CAFÉ'])[i % 20 + 1] AS s,
    (ARRAY['12', ' 12 ', '+12', '-0', '1.5', '1e3', '1E3', '1_000', '0x10', 'abc', '', '9223372036854775807', '9223372036854775808', '1.',
           '.5', '1,000', '12d', '00012', '7.0', NULL, '-1.9', '1e-3', '12L', 'true'])[i % 24 + 1] AS num,
    (ARRAY['true', 'false', 'TRUE', 't', 'yes', 'no', '1', '0', 'maybe', NULL, 'f'])[i % 11 + 1] AS truth,
    (ARRAY['2026-11-23', '2026-02-30', '2026-11-23 06:00:00', '2026-11-23T06:00:00.25', NULL, 'soon', '1999-12-31', '2026-11-23T06:00'])[i % 8 + 1] AS local,
    (ARRAY['2026-11-23T06:00:00Z', '2026-11-23T06:00:00+02:00', '2026-11-23 06:00:00.123456-05:30', NULL, 'never', '2024-02-29T23:59:59Z'])[i % 6 + 1] AS moment,
    CASE WHEN i % 5 = 0 THEN NULL ELSE DATE '2024-02-27' + (i % 40)::INTEGER END AS day,
    CASE WHEN i % 6 = 0 THEN NULL ELSE TIMESTAMP '2024-02-28 22:00:00.5' + to_minutes((i * 37)::BIGINT) END AS t,
    CASE i % 3 WHEN 0 THEN TRUE WHEN 1 THEN FALSE END AS b,
    CASE WHEN i % 4 = 0 THEN NULL ELSE (i * 1.15)::DECIMAL(10,2) END AS d,
    'k' || (i % 13) AS k, (i % 10)::VARCHAR AS code
  FROM range(1, 241) r(i)
) TO 'rows.parquet' (FORMAT parquet);

COPY (SELECT 'k' || i AS k, i::BIGINT AS code, i * 1.5::DOUBLE AS price, CASE WHEN i % 2 = 0 THEN NULL ELSE 'name ' || i END AS label,
        DATE '2024-02-01' + i::INTEGER AS since, CASE WHEN i % 3 = 0 THEN NULL ELSE DATE '2024-03-10' + i::INTEGER END AS until
      FROM range(0, 9) r(i)) TO 'names.parquet' (FORMAT parquet);
COPY (SELECT * FROM (VALUES ('1', 'one'), ('2', 'two'), ('03', 'three'), ('x', 'none'), ('1', 'again')) v(code, word)) TO 'words.csv' (FORMAT csv, HEADER true);
COPY (SELECT i AS code, {'a': i}::VARCHAR AS note, i % 2 = 0 AS even FROM range(0, 6) r(i)) TO 'notes.jsonl' (FORMAT json);
COPY (SELECT * FROM (VALUES (DATE '10000-01-01', TIMESTAMP '12345-06-07 08:09:10.5'), (DATE '0044-03-15 (BC)', TIMESTAMP '0001-01-01 00:00:00')) v(day, t)) TO 'years.parquet' (FORMAT parquet);

#!/usr/bin/env python3
"""Measures a fan-out over the values of a column, compared with one DuckDB statement that writes all of its files.

Makes ROWS sales with a column of VALUES shops, as Parquet or with --csv as CSV. Then it runs, in turn, PAIRS times:

  caudal         'foreach' over the shops: an item, a process and a file for each
  whole          the same with a time limit, with which each item reads the whole input
  one statement  COPY … (PARTITION_BY shop): the files of all shops, whose rows keep no order
"""
import os, shutil, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import DUCKDB, caudal_options, measure, table

PIPELINE = """version: 1
name: {name}
datasets:
  sales: {{path: sales.{format}}}
  parts: {{path: "out/${{item.shop}}.parquet"}}
stages:
  parts:
    type: process
    input: sales
    output: parts{limit}
    foreach: {{shop: {{sql: "select distinct shop from sales order by 1"}}}}
    steps: [{{derive: {{vat: cast(total as number) * 0.19}}}}, {{filter: cast(quantity as number) > 0}}]
"""


def main():
    form = "csv" if "--csv" in sys.argv else "parquet"
    sys.argv = [word for word in sys.argv if word != "--csv"]
    options = caudal_options(__doc__, rows=3_000_000, pairs=3)
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--output", "raw.csv"], folder)
        measure([DUCKDB, "-no-init", "-c",
                 "COPY (SELECT order_id, product_id, region, TRY_CAST(quantity AS BIGINT) AS quantity, "
                 "TRY_CAST(price AS DOUBLE) AS price, TRY_CAST(quantity AS BIGINT) * TRY_CAST(price AS DOUBLE) AS total, "
                 "'shop-' || lpad(CAST(hash(order_id) % 50 AS VARCHAR), 2, '0') AS shop "
                 f"FROM read_csv('raw.csv', all_varchar = true)) TO 'sales.{form}'"], folder)
        write("p.yaml", PIPELINE.format(name="divided", format=form, limit=""))
        write("whole.yaml", PIPELINE.format(name="whole", format=form, limit="\n    timeout: 10h"))
        write("one.sql", "COPY (SELECT *, total * 0.19 AS vat FROM 'sales." + form + "' WHERE quantity > 0) "
                         "TO 'out' (FORMAT parquet, PARTITION_BY shop, WRITE_PARTITION_COLUMNS true);\n")

        def before(_):
            for left in ("out", ".caudal"):
                shutil.rmtree(os.path.join(folder, left), ignore_errors=True)

        runners = {
            "caudal": [options.caudal, "run", "p.yaml", "--plain"],
            "whole": [options.caudal, "run", "whole.yaml", "--plain"],
            "one statement": [DUCKDB, "-no-init", "-f", "one.sql"],
        }
        table(f"a fan-out over 50 values, {options.rows:,} rows of {form}", runners, options.pairs, folder, before,
              unit="one statement")


main()

#!/usr/bin/env python3
"""Measures a pipeline from end to end, compared with running the SQL that it prints by hand.

Makes ROWS sales as CSV and, with --parquet, turns them into Parquet first. Then it runs, in turn, PAIRS times:

  caudal         validate, process, enrich, check, publish ('caudal run --plain'), with a new journal for each run
  by hand        what 'caudal explain' prints for each stage, one duckdb process after another, in the same order

The outputs of both are compared byte for byte. Peak memory is the sum over all processes.
"""
import hashlib, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import ROOT, DUCKDB, caudal_options, measure, table

STAGES = ["validate", "process", "enrich", "quality"]
PIPELINE = """version: 1
name: sales
max_parallel: 1
datasets:
  raw: {{path: sales.{format}, schema: {schema}}}
  catalog: {{path: catalog.csv}}
  valid: {{path: out/valid.parquet}}
  clean: {{path: out/clean.parquet}}
  enriched: {{path: out/enriched.parquet}}
stages:
  validate: {{type: validate, input: raw, output: valid, quarantine: out/quarantine.parquet}}
  process:
    type: process
    input: valid
    output: clean
    steps:
      - deduplicate: {{by: [order_id], keep: first}}
      - fill_missing: {{quantity: 0, price: 0}}
      - derive: {{total: quantity * price}}
  enrich:
    type: enrich
    input: clean
    output: enriched
    lookups: [{{dataset: catalog, on: product_id, add: [product_name, category], default: unknown}}]
  quality:
    type: check
    input: enriched
    checks:
      - {{unique: order_id}}
      - {{completeness: total, min: 95%}}
      - {{range: quantity, min: 0}}
      - {{accepted_values: region, in: [north, south, east, west, center]}}
      - {{row_count: {{min: 100}}}}
"""


def digests(folder):
    found = {}
    for name in sorted(os.listdir(os.path.join(folder, "out"))):
        with open(os.path.join(folder, "out", name), "rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def main():
    parquet = "--parquet" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--parquet"]
    options = caudal_options(__doc__, rows=10_000_000, pairs=5)
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--output", "sales.csv",
                 "--catalog", "catalog.csv"], folder)
        kind = "parquet" if parquet else "csv"
        if parquet:
            measure([DUCKDB, "-no-init", "-c",
                     "COPY (SELECT * REPLACE (TRY_CAST(quantity AS BIGINT) AS quantity, TRY_CAST(price AS DOUBLE) AS price, "
                     "TRY_CAST(order_date AS TIMESTAMP) AS order_date) FROM read_csv('sales.csv', all_varchar = true)) "
                     "TO 'sales.parquet'"], folder)
            os.remove(os.path.join(folder, "sales.csv"))
        shutil.copy(os.path.join(ROOT, "data/schemas/sales_schema_v1.json"), os.path.join(folder, "schema.json"))
        write("p.yaml", PIPELINE.format(format=kind, schema="schema.json"))

        # 'explain' needs the outputs of earlier stages.
        measure([options.caudal, "run", "p.yaml", "--plain"], folder)
        wanted = digests(folder)
        for stage in STAGES:
            write(f"{stage}.sql", subprocess.run([options.caudal, "explain", "p.yaml", stage], cwd=folder, check=True,
                                                 capture_output=True, text=True).stdout)
        runs = "\n".join(f"'{DUCKDB}' -no-init -bail -f {stage}.sql >/dev/null" for stage in STAGES)
        write("by-hand.sh", f"set -e\n{runs}\n")

        def before(name):
            for left in ("out", ".caudal") if name == "caudal" else ("out",):
                shutil.rmtree(os.path.join(folder, left), ignore_errors=True)

        runners = {"caudal": [options.caudal, "run", "p.yaml", "--plain"], "by hand": ["sh", "by-hand.sh"]}
        table(f"validate, process, enrich, check, publish of {options.rows:,} rows of {kind}", runners, options.pairs,
              folder, before)
        found = digests(folder)
        print("outputs: " + ("the same bytes" if found == wanted else f"they differ: {wanted} and {found}"))


if __name__ == "__main__":
    main()

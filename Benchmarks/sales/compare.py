#!/usr/bin/env python3
"""Compares the sales job with the same job written by hand: what a pipeline costs beside the smartest script.

The job validates a CSV file against a schema with a quarantine, drops duplicates, fills and derives, looks up a catalog, and
checks the result. It runs, in turn, PAIRS times:

  caudal         'caudal run --plain', with a new journal for each run
  by hand        Benchmarks/sales/by_hand.sql, in one DuckDB process
  polars         Benchmarks/sales/polars_job.py
  pandas         Benchmarks/sales/pandas_job.py
  dbt            Benchmarks/sales/dbt with dbt-duckdb: models, each a file, and tests

Polars, pandas and dbt are installed into environments of their own in .tools; --peers names those to run. All of them write a quarantine, valid, clean and enriched rows as Parquet. Their rows are compared with those of caudal, in order.
"""
import os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "data"))
from common import DUCKDB, ROOT, caudal_options, measure, python_with, table
from pipeline import PIPELINE

PEERS = {
    "polars": ["polars==2.1.0"],
    "pandas": ["pandas==3.1.1", "pyarrow==26.0.1"],
    "dbt": ["dbt-core==1.9.11", "dbt-duckdb==1.9.6", "duckdb==1.5.5"],
}
FILES = ["quarantine", "valid", "clean", "enriched"]


def peer_command(name):
    """What runs the job in the folder of the data."""
    python = python_with(name, *PEERS[name])
    if name != "dbt":
        return [python, os.path.join(HERE, f"{name}_job.py")]
    return [os.path.join(os.path.dirname(python), "dbt"), "build", "--project-dir", "dbt", "--profiles-dir", "dbt"]


def digest(folder, name):
    """The number of rows of a file, and a fingerprint of them with their places."""
    rows = f"read_parquet('{folder}/{name}.parquet', file_row_number = true)"
    query = f"SELECT count(*), bit_xor(hash(CAST(rows AS VARCHAR))) FROM (SELECT * FROM {rows}) AS rows"
    answer = subprocess.run([DUCKDB, "-no-init", "-csv", "-noheader", "-c", query], capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(answer.stderr)
    return answer.stdout.strip()


def main():
    options = caudal_options(__doc__, rows=10_000_000, pairs=3, peers=tuple(PEERS))
    peers = {name: peer_command(name) for name in options.peers}
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--output", "sales.csv",
                 "--catalog", "catalog.csv"], folder)
        shutil.copy(os.path.join(ROOT, "data/schemas/sales_schema_v1.json"), os.path.join(folder, "schema.json"))
        with open(os.path.join(folder, "p.yaml"), "w") as file:
            file.write(PIPELINE.format(format="csv", schema="schema.json"))
        runners = {
            "caudal": [options.caudal, "run", "p.yaml", "--plain"],
            "by hand": [DUCKDB, "-no-init", "-bail", "-f", os.path.join(HERE, "by_hand.sql")],
            **peers,
        }
        shutil.copytree(os.path.join(HERE, "dbt"), os.path.join(folder, "dbt"))
        found = {}

        def before(name):
            """Takes the fingerprints of what the run before wrote, and clears the folder."""
            out = os.path.join(folder, "out")
            if os.path.exists(out) and before.last not in found:
                found[before.last] = [digest(out, file) for file in FILES]
            for left in ("out", ".caudal", "dbt/target"):
                shutil.rmtree(os.path.join(folder, left), ignore_errors=True)
            if name == "dbt":
                os.mkdir(out)
                if os.path.exists(os.path.join(folder, "dbt.duckdb")):
                    os.remove(os.path.join(folder, "dbt.duckdb"))
            before.last = name

        before.last = None
        table(f"the sales job, {options.rows:,} rows of CSV", runners, options.pairs, folder, before, unit="by hand")
        before(None)
        for name, digests in found.items():
            if name is None or name == "caudal":
                continue
            same = [file for file, a, b in zip(FILES, digests, found["caudal"]) if a == b]
            print(f"{name}: the same rows in {', '.join(same) or 'no file'}"
                  + (f"; other rows in {', '.join(f for f in FILES if f not in same)}" if len(same) < len(FILES) else ""))


main()

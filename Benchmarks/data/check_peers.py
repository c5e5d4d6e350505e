#!/usr/bin/env python3
"""Measures what twenty checks of a CSV file cost in Caudal, in Great Expectations and in Soda.

The checks are those of checks.py with keys: missing values, ranges, accepted values, counts, uniqueness, a foreign key and patterns. It runs,
in turn, PAIRS times:

  caudal                one check stage, including failing rows and journal
  great expectations    twenty expectations on a pandas data frame of text, with the first failing values
  soda                  twenty checks of a DuckDB view of the file; its package brings DuckDB 1.0

The script ends with an error unless the checks pass in each.
"""
import os, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checks import KEYS
from common import caudal_options, measure, python_with, table

PEERS = {
    "great expectations": ["great_expectations==1.24.1", "pandas==3.1.1"],
    "soda": ["soda-core-duckdb==3.5.6"],
}
GREAT_EXPECTATIONS = """
import great_expectations as gx, pandas as pd
import great_expectations.expectations as e

rows = pd.read_csv("sales.csv", dtype=str, keep_default_na=False, na_values=[""])
catalog = pd.read_csv("catalog.csv", dtype=str)
context = gx.get_context(mode="ephemeral")
batch = context.data_sources.add_pandas("here").add_dataframe_asset("sales").add_batch_definition_whole_dataframe("whole")
suite = context.suites.add(gx.ExpectationSuite("sales", expectations=[
    *[e.ExpectColumnValuesToNotBeNull(column=c, mostly=m) for c, m in [
        ("order_id", 1), ("product_id", 1), ("order_date", .95), ("quantity", .95), ("price", .95), ("region", 1)]],
    *[e.ExpectColumnValuesToNotBeNull(column=c, mostly=m, meta={"id": "completeness"}) for c, m in [
        ("quantity", .9), ("price", .9), ("region", .99)]],
    e.ExpectColumnValuesToBeInSet(column="region", value_set=["north", "south", "east", "west", "center"]),
    e.ExpectTableRowCountToBeBetween(min_value=1000),
    e.ExpectColumnUniqueValueCountToBeBetween(column="region", min_value=5, max_value=5),
    # Its ranges take no text.
    e.ExpectColumnValuesToMatchRegex(column="order_id", regex="^O-"),
    e.ExpectColumnValuesToMatchRegex(column="product_id", regex="^P-"),
    e.ExpectColumnValuesToMatchRegex(column="region", regex="^[a-z]"),
    e.ExpectColumnValuesToBeUnique(column="order_id", mostly=.96),
    e.ExpectColumnValuesToBeInSet(column="product_id", value_set=list(catalog["product_id"]), mostly=.99),
    e.ExpectColumnValuesToMatchRegex(column="order_id", regex="^O-[0-9]+$"),
    e.ExpectColumnValuesToMatchRegex(column="price", regex="^-?[0-9.]+$", mostly=.95),
    e.ExpectColumnUniqueValueCountToBeBetween(column="product_id", min_value=100),
]))
found = batch.get_batch({"dataframe": rows}).validate(suite)
print(f"{found.statistics['successful_expectations']} of {found.statistics['evaluated_expectations']} passed")
failed = [str(r.expectation_config) for r in found.results if not r.success]
assert not failed and len(found.results) == 20, failed
"""
SODA_CHECKS = """
checks for sales:
  - missing_count(order_id) = 0
  - missing_count(product_id) = 0
  - missing_percent(order_date) < 5
  - missing_percent(quantity) < 5
  - missing_percent(price) < 5
  - missing_count(region) = 0
  - missing_percent(quantity) < 10
  - missing_percent(price) < 10
  - missing_percent(region) < 1
  - invalid_count(region) = 0:
      valid values: [north, south, east, west, center]
  - row_count >= 1000
  - regions = 5:
      regions expression: count(DISTINCT region)
  - low_orders = 0:
      low_orders expression: count(CASE WHEN order_id < 'O-' THEN 1 END)
  - low_products = 0:
      low_products expression: count(CASE WHEN product_id < 'P-' THEN 1 END)
  - other_regions = 0:
      other_regions expression: count(CASE WHEN region < 'a' OR region > 'z' THEN 1 END)
  - duplicate_percent(order_id) < 2
  - values in (product_id) must exist in catalog (product_id)
  - invalid_count(order_id) = 0:
      valid regex: ^O-[0-9]+$
  - invalid_percent(price) < 5:
      valid regex: ^-?[0-9.]+$
  - products >= 100:
      products expression: count(DISTINCT product_id)
"""
SODA = """
import duckdb
from soda.scan import Scan

connection = duckdb.connect()
for name in ("sales", "catalog"):
    connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_csv('{name}.csv', header = true, all_varchar = true, nullstr = '')")
scan = Scan()
scan.disable_telemetry()
scan.add_duckdb_connection(connection, data_source_name="here")
scan.set_data_source_name("here")
scan.add_sodacl_yaml_file("checks.yml")
scan.execute()
results = scan.get_scan_results()["checks"]
print(f"{sum(r['outcome'] == 'pass' for r in results)} of {len(results)} passed")
# The data has some products that the catalog has not; Soda knows no share of them that may be.
failed = [r["name"] for r in results if r["outcome"] != "pass" and "must exist" not in r["name"]]
assert not failed and len(results) == 20, failed
"""


def main():
    options = caudal_options(__doc__, rows=1_000_000, pairs=3)
    pythons = {name: python_with(name.replace(" ", "-"), *packages) for name, packages in PEERS.items()}
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--output", "sales.csv",
                 "--catalog", "catalog.csv"], folder)
        lines = "\n".join(f"      - {text}" for text, _ in KEYS)
        write("p.yaml", "version: 1\nname: checks\ndatasets: {sales: {path: sales.csv}, catalog: {path: catalog.csv}}\n"
                        f"stages:\n  look:\n    type: check\n    input: sales\n    checks:\n{lines}\n")
        write("expectations.py", GREAT_EXPECTATIONS)
        write("checks.yml", SODA_CHECKS)
        write("soda_scan.py", SODA)
        runners = {
            "caudal": [options.caudal, "run", "p.yaml", "--plain"],
            "great expectations": [pythons["great expectations"], "expectations.py"],
            "soda": [pythons["soda"], "soda_scan.py"],
        }
        table(f"20 checks with keys of {options.rows:,} rows of CSV", runners, options.pairs, folder, unit="caudal")


main()

#!/usr/bin/env python3
"""Measures what twenty checks cost: one check stage of caudal, compared with DuckDB alone.

Makes ROWS sales and runs, in turn, PAIRS times:

  caudal         twenty checks in one check stage ('caudal run --plain'), including failing rows and journal
  one scan       one DuckDB query that reads a value of every column (max(length(c)))
  held           one DuckDB query that reads every column and keeps the rows (CREATE TEMP TABLE)
  one statement  the same twenty checks as one DuckDB query, without failing rows
  one each       the same twenty checks, one DuckDB query for each, as a script of checks is often written

There are two sets of checks: 'rows' has twenty that look at single rows; 'keys' also has uniqueness of ten million keys,
a foreign key and patterns. Prints medians, and how many times the CPU of one scan each takes. Some rows fail in both sets, and
caudal finds them.
"""
import os, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import DUCKDB, caudal_options, measure, table

COLUMNS = ["order_id", "product_id", "quantity", "price", "region", "order_date"]
READER = ("read_csv('sales.csv', auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
          "nullstr = '', columns = {" + ", ".join(f"'{c}': 'VARCHAR'" for c in COLUMNS) + "})")

# Each check as YAML, and as the query that a user would write for it.
COMMON = [
    ("{not_null: order_id}", "count(*) FILTER (WHERE order_id IS NULL)"),
    ("{not_null: product_id}", "count(*) FILTER (WHERE product_id IS NULL)"),
    ("{not_null: order_date, max_failing: 5%}", "count(*) FILTER (WHERE order_date IS NULL)"),
    ("{not_null: quantity, max_failing: 5%}", "count(*) FILTER (WHERE quantity IS NULL)"),
    ("{not_null: price, max_failing: 5%}", "count(*) FILTER (WHERE price IS NULL)"),
    ("{not_null: region}", "count(*) FILTER (WHERE region IS NULL)"),
    ("{completeness: quantity, min: 90%}", "count(quantity) / count(*)"),
    ("{completeness: price, min: 90%}", "count(price) / count(*)"),
    ("{completeness: region, min: 99%}", "count(region) / count(*)"),
    ("{accepted_values: region, in: [north, south, east, west, center]}",
     "count(*) FILTER (WHERE region NOT IN ('north', 'south', 'east', 'west', 'center'))"),
    ("{row_count: {min: 1000}}", "count(*)"),
    ("{distinct_count: region, min: 5, max: 5}", "count(DISTINCT region)"),
    ("{range: order_id, min: O-}", "count(*) FILTER (WHERE order_id < 'O-')"),
    ("{range: product_id, min: P-}", "count(*) FILTER (WHERE product_id < 'P-')"),
    ("{range: region, min: a, max: z}", "count(*) FILTER (WHERE region < 'a' OR region > 'z')"),
]
ROWS = COMMON + [
    ("{range: price, id: price_is_no_word, max: n, max_failing: 5%}", "count(*) FILTER (WHERE price > 'n')"),
    ("{range: quantity, id: quantity_is_no_word, max: t, max_failing: 5%}", "count(*) FILTER (WHERE quantity > 't')"),
    ("{not_null: quantity, id: north, where: region = 'north', max_failing: 5%}",
     "count(*) FILTER (WHERE region = 'north' AND quantity IS NULL)"),
    ("{not_null: price, id: south, where: region = 'south', max_failing: 5%}",
     "count(*) FILTER (WHERE region = 'south' AND price IS NULL)"),
    ("{range: order_date, id: old, min: \"2000\", max_failing: 5%}", "count(*) FILTER (WHERE order_date < '2000')"),
]
KEYS = COMMON + [
    ("{unique: order_id, max_failing: 2%}", "count(order_id) - count(DISTINCT order_id)"),
    ("{foreign_key: product_id, dataset: catalog, max_failing: 1%}",
     "count(*) FILTER (WHERE product_id NOT IN (SELECT product_id FROM 'catalog.csv'))"),
    ("{matches: order_id, pattern: \"^O-[0-9]+$\"}",
     "count(*) FILTER (WHERE NOT regexp_matches(order_id, '^O-[0-9]+$'))"),
    ("{matches: price, pattern: \"^-?[0-9.]+$\", max_failing: 5%}",
     "count(*) FILTER (WHERE NOT regexp_matches(price, '^-?[0-9.]+$'))"),
    ("{distinct_count: product_id, min: 100}", "count(DISTINCT product_id)"),
]


def main():
    options = caudal_options(__doc__, rows=10_000_000, pairs=5)
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--output", "sales.csv",
                 "--catalog", "catalog.csv"], folder)
        scan = ", ".join(f"max(length({c}))" for c in COLUMNS)
        write("scan.sql", f"SELECT {scan} FROM {READER};\n")
        write("held.sql", f"CREATE TEMP TABLE held AS SELECT * FROM {READER};\n")
        for name, checks in (("rows", ROWS), ("keys", KEYS)):
            assert len(checks) == 20
            lines = "\n".join(f"      - {text}" for text, _ in checks)
            write("p.yaml", "version: 1\nname: checks\ndatasets: {sales: {path: sales.csv}, catalog: {path: catalog.csv}}\n"
                            f"stages:\n  look:\n    type: check\n    input: sales\n    checks:\n{lines}\n")
            write("statement.sql", "SELECT " + ",\n".join(query for _, query in checks) + f"\nFROM {READER};\n")
            write("each.sql", "".join(f"SELECT {query} FROM {READER};\n" for _, query in checks))
            runners = {
                "caudal": [options.caudal, "run", "p.yaml", "--plain"],
                "one scan": [DUCKDB, "-no-init", "-f", "scan.sql"],
                "held": [DUCKDB, "-no-init", "-f", "held.sql"],
                "one statement": [DUCKDB, "-no-init", "-f", "statement.sql"],
                "one each": [DUCKDB, "-no-init", "-f", "each.sql"],
            }
            table(f"20 checks ({name}) of {options.rows:,} rows of CSV", runners, options.pairs, folder,
                  unit="one scan")


if __name__ == "__main__":
    main()

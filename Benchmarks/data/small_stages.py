#!/usr/bin/env python3
"""Measures what a small data stage costs: 1,000 stages of 1,000 rows each, compared with the same scripts run by hand.

Makes STAGES / 2 CSV files of ROWS sales. A stage for each derives and filters, and another takes what the first wrote, and north it
up by region. Then it runs, in turn, PAIRS times:

  caudal         'caudal run --plain', with a new journal for each run
  by hand        what 'caudal explain' prints for each stage, one duckdb process after another
  duckdb alone   as many duckdb processes that select a number

Prints CPU milliseconds for each stage, of all processes together.
"""
import os, shutil, statistics, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import DUCKDB, caudal_options, measure

HEAD = "version: 1\nname: small\nmax_parallel: 2\n"
DATASETS = """  raw_{0}: {{path: raw/{0}.csv}}
  clean_{0}: {{path: out/clean_{0}.parquet}}
  north_{0}: {{path: out/north_{0}.parquet}}
"""
STAGES = """  clean_{0}:
    type: process
    input: raw_{0}
    output: clean_{0}
    steps:
      - cast: {{quantity: integer, price: number}}
      - filter: quantity > 0
      - derive: {{total: quantity * price}}
  north_{0}:
    type: process
    input: clean_{0}
    output: north_{0}
    steps: [{{filter: region = 'north'}}, {{select: [order_id, total]}}]
"""


def main():
    stages = 1000
    if "--stages" in sys.argv:
        place = sys.argv.index("--stages")
        stages = int(sys.argv[place + 1])
        del sys.argv[place:place + 2]
    options = caudal_options(__doc__, rows=1000, pairs=3)
    pairs = range(stages // 2)
    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        measure([options.caudal, "generate", "sales", "--rows", str(options.rows), "--flaws", "0",
                 "--output", "sales.csv"], folder)
        with open(os.path.join(folder, "sales.csv")) as file:
            head, *lines = file.readlines()
        os.mkdir(os.path.join(folder, "raw"))
        for index in pairs:
            # Other bytes in each: the same content would have the same fingerprint.
            write(f"raw/{index}.csv", head + "".join(lines).replace("O-", f"O{index}-"))
        write("p.yaml", HEAD + "datasets:\n" + "".join(map(DATASETS.format, pairs)) + "stages:\n"
              + "".join(map(STAGES.format, pairs)))

        # The scripts, which need the outputs of earlier stages: those of the first pair stand for all.
        measure([options.caudal, "run", "p.yaml", "--plain"], folder)
        for index in (0,):
            for name in ("clean", "north"):
                write(f"{name}.sql", subprocess.run([options.caudal, "explain", "p.yaml", f"{name}_{index}"], cwd=folder,
                                                    check=True, capture_output=True, text=True).stdout)
        one = f"'{DUCKDB}' -no-init -batch"
        write("by-hand.sh", "set -e\n" + "\n".join(f"{one} -bail -f {name}.sql >/dev/null" for _ in pairs for name in ("clean", "north")))
        write("alone.sh", f"set -e\n" + "\n".join(f"{one} -c 'SELECT 1' >/dev/null" for _ in range(stages)))
        runners = {"caudal": [options.caudal, "run", "p.yaml", "--plain"], "by hand": ["sh", "by-hand.sh"],
                   "duckdb alone": ["sh", "alone.sh"]}
        figures = {name: [] for name in runners}
        for turn in range(options.pairs):
            for name, command in runners.items():
                if name == "caudal":
                    for left in ("out", ".caudal"):
                        shutil.rmtree(os.path.join(folder, left), ignore_errors=True)
                figures[name].append(measure(command, folder))
        print(f"\n{stages} stages of {options.rows} rows; {options.pairs} turns, medians")
        print(f"{'':14} {'wall s':>8} {'CPU s':>8} {'CPU ms a stage':>15} {'peak MiB':>9}")
        for name, results in figures.items():
            walls, cpus, peaks = zip(*results)
            cpu = statistics.median(cpus)
            print(f"{name:14} {statistics.median(walls):8.2f} {cpu:8.2f} {cpu / stages * 1000:15.1f} {max(peaks):9.0f}")


main()

#!/usr/bin/env python3
"""Makes a project with the logs of many runs, in the format and places in which runs write them.

    Benchmarks/logs/store.py FOLDER [--runs 1000] [--lines 10000] [--caudal .build/release/caudal]

One run of each pipeline is real; its record and plan are those of all others. The runs of five pipelines take twenty
minutes each and begin every twenty-two minutes of one pipeline, the pipelines one after the other, so that each run
overlaps with those of other pipelines. The last run ends now. Two lines of a hundred are warnings, one of two hundred is an
error, one of twenty is JSON; each run has one line with the word 'needle' and its number.
"""
import argparse
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import time

PIPELINES = ["sales", "orders", "stock", "billing", "web_traffic"]
STAGES = ["extract", "clean", "enrich", "load"]
TEXTS = [
    "read part-{n:05d}.csv: {m} rows in {k} ms",
    "wrote 4096 rows to staging/{n:05d}.parquet ({m} bytes)",
    "GET https://api.example.com/v2/items?page={n} 200 in {k} ms",
    "customer {m} has no region, taking 'unknown'",
    "cache hit for key region:{n} (size={m}, age={k}s)",
    "2026-11-28 06:00:00,123 INFO  [worker-{k}] c.e.Batch - committed offset {m}",
    "path=\"/data/in/{n}.csv\" took {k} ms",
    "ünïcode names: Zoë, 東京, customer {m}",
]
WARNINGS = ["WARN retrying request {n} after timeout of {k} ms", "WARNING disk usage at {k}%"]
ERRORS = ["ERROR connection to 10.0.0.{k} refused after {m} ms", "ERROR cannot parse '{n}' as a number in row {m}"]


def iso(milliseconds):
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{text}.{milliseconds % 1000:03d}Z"


def run_id(milliseconds, number):
    letters = "23456789abcdefghijkmnpqrstuvwxyz"
    part = (milliseconds % 1000) * 1024 // 1000
    tail = [part // 32, part % 32, number // 32 % 32, number % 32]
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(milliseconds // 1000)) + "-" + "".join(letters[i] for i in tail)


def messages(dice):
    """Ten thousand lines without their time: level, message, fields."""
    found = []
    for _ in range(10_000):
        n, m, k = dice.randrange(100_000), dice.randrange(10_000_000), dice.randrange(1, 255)
        kind = dice.random()
        if kind < 0.005:
            level, text = "error", dice.choice(ERRORS)
        elif kind < 0.025:
            level, text = "warn", dice.choice(WARNINGS)
        else:
            level, text = "info", dice.choice(TEXTS)
        text = text.format(n=n, m=m, k=k)
        fields = None
        if level == "info" and kind > 0.95:
            fields = json.dumps({"level": "info", "msg": text, "n": n, "k": k}, ensure_ascii=False)
        found.append((level, json.dumps(text, ensure_ascii=False), fields))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--caudal", default=".build/release/caudal")
    options = parser.parse_args()
    caudal = os.path.abspath(options.caudal)
    root = options.folder
    root.mkdir(parents=True)
    for name in PIPELINES:
        stages = "".join(f"  {stage}: {{type: command, run: echo {stage}}}\n" for stage in STAGES)
        (root / f"{name}.yaml").write_text(f"version: 1\nname: {name}\nstages:\n{stages}")
        subprocess.run([caudal, "run", f"{name}.yaml", "--plain"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    store = sqlite3.connect(root / ".caudal/caudal.db")
    columns = [row[1] for row in store.execute("PRAGMA table_info(runs)")]
    records = {row[columns.index("pipeline")]: row for row in store.execute("SELECT * FROM runs")}
    dice = random.Random(7)
    lines = messages(dice)
    now = int(time.time() * 1000)
    step = 22 * 60_000 // len(PIPELINES)
    for number in range(options.runs):
        started = now - 20 * 60_000 - (options.runs - 1 - number) * step
        pipeline = PIPELINES[number % len(PIPELINES)]
        run = run_id(started, number)
        logs = root / ".caudal/runs" / run / "logs"
        logs.mkdir(parents=True, mode=0o700)
        (logs.parent / "lock").touch()
        heads = [
            f'","pipeline":"{pipeline}","run":"{run}","stage":"{stage}","attempt":1,"stream":"{stream}","message":'
            for stage in STAGES for stream in ("stdout", "stderr")
        ]
        text, remarks = [], []
        shift = dice.randrange(len(lines))
        for place in range(options.lines):
            at = started + place * 20 * 60_000 // options.lines
            level, message, fields = lines[(shift + place) % len(lines)]
            if place == options.lines // 2:
                level, message, fields = "info", f'"needle {number} in the haystack"', None
            head = heads[place * len(STAGES) // options.lines * 2 + (place % 3 == 0)]
            more = f',"fields":{fields}' if fields else ""
            text.append(f'{{"time":"{iso(at)}","level":"{level}{head}{message}{more}}}\n')
            if level in ("warn", "error") and len(remarks) < 1000:
                remarks.append((run, at, level, "extract", None, 1, "stdout", json.loads(message)))
        segment = logs / "000001.jsonl"
        segment.write_text("".join(text))
        ended = started + 20 * 60_000
        os.utime(segment, (ended / 1000, ended / 1000))
        record = dict(zip(columns, records[pipeline]))
        record.update(id=run, started_at=started, ended_at=ended, duration_ms=20 * 60_000)
        marks = ", ".join("?" for _ in columns)
        store.execute(f"INSERT INTO runs VALUES ({marks})", [record[name] for name in columns])
        store.executemany("INSERT INTO remarks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", remarks)
    store.commit()


if __name__ == "__main__":
    main()

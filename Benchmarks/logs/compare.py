#!/usr/bin/env python3
"""Measures `caudal logs` on a store that Benchmarks/logs/store.py made, in turn with ripgrep on the same files.

    Benchmarks/logs/compare.py FOLDER [--caudal .build/release/caudal] [--rg rg] [--rounds 5]

It prints medians of the rounds, and the ratio of each round's pair. All output goes to /dev/null through a pipe.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import time

EVERYTHING = ["--since", "2000-01-01"]
QUESTIONS = [
    ("errors of a pipeline in 2 h", ["--pipeline", "sales", "--since", "2h", "--level", "error"], None),
    ("a text that one line has", [*EVERYTHING, "--grep", "needle 500 "], ["needle 500 "]),
    ("a text that few lines have", [*EVERYTHING, "--grep", "refused after"], ["refused after"]),
    ("a regular expression", [*EVERYTHING, "--grep", "refused after [0-9]{6,} ms"], ["refused after [0-9]{6,} ms"]),
    ("alternatives, any case", [*EVERYTHING, "--grep", "needle [0-9]+ in|USAGE AT 99", "-i"], ["-i", "needle [0-9]+ in|USAGE AT 99"]),
    ("no text is required", [*EVERYTHING, "--grep", "[0-9]{7} r[a-z]{3} "], ["[0-9]{7} r[a-z]{3} "]),
    ("everything", EVERYTHING, [""]),
    ("number of errors", [*EVERYTHING, "--level", "error", "--count"], ["-c", '"level":"error"']),
    ("last line of a run", ["--run", "RUN", "--tail", "1"], None),
]


def seconds(command, folder):
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.stdout.read1(1 << 20):
            pass
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--caudal", default=".build/release/caudal")
    parser.add_argument("--rg", default="rg")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    caudal = os.path.abspath(options.caudal)
    runs = sorted(path.name for path in (options.folder / ".caudal/runs").iterdir())
    for name, question, pattern in QUESTIONS:
        own, other = [], []
        for _ in range(options.rounds):
            own.append(seconds([caudal, "logs", *(runs[len(runs) // 2] if word == "RUN" else word for word in question)], options.folder))
            if pattern is not None:
                other.append(seconds([options.rg, "--no-ignore", "--hidden", "--no-filename", *pattern, ".caudal/runs"], options.folder))
        line = f"{name:32} caudal {statistics.median(own):7.3f} s"
        if other:
            ratios = sorted(a / b for a, b in zip(own, other))
            line += f"   rg {statistics.median(other):7.3f} s   ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(line, flush=True)


if __name__ == "__main__":
    main()

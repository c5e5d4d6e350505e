#!/usr/bin/env python3
"""Measures what a stage costs: COUNT times /bin/true, WIDTH at once, by caudal, ninja, make and a bare spawn loop.

Runs them in turn, PAIRS times, and prints medians and the ratio to caudal for each turn, so that a change in the
machine's speed affects all of them. CPU is the sum over all processes. caudal records every step in its journal; each run
begins with a new state folder.

Needs a release build of caudal, a C compiler, ninja and make; it reports and leaves out what is not installed.
"""
import argparse, os, resource, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def measure(command, folder, before=None):
    if before:
        before()
    start, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return wall, after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--width", type=int, default=4)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--caudal", type=os.path.abspath, default=os.path.join(ROOT, ".build/release/caudal"))
    options = options.parse_args()
    count, width = options.count, options.width
    if not os.access(options.caudal, os.X_OK):
        sys.exit(f"{options.caudal} does not exist; run 'make build'")

    with tempfile.TemporaryDirectory(prefix="caudal-benchmark-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)

        stages = "".join(f"  s{n}: {{type: command, run: /bin/true}}\n" for n in range(count))
        write("p.yaml", f"version: 1\nname: spawning\nmax_parallel: {width}\nstages:\n{stages}")
        names = " ".join(f"t{n}" for n in range(count))
        builds = "".join(f"build t{n}: true\n" for n in range(count))
        write("build.ninja", f"rule true\n  command = /bin/true\n{builds}build all: phony {names}\ndefault all\n")
        write("Makefile", f".PHONY: all {names}\nall: {names}\n{names}:\n\t@/bin/true\n")

        def forget(*paths):
            for path in paths:
                path = os.path.join(folder, path)
                shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)

        runners = {"caudal": ([options.caudal, "run", "p.yaml", "--plain"], lambda: forget(".caudal"))}
        if shutil.which("ninja"):
            runners["ninja"] = (["ninja", f"-j{width}"], lambda: forget(".ninja_log", ".ninja_deps"))
        if shutil.which("make"):
            runners["make"] = (["make", f"-j{width}"], None)
        if shutil.which("cc"):
            loop = os.path.join(folder, "spawn_loop")
            subprocess.run(["cc", "-O2", "-o", loop, os.path.join(HERE, "spawn_loop.c")], check=True)
            runners["spawn loop"] = ([loop, str(count), str(width), "/bin/true"], None)
        for name in ("ninja", "make", "spawn loop"):
            if name not in runners:
                print(f"left out: {name} (not installed)")

        figures = {name: [] for name in runners}
        for turn in range(options.pairs + 1):
            for name, (command, before) in runners.items():
                result = measure(command, folder, before)
                if turn > 0:  # The first turn warms up.
                    figures[name].append(result)

        print(f"{count} times /bin/true, {width} at once, {options.pairs} turns; medians")
        print(f"{'runner':12} {'wall s':>8} {'CPU s':>8} {'CPU ms each':>12} {'wall ratio':>11} {'CPU ratio':>10}")
        own = figures["caudal"]
        for name, results in figures.items():
            wall, cpu = (statistics.median(column) for column in zip(*results))
            ratios = [statistics.median(a[i] / b[i] for a, b in zip(own, results)) for i in (0, 1)]
            print(f"{name:12} {wall:8.3f} {cpu:8.3f} {cpu / count * 1000:12.3f} {ratios[0]:11.2f} {ratios[1]:10.2f}")
        print("ratios: caudal to the runner of the line, the median over the turns")


main()

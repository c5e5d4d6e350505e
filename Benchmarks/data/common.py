"""Shared by the data benchmarks: measures commands, and prints a table of several that run in turn."""
import argparse, os, resource, statistics, subprocess, sys, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DUCKDB = os.environ.get("CAUDAL_DUCKDB", os.path.join(ROOT, ".tools/duckdb/duckdb_cli/duckdb"))


def python_with(name, *packages):
    """The Python of an environment in .tools with packages from PyPI; made once."""
    folder = os.path.join(ROOT, ".tools", name)
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def caudal_options(doc, rows, pairs, peers=()):
    """Reads the command line; with peers, it may name those to measure too, or leave out Caudal's own."""
    options = argparse.ArgumentParser(description=doc.splitlines()[0])
    if peers:
        options.add_argument("--peers", nargs="*", choices=peers, default=list(peers), help="all of them otherwise")
    options.add_argument("--rows", type=int, default=rows)
    options.add_argument("--pairs", type=int, default=pairs)
    options.add_argument("--caudal", type=os.path.abspath, default=os.path.join(ROOT, ".build/release/caudal"))
    options = options.parse_args()
    for program in (options.caudal, DUCKDB):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} does not exist; run 'make build'")
    os.environ["CAUDAL_DUCKDB"] = DUCKDB
    return options


class Memory(threading.Thread):
    """The peak of the summed resident memory of a process and its descendants, sampled twenty times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            self.peak = max(self.peak, self.total())

    def total(self):
        parents, sizes = {}, {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue  # The process has just ended.
            parents[int(name)], sizes[int(name)] = int(fields[1]), int(fields[21]) * resource.getpagesize()
        total = 0
        for pid in sizes:
            up = pid
            while up in parents and up != self.pid:
                up = parents[up]
            total += sizes[pid] if up == self.pid else 0
        return total


def measure(command, folder):
    """Returns wall seconds, and the CPU seconds and peak memory in MiB of all processes together."""
    start, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    memory = Memory(process.pid)
    memory.start()
    errors = process.communicate()[1]
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    memory.ended.set()
    memory.join()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-800:]}")
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    return wall, used, memory.peak / 2**20


def table(title, runners, pairs, folder, before=None, unit=None):
    """Runs the commands in turn, once to warm up and then PAIRS times, and prints their figures.

    The ratios are those of the first command to each, turn by turn; with a unit, those of each to the command of that name.
    """
    figures = {name: [] for name in runners}
    for turn in range(pairs + 1):
        for name, command in runners.items():
            if before:
                before(name)
            result = measure(command, folder)
            if turn > 0:
                figures[name].append(result)
    print(f"\n{title}; {pairs} turns, medians")
    print(f"{'':18} {'wall s':>8} {'min':>7} {'max':>7} {'CPU s':>8} {'peak MiB':>9} {'wall ratio':>11} {'CPU ratio':>10}")
    first = figures[unit] if unit else next(iter(figures.values()))
    for name, results in figures.items():
        walls, cpus, peaks = zip(*results)
        ratios = [statistics.median((b[i] / a[i]) if unit else (a[i] / b[i]) for a, b in zip(first, results)) for i in (0, 1)]
        print(f"{name:18} {statistics.median(walls):8.2f} {min(walls):7.2f} {max(walls):7.2f} "
              f"{statistics.median(cpus):8.2f} {max(peaks):9.0f} {ratios[0]:11.2f} {ratios[1]:10.2f}", flush=True)

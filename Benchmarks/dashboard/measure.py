#!/usr/bin/env python3
"""What the dashboard costs: times from a key to its picture, bytes, and processor time, of the real program in a pty.

    measure.py [--program .build/release/caudal] [--quick] [PART ...]

Parts: start keys flood idle search running blocked closed. Without any, all are measured. It prints a table in
Markdown with the target of each figure; a figure that misses its target is marked, and the exit status is 1 then.
A time from a key to its picture ends with the first byte that the program sends; it sends a picture at once. Only keys are
pressed that change the picture, and of three rounds the best one counts: a machine that does other things too delays any.
"""
import argparse, fcntl, os, pty, re, select, shutil, signal, statistics, struct, subprocess, sys, tempfile, termios, time

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")


class Screen:
    """A program in a pty of its own, and what it sends."""

    def __init__(self, words, folder, rows, columns, **variables):
        self.rows, self.columns = rows, columns
        environment = dict(os.environ, TERM="xterm-256color", **variables)
        for name in ("TMUX", "SSH_TTY", "CI", "NO_COLOR"):
            environment.pop(name, None)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            # The size is there before the program asks for it.
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(folder)
            os.execvpe(words[0], words, environment)
        self.begun = time.monotonic()
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def read(self, patience):
        """What arrives within a time; empty if nothing does."""
        if not select.select([self.master], [], [], patience)[0]:
            return b""
        try:
            return os.read(self.master, 1 << 20)
        except OSError:
            return b""

    def drain(self, quiet=0.3, most=20):
        """Reads until nothing has come for a time."""
        data, end = b"", time.monotonic() + most
        while time.monotonic() < end:
            more = self.read(quiet)
            if not more:
                break
            data += more
        return data

    def wait_for(self, pattern, limit=60):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self.seen = (self.seen + self.read(0.05))[-400000:]
            if re.search(pattern, self.seen):
                return time.monotonic()
        raise SystemExit(f"the screen does not show {pattern!r}: {self.seen[-3000:]!r}")

    def wait_redrawn(self, pattern, limit=90):
        """The same, of a part of the picture that changes little by little: ctrl-R has all of it sent."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self.press("\x12")
            shown = self.drain(0.1, 1)
            if re.search(pattern, shown):
                return time.monotonic()
        raise SystemExit(f"the screen does not show {pattern!r}: {shown[-3000:]!r}")

    def press(self, text):
        os.write(self.master, text.encode())

    def cpu(self):
        """Processor time of the process and of all of its threads, in seconds."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.pid}/status").read()).group(1)) / 1024

    def end(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.master)


class Table:
    def __init__(self):
        self.rows, self.missed = [], False

    def add(self, what, value, target=None, unit="ms", digits=1, atMost=True):
        text = f"{value:,.{digits}f} {unit}"
        wanted = ""
        if target is not None:
            holds = value <= target if atMost else value >= target
            wanted = f"{'≤' if atMost else '≥'} {target:,g} {unit}"
            self.missed |= not holds
            if not holds:
                text = f"**{text}**"
        self.rows.append((what, text, wanted))
        print(f"{what}: {text}  {wanted}", file=sys.stderr, flush=True)

    def show(self):
        print("| What | Measured | Target |\n| --- | --- | --- |")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def pipeline(folder, count, name="p", first="exit 3", groups=40):
    """A pipeline of many stages behind one; returns its file."""
    lines = ["version: 1", f"name: {name}", "max_parallel: 2", "stages:", f"  first: {{type: command, run: {first!r}}}"]
    names = []
    for place in range(count - 1):
        stage = f"g{place % groups:02}_stage_{place:04}"
        needs = ["first"] if place < groups else [names[place - groups]]
        if place >= groups and place % 3 == 0:
            needs.append(names[place - groups + (1 if place % groups < groups - 1 else 0)])
        names.append(stage)
        lines.append(f"  {stage}: {{type: command, needs: [{', '.join(dict.fromkeys(needs))}], run: /bin/true}}")
    path = os.path.join(folder, name + ".yaml")
    open(path, "w").write("\n".join(lines) + "\n")
    return path


def recorded(program, count):
    """A project with one run of many stages, whose first has failed."""
    folder = tempfile.mkdtemp(prefix="dashboard-")
    pipeline(folder, count)
    subprocess.run([program, "run", "p.yaml", "--plain"], cwd=folder, stdout=subprocess.DEVNULL)
    return folder


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def key_times(screen, keys, quiet=0.05):
    """The times from keys to the first byte of their pictures, in milliseconds."""
    times = []
    for key in keys:
        while screen.read(0.004):
            pass
        start = time.monotonic()
        screen.press(key)
        if screen.read(1):
            times.append((time.monotonic() - start) * 1000)
    return times


def best_times(screen, keys, rounds=3):
    """The times of the best of some rounds by their p95: a machine that does other things too delays any of them."""
    return min((key_times(screen, keys) for _ in range(rounds)), key=lambda times: percentile(times or [1e9], 0.95))


def measure_start(program, table, quick):
    for count, target in ((500, 100), (5000, 300)):
        folder = recorded(program, count)
        times = []
        for _ in range(3 if quick else 7):
            screen = Screen([program, "watch", "last"], folder, 40, 120)
            times.append((screen.wait_for(rb"STAGES|GRAPH") - screen.begun) * 1000)
            screen.end()
        table.add(f"start to the first picture, {count:,} stages", statistics.median(times), target)
        shutil.rmtree(folder)


VIEWS = [("automatic", ""), ("graph", "v"), ("focus", "vv"), ("groups", "vvv"), ("rail", "vvvv")]


def measure_keys(program, table, quick):
    # What a program costs that only sends back what it gets, for comparison.
    screen = Screen(["/bin/sh", "-c", "stty raw -echo; exec cat"], "/tmp", 40, 120)
    time.sleep(0.5)
    table.add("key to its echo by cat, for comparison, p95", percentile(best_times(screen, "jl" * 60), 0.95))
    screen.end()
    folder = recorded(program, 5000)
    for name, keys in VIEWS:
        screen = Screen([program, "watch", "last"], folder, 40, 120)
        screen.wait_for(rb"STAGES|GRAPH")
        screen.drain()
        for key in keys:
            screen.press(key)
            screen.drain(0.15)
        times = best_times(screen, ("lh" if name != "rail" else "jk") * (30 if quick else 100))
        table.add(f"key to picture, 5,000 stages, {name}, p95", percentile(times, 0.95), 16)
        screen.end()
    for name, keys, moves in (
        ("list", "2", "jk"), ("log", "3", "kj"), ("inspector", "4", "[]"), ("typing a search", "/", "st"),
    ):
        screen = Screen([program, "watch", "last"], folder, 40, 120)
        screen.wait_for(rb"STAGES|GRAPH")
        screen.drain()
        screen.press(keys)
        screen.drain(0.15)
        pressed = moves * (30 if quick else 100)
        if name == "typing a search":
            pressed = "stage_0\x7f\x7f" * (5 if quick else 15)
        times = best_times(screen, pressed)
        if times:
            table.add(f"key to picture, 5,000 stages, {name}, p95", percentile(times, 0.95), 16)
        screen.end()
    shutil.rmtree(folder)


FLOOD = """
import os, sys, time
rate, seconds = int(sys.argv[1]), float(sys.argv[2])
begun, sent, part = time.monotonic(), 0, rate // 100
while time.monotonic() - begun < seconds:
    os.write(1, b"".join(b"%013d line of the log number %d checksum=9f2c\\n" % (time.time() * 1000, sent + i) for i in range(part)))
    sent += part
    time.sleep(max(0, begun + sent / rate - time.monotonic()))
print("sent", sent, round(time.monotonic() - begun, 2))
"""


def measure_flood(program, table, quick):
    seconds = 8 if quick else 15
    for count, rate in ((5000, 100000),):
        folder = tempfile.mkdtemp(prefix="dashboard-")
        open(os.path.join(folder, "flood.py"), "w").write(FLOOD)
        pipeline(folder, count, first=f"exec {sys.executable} flood.py {rate} {seconds * 2 + 6}")
        screen = Screen([program, "run", "p.yaml"], folder, 40, 120)
        screen.wait_for(rb"line of the log")
        times = best_times(screen, "lh" * (20 if quick else 60))
        table.add(f"key to picture, 5,000 stages, {rate:,} lines a second, p95", percentile(times, 0.95), 16)
        screen.press("3")
        times = best_times(screen, "kj" * (10 if quick else 30))
        table.add("the same in the log", percentile(times, 0.95), 16)
        # The newest line that is shown, against the clock: ctrl-R has the whole picture sent.
        screen.press("G")
        screen.drain(0.02, 0.5)
        lags = []
        for _ in range(8 if quick else 25):
            while screen.read(0.004):
                pass
            screen.press("\x12")
            data, end = b"", time.monotonic() + 0.15
            while time.monotonic() < end:
                data += screen.read(0.02)
            stamps = [int(text) for text in re.findall(rb"(\d{13}) line of the log", data)]
            if stamps:
                lags.append(time.time() * 1000 - 150 - max(stamps))
        if lags:
            table.add("from a line's writing to its picture, p95", percentile(lags, 0.95), 200)
        screen.end()
        shutil.rmtree(folder)
    # Bytes of a screen of 200 columns whose log is flooded.
    folder = tempfile.mkdtemp(prefix="dashboard-")
    open(os.path.join(folder, "flood.py"), "w").write(FLOOD)
    pipeline(folder, 20, first=f"exec {sys.executable} flood.py 50000 {seconds + 8}")
    for words, variables, target in (("worst case 200×60, log flooded", {}, 25), ("the same over SSH", {"SSH_TTY": "/dev/pts/0"}, 13)):
        screen = Screen([program, "run", "p.yaml"], folder, 60, 200, **variables)
        screen.wait_for(rb"line of the log")
        screen.drain(0.01, 1)
        total, begun = 0, time.monotonic()
        while time.monotonic() - begun < seconds / 2:
            total += len(screen.read(0.1))
        table.add(words, total / (time.monotonic() - begun) / 1000, target, "kB/s")
        screen.end()
    shutil.rmtree(folder)


def still(screen, seconds):
    """Bytes and processor time of a screen that is left alone; a minute's tick of the clock is left out."""
    # The clock shows minutes: what comes with its tick is not counted.
    left = 60 - time.time() % 60
    if left < seconds + 2:
        end = time.monotonic() + left + 1
        while time.monotonic() < end:
            screen.read(0.2)
    before, total, end = screen.cpu(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        total += len(screen.read(0.5))
    return total, (screen.cpu() - before) / seconds * 100


def measure_idle(program, table, quick):
    folder = recorded(program, 500)
    screen = Screen([program, "watch", "last"], folder, 40, 120)
    screen.wait_for(rb"STAGES|GRAPH")
    end = time.monotonic() + 7
    while time.monotonic() < end:
        screen.read(0.2)
    total, share = still(screen, 10 if quick else 40)
    table.add("nothing runs: bytes between two minutes", total, 0, "bytes", 0)
    table.add("nothing runs: processor time", share, 0.5, "% of a core", 2)
    screen.end()
    shutil.rmtree(folder)


def measure_search(program, table, quick):
    lines = 1_000_000
    folder = tempfile.mkdtemp(prefix="dashboard-")
    open(os.path.join(folder, "write.py"), "w").write(
        "import os\nfor k in range(0, %d, 10000):\n"
        "    data = b''.join(b'line %%d of the log checksum=9f2c\\n' %% i for i in range(k, k + 10000))\n"
        "    while data: data = data[os.write(1, data):]\n" % lines)
    open(os.path.join(folder, "p.yaml"), "w").write(
        "version: 1\nname: p\nstages:\n  write: {type: command, run: %s write.py, log: {max: 500MB}}\n" % sys.executable)
    began = time.monotonic()
    done = subprocess.run([program, "run", "p.yaml", "--plain"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    table.add("log taken in by a run without a screen", lines / (time.monotonic() - began) / 1000, 50, "k lines/s", 0, False)
    screen = Screen([program, "watch", "last"], folder, 40, 120)
    screen.wait_redrawn(rb"1,000,\d+ lines")
    screen.press("3")
    screen.drain()
    start = time.monotonic()
    for key in "/checksum\r":
        screen.press(key)
        screen.read(0.05)
    screen.wait_redrawn(rb"/1,000,000")
    table.add("a search with a million hits, all found after", (time.monotonic() - start) * 1000, None, "ms", 0)
    times = best_times(screen, "nN" * (20 if quick else 60))
    table.add("key to picture with a million lines and hits, p95", percentile(times, 0.95), 16)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        screen.read(0.2)
    total, share = still(screen, 10 if quick else 30)
    table.add("idle after a search with a million hits", share, 0.5, "% of a core", 2)
    table.add("memory then", screen.memory(), None, "MB", 0)
    screen.end()
    shutil.rmtree(folder)


def measure_running(program, table, quick):
    folder = tempfile.mkdtemp(prefix="dashboard-")
    pipeline(folder, 12, first="sleep 1000")
    screen = Screen([program, "run", "p.yaml"], folder, 24, 80)
    screen.wait_for(rb"RUNNING")
    screen.drain(0.05, 3)
    seconds = 8 if quick else 20
    total, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        total += len(screen.read(0.5))
    table.add("running, 80×24, clocks and a spinner", total / seconds / 1000, 1, "kB/s", 2)
    screen.end()
    shutil.rmtree(folder)


def throughput(program, folder, reads):
    """How long a run of many stages takes on a screen that is read, or not."""
    screen = Screen([program, "run", "many.yaml"], folder, 40, 120)
    begun = time.monotonic()
    fifo = os.path.join(folder, "done")
    while not os.path.exists(fifo):
        if reads:
            screen.read(0.05)
        else:
            time.sleep(0.05)
        if time.monotonic() - begun > 300:
            raise SystemExit("the run does not end")
    took = time.monotonic() - begun
    os.unlink(fifo)
    return screen, took


def measure_blocked(program, table, quick):
    count = 1000 if quick else 4000
    folder = tempfile.mkdtemp(prefix="dashboard-")
    lines = ["version: 1", "name: many", "max_parallel: 2", "stages:"]
    names = [f"s{k}" for k in range(count)]
    lines += [f"  {name}: {{type: command, run: /bin/true}}" for name in names]
    lines.append(f"  last: {{type: command, needs: [{', '.join(names)}], run: touch done}}")
    open(os.path.join(folder, "many.yaml"), "w").write("\n".join(lines) + "\n")
    read, blocked = 1e9, 1e9
    for turn in range(3):
        screen, took = throughput(program, folder, True)
        read = min(read, took)
        screen.end()
        screen, took = throughput(program, folder, False)
        blocked = min(blocked, took)
        if turn < 2:
            screen.end()
    before = screen.memory()
    table.add(f"a run of {count:,} stages on a terminal that takes nothing, to one that does", blocked / read, 1.15, "times", 2)
    time.sleep(10 if quick else 60)
    table.add("memory that it gains afterwards", max(0, screen.memory() - before), 5, "MB")
    start = time.monotonic()
    os.kill(screen.pid, signal.SIGTERM)
    while time.monotonic() - start < 30 and os.waitpid(screen.pid, os.WNOHANG)[0] == 0:
        time.sleep(0.02)
    table.add("SIGTERM to its end then", (time.monotonic() - start) * 1000, 5000, "ms", 0)
    screen.end()
    shutil.rmtree(folder)


def measure_closed(program, table, quick):
    folder = recorded(program, 500)
    screen = Screen([program, "watch", "last"], folder, 40, 120)
    screen.wait_for(rb"STAGES|GRAPH")
    start = time.monotonic()
    os.close(screen.master)
    while time.monotonic() - start < 10 and os.waitpid(screen.pid, os.WNOHANG)[0] == 0:
        time.sleep(0.01)
    table.add("a closed terminal to the end of its screen", (time.monotonic() - start) * 1000, 1000, "ms", 0)
    shutil.rmtree(folder)


PARTS = {
    "start": measure_start, "keys": measure_keys, "flood": measure_flood, "idle": measure_idle, "search": measure_search,
    "running": measure_running, "blocked": measure_blocked, "closed": measure_closed,
}


def main():
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--program", default=os.path.join(HERE, "..", "..", ".build", "release", "caudal"))
    reader.add_argument("--quick", action="store_true", help="fewer repetitions")
    reader.add_argument("parts", nargs="*", metavar="PART")
    chosen = reader.parse_args()
    for part in chosen.parts:
        if part not in PARTS:
            reader.error(f"there is no part {part}; choose from {', '.join(PARTS)}")
    program, table = os.path.abspath(chosen.program), Table()
    for name in chosen.parts or PARTS:
        PARTS[name](program, table, chosen.quick)
    table.show()
    sys.exit(1 if table.missed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Plants small faults one at a time and reports which of them no test notices: see Tests/Mutants/mutants.toml.

    scripts/mutants.py              all of them, in a copy of the sources in .build-mutants/
    scripts/mutants.py claims dele  those whose names contain one of the words
    scripts/mutants.py --here       in this checkout; each file is restored afterwards
    scripts/mutants.py --list       only prints the names
    scripts/mutants.py --check      only checks that the text of each occurs once in the sources

It exits with 1 when a fault survives, or its text does not occur once.
"""
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD_LIMIT = 1500  # seconds; the first build of the copy compiles everything
TEST_LIMIT = 600


def run(arguments, folder, limit, variables=None):
    """Runs a program and returns its status and output; kills its whole process group at the limit."""
    environment = dict(os.environ, **(variables or {}))
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment, text=True, errors="replace", stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output


def copy_of_sources():
    """Copies the tracked files into a folder of their own, and keeps what was built there before."""
    folder = ROOT / ".build-mutants"
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if not source.is_file():
            continue
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    tools = folder / ".tools"
    if (ROOT / ".tools").is_dir() and not tools.exists():
        tools.symlink_to(ROOT / ".tools")
    return folder


def occurs_once(mutant):
    path = ROOT / mutant["file"]
    return path.is_file() and path.read_text().count(mutant["find"]) == 1


def outcome(mutant, folder):
    """The outcome of a mutant: caught, survived, or why it could not be tried."""
    path = folder / mutant["file"]
    text = path.read_text()
    if text.count(mutant["find"]) != 1:
        return "stale", f"its text occurs {text.count(mutant['find'])} times in {mutant['file']}"
    try:
        path.write_text(text.replace(mutant["find"], mutant["plant"]))
        status, output = run(["swift", "build", "--build-tests"], folder, BUILD_LIMIT)
        if status != 0:
            lines = [line for line in output.splitlines() if "error:" in line]
            return "broken", lines[0] if lines else "it does not build"
        status, output = run(
            ["swift", "test", "--skip-build", "--filter", mutant["tests"]], folder, TEST_LIMIT,
            {"CAUDAL_PROGRAM": ".build/debug/caudal"})
        if status is None:
            return "caught", "by hanging, which a test must not"
        if " with 0 tests " in output and "recorded an issue" not in output:
            return "broken", f"no test is called {mutant['tests']}"
        if status == 0:
            return "survived", ""
        failed = [line for line in output.splitlines() if "recorded an issue" in line]
        return "caught", failed[0].split('"')[1] if failed and '"' in failed[0] else ""
    finally:
        path.write_text(text)


def main():
    unknown = [word for word in sys.argv[1:] if word.startswith("-") and word not in ("--here", "--list", "--check")]
    if unknown:
        sys.exit(__doc__ if unknown[0] in ("--help", "-h") else f"mutants: there is no option {unknown[0]}\n\n{__doc__}")
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    mutants = tomllib.loads((ROOT / "Tests/Mutants/mutants.toml").read_text())["mutant"]
    mutants = [mutant for mutant in mutants if not words or any(word in mutant["name"] for word in words)]
    if "--list" in sys.argv:
        print("\n".join(mutant["name"] for mutant in mutants))
        return 0
    if "--check" in sys.argv:
        stale = [mutant for mutant in mutants if not occurs_once(mutant)]
        for mutant in stale:
            print(f"Tests/Mutants/mutants.toml: the text of '{mutant['name']}' does not occur exactly once in {mutant['file']}")
        return 1 if stale else 0
    folder = ROOT if "--here" in sys.argv else copy_of_sources()
    counts = {}
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        word, why = outcome(mutant, folder)
        counts[word] = counts.get(word, 0) + 1
        took = time.monotonic() - began
        print(f"{number:3}/{len(mutants)}  {word:9} {took:4.0f} s  {mutant['name']}" + (f": {why}" if why else ""), flush=True)
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    return 0 if set(counts) <= {"caught"} else 1


if __name__ == "__main__":
    sys.exit(main())

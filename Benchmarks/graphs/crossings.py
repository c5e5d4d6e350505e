#!/usr/bin/env python3
"""Compares the crossings of drawn graphs with those of Graphviz, for each graph of Tests/AppTests/Corpus/graphs.txt.

Graphviz' crossings are what `dot -v` counts after its last sweep; caudal's are the characters ┼ that `caudal graph`
prints. With --record, the counts of Graphviz are written into the corpus, where a test compares with them.

Needs dot and a build of caudal (CAUDAL_PROGRAM, or .build/release/caudal); says so and measures nothing without them.
"""
import os, pathlib, re, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "Tests/AppTests/Corpus/graphs.txt"
CAUDAL = pathlib.Path(os.environ.get("CAUDAL_PROGRAM", ROOT / ".build/release/caudal")).resolve()


def graphs():
    """Each graph: its name, and for each of its nodes what it needs."""
    for block in CORPUS.read_text().strip().split("\n\n"):
        head, *lines = (line.split() for line in block.splitlines())
        yield head[0], {line[0]: line[1:] for line in lines}


def crossings_of_dot(needs):
    edges = ";".join(f'"{need}"->"{name}"' for name, list in needs.items() for need in list)
    nodes = ";".join(f'"{name}"' for name in needs)
    text = f"digraph {{ rankdir=LR; node [shape=box]; {nodes}; {edges} }}"
    done = subprocess.run(["dot", "-v", "-Tplain"], input=text, capture_output=True, text=True, check=True)
    # A line for each connected component.
    return sum(int(count) for count in re.findall(r"^mincross \S+: (\d+) crossings", done.stderr, re.M))


def crossings_of_caudal(name, needs, folder):
    file = pathlib.Path(folder) / f"{name}.yaml"
    stages = [
        f'  {stage}: {{type: command, run: "true", needs: [{", ".join(list)}]}}' for stage, list in needs.items()]
    file.write_text("\n".join(["version: 1", f"name: {name}", "stages:", *stages]) + "\n")
    done = subprocess.run([CAUDAL, "graph", file], capture_output=True, text=True, check=True)
    return done.stdout.count("┼")


def main():
    if not shutil.which("dot"):
        sys.exit(print("skipped: there is no dot on this machine (Debian: apt-get install graphviz)"))
    counts = {name: crossings_of_dot(needs) for name, needs in graphs()}
    if "--record" in sys.argv[1:]:
        text = re.sub(r"(?m)^(\S+) dot \d+$", lambda match: f"{match[1]} dot {counts[match[1]]}", CORPUS.read_text())
        CORPUS.write_text(text)
    if not CAUDAL.exists():
        sys.exit(print(f"skipped: there is no {CAUDAL} (make build)"))
    ratios = []
    print(f"{'graph':10} {'stages':>6} {'edges':>6} {'dot':>6} {'caudal':>6}  ratio")
    with tempfile.TemporaryDirectory() as folder:
        for name, needs in graphs():
            mine, theirs = crossings_of_caudal(name, needs, folder), counts[name]
            # Without a crossing in either, they are equal.
            ratios.append(mine / theirs if theirs else 1.0 if mine == 0 else float("inf"))
            edges = sum(len(list) for list in needs.values())
            print(f"{name:10} {len(needs):6} {edges:6} {theirs:6} {mine:6}  {ratios[-1]:.2f}")
    print(f"mean {sum(ratios) / len(ratios):.2f}, worst {max(ratios):.2f}; allowed: 1.10 and 1.50")
    sys.exit(0 if sum(ratios) / len(ratios) <= 1.10 and max(ratios) <= 1.50 else 1)


main()

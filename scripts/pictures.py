#!/usr/bin/env python3
"""Pictures of the dashboard, made from the real screen: each scene is played in tmux and its cells are drawn as SVG.

    scripts/pictures.py [--program .build/release/caudal] [--out FOLDER] [--docs] [SCENE ...]

Without any, all scenes are drawn, at 80x24, 120x40 and 200x60, dark and light, into --out (default .build/pictures).
--docs draws those that the documentation shows, into docs/images. Needs tmux.
"""
import argparse, html, os, random, re, shutil, subprocess, tempfile, time, unicodedata, uuid

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZES = [(80, 24), (120, 40), (200, 60)]
THEMES = {
    "dark": dict(
        back="#16181d", front="#d4d7dd",
        colors="#1c1f26 #e06c75 #98c379 #e5c07b #61afef #c678dd #56b6c2 #c8ccd4 "
        "#7a828e #ff7b86 #b5e890 #ffd68a #82c7ff #e29bf5 #7fd8e3 #ffffff".split()),
    "light": dict(
        back="#ffffff", front="#24292f",
        colors="#000000 #b3202a #3a7d1e #8a6300 #1f5fae #8a2fa8 #0f7b87 #d8d8d8 "
        "#6a6a6a #d0303c #4c9a2a #a87900 #2b75cf #a643c7 #1592a0 #ffffff".split()),
}
# What the documentation shows: scene, size, theme.
DOCS = [
    ("failure", (120, 40), "dark"), ("badrows", (120, 40), "dark"), ("graph200", (120, 40), "dark"),
    ("compare", (120, 40), "light"), ("home", (120, 40), "dark"),
]


class Screen:
    """A program in a terminal of tmux."""

    def __init__(self, command, folder, columns, rows, **variables):
        self.socket = "pictures-" + uuid.uuid4().hex[:8]
        environment = " ".join(f"{name}='{value}'" for name, value in variables.items())
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", folder,
            f"env TERM=screen-256color {environment} {command}; sleep 1000")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-L", self.socket, *words], check=True, capture_output=True, text=True).stdout

    def wait(self, *texts, limit=40):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            shown = self.tmux("capture-pane", "-p")
            if all(re.search(text, shown) for text in texts):
                return
            time.sleep(0.1)
        raise SystemExit(f"the screen does not show {texts}:\n{shown}")

    def press(self, *keys):
        for key in keys:
            self.tmux("send-keys", *(["-l", key] if len(key) > 1 and " " in key else [key]))
            time.sleep(0.25)

    def cells(self):
        time.sleep(0.5)
        return self.tmux("capture-pane", "-p", "-e")

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)


# --- drawing


def color(number, theme):
    if number < 16:
        return theme["colors"][number]
    if number < 232:
        number -= 16
        steps = [0, 95, 135, 175, 215, 255]
        return "#%02x%02x%02x" % (steps[number // 36], steps[number // 6 % 6], steps[number % 6])
    grey = 8 + (number - 232) * 10
    return "#%02x%02x%02x" % (grey, grey, grey)


def width(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def runs(line, theme):
    """The pieces of a line with one look each: column, text, colour, background, bold, underlined."""
    look = dict(front=None, back=None, bold=False, dim=False, reverse=False, underline=False)
    column, found = 0, []
    for escape, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if not text:
            codes = [int(code or 0) for code in escape.split(";")]
            while codes:
                code = codes.pop(0)
                if code == 0:
                    look = dict(front=None, back=None, bold=False, dim=False, reverse=False, underline=False)
                elif code in (1, 2, 4, 7):
                    look[{1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[code]] = True
                elif code in (22, 24, 27):
                    for name in {22: ("bold", "dim"), 24: ("underline",), 27: ("reverse",)}[code]:
                        look[name] = False
                elif code in (38, 48) and codes[:1] == [5]:
                    look["front" if code == 38 else "back"] = codes[1]
                    codes = codes[2:]
                elif code in (39, 49):
                    look["front" if code == 39 else "back"] = None
                elif 30 <= code <= 37 or 90 <= code <= 97:
                    look["front"] = code - 30 if code < 90 else code - 82
                elif 40 <= code <= 47:
                    look["back"] = code - 40
            continue
        front = theme["front"] if look["front"] is None else color(look["front"], theme)
        back = None if look["back"] is None else color(look["back"], theme)
        if look["reverse"]:
            front, back = back or theme["back"], front
        found.append((column, text, front, back, look["bold"], look["dim"], look["underline"]))
        column += sum(map(width, text))
    return found


def svg(screen, columns, rows, theme):
    """The screen as SVG; a cell is 8 wide and 17 high."""
    theme = THEMES[theme]
    across, down = 8, 17
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * across + 16} {rows * down + 16}" '
        f'font-family="ui-monospace,SFMono-Regular,Menlo,DejaVu Sans Mono,monospace" font-size="13.3">',
        f'<rect width="100%" height="100%" rx="6" fill="{theme["back"]}"/>',
    ]
    for row, line in enumerate(screen.split("\n")[:rows]):
        for column, text, front, back, bold, dim, underline in runs(line, theme):
            cells = sum(map(width, text))
            x, y = 8 + column * across, 8 + row * down
            if back:
                parts.append(f'<rect x="{x}" y="{y}" width="{cells * across}" height="{down}" fill="{back}"/>')
            if not text.strip():
                continue
            lead = len(text) - len(text.lstrip(" "))
            text, cells = text.strip(" "), sum(map(width, text.strip(" ")))
            more = ' font-weight="bold"' if bold else ""
            more += ' opacity="0.65"' if dim else ""
            more += ' text-decoration="underline"' if underline else ""
            parts.append(
                f'<text x="{x + lead * across}" y="{y + 13}" textLength="{cells * across}" lengthAdjust="spacingAndGlyphs" '
                f'fill="{front}"{more} xml:space="preserve">{html.escape(text)}</text>')
    return "\n".join(parts) + "\n</svg>\n"


# --- projects


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)


def warehouse(count, seed=7, state="mixed"):
    """A pipeline that looks like a warehouse: sources, staging, facts and marts, some of which take longer."""
    chance = random.Random(seed)
    topics = ["orders", "customers", "payments", "refunds", "events", "sessions", "products", "prices", "stock", "carriers",
              "regions", "tickets", "leads", "budgets", "invoices", "returns", "reviews", "coupons", "vendors", "visits"]
    layers = [("raw", 0.25), ("stg", 0.3), ("fct", 0.25), ("mart", 0.2)]
    names, lines, before = [], [], []
    for prefix, part in layers:
        size = max(2, round(count * part))
        layer = []
        for place in range(size):
            topic = topics[place % len(topics)] + (f"_{place // len(topics) + 1}" if place >= len(topics) else "")
            name = f"{prefix}_{topic}"
            needs = []
            if before:
                needs = [before[place % len(before)]]
                for _ in range(chance.randint(0, 1 if prefix == "stg" else 2)):
                    needs.append(chance.choice(before))
            needs = list(dict.fromkeys(needs))
            run = "true"
            if state == "mixed":
                if prefix == "raw":
                    run = f"sleep 0.{chance.randint(1, 4)}"
                if prefix == "stg" and place == 2:
                    run = "echo ERROR 1 of 24,112 rows cannot be read >&2; exit 3"
                if prefix == "fct" and place % 4 == 1:
                    run = "sleep 600"
            head = f"needs: [{', '.join(needs)}], " if needs else ""
            lines.append(f"  {name}: {{type: command, {head}run: '{run}'}}")
            layer.append(name)
        names += layer
        before = layer
    return "version: 1\nname: warehouse\nmax_parallel: 6\nstages:\n" + "\n".join(lines) + "\n"


SHOP = """version: 1
name: shop
max_parallel: 4
params: {day: {type: date, default: '2026-11-28'}, region: {type: string, default: eu}}
stages:
  extract_orders: {type: command, run: 'for i in $(seq 1 12); do echo "page $i of 12"; sleep 0.05; done'}
  extract_customers: {type: command, run: 'sleep 0.5; echo "310,000 customers"'}
  extract_rates: {type: command, run: 'sleep 0.3; echo "180 rates"'}
  clean: {type: command, needs: [extract_orders], run: 'sleep 0.4; echo "1,204,332 rows"'}
  dedupe_customers:
    type: command
    needs: extract_customers
    run: |
      echo "reading 310,000 customers"; echo "bucket 61 of 64"
      sleep 0.$((${CAUDAL_ATTEMPT:-1} * 3)); test -e mended && exit 0
      echo "WARN 12 customers have no address" >&2
      echo "ERROR 503 geocoder.example refused the batch: quota of the day is used up" >&2; exit 75
  join: {type: command, needs: [clean, dedupe_customers, extract_rates], run: 'sleep 0.6; echo joined'}
  quality: {type: command, needs: join, run: 'echo "12 checks passed"'}
  load_warehouse: {type: command, needs: quality, run: 'sleep 0.4; echo loaded'}
  publish_report: {type: command, needs: quality, run: 'sleep 0.2; echo published'}
"""

FIFTY = """version: 1
name: parts
max_parallel: 8
stages:
  list_parts: {type: command, run: 'echo "50 parts"'}
  clean:
    type: command
    needs: list_parts
    foreach: {part: [%s], on_failure: continue}
    run: 'echo "part ${item.part}"; sleep 0.2; case ${item.part} in p17|p38) echo "ERROR ${item.part} is short" >&2; exit 7;; esac'
  merge: {type: command, needs: clean, run: 'true'}
  report: {type: command, needs: merge, run: 'true'}
""" % ", ".join(f"p{k}" for k in range(1, 51))

ROWS = """version: 1
name: intake
datasets:
  orders: {path: orders.csv, schema: orders.json}
  valid: {path: valid.csv}
  revenue: {path: revenue.csv}
stages:
  validate: {type: validate, input: orders, output: valid, quarantine: aside.csv, checks: [{row_count: {min: 8}}, {unique: order_id}]}
  revenue: {type: sql, output: revenue, query: "select region, sum(amount) as amount from valid group by region order by region"}
"""
SCHEMA = """{"type": "object", "required": ["order_id"], "properties": {
  "order_id": {"type": "integer"}, "region": {"type": "string", "enum": ["eu", "us"]},
  "amount": {"type": "number", "minimum": 0}, "ordered_on": {"type": "string", "format": "date"}}}
"""
ORDERS = "order_id,region,amount,ordered_on\n" + "".join(
    f"{k},{'eu' if k % 2 else 'us'},{amount},{day}\n"
    for k, (amount, day) in enumerate(
        [("12.50", "2026-11-27"), ("8.00", "2026-11-27"), ("12,5O", "2026-11-28"), ("40.00", "2026-11-28"),
         ("-3.00", "2026-11-28"), ("19.90", "28.11.2026"), ("7.25", "2026-11-28"), ("3.10", "2026-11-28"),
         ("55.00", "2026-11-28")], start=1001))


class Scenes:
    def __init__(self, program):
        self.program = program

    def caudal(self, folder, *words):
        subprocess.run([self.program, *words], cwd=folder, capture_output=True)

    def open(self, folder, size, theme, words, **variables):
        columns, rows = size
        return Screen(f"{self.program} {words} --theme {theme}", folder, columns, rows, **variables)

    def demo(self, folder, size, theme):
        screen = self.open(folder, size, theme, "demo --silent")
        screen.wait("FAILED", "clean", limit=60)
        screen.press("e", "Enter")
        return screen

    def failure(self, folder, size, theme):
        write(folder, "config/shop.yaml", SHOP)
        screen = self.open(folder, size, theme, "run config/shop.yaml")
        screen.wait("FAILED", "has ended")
        screen.press("Enter")
        time.sleep(5.5)
        return screen

    def items(self, folder, size, theme):
        write(folder, "p.yaml", FIFTY)
        screen = self.open(folder, size, theme, "run p.yaml")
        screen.wait("FAILED", "has ended")
        screen.press("e", "Enter")
        return screen

    def graph(self, count, folder, size, theme):
        write(folder, "p.yaml", warehouse(count))
        screen = self.open(folder, size, theme, "run p.yaml")
        screen.wait("RUNNING", "FAILED|✗")
        time.sleep(3 + count / 100)
        screen.press("e")
        time.sleep(5.5)
        return screen

    def logsearch(self, folder, size, theme):
        write(folder, "config/shop.yaml", SHOP)
        screen = self.open(folder, size, theme, "run config/shop.yaml")
        screen.wait("FAILED", "has ended")
        screen.press("3", "z", "/", "page", "Enter", "n")
        return screen

    def history(self, folder):
        write(folder, "config/shop.yaml", SHOP)
        write(folder, "mended", "")
        for day in (24, 25, 26):
            self.caudal(folder, "run", "config/shop.yaml", "--plain", "--param", f"day=2026-11-{day}")
        os.unlink(os.path.join(folder, "mended"))
        self.caudal(folder, "run", "config/shop.yaml", "--plain", "--param", "day=2026-11-27")

    def compare(self, folder, size, theme):
        self.history(folder)
        write(folder, "config/shop.yaml", SHOP.replace("1,204,332 rows", "1,204,980 rows").replace("sleep 0.6", "sleep 2"))
        self.caudal(folder, "run", "config/shop.yaml", "--plain")
        screen = self.open(folder, size, theme, "watch last")
        screen.wait("FAILED")
        screen.press("H")
        screen.wait("Runs of")
        screen.press("D")
        screen.wait("differ|than")
        return screen

    def runs(self, folder, size, theme):
        self.history(folder)
        screen = self.open(folder, size, theme, "watch last")
        screen.wait("FAILED")
        screen.press("H")
        screen.wait("Runs of")
        return screen

    def home(self, folder, size, theme):
        self.history(folder)
        write(folder, "config/warehouse.yaml", warehouse(12, state="well"))
        write(folder, "config/parts.yaml", FIFTY)
        self.caudal(folder, "run", "config/warehouse.yaml", "--plain")
        self.caudal(folder, "run", "config/parts.yaml", "--plain")
        screen = self.open(folder, size, theme, "home")
        screen.wait("PIPELINES")
        return screen

    def replay(self, folder, size, theme):
        write(folder, "config/shop.yaml", SHOP)
        self.caudal(folder, "run", "config/shop.yaml", "--plain")
        screen = self.open(folder, size, theme, "replay last --speed 0.25")
        screen.wait("replay")
        screen.press("}", "}", "}", "}", "}", "Space")
        return screen

    def badrows(self, folder, size, theme):
        for name, text in (("p.yaml", ROWS), ("orders.json", SCHEMA), ("orders.csv", ORDERS)):
            write(folder, name, text)
        write(folder, "editor.sh", "sed -i 's/12,5O/12.50/; s/28.11.2026/2026-11-28/' \"$2\"\n")
        screen = self.open(folder, size, theme, "run p.yaml", EDITOR="sh ./editor.sh")
        screen.wait("FAILED", "has ended")
        screen.press("D", "C")
        screen.wait("corrected rows? into")
        screen.press("Tab")
        return screen

    def limits(self, folder, size, theme):
        write(folder, "p.yaml", warehouse(30))
        screen = self.open(folder, size, theme, "run p.yaml")
        screen.wait("RUNNING")
        time.sleep(2)
        screen.press("p", "-", "-")
        return screen

    def all(self):
        found = {name: getattr(self, name) for name in (
            "demo", "failure", "items", "logsearch", "compare", "runs", "home", "replay", "badrows", "limits")}
        for count in (30, 60, 200, 500):
            found[f"graph{count}"] = lambda *rest, count=count: self.graph(count, *rest)
        return found

    def draw(self, name, size, theme):
        parent = os.path.join(tempfile.gettempdir(), "pictures-" + uuid.uuid4().hex[:8])
        folder = os.path.join(parent, "warehouse")
        os.makedirs(folder)
        screen = None
        try:
            screen = self.all()[name](folder, size, theme)
            # Nothing of this machine is in a picture.
            return screen.cells().replace(folder, "/srv/warehouse".ljust(len(folder)))
        finally:
            if screen:
                screen.close()
            shutil.rmtree(parent, ignore_errors=True)


def main():
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--program", default=os.path.join(HERE, ".build", "release", "caudal"))
    reader.add_argument("--out", default=os.path.join(HERE, ".build", "pictures"))
    reader.add_argument("--docs", action="store_true")
    reader.add_argument("--size", help="only this one, such as 120x40")
    reader.add_argument("--theme", choices=THEMES)
    reader.add_argument("scenes", nargs="*", metavar="SCENE")
    chosen = reader.parse_args()
    scenes = Scenes(os.path.abspath(chosen.program))
    for name in chosen.scenes:
        if name not in scenes.all():
            reader.error(f"there is no scene {name}; choose from {', '.join(scenes.all())}")
    out = os.path.join(HERE, "docs", "images") if chosen.docs else chosen.out
    os.makedirs(out, exist_ok=True)
    wanted = DOCS if chosen.docs else [
        (name, size, theme) for name in chosen.scenes or scenes.all() for size in SIZES for theme in THEMES]
    for name, size, theme in wanted:
        if chosen.docs and chosen.scenes and name not in chosen.scenes:
            continue
        if chosen.size and chosen.size != f"{size[0]}x{size[1]}" or chosen.theme not in (None, theme):
            continue
        cells = scenes.draw(name, size, theme)
        label = name if chosen.docs else f"{name}-{size[0]}x{size[1]}-{theme}"
        open(os.path.join(out, label + ".svg"), "w").write(svg(cells, *size, theme))
        if not chosen.docs:
            open(os.path.join(out, label + ".ansi"), "w").write(cells)
        print(os.path.join(out, label + ".svg"), flush=True)


if __name__ == "__main__":
    main()

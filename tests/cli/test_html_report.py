"""The report as a page: well-formed, self-contained, escaped, the same bytes each time; every layer in table and picture."""
import html.parser
import json
import os

from tool import *

VOID = {"meta", "wbr", "link", "br", "img", "input", "hr", "col"}
IN_SVG_EMPTY = {"rect", "path", "line"}


class Node:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.children, self.own = tag, dict(attributes), parent, [], ""

    def all(self, tag=None, **attributes):
        for c in self.children:
            if (tag is None or c.tag == tag) and all(c.attributes.get(k.rstrip("_")) == v for k, v in attributes.items()):
                yield c
            yield from c.all(tag, **attributes)

    def text(self):
        return self.own + "".join(c.text() for c in self.children)


class Page(html.parser.HTMLParser):
    """A strict reader: each tag is closed by its own name, identifiers are unique, attributes too."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Node("", (), None)
        self.ids, self.faults = set(), []
        self.feed(text)
        self.close()
        if self.at is not self.root:
            self.faults.append(f"<{self.at.tag}> is not closed")

    def handle_starttag(self, tag, attributes):
        self.open(tag, attributes)
        if tag not in VOID:
            self.at = self.at.children[-1]

    def handle_startendtag(self, tag, attributes):
        self.open(tag, attributes)
        if tag not in IN_SVG_EMPTY:
            self.faults.append(f"<{tag}/> outside SVG")

    def open(self, tag, attributes):
        names = [k for k, _ in attributes]
        if len(set(names)) != len(names):
            self.faults.append(f"<{tag}> repeats an attribute")
        for k, v in attributes:
            if k == "id":
                if v in self.ids:
                    self.faults.append(f"id {v} twice")
                self.ids.add(v)
        self.at.children.append(Node(tag, attributes, self.at))

    def handle_endtag(self, tag):
        if tag != self.at.tag:
            self.faults.append(f"</{tag}> closes <{self.at.tag}>")
        else:
            self.at = self.at.parent

    def handle_data(self, data):
        self.at.own += data


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class HtmlReport(Case):
    def pages(self, path, *options):
        r = burin("analyze", path, "--format", "html", *options)
        self.assertEqual((r.code, r.err), (OK, ""), repr(r))
        j = json.loads(burin("analyze", path, "--format", "json", *options).out)
        page = Page(r.out)
        self.assertEqual(page.faults, [])
        return r.out, page.root, j

    def check(self, path, *options):
        text, root, j = self.pages(path, *options)
        for pattern in (r"<script", r"\bsrc=", r"url\((?!#)", r"@import", r"https?://", r"<link", r"\bon[a-z]+="):
            self.assertNotRegex(text, pattern)
        for a in root.all("a"):
            self.assertTrue(a.attributes["href"].startswith("#"))
            self.assertTrue(any(True for _ in root.all(id=a.attributes["href"][1:])), a.attributes)
        for name in re.findall(r'aria-labelledby="([^"]*)"', text):
            for one in name.split():
                self.assertTrue(any(True for _ in root.all(id=one)), one)
        for table in root.all("table"):
            self.assertTrue(all("scope" in th.attributes for th in table.all("th")))
            rows = [len(tr.children) for tr in table.all("tr")]
            self.assertEqual(len(set(rows)), 1, rows)
        # every layer in the table and in the picture; members of a group below it
        members = [call for layer in j["layers"] for call in layer["calls"]]
        rows = list(root.all("tr", class_="member"))
        self.assertEqual([next(row.all("span")).text() for row in rows], [call["name"] for call in members])
        for row, call in zip(rows, members):
            for word in (call["op"], call["kernel"], f"{call['macs']:,}", f"{call['times']} {'call' if call['times'] == 1 else 'calls'} of {call['rows']} row"):
                self.assertIn(word, row.text())
        for i, layer in enumerate(j["layers"]):
            row = next(root.all("tr", id=f"layer-{i}"))
            self.assertEqual(next(row.all("span")).text(), layer["name"])
            for word in (layer["op"], layer["kernel"], f"{layer['macs']:,}", f"{layer['weight_bytes']:,}"):
                self.assertIn(word, row.text())
            for node in layer["onnx"]:
                self.assertIn(node, [li.text() for li in row.all("li")])
            link = next(root.all("a", href=f"#layer-{i}"))
            self.assertIn(f"layer {i} {layer['name']}: {layer['op']}", link.attributes["aria-label"])
            self.assertEqual(next(link.all("title")).text(), link.attributes["aria-label"])
            shown = next(link.all("text", class_="n")).text()
            self.assertTrue(layer["name"].endswith(shown.lstrip("\u2026")), shown)
        self.check_graph(root, j)
        self.check_arena(root, j)
        for note in j["notes"]:
            self.assertIn(" ".join(note.split()), " ".join(root.text().split()))
        return text, root, j

    def check_graph(self, root, j):
        svg = next(root.all("svg", class_="graph"))
        width, height = int(svg.attributes["width"]), int(svg.attributes["height"])
        boxes = []
        for g in svg.all("g"):
            x, y = map(int, re.findall(r"-?\d+", g.attributes["transform"]))
            b = next(g.all("rect")).attributes
            boxes.append((x, y, x + int(b["width"]), y + int(b["height"])))
        self.assertEqual(len(boxes), len(j["inputs"]) + len(j["layers"]) + len(j["outputs"]))
        for i, a in enumerate(boxes):
            self.assertTrue(0 <= a[0] < a[2] <= width and 0 <= a[1] < a[3] <= height, (a, width, height))
            for b in boxes[i + 1:]:
                self.assertTrue(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b))
        # the edges are those of the report: who wrote what each layer reads
        wanted, writer = set(), {}
        for i, p in enumerate(j["inputs"]):
            writer[p["buffer"]] = i
        for i, layer in enumerate(j["layers"], len(j["inputs"])):
            wanted |= {(writer[b], i) for b in layer["inputs"]}
            writer.update({b: i for b in layer["outputs"]})
        for i, p in enumerate(j["outputs"], len(j["inputs"]) + len(j["layers"])):
            wanted.add((writer[p["buffer"]], i))
        edges = [(int(p.attributes["data-from"]), int(p.attributes["data-to"])) for p in svg.all("path", class_="edge")]
        self.assertEqual((set(edges), len(edges)), (wanted, len(wanted)))
        for path in svg.all("path", class_="edge"):
            a, b = boxes[int(path.attributes["data-from"])], boxes[int(path.attributes["data-to"])]
            numbers = list(map(int, re.findall(r"-?\d+", path.attributes["d"])))
            self.assertEqual(numbers[:2], [(a[0] + a[2]) // 2, a[3]])
            self.assertEqual(numbers[-1], b[1] - 2)
            self.assertLess(a[3], b[1])

    def check_arena(self, root, j):
        plots = list(root.all("svg", class_="plot"))
        shown = [b for b in j["buffers"] if b["bytes"] > 0]
        self.assertEqual(len(plots), 1 if shown else 0)
        if not plots:
            return
        def named(b):
            ring = b["ring_rows"]
            return " ".join(((f"ring of {ring} row{'' if ring == 1 else 's'} of " if ring else "") + b["name"]).split())
        titles = sorted(next(s.all("title")).text() for s in plots[0].all("svg") if any(True for _ in s.all("title")))
        self.assertEqual(titles, sorted(f"{named(b)}: {b['bytes']:,} bytes at {b['offset']:,}, steps {b['first']} to {b['last']}" for b in shown))
        steps = len(j["live_bytes"])
        for b in shown:
            s = next(s for s in plots[0].all("svg") if next(s.all("title"), Node("", (), None)).text().startswith(f"{named(b)}: "))
            self.assertAlmostEqual(float(s.attributes["x"].rstrip("%")), 100 * (b["first"] + 1) / steps, delta=0.01)
            self.assertAlmostEqual(float(s.attributes["width"].rstrip("%")), 100 * (b["last"] - b["first"] + 1) / steps, delta=0.01)
            low = int(s.attributes["y"]) + int(s.attributes["height"])
            self.assertAlmostEqual(low, 326 - 300 * b["offset"] / j["arena_bytes"], delta=2.5)
        self.assertEqual(len(list(plots[0].all("rect", class_="peak"))), j["live_bytes"].count(max(j["live_bytes"])))
        self.assertEqual(len(list(plots[0].all("line", class_="bound"))), 1)
        self.assertIn(f"peak {max(j['live_bytes']):,} bytes", plots[0].text())

    def test_models(self):
        for name in ("digits_int8", "digits_f32", "residual_add", "shared_value", "concat_scales", "shape_arithmetic"):
            with self.subTest(name):
                self.check(os.path.join(MODELS, name, "model.onnx"), "--target", "cortex-m4f")

    def test_groups(self):
        text, root, j = self.check(self.write("g.onnx", two_groups()), "--target", "cortex-m4f", "--optimize", "ram")
        groups = [(i, layer) for i, layer in enumerate(j["layers"]) if layer["op"] == "group"]
        self.assertEqual(len(groups), 2)
        for i, layer in groups:
            self.assertIn(f"{i}: group of {len(layer['calls'])}", [t.text() for t in root.all("text", class_="tick")])
        self.assertIn("ring of ", text)

    def test_external(self):
        """Nothing of a one-layer model is in the arena then."""
        text, root, j = self.check(self.write("r.onnx", relu()), "--io", "external")
        self.assertEqual(j["buffers"], [])
        self.assertIn("Nothing is in the arena", text)
        self.assertIn("--io external", text)

    def test_escapes(self):
        bad = "<u>&\"'\n\x01</title>"
        nodes = [helper.make_node("Relu", ["x" + bad], ["m" + bad], name="n" + bad), helper.make_node("Sigmoid", ["m" + bad], ["y" + bad], name="s" + bad)]
        m = self.write("<i>&amp;\".onnx", model(nodes, [value("x" + bad)], [value("y" + bad)]))
        text, root, _ = self.pages(m, "--name", "<i>&amp;\"'")
        self.assertNotRegex(text, r"<[ui]>|\x01|&amp;\"")
        self.assertEqual(next(root.all("h1")).text(), "<i>&amp;\"'")
        self.assertIn("n<u>&\"' \ufffd</title>", [li.text() for li in root.all("li")])
        self.assertIn("m<u>&\"' \ufffd</title>", [s.attributes["title"] for s in root.all("span", class_="cut")])

    def test_symbols_of_many_bytes(self):
        name = "Schicht \u00e4\u00f6\u00fc \u5c42 \U0001f600 " * 6 + "z"
        m = self.write("u.onnx", model([helper.make_node("Relu", ["x"], [name], name=name), helper.make_node("Neg", [name], ["y"])], [value("x", T.FLOAT, (1, 4096))], [value("y", T.FLOAT, (1, 4096))]))
        self.check(m)

    def test_same_bytes_and_everywhere(self):
        """analyze --format html and --report FILE.html of every verb are the same page; beside .json."""
        src = os.path.join(MODELS, "residual_add")
        shutil.copytree(src, self.path("net"))
        m, options = self.path("net", "model.onnx"), ("--target", "cortex-m4f", "--optimize", "size")
        page = burin("analyze", m, "--format", "html", *options, "--report", self.path("a.html")).out
        self.compiled(m, *options, "--report", self.path("c.html"), "--report", self.path("c.json"))
        r = burin("verify", m, *options, "--runner", "interpreter", "--report", self.path("v.html"))
        self.assertEqual(r.code, OK, repr(r))
        for name in "acv":
            with open(self.path(name + ".html"), encoding="utf-8") as f:
                self.assertEqual(f.read(), page, name)
        with open(self.path("c.json")) as f:
            self.assertEqual(json.load(f)["schema"], 1)
        self.assertNotIn(self.dir, page)

    def test_many_layers(self):
        """Too many for a picture: said so, and the table has them. A wide graph and one with edges over many layers have a picture."""
        def chain(n):
            names = ["x"] + [f"t{i}" for i in range(n - 1)] + ["y"]
            return model([helper.make_node("Relu" if i % 2 else "Sin", [names[i]], [names[i + 1]]) for i in range(n)], [value("x")], [value("y")])
        text, root, j = self.pages(self.write("long.onnx", chain(401)))
        self.assertEqual(len(j["layers"]), 401)
        self.assertIn("Too many layers", text)
        self.assertEqual(len(list(root.all("svg", class_="graph"))), 0)
        self.check(self.write("sixty.onnx", chain(60)))
        nodes = [helper.make_node("Sin", ["x"], ["s0"])]
        for i in range(20):  # every sum reads x again, and the first sine
            nodes.append(helper.make_node("Add", [f"s{i}", "x" if i % 2 else "s0"], [f"s{i + 1}"]))
        nodes += [helper.make_node("Exp", ["x"], [f"e{i}"]) for i in range(12)]
        nodes.append(helper.make_node("Concat", ["s20"] + [f"e{i}" for i in range(12)], ["y"], axis=1))
        self.check(self.write("wide.onnx", model(nodes, [value("x")], [value("y", T.FLOAT, (1, 52))])))

    def test_contrast(self):
        text, _, _ = self.pages(self.write("r.onnx", relu()))
        schemes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in text.split("prefers-color-scheme: dark")]
        self.assertEqual([len(s) for s in schemes], [12, 12])
        for s in schemes:
            for a, b in (("text", "page"), ("text", "panel"), ("text", "fill"), ("text", "scratch"), ("text", "glow"), ("soft", "page"), ("soft", "panel"), ("soft", "fill"), ("accent", "panel"), ("accent", "page"), ("hot", "panel")):
                self.assertGreaterEqual(contrast(s[a], s[b]), 4.5, (a, b))
            for a, b in (("edge", "panel"), ("hot", "glow"), ("accent", "fill")):  # lines and bars
                self.assertGreaterEqual(contrast(s[a], s[b]), 3, (a, b))


if __name__ == "__main__":
    main()

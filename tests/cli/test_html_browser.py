"""The report page in headless Chromium, on a phone and on a desk, light and dark. Skipped where there is no Chromium."""
import browser
from tool import *

# What sticks out of the page though nothing around it scrolls, and boxes' texts that leave their box.
MEASURE = """(() => {
  const wide = document.documentElement.clientWidth, out = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.parentElement.closest('svg')) continue;
    const r = e.getBoundingClientRect();
    if (r.width > 0 && (r.right > wide + 1 || r.left < -1) && !e.closest('.scroll > *')) out.push(e.tagName + '.' + e.className);
  }
  const text = [];
  for (const t of document.querySelectorAll('.graph g')) {
    const b = t.querySelector('.b').getBoundingClientRect();
    for (const x of t.querySelectorAll('text')) {
      const r = x.getBoundingClientRect();
      if (r.left < b.left || r.right > b.right + 1) text.push(x.textContent);
    }
  }
  const names = [...document.querySelectorAll('.layers .name')].map(e => [e.textContent, e.getBoundingClientRect().height]);
  const seen = [...document.querySelectorAll('.plot > svg')].map(e => e.getBoundingClientRect()).every(r => r.width > 0 && r.height > 0);
  return {wide, scroll: document.scrollingElement.scrollWidth, out, text, names, seen, page: getComputedStyle(document.body).backgroundColor,
          boxes: document.querySelectorAll('.graph a').length, columns: getComputedStyle(document.querySelector('main')).gridTemplateColumns.split(' ').length};
})()"""


class HtmlBrowser(Case):
    def test_pages(self):
        long = "w" * 300
        pages = {name: os.path.join(MODELS, name, "model.onnx") for name in ("digits_int8", "residual_add", "concat_scales")}
        pages["long"] = self.write("long.onnx", model([helper.make_node("Relu", ["x" + long], [long], name=long), helper.make_node("Sin", [long], ["y" + long])], [value("x" + long)], [value("y" + long)]))
        pages["sixty"] = self.write("sixty.onnx", model([helper.make_node("Relu" if i % 2 else "Sin", [f"t{i}"], [f"t{i + 1}"]) for i in range(60)], [value("t0")], [value("t60")]))
        with browser.Browser(browser.find()) as b:
            for name, path in pages.items():
                r = burin("analyze", path, "--target", "cortex-m4f", "--report", self.path(name + ".html"))
                self.assertEqual(r.code, OK, repr(r))
                colours = set()
                for width, height in ((390, 844), (1280, 900)):
                    for dark in (False, True):
                        with self.subTest(f"{name} {width} {'dark' if dark else 'light'}"):
                            b.open(self.path(name + ".html"), width, height, dark)
                            m = b.evaluate(MEASURE)
                            self.assertEqual(b.complaints(), [])
                            self.assertEqual((m["wide"], m["scroll"] <= width, m["out"], m["seen"]), (width, True, [], True))
                            self.assertEqual(m["text"] if name != "long" else [], [])  # that one is clipped
                            self.assertTrue(m["names"] and all(n and h > 0 for n, h in m["names"]))
                            self.assertEqual(m["boxes"], len(m["names"]))
                            self.assertEqual(m["columns"], 1 if width < 1000 else 2)
                            colours.add(m["page"])
                self.assertEqual(len(colours), 2, colours)

    def test_that_the_measure_measures(self):
        """A page whose table does not scroll within itself is caught."""
        self.compiled(os.path.join(MODELS, "digits_int8", "model.onnx"), "--report", self.path("r.html"))
        with open(self.path("r.html"), encoding="utf-8") as f:
            text = f.read()
        with open(self.path("bad.html"), "w", encoding="utf-8") as f:
            f.write(text.replace(".scroll { overflow: auto;", ".scroll { overflow: visible;").replace("</body>", "<script>console.error('no')</script></body>"))
        with browser.Browser(browser.find()) as b:
            b.open(self.path("bad.html"), 390, 844, False)
            self.assertGreater(b.evaluate(MEASURE)["scroll"], 390)
            self.assertEqual(len(b.complaints()), 1)


if __name__ == "__main__":
    if not browser.find():
        print("skipped: no Chromium (Debian package chromium, or BURIN_CHROMIUM=/path)")
        sys.exit(77)
    main()

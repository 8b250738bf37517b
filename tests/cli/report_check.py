"""Check a report's folder: what every page must keep, and words it must or must not show.

report_check.py DIR [--shows TEXT]... [--drawn NAME]... [--absent NAME]...
"""
import argparse
import csv
import html.parser
import pathlib
import re
import xml.etree.ElementTree as xml

FIGURES = ("psi-density psi-arms thresholds turnbull map spectra overlap layers retraining rescue "
           "hysteresis contrasts").split()
ASKS = {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "form", "base",
        "image", "foreignobject"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.ids, self.links, self.figures, self.labels = [], [], [], [], {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in ASKS, tag
        for key, value in attributes.items():
            assert not key.startswith("on") and key != "src", (tag, key)
            assert "url(" not in (value or "") and "javascript:" not in (value or ""), (tag, key, value)
            if key in ("href", "xlink:href"):
                self.links.append(value)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "figure":
            self.figures.append(attributes["id"])
        if attributes.get("role") == "img":
            self.labels[self.figures[-1]] = attributes["aria-label"]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_data(self, data):
        self.text.append(data)


def check_figure(folder, name):
    with open(folder / f"{name}.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.reader(file))
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1, (name, rows[:3])
    assert len(set(rows[0])) == len(rows[0]) and all(rows[0]), rows[0]
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert not re.search(r"(?:href|src)\s*=\s*[\"'](?!#)", svg), name
    root = xml.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    title, words = (root.find("{http://www.w3.org/2000/svg}" + t).text for t in ("title", "desc"))
    assert title and words, name
    png = (folder / f"{name}.png").read_bytes()
    assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xae\x42\x60\x82"), name
    return rows, "".join(root.itertext())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    for option in ("--shows", "--drawn", "--absent"):
        parser.add_argument(option, action="append", default=[])
    asked = parser.parse_args()
    text = (asked.folder / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    shown = "".join(page.text)
    assert len(set(page.ids)) == len([i for i in page.ids]) and page.figures
    style = text[text.index("<style>"):text.index("</style>")]
    assert "url(" not in style and "@import" not in style and "prefers-color-scheme:dark" in style
    assert "<svg" in text and "@media print" in style
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert re.fullmatch(r"[a-z0-9-]+\.(csv|svg|png)", link) and (asked.folder / link).is_file(), link
    names, labels = [], ""
    for name in page.figures:
        assert len(page.labels[name]) > 30, (name, page.labels[name])
        assert {f"{name}.csv", f"{name}.svg", f"{name}.png"} <= set(page.links)
        rows, labels_here = check_figure(asked.folder, name)
        names += [cell for row in rows for cell in row]
        labels += labels_here
    for name in FIGURES:
        assert any(f == name or f.endswith("-" + name) for f in page.ids), name
    for name in asked.drawn:
        assert name in page.figures, (name, page.figures)
    for name in asked.absent:
        assert name not in page.figures and not (asked.folder / f"{name}.csv").exists(), name
        assert "left out" in shown
    for name in asked.shows:
        assert name in names, (name, "CSV")
        visible = name.replace("\n", "\\n").replace("\t", "\\t")
        assert visible in shown, (visible, "HTML")
        assert visible[:43] in labels, (visible, "SVG")
    left = {p.name for p in asked.folder.iterdir()} - {"index.html"}
    assert all(re.fullmatch(r"[a-z0-9-]+\.(csv|svg|png|gp)", name) for name in left), left


main()

"""A page says the same in HTML and in PDF, and needs nothing but itself."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from minicnn.experiments.report.html import html
from minicnn.experiments.report.page import Page, Section, Table, Text, picture
from minicnn.experiments.report.pdf import pdf
from minicnn.insight import style


class Elements(HTMLParser):
    """All elements with their attributes, and the text outside of `style`."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "each element is closed, the last opened first"

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def drawn(name: str = "line", width: float = 4, height: float = 2):
    figure = style.figure(width, height)
    figure.subplots().plot([1, 2])
    return picture(name, figure, 'A "line" & more', "From 1 to 2 <units>.")


@pytest.fixture(scope="module")
def page() -> Page:
    table = Table(["class", "count"], [["<b>", "1"], ["all", "1,234"]], "Counts.", last=1)
    return Page(
        "Digits & <letters>",
        "What there is.",
        [("pictures", "1,235"), ("share", "12 – 13%")],
        [
            Section("First things", [Text("χ² is 3 < 4, p ≈ 0.5 → fine ✗"), table]),
            Section("A picture", [drawn()]),
        ],
    )


def pdf_text(document: bytes) -> list[str]:
    return [each.get_textpage().get_text_range() for each in pypdfium2.PdfDocument(document)]


def test_html_holds_every_part_and_escapes_what_is_data(page):
    elements = Elements(html(page))
    assert elements.open == []
    for text in (
        *("Digits & <letters>", "What there is.", "pictures", "12 – 13%", "First things"),
        *("χ² is 3 < 4, p ≈ 0.5 → fine ✗", "<b>", "1,234", "Counts.", "From 1 to 2 <units>."),
    ):
        assert text in elements.text
    assert elements.all("b") == []
    links = [each["href"] for each in elements.all("a")]
    assert (
        links
        == [f"#{each['id']}" for each in elements.all("h2")]
        == ["#first-things", "#a-picture"]
    )


def test_html_has_its_pictures_inside_with_alternative_texts(page):
    (image,) = Elements(html(page)).all("img")
    assert image["alt"] == 'A "line" & more'
    start, data = image["src"].split(",")
    assert start == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as shown:
        assert shown.size == (600, 300)
    assert (image["width"], image["height"]) == ("384", "192")


def test_html_asks_for_nothing_from_outside_and_runs_nothing(page):
    text = html(page)
    elements = Elements(text)
    assert elements.all("script") == []
    addresses = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href")
    ]
    assert all(value.startswith(("#", "data:")) for value in addresses)
    assert "url(" not in text
    assert "@import" not in text
    assert "http://" not in text
    assert "https://" not in text
    (policy,) = [e["content"] for e in elements.all("meta") if "http-equiv" in e]
    assert policy.startswith("default-src 'none'")
    assert "prefers-color-scheme: dark" in text
    assert elements.all("html")[0]["lang"] == "en"


def test_pdf_holds_every_part(page):
    text = " ".join("".join(pdf_text(pdf(page))).split())
    for part in (
        *("Digits & <letters>", "What there is.", "pictures", "12 – 13%", "First things"),
        *("χ² is 3 < 4, p ≈ 0.5 → fine ✗", "<b>", "1,234", "Counts.", "From 1 to 2 <units>."),
    ):
        assert part in text
    document = pypdfium2.PdfDocument(pdf(page))
    assert len(document) == 1
    assert document.get_metadata_value("Title") == "Digits & <letters>"
    images = [o for o in document[0].get_objects() if isinstance(o, pypdfium2.PdfImage)]
    assert [image.get_px_size() for image in images] == [(600, 300)]


def test_pdf_has_nothing_outside_of_its_margins():
    wide = Table([f"column {i}" for i in range(14)], [["123,456,789"] * 14] * 3)
    parts = [drawn("wide", 30, 2), drawn("tall", 2, 40), wide, Text("word " * 400)]
    facts = [("a fact with a very long name", "a value that is longer than its place")] * 5
    made = pdf(Page("A title " * 12, "lead", facts, [Section("s", [part]) for part in parts]))
    for sheet in pypdfium2.PdfDocument(made):
        ink = np.asarray(sheet.render(scale=1).to_pil().convert("L")) < 200
        rows, columns = np.nonzero(ink)
        assert columns.min() > 40
        assert columns.max() < 595 - 40
        assert rows.min() > 40
        assert rows.max() < 842 - 25


def test_pdf_keeps_a_title_with_what_follows_it():
    filler = Section("filler", [Text("line\n" * 36)])
    made = pdf(Page("t", "l", [], [filler, Section("Heading", [Text("About it."), drawn()])]))
    first, second = pdf_text(made)
    assert "filler" in first
    assert "Heading" not in first
    assert second.index("Heading") < second.index("About it.")


@pytest.mark.parametrize(("lines", "sheets"), [(0, 1), (14, 1), (20, 2)])
def test_pdf_makes_a_picture_smaller_rather_than_leave_the_foot_of_a_page_empty(lines, sheets):
    filler = Section("filler", [Text("\n".join(["line"] * lines or ["line"]))])
    made = pdf(Page("t", "l", [], [filler, Section("s", [drawn("large", 6, 7)])]))
    document = pypdfium2.PdfDocument(made)
    assert len(document) == sheets
    (image,) = [o for o in document[sheets - 1].get_objects() if isinstance(o, pypdfium2.PdfImage)]
    left, bottom, right, top = image.get_bounds()
    assert (right - left) / (top - bottom) == pytest.approx(6 / 7, rel=1e-3)
    full = 7 * 72 * 0.85
    assert (top - bottom < 0.99 * full) == (lines == 14)
    assert bottom > 22 / 25.4 * 72


def test_a_long_table_goes_on_on_the_next_page_with_its_head():
    rows = [[f"row {i}", str(i)] for i in range(90)]
    texts = pdf_text(pdf(Page("t", "l", [], [Section("s", [Table(["name", "number"], rows)])])))
    assert len(texts) > 1
    assert all("number" in text for text in texts)
    assert all(f"row {i}" in "".join(texts) for i in range(90))

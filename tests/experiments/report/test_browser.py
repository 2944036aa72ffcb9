"""The pages in a real browser: nothing is missing, nothing sticks out, nothing is asked for.

Where there is no Chromium these are skipped; `test_pages` reads the same pages with a parser.
"""

from pathlib import Path

import numpy as np
import pytest

from minicnn.data import Dataset
from minicnn.experiments.explore import explore
from minicnn.experiments.report.documents import write_data_report, write_run_report
from minicnn.experiments.report.run_numbers import report_run

SIZES = (("phone", 390, "dark"), ("desk", 1280, "light"))


@pytest.fixture(scope="module")
def pages(run_folder, tmp_path_factory) -> dict[str, Path]:
    """A report of each kind, with long names and many classes, which need the most room."""
    folder = tmp_path_factory.mktemp("pages")
    names = tuple(f"the class number {place} of them all" for place in range(12))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (150, 9, 11, 1)).astype(np.uint8)
    images[20] = images[3]
    data = Dataset(images, np.arange(150) % 12, names)
    found = explore(data, data[:50], progress=False)
    write_data_report(found, folder / "data", "noise_with_a_name_that_does_not_end" * 3)
    write_run_report(report_run(run_folder), folder / "run")
    return {
        "data": folder / "data" / "exploration.html",
        "run": folder / "run" / "report.html",
    }


@pytest.mark.parametrize(("device", "width", "scheme"), SIZES)
@pytest.mark.parametrize("name", ["data", "run"])
def test_a_page_shows_everything_and_fits_the_screen(browser, pages, name, device, width, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    page, complaints, asked = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [pages[name].as_uri()]

    pictures = page.evaluate(
        "[...document.images].map(i => [i.alt, i.complete, i.naturalWidth, i.clientWidth])"
    )
    assert len(pictures) >= 8
    for alt, complete, natural_width, shown_width in pictures:
        assert alt
        assert complete
        assert natural_width > 0
        assert 0 < shown_width <= width

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    too_wide = """
        [...document.querySelectorAll("body *")].filter(e =>
            !e.closest(".scroll table") && e.getBoundingClientRect().right > innerWidth + 0.5
        ).map(e => e.outerHTML.slice(0, 80))
    """
    assert page.evaluate(too_wide) == []
    # A table may be wider than a phone, but then it moves within its own frame.
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every(t => t.parentElement.matches('.scroll'))"
    )
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in paper.strip("rgb()").split(","))
    assert (brightness < 150) if scheme == "dark" else (brightness > 600)
    context.close()


def test_every_link_of_a_page_leads_to_a_section(browser, pages):
    page = browser.new_page()
    for path in pages.values():
        page.goto(path.as_uri())
        lost = "[...document.links].filter(a => !document.querySelector(a.hash)).length"
        assert page.evaluate("document.links.length") >= 9
        assert page.evaluate(lost) == 0
    page.close()

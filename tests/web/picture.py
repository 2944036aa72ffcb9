"""The picture of the page in the README: ``python -m tests.web.picture RUN [OUT]``."""

import argparse
import io
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from .conftest import started
from .hand import DIGITS, draw, draw_row

OUT = Path(__file__).parents[2] / "benchmarks" / "results" / "page.png"
DESK, PHONE, HEIGHT, GAP = 1280, 390, 800, 24


def main() -> None:
    """Draw on the page, on a desktop and on a phone, and join what is seen there."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with started(arguments.run) as service, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk = screens(browser, service.url, DESK)
        phone = screens(browser, service.url, PHONE)
        browser.close()
    joined(desk, phone).save(arguments.out, optimize=True)
    print(arguments.out)


def screens(browser: Any, url: str, width: int) -> list[Image.Image]:
    """What is seen of a digit and of its layers; on a phone of several digits instead."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme="light", has_touch=width == PHONE
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("[data-ready]")
    draw(page, DIGITS["3"])
    page.wait_for_function("() => document.querySelector('.label').textContent === '3'")
    page.wait_for_timeout(500)
    shots = [page.screenshot()]
    if width == PHONE:
        page.locator("#clear").click()
        page.get_by_text("Several", exact=True).click()
        draw_row(page, "1703")
        page.wait_for_function("() => document.querySelectorAll('.digit').length === 4")
        page.wait_for_selector(".several:not([aria-busy=true])")
    else:
        inside = page.locator("#inside")
        inside.scroll_into_view_if_needed()
        for name in ("saliency", "conv2d"):
            page.locator(f"[data-name={name}]").wait_for()
        page.locator("[data-name^=conv2d] canvas").nth(1).click(position={"x": 90, "y": 20})
        page.locator("#inspector .value").wait_for()
        inside.evaluate("section => section.scrollIntoView()")
    page.wait_for_timeout(1000)
    shots.append(page.screenshot())
    context.close()
    return [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]


def joined(desk: list[Image.Image], phone: list[Image.Image]) -> Image.Image:
    """Both side by side, first over second, in 256 colours."""
    paper = Image.new("RGB", (DESK + GAP + PHONE, 2 * HEIGHT + GAP), "#c9d0d7")
    for left, column in ((0, desk), (DESK + GAP, phone)):
        for row, shot in enumerate(column):
            paper.paste(shot, (left, row * (HEIGHT + GAP)))
    return paper.quantize(256, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()

"""The page in a real browser: digits are drawn with real pointer events, and the answer is read."""

import base64
import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn.data import mnist

SCREENS = (("phone", 390, "dark"), ("desk", 1280, "light"))


@pytest.fixture
def opened(browser, service):
    """Open the page; whatever the browser complains of, or asks elsewhere, fails the test."""
    complaints, contexts = [], []

    def open_page(**settings):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(unexpected(message.text)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.extend(foreign(asked.url, service.url)))
        page.goto(service.url)
        page.wait_for_selector("#bars li:nth-child(10)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def unexpected(text: str) -> list[str]:
    """The browser itself notes each request that was refused."""
    return [] if "422 (Unprocessable" in text else [text]


def foreign(asked: str, url: str) -> list[str]:
    return [] if asked.startswith(url) else [asked]


def arc(x, y, width, height, start, end):
    """Places on an ellipse, from one angle in degrees to another; 0 is right, 90 is down."""
    angles = np.radians(np.linspace(start, end, 24))
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


DIGITS = {
    "0": [arc(0.5, 0.5, 0.2, 0.3, -90, 270)],
    "1": [[(0.5, 0.2), (0.5, 0.35), (0.5, 0.5), (0.5, 0.65), (0.5, 0.8)]],
    "3": [arc(0.47, 0.36, 0.16, 0.15, -150, 90) + arc(0.47, 0.65, 0.19, 0.15, -90, 150)],
    "7": [[(0.3, 0.25), (0.5, 0.25), (0.68, 0.25), (0.6, 0.45), (0.52, 0.6), (0.45, 0.8)]],
}


def draw(page, strokes) -> None:
    frame = page.locator("#board").bounding_box()
    for stroke in strokes:
        places = [
            (frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in stroke
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def says(page, label: str) -> None:
    """Wait for the last answer, and then for the label that it should have."""
    page.wait_for_selector("#verdict:not([aria-busy=true])")
    page.wait_for_function(
        "label => document.getElementById('label').textContent === label", arg=label
    )


def seen(page) -> np.ndarray:
    """The pixels that the page shows as those of the net."""
    data = page.evaluate("document.getElementById('seen').toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))[..., 0]


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_that_is_drawn_is_recognised(opened, digit):
    page = opened()
    assert page.locator("#hint").is_visible()
    draw(page, DIGITS[digit])
    says(page, digit)
    assert not page.locator("#hint").is_visible()
    assert page.locator("#bars .first .name").inner_text() == digit
    assert (
        page.locator("#certainty")
        .inner_text()
        .startswith(page.locator("#bars .first .share").inner_text())
    )
    rows, columns = np.nonzero(seen(page) > 0)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)  # in MNIST's frame


def test_undo_and_clear(opened):
    page = opened()
    undo, clear = page.locator("#undo"), page.locator("#clear")
    assert undo.is_disabled()
    assert clear.is_disabled()
    draw(page, DIGITS["1"])
    says(page, "1")
    one = seen(page)
    draw(page, [arc(0.4, 0.5, 0.3, 0.3, 0, 300)])
    page.wait_for_function("document.querySelector('#undo').disabled === false")
    undo.click()
    says(page, "1")
    assert (seen(page) == one).all()
    clear.click()
    says(page, "–")
    assert page.locator("#hint").is_visible()
    assert seen(page).max() == 0
    undo.click()  # a clearing can be undone too
    says(page, "1")
    page.keyboard.press("Escape")
    says(page, "–")
    page.keyboard.press("Control+z")
    says(page, "1")


def test_a_digit_can_be_drawn_by_keyboard_alone(opened):
    page = opened()
    for _ in range(12):
        if page.evaluate("document.activeElement.id") == "board":
            break
        page.keyboard.press("Tab")
    for key in ["ArrowUp"] * 12 + [" "] + ["ArrowDown"] * 24 + [" "]:
        page.keyboard.press("Space" if key == " " else key)
    says(page, "1")
    page.keyboard.press("ArrowLeft")  # the pen is up: nothing is drawn
    page.wait_for_timeout(200)
    says(page, "1")
    assert page.locator("#label").text_content() == "1"


def test_a_finger_draws_and_does_not_scroll(opened):
    page = opened(has_touch=True)
    frame = page.locator("#board").bounding_box()
    session = page.context.new_cdp_session(page)
    middle = frame["x"] + frame["width"] / 2

    def touch(kind, share=None):
        places = [] if share is None else [{"x": middle, "y": frame["y"] + share * frame["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", 0.2)
    for share in np.linspace(0.2, 0.8, 20):
        touch("touchMove", float(share))
    touch("touchEnd")
    says(page, "1")
    assert page.evaluate("scrollY") == 0


def test_pictures_are_opened_pasted_and_refused(opened, tmp_path):
    page = opened()
    image = mnist()[1].images[0, ..., 0]  # a seven
    large = np.kron(255 - image, np.ones((90, 90), np.uint8))  # 2520 × 2520: is made smaller
    for name, pixels in {"seven.png": 255 - image, "seven.tif": image, "large.png": large}.items():
        Image.fromarray(pixels).save(tmp_path / name)
        page.locator("#file").set_input_files(tmp_path / name)
        says(page, "7")
        page.locator("#clear").click()
        says(page, "–")
    Path(tmp_path / "text.png").write_text("seven")
    page.locator("#file").set_input_files(tmp_path / "text.png")
    page.get_by_text("The picture is not a picture").wait_for()
    page.evaluate(
        """async bytes => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], "a", {type: "image/png"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData}));
        }""",
        [*(tmp_path / "seven.png").read_bytes()],
    )
    says(page, "7")
    draw(page, DIGITS["1"])  # a stroke begins a new drawing
    says(page, "1")
    assert page.locator("#label").text_content() == "1"


@pytest.mark.parametrize(("device", "width", "scheme"), SCREENS)
def test_the_page_fits_the_screen_in_light_and_dark(browser, service, device, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(service.url)
    page.wait_for_selector("#bars li:nth-child(10)")
    draw(page, DIGITS["3"])
    says(page, "3")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#board", "#label", "#seen", "#undo", "#clear"):  # at once, without scrolling
        frame = page.locator(name).bounding_box()
        assert frame["x"] >= 0
        assert frame["x"] + frame["width"] <= width
        assert frame["y"] + frame["height"] <= 844, name

    def brightness() -> int:
        paper = page.evaluate("getComputedStyle(document.querySelector('#board')).backgroundColor")
        return sum(int(part) for part in paper.strip("rgb()").split(","))

    assert (brightness() < 150) if scheme == "dark" else (brightness() > 600)
    page.locator("#theme").click()
    assert (brightness() > 600) if scheme == "dark" else (brightness() < 150)
    page.reload()  # the choice is kept
    page.wait_for_selector("#bars li:nth-child(10)")
    assert (brightness() > 600) if scheme == "dark" else (brightness() < 150)
    context.close()

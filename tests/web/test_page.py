"""The page in a real browser: digits are drawn with real pointer events, and the answer is read."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn.data import mnist
from minicnn.insight.inspection import layer_outputs
from minicnn.metrics import worst_mistakes

from ..lanes import slow_but
from .conftest import started
from .hand import DIGITS, arc, draw, draw_row

SCREENS = (("phone", 390, "dark"), ("desk", 1280, "light"))


@pytest.fixture(scope="module")
def service(conv):
    """The small convolutional net, which the tests of this file share."""
    with started(conv) as found:
        yield found


@pytest.fixture(scope="module")
def net(conv) -> mc.nn.Sequential:
    return mc.open_model(conv)


@pytest.fixture
def opened(browser, service):
    """Open the page; whatever the browser complains of, or asks elsewhere, fails the test."""
    complaints, contexts = [], []

    def open_page(url=service.url, **settings):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(unexpected(message.text)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.extend(foreign(asked.url, url)))
        page.goto(url)
        page.wait_for_selector("[data-ready]")
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


def says(page, label: str) -> None:
    """Wait for the last answer, and then for the label that it should have."""
    page.wait_for_selector(".verdict:not([aria-busy=true])")
    page.wait_for_function(
        "label => document.querySelector('.label').textContent === label", arg=label
    )


def pixels(page, selector: str) -> np.ndarray:
    """What a canvas shows: (H, W, 4)."""
    data = page.evaluate(f"document.querySelector('{selector}').toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))


def seen(page) -> np.ndarray:
    """The pixels that the page shows as those of the net."""
    return pixels(page, ".seen")[..., 0]


# ------------------------------------------------------------------ one digit


@pytest.mark.parametrize("digit", slow_but("3", DIGITS))
def test_a_digit_that_is_drawn_is_recognised(opened, digit):
    page = opened()
    assert page.locator("#hint").is_visible()
    draw(page, DIGITS[digit])
    says(page, digit)
    assert not page.locator("#hint").is_visible()
    assert page.locator(".bars .first .name").inner_text() == digit
    share = page.locator(".bars .first .share").inner_text()
    assert page.locator(".certainty").inner_text().startswith(share)
    rows, columns = np.nonzero(seen(page) > 0)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)  # in MNIST's frame


@pytest.mark.slow
def test_undo_and_clear(opened):
    page = opened()
    undo, clear = page.locator("#undo"), page.locator("#clear")
    assert undo.is_disabled()
    assert clear.is_disabled()
    draw(page, DIGITS["1"])
    says(page, "1")
    one = seen(page)
    draw(page, [arc(0.4, 0.5, 0.3, 0.3, 0, 300)])
    page.wait_for_function("() => document.querySelector('#undo').disabled === false")
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


@pytest.mark.slow
def test_a_digit_can_be_drawn_by_keyboard_alone(opened):
    page = opened()
    focus(page, "board")
    for key in ["ArrowUp"] * 12 + [" "] + ["ArrowDown"] * 24 + [" "]:
        page.keyboard.press("Space" if key == " " else key)
    says(page, "1")
    page.keyboard.press("ArrowLeft")  # the pen is up: nothing is drawn
    page.wait_for_timeout(200)
    says(page, "1")
    assert page.locator(".label").text_content() == "1"


def focus(page, name: str) -> None:
    """Walk to an element with the tabulator."""
    for _ in range(12):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not reached")


@pytest.mark.slow
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
    for name, levels in {"seven.png": 255 - image, "seven.tif": image, "large.png": large}.items():
        Image.fromarray(levels).save(tmp_path / name)
        page.locator("#file").set_input_files(tmp_path / name)
        says(page, "7")
        page.locator("#clear").click()
        says(page, "–")
    Path(tmp_path / "text.png").write_text("seven")
    page.locator("#file").set_input_files(tmp_path / "text.png")
    page.get_by_text("The picture is not a picture").first.wait_for()
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
    assert page.locator(".label").text_content() == "1"


# ------------------------------------------------------------------ several digits


def test_several_digits_are_read_with_a_box_around_each(opened):
    page = opened()
    page.get_by_text("Several", exact=True).click()
    assert page.locator("#hint").inner_text() == "Draw several digits in a row"
    draw_row(page, "173")
    page.wait_for_function("() => document.querySelector('.text').textContent === '173'")
    page.wait_for_selector(".several:not([aria-busy=true])")
    assert page.locator(".confidence").inner_text().endswith("% that all of it is right")
    chips = page.locator(".digits button")
    assert [each.split()[0] for each in chips.all_inner_texts()] == ["1", "7", "3"]
    assert [chips.nth(i).get_attribute("aria-pressed") for i in range(3)] == ["true"] + 2 * [
        "false"
    ]
    boxes = pixels(page, "#boxes")[..., 3] > 0
    runs = np.flatnonzero(np.diff(boxes[len(boxes) // 2].astype(int)) == 1)
    assert len(runs) == 6  # the left and the right side of each box cross the middle of the paper
    chips.nth(2).click()
    assert chips.nth(2).get_attribute("aria-pressed") == "true"
    page.locator("#clear").click()
    page.wait_for_function("() => document.querySelector('.text').textContent === '–'")
    assert not pixels(page, "#boxes").any()


# ------------------------------------------------------------------ inside


def layer(page, name: str):
    """The canvas of a layer, in view."""
    canvas = page.locator(f".layer[data-name={name}] canvas")
    canvas.scroll_into_view_if_needed()
    return canvas


def open_inside(page, digit: str = "3") -> np.ndarray:
    """Draw, and go to the layers; what the net was given, (28, 28, 1)."""
    draw(page, DIGITS[digit])
    says(page, digit)
    given = seen(page)
    page.locator("#inside").scroll_into_view_if_needed()
    for name in ("dense", "saliency"):
        page.locator(f"[data-name={name}]").wait_for()
    return (given / 255).astype(np.float32)[..., np.newaxis]


def numbers(page, selector: str) -> np.ndarray:
    """The numbers that are written in elements."""
    texts = page.locator(f"#inspector {selector}").all_inner_texts()
    return np.array([float(text.replace("−", "-")) for text in texts])


def traced(page, name: str, value: float) -> None:
    """Wait until the inspector shows a number of this layer that has this value."""
    page.locator("#inspector h3", has_text=f"{name} [").wait_for()
    page.wait_for_function(
        """value => {
            const found = document.querySelector('#inspector .value')?.dataset.value;
            return Math.abs(found - value) < 1e-4 * Math.max(1, Math.abs(value));
        }""",
        arg=float(value),
    )


def test_a_number_in_a_layer_is_the_sum_that_the_page_works_out(opened, net):
    page = opened()
    given = open_inside(page)
    outputs = {each.name: each.values for each in layer_outputs(net, given)}
    assert page.locator(".layer h3").all_inner_texts() == [
        *("picture\n28 × 28", "saliency\nwhat the answer hangs on · 28 × 28"),
        *("conv2d\nConv2D · relu · 24 × 24 × 6", "max_pool2d\nMaxPool2D · 12 × 12 × 6"),
        *("conv2d_1\nConv2D · 10 × 10 × 8", "re_lu\nReLU · 10 × 10 × 8"),
        *("max_pool2d_1\nMaxPool2D · 5 × 5 × 8", "dense\nDense · 10"),
    ]
    plain = pixels(page, ".layer:first-child canvas")
    canvas = layer(page, "conv2d")
    canvas.hover(position={"x": 2 * 12 + 1, "y": 2 * 14 + 1})  # two dots a number
    traced(page, "conv2d", outputs["conv2d"][14, 12, 0])
    assert page.locator("#inspector h3").inner_text() == "conv2d [14, 12, 0]"
    window = given[14:19, 12:17, 0]
    kernel, bias = net.layers[0].weight.data[..., 0, 0], net.layers[0].bias.data[0]
    np.testing.assert_allclose(numbers(page, ".values td"), window.ravel(), atol=5e-4)
    np.testing.assert_allclose(numbers(page, ".slopes td"), kernel.ravel(), atol=5e-4)
    products = numbers(page, ".products td")
    np.testing.assert_allclose(products, (window * kernel).ravel(), atol=5e-4)
    total, before = numbers(page, ".total")[0], numbers(page, ".before")[0]
    assert products.sum() == pytest.approx(total, abs=25 * 5e-4)
    assert total + bias == pytest.approx(before, abs=1.1e-3)
    assert numbers(page, ".value")[0] == pytest.approx(max(before, 0), abs=1e-3)
    assert (pixels(page, ".layer:first-child canvas") != plain).any()  # the window is framed


@pytest.mark.slow
def test_a_number_is_held_by_a_click_and_moved_by_keys(opened, net):
    page = opened()
    given = open_inside(page)
    outputs = {each.name: each.values for each in layer_outputs(net, given)}
    layer(page, "max_pool2d").click(position={"x": 5 * 5 + 1, "y": 5 * 6 + 1})  # five dots a number
    pooled = outputs["max_pool2d"]
    traced(page, "max_pool2d", pooled[6, 5, 0])
    values = numbers(page, ".values td")
    np.testing.assert_allclose(
        values, outputs["conv2d"][12:14, 10:12, 0].ravel(), rtol=0.01, atol=5e-4
    )
    assert values.max() == pytest.approx(numbers(page, ".value")[0], abs=1e-3)
    layer(page, "conv2d").hover(position={"x": 9, "y": 9})
    page.wait_for_timeout(150)
    assert page.locator("#inspector h3").inner_text() == "max_pool2d [6, 5, 0]"
    page.keyboard.press("ArrowRight")
    traced(page, "max_pool2d", pooled[6, 6, 0])
    for _ in range(6):
        page.keyboard.press("ArrowRight")  # and on into the next map
    traced(page, "max_pool2d", pooled[6, 0, 1])
    assert page.locator("#inspector h3").inner_text() == "max_pool2d [6, 0, 1]"
    page.get_by_label("Close").click()
    assert page.locator("#inspector.idle").is_visible()


@pytest.mark.slow
def test_relu_and_dense_are_followed_to_the_weights(opened, net):
    page = opened()
    given = open_inside(page)
    outputs = {each.name: each.values for each in layer_outputs(net, given)}
    layer(page, "re_lu").click(position={"x": 5 * 4 + 1, "y": 5 * 4 + 1})  # five dots a number
    traced(page, "re_lu", outputs["re_lu"][4, 4, 0])
    before = outputs["conv2d_1"][4, 4, 0]
    assert numbers(page, ".before")[0] == pytest.approx(before, rel=0.01, abs=1e-3)
    sums = page.locator("#inspector option").all_inner_texts()
    assert len(sums) == 6  # channels
    adds = sum(float(text.partition("adds ")[2].replace("−", "-")) for text in sums)
    assert adds == pytest.approx(numbers(page, ".total")[0], abs=0.02)
    canvas = layer(page, "dense")
    canvas.click(position={"x": 3 * 32 + 5, "y": 5})
    traced(page, "dense", outputs["dense"][3])
    assert page.locator("#inspector h3").inner_text() == "dense [3], class 3"
    assert page.locator("#inspector .sum dt").first.inner_text() == "sum of 200 products"
    assert page.locator(".largest li").count() == 6


# ------------------------------------------------------------------ mistakes


@pytest.mark.slow
def test_a_mistake_is_put_on_the_paper_and_drawn_better(opened, net):
    page = opened()
    test = mnist()[1]
    found = mc.evaluate(net, test)
    worst = worst_mistakes(found.labels, found.probabilities)
    page.locator("#gallery").scroll_into_view_if_needed()
    page.locator("#mistakes li").first.wait_for()
    thumbs = page.locator("#mistakes button")
    assert thumbs.count() == 30
    assert f"{len(worst)} of 10,000" in page.locator("#gallery-words").inner_text()
    answers = found.probabilities.argmax(axis=1)
    labels = [thumbs.nth(i).get_attribute("aria-label").partition(" with")[0] for i in range(30)]
    assert labels == [f"{test.labels[i]}, taken for {answers[i]}" for i in worst[:30]]
    place = next(i for i in range(30) if str(test.labels[worst[i]]) in DIGITS)
    true, wrong = str(test.labels[worst[place]]), str(answers[worst[place]])
    thumbs.nth(place).click()
    says(page, wrong)
    image = test.images[worst[place], ..., 0]
    assert np.abs(seen(page).astype(int) - image).max() <= 1
    challenge = page.locator("#challenge")
    assert f"is {true}; the net said {wrong}" in challenge.inner_text()
    draw(page, DIGITS[true])
    says(page, true)
    page.locator("#challenge.met").wait_for()
    assert challenge.inner_text() == f"Right: the net reads your {true}."
    page.locator("#clear").click()
    assert not challenge.is_visible()


# ------------------------------------------------------------------ two nets


@pytest.mark.slow
def test_two_nets_answer_side_by_side(opened, run, conv):
    with started(run, conv) as both:
        page = opened(both.url)
        assert [each.split("\n")[0] for each in page.locator(".who").all_inner_texts()] == [
            *("mlp-1", "conv.keras")
        ]
        draw(page, DIGITS["7"])
        says(page, "7")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.label')].every(one => one.textContent === '7')"
        )
        shares = page.locator(".certainty").all_inner_texts()
        assert shares[0] != shares[1]
        page.locator("#inside").scroll_into_view_if_needed()
        for name in ("dense_1", "saliency"):
            page.locator(f"[data-name={name}]").wait_for()
        assert page.locator(".layer").count() == 4
        page.locator("#runs").get_by_text("conv.keras").click()
        page.locator("[data-name=conv2d_1]").wait_for()
        frames = [page.locator(".answer").nth(i).bounding_box() for i in range(2)]
        assert frames[0]["y"] == frames[1]["y"]
        assert frames[0]["x"] + frames[0]["width"] <= frames[1]["x"]
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#mistakes li").first.wait_for()
        assert page.locator("#gallery-title").inner_text() == "The worst mistakes of conv.keras"
        page.close()  # before the service ends


# ------------------------------------------------------------------ screens


@pytest.mark.slow
@pytest.mark.parametrize(("device", "width", "scheme"), SCREENS)
def test_the_page_fits_the_screen_in_light_and_dark(opened, device, width, scheme):
    page = opened(viewport={"width": width, "height": 844}, color_scheme=scheme)
    draw(page, DIGITS["3"])
    says(page, "3")
    for name in ("#board", ".label", ".seen", "#mode", "#undo", "#clear"):  # without scrolling
        frame = page.locator(name).bounding_box()
        assert frame["x"] >= 0
        assert frame["x"] + frame["width"] <= width
        assert frame["y"] + frame["height"] <= 844, name
    page.locator("#inside").scroll_into_view_if_needed()
    layer(page, "max_pool2d").click(position={"x": 9, "y": 9})
    page.locator("#inspector .value").wait_for()
    frame = page.locator("#inspector").bounding_box()
    assert frame["x"] >= 0
    assert frame["x"] + frame["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    def brightness() -> int:
        paper = page.evaluate("getComputedStyle(document.querySelector('#board')).backgroundColor")
        return sum(int(part) for part in paper.strip("rgb()").split(","))

    assert (brightness() < 150) if scheme == "dark" else (brightness() > 600)
    page.locator("#theme").click()
    assert (brightness() > 600) if scheme == "dark" else (brightness() < 150)
    page.reload()  # the choice is kept
    page.wait_for_selector("[data-ready]")
    assert (brightness() > 600) if scheme == "dark" else (brightness() < 150)

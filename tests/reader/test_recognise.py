"""Pictures of digits are read right, whatever the pen, the paper, the size and the place."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import minicnn as mc
from benchmarks.synthesis import examples as draw
from minicnn import nn
from minicnn.errors import FileError, PictureError, ShapeError
from minicnn.examples import labelled
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings
from minicnn.reader import canvas
from minicnn.reader.recognise import SURE, Prediction, framed

from ..lanes import slow_but


def share_right(model, pictures, labels) -> float:
    seen = np.stack([framed(picture, (28, 28)) for picture in pictures])
    return float(np.mean(model.predict(seen[..., None]).argmax(1) == labels))


def on_paper(digit, rng, shape=(150, 200), longest=90) -> np.ndarray:
    """A dark digit on light paper, `(H, W)`, 0 to 1."""
    ink = canvas.enlarged(digit, longest)
    page = np.zeros(shape, np.float32)
    top, left = (rng.integers(8, side - n - 7) for side, n in zip(shape, ink.shape, strict=True))
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return np.float32(0.85) - np.float32(0.65) * page


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_redrawn_test_digits_are_read_right(model, digits, count):
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(digits), count, replace=False)
    right = 0
    for index in chosen:
        picture = canvas.redrawn(digits.images[index], rng)
        assert picture.shape == (300, 400)
        right += mc.predict(model, picture).label == str(digits.labels[index])
    assert right >= 0.95 * count
    as_they_were = model.predict(digits.scaled(chosen)).argmax(1) == digits.labels[chosen]
    assert right >= as_they_were.sum() - 8, "redrawing them costs next to nothing"


@pytest.mark.parametrize("path", labelled(), ids=lambda path: path.name)
def test_every_example_picture_is_read_right(model, path):
    answer = mc.predict(model, path)
    assert (answer.label, answer.notes) == (labelled()[path], ())


def test_the_examples_are_what_their_script_draws(tmp_path):
    draw.draw(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in labelled()} | {
        "labels.json"
    }
    for path in labelled():
        with Image.open(path) as shipped, Image.open(tmp_path / path.name) as drawn:
            assert (shipped.format, shipped.mode, shipped.size) == (
                *(drawn.format, drawn.mode, drawn.size),
            )
            a, b = (np.asarray(image.convert("RGBA"), float) for image in (shipped, drawn))
        assert np.abs(a - b).mean() < 0.5, path.name
    assert sum(path.stat().st_size for path in labelled()) < 400_000


def test_framed_pictures_stay_as_they_are(model, digits):
    images = digits.scaled(slice(0, 300))[..., 0]
    for light in images:
        assert np.array_equal(framed(light, (28, 28)), light)
        np.testing.assert_allclose(framed(1 - light, (28, 28)), light, atol=1e-6)
    answer = mc.predict(model, digits.images[0])
    logits = model.predict(digits.scaled([0])).astype(np.float64)[0]
    by_hand = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(answer.probabilities, by_hand, rtol=1e-4, atol=1e-8)


SIDES = {
    "a shadow": lambda page, rng: page * (1 - 0.5 * _half_plane(page.shape, rng, 4)),
    "half the light at one end": lambda page, rng: page * np.linspace(0.5, 1, page.shape[1]),
    "a table around": lambda page, rng: np.pad(page, 25, constant_values=0.25),
    "blur": lambda page, rng: ndimage.gaussian_filter(page, 2),
    "noise": lambda page, rng: page + rng.normal(0, 0.08, page.shape),
    "specks": lambda page, rng: np.where(rng.random(page.shape) > 0.9995, 0.2, page),
    "ruled lines": lambda page, rng: _ruled(page),
    "a turn": lambda page, rng: ndimage.rotate(page, 8, reshape=False, order=1, mode="nearest"),
    "light on dark": lambda page, rng: 1 - page,
    "little contrast": lambda page, rng: 0.8 + 0.15 * page,
    "a thousand pixels more": lambda page, rng: np.pad(page, ((0, 0), (0, 300)), mode="edge"),
}


def _half_plane(shape, rng, soft) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    dark = np.cos(angle) * (x - shape[1] / 2) + np.sin(angle) * (y - shape[0] / 2) > 0
    return ndimage.gaussian_filter(dark.astype(float), soft)


def _ruled(page) -> np.ndarray:
    ruled = page.copy()
    for row in range(12, len(page), 25):
        ruled[row : row + 2] = np.minimum(ruled[row : row + 2], 0.4)
    return ndimage.rotate(ruled, 0.5, reshape=False, order=1, mode="nearest")


OFTEN = ("a shadow", "noise", "ruled lines", "a turn", "light on dark", "little contrast")


@pytest.mark.parametrize("name", slow_but(OFTEN, SIDES))
def test_digits_are_read_in_spite_of(name, model, digits):
    rng = np.random.default_rng(1)
    pages = [on_paper(digits.images[index], rng) for index in range(40)]
    pages = [SIDES[name](page, rng).clip(0, 1).astype(np.float32) for page in pages]
    assert share_right(model, pages, digits.labels[:40]) >= 0.92


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_digits_that_fill_the_picture_are_read(margin, model, digits):
    pages = [0.9 - 0.8 * np.pad(canvas.enlarged(d, 60), margin) for d in digits.images[:40]]
    assert share_right(model, pages, digits.labels[:40]) >= 0.87


def test_an_answer_is_sure_or_has_a_second_candidate():
    grey = np.zeros((28, 28), np.float32)
    answer = Prediction(np.array([0.2, 0.7, 0.1], np.float32), ("a", "b", "c"), grey, grey)
    assert (answer.label, answer.sure) == ("b", False)
    assert answer.probability == pytest.approx(0.7)
    assert [candidate.label for candidate in answer.candidates] == ["b", "a", "c"]
    assert dataclasses.replace(answer, probabilities=np.array([SURE, 1 - SURE, 0])).sure


def test_probabilities_are_those_of_the_model_for_the_picture_that_it_saw(model, digits):
    answer = mc.predict(model, canvas.redrawn(digits.images[3], np.random.default_rng(3)))
    assert answer.seen.shape == (28, 28)
    assert answer.grey.shape == (300, 400)
    logits = model.predict(answer.seen[None, :, :, None])[0].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(answer.probabilities, expected, rtol=1e-4, atol=1e-8)
    assert answer.candidates[0].probability == answer.probability == answer.probabilities.max()


def test_a_path_bytes_an_image_and_an_array_give_the_same(model):
    path = next(iter(labelled()))
    expected = mc.predict(model, path).probabilities
    with Image.open(path) as image:
        sources = [str(path), path.read_bytes(), np.asarray(image), image]
        for source in sources:
            assert np.array_equal(mc.predict(model, source).probabilities, expected)


def test_a_run_and_its_folder_are_models_too(model, tmp_path):
    path = next(iter(labelled()))
    run = Run(tmp_path / "run", Settings())
    run.folder.mkdir()
    mc.save_model(run.folder / "model.npz", model)
    expected = mc.predict(model, path).probabilities
    assert np.array_equal(mc.predict(run, path).probabilities, expected)
    (run.folder / "config.json").write_text("{}")
    assert np.array_equal(mc.predict(run.folder, path).probabilities, expected)
    assert np.array_equal(mc.predict(run.folder / "model.npz", path).probabilities, expected)
    with pytest.raises(FileError, match="none"):
        mc.predict(tmp_path / "none", path)


def test_other_frames_and_class_names():
    small = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(14, 20, 1))
    small.class_names = ("A", "B", "C")
    page = np.ones((90, 90), np.float32)
    page[20:70, 40:50] = 0
    answer = mc.predict(small, page)
    assert answer.seen.shape == (14, 20)
    assert answer.label in {"A", "B", "C"}
    assert np.ptp(np.flatnonzero(answer.seen.max(1) > 0.5)) + 1 == 10, "5/7 of the shorter side"


def test_a_model_for_colours_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(28, 28, 3))
    with pytest.raises(ShapeError, match=r"inputs \(H, W, 1\), this takes \(28, 28, 3\)"):
        mc.predict(model, np.zeros((28, 28)))


BLANK = {
    "white": lambda rng: np.ones((120, 90)),
    "black": lambda rng: np.zeros((120, 90)),
    "grey, the size of a frame": lambda rng: np.full((28, 28), 0.5),
    "a slope": lambda rng: np.tile(np.linspace(0.3, 0.9, 90), (120, 1)),
    "noise": lambda rng: (0.7 + rng.normal(0, 0.05, (120, 90))).clip(0, 1),
    "a vignette": lambda rng: 0.9 - 0.2 * np.hypot(*np.mgrid[-1:1:120j, -1:1:90j]) ** 2,
    "a speck": lambda rng: 1 - np.pad(np.ones((2, 2)), ((60, 58), (20, 68))),
    "ruled lines": lambda rng: np.tile((np.arange(120) % 20 > 0)[:, None] * 0.9, 90),
}


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_picture_is_refused(name):
    with pytest.raises(PictureError, match="is blank: there is no writing on it"):
        framed(BLANK[name](np.random.default_rng(2)).astype(np.float32), (28, 28))


def test_a_blank_jpeg_is_refused(model):
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    page = (235 + rng.normal(0, 3, (300, 400))).round().clip(0, 255)
    Image.fromarray(page.astype(np.uint8)).save(file, "JPEG", quality=40)
    with pytest.raises(PictureError, match="is blank"):
        mc.predict(model, file.getvalue())

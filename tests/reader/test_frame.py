"""A digit comes into the frame as MNIST's own digits lie there."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from minicnn.reader import canvas
from minicnn.reader.frame import (
    THINNEST,
    centre_of_mass,
    centred,
    frame,
    is_framed,
    stroke_width,
)
from minicnn.reader.ink import Ink, find_ink


def ink_of(amount: np.ndarray) -> Ink:
    return Ink(amount.astype(np.float32), amount > 0.5)


@pytest.mark.parametrize("longest", [14, 33, 160])
def test_a_digit_comes_back_from_any_size(longest, digits):
    likeness = []
    for digit in digits.scaled(slice(0, 60))[..., 0]:
        enlarged = np.pad(canvas.enlarged(digit, longest), ((3, 9), (14, 5)))
        framed = frame(ink_of(enlarged))
        rows, columns = (np.flatnonzero(framed.max(axis) > 0) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        weight = np.array(ndimage.center_of_mass(framed))
        clipped = rows[0] == 0 or columns[0] == 0 or 27 in (rows[-1], columns[-1])
        assert np.abs(weight - 14).max() <= 0.5 + 1e-5 or clipped
        assert framed.max() == 1
        likeness.append(np.corrcoef(framed.ravel(), digit.ravel())[0, 1])
    assert np.mean(likeness) > 0.9


def test_area_averaging_by_hand():
    bar = np.zeros((44, 50), bool)
    bar[2:42, 10:16] = True
    bar[30, 10:16] = False  # half of one row of the frame
    framed = frame(ink_of(bar.astype(float)))
    assert np.unique(framed).round(3).tolist() == [0, 0.5, 1]
    expected = np.zeros((28, 28))
    # The weight is at (190 - 14 / 2) / 19.5 = 9.4 rows from the top: 14 - 9.4 is nearest to 5.
    expected[5:25, 13:16] = 1
    expected[19, 13:16] = 0.5
    assert np.array_equal(framed, expected)


def line(width: int) -> Ink:
    image = Image.new("L", (300, 300))
    ImageDraw.Draw(image).line([(40, 30), (240, 60), (150, 270)], fill=255, width=width)
    return ink_of(np.asarray(image) / 255)


def test_a_thin_pen_is_made_thicker_and_a_thick_one_is_left():
    thin, thick = frame(line(3)), frame(line(40))
    assert 0.7 * THINNEST < stroke_width(ndimage.zoom(thin, 8, order=1) > 0.5) / 8 < 1.3 * THINNEST
    assert np.median(thin[thin > 0.1]) > 0.5, "not a grey breath"
    kept = stroke_width(ndimage.zoom(thick, 8, order=1) > 0.5) / 8
    assert kept == pytest.approx(40 * 20 / 260, rel=0.15)


def test_a_hairline_on_a_picture_as_large_as_a_photo_is_framed_as_on_a_small_one():
    """A dilation by a pen of its size would take minutes and gigabytes."""

    def drawn(unit: int) -> Ink:
        image = Image.new("L", (20 * unit, 20 * unit))
        corners = [(unit, unit), (14 * unit, unit), (6 * unit, 19 * unit)]
        ImageDraw.Draw(image).line(corners, fill=255, width=max(1, unit // 25))
        return ink_of(np.asarray(image) / 255)

    large, small = frame(drawn(150)), frame(drawn(8))
    assert np.corrcoef(large.ravel(), small.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("width", [6, 11, 20])
def test_the_width_of_a_long_stroke(width):
    bar = np.zeros((width + 20, 900), bool)
    bar[10 : 10 + width, 10:890] = True
    assert stroke_width(bar) == pytest.approx(width, rel=0.06)


def test_mnist_is_framed_and_other_pictures_are_not(digits):
    images = digits.scaled(slice(0, 1000))[..., 0]
    assert np.mean([is_framed(image) for image in images]) > 0.99
    assert not any(is_framed(1 - image) for image in images)
    assert not any(is_framed(np.roll(image, 3, axis=1)) for image in images)
    assert not any(is_framed(np.pad(image[::2, ::2], 7)) for image in images)
    assert not is_framed(np.zeros((28, 28), np.float32))
    assert not is_framed(np.pad(images[0], 2))


def test_another_frame_keeps_the_proportions():
    page = np.ones((100, 80), np.float32)
    page[20:80, 35:45] = 0
    framed = frame(find_ink(page), (42, 56))
    rows, columns = (np.flatnonzero(framed.max(axis) > 0.5) for axis in (1, 0))
    assert np.ptp(rows) + 1 == 30
    np.testing.assert_allclose(ndimage.center_of_mass(framed), (21, 28), atol=0.51)
    assert np.ptp(columns) + 1 == 5


def test_the_centre_of_mass_is_scipys():
    rng = np.random.default_rng(0)
    for shape in [(1, 1), (3, 8), (20, 11)]:
        image = rng.random(shape, np.float32) ** 3
        assert centre_of_mass(image) == pytest.approx(ndimage.center_of_mass(image), rel=1e-6)


def test_a_digit_is_centred_to_the_nearest_pixel_and_stays_whole():
    rng = np.random.default_rng(0)
    for _ in range(20):
        digit = rng.random(rng.integers(1, 21, 2))
        framed = centred(digit)
        assert framed.sum() == pytest.approx(digit.sum())
        assert np.abs(np.array(ndimage.center_of_mass(framed)) - 14).max() <= 0.5
    heavy = np.zeros((27, 20))
    heavy[0] = 1
    assert np.array_equal(centred(heavy)[1, 4:24], np.ones(20)), "it stops at the lower edge"

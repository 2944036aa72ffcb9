"""The pictures that the reader is tested with are as different as they are said to be."""

import numpy as np
import pytest

from minicnn.errors import ShapeError
from minicnn.reader import canvas


def test_the_same_seed_draws_the_same_picture(digits):
    first, again, other = (
        canvas.redrawn(digits.images[0], np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.5


def test_size_place_paper_and_pen_vary(digits):
    rng = np.random.default_rng(0)
    sizes, places, light, contrast = [], [], [], []
    for digit in digits.images[:200]:
        ink = canvas.scatter(digit, rng)
        rows, columns = np.flatnonzero(ink.max(1) > 0.5), np.flatnonzero(ink.max(0) > 0.5)
        sizes.append(max(np.ptp(rows), np.ptp(columns)) + 1)
        places.append((rows.mean() / 300, columns.mean() / 400))
        picture = canvas.paint(ink, rng)
        pen, paper = np.median(picture[ink > 0.9]), np.median(picture[ink == 0])
        light.append(pen > paper)
        contrast.append(abs(pen - paper) / 255)
    assert min(sizes) < 50
    assert 200 < max(sizes) <= 240
    assert np.std(places, axis=0).min() > 0.1
    assert 0.35 < np.mean(light) < 0.65
    assert 0.2 < min(contrast) < 0.4
    assert max(contrast) > 0.75


def test_a_digit_is_enlarged_without_its_frame():
    digit = np.zeros((28, 28, 1), np.uint8)
    digit[4:24, 12:16] = 200
    assert np.array_equal(canvas.enlarged(digit, 100), np.ones((100, 20), np.float32))


@pytest.mark.parametrize("digit", [np.zeros((28, 28)), np.ones((2, 28, 28))])
def test_what_is_no_digit_is_refused(digit):
    with pytest.raises(ShapeError, match=r"must be \(28, 28\) and not blank"):
        canvas.enlarged(digit, 100)

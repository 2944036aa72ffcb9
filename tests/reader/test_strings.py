"""Rows of digits are read, from the picture to the text."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.errors import PictureError, ShapeError
from minicnn.reader import canvas


def test_strings_of_test_digits_are_read(model, digits):
    rng = np.random.default_rng(0)
    right, parted = 0, 0
    for _ in range(60):
        chosen = rng.choice(len(digits), 5, replace=False)
        page = canvas.paint(canvas.write(digits.images[chosen], rng, gap=4), rng)
        reading = mc.read_digits(model, page)
        right += reading.text == "".join(map(str, digits.labels[chosen]))
        parted += len(reading.text) == 5
    assert parted >= 0.9 * 60
    assert right >= 0.75 * 60  # 0.97 ** 5 are 86 %


def test_a_reading_tells_where_and_how_sure(model, digits):
    ink = canvas.write(digits.images[[0, 2, 1]], np.random.default_rng(0), gap=12)
    page = np.float32(0.9) - np.float32(0.8) * np.pad(ink, ((15, 0), (40, 0)))
    reading = mc.read_digits(model, page)
    assert reading.text == "712"
    assert reading.seen.shape == (3, 28, 28)
    assert reading.probabilities.shape == (3, 10)
    np.testing.assert_allclose(reading.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert reading.confidence == pytest.approx(reading.probabilities.max(axis=1).prod())
    for rows, columns in reading.boxes:
        drawn = page < 0.5
        inside = drawn[rows, columns]
        assert inside[[0, -1]].any(axis=1).all(), "the box is no larger than the digit"
        drawn[rows, columns] = False
    starts = [columns.start for _, columns in reading.boxes]
    assert starts == sorted(starts)
    covered = np.zeros(page.shape, bool)
    for box in reading.boxes:
        covered[box] = True
    assert not (page < 0.4)[~covered].any(), "the boxes hold all of the ink"


def test_a_neighbour_that_reaches_over_is_left_out(model):
    one = np.zeros((40, 60), np.float32)
    for row in range(6, 36):
        one[row, 18 - row // 3 : 21 - row // 3] = 1  # leaning, from column 7 to 18
    four = np.zeros((40, 60), np.float32)
    four[30:32, 14:40] = four[5:35, 37:40] = 1  # its bar begins under the one
    page = one + four
    reading = mc.read_digits(model, page)
    assert len(reading.boxes) == 2
    assert reading.boxes[0][1].stop > reading.boxes[1][1].start, "they do overlap"
    np.testing.assert_allclose(reading.seen[0], mc.predict(model, one).seen, atol=0.02)


def test_a_blank_page_and_another_kind_of_model_are_refused(model):
    with pytest.raises(PictureError, match="is blank"):
        mc.read_digits(model, np.full((50, 80), 200, np.uint8))
    coloured = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(8, 8, 3))
    with pytest.raises(ShapeError, match=r"inputs \(H, W, 1\)"):
        mc.read_digits(coloured, np.eye(20))


def test_written_digits_keep_their_gap(digits):
    for gap in (3, 11):
        ink = canvas.write(digits.images[:4], np.random.default_rng(0), gap)
        inked = (ink > 0.05).any(axis=0)
        _, *inner, _ = np.split(inked, np.flatnonzero(np.diff(inked)) + 1)
        papers = [len(part) for part in inner if not part[0]]
        assert len(papers) == 3
        assert all(abs(paper - gap) <= 1 for paper in papers)

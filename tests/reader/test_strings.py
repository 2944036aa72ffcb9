"""Rows of digits are read, from the picture to the text."""

import contextlib

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

import minicnn as mc
from minicnn import nn
from minicnn.errors import PictureError, ShapeError
from minicnn.reader import canvas, judge
from minicnn.reader.ink import Ink
from minicnn.reader.line import SIZE, Line
from minicnn.reader.strings import corners


@pytest.mark.slow
def test_strings_of_test_digits_are_read(model, digits):
    rng = np.random.default_rng(0)
    right, parted = 0, 0
    for _ in range(30):
        chosen = rng.choice(len(digits), 5, replace=False)
        page = canvas.paint(canvas.write(digits.images[chosen], rng, gap=4), rng)
        reading = mc.read_digits(model, page)
        right += reading.text == "".join(map(str, digits.labels[chosen]))
        parted += len(reading.text) == 5
    assert parted >= 0.9 * 30
    assert right >= 0.75 * 30  # 0.97 ** 5 are 86 %


@pytest.mark.parametrize(("gap", "least"), [(4, 0.8), (0, 0.65), (-2, 0.4)])
def test_strings_by_hand_are_read_also_where_they_touch(model, digits, gap, least):
    right = read_right(model, digits, gap, count=20)
    assert right >= least, "the model alone reads 97 % of single digits: 86 % of five"


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "least"), [(4, 0.84), (0, 0.8), (-2, 0.55)])
def test_many_strings_by_hand_are_read(model, digits, gap, least):
    assert read_right(model, digits, gap, count=200) >= least


def read_right(model, digits, gap: float, count: int) -> float:
    """The share of strings of five digits that is read right as a whole."""
    rng = np.random.default_rng(3)
    right = 0
    for _ in range(count):
        chosen = rng.choice(len(digits), 5, replace=False)
        ink = canvas.handwritten(digits.images[chosen], rng, gap, side=56).max(axis=0)
        text = "".join(map(str, digits.labels[chosen]))
        right += mc.read_digits(model, canvas.paint(ink, rng)).text == text
    return right / count


def test_the_judge_tells_whole_digits_from_halves_and_pairs(digits):
    rng = np.random.default_rng(1)
    wholes, others = [], []
    for start in range(0, 60, 3):
        inks = canvas.handwritten(digits.images[start : start + 3], rng, gap=0, side=50)
        amount = inks.max(axis=0)
        line = Line(Ink(amount, amount > 0.5))
        truth = np.stack([line.upright(ink) for ink in inks]) > 0.5
        pieces = line.pieces()
        for piece, whole in zip(pieces, judge.whole(line, pieces), strict=True):
            part, left = line.part(piece)
            mask = part > 0.5
            common = (truth[:, :, left : left + mask.shape[1]] & mask).sum(axis=(1, 2))
            share = common / (truth.sum(axis=(1, 2)) + mask.sum() - common)
            if share.max() > 0.9:
                wholes.append(whole)
            elif share.max() < 0.6:
                others.append(whole)
    assert min(len(wholes), len(others)) > 50
    assert np.median(wholes) > 0.9
    assert np.median(others) < 0.05


def test_other_symbols_are_not_cut(digits):
    model = nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(28, 28, 1))
    model.class_names = ("left", "right")
    ink = canvas.handwritten(digits.images[:3], np.random.default_rng(0), gap=-3, side=56)
    touching, apart = ink.max(axis=0), np.hstack([*ink])
    assert len(mc.read_digits(model, touching).answers) == 1
    reading = mc.read_digits(model, apart)
    assert reading.class_names == ("left", "right")
    assert len(reading.answers) == 3
    assert (reading.whole == 1).all()


def test_a_large_picture_is_read_as_a_small_one(model, digits):
    ink = canvas.handwritten(digits.images[[0, 2, 1]], np.random.default_rng(0), 4, side=60).max(0)
    small, large = ink, np.kron(ink, np.ones((6, 6), np.float32))
    first, second = mc.read_digits(model, small), mc.read_digits(model, large)
    assert first.text == second.text == "712"
    for box, larger in zip(first.boxes, second.boxes, strict=True):
        expected = 6 * np.array(corners(box))
        assert np.abs(np.array(corners(larger)) - expected).max() <= 12


def test_a_tilted_row_has_its_boxes_on_the_ink(model, digits):
    rng = np.random.default_rng(4)
    ink = np.pad(canvas.handwritten(digits.images[:6], rng, 4, side=56).max(0), 50)
    page = ndimage.rotate(ink, 12, order=1)
    reading = mc.read_digits(model, page)
    assert len(reading.text) == 6
    covered = np.zeros(page.shape, bool)
    for box in reading.boxes:
        covered[box] = True
        assert (page[box] > 0.5).any()
    assert not ((page > 0.5) & ~covered).any()


SCRIBBLES = {
    "a block": lambda draw: draw.rectangle([60, 40, 200, 80], fill=255),
    "a triangle": lambda draw: draw.polygon([(60, 90), (130, 30), (200, 90)], fill=255),
    "a star": lambda draw: [
        draw.line(
            [130 + 45 * np.cos(a), 60 + 45 * np.sin(a), 130 - 45 * np.cos(a), 60 - 45 * np.sin(a)],
            fill=255,
            width=5,
        )
        for a in np.arange(0, 3.1, 0.6)
    ],
}


@pytest.mark.parametrize("size", range(1, 9))
def test_writing_of_a_few_pixels_is_read_or_refused(model, size):
    """As a speck is that is left of a line: each of its pixels is a large part of the line."""
    rng = np.random.default_rng(size)
    for _ in range(10):
        page = np.full((180, 440), 0.9, np.float32)
        page[90 : 90 + size, 200 : 200 + size + 4] = rng.uniform(0, 0.9, (size, size + 4))
        with contextlib.suppress(PictureError):
            assert mc.read_digits(model, page).text


def scribbled(high: int, step: int) -> np.ndarray:
    """A zigzag from one side of a wide picture to the other: one piece of ink, from 0 to 1."""
    image = Image.new("L", (1600, 60))
    corners = [(x, 30 + high // 2 * (-1) ** i) for i, x in enumerate(range(10, 1590, step))]
    ImageDraw.Draw(image).line(corners, fill=255, width=2)
    return np.asarray(image, np.float32) / 255


def test_a_part_of_a_long_scribble_takes_no_more_than_its_own_columns():
    amount = scribbled(high=40, step=16)
    line = Line(Ink(amount, amount > 0.5))
    columns = np.arange(line.all_ink.shape[1])
    for piece in line.pieces()[1::20]:  # the first one is all of it
        part, left = line.part(piece)
        assert part.shape[1] < 3 * SIZE
        expected = line.all_ink.copy()
        first, last = (line.borders[border].path for border in piece)
        if first is not None:
            expected[columns < first[:, None]] = 0
        if last is not None:
            expected[columns >= last[:, None]] = 0
        assert part.sum() > 0
        np.testing.assert_array_equal(part, expected[:, left : left + part.shape[1]])
        assert part.sum() == pytest.approx(expected.sum())


def test_a_scribble_of_too_many_pieces_is_refused_before_they_are_judged(model, monkeypatch):
    monkeypatch.setattr(judge, "whole", lambda line, pieces: pytest.fail(f"{len(pieces)} pieces"))
    with pytest.raises(PictureError, match="nothing was read"):
        mc.read_digits(model, 1 - scribbled(high=20, step=4))


@pytest.mark.parametrize("name", SCRIBBLES)
def test_what_is_no_digit_is_not_read(model, name):
    image = Image.new("L", (260, 120))
    SCRIBBLES[name](ImageDraw.Draw(image))
    with pytest.raises(PictureError, match="nothing was read"):
        mc.read_digits(model, image)


def test_a_reading_tells_where_and_how_sure(model, digits):
    ink = canvas.write(digits.images[[0, 2, 1]], np.random.default_rng(0), gap=12)
    page = np.float32(0.9) - np.float32(0.8) * np.pad(ink, ((15, 0), (40, 0)))
    reading = mc.read_digits(model, page)
    assert reading.text == "712"
    assert reading.seen.shape == (3, 28, 28)
    assert reading.probabilities.shape == (3, 10)
    np.testing.assert_allclose(reading.probabilities.sum(axis=1), 1, rtol=1e-5)
    sure = reading.probabilities.max(axis=1) * reading.whole
    assert 0.5 < sure.min() <= sure.max() <= 1
    assert reading.confidence == pytest.approx(sure.prod())
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


@pytest.mark.parametrize("height", [227, 226])
def test_no_box_leaves_the_picture(model, monkeypatch, height):
    monkeypatch.setattr(model, "class_names", tuple("ABCDEFGHIJ"))
    page = np.ones((height, 151), np.float32)
    page[20:, 60:80] = page[20:40, 30:] = 0  # up to two borders, and so high that it is reduced
    (rows, columns), *_ = mc.read_digits(model, page).boxes
    assert (rows.stop, columns.stop) == page.shape


def test_a_neighbour_that_reaches_over_is_left_out(model, monkeypatch):
    monkeypatch.setattr(model, "class_names", tuple("ABCDEFGHIJ"))  # any symbols, such as these
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

"""Form boxes and underlines go, digits stay, also those that cross a line."""

from itertools import pairwise

import numpy as np
import pytest

from minicnn.reader import canvas
from minicnn.reader.ruled_lines import without_boxes


@pytest.fixture(scope="module")
def digit_masks(digits) -> np.ndarray:
    """Five digits, 60 pixels high each."""
    rng = np.random.default_rng(2)
    return canvas.handwritten(digits.images[[0, 2, 1, 4, 7]], rng, 6, side=84) > 0.5


@pytest.fixture(scope="module")
def written(digit_masks) -> np.ndarray:
    return digit_masks.any(axis=0)


@pytest.fixture(scope="module")
def gaps(digit_masks) -> list[int]:
    """The columns half-way between two digits."""
    columns = [inked(mask)[1] for mask in digit_masks]
    return [(a.stop + b.start) // 2 for a, b in pairwise(columns)]


def inked(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (
        slice(rows[0] - margin, rows[-1] + 1 + margin),
        slice(columns[0] - margin, columns[-1] + 1 + margin),
    )


def boxed(mask: np.ndarray, sides: list[int], lean: float = 0, thick: int = 3) -> np.ndarray:
    """Lines of a box around all ink and of cells in it, leaning by so many rows a column."""
    rows, columns = inked(mask, margin=12)
    form = np.zeros_like(mask)
    for column in range(columns.start, columns.stop):
        shift = round(lean * (column - columns.start))
        for row in (rows.start, rows.stop):
            form[row + shift : row + shift + thick, column] = True
    for column in (columns.start, *sides, columns.stop - thick):
        shift = round(lean * (column - columns.start))
        form[rows.start + shift : rows.stop + shift, column : column + thick] = True
    return form


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("lean", [0, 0.015])
def test_a_box_goes_and_the_digits_stay(written, gaps, cells, lean):
    form = boxed(written, gaps if cells else [], lean)
    found = without_boxes(written | form)
    assert (found & ~written).sum() <= 0.01 * form.sum(), "hardly a pixel of the box is left"
    assert (written & ~found & ~form).sum() == 0
    assert (written & ~found).sum() <= 0.02 * written.sum(), "strokes across the sides are whole"


def test_an_underline_goes(written):
    rows, columns = inked(written)
    line = np.zeros_like(written)
    line[rows.stop + 5 : rows.stop + 8, columns] = True
    assert np.array_equal(without_boxes(written | line), written)
    line[rows.stop - 6 : rows.stop - 3, columns] = True  # through the feet
    found = without_boxes(written | line)
    assert (found != written).sum() <= 0.15 * written.sum()


def test_digits_without_a_box_are_left_alone(digits):
    rng = np.random.default_rng(5)
    for start in range(0, 100, 5):
        images = digits.images[start : start + 1 + start % 5]
        mask = canvas.handwritten(images, rng, gap=0, side=60).max(0) > 0.5
        assert np.array_equal(without_boxes(mask), mask)

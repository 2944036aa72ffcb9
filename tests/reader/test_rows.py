"""A page is turned level and parted into lines."""

import numpy as np
import pytest
from scipy import ndimage

from minicnn.reader import canvas
from minicnn.reader.ink import Ink
from minicnn.reader.rows import level, rows


def page(digits, lines: int, seed: int = 0) -> np.ndarray:
    """The ink of lines of digits below each other."""
    rng = np.random.default_rng(seed)
    parts = []
    for line in range(lines):
        chosen = digits.images[7 * line : 7 * line + 7]
        parts.append(canvas.handwritten(chosen, rng, 4, side=42).max(0))
    width = max(part.shape[1] for part in parts)
    return np.vstack([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])


@pytest.mark.parametrize("tilt", [-11, 8])
@pytest.mark.parametrize("lines", [1, 3])
def test_a_tilted_page_is_turned_back(digits, lines, tilt):
    straight = np.pad(page(digits, lines), 60)
    tilted = ndimage.rotate(straight, tilt, reshape=False, order=1)
    turned = level(Ink(tilted, tilted > 0.5))
    assert turned.tilt == pytest.approx(-tilt, abs=4), "the hand itself slopes by up to 3 degrees"
    # A pixel of ink on the level page lies on ink of the picture.
    places = np.argwhere(turned.ink.mask)[::97]
    for row, column in places:
        back = turned.on_picture((slice(row, row + 1), slice(column, column + 1)))
        assert (tilted[back] > 0.1).any()


def test_a_level_page_is_left_as_it_is(digits):
    amount = page(digits, 3)
    ink = Ink(amount, amount > 0.5)
    assert level(ink).ink is ink
    box = (slice(3, 9), slice(4, 8))
    assert level(ink).on_picture(box) == box


def test_lines_are_parted_from_top_to_bottom_without_dust(digits):
    amount = page(digits, 3)
    amount[2:4, 50:52] = 1
    found = rows(amount > 0.5)
    assert len(found) == 3
    height = len(amount) // 3
    for line, mask in enumerate(found):
        places = np.flatnonzero(mask.any(axis=1))
        assert line * height * 0.8 <= places[0] < places[-1] <= (line + 1) * height * 1.2
    assert not (found[0] | found[1] | found[2])[2:4, 50:52].any()


def test_no_ink_is_no_line():
    assert rows(np.zeros((5, 5), bool)) == []

"""A piece of ink is cut where little ink is crossed, also along a slant."""

import numpy as np
import pytest

from minicnn.reader.cuts import cuts


def crossed(amount: np.ndarray, path: np.ndarray) -> float:
    padded = np.pad(amount, ((0, 0), (0, 1)))
    return float(padded[np.arange(len(path)), path].sum())


def test_two_blocks_are_parted_at_their_bridge():
    amount = np.zeros((30, 44), np.float32)
    amount[:, :18] = amount[:, 26:] = amount[14:17, 18:26] = 1
    paths = cuts(amount, 30)
    middle = [path for path in paths if 18 <= path[15] < 26]
    assert len(middle) >= 1
    assert min(crossed(amount, path) for path in middle) == 3
    for path in paths:
        assert (np.abs(np.diff(path)) <= 2).all(), "one step to the side, and one of the slant"
        assert crossed(amount, path) <= 0.6 * 30


@pytest.mark.parametrize("slant", [-0.4, 0.4])
def test_a_slanted_gap_is_found(slant):
    amount = np.ones((30, 60), np.float32)
    for row in range(30):
        start = 30 + round(slant * (14.5 - row))
        amount[row, start - 1 : start + 2] = 0
    amount[15] = 1  # they touch
    best = min(cuts(amount, 30), key=lambda path: crossed(amount, path))
    assert crossed(amount, best) == 1
    inside = [abs(best[row] - 30 - round(slant * (14.5 - row))) <= 1 for row in range(30)]
    assert np.mean(inside) > 0.95


def test_a_speck_and_nothing_are_not_cut():
    assert cuts(np.ones((3, 3), np.float32), 30).shape == (0, 3)
    assert cuts(np.zeros((30, 40), np.float32), 30).shape == (0, 30)

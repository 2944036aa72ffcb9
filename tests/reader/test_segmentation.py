"""Ink is parted into digits, left to right, without specks."""

import numpy as np
import pytest
from scipy import ndimage

from minicnn.reader.segmentation import grouped, segments


@pytest.mark.parametrize(
    ("spans", "numbers"),
    [
        ([(3, 9)], [1]),
        ([(0, 4), (5, 9)], [1, 2]),
        ([(5, 9), (0, 4)], [2, 1]),
        ([(0, 10), (9, 20)], [1, 2]),  # they share a column only
        ([(0, 10), (8, 12)], [1, 1]),  # half of the narrower one
        ([(0, 10), (8, 13)], [1, 2]),
        ([(0, 10), (2, 4), (7, 11)], [1, 1, 1]),  # the digit does not end with the inner piece
        ([(20, 30), (0, 10), (12, 18), (22, 28)], [3, 1, 2, 3]),
    ],
)
def test_pieces_above_each_other_are_one_digit(spans, numbers):
    left, right = np.array(spans).T
    assert grouped(left, right).tolist() == numbers


def picture(*rows: str) -> np.ndarray:
    return np.array([[pixel != "." for pixel in row] for row in rows])


def test_every_pixel_gets_its_digits_number():
    # A slanted stroke that hangs together at corners, a five without its bar, a one higher up.
    mask = picture(
        "........#",
        "...#.##.#",
        "..#.....#",
        ".#..####.",
        "....####.",
    )
    assert segments(mask).tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0, 2],
        [0, 0, 0, 1, 0, 2, 2, 0, 2],
        [0, 0, 1, 0, 0, 0, 0, 0, 2],
        [0, 1, 0, 0, 2, 2, 2, 2, 0],
        [0, 0, 0, 0, 2, 2, 2, 2, 0],
    ]


def test_specks_are_dropped_and_boxes_hold_the_rest():
    mask = np.zeros((40, 90), bool)
    mask[5:35, 50:60] = mask[10:32, 8:20] = True
    mask[2, 30] = mask[38, 54:57] = True  # between the digits, and under one of them
    numbers = segments(mask)
    boxes = ndimage.find_objects(numbers)
    assert boxes == [(slice(10, 32), slice(8, 20)), (slice(5, 35), slice(50, 60))]


def test_no_ink_is_no_digit():
    assert not segments(np.zeros((4, 5), bool)).any()

"""Which ink belongs to which digit of a string, the digits in the order in which they are read.

Connected pieces of ink are found, specks left out, and pieces that stand above each other taken
for one digit: the bar of a five does not always touch it. Digits that touch each other stay one
piece here; `line` says where it may be cut.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from minicnn.reader.ink import EIGHT, Mask

Numbers = NDArray[np.int64]

SPECK = 0.02  # of the largest piece's pixels; what has fewer is no part of a digit


def grouped(left: Numbers, right: Numbers) -> Numbers:
    """Give each piece of ink the number of its digit: 1, 2, … from left to right.

    From left to right, a piece is a part of the digit before it if at least half of it lies above
    or below that digit, or half of that digit above or below the piece. Else a new digit begins.

    - `left`, `right`: (P,), the first column of each piece and the one after its last.

    Gives (P,), in the order of the pieces.

    >>> grouped(np.array([30, 0, 12]), np.array([45, 20, 25]))
    array([2, 1, 1])
    """
    numbers = np.zeros(len(left), np.int64)
    count, start, stop = 0, -1, -1  # the columns of the last digit; none yet
    for piece in np.argsort(left, kind="stable"):
        common = min(stop, right[piece]) - left[piece]
        narrower = min(stop - start, right[piece] - left[piece])
        if 2 * common >= narrower:
            stop = max(stop, right[piece])
        else:
            count, start, stop = count + 1, left[piece], right[piece]
        numbers[piece] = count
    return numbers


def segments(mask: Mask) -> Numbers:
    """Give each pixel the number of its digit: 1, 2, … from left to right, 0 for none.

    Pixels that touch, at a corner or a side, are one piece. Pieces with less than `SPECK` times the
    pixels of the largest one are dropped; `grouped` says which of the others are one digit.

    - `mask`: bool, (H, W), where there is ink.

    Gives (H, W); ``ndimage.find_objects`` of it gives the digits' boxes.

    >>> segments(np.array([[1, 0, 0, 1, 1], [1, 0, 1, 0, 0]], bool))
    array([[1, 0, 0, 2, 2],
           [1, 0, 2, 0, 0]])
    """
    pieces, count = ndimage.label(mask, EIGHT)
    pixels = np.bincount(pieces.ravel(), minlength=1 + count)[1:]
    kept = np.flatnonzero(pixels >= SPECK * pixels.max(initial=1))
    boxes = ndimage.find_objects(pieces)
    left = np.array([boxes[piece][1].start for piece in kept])
    right = np.array([boxes[piece][1].stop for piece in kept])
    numbers = np.zeros(1 + count, np.int64)
    numbers[1 + kept] = grouped(left, right)
    return numbers[pieces]

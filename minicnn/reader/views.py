"""What the judge sees of a piece of a line: the piece in its place, and all the ink around it.

A half of an 8 in MNIST's frame looks like a 3; beside its other half, and at its own size, it does
not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minicnn.reader.line import Line, Piece
from minicnn.reader.picture import Grey

SIDE = 28  # pixels of a view, each 2 × 2 of the line, on which digits are `line.SIZE` high


def views(line: Line, pieces: Sequence[Piece]) -> NDArray[np.float32]:
    """Return a view of each piece, its box in the middle: float32, `(n, 28, 28, 2)`, 0 to 1.

    The first channel is the piece, the second all the ink of the line.
    """
    around = _halved(line.all_ink)
    seen = np.zeros((len(pieces), SIDE, SIDE, 2), np.float32)
    for view, piece in zip(seen, pieces, strict=True):
        part, left = line.part(piece)
        part = _halved(part)
        top, left_of_view = (_start(part.max(axis)) for axis in (1, 0))
        _put(part, view[..., 0], top, left_of_view)
        _put(around, view[..., 1], top, left_of_view + left // 2)
    return seen


def _halved(amount: Grey) -> Grey:
    """Each 2 × 2 pixels as one, their mean."""
    rows = amount[::2] + amount[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def _start(profile: NDArray[np.float32]) -> int:
    """Return the first of `SIDE` places with the ink in their middle; it may be negative."""
    places = np.flatnonzero(profile > 0.1)
    middle = (places[0] + places[-1] + 1) // 2 if len(places) else len(profile) // 2
    return int(middle) - SIDE // 2


def _put(amount: Grey, view: NDArray[np.float32], top: int, left: int) -> None:
    """Fill the view with what there is of `amount` from a row and a column on."""
    seen = amount[max(top, 0) : max(top + SIDE, 0), max(left, 0) : max(left + SIDE, 0)]
    down, right = max(-top, 0), max(-left, 0)
    view[down : down + seen.shape[0], right : right + seen.shape[1]] = seen

"""Where touching digits may be parted: paths from top to bottom that cross little ink.

More places than digits are proposed; which of them are right is the recogniser's to say (see
`lattice`). That is over-segmentation: R. G. Casey, E. Lecolinet, "A survey of methods and
strategies in character segmentation", IEEE Transactions on Pattern Analysis and Machine
Intelligence 18 (1996), 690-706.
"""

import numpy as np
from numpy.typing import NDArray

from minicnn.reader.picture import Grey

Paths = NDArray[np.int64]

# In parts of the digits' size: how far a path may stray from its straight line, how far apart these
# lines are, and the ink that a path may cross. In parts of the size squared: the ink that must lie
# between two paths (a digit has about 0.2).
STRAY, STEP, MOST_INK, LEAST_BETWEEN = 0.14, 0.05, 0.6, 0.02
SLANTS = (-0.4, 0.0, 0.4)  # columns a row, of the straight lines
SIDESTEP = 0.1  # what a step to the side costs, where a pixel of ink costs 1


def cuts(amount: Grey, size: float) -> Paths:
    """Return the places where a piece of ink may be parted, from left to right: int64, `(n, H)`.

    Each is a path from top to bottom: for each row, the first column to the right of it. For many
    straight lines of a few slants the cheapest path is found that keeps close to it; of paths that
    part the ink in nearly the same way, the one that crosses the least of it is kept.

    - `amount`: float32, `(H, W)`, the ink of the piece, 0 to 1.
    - `size`: how high digits are, in pixels.

    >>> bridge = np.zeros((9, 12), np.float32)
    >>> bridge[:, :3] = bridge[:, 9:] = bridge[4, 3:9] = 1
    >>> any(3 <= column < 9 for column in cuts(bridge, 10)[:, 4])
    True
    """
    height, width = amount.shape
    step = max(1, round(STEP * size))
    lines = np.concatenate([_lines(height, width, slant, step) for slant in SLANTS])
    paths = _cheapest(amount, lines, max(1, round(STRAY * size)))
    rows = np.arange(height)
    crossed = np.pad(amount, ((0, 0), (0, 1)))[rows, paths].sum(axis=1)
    left_of = np.pad(np.cumsum(amount, axis=1), ((0, 0), (1, 0)))
    left = left_of[rows, paths]  # (n, H): the ink to the left of each path in each row
    apart = LEAST_BETWEEN * size**2
    between_ends = (left.sum(axis=1) >= apart) & ((left_of[:, -1] - left).sum(axis=1) >= apart)
    order = np.argsort(crossed, kind="stable")
    order = order[(between_ends & (crossed <= MOST_INK * size))[order]]
    kept = []
    while len(order):
        kept.append(order[0])
        order = order[np.abs(left[order] - left[order[0]]).sum(axis=1) >= apart]
    return paths[sorted(kept, key=lambda path: left[path].sum())]


def _lines(height: int, width: int, slant: float, step: int) -> Paths:
    """Straight lines through every so many columns of the middle row: `(n, height)`."""
    lean = np.round(slant * ((height - 1) / 2 - np.arange(height))).astype(np.int64)
    return np.arange(step, width, step)[:, None] + lean


def _cheapest(amount: Grey, lines: Paths, stray: int) -> Paths:
    """Return the path near each line that crosses the least ink with the fewest steps to the side.

    By dynamic programming: row by row, for each line and each distance from it, the cheapest way to
    there from the top.
    """
    height, width = amount.shape
    places = (lines[:, :, None] + np.arange(-stray, stray + 1)).clip(0, width)
    ink = np.pad(amount, ((0, 0), (0, 1)))[np.arange(height)[:, None], places]
    total = ink[:, 0]
    back = np.zeros(places.shape, np.int8)
    for row in range(1, height):
        wide = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        total = wide[:, 1:-1].copy()
        for step in (-1, 1):
            way = wide[:, 1 + step : wide.shape[1] - 1 + step] + np.float32(SIDESTEP)
            cheaper = way < total
            total[cheaper], back[:, row][cheaper] = way[cheaper], step
        total += ink[:, row]
    each, at = np.arange(len(lines)), total.argmin(axis=1)
    paths = np.zeros(lines.shape, np.int64)
    for row in reversed(range(height)):
        paths[:, row] = places[each, row, at]
        at = at + back[each, row, at]
    return paths

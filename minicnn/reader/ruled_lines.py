"""What was printed on the paper for the pen to follow: ruled lines, underlines, boxes of a form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

EIGHT = np.ones((3, 3), bool)  # pixels that touch at a corner are connected too

LEAST_RULE = 0.2  # of the width of all ink, for the side of a box; of its height, for the others
LONGEST_BAR = 1.8  # times the height of the writing: a longer bar underlines it


def without_lines(mask: Mask) -> Mask:
    """Without ruled lines: thin, straight, across most of the picture and up to its edge.

    Where a stroke crosses a line it stays whole. Lines may lean by about a degree.
    """
    for axis in (0, 1):
        mask = _without_rows(mask.T).T if axis else _without_rows(mask)
    return mask


def _without_rows(mask: Mask) -> Mask:
    """Without horizontal lines."""
    if not mask[:, [0, -1]].any():  # the usual case, and a quick one
        return mask
    height, width = mask.shape
    slack, length = 1 + height // 100, width // 2 | 1
    runs = _opened(_dilated(mask, 2 * slack + 1, axis=0), length, axis=1) & mask
    labels, _ = ndimage.label(runs, EIGHT)
    lines = np.zeros_like(mask)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        at_edge = columns.start == 0 or columns.stop == width
        thin = rows.stop - rows.start <= 4 * slack
        if at_edge and thin and columns.stop - columns.start >= length:
            lines |= labels == number
    if not lines.any():
        return mask
    return _without(mask, lines, 4 * slack + 3, axis=0)


def _without(mask: Mask, lines: Mask, across: int, axis: int) -> Mask:
    """Without the lines, but where a stroke crosses one: from ink to ink in so many pixels."""
    rest = mask & ~lines
    crossed = _eroded(_dilated(rest, across, axis), across, axis)
    return rest | (crossed & lines)


@dataclass(frozen=True, eq=False)
class _RuledLine:
    """A thin long straight piece of ink: its pixels, and its box."""

    pixels: Mask
    rows: slice
    columns: slice


def without_boxes(mask: Mask) -> Mask:
    """Without underlines, and without boxes around and between digits.

    An underline is a thin level line that is much longer than the writing is high. A box has two
    level lines, one above the other, and upright ones from one to the other at both ends; those
    between them are the sides of its cells. Lines may lean by a degree or two, and where a stroke
    crosses one it stays whole.

    >>> form = np.zeros((40, 60), bool)
    >>> form[[5, 34], 4:56] = form[5:35, [4, 30, 55]] = True
    >>> form[12:28, 15:18] = True  # a "1" in the left cell
    >>> np.argwhere(without_boxes(form)).min(axis=0), without_boxes(form).sum()
    (array([12, 15]), np.int64(48))
    """
    slack = 1 + max(mask.shape) // 200
    level = _rules(mask, slack)
    if not level:
        return mask
    upright = [_RuledLine(r.pixels.T, r.columns, r.rows) for r in _rules(mask.T, slack)]
    lying, standing = _box_sides(level, upright, 3 * slack + 2)
    writing = mask & ~_union(mask, [*lying, *standing])
    lying += [rule for rule in level if rule not in lying and _underlines(rule, writing)]
    mask = _without(mask, _union(mask, lying), 4 * slack + 3, axis=0)
    return _without(mask, _union(mask, standing), 4 * slack + 3, axis=1)


def _rules(mask: Mask, slack: int) -> list[_RuledLine]:
    """Find the level rules."""
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns) == 0:
        return []
    length = round(LEAST_RULE * (columns[-1] + 1 - columns[0])) | 1
    runs = _opened(_dilated(mask, 2 * slack + 1, axis=0), length, axis=1) & mask
    labels, _ = ndimage.label(runs, EIGHT)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        wide = box[1].stop - box[1].start
        pixels = labels == number
        if wide >= length and pixels.sum() <= min(4 * slack, wide / 8) * wide:
            found.append(_RuledLine(pixels, *box))
    return found


def _box_sides(
    level: list[_RuledLine], upright: list[_RuledLine], reach: int
) -> tuple[list[_RuledLine], list[_RuledLine]]:
    """Which of the rules are sides of boxes."""
    lying: list[_RuledLine] = []
    standing: list[_RuledLine] = []
    for i, top in enumerate(level):
        for bottom in level[i + 1 :]:
            between = [
                rule
                for rule in upright
                if abs(rule.rows.start - top.rows.start) <= reach
                and abs(rule.rows.stop - bottom.rows.stop) <= reach
            ]
            at_ends = all(
                any(abs(middle(rule.columns) - end) <= reach for rule in between)
                for side in (top, bottom)
                for end in (side.columns.start, side.columns.stop)
            )
            if at_ends:
                lying += [top, bottom]
                standing += between
    return lying, standing


def middle(part: slice) -> float:
    """Half-way from its start to its end."""
    return (part.start + part.stop) / 2


def _underlines(rule: _RuledLine, writing: Mask) -> bool:
    others = np.flatnonzero((writing & ~rule.pixels).any(axis=1))
    wide = rule.columns.stop - rule.columns.start
    return len(others) > 0 and wide > LONGEST_BAR * (others[-1] + 1 - others[0])


def _union(mask: Mask, rules: list[_RuledLine]) -> Mask:
    union = np.zeros_like(mask)
    for rule in rules:
        union |= rule.pixels
    return union


def _dilated(mask: Mask, length: int, axis: int) -> Mask:
    return ndimage.maximum_filter1d(mask, length, axis, mode="constant")


def _eroded(mask: Mask, length: int, axis: int) -> Mask:
    return ndimage.minimum_filter1d(mask, length, axis, mode="constant")


def _opened(mask: Mask, length: int, axis: int) -> Mask:
    return _dilated(_eroded(mask, length, axis), length, axis)

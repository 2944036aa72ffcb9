"""A line of writing, brought to one size and made upright, and the pieces that it may be cut into.

The upright line only serves to find out where one digit ends and the next begins. The digits
themselves are taken from the ink as it is on the picture: nothing is smoothed or slanted twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from minicnn.reader.cuts import cuts
from minicnn.reader.ink import EIGHT, Ink
from minicnn.reader.picture import Grey
from minicnn.reader.segmentation import Numbers, segments

SIZE = 36  # pixels, that digits are high on the upright line
NARROWEST, WIDEST = 0.1, 1.5  # parts of that, of a digit
UNCUT = 0.35  # what is narrower than that is not cut
SLANTS = np.linspace(-0.6, 0.6, 25)  # columns a row, that are tried


class Piece(NamedTuple):
    """Ink that may be one digit: from one of a line's borders to another."""

    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Border:
    """Where a digit may begin or end: before a `group`, or at a path through it."""

    group: int
    path: NDArray[np.int64] | None = None

    @property
    def is_edge(self) -> bool:
        """Whether it lies between two groups."""
        return self.path is None


class Line:
    """One line of digits.

    - `ink`: of the line alone.
    - `numbers`: int64, `(H, W)`, the group that each of its pixels belongs to; see `segments`.
    - `amounts`: float32, `(groups, h, w)`, the ink of each group, upright, in the common size.
    - `borders`: the places where a digit may begin or end, from left to right.
    """

    def __init__(self, ink: Ink):
        self.ink = ink
        self.numbers = segments(ink.mask)
        self.boxes = ndimage.find_objects(self.numbers)
        self.scale = SIZE / digit_height(self.numbers)
        self.small = tuple(max(1, round(n * self.scale)) for n in ink.mask.shape)
        reduced = self._reduced(ink.amount)
        rows = np.arange(len(reduced))
        shifts = np.round(slant_of(reduced) * (rows - rows.mean())).astype(np.int64)
        self.shifts = shifts - shifts.min()
        groups = range(1, 1 + len(self.boxes))
        self.amounts = np.stack([self.upright(self._own(self.numbers == g)) for g in groups])
        self.borders = [*self._borders()]

    def upright(self, amount: Grey) -> Grey:
        """Straighten an array `(H, W)` that stands in the place of the line's ink, as the `amounts`
        are.

        Height and width are even.
        """
        reduced = self._reduced(amount)
        height, width = len(reduced), reduced.shape[1] + int(self.shifts.max())
        wide = np.zeros((height + height % 2, width + width % 2), np.float32)
        for row, shift in enumerate(self.shifts):
            wide[row, shift : shift + reduced.shape[1]] = reduced[row]
        return wide

    def _reduced(self, amount: Grey) -> Grey:
        how = Image.Resampling.BOX if self.scale <= 1 else Image.Resampling.BILINEAR
        return np.asarray(Image.fromarray(amount).resize(self.small[::-1], how))

    def _own(self, mask: NDArray[np.bool_]) -> Grey:
        """Return the ink in the mask, with the soft edge around it."""
        edge = ndimage.binary_dilation(mask, EIGHT) & (self.numbers == 0)
        return self.ink.amount * (mask | edge)

    def _borders(self) -> Iterator[Border]:
        height = self.amounts.shape[1]
        for group, amount in enumerate(self.amounts):
            yield Border(group)
            rows, columns = (np.flatnonzero(amount.max(axis) > 0.1) for axis in (1, 0))
            if len(columns) and np.ptp(columns) >= UNCUT * SIZE:
                top, left = rows[0], columns[0]
                inside = amount[top : rows[-1] + 1, left : columns[-1] + 1]
                for path in cuts(inside, SIZE):
                    above_and_below = (top, height - top - len(path))
                    yield Border(group, np.pad(path + left, above_and_below, "edge"))
        yield Border(len(self.amounts))

    @cached_property
    def all_ink(self) -> Grey:
        """Float32, `(h, w)`, the ink of all groups."""
        return self.amounts.max(axis=0)

    @cached_property
    def edges(self) -> list[int]:
        """Which of the borders lie between groups."""
        return [i for i, border in enumerate(self.borders) if border.is_edge]

    def whole_groups(self) -> list[Piece]:
        """Each group as one piece."""
        return [Piece(*ends) for ends in zip(self.edges, self.edges[1:], strict=False)]

    def pieces(self) -> list[Piece]:
        """Return the whole groups, and all other ink between two borders that may be a digit by its
        width.

        From one border to another inside a group, or several whole groups: a broken digit.
        """
        found = dict.fromkeys(self.whole_groups())
        for start in range(len(self.borders)):
            for stop in range(start + 1, len(self.borders)):
                width = self.width(start, stop) / SIZE
                if width > WIDEST:
                    break
                if width >= NARROWEST and self._is_one(start, stop):
                    found[Piece(start, stop)] = None
        return [*found]

    def _is_one(self, start: int, stop: int) -> bool:
        """Whether both borders are those of groups, or of the same one."""
        first, last = self.borders[start], self.borders[stop]
        return (first.is_edge and last.is_edge) or self._groups(start, stop) == (
            first.group,
            first.group + 1,
        )

    def _groups(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first group of a piece, and the one after its last."""
        last = self.borders[stop]
        return self.borders[start].group, last.group + (not last.is_edge)

    def width(self, start: int, stop: int) -> float:
        """About how wide the ink between two borders is on the upright line."""
        first, last = self.borders[start], self.borders[stop]
        left = self._spans[first.group][0] if first.path is None else first.path.mean()
        right = self._spans[last.group - 1][1] if last.path is None else last.path.mean()
        return float(right - left)

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        """The columns of each group."""
        inked = [np.flatnonzero(amount.max(axis=0) > 0.1) for amount in self.amounts]
        return [(int(c[0]), int(c[-1]) + 1) if len(c) else (0, 0) for c in inked]

    def part(self, piece: Piece) -> tuple[Grey, int]:
        """Return the ink of a piece on the upright line, float32, `(h, w)`, and its first column
        there.

        That and the width are even. Left and right there may be more paper than need be, but not
        all of a long scribble, of which there are thousands of pieces.
        """
        first, stop = self._groups(*piece)
        start, end = self._ends(piece)
        left = start // 2 * 2
        columns = np.arange(left, end + end % 2)
        amount = self.amounts[first:stop, :, left : columns[-1] + 1].max(axis=0)
        rows = np.arange(len(amount))[:, None]
        return amount * self._between(piece, rows, columns), left

    def _ends(self, piece: Piece) -> tuple[int, int]:
        """Return the first column on the upright line that may have ink of a piece, and the one
        after.
        """
        first, stop = self._groups(*piece)
        before, after = (self.borders[border].path for border in piece)
        left = self._spans[first][0] if before is None else before.min()
        right = max(end for _, end in self._spans[first:stop]) if after is None else after.max()
        return int(left), int(right)

    def _between(
        self, piece: Piece, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which of these places on the upright line are between the piece's borders."""
        first, last = (self.borders[border].path for border in piece)
        after = True if first is None else columns >= first[rows]
        before = True if last is None else columns < last[rows]
        return np.logical_and(after, before)

    def digit(self, piece: Piece) -> tuple[Ink, tuple[slice, slice]]:
        """Return the ink of a piece as it is on the picture, and where on the line: rows and
        columns.
        """
        first, stop = self._groups(*piece)
        boxes = self.boxes[first:stop]
        rows, columns = (
            slice(max(min(part.start for part in parts) - 1, 0), max(p.stop for p in parts) + 1)
            for parts in zip(*boxes, strict=True)
        )
        window = rows, columns
        numbers, amount = self.numbers[window], self.ink.amount[window]
        mask = (numbers > first) & (numbers <= stop)
        y, x = (
            ((np.arange(n)[part] + 0.5) * small / n).astype(np.int64)
            for n, small, part in zip(self.ink.mask.shape, self.small, window, strict=True)
        )
        mask &= self._between(piece, y[:, None], x + self.shifts[y][:, None])
        own = ndimage.binary_dilation(mask, EIGHT) & ((numbers == 0) | mask)
        return Ink(amount * own, mask), window


def digit_height(numbers: Numbers) -> float:
    """Return the median of the heights of the groups that are at least half as high as the
    highest.
    """
    heights = np.array([box[0].stop - box[0].start for box in ndimage.find_objects(numbers)])
    return float(np.median(heights[heights >= heights.max() / 2]))


def slant_of(amount: Grey) -> float:
    """By how many columns a row the writing must be moved to stand upright.

    The slant at which the columns' ink varies most: upright strokes fill few columns, and leave
    others empty.
    """
    rows = np.arange(len(amount)) - (len(amount) - 1) / 2
    reach = int(np.ceil(np.abs(SLANTS).max() * len(amount) / 2)) + 1
    y, x = np.nonzero(amount > 0.3)
    ink = amount[y, x]
    sharp = []
    for slant in SLANTS:
        place = x + reach + np.round(slant * rows[y]).astype(np.int64)
        sharp.append((np.bincount(place, ink, amount.shape[1] + 2 * reach) ** 2).sum())
    return float(SLANTS[int(np.argmax(sharp))])

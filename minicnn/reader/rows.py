"""A page made level, and parted into its lines of writing."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from minicnn.reader.ink import EIGHT, Ink, Mask
from minicnn.reader.segmentation import grouped

TILTS = np.arange(-15, 15.5, 1)  # degrees, that are tried
LEAST_TILT = 4  # what is less does no harm, and may be the digits' own
LEAST_WIDE = 3.5  # times the height of the highest piece; in less writing no tilt can be seen
CLEARER = 1.2  # how much sharper the rows must become, for a page to be turned
DUST = 0.15  # of the height of the highest piece; what is lower and narrower is none of a line
MOST_POINTS = 20_000  # of ink, that the tilt is measured with

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class LevelPage:
    """Ink made level, and where it was before.

    - `ink`: with level lines.
    - `shape`: of the picture.
    - `tilt`: by how many degrees it was turned, counter-clockwise.
    """

    ink: Ink
    shape: tuple[int, int]
    tilt: float = 0.0

    def on_picture(self, box: Box) -> Box:
        """Return the box around what a box of the level page is on the picture."""
        if not self.tilt:
            return box
        angle = np.deg2rad(self.tilt)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        middle, middle_before = (np.array(s) / 2 for s in (self.ink.mask.shape, self.shape))
        corners = [(y, x) for y in (box[0].start, box[0].stop) for x in (box[1].start, box[1].stop)]
        places = (np.array(corners) - middle) @ turn.T + middle_before
        low, high = np.floor(places.min(axis=0)), np.ceil(places.max(axis=0))
        rows, columns = (
            slice(max(int(a), 0), min(int(b), n))
            for a, b, n in zip(low, high, self.shape, strict=True)
        )
        return rows, columns


def level(ink: Ink) -> LevelPage:
    """Turn the page so that its lines are level, if they are clearly not."""
    tilt = tilt_of(ink.mask)
    if abs(tilt) < LEAST_TILT:
        return LevelPage(ink, ink.mask.shape)
    amount = ndimage.rotate(ink.amount, tilt, order=1)
    mask = ndimage.rotate(ink.mask.astype(np.float32), tilt, order=1) > 0.5
    return LevelPage(Ink(amount, mask), ink.mask.shape, tilt)


def tilt_of(mask: Mask) -> float:
    """By how many degrees to turn the page, counter-clockwise, so that its rows are sharpest.

    0 if that is not clear, as with a digit or two.

    >>> y, x = np.ogrid[:200, :300]
    >>> tilt_of(np.abs(y - 60 - x * np.tan(np.deg2rad(8))) < 9)
    8.0
    """
    boxes = ndimage.find_objects(ndimage.label(mask, EIGHT)[0])
    wide = max(box[1].stop for box in boxes) - min(box[1].start for box in boxes) if boxes else 0
    if wide < LEAST_WIDE * max((box[0].stop - box[0].start for box in boxes), default=1):
        return 0.0
    y, x = (places.astype(np.float64) for places in np.nonzero(mask))
    every = 1 + len(y) // MOST_POINTS
    y, x = y[::every] - y.mean(), x[::every] - x.mean()
    unit = max(1.0, max(mask.shape) / 400)
    sharp = []
    for tilt in np.deg2rad(TILTS):
        place = np.round((y * np.cos(tilt) - x * np.sin(tilt)) / unit).astype(np.int64)
        sharp.append((np.bincount(place - place.min()) ** 2.0).sum())
    best = int(np.argmax(sharp))
    return float(TILTS[best]) if sharp[best] > CLEARER * sharp[len(TILTS) // 2] else 0.0


def rows(mask: Mask) -> list[Mask]:
    """Return the ink of each line of writing, from top to bottom, without dust.

    Pieces that are at the same height, at least by half, are on one line.

    >>> page = np.zeros((9, 9), bool)
    >>> page[1:4, [1, 5]] = page[5:8, 3] = True
    >>> [each.sum() for each in rows(page)]
    [np.int64(6), np.int64(3)]
    """
    pieces, count = ndimage.label(mask, EIGHT)
    boxes = ndimage.find_objects(pieces)
    sides = np.array([[part.stop - part.start for part in box] for box in boxes]).reshape(-1, 2)
    kept = np.flatnonzero(sides.max(axis=1) >= DUST * sides[:, 0].max(initial=0))
    top = np.array([boxes[piece][0].start for piece in kept])
    bottom = np.array([boxes[piece][0].stop for piece in kept])
    numbers = np.zeros(1 + count, np.int64)
    numbers[1 + kept] = grouped(top, bottom)
    labels = numbers[pieces]
    return [labels == number for number in range(1, 1 + labels.max(initial=0))]

"""A sheet of paper that was photographed on a darker table: the table is no part of the writing."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from minicnn.reader.ink import EIGHT, Mask, otsu
from minicnn.reader.picture import Grey

LEAST_SHARE = 0.25  # of the picture, that a sheet takes
LEAST_INK = 0.001  # of its area, that is inside: the middle of a large zero has none
LEAST_FULL = 0.8  # of its outline, that is bare: a fat zero is less
MOST_BORDER = 0.25  # of the picture's border, that it touches: the lit side of a shadow has more


def without_table(grey: Grey) -> Grey:
    """Paint over what lies around a sheet of paper, in the sheet's own grey.

    A picture without such a sheet is given back as it is.

    >>> photo = np.full((60, 60), 0.2, np.float32)
    >>> photo[10:50, 5:55] = 0.9
    >>> photo[20:40, 28:32] = 0.1
    >>> np.unique(photo), np.unique(without_table(photo))
    (array([0.1, 0.2, 0.9], dtype=float32), array([0.1, 0.9], dtype=float32))
    """
    light = grey > otsu(grey)
    if light.mean() < LEAST_SHARE or _border(light).mean() > MOST_BORDER:
        return grey
    labels, _ = ndimage.label(light)
    bare = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    whole = ndimage.binary_fill_holes(bare)
    has_ink = whole.sum() >= (1 + LEAST_INK) * bare.sum()
    is_full = (light & whole).sum() >= max(
        LEAST_FULL * _outline_area(bare), LEAST_SHARE * bare.size
    )
    if not (has_ink and is_full):
        return grey
    rim = 1 + round(min(grey.shape) / 100)  # where paper and table mix
    sheet = ndimage.binary_erosion(whole, EIGHT, iterations=rim)
    return np.where(sheet, grey, np.median(grey[bare])).astype(np.float32)


def _border(mask: Mask) -> Mask:
    return np.concatenate([mask[[0, -1]].ravel(), mask[:, [0, -1]].ravel()])


def _outline_area(mask: Mask) -> float:
    """Return the area of the convex hull of all pixels, corners included."""
    rows = np.flatnonzero(mask.any(1))
    first, last = mask[rows].argmax(1), mask.shape[1] - mask[rows, ::-1].argmax(1)
    points: NDArray[np.int64] = np.concatenate(
        [np.stack([rows + down, side], 1) for down in (0, 1) for side in (first, last)]
    )
    return float(ConvexHull(points).volume)

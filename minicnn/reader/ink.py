"""Which part of a grey picture is ink: whatever the paper, the pen and the light on it.

The steps: dark ink or light, paper made flat, threshold of Otsu, ruled lines out, specks out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from minicnn.errors import PictureError
from minicnn.reader.picture import Grey
from minicnn.reader.ruled_lines import EIGHT, Mask, without_lines

FAINTEST = 0.06  # ink that differs less from its paper, as a share of black to white, is none
SMALLEST = 0.03  # of the picture's shorter side; smaller than that is no digit


@dataclass(frozen=True, eq=False)
class Ink:
    """The writing on a picture.

    - `amount`: float32, `(H, W)`, 0 where there is paper, 1 where there is ink, between at edges.
    - `mask`: bool, `(H, W)`, where there is more ink than paper.
    """

    amount: Grey
    mask: Mask

    @property
    def box(self) -> tuple[slice, slice]:
        """The rows and columns that hold all of it."""
        return _box(self.mask)


def find_ink(grey: Grey, keep: Callable[[Mask], Mask] | None = None) -> Ink:
    """Find the ink of one digit: the largest piece of writing, and what stands close to it.

    - `grey`: float32, `(H, W)`, from 0 (black) to 1 (white).
    - `keep`: what of the writing counts, by its mask; `one_digit` by default.

    Raises `PictureError` if the picture is blank.

    >>> page = np.ones((50, 40), np.float32)
    >>> page[10:40, 18:22] = 0.3  # a "1"
    >>> find_ink(page).box
    (slice(10, 40, None), slice(18, 22, None))
    """
    strength = _smoothed(flattened(grey), min(grey.shape) / 300)
    threshold = otsu(strength)
    paper, noise = _paper(strength, threshold)
    strength -= paper
    keep = keep or one_digit
    mask = keep(without_lines(strength > max(threshold - paper, 5 * noise)))
    _refuse_blank(mask, strength)
    # Again, where ink and paper are about as many: Otsu's threshold is at its best there.
    region = strength[_wider(_box(mask), grey.shape)]
    mask = keep(without_lines(strength > max(otsu(region), strength[mask].mean() / 4)))
    _refuse_blank(mask, strength)
    near = ndimage.binary_dilation(mask, EIGHT, iterations=1 + round(min(grey.shape) / 300))
    amount = np.clip(strength / np.median(strength[mask]), 0, 1) * near
    return Ink(amount.astype(np.float32), mask)


def is_light(grey: Grey) -> bool:
    """Whether the ink is lighter than its paper.

    Paper is the median of a window half as large as the picture around each pixel, the border
    continued outwards: there is more paper than ink, and light and shadow change slowly. What is
    far from it is ink, and its sign decides: that of the sum of the cubes. All this in 32 pixels,
    which are enough and quick.

    >>> board = np.zeros((9, 9), np.float32)
    >>> board[2:7, 4] = 1
    >>> is_light(board), is_light(1 - board)
    (True, False)
    """
    factor = max(1, max(grey.shape) // 32)
    small = np.asarray(Image.fromarray(grey).reduce(factor))
    window = max(small.shape) // 2 | 1
    return bool(((small - ndimage.median_filter(small, window, mode="nearest")) ** 3).sum() > 0)


def flattened(grey: Grey) -> Grey:
    """How far each pixel stands out from the paper around it; dark or light ink is positive alike.

    The paper under the ink is what a closing (of light ink: an opening) puts there, with a window
    of a third of the picture's longer side, which is wider than strokes are. Dark ink takes a share
    of the light that falls on it, so that its distance is divided by the paper: a shadow does not
    make it less.
    """
    window = max(grey.shape) // 3 | 1
    if is_light(grey):
        return grey - _continued(ndimage.grey_opening, grey, window)
    paper = _continued(ndimage.grey_closing, grey, window)
    return (paper - grey) / paper.clip(0.1)


def _continued(morphology: Callable[..., Grey], grey: Grey, window: int) -> Grey:
    """Open or close as if the border went on: else the dark end of a slope would look inked."""
    reach = window // 2
    inside = slice(reach, -reach) if reach else slice(None)
    return morphology(np.pad(grey, reach, "edge"), window, mode="nearest")[inside, inside]


def otsu(values: NDArray[np.floating]) -> float:
    """Return the threshold that parts the values into two classes with the most variance between
    them.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
    Systems, Man, and Cybernetics 9 (1979), 62-66; over a histogram of 256 bins.

    >>> 0.2 < otsu(np.array([0.1, 0.2, 0.8, 0.9])) < 0.8
    True
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low
    count, edges = np.histogram(values, 256, (low, high))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(count)[:-1]
    above = values.size - below
    total = np.cumsum(count * middle)
    gap = total[:-1] / np.maximum(below, 1) - (total[-1] - total[:-1]) / np.maximum(above, 1)
    between = below * above * gap**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # a plateau, if there is a gap
    return float(edges[1 + best[len(best) // 2]])


def _smoothed(strength: Grey, sigma: float) -> Grey:
    return ndimage.gaussian_filter(strength, sigma) if sigma > 0.4 else strength


def _paper(strength: Grey, threshold: float) -> tuple[float, float]:
    """Estimate the strength of bare paper, and its noise.

    Of the pixels below Otsu's threshold, if those above it stand out clearly; else of all: where
    there is hardly any ink, Otsu's threshold parts the noise of the paper in two.
    """
    below = strength <= threshold
    level, noise = _middle(strength[below])
    if below.all() or np.median(strength[~below]) - level < 6 * noise:
        return _middle(strength)
    return level, noise


def _middle(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the median, and the deviation of a normal distribution with this median deviation."""
    level = float(np.median(values))
    return level, 1.4826 * float(np.median(np.abs(values - level)))


def _refuse_blank(mask: Mask, strength: Grey) -> None:
    """Raise the `PictureError` of a mask that is empty, too faint or too small to be writing."""
    enough = (
        mask.any()
        and strength[mask].mean() >= FAINTEST
        and _side(_box(mask)) >= SMALLEST * min(mask.shape)
    )
    if not enough:
        raise PictureError("is blank: there is no writing on it")


def one_digit(mask: Mask) -> Mask:
    """Keep the largest connected piece and those that may belong to it.

    Left out are specks, pieces that are far away, and what runs off the picture, as a table's edge
    does, unless there is nothing else.
    """
    labels, count = ndimage.label(mask, EIGHT)
    if count == 0:
        return mask
    boxes = ndimage.find_objects(labels)
    area = np.bincount(labels.ravel())[1:]
    inside = np.array([_is_inside(box, mask.shape) for box in boxes])
    large = np.array([_side(box) for box in boxes]) >= 2 * SMALLEST * min(mask.shape)
    if (inside & large).any():
        area = np.where(inside, area, 0)
    main = int(area.argmax())
    reach = _side(boxes[main]) / 3
    near = [_distance(box, boxes[main]) <= reach for box in boxes]
    kept = np.flatnonzero(near & (area >= 0.03 * area[main])) + 1
    return np.isin(labels, kept)


def _is_inside(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    return all(part.start > 0 and part.stop < n for part, n in zip(box, shape, strict=True))


def _distance(a: tuple[slice, slice], b: tuple[slice, slice]) -> int:
    """How many pixels lie between two boxes, along the axis where there are more."""
    gaps = [max(p.start - q.stop, q.start - p.stop, 0) for p, q in zip(a, b, strict=True)]
    return max(gaps)


def _box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _side(box: tuple[slice, slice]) -> int:
    """Return the longer side."""
    return max(part.stop - part.start for part in box)


def _wider(box: tuple[slice, slice], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """With a margin of a quarter of its longer side, as far as the picture goes."""
    margin = 1 + _side(box) // 4
    return tuple(
        slice(max(part.start - margin, 0), min(part.stop + margin, n))
        for part, n in zip(box, shape, strict=True)
    )

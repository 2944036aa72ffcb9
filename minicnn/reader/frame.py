"""A digit's ink where MNIST has it: 20 pixels in a frame of 28, its weight in the middle.

"The original black and white images from NIST were size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio. […] the images were centered in a 28x28 image by computing the
center of mass of the pixels": Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of
handwritten digits", http://yann.lecun.com/exdb/mnist/.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from minicnn.reader.ink import Ink
from minicnn.reader.picture import Grey

BOX, SIDE, MIDDLE = 20, 28, 14.0  # measured: the weight is around index 14.0, not 13.5

# The stroke's width in the frame. Of 4,000 training digits, 5 % have one below 2.2 pixels.
THINNEST = 2.2


def frame(ink: Ink, shape: tuple[int, int] = (SIDE, SIDE)) -> Grey:
    """Put the digit into MNIST's frame: float32 `shape`, 0 for paper and 1 for ink.

    Its longest side becomes 20 of 28 pixels (of another `shape`: as large a part of its shorter
    side), each the average of what it covers; then its centre of mass goes to index 14, by whole
    pixels. A pen so thin that the training digits have hardly any like it is made thicker before.
    """
    rows, columns = ink.box
    box = round(BOX / SIDE * min(shape))
    scale = box / max(rows.stop - rows.start, columns.stop - columns.start)
    amount, mask = ink.amount[rows, columns], ink.mask[rows, columns]
    digit = _resized(_thick_enough(amount, mask, scale, min(shape) / SIDE), box)
    digit /= digit.max()
    return centred(digit, shape)


def is_framed(image: Grey, side: int = SIDE) -> bool:
    """Whether a light digit on black is where MNIST would have it, so that it can stay as it is."""
    if image.shape != (side, side) or image.max() == 0:
        return False
    rows, columns = (np.flatnonzero(image.max(axis) > 0) for axis in (1, 0))
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    weight = np.array(centre_of_mass(image))
    return bool(
        abs(longest - BOX / SIDE * side) <= 1 and np.abs(weight - MIDDLE / SIDE * side).max() <= 1
    )


def centre_of_mass(image: NDArray[np.floating]) -> tuple[float, float]:
    """Return the mean row and the mean column of the ink, where each pixel counts as much as it has
    ink.

    - `image`: `(H, W)`, 0 for paper; not all of it is paper.

    >>> centre_of_mass(np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 3.0]]))
    (1.0, 1.75)
    """
    total = image.sum()
    row = np.arange(image.shape[0]) @ image.sum(axis=1) / total
    column = np.arange(image.shape[1]) @ image.sum(axis=0) / total
    return float(row), float(column)


def centred(digit: Grey, shape: tuple[int, int] = (SIDE, SIDE)) -> Grey:
    """Put the digit into a frame of this `shape`, its centre of mass in the middle, the rest paper.

    The middle is index 14 of 28, and as far along in another `shape`. The digit moves by whole
    pixels, to the nearest place, and stays whole: where it would stick out, it stops at the edge.

    - `digit`: `(h, w)`, no larger than `shape`.

    >>> centred(np.array([[1.0, 1.0, 1.0]]), (3, 6))
    array([[0., 0., 0., 0., 0., 0.],
           [0., 0., 0., 0., 0., 0.],
           [0., 0., 1., 1., 1., 0.]])
    """
    framed = np.zeros(shape, digit.dtype)
    corner = []
    for mass, size, side in zip(centre_of_mass(digit), digit.shape, shape, strict=True):
        first = round(MIDDLE / SIDE * side - mass)
        corner.append(min(max(first, 0), side - size))
    top, left = corner
    framed[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return framed


def stroke_width(mask: NDArray[np.bool_]) -> float:
    """Return the mean width of the strokes in pixels.

    Across a stroke of width w the distance to its edge goes from 0 to w / 2 and back: its mean is
    w / 4. Counted from the middle of a pixel to the edge of the ink, hence the half.

    >>> bar = np.zeros((60, 30), bool)
    >>> bar[5:55, 10:20] = True
    >>> round(stroke_width(bar), 1)
    9.4
    """
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return float(4 * (distance[mask] - 0.5).mean())


def _thick_enough(amount: Grey, mask: NDArray[np.bool_], scale: float, unit: float) -> Grey:
    """Thicken the ink if the pen is too thin.

    By distances, which take no longer for a wide margin than for a narrow one.
    """
    missing = THINNEST * unit / scale - stroke_width(mask)
    grow = round(missing / 2)
    if grow < 1:
        return amount
    away = ndimage.distance_transform_edt(np.pad(~mask, grow, constant_values=True))
    return np.maximum(np.pad(amount, grow), (grow + 1 - away).clip(0, 1).astype(amount.dtype))


def _resized(digit: Grey, box: int) -> Grey:
    """Resize the longest side to `box` pixels: average to shrink, interpolate to grow."""
    height, width = digit.shape
    scale = box / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BILINEAR
    return np.array(Image.fromarray(digit).resize(size, how))

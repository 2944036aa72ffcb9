"""Digits redrawn on larger pictures, at random, the way people hand them in.

What the tests and benchmarks of the reader read, and the example pictures are made of. The ink is
laid out first (`scatter` for one digit, `write` for a row of them, `handwritten` for a row as one
hand writes it), then put on paper (`paint`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from minicnn.errors import ShapeError
from minicnn.reader.picture import Grey

Bytes = NDArray[np.uint8]


def redrawn(
    digit: NDArray[np.generic], rng: np.random.Generator, shape: tuple[int, int] = (300, 400)
) -> Bytes:
    """Draw the digit at a random size and place, on random paper, in a picture of this `shape`.

    - `digit`: as in MNIST, light on black, `(28, 28)` or `(28, 28, 1)`, uint8 or 0 to 1.

    >>> redrawn(np.eye(28), np.random.default_rng(0)).shape
    (300, 400)
    """
    return paint(scatter(digit, rng, shape), rng)


def scatter(
    digit: NDArray[np.generic], rng: np.random.Generator, shape: tuple[int, int] = (300, 400)
) -> Grey:
    """Draw one digit's ink, 0 to 1, from 1/8 to 4/5 of the shorter side long, anywhere inside."""
    ink = enlarged(digit, round(rng.uniform(1 / 8, 4 / 5) * min(shape)))
    canvas = np.zeros(shape, np.float32)
    top, left = (rng.integers(2, side - n - 1) for side, n in zip(shape, ink.shape, strict=True))
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return canvas


def write(
    digits: Sequence[NDArray[np.generic]],
    rng: np.random.Generator,
    gap: int = 4,
    longest: int = 40,
) -> Grey:
    """Draw digits in a row, ink 0 to 1, each up to a tenth larger or smaller than `longest`.

    Between the ink of two digits there are `gap` columns of paper, or they overlap by as many if it
    is negative; each stands up to a twentieth of its size above or below the others' line.

    >>> write([np.eye(28)] * 3, np.random.default_rng(0), gap=10).ndim
    2
    """
    inks = [enlarged(digit, round(longest * rng.uniform(0.9, 1.1))) for digit in digits]
    margin = longest // 2
    width = sum(ink.shape[1] + gap for ink in inks) - gap
    canvas = np.zeros((longest + 2 * margin, width + 2 * margin), np.float32)
    left = margin
    for ink in inks:
        top = (len(canvas) - len(ink)) // 2 + round(longest * rng.uniform(-1 / 20, 1 / 20))
        place = canvas[top : top + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(place, ink, out=place)
        left += ink.shape[1] + gap
    return canvas


def handwritten(
    digits: Sequence[NDArray[np.generic]],
    rng: np.random.Generator,
    gap: float = 4,
    side: float | None = None,
) -> Grey:
    """Draw each digit of a row as one hand writes it: float32, `(n, H, W)`, ink 0 to 1.

    - `gap`: the columns between the ink of two digits, in pixels of MNIST's frame of 28; they touch
      at 0 and overlap below. It holds for the boxes, after everything else was drawn.
    - `side`: what a frame of 28 pixels becomes; from 35 to 105 pixels if not given.

    Drawn at random for the whole row: the size, the slant (up to 14 degrees more than the digits'
    own, either way), the pen (up to a pixel thicker or half a pixel thinner than theirs) and the
    slope of the line (3 degrees); for each digit besides: a tenth of the size, three degrees of
    slant, and a twentieth of the size up or down. The whole row is ``handwritten(…).max(0)``.

    >>> handwritten([np.eye(28)] * 3, np.random.default_rng(0)).shape[0]
    3
    """
    unit = (rng.uniform(35, 105) if side is None else side) / 28
    slant, pen, slope = rng.uniform(-0.25, 0.25), rng.uniform(-1, 1), rng.uniform(-0.05, 0.05)
    inks = []
    for digit in digits:
        ink = enlarged(digit, round(20 * unit * rng.uniform(0.9, 1.1)))
        inks.append(_cropped(_penned(_slanted(ink, slant + rng.uniform(-0.05, 0.05)), pen, unit)))
    step, margin = round(gap * unit), round(10 * unit)
    width = sum(ink.shape[1] + step for ink in inks) - step
    high = max(len(ink) for ink in inks) + round(abs(slope) * width + 2 * unit)
    rows = np.zeros((len(inks), high + 2 * margin, width + 2 * margin), np.float32)
    left = 0
    for row, ink in zip(rows, inks, strict=True):
        middle = row.shape[0] / 2 + slope * (left - width / 2) + unit * rng.uniform(-1, 1)
        top = round(middle - len(ink) / 2)
        start = margin + left
        row[top : top + ink.shape[0], start : start + ink.shape[1]] = ink
        left += ink.shape[1] + step
    return rows


def _slanted(ink: Grey, slant: float) -> Grey:
    """Leaning to the right by `slant` columns a row, or to the left if it is negative."""
    reach = round(abs(slant) * len(ink) / 2) + 1
    wide = np.pad(ink, ((0, 0), (reach, reach)))
    middle = (len(ink) - 1) / 2
    return ndimage.affine_transform(
        wide, [[1, 0], [slant, 1]], offset=(0, -slant * middle), order=1
    )


def _penned(ink: Grey, pen: float, unit: float) -> Grey:
    """By a pen that is thicker, up to half a `unit` on each side, or thinner, up to a quarter."""
    reach = unit / 2 if pen > 0 else unit / 4
    n = int(np.ceil(reach))
    y, x = np.ogrid[-n : n + 1, -n : n + 1]
    disc = y * y + x * x <= reach * reach + 0.5
    ink = np.pad(ink, n)
    other = (ndimage.grey_dilation if pen > 0 else ndimage.grey_erosion)(ink, footprint=disc)
    return ink + abs(pen) * (other - ink)


def _cropped(ink: Grey) -> Grey:
    """Without the paper around it."""
    rows, columns = np.flatnonzero(ink.max(1) > 0.1), np.flatnonzero(ink.max(0) > 0.1)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def enlarged(digit: NDArray[np.generic], longest: int) -> Grey:
    """Crop a digit's ink to its box, its longest side `longest` pixels, ink 0 to 1."""
    ink = np.squeeze(digit).astype(np.float32)
    if ink.ndim != 2 or not ink.max() > 0:
        raise ShapeError(f"a digit must be (28, 28) and not blank, got {np.shape(digit)}")
    ink = _cropped(ink / ink.max())
    scale = longest / max(ink.shape)
    width, height = (max(1, round(n * scale)) for n in ink.shape[::-1])
    resized = Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized).clip(0, 1)


def paint(ink: Grey, rng: np.random.Generator) -> Bytes:
    """Ink on paper: dark on light or light on dark, under uneven light, with noise; uint8.

    - `ink`: float32, `(H, W)`, 0 to 1.

    The light falls off by up to a third across the picture; pen and paper differ by at least 0.35
    of the way from black to white.
    """
    dark, bright = rng.uniform(0, 0.3), rng.uniform(0.65, 1)
    paper, pen = (bright, dark) if rng.random() < 0.5 else (dark, bright)
    y, x = np.meshgrid(*(np.linspace(-0.5, 0.5, n) for n in ink.shape), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    fall = 1 - rng.uniform(0, 1 / 3) * (0.5 + np.sin(angle) * y + np.cos(angle) * x).clip(0, 1)
    noise = rng.normal(0, rng.uniform(0, 0.04), ink.shape)
    picture = fall * (paper + (pen - paper) * ink) + noise
    return np.round(255 * picture.clip(0, 1)).astype(np.uint8)

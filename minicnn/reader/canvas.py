"""Digits redrawn on larger pictures, at random, the way people hand them in.

What the tests and benchmarks of the reader read, and the example pictures are made of. The ink is
laid out first (`scatter` for one digit, `write` for a row of them), then put on paper (`paint`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from minicnn.errors import ShapeError
from minicnn.reader.picture import Grey

Bytes = NDArray[np.uint8]


def redrawn(
    digit: NDArray[np.generic], rng: np.random.Generator, shape: tuple[int, int] = (300, 400)
) -> Bytes:
    """A picture of this `shape` with the digit at a random size and place, on random paper.

    - `digit`: as in MNIST, light on black, `(28, 28)` or `(28, 28, 1)`, uint8 or 0 to 1.

    >>> redrawn(np.eye(28), np.random.default_rng(0)).shape
    (300, 400)
    """
    return paint(scatter(digit, rng, shape), rng)


def scatter(
    digit: NDArray[np.generic], rng: np.random.Generator, shape: tuple[int, int] = (300, 400)
) -> Grey:
    """The ink of one digit, 0 to 1, from 1/8 to 4/5 of the shorter side long, anywhere inside."""
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
    """The ink of digits in a row, 0 to 1, each up to a tenth larger or smaller than `longest`.

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


def enlarged(digit: NDArray[np.generic], longest: int) -> Grey:
    """The ink of a digit without its frame, its longest side as many pixels, 0 to 1."""
    ink = np.squeeze(digit).astype(np.float32)
    if ink.ndim != 2 or not ink.max() > 0:
        raise ShapeError(f"a digit must be (28, 28) and not blank, got {np.shape(digit)}")
    ink /= ink.max()
    rows, columns = np.flatnonzero(ink.max(1) > 0.1), np.flatnonzero(ink.max(0) > 0.1)
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
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

"""Draws that several lessons need: numbers with ties and zeros, pictures with windows."""

import numpy as np

from minicnn.kernels.geometry import Pair


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers from -4 to 4: easy to follow by hand, with ties and zeros among them.

    >>> numbers(np.random.default_rng(0), (4,))
    array([ 3.,  1.,  0., -2.])
    """
    return rng.integers(-4, 5, shape).astype(np.float64)


def reals(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw normal numbers, no two of them equal.

    >>> reals(np.random.default_rng(0), (2,)).round(2)
    array([ 0.13, -0.13])
    """
    return rng.standard_normal(shape)


def window(rng: np.random.Generator, size: int) -> tuple[np.ndarray, Pair, Pair, str]:
    """Draw a picture (N, H, W, C) with a kernel, a stride and a padding that fit.

    The first have one thing each: one window, several, channels, a batch, strides, padding. From
    size 7 on all of them are drawn together.

    >>> x, kernel, stride, padding = window(np.random.default_rng(0), 0)
    >>> x.shape, kernel, stride, padding
    ((1, 1, 2, 1), (1, 2), (1, 1), 'valid')
    """
    if size < len(_FIRST_WINDOWS):
        shape, kernel, stride, padding = _FIRST_WINDOWS[size]
    else:
        kernel = (int(rng.integers(1, 4)), int(rng.integers(2, 4)))
        stride = ((1, 1), (1, 2), (2, 1), (2, 3))[rng.integers(0, 4)]
        padding = ("valid", "same")[size % 2]
        rows, columns = kernel[0] + int(rng.integers(0, 5)), kernel[1] + int(rng.integers(0, 4))
        shape = (int(rng.integers(1, 3)), rows, columns, int(rng.integers(1, 4)))
    return numbers(rng, shape), kernel, stride, padding


_FIRST_WINDOWS: list[tuple[tuple[int, int, int, int], Pair, Pair, str]] = [
    ((1, 1, 2, 1), (1, 2), (1, 1), "valid"),
    ((1, 2, 3, 1), (2, 2), (1, 1), "valid"),
    ((1, 2, 2, 2), (2, 1), (1, 1), "valid"),
    ((2, 1, 3, 1), (1, 2), (1, 1), "valid"),
    ((1, 2, 4, 1), (1, 2), (1, 2), "valid"),
    ((1, 3, 4, 1), (1, 2), (2, 1), "valid"),
    ((1, 3, 2, 1), (3, 2), (1, 1), "same"),
]

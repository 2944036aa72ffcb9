"""Walking over a set piece by piece, and pictures made smaller."""

from collections.abc import Iterator

import numpy as np

from minicnn.data import Dataset
from minicnn.tape import Array

PIECE = 2_000_000  # numbers; a piece of a set in float64 is then 16 MB


def pieces(data: Dataset, chosen: Array | None = None) -> Iterator[tuple[slice, Array]]:
    """Yield the pictures, or those at the positions `chosen`, as float32 (n, H, W, C) in [0, 1].

    With each piece comes the slice that it is of the whole.

    >>> data = Dataset(np.zeros((3, 2, 2, 1), np.uint8), [0, 1, 2])
    >>> [(part, images.shape) for part, images in pieces(data)]
    [(slice(0, 3, None), (3, 2, 2, 1))]
    """
    count = len(data) if chosen is None else len(chosen)
    step = max(1, PIECE // int(np.prod(data.image_shape)))
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        yield part, data.scaled(part if chosen is None else chosen[part])


def block_mean(images: Array, factor: int) -> Array:
    """Each `factor` × `factor` block of pixels as its mean; blocks at the far edges may be smaller.

    (N, H, W, C) -> (N, ⌈H / factor⌉, ⌈W / factor⌉, C).

    >>> block_mean(np.arange(6.0).reshape(1, 2, 3, 1), 2)[0, :, :, 0]
    array([[2. , 3.5]])
    """
    if factor == 1:
        return images
    for axis in (1, 2):
        size = images.shape[axis]
        starts = np.arange(0, size, factor)
        widths = np.diff(starts, append=size).astype(images.dtype)
        sums = np.add.reduceat(images, starts, axis=axis)
        images = sums / widths.reshape([-1 if axis == each else 1 for each in range(4)])
    return images


def rows(images: Array, block: int) -> Array:
    """Pictures as rows of their block means: (n, H, W, C) -> (n, D)."""
    return block_mean(images, block).reshape(len(images), -1)

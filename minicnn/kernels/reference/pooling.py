"""The largest value of each window, or their mean, and the gradients."""

import numpy as np

from minicnn.kernels.geometry import Array, Pair, Shape, out_size, pads
from minicnn.kernels.reference.windows import cells, pad


def _inside(x_shape: Shape, pool: Pair, stride: Pair, padding: str) -> Array:
    """Which cells of each window lie in the image, not in the padding: (cells, 1, OH, OW, 1)."""
    out = out_size(x_shape[1:3], pool, stride, padding)
    inside = pad(np.ones((1, *x_shape[1:3], 1), bool), pool, stride, padding)
    return np.stack(list(cells(inside, pool, stride, out)))


def first_inside(x_shape: Shape, pool: Pair, stride: Pair, padding: str) -> Array:
    """Return the first cell of each window that is not in the padding: (1, OH, OW, 1)."""
    return _inside(x_shape, pool, stride, padding).argmax(axis=0)


def max_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> tuple[Array, Array]:
    """Return the largest value of each window, and which cell held it.

    (N, H, W, C) -> y (N, OH, OW, C), winner (N, OH, OW, C) int32, the cell's number ``i * PW + j``.
    Of equal values the first one wins, so that a gradient goes to one cell only.
    """
    out = out_size(x.shape[1:3], pool, stride, padding)
    padded = pad(x, pool, stride, padding, fill=-np.inf)
    y = np.full((x.shape[0], *out, x.shape[3]), -np.inf, x.dtype)
    winner = np.full(y.shape, first_inside(x.shape, pool, stride, padding), np.int32)
    for k, cell in enumerate(cells(padded, pool, stride, out)):
        better = (cell > y) | np.isnan(cell)  # NaN must not be lost on the way to the loss
        winner[better] = k
        y[better] = cell[better]
    return y, winner


def max_pool2d_vjp(
    dy: Array,
    winner: Array,
    x_shape: Shape,
    pool: Pair,
    stride: Pair,
    padding: str = "valid",
) -> Array:
    """Each gradient goes back to the cell that won, (N, H, W, C); overlapping windows add."""
    _, height, width, _ = x_shape
    (top, bottom), (left, right) = pads((height, width), pool, stride, padding)
    dpadded = np.pad(np.zeros(x_shape, dy.dtype), ((0, 0), (top, bottom), (left, right), (0, 0)))
    for k, cell in enumerate(cells(dpadded, pool, stride, dy.shape[1:3])):
        cell += np.where(winner == k, dy, 0)
    return dpadded[:, top : top + height, left : left + width]


def avg_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> Array:
    """Return the mean of each window, (N, H, W, C) -> (N, OH, OW, C); padding does not count."""
    out = out_size(x.shape[1:3], pool, stride, padding)
    padded = pad(x, pool, stride, padding).astype(np.float64)  # large numbers may have a mean
    total = sum(cells(padded, pool, stride, out))
    return (total / _inside(x.shape, pool, stride, padding).sum(axis=0)).astype(x.dtype)


def avg_pool2d_vjp(
    dy: Array, x_shape: Shape, pool: Pair, stride: Pair, padding: str = "valid"
) -> Array:
    """Each gradient is shared equally by the cells of its window: (N, H, W, C)."""
    _, height, width, _ = x_shape
    (top, bottom), (left, right) = pads((height, width), pool, stride, padding)
    dpadded = np.pad(np.zeros(x_shape, dy.dtype), ((0, 0), (top, bottom), (left, right), (0, 0)))
    share = (dy / _inside(x_shape, pool, stride, padding).sum(axis=0)).astype(dy.dtype)
    for cell in cells(dpadded, pool, stride, dy.shape[1:3]):
        cell += share
    return dpadded[:, top : top + height, left : left + width]

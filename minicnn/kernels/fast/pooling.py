"""Pooling for any window, stride and padding."""

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import Array, contiguous, parallel, run, share, thread_count
from minicnn.kernels.geometry import Pair, Shape, out_size, pads


@parallel
def _max_pool2d(x, pool, stride, top, left, y, winner, threads):
    _, height, width, channels = x.shape
    for t in prange(threads):
        start, stop = share(x.shape[0], t, threads)
        for n in range(start, stop):
            for r in range(y.shape[1]):
                for s in range(y.shape[2]):
                    first_row, first_column = r * stride[0] - top, s * stride[1] - left
                    y[n, r, s] = -np.inf
                    winner[n, r, s] = max(0, -first_row) * pool[1] + max(0, -first_column)
                    for i in range(max(0, -first_row), min(pool[0], height - first_row)):
                        for j in range(max(0, -first_column), min(pool[1], width - first_column)):
                            cell = i * pool[1] + j
                            for c in range(channels):
                                v = x[n, first_row + i, first_column + j, c]
                                better = v > y[n, r, s, c] or np.isnan(v)
                                y[n, r, s, c] = v if better else y[n, r, s, c]
                                winner[n, r, s, c] = cell if better else winner[n, r, s, c]


@parallel
def _max_pool2d_vjp(dy, winner, pool, stride, top, left, dx, threads):
    _, rows, columns, channels = dy.shape
    for t in prange(threads):
        start, stop = share(dx.shape[0], t, threads)
        for n in range(start, stop):
            dx[n] = 0
            for r in range(rows):
                for s in range(columns):
                    for c in range(channels):
                        i, j = divmod(winner[n, r, s, c], pool[1])
                        row, column = r * stride[0] - top + i, s * stride[1] - left + j
                        if 0 <= row < dx.shape[1] and 0 <= column < dx.shape[2]:
                            dx[n, row, column, c] += dy[n, r, s, c]


@checked
def max_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> tuple[Array, Array]:
    """See `reference.max_pool2d`."""
    image = (x.shape[1], x.shape[2])
    (top, _), (left, _) = pads(image, pool, stride, padding)
    y = np.empty((len(x), *out_size(image, pool, stride, padding), x.shape[3]), x.dtype)
    winner = np.empty(y.shape, np.int32)
    run(_max_pool2d, contiguous(x), pool, stride, top, left, y, winner, thread_count(len(x)))
    return y, winner


@checked
def max_pool2d_vjp(
    dy: Array, winner: Array, x_shape: Shape, pool: Pair, stride: Pair, padding: str = "valid"
) -> Array:
    """See `reference.max_pool2d_vjp`."""
    (top, _), (left, _) = pads(x_shape[1:3], pool, stride, padding)
    dx = np.empty(x_shape, dy.dtype)
    gradient = contiguous(dy), contiguous(winner)
    run(_max_pool2d_vjp, *gradient, pool, stride, top, left, dx, thread_count(len(dx)))
    return dx

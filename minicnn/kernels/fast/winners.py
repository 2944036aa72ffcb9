"""The gradients of a convolution behind max pooling.

Of each pool only the winner has a gradient, and only if ReLU let it through. A list of the winners
of one image and channel, where they lie and what their gradients are, makes both gradients sums
over at most a quarter of the pixels.
"""

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.convolution import Windows, _dweight, conv2d_dx, load_image, windows
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    inner,
    parallel,
    part_count,
    run,
    share,
    thread_count,
)
from minicnn.kernels.fast.pooling import max_pool2d_vjp
from minicnn.kernels.fast.simd import MR, SPAN, copy_run, gather, scatter
from minicnn.kernels.geometry import Pair, Shape


def worth_visiting(kernel: Pair, channels: int) -> bool:
    """Whether a window's lines are long enough to fill the vectors of `gather` and `scatter`."""
    return kernel[1] * channels >= SPAN // 2


@inner
def list_winners(dy, winner, n, o, corners, cells, places, gains):
    """Fill `places` and `gains` with the winners of channel o that have a gradient; how many."""
    count = 0
    for p in range(corners.size):
        places[count] = corners[p] + cells[winner[n, p, o]]
        gains[count] = dy[n, p, o]
        count += dy[n, p, o] != 0
    return count


@parallel
def _weight_gradient_from_argmax(
    x, dy, winner, corners, cells, height, width, top, left, parts, threads
):
    """parts[p] (F, KH, run): part p's images' part, the weights of a kernel's line in a run."""
    line = width * x.shape[3]
    count_parts, filters, kernel_rows, run_length = parts.shape
    totals = parts.reshape(-1)
    for t in prange(threads):
        begin, end = share(count_parts * filters, t, threads)
        image = np.zeros(height * line + run_length, x.dtype)
        places = np.empty(corners.size + 1, np.int64)
        gains = np.empty(corners.size + 1, x.dtype)
        for p in range(begin // filters, -(-end // filters)):
            start, stop = share(x.shape[0], p, count_parts)
            first = max(begin, p * filters)  # two threads may share a part
            last = min(end, (p + 1) * filters)
            for n in range(start, stop):
                load_image(x, n, top, left, width, image)
                for item in range(first, last):
                    o = item - p * filters
                    count = list_winners(dy, winner, n, o, corners, cells, places, gains)
                    for i in range(kernel_rows):
                        for j in range(0, run_length, SPAN):
                            at = (item * kernel_rows + i) * run_length + j
                            gather(
                                image, i * line + j, places, gains, 0, count,
                                totals, at, totals, at,
                            )  # fmt: skip


@parallel
def _input_gradient_from_argmax(
    dy, winner, weight, corners, cells, height, width, top, left, dx, threads
):
    """dx (N, H, W, C): each winner's gradient times its kernel, added over the winner's window."""
    _, rows, columns, channels = dx.shape
    f, kernel_rows, run_length = weight.shape
    line = width * channels
    weights, flat = weight.reshape(-1), dx.reshape(-1)
    for t in prange(threads):
        start, stop = share(dx.shape[0], t, threads)
        image = np.empty(height * line + run_length, dx.dtype)
        places = np.empty(corners.size + 1, np.int64)
        gains = np.empty(corners.size + 1, dx.dtype)
        for n in range(start, stop):
            image[:] = 0
            for o in range(f):
                count = list_winners(dy, winner, n, o, corners, cells, places, gains)
                for i in range(kernel_rows):
                    for j in range(0, run_length, SPAN):
                        at = (o * kernel_rows + i) * run_length + j
                        scatter(weights, at, places, gains, 0, count, image, i * line + j)
            for i in range(rows):
                at = (top + i) * line + left * channels
                copy_run(image, at, columns * channels, flat, (n * rows + i) * columns * channels)


def _winner_places(at: Windows, pool: Pair) -> tuple[Array, Array]:
    """Where the pools' first windows start, and how far the window of each cell lies from there."""
    area = pool[0] * pool[1]
    first = at.offsets[:area]
    return at.offsets[:-MR:area].copy(), first - first[0]


@checked
def conv2d_dweight_from_argmax(
    dy: Array, winner: Array, x: Array, kernel: Pair, stride: Pair, padding: str, pool: Pair
) -> Array:
    """See `reference.conv2d_dweight_from_argmax`."""
    n, *shape = x.shape
    c, f = shape[2], dy.shape[3]
    if not worth_visiting(kernel, c):
        flat = contiguous(winner).reshape(n, -1, f)
        return _dweight(dy, flat, x, kernel, stride, padding, pool)
    at = windows(tuple(shape), kernel, stride, padding, pool)
    corners, cells = _winner_places(at, pool)
    run_length = kernel[1] * c
    parts = np.zeros((part_count(n, f), f, kernel[0], run_length + -run_length % SPAN), x.dtype)
    run(
        _weight_gradient_from_argmax, contiguous(x), contiguous(dy).reshape(n, -1, f),
        contiguous(winner).reshape(n, -1, f), corners, cells,
        at.height, at.width, at.top, at.left, parts, thread_count(len(parts) * f),
    )  # fmt: skip
    total = parts.sum(axis=0)[:, :, :run_length]
    return np.ascontiguousarray(total.transpose(1, 2, 0)).reshape(*kernel, c, f)


@checked
def conv2d_dx_from_argmax(
    dy: Array, winner: Array, weight: Array, x_shape: Shape, stride: Pair, padding: str, pool: Pair
) -> Array:
    """See `reference.conv2d_dx_from_argmax`."""
    n, *shape = x_shape
    kh, kw, c, f = weight.shape
    at = windows(tuple(shape), (kh, kw), stride, padding, pool)
    if not worth_visiting((kh, kw), c):
        dz = max_pool2d_vjp(dy, winner, (n, *at.out, f), pool, pool)
        return conv2d_dx(dz, weight, x_shape, stride, padding)
    corners, cells = _winner_places(at, pool)
    lines = np.zeros((f, kh, kw * c + -(kw * c) % SPAN), weight.dtype)
    lines[:, :, : kw * c] = weight.reshape(kh, kw * c, f).transpose(2, 0, 1)
    dx = np.empty(x_shape, dy.dtype)
    run(
        _input_gradient_from_argmax, contiguous(dy).reshape(n, -1, f),
        contiguous(winner).reshape(n, -1, f), lines, corners, cells,
        at.height, at.width, at.top, at.left, dx, thread_count(n),
    )  # fmt: skip
    return dx

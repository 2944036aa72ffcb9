"""Convolution without columns, and its gradients.

Each thread takes one image at a time into a scratch array that stays in the core's cache, padded.
The windows of an image are rows of a matrix that lie in it as they are: row p starts at
``offsets[p]``, and its KH pieces of KW*C neighbours are a line apart. So `tile` multiplies windows
by weights straight from the image; a matrix of columns never exists.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.matmul import NO_WINNER, pack_panel, panels
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    inner,
    parallel,
    part_count,
    product_threads,
    run,
    share,
    thread_count,
)
from minicnn.kernels.fast.simd import (
    MR,
    NR,
    copy_run,
    keep_largest,
    move,
    only_where,
    tile,
)
from minicnn.kernels.geometry import Pair, Shape, out_size, pads

BLOCK = 48
"""Output pixels between two epilogues: their panel of 48 by NR sums stays in the first cache."""


class Windows(NamedTuple):
    """Where the windows of an image lie in its padded copy, counted in elements."""

    height: int
    """Of the padded copy, in pixels."""
    width: int
    top: int
    left: int
    out: Pair
    """Windows in each direction."""
    offsets: Array
    """Start of each window, those that are pooled together next to each other; then MR spare."""
    steps: Pair
    """From a window to the one below, and to the one on its right."""


@lru_cache(maxsize=256)
def windows(
    shape: tuple[int, int, int], kernel: Pair, stride: Pair, padding: str, pool: Pair = (1, 1)
) -> Windows:
    """Return the windows of an image (H, W, C); with `pool` only those that whole pools cover."""
    height, width, channels = shape
    (top, bottom), (left, right) = pads((height, width), kernel, stride, padding)
    oh, ow = out_size((height, width), kernel, stride, padding)
    line = (left + width + right) * channels
    steps = (stride[0] * line, stride[1] * channels)
    i, j = np.arange(oh // pool[0] * pool[0]), np.arange(ow // pool[1] * pool[1])
    starts = i[:, None] * steps[0] + j * steps[1]
    blocks = starts.reshape(oh // pool[0], pool[0], ow // pool[1], pool[1])
    ordered = blocks.transpose(0, 2, 1, 3).reshape(-1)
    offsets = np.concatenate([ordered, np.zeros(MR, np.int64)])
    return Windows(top + height + bottom, left + width + right, top, left, (oh, ow), offsets, steps)


@inner
def load_image(x, n, top, left, width, image):
    """Copy x[n] (H, W, C) into `image`, flat and `width` pixels wide, from (top, left) on."""
    _, rows, columns, channels = x.shape
    flat = x.reshape(-1)
    for i in range(rows):
        line = (n * rows + i) * columns * channels
        copy_run(flat, line, columns * channels, image, ((top + i) * width + left) * channels)


# ------------------------------------------------------------------ forward


@parallel
def _convolve(
    x, weight, bias, offsets, kernel_rows, run_length, height, width, top, left,
    area, relu, y, winner, threads,
):  # fmt: skip
    """y (N, pools, F): windows times weight, of each `area` pixels the largest, bias, ReLU."""
    channels, depth = x.shape[3], kernel_rows * run_length
    _, pools, filters = y.shape
    pixels, count_panels = pools * area, panels(filters)
    size = max(BLOCK // area, 1) * area
    flat, winners = y.reshape(-1), winner.reshape(-1)
    for t in prange(threads):
        start, stop = share(x.shape[0] * count_panels, t, threads)
        weights = np.zeros(count_panels * depth * NR, x.dtype)
        biases = np.zeros(count_panels * NR, x.dtype)
        copy_run(bias, 0, filters, biases, 0)
        for q in range(count_panels):
            columns = min(NR, filters - q * NR)
            pack_panel(weight, q * NR, filters, 1, depth, columns, weights, q * depth * NR)
        image = np.zeros(height * width * channels, x.dtype)
        block = np.empty((size + MR) * NR, x.dtype)
        for item in range(start, stop):
            n, q = divmod(item, count_panels)  # two threads may share an image
            if q == 0 or item == start:
                load_image(x, n, top, left, width, image)
            for first in range(0, pixels, size):
                count = min(size, pixels - first)
                for p in range(0, count, MR):
                    tile(
                        image, 0, offsets, first + p, kernel_rows, width * channels,
                        run_length, 1, weights, q * depth * NR, block, p * NR, 0,
                    )  # fmt: skip
                keep_largest(
                    block, 0, count // area, area, biases, q * NR, relu, filters - q * NR,
                    flat, winners, (n * pools + first // area) * filters + q * NR, filters,
                )  # fmt: skip


def _threads(y: Array, weight: Array) -> int:
    """How many share the making of y (N, pools, F)."""
    n, pools, filters = y.shape
    return product_threads(n * pools * weight.size, n * panels(filters))


def _forward(
    x: Array, weight: Array, bias: Array, stride: Pair, padding: str, relu: bool, pool: Pair | None
) -> tuple[Array, Array]:
    n, *shape = x.shape
    kh, kw, c, f = weight.shape
    rows, columns = pool or (1, 1)
    at = windows(tuple(shape), (kh, kw), stride, padding, (rows, columns))
    out = (at.out[0] // rows, at.out[1] // columns)
    y = np.empty((n, out[0] * out[1], f), x.dtype)
    winner = np.zeros(y.shape, np.int32) if pool else NO_WINNER
    run(
        _convolve, contiguous(x), contiguous(weight).reshape(-1), contiguous(bias), at.offsets,
        kh, kw * c, at.height, at.width, at.top, at.left,
        rows * columns, relu, y, winner, _threads(y, weight),
    )  # fmt: skip
    return y.reshape(n, *out, f), winner


@checked
def conv2d(
    x: Array, weight: Array, bias: Array, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d`."""
    return _forward(x, weight, bias, stride, padding, False, None)[0]


@checked
def conv2d_relu(
    x: Array, weight: Array, bias: Array, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d_relu`: ReLU is applied while the sums are in the cache."""
    return _forward(x, weight, bias, stride, padding, True, None)[0]


@checked
def conv2d_relu_max_pool2d(
    x: Array, weight: Array, bias: Array, stride: Pair, padding: str, pool: Pair
) -> tuple[Array, Array]:
    """See `reference.conv2d_relu_max_pool2d`: only the winners are ever written to memory."""
    y, winner = _forward(x, weight, bias, stride, padding, True, pool)
    return y, winner.reshape(y.shape)


# ------------------------------------------------------------------ the gradient of the input


class Phase(NamedTuple):
    """Every `stride`-th row (or column) of an image: all that the same rows of a kernel reach."""

    pixels: slice
    """The rows of the image."""
    weights: slice
    """The rows of the kernel."""
    taps: int
    """How many those are."""
    before: int
    """Zeros before the gradient, so that its windows begin where the rows do."""
    length: int
    """Of the gradient with zeros on both sides."""
    wanted: slice
    """Which of its windows belong to a row of the image."""


def _phases(size: int, out: int, kernel: int, stride: int, pad: int) -> Iterator[Phase]:
    """Yield the phases of an axis of `size` pixels with `pad` before, and `out` windows.

    Pixel ``i = stride * q + phase - pad`` is in window q - u at the weight ``stride * u + phase``,
    for every such u.
    """
    for phase in range(stride):
        taps = len(range(phase, kernel, stride))
        first, last = -((phase - pad) // stride), (size - 1 + pad - phase) // stride
        if taps and first <= last:
            begin = min(first, taps - 1)
            before = taps - 1 - begin
            yield Phase(
                slice(first * stride + phase - pad, None, stride),
                slice(phase, None, stride),
                taps,
                before,
                before + max(out, last + 1),
                slice(first - begin, last + 1 - begin),
            )


@checked
def conv2d_dx(
    dy: Array, weight: Array, x_shape: Shape, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d_dx`.

    A pixel is reached through every weight, by the window that lies as far before it as the weight
    lies inside the window. Read backwards that is a convolution again: of `dy`, padded, with the
    kernel turned round. With a stride a pixel is reached through some of the weights only, its
    neighbour through others: a convolution for each phase.
    """
    dy = contiguous(dy)
    height, width = x_shape[1:3]
    kh, kw = weight.shape[:2]
    (top, _), (left, _) = pads((height, width), (kh, kw), stride, padding)
    down = [*_phases(height, dy.shape[1], kh, stride[0], top)]
    across = [*_phases(width, dy.shape[2], kw, stride[1], left)]
    if stride == (1, 1):  # one phase, of all pixels
        return _dx_of_phase(dy, weight, down[0], across[0])
    dx: Array = np.zeros(x_shape, dy.dtype)
    for rows in down:
        for columns in across:
            dx[:, rows.pixels, columns.pixels] = _dx_of_phase(dy, weight, rows, columns)
    return dx


def _dx_of_phase(dy: Array, weight: Array, rows: Phase, columns: Phase) -> Array:
    """Return the gradient of the pixels in these rows and columns: a convolution of `dy`,
    padded.
    """
    n, c, f = len(dy), *weight.shape[2:]
    spread = (rows.length, columns.length)
    at = windows((*spread, f), (rows.taps, columns.taps), (1, 1), "valid")
    part = weight[rows.weights, columns.weights]
    turned = contiguous(part[::-1, ::-1].swapaxes(2, 3)).reshape(-1)
    dx = np.empty((n, at.out[0] * at.out[1], c), dy.dtype)
    run(
        _convolve, dy, turned, np.zeros(c, dy.dtype), at.offsets,
        rows.taps, columns.taps * f, *spread, rows.before, columns.before,
        1, False, dx, NO_WINNER, _threads(dx, part),
    )  # fmt: skip
    return dx.reshape(n, *at.out, c)[:, rows.wanted, columns.wanted]


# ------------------------------------------------------------------ the gradient of the weights


@inner
def load_panel(dy, n, q, panel):
    """Copy columns of dy[n] (pixels, F), those of its panel q, into a panel (pixels, NR)."""
    _, pixels, f = dy.shape
    at = n * pixels * f + q * NR
    move(dy.reshape(-1), at, f, pixels, min(NR, f - q * NR), panel, 0, NR)


@inner
def unpool_panel(dy, winner, n, q, pool, across, width, panel):
    """Return the same for a gradient behind max pooling: each value goes to its winner, the rest is
    0.
    """
    _, pools, f = dy.shape
    flat, winners = dy.reshape(-1), winner.reshape(-1)
    for p in range(pools):
        corner = p // across * pool[0] * width + p % across * pool[1]
        at = (n * pools + p) * f + q * NR
        for i in range(pool[0]):
            for j in range(pool[1]):
                pixel, cell = corner + i * width + j, i * pool[1] + j
                only_where(flat, winners, at, cell, f - q * NR, panel, pixel * NR)


@parallel
def _weight_gradient(
    x, dy, winner, taps, height, width, top, left, out, steps, pool, across, parts, threads
):
    """parts[p, q] (taps, NR): of part p's images and panel q, the sum over all windows."""
    count_parts, count_panels, count_taps, _ = parts.shape
    totals = parts.reshape(-1)
    for t in prange(threads):
        begin, end = share(count_parts * count_panels, t, threads)
        image = np.zeros(height * width * x.shape[3], x.dtype)
        panel = np.zeros(out[0] * out[1] * NR, x.dtype)
        for p in range(begin // count_panels, -(-end // count_panels)):
            start, stop = share(x.shape[0], p, count_parts)
            first = max(begin, p * count_panels)  # two threads may share a part
            last = min(end, (p + 1) * count_panels)
            for n in range(start, stop):
                load_image(x, n, top, left, width, image)
                for item in range(first, last):
                    q = item - p * count_panels
                    if winner.size:
                        unpool_panel(dy, winner, n, q, pool, across, out[1], panel)
                    else:
                        load_panel(dy, n, q, panel)
                    for tap in range(0, count_taps, MR):
                        tile(
                            image, 0, taps, tap, out[0], steps[0], out[1], steps[1],
                            panel, 0, totals, (item * count_taps + tap) * NR, n > start,
                        )  # fmt: skip


def _dweight(
    dy: Array, winner: Array, x: Array, kernel: Pair, stride: Pair, padding: str, pool: Pair
) -> Array:
    """`conv2d_dweight`; with a `winner` (N, pools, F), behind max pooling, by way of all pixels."""
    n, *shape = x.shape
    c, f = shape[2], dy.shape[3]
    at = windows(tuple(shape), kernel, stride, padding)
    i, j, k = np.ogrid[: kernel[0], : kernel[1], :c]
    taps = ((i * at.width + j) * c + k).reshape(-1)
    sums = (part_count(n, panels(f)), panels(f), len(taps) + -len(taps) % MR, NR)
    parts = np.empty(sums, x.dtype) if n else np.zeros(sums, x.dtype)  # a first image overwrites
    run(
        _weight_gradient, contiguous(x), contiguous(dy).reshape(n, -1, f),
        winner, np.concatenate([taps, np.zeros(MR, np.int64)]),
        at.height, at.width, at.top, at.left, at.out, at.steps,
        pool, dy.shape[2], parts, thread_count(len(parts) * panels(f)),
    )  # fmt: skip
    total = parts.sum(axis=0)[:, : len(taps)]
    return total.swapaxes(0, 1).reshape(len(taps), -1)[:, :f].reshape(*kernel, c, f)


@checked
def conv2d_dweight(
    dy: Array, x: Array, kernel: Pair, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d_dweight`."""
    return _dweight(dy, NO_WINNER, x, kernel, stride, padding, (1, 1))

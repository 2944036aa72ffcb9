"""The matrix product: in tiles, or row by row where most of the left side is zero."""

import numpy as np
from numba import prange
from numba.extending import register_jitable

from minicnn.kernels import reference
from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    inner,
    parallel,
    product_threads,
    run,
    share,
    thread_count,
)
from minicnn.kernels.fast.simd import (
    BAND,
    MR,
    NR,
    SPAN,
    copy_run,
    gather,
    gather_band,
    keep_largest,
    move,
    tile,
)

DEPTH = 384
"""Products summed before a tile is put aside: that much of a panel, 24 kB, stays in the cache."""

FEW_PRODUCTS = 200_000
"""Fewer multiplications than this NumPy has done before a panel is packed, in a single thread."""

FEW_ROWS = 64
"""Rows of b that are laid out in bands of BAND columns: 28 kB of a band, for the first cache."""

FEW = 0.4
"""Share of elements that are not 0 up to which visiting only those is faster; measured."""

NO_WINNER = np.empty((0, 0, 0), np.int32)
"""For `keep_largest` where nothing is pooled."""


@register_jitable
def panels(columns: int) -> int:
    """How many panels of NR columns there are, the last perhaps not full."""
    return -(-columns // NR)


@inner
def pack_panel(flat, first, row_step, column_step, depth, count, panel, at):
    """Copy `count` columns of a matrix side by side: to row k of the panel, NR apart, from `at`."""
    if column_step == 1:
        move(flat, first, row_step, depth, count, panel, at, NR)
    else:
        for j in range(count):
            for k in range(depth):
                panel[at + k * NR + j] = flat[first + k * row_step + j * column_step]


def _flat(matrix: Array) -> tuple[Array, int, int]:
    """Return the elements in a row, and the strides between the matrix's rows and columns in it."""
    if matrix.T.flags.c_contiguous:
        return contiguous(matrix.T).reshape(-1), 1, len(matrix)
    return contiguous(matrix).reshape(-1), matrix.shape[1], 1


@parallel
def _multiply(a, row_step, step, b, b_row_step, b_step, depth, bias, relu, y, threads):
    """In tiles, panel by panel of b; a thread's share may end in the middle of a panel."""
    rows, columns = y.shape
    tiles, flat = -(-rows // MR), y.reshape(-1)
    places, biases = np.zeros(tiles * MR, np.int64), np.zeros(panels(columns) * NR, y.dtype)
    for i in range(rows):
        places[i] = i * row_step
    copy_run(bias, 0, columns, biases, 0)
    for t in prange(threads):
        start, stop = share(panels(columns) * tiles, t, threads)
        panel, block = np.zeros(depth * NR, y.dtype), np.empty(tiles * MR * NR, y.dtype)
        for q in range(start // tiles, -(-stop // tiles)):
            left = columns - q * NR
            if left < NR:
                panel[:] = 0
            pack_panel(b, q * NR * b_step, b_row_step, b_step, depth, min(NR, left), panel, 0)
            first, last = max(start - q * tiles, 0) * MR, min(stop - q * tiles, tiles) * MR
            for k in range(0, depth, DEPTH):
                for i in range(first, last, MR):
                    tile(
                        a, k * step, places, i, 1, 0, min(DEPTH, depth - k), step,
                        panel, k * NR, block, i * NR, k,
                    )  # fmt: skip
            keep_largest(
                block, first * NR, min(last, rows) - first, 1, biases, q * NR, relu, left,
                flat, NO_WINNER, first * columns + q * NR, columns,
            )  # fmt: skip


@inner
def list_nonzero(a, at, step, count, width, places, values, found):
    """Append the values that are not 0, and which rows of `width` they are for; the list's end."""
    # Unsigned: an index that might be negative, counted from the end, takes half as long again.
    source, place, last = np.uint64(at), np.uint64(0), np.uint64(found)
    for _ in range(count):
        value = a[source]
        places[last], values[last] = place, value
        source, place = source + np.uint64(step), place + np.uint64(width)
        last += np.uint64(value != 0)
    return np.int64(last)


@inner
def raise_to_zero(sums):
    """ReLU in place."""
    zero = sums.dtype.type(0)
    for j in range(sums.size):
        sums[j] = zero if sums[j] <= zero else sums[j]  # so that NaN stays NaN


@parallel
def _multiply_nonzero(a, row_step, step, b, bias, relu, y, threads):
    """Row i of y is a sum over rows of b; those that a[i] would multiply by 0 are not visited."""
    depth, columns = b.shape
    weights, sums = b.reshape(-1), y.reshape(-1)
    for t in prange(threads):
        start, stop = share(y.shape[0], t, threads)
        ends = np.zeros(stop - start + 1, np.int64)
        places = np.empty((stop - start) * FEW_ROWS + 1, np.int64)
        values = np.empty(places.size, a.dtype)
        bands = -(-columns // BAND)
        pieces = np.zeros(bands * FEW_ROWS * BAND, b.dtype)
        for first in range(0, depth, FEW_ROWS):
            rows = min(FEW_ROWS, depth - first)
            for k in range(rows):
                for q in range(bands):
                    column = min(q * BAND, columns - BAND)  # the last band overlaps the one before:
                    done = q * BAND - column if first else 0  # the same sums, then nothing is added
                    at, goal = (first + k) * columns + column, (q * FEW_ROWS + k) * BAND
                    pieces[goal : goal + done] = 0
                    copy_run(weights, at + done, BAND - done, pieces, goal + done)
            for i in range(start, stop):
                at, end = i * row_step + first * step, ends[i - start]
                end = list_nonzero(a, at, step, rows, BAND, places, values, end)
                ends[i - start + 1] = end
            for q in range(bands):
                piece, column = q * FEW_ROWS * BAND, min(q * BAND, columns - BAND)
                for i in range(start, stop):
                    begin, end, at = ends[i - start], ends[i - start + 1], i * columns + column
                    before, from_there = (sums, at) if first else (bias, column)
                    gather_band(
                        pieces, piece, places, values, begin, end - begin,
                        before, from_there, sums, at,
                    )  # fmt: skip
        if relu:
            raise_to_zero(sums[start * columns : stop * columns])


@parallel
def _multiply_few_rows(a, row_step, step, b, bias, relu, y, threads):
    """For so few rows that b is read only once or twice: straight from where it lies."""
    depth, columns = b.shape
    weights, flat = b.reshape(-1), y.reshape(-1)
    for t in prange(threads):
        start, stop = share(-(-columns // SPAN), t, threads)
        places = np.empty(depth + 1, np.int64)
        values = np.empty(depth + 1, a.dtype)
        sums = np.empty(SPAN, a.dtype)
        for i in range(y.shape[0]):
            count = list_nonzero(a, i * row_step, step, depth, columns, places, values, 0)
            for piece in range(start, stop):
                column = min(piece * SPAN, columns - SPAN)  # the last may overlap the one before
                copy_run(bias, column, SPAN, sums, 0)
                for first in range(0, count, FEW_ROWS):
                    some = min(FEW_ROWS, count - first)
                    gather(weights, column, places, values, first, some, sums, 0, sums, 0)
                if relu:
                    raise_to_zero(sums)
                copy_run(sums, 0, SPAN, flat, i * columns + column)


def _product(a: Array, b: Array, bias: Array, relu: bool) -> Array:
    """Compute ``a @ b + bias``, with ReLU if asked for."""
    m, n = len(a), b.shape[1]
    few_rows = m < 4 * MR and n >= SPAN
    if m * b.size < FEW_PRODUCTS and not few_rows:
        y = a @ b + bias
        return reference.relu(y) if relu else y
    flat, row_step, step = _flat(a)
    y = np.empty((m, n), a.dtype)
    after = (contiguous(bias), relu, y)
    if few_rows:
        threads = product_threads(m * b.size // 4, n)
        run(_multiply_few_rows, flat, row_step, step, contiguous(b), *after, threads)
    elif n >= 2 * BAND and _mostly_zero(flat):
        run(_multiply_nonzero, flat, row_step, step, contiguous(b), *after, thread_count(m))
    else:
        threads = product_threads(m * b.size, panels(n) * -(-m // MR))
        run(_multiply, flat, row_step, step, *_flat(b), len(b), *after, threads)
    return y


def _mostly_zero(flat: Array) -> bool:
    """Whether so many elements are 0 that passing over them pays, judged by some thousand."""
    some = flat[:: flat.size // 2048 | 1]
    return bool(np.count_nonzero(some) < FEW * some.size)


@checked
def matmul(a: Array, b: Array) -> Array:
    """See `reference.matmul`.

    A zero in `a` may be passed over, as in a digit's picture, four fifths of which is paper: then
    it hides a NaN or infinity that it would be multiplied by in `b`.
    """
    return _product(a, b, np.zeros(b.shape[1], a.dtype), False)


@checked
def dense(x: Array, weight: Array, bias: Array) -> Array:
    """See `reference.dense`."""
    return _product(x, weight, bias, False)


@checked
def dense_relu(x: Array, weight: Array, bias: Array) -> Array:
    """See `reference.dense_relu`: bias and ReLU are applied while the sums are in the cache."""
    return _product(x, weight, bias, True)


@checked
def dense_dx(dy: Array, weight: Array) -> Array:
    """See `reference.dense_dx`."""
    return matmul(dy, weight.T)


@checked
def dense_dweight(dy: Array, x: Array) -> Array:
    """See `reference.dense_dweight`."""
    return matmul(x.T, dy)

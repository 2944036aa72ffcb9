"""The matrix product, in tiles."""

import numpy as np
from numba import prange

from minicnn.kernels.fast.parallel import Array, contiguous, parallel, run, share, thread_count
from minicnn.kernels.fast.simd import MR, NR, move, tile

DEPTH = 384
"""Products summed before a tile is put aside: that much of a panel, 24 kB, stays in the cache."""


def panels(columns: int) -> int:
    """How many panels of NR columns there are, the last perhaps not full."""
    return -(-columns // NR)


@parallel
def _pack(flat, row_step, column_step, columns, packed, threads):
    _, depth, _ = packed.shape
    goal = packed.reshape(-1)
    for t in prange(threads):
        start, stop = share(packed.shape[0], t, threads)
        for q in range(start, stop):
            count = min(NR, columns - q * NR)
            if column_step == 1:
                move(flat, q * NR, row_step, depth, count, goal, q * depth * NR, NR)
            else:
                for j in range(count):
                    for k in range(depth):
                        packed[q, k, j] = flat[k * row_step + (q * NR + j) * column_step]


def pack(b: Array) -> Array:
    """(K, N) -> (panels, K, NR): each panel's columns side by side, zeros where there are none."""
    flat, row_step, column_step = _flat(b)
    packed = np.zeros((panels(b.shape[1]), len(b), NR), b.dtype)
    run(_pack, flat, row_step, column_step, b.shape[1], packed, thread_count(len(packed)))
    return packed


def _flat(matrix: Array) -> tuple[Array, int, int]:
    """The elements in a row, and how far apart the matrix's rows and columns lie in it."""
    if matrix.T.flags.c_contiguous:
        return matrix.T.reshape(-1), 1, len(matrix)
    return contiguous(matrix).reshape(-1), matrix.shape[1], 1


@parallel
def _matmul(a, rows, step, b, y, threads):
    columns, depth = y.shape[1], b.shape[1]
    panel, flat = b.reshape(-1), y.reshape(-1)
    tiles = rows.size // MR
    for t in prange(threads):
        start, stop = share(tiles, t, threads)
        first, last = start * MR, min(stop * MR, y.shape[0])
        block = np.empty((stop - start) * MR * NR, y.dtype)
        for q in range(b.shape[0]):
            for k in range(0, depth, DEPTH):
                for i in range(start * MR, stop * MR, MR):
                    tile(
                        a, k * step, rows, i, 1, 0, min(DEPTH, depth - k), step,
                        panel, (q * depth + k) * NR, block, (i - first) * NR, k,
                    )  # fmt: skip
            at = first * columns + q * NR
            move(block, 0, NR, last - first, min(NR, columns - q * NR), flat, at, columns)


def matmul(a: Array, b: Array) -> Array:
    """See `reference.matmul`. Few rows are left to NumPy: packing `b` would not pay."""
    m, n = len(a), b.shape[1]
    if m < 4 * MR or a.dtype != b.dtype:
        return a @ b
    flat, row_step, step = _flat(a)
    rows = np.concatenate([np.arange(m) * row_step, np.zeros(-m % MR, np.int64)])
    y = np.empty((m, n), a.dtype)
    run(_matmul, flat, rows, step, pack(b), y, thread_count(rows.size // MR))
    return y

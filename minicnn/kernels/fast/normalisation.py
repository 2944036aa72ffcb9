"""Batch normalisation in as few passes over memory as there can be."""

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    inner,
    parallel,
    part_count,
    run,
    share,
    worth_threads,
)

BLOCK = 64
"""Rows that are summed up by themselves, so that long sums stay exact."""


def _rows(x: Array) -> Array:
    """(..., C) -> (all else, C)."""
    return contiguous(x).reshape(-1, x.shape[-1])


@inner
def merge(count, mean, squares, more, mean_of_more, squares_of_more):
    """Take `more` numbers into the mean, and the sum of squares around it, of `count` others.

    T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance", The
    American Statistician 37 (1983), 242-247: nothing is cancelled, however far the mean is from 0.
    """
    for c in range(mean.size):
        apart = mean_of_more[c] - mean[c]
        mean[c] += apart * more / (count + more)
        squares[c] += squares_of_more[c] + apart * apart * count * more / (count + more)


@parallel
def _moments(rows, means, squares, threads):
    """means[0] (C,) of all rows, squares[0] the sum of squares around it; float64.

    Part p's rows are taken into means[p] and squares[p], and those in turn into the first.
    """
    count, channels = rows.shape
    parts = means.shape[0]
    for t in prange(threads):
        first_part, last_part = share(parts, t, threads)
        total, around = np.empty(channels, rows.dtype), np.empty(channels, rows.dtype)
        for p in range(first_part, last_part):
            start, stop = share(count, p, parts)
            for first in range(start, stop, BLOCK):
                last = min(first + BLOCK, stop)
                total[:], around[:] = 0, 0
                for r in range(first, last):
                    for c in range(total.size):
                        total[c] += rows[r, c]
                for c in range(total.size):
                    total[c] /= last - first
                for r in range(first, last):  # from the cache
                    for c in range(total.size):
                        away = rows[r, c] - total[c]
                        around[c] += away * away
                merge(first - start, means[p], squares[p], last - first, total, around)
    for p in range(1, parts):
        start, stop = share(count, p, parts)
        merge(start, means[0], squares[0], stop - start, means[p], squares[p])


@checked
def moments(x: Array) -> tuple[Array, Array]:
    """See `reference.moments`."""
    rows = _rows(x)
    means, squares = np.zeros((2, _part_count(rows), rows.shape[1]))
    run(_moments, rows, means, squares, min(len(means), worth_threads(rows.size)))
    return means[0].astype(x.dtype), (squares[0] / len(rows)).astype(x.dtype)


def _part_count(rows: Array) -> int:
    """Of how many partial sums, of a block of rows at least, a sum over rows is made."""
    return part_count(-(-len(rows) // BLOCK))


def _scale(gamma: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """``1 / deviation`` and ``gamma / deviation``: forward and back by the same bits."""
    inverse = 1 / np.sqrt(variance + epsilon)
    return inverse, gamma * inverse


@parallel
def _batch_norm(rows, mean, scale, beta, floor, y, threads):
    """``y = max((x - mean) * scale + beta, floor)``: with ReLU if the floor is 0."""
    for t in prange(threads):
        start, stop = share(rows.shape[0], t, threads)
        for r in range(start, stop):
            for c in range(mean.size):
                value = (rows[r, c] - mean[c]) * scale[c] + beta[c]
                y[r, c] = floor if value <= floor else value  # so that NaN stays NaN


def _normalised(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    floor: float,
) -> Array:
    rows, y = _rows(x), np.empty(x.shape, x.dtype)
    _, scale = _scale(gamma, variance, epsilon)
    constants = (contiguous(mean), scale, contiguous(beta), x.dtype.type(floor))
    run(_batch_norm, rows, *constants, y.reshape(rows.shape), worth_threads(x.size))
    return y


@checked
def batch_norm(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    """See `reference.batch_norm`."""
    return _normalised(x, gamma, beta, mean, variance, epsilon, -np.inf)


@checked
def batch_norm_relu(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    """See `reference.batch_norm_relu`."""
    return _normalised(x, gamma, beta, mean, variance, epsilon, 0.0)


@parallel
def _sums_of_gradients(dy, rows, mean, inverse, scale, beta, floor, dgammas, dbetas, threads):
    """Of each part's rows: dgammas[p] (C,), the sum of dy times normal x, and dbetas[p] of dy.

    With a `floor` a dy whose result was not above it counts as 0. To compute the result again takes
    less time than to read it from memory.
    """
    parts = dgammas.shape[0]
    for t in prange(threads):
        first_part, last_part = share(parts, t, threads)
        dgamma, dbeta = np.empty(mean.size, rows.dtype), np.empty(mean.size, rows.dtype)
        zero = rows.dtype.type(0)
        for p in range(first_part, last_part):
            start, stop = share(rows.shape[0], p, parts)
            for first in range(start, stop, BLOCK):
                dgamma[:], dbeta[:] = 0, 0
                for r in range(first, min(first + BLOCK, stop)):
                    for c in range(dgamma.size):
                        away = rows[r, c] - mean[c]
                        d = dy[r, c]
                        if floor is not None:
                            d = d if away * scale[c] + beta[c] > floor else zero
                        dgamma[c] += d * (away * inverse[c])
                        dbeta[c] += d
                for c in range(dgamma.size):
                    dgammas[p, c] += dgamma[c]
                    dbetas[p, c] += dbeta[c]


@parallel
def _batch_norm_dx(dy, rows, mean, inverse, scale, beta, floor, dgamma, dbeta, dx, threads):
    """``dx = scale * (dy - dbeta - normal * dgamma)``, the sums divided by their count already."""
    for t in prange(threads):
        start, stop = share(rows.shape[0], t, threads)
        zero = rows.dtype.type(0)
        for r in range(start, stop):
            for c in range(mean.size):
                away = rows[r, c] - mean[c]
                d = dy[r, c]
                if floor is not None:
                    d = d if away * scale[c] + beta[c] > floor else zero
                dx[r, c] = scale[c] * (d - (dbeta[c] + away * inverse[c] * dgamma[c]))


@checked
def batch_norm_vjp(
    dy: Array, x: Array, gamma: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """See `reference.batch_norm_vjp`."""
    return _vjp(dy, x, gamma, np.zeros_like(gamma), mean, variance, epsilon, None)


@checked
def batch_norm_relu_vjp(
    dy: Array, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """See `reference.batch_norm_relu_vjp`."""
    return _vjp(dy, x, gamma, beta, mean, variance, epsilon, 0.0)


def _vjp(
    dy: Array,
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    floor: float | None,
) -> tuple[Array, Array, Array]:
    rows, gradient, dtype = _rows(x), _rows(dy), x.dtype
    constants = (contiguous(mean), *_scale(gamma, variance, epsilon), contiguous(beta), floor)
    threads = worth_threads(x.size)
    dgammas, dbetas = np.zeros((2, _part_count(rows), mean.size))
    sums = (dgammas, dbetas, min(len(dgammas), threads))
    run(_sums_of_gradients, gradient, rows, *constants, *sums)
    dgamma, dbeta = dgammas.sum(axis=0), dbetas.sum(axis=0)
    dx = np.empty(x.shape, dtype)
    means = ((total / len(rows)).astype(dtype) for total in (dgamma, dbeta))
    run(_batch_norm_dx, gradient, rows, *constants, *means, dx.reshape(rows.shape), threads)
    return dx, dgamma.astype(dtype), dbeta.astype(dtype)

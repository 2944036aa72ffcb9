"""What is done to each number by itself: activations, bias gradients, optimizer steps."""

import numpy as np
from numba import prange

from minicnn.kernels.fast.parallel import Array, contiguous, parallel, run, share, thread_count

PIECE = 4096
"""Fewer elements than this are not worth a second thread."""


def _threads(size: int) -> int:
    return thread_count(max(1, size // PIECE))


@parallel
def _relu(x, y, threads):
    for t in prange(threads):
        start, stop = share(x.size, t, threads)
        for i in range(start, stop):
            y[i] = 0 if x[i] <= 0 else x[i]  # so that NaN stays NaN


@parallel
def _relu_vjp(dy, y, dx, threads):
    for t in prange(threads):
        start, stop = share(y.size, t, threads)
        for i in range(start, stop):
            dx[i] = dy[i] if y[i] > 0 else 0


def relu(x: Array) -> Array:
    """See `reference.relu`."""
    y = np.empty(x.shape, x.dtype)
    run(_relu, contiguous(x).reshape(-1), y.reshape(-1), _threads(x.size))
    return y


def relu_vjp(dy: Array, y: Array) -> Array:
    """See `reference.relu_vjp`."""
    dx = np.empty(y.shape, dy.dtype)
    flat = (contiguous(dy).reshape(-1), contiguous(y).reshape(-1), dx.reshape(-1))
    run(_relu_vjp, *flat, _threads(y.size))
    return dx


@parallel
def _dropout_mask(uniform, rate, scale, mask, threads):
    for t in prange(threads):
        start, stop = share(mask.size, t, threads)
        for i in range(start, stop):
            mask[i] = scale if uniform[i] >= rate else 0


def dropout_mask(
    rng: np.random.Generator, shape: tuple[int, ...], rate: float, dtype: type = np.float32
) -> Array:
    """See `reference.dropout_mask`: the same random numbers, the same mask."""
    mask: Array = np.empty(shape, dtype)
    uniform = rng.random(mask.size, dtype=np.float32)
    scale = dtype(1) / dtype(1 - rate)
    run(_dropout_mask, uniform, np.float32(rate), scale, mask.reshape(-1), _threads(mask.size))
    return mask


@parallel
def _sum_rows(rows, parts, threads):
    for t in prange(threads):
        start, stop = share(rows.shape[0], t, threads)
        for row in range(start, stop):
            for f in range(rows.shape[1]):
                parts[t, f] += rows[row, f]


def conv2d_dbias(dy: Array) -> Array:
    """See `reference.conv2d_dbias`."""
    parts = np.zeros((_threads(dy.size), dy.shape[-1]), dy.dtype)
    run(_sum_rows, contiguous(dy).reshape(-1, dy.shape[-1]), parts, len(parts))
    return parts.sum(axis=0)


@parallel
def _adam_step(weight, grad, m, v, rate, share1, share2, epsilon, threads):
    for t in prange(threads):
        start, stop = share(weight.size, t, threads)
        for i in range(start, stop):
            m[i] += share1 * (grad[i] - m[i])
            v[i] += share2 * (grad[i] * grad[i] - v[i])
            weight[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)


def adam_step(
    weight: Array,
    grad: Array,
    m: Array,
    v: Array,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """See `reference.adam_step`: one pass over memory instead of ten."""
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    flat = (weight.reshape(-1), contiguous(grad).reshape(-1), m.reshape(-1), v.reshape(-1))
    numbers = (weight.dtype.type(x) for x in (rate, 1 - beta1, 1 - beta2, epsilon))
    run(_adam_step, *flat, *numbers, _threads(weight.size))

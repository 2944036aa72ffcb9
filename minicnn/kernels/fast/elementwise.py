"""What is done to each number by itself: activations, bias gradients, optimizer steps."""

import numpy as np
from numba import prange

from minicnn.kernels import reference
from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    parallel,
    part_count,
    run,
    share,
    worth_threads,
)

# The loops run over slices from 0 on: with an index that might be negative LLVM uses no vectors.


@parallel
def _relu(x, y, threads):
    for t in prange(threads):
        start, stop = share(x.size, t, threads)
        mine, out, zero = x[start:stop], y[start:stop], x.dtype.type(0)
        for i in range(mine.size):
            out[i] = zero if mine[i] <= zero else mine[i]  # so that NaN stays NaN


@parallel
def _relu_vjp(dy, y, dx, threads):
    for t in prange(threads):
        start, stop = share(y.size, t, threads)
        mine, gradient, out = y[start:stop], dy[start:stop], dx[start:stop]
        zero = y.dtype.type(0)
        for i in range(mine.size):
            out[i] = gradient[i] if mine[i] > zero else zero


@checked
def relu(x: Array) -> Array:
    """See `reference.relu`."""
    y = np.empty(x.shape, x.dtype)
    run(_relu, contiguous(x).reshape(-1), y.reshape(-1), worth_threads(x.size))
    return y


@checked
def relu_vjp(dy: Array, y: Array) -> Array:
    """See `reference.relu_vjp`."""
    dx = np.empty(y.shape, dy.dtype)
    flat = (contiguous(dy).reshape(-1), contiguous(y).reshape(-1), dx.reshape(-1))
    run(_relu_vjp, *flat, worth_threads(y.size))
    return dx


@parallel
def _dropout_mask(uniform, rate, scale, mask, threads):
    for t in prange(threads):
        start, stop = share(mask.size, t, threads)
        drawn, out, zero = uniform[start:stop], mask[start:stop], mask.dtype.type(0)
        for i in range(drawn.size):
            out[i] = scale if drawn[i] >= rate else zero


@checked
def dropout_mask(
    rng: np.random.Generator, shape: tuple[int, ...], rate: float, dtype: type = np.float32
) -> Array:
    """See `reference.dropout_mask`: the same random numbers, the same mask."""
    mask: Array = np.empty(shape, dtype)
    uniform = rng.random(mask.size, dtype=np.float32)
    scale = dtype(1) / dtype(1 - rate)
    run(_dropout_mask, uniform, np.float32(rate), scale, mask.reshape(-1), worth_threads(mask.size))
    return mask


@parallel
def _sum_pixels(images, parts, threads):
    """parts[p] (F,) of part p's images, in float64, so that long sums stay exact."""
    for t in prange(threads):
        first, last = share(parts.shape[0], t, threads)
        for p in range(first, last):
            start, stop = share(images.shape[0], p, parts.shape[0])
            total = parts[p]
            for n in range(start, stop):
                for row in range(images.shape[1]):
                    for f in range(total.size):
                        total[f] += images[n, row, f]


@checked
def conv2d_dbias(dy: Array) -> Array:
    """See `reference.conv2d_dbias`."""
    parts = np.zeros((part_count(len(dy)), dy.shape[-1]))
    threads = min(len(parts), worth_threads(dy.size))
    run(_sum_pixels, contiguous(dy).reshape(len(dy), -1, dy.shape[-1]), parts, threads)
    return parts.sum(axis=0).astype(dy.dtype)


def _in_a_row(*arrays: Array) -> bool:
    """Whether the arrays can be changed in place as one row; a copy would take the changes."""
    return all(a.flags.carray for a in arrays)  # aligned, too


@parallel
def _sgd_step(weight, grad, velocity, lr, momentum, look_ahead, threads):
    for t in prange(threads):
        start, stop = share(weight.size, t, threads)
        w, g, v = weight[start:stop], grad[start:stop], velocity[start:stop]
        for i in range(w.size):
            v[i] = momentum * v[i] - lr * g[i]
            w[i] += momentum * v[i] - lr * g[i] if look_ahead else v[i]


@checked
def sgd_step(
    weight: Array, grad: Array, velocity: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """See `reference.sgd_step`: one pass over memory instead of five."""
    if not _in_a_row(weight, velocity):
        reference.sgd_step(weight, grad, velocity, lr, momentum, nesterov)
        return
    flat = (weight.reshape(-1), contiguous(grad).reshape(-1), velocity.reshape(-1))
    numbers = (weight.dtype.type(lr), weight.dtype.type(momentum), nesterov)
    run(_sgd_step, *flat, *numbers, worth_threads(weight.size))


@parallel
def _adam_step(weight, grad, m, v, rate, share1, share2, epsilon, threads):
    for t in prange(threads):
        start, stop = share(weight.size, t, threads)
        w, g, mean, square = weight[start:stop], grad[start:stop], m[start:stop], v[start:stop]
        for i in range(w.size):
            mean[i] += share1 * (g[i] - mean[i])
            square[i] += share2 * (g[i] * g[i] - square[i])
            w[i] -= rate * mean[i] / (np.sqrt(square[i]) + epsilon)


@checked
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
    if not _in_a_row(weight, m, v):
        reference.adam_step(weight, grad, m, v, step, lr, beta1, beta2, epsilon)
        return
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    flat = (weight.reshape(-1), contiguous(grad).reshape(-1), m.reshape(-1), v.reshape(-1))
    numbers = (weight.dtype.type(x) for x in (rate, 1 - beta1, 1 - beta2, epsilon))
    run(_adam_step, *flat, *numbers, worth_threads(weight.size))

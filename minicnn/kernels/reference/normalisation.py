"""Batch normalisation and its gradients."""

import numpy as np

from minicnn.kernels.geometry import Array


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and (biased) variance of each channel, (..., C) -> (C,), (C,)."""
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = (f(axis=0, dtype=np.float64) for f in (rows.mean, rows.var))
    return mean.astype(x.dtype), variance.astype(x.dtype)


def batch_norm(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` by channel, any shape (..., C)."""
    scale = gamma / np.sqrt(variance + epsilon)
    return ((x - mean) * scale + beta).astype(x.dtype)


def batch_norm_vjp(
    dy: Array, x: Array, gamma: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) where `mean` and `variance` are those of `x` itself.

    Ioffe and Szegedy, 2015 (arXiv:1502.03167), section 3: as x moves, its own mean and variance
    move along, so the parts of dy that only shift or stretch the batch cancel.
    """
    axes = tuple(range(x.ndim - 1))
    inverse = (1 / np.sqrt(variance + epsilon)).astype(x.dtype)
    normal = (x - mean) * inverse
    dgamma, dbeta = (g.sum(axis=axes, dtype=np.float64) for g in (dy * normal, dy))
    count = x.size // x.shape[-1]
    dx = gamma * inverse * (dy - (dbeta + normal * dgamma) / count)
    return dx.astype(x.dtype), dgamma.astype(x.dtype), dbeta.astype(x.dtype)

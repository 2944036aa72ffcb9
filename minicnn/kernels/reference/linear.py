"""The matrix product, the dense layer made of it, and its gradients."""

import numpy as np

from minicnn.kernels.geometry import Array


def matmul(a: Array, b: Array) -> Array:
    """Multiply the matrices (M, K) @ (K, N) -> (M, N)."""
    return a @ b


def dense(x: Array, weight: Array, bias: Array) -> Array:
    """Every output is a weighted sum of all inputs plus a bias: (N, I) @ (I, U) -> (N, U)."""
    return matmul(x, weight) + bias


def dense_dx(dy: Array, weight: Array) -> Array:
    """Return the gradient of the input, (N, I): each input went into every output by its weight."""
    return matmul(dy, weight.T)


def dense_dweight(dy: Array, x: Array) -> Array:
    """Return the gradient of the weight, (I, U): each input times what came of it, summed over
    N.
    """
    return matmul(x.T, dy)


def dense_dbias(dy: Array) -> Array:
    """Return the gradient of the bias, (U,): it was added to every row."""
    return dy.sum(axis=0, dtype=np.float64).astype(dy.dtype)  # a long sum loses digits

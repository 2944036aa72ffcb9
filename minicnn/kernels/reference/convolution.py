"""Convolution as one matrix product of windows and kernels, and its gradients."""

import numpy as np

from minicnn.kernels.geometry import Array, Pair, Shape
from minicnn.kernels.reference.windows import col2im, im2col


def conv2d(
    x: Array,
    weight: Array,
    bias: Array,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """Cross-correlate and add the bias: (N, H, W, C) * (KH, KW, C, F) -> (N, OH, OW, F)."""
    cols = im2col(x, weight.shape[:2], stride, padding)
    k, f = cols.shape[-1], weight.shape[-1]
    y = cols.reshape(-1, k) @ weight.reshape(k, f) + bias
    return y.reshape(*cols.shape[:3], f)


def conv2d_dweight(
    dy: Array,
    x: Array,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """Return the gradient of the kernels, (KH, KW, C, F): each window times what came of it,
    summed.
    """
    cols = im2col(x, kernel, stride, padding)
    k, f = cols.shape[-1], dy.shape[-1]
    dweight = cols.reshape(-1, k).T @ dy.reshape(-1, f)
    return dweight.reshape(*kernel, x.shape[-1], f)


def conv2d_dx(
    dy: Array,
    weight: Array,
    x_shape: Shape,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """Return the gradient of the input, (N, H, W, C): the windows' shares, summed where they
    overlap.
    """
    f = dy.shape[-1]
    dcols = dy.reshape(-1, f) @ weight.reshape(-1, f).T
    dcols = dcols.reshape(*dy.shape[:3], dcols.shape[1])
    return col2im(dcols, x_shape, weight.shape[:2], stride, padding)


def conv2d_dbias(dy: Array) -> Array:
    """Return the gradient of the bias, (F,): it was added to every output of its kernel."""
    return dy.sum(axis=(0, 1, 2), dtype=np.float64).astype(dy.dtype)  # a long sum loses digits

"""Windows of an image laid out as the rows of a matrix, and back."""

from collections.abc import Iterator

import numpy as np

from minicnn.kernels.geometry import Array, Pair, Shape, out_size, pads


def pad(x: Array, kernel: Pair, stride: Pair, padding: str, fill: float = 0.0) -> Array:
    """Surround (N, H, W, C) with `fill` as the padding rule asks."""
    rows, columns = pads(x.shape[1:3], kernel, stride, padding)
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=fill)


def cells(padded: Array, kernel: Pair, stride: Pair, out: Pair) -> Iterator[Array]:
    """For each cell of the window, row by row, a view of all that lies under it: (N, OH, OW, C)."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i, i + stride[0] * out[0], stride[0])
            columns = slice(j, j + stride[1] * out[1], stride[1])
            yield padded[:, rows, columns]


def im2col(x: Array, kernel: Pair, stride: Pair = (1, 1), padding: str = "valid") -> Array:
    """Lay every window of `x` out flat: (N, H, W, C) -> (N, OH, OW, KH*KW*C).

    Cell (i, j), channel c of a window goes to column ``(i * KW + j) * C + c``, the order of
    ``weight.reshape(KH * KW * C, F)``, so that a convolution becomes one matrix product.

    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> im2col(x, (2, 2))[0, 0, 1]
    array([1., 2., 4., 5.])
    """
    n, height, width, c = x.shape
    out = out_size((height, width), kernel, stride, padding)
    cols = np.empty((n, *out, kernel[0] * kernel[1], c), x.dtype)
    padded = pad(x, kernel, stride, padding)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cols[:, :, :, k] = cell
    return cols.reshape(n, *out, kernel[0] * kernel[1] * c)


def col2im(
    cols: Array,
    x_shape: Shape,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """Apply the transpose of `im2col`: (N, OH, OW, KH*KW*C) -> (N, H, W, C).

    A pixel was copied into every window that covers it, so its gradient is the *sum* over them.

    >>> col2im(np.ones((1, 2, 2, 4)), (1, 3, 3, 1), (2, 2))[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    n, height, width, c = x_shape
    out = out_size((height, width), kernel, stride, padding)
    (top, bottom), (left, right) = pads((height, width), kernel, stride, padding)
    padded = np.zeros((n, top + height + bottom, left + width + right, c), cols.dtype)
    cols = cols.reshape(n, *out, kernel[0] * kernel[1], c)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cell += cols[:, :, :, k]
    return padded[:, top : top + height, left : left + width]

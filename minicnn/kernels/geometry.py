"""How many windows fit, and how much is padded: the arithmetic that all window kernels share.

The rules are those of Keras (TensorFlow): with "valid" padding only windows that lie wholly inside
the input count; with "same" padding the input is padded with the fewest cells that give
``ceil(size / stride)`` windows, the odd cell at the end.
"""

import numpy as np

from minicnn.errors import ShapeError, UnknownNameError

Array = np.ndarray
Pair = tuple[int, int]
Shape = tuple[int, int, int, int]


def pad_amounts(size: int, kernel: int, stride: int, padding: str) -> Pair:
    """How many cells to add before and after an axis.

    >>> pad_amounts(28, 3, 1, "same"), pad_amounts(28, 3, 2, "same"), pad_amounts(28, 3, 1, "valid")
    ((1, 1), (0, 1), (0, 0))
    """
    if padding == "valid":
        return 0, 0
    if padding == "same":
        windows = -(-size // stride)
        total = max((windows - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2
    raise UnknownNameError("padding", str(padding), ["valid", "same"])


def window_count(size: int, kernel: int, stride: int, padding: str, axis: str = "rows") -> int:
    """How many windows fit along an axis; a `ShapeError` with the arithmetic if none does.

    >>> window_count(28, 3, 1, "valid"), window_count(28, 3, 2, "same")
    (26, 14)
    >>> window_count(2, 3, 1, "valid")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: an input with 2 rows is smaller than the window of 3: \
(2 - 3) // 1 + 1 = 0 rows
    """
    padded = size + sum(pad_amounts(size, kernel, stride, padding))
    count = (padded - kernel) // stride + 1
    if count < 1 or size < 1:
        raise ShapeError(
            f"an input with {size} {axis} is smaller than the window of {kernel}: "
            f"({padded} - {kernel}) // {stride} + 1 = {count} {axis}"
        )
    return count


def out_size(image: Pair, kernel: Pair, stride: Pair, padding: str) -> Pair:
    """(OH, OW) for an image of (H, W).

    >>> out_size((28, 28), (3, 3), (1, 1), "valid")
    (26, 26)
    """
    return (
        window_count(image[0], kernel[0], stride[0], padding, "rows"),
        window_count(image[1], kernel[1], stride[1], padding, "columns"),
    )


def pads(image: Pair, kernel: Pair, stride: Pair, padding: str) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) for an image of (H, W)."""
    return (
        pad_amounts(image[0], kernel[0], stride[0], padding),
        pad_amounts(image[1], kernel[1], stride[1], padding),
    )

"""What is done to each number by itself."""

import numpy as np

from minicnn.kernels.geometry import Array, Shape


def relu(x: Array) -> Array:
    """``max(x, 0)``, any shape."""
    return np.maximum(x, 0)


def relu_vjp(dy: Array, y: Array) -> Array:
    """Pass the gradient where the output is positive; at exactly 0 it is 0, as in Keras."""
    return np.where(y > 0, dy, 0)


def dropout_mask(
    rng: np.random.Generator, shape: Shape, rate: float, dtype: type = np.float32
) -> Array:
    """0 with probability `rate`, else ``1 / (1 - rate)``: the expected sum stays what it was.

    An element is kept where its number of ``rng.random(shape, dtype=np.float32)`` is at least
    `rate`, so that a seed gives the same mask whatever `dtype`, the type of the answer, is.
    """
    kept = rng.random(shape, dtype=np.float32) >= rate
    return kept.astype(dtype) / dtype(1 - rate)

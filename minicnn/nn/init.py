"""Initial weights, by name.

A weight of `fan_in` inputs and `fan_out` outputs is drawn so that neither the activations nor the
gradients grow or shrink from layer to layer: Glorot and Bengio, 2010 (AISTATS) for symmetric
activations, He et al., 2015 (arXiv:1502.01852) for ReLU, which lets half through.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import numpy as np

from minicnn.errors import ShapeError, UnknownNameError

Initializer = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a dense (in, out) or convolution (KH, KW, in, out) weight.

    >>> fans((784, 10)), fans((3, 3, 32, 64))
    ((784, 10), (288, 576))
    """
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform with variance ``2 / (fan_in + fan_out)``; Keras's default."""
    limit = math.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from a normal distribution with variance ``2 / (fan_in + fan_out)``."""
    return rng.normal(0, math.sqrt(2 / sum(fans(shape))), shape).astype(np.float32)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform with variance ``2 / fan_in``."""
    limit = math.sqrt(6 / fans(shape)[0])
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from a normal distribution with variance ``2 / fan_in``."""
    return rng.normal(0, math.sqrt(2 / fans(shape)[0]), shape).astype(np.float32)


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """All zero: right for biases, wrong for weights (every unit would learn the same)."""
    return np.zeros(shape, np.float32)


INITIALIZERS: dict[str, Initializer] = {
    f.__name__: f for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, zeros)
}


def initializer(name: str) -> Initializer:
    """Return the initializer of this name; raise `UnknownNameError` with the nearest known one."""
    if name not in INITIALIZERS:
        raise UnknownNameError("initializer", name, INITIALIZERS)

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        refuse_giant(shape)
        return INITIALIZERS[name](rng, shape)

    return draw


_numbers_left: ContextVar[list[int] | None] = ContextVar("numbers_left", default=None)


@contextlib.contextmanager
def at_most(count: int) -> Iterator[None]:
    """Within this block layers are built with so many weights in all, and refused before more.

    >>> from minicnn import nn
    >>> with at_most(10_000):
    ...     nn.Sequential(nn.Dense(10**6), input_shape=(784,))
    Traceback (most recent call last):
    minicnn.errors.ShapeError: Dense 'dense': weights of (784, 1000000) are more than there can be
    """
    token = _numbers_left.set([count])
    try:
        yield
    finally:
        _numbers_left.reset(token)


def refuse_giant(shape: tuple[int, ...]) -> None:
    """Count weights that are about to be made; `ShapeError` if they exceed `at_most`."""
    if left := _numbers_left.get():
        left[0] -= math.prod(shape)
        if left[0] < 0:
            raise ShapeError(f"weights of {shape} are more than there can be")

"""What the settings of layers may be, checked in one place."""

import math
import numbers
from collections.abc import Callable

import numpy as np

from minicnn import functional as F
from minicnn.errors import SettingError, ShapeError, UnknownNameError
from minicnn.kernels.geometry import Pair
from minicnn.nn.module import Shape
from minicnn.tensor import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "tanh": F.tanh,
    "sigmoid": F.sigmoid,
    "softmax": F.softmax,
}


def as_pair(value: int | Pair, what: str) -> Pair:
    """One size for both axes, or (rows, columns); both must be positive integers.

    >>> as_pair(3, "kernel_size"), as_pair((2, 1), "stride")
    ((3, 3), (2, 1))
    """
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, int) and v > 0 for v in pair):
        raise SettingError(f"{what} must be a positive integer or a pair of them, got {value!r}")
    return pair


def positive(value: int, what: str) -> None:
    if not isinstance(value, int) or value < 1:
        raise SettingError(f"{what} must be a positive integer, got {value!r}")


def finite(value: float, what: str, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse what is no number from `low` to `high` that a float32 can hold."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not abs(value) <= np.finfo(np.float32).max:
        limits = "" if low == -math.inf else f" from {low:g} to {high:g}"
        raise SettingError(f"{what} must be a finite number{limits}, got {value!r}")


def known_activation(name: str | None) -> None:
    if name is not None and name not in ACTIVATIONS:
        raise UnknownNameError("activation", name, ACTIVATIONS)


def activate(x: Tensor, name: str | None) -> Tensor:
    return ACTIVATIONS[name](x) if name else x


def known_padding(padding: str) -> None:
    if padding not in ("valid", "same"):
        raise UnknownNameError("padding", str(padding), ["valid", "same"])


def image_shape(input_shape: Shape) -> tuple[int, int, int]:
    if len(input_shape) != 3:
        raise ShapeError(f"the input must be images (N, H, W, C), got {('N', *input_shape)}")
    return input_shape

"""Layers that lay numbers out in another shape, or on another scale."""

import math
from dataclasses import dataclass

import numpy as np

from minicnn.errors import SettingError, ShapeError
from minicnn.nn.arguments import (
    finite,
)
from minicnn.nn.module import Module, Shape
from minicnn.tensor import Tensor


@dataclass(eq=False)
class Flatten(Module):
    """(N, ...) -> (N, product of the rest), in row-major order."""

    name: str | None = None

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return x.reshape(x.shape[0], *self.output_shape(x.shape[1:]))


@dataclass(eq=False)
class Reshape(Module):
    """(N, ...) -> (N, *target_shape), in row-major order.

    - `target_shape`: the sizes without the batch axis; one of them may be -1, which takes the rest.

    Raises `ShapeError` if the input has another number of values.

    >>> Reshape((7, -1)).output_shape((28, 28, 1))
    (7, 112)
    """

    target_shape: Shape
    name: str | None = None

    def __post_init__(self) -> None:
        self.target_shape = shape = tuple(self.target_shape)
        whole = all(type(size) is int and (size > 0 or size == -1) for size in shape)
        if not shape or not whole or shape.count(-1) > 1:
            raise SettingError(
                f"target_shape must be positive integers, at most one of them -1, got {shape}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        given = math.prod(input_shape)
        known = math.prod(size for size in self.target_shape if size != -1)
        rest = given // known if -1 in self.target_shape else 1
        if known * rest != given:
            raise ShapeError(
                f"an input of {input_shape} has {given} values, which do not make up "
                f"{self.target_shape}"
            )
        return tuple(rest if size == -1 else size for size in self.target_shape)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return x.reshape(x.shape[0], *self.output_shape(x.shape[1:]))


@dataclass(eq=False)
class Rescaling(Module):
    """``x * scale + offset``.

    - `scale`, `offset`: a number, or one for each channel, the last axis.

    >>> Rescaling(2, offset=-1)(np.array([[0.0, 0.5, 1.0]])).data
    array([[-1.,  0.,  1.]])
    """

    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...] = 0.0
    name: str | None = None

    def __post_init__(self) -> None:
        for setting in ("scale", "offset"):
            value = getattr(self, setting)
            if isinstance(value, list | tuple):
                setattr(self, setting, tuple(value))
            for each in np.ravel(value).tolist():
                finite(each, setting)

    def output_shape(self, input_shape: Shape) -> Shape:
        for setting in ("scale", "offset"):
            count = np.size(getattr(self, setting))
            if count not in (1, input_shape[-1]):
                raise ShapeError(
                    f"{setting} has {count} values; an input of {input_shape} needs 1 or "
                    f"{input_shape[-1]}"
                )
        return input_shape

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.output_shape(x.shape[1:])
        return x * np.asarray(self.scale, x.dtype) + np.asarray(self.offset, x.dtype)

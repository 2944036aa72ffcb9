"""Pooling: one number for each window, or for each channel."""

from dataclasses import dataclass

from minicnn import functional as F
from minicnn.kernels.geometry import Pair, out_size
from minicnn.nn.arguments import (
    as_pair,
    image_shape,
    known_padding,
)
from minicnn.nn.module import Module, Shape
from minicnn.tensor import Tensor


@dataclass(eq=False)
class MaxPool2D(Module):
    """The largest value of each window; `stride` is `pool_size` if not given."""

    pool_size: int | Pair = 2
    stride: int | Pair | None = None
    padding: str = "valid"
    name: str | None = None

    _function = staticmethod(F.max_pool2d)

    def __post_init__(self) -> None:
        self._pool = as_pair(self.pool_size, "pool_size")
        self._stride = as_pair(self.pool_size if self.stride is None else self.stride, "stride")
        known_padding(self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, channels = image_shape(input_shape)
        return (*out_size((height, width), self._pool, self._stride, self.padding), channels)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return self._function(x, self._pool, self._stride, self.padding)


@dataclass(eq=False)
class AveragePool2D(MaxPool2D):
    """The mean of each window; cells of the padding do not count."""

    _function = staticmethod(F.avg_pool2d)


@dataclass(eq=False)
class GlobalAveragePool2D(Module):
    """The mean of each channel over the whole image, (N, H, W, C) -> (N, C)."""

    name: str | None = None

    def output_shape(self, input_shape: Shape) -> Shape:
        return (image_shape(input_shape)[2],)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.output_shape(x.shape[1:])
        return x.mean(axis=(1, 2))

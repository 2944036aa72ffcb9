"""The layers: each its settings (dataclass fields), its weights (`build`) and its forward pass.

Defaults are Keras's. Shapes in `build` and `output_shape` leave the batch axis out.
"""

import numbers
from dataclasses import dataclass, field

import numpy as np

from minicnn import functional as F
from minicnn.errors import SettingError, ShapeError
from minicnn.kernels.geometry import Pair, out_size
from minicnn.nn.arguments import (
    activate,
    as_pair,
    image_shape,
    known_activation,
    known_padding,
    positive,
)
from minicnn.nn.batch_norm import BatchNorm
from minicnn.nn.init import initializer
from minicnn.nn.module import Module, SameShape, Shape
from minicnn.nn.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from minicnn.nn.shaping import Flatten, Rescaling, Reshape
from minicnn.tensor import Tensor


@dataclass(eq=False)
class Dense(Module):
    """``activation(x @ weight + bias)``: (N, in) -> (N, units).

    - `activation`: "relu", "tanh", "sigmoid", "softmax" or None.
    - `init`: the name of an initializer in `minicnn.nn.init`.
    """

    units: int
    activation: str | None = None
    init: str = "glorot_uniform"
    name: str | None = None
    weight: Tensor = field(init=False, repr=False)
    bias: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        positive(self.units, "units")
        known_activation(self.activation)
        initializer(self.init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.output_shape(input_shape)
        weight = initializer(self.init)(rng, (input_shape[0], self.units))
        self.weight = Tensor(weight, requires_grad=True)
        self.bias = Tensor(np.zeros(self.units, np.float32), requires_grad=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ShapeError(f"the input must be rows (N, in), got {('N', *input_shape)}")
        return (self.units,)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return activate(F.dense(x, self.weight, self.bias), self.activation)

    def forward_fused(self, x: Tensor, training: bool) -> Tensor:
        """Compute the layer and ReLU in one."""
        return F.dense_relu(x, self.weight, self.bias)


@dataclass(eq=False)
class Conv2D(Module):
    """Convolution, bias and activation: (N, H, W, C) -> (N, OH, OW, filters).

    - `kernel_size`, `stride`: one number for both axes, or (rows, columns).
    - `padding`: "valid" (no padding) or "same" (``ceil(size / stride)`` outputs, as Keras pads).
    - `activation`: "relu", "tanh", "sigmoid", "softmax" or None.
    """

    filters: int
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: str = "valid"
    activation: str | None = None
    init: str = "glorot_uniform"
    name: str | None = None
    weight: Tensor = field(init=False, repr=False)
    bias: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        positive(self.filters, "filters")
        self._kernel = as_pair(self.kernel_size, "kernel_size")
        self._stride = as_pair(self.stride, "stride")
        known_padding(self.padding)
        known_activation(self.activation)
        initializer(self.init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.output_shape(input_shape)
        shape = (*self._kernel, input_shape[2], self.filters)
        self.weight = Tensor(initializer(self.init)(rng, shape), requires_grad=True)
        self.bias = Tensor(np.zeros(self.filters, np.float32), requires_grad=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, _ = image_shape(input_shape)
        out = out_size((height, width), self._kernel, self._stride, self.padding)
        return (*out, self.filters)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        y = F.conv2d(x, self.weight, self.bias, self._stride, self.padding)
        return activate(y, self.activation)

    def forward_fused(
        self,
        x: Tensor,
        training: bool,
        norm: "BatchNorm | None" = None,
        relu: bool = True,
        pool: Pair | None = None,
    ) -> Tensor:
        """Convolution and what follows it in one: `norm` (only in prediction), ReLU, max pooling.

        - `pool`: the size of the pools, or None; with pooling there is always ReLU.
        """
        weight, bias = (
            norm.folded_into(self.weight, self.bias) if norm else (self.weight, self.bias)
        )
        arguments = (x, weight, bias, self._stride, self.padding)
        if pool is not None:
            return F.conv2d_relu_max_pool2d(*arguments, pool)
        return F.conv2d_relu(*arguments) if relu else F.conv2d(*arguments)


@dataclass(eq=False)
class Dropout(SameShape):
    """In training set each value to 0 with probability `rate` and scale the rest; else nothing."""

    rate: float
    name: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.rate, numbers.Real) and 0 <= self.rate < 1):
            raise SettingError(f"the dropout rate must be in [0, 1), got {self.rate!r}")

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.rng = rng

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return F.dropout(x, self.rate, self.rng) if training and self.rate else x


@dataclass(eq=False)
class ReLU(SameShape):
    """``max(x, 0)``."""

    name: str | None = None

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return F.relu(x)


@dataclass(eq=False)
class Activation(SameShape):
    """One of the activations by name: "relu", "tanh", "sigmoid" or "softmax"."""

    activation: str
    name: str | None = None

    def __post_init__(self) -> None:
        known_activation(self.activation)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return activate(x, self.activation)


LAYERS: dict[str, type[Module]] = {
    layer.__name__: layer
    for layer in (
        Dense,
        Conv2D,
        BatchNorm,
        MaxPool2D,
        AveragePool2D,
        GlobalAveragePool2D,
        Dropout,
        Flatten,
        Reshape,
        Rescaling,
        ReLU,
        Activation,
    )
}

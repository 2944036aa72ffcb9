"""The layers: each its settings (dataclass fields), its weights (`build`) and its forward pass.

Defaults are Keras's. Shapes in `build` and `output_shape` leave the batch axis out.
"""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from minicnn import functional as F
from minicnn import kernels
from minicnn.errors import SettingError, ShapeError, UnknownNameError
from minicnn.kernels.geometry import Pair, out_size
from minicnn.nn.building import trying_out
from minicnn.nn.init import initializer, refuse_giant
from minicnn.nn.module import Module, Shape
from minicnn.tape import Array
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


def _positive(value: int, what: str) -> None:
    if not isinstance(value, int) or value < 1:
        raise SettingError(f"{what} must be a positive integer, got {value!r}")


def _finite(value: float, what: str, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse what is no number from `low` to `high` that a float32 can hold."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not abs(value) <= np.finfo(np.float32).max:
        limits = "" if low == -math.inf else f" from {low:g} to {high:g}"
        raise SettingError(f"{what} must be a finite number{limits}, got {value!r}")


def _known_activation(name: str | None) -> None:
    if name is not None and name not in ACTIVATIONS:
        raise UnknownNameError("activation", name, ACTIVATIONS)


def _activate(x: Tensor, name: str | None) -> Tensor:
    return ACTIVATIONS[name](x) if name else x


def _known_padding(padding: str) -> None:
    if padding not in ("valid", "same"):
        raise UnknownNameError("padding", str(padding), ["valid", "same"])


def _image_shape(input_shape: Shape) -> tuple[int, int, int]:
    if len(input_shape) != 3:
        raise ShapeError(f"the input must be images (N, H, W, C), got {('N', *input_shape)}")
    return input_shape


class SameShape(Module):
    """Base of the layers whose output has the shape of their input."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


# ------------------------------------------------------------------ layers with weights


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
        _positive(self.units, "units")
        _known_activation(self.activation)
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
        return _activate(F.dense(x, self.weight, self.bias), self.activation)

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
        _positive(self.filters, "filters")
        self._kernel = as_pair(self.kernel_size, "kernel_size")
        self._stride = as_pair(self.stride, "stride")
        _known_padding(self.padding)
        _known_activation(self.activation)
        initializer(self.init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self.output_shape(input_shape)
        shape = (*self._kernel, input_shape[2], self.filters)
        self.weight = Tensor(initializer(self.init)(rng, shape), requires_grad=True)
        self.bias = Tensor(np.zeros(self.filters, np.float32), requires_grad=True)

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, _ = _image_shape(input_shape)
        out = out_size((height, width), self._kernel, self._stride, self.padding)
        return (*out, self.filters)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        y = F.conv2d(x, self.weight, self.bias, self._stride, self.padding)
        return _activate(y, self.activation)

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
class BatchNorm(SameShape):
    """Normalise each channel to mean 0 and variance 1, then scale and shift by learnt amounts.

    In training by the batch's own statistics, otherwise by their running averages:
    ``average = momentum * average + (1 - momentum) * batch's``, with the biased variance, as Keras.
    Where it is not `trainable`, always by the running averages, which stay as they are.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    name: str | None = None
    gamma: Tensor = field(init=False, repr=False)
    beta: Tensor = field(init=False, repr=False)
    moving_mean: Tensor = field(init=False, repr=False)
    moving_variance: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _finite(self.momentum, "momentum", 0, 1)
        _finite(self.epsilon, "epsilon", 0)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        channels = input_shape[-1]
        refuse_giant((4, channels))
        self.gamma = Tensor(np.ones(channels, np.float32), requires_grad=True)
        self.beta = Tensor(np.zeros(channels, np.float32), requires_grad=True)
        self.moving_mean = Tensor(np.zeros(channels, np.float32))
        self.moving_variance = Tensor(np.ones(channels, np.float32))

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self._check(x)
        if training and self.trainable:
            return F.batch_norm(x, self.gamma, self.beta, *self._statistics(x), self.epsilon)
        averages = self.moving_mean.data, self.moving_variance.data
        return F.batch_norm_inference(x, self.gamma, self.beta, *averages, self.epsilon)

    def forward_fused(self, x: Tensor, training: bool) -> Tensor:
        """Compute the layer and ReLU in one, in training."""
        self._check(x)
        return F.batch_norm_relu(x, self.gamma, self.beta, *self._statistics(x), self.epsilon)

    def folded_into(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (..., C) and bias (C,) that do in prediction what they and this layer do."""
        scale = self.gamma / F.sqrt(self.moving_variance + self.epsilon)
        return weight * scale, (bias - self.moving_mean) * scale + self.beta

    def _check(self, x: Tensor) -> None:
        if x.shape[-1] != self.gamma.size:
            raise ShapeError(f"the input must have {self.gamma.size} channels, got shape {x.shape}")

    def _statistics(self, x: Tensor) -> tuple[Array, Array]:
        """Mean and variance of each channel; the running averages take them in."""
        mean, variance = kernels.moments(x._data)
        if trying_out.get():
            return mean, variance
        for average, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average[...] = self.momentum * average.data + (1 - self.momentum) * now
        return mean, variance


# ------------------------------------------------------------------ layers without weights


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
        _known_padding(self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        height, width, channels = _image_shape(input_shape)
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
        return (_image_shape(input_shape)[2],)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self.output_shape(x.shape[1:])
        return x.mean(axis=(1, 2))


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
                _finite(each, setting)

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
        _known_activation(self.activation)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return _activate(x, self.activation)


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

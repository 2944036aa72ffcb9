"""Where a number in a layer's output comes from: its window in the layer before, term by term."""

from dataclasses import dataclass

import numpy as np

from minicnn.errors import ShapeError, UnknownNameError
from minicnn.insight.inspection import looked_into, makes_something
from minicnn.insight.terms import Terms
from minicnn.insight.trace import Index, Source, trace
from minicnn.nn import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    MaxPool2D,
    Module,
    ReLU,
    Sequential,
)
from minicnn.tape import Array, no_grad
from minicnn.tensor import Tensor

PICTURE = "picture"
"""What the input of the first layer is called."""


@dataclass(frozen=True, eq=False)
class Window:
    """One number of a layer's output, ``value = activation(sum + rest)``, and the terms of the sum.

    - `layer`, `index`: which number; `value`: what it is.
    - `activation`: the name of the function, None if there is none; `before`: what went into it.
    - `source`: the name of the layer that the window lies in, or `PICTURE`; `shape`: of its output.
    - `box`: rows, columns and channels of the window there, or just the places of a row of numbers.
    - `values`, `slopes`, `products`: what stands in the window, how much the number moves with each
      of them (the weights, in a convolution or dense layer), and both multiplied.
    - `rest`: `before` less the sum of the products: the bias.
    """

    layer: str
    index: tuple[int, ...]
    value: float
    activation: str | None
    before: float
    source: str
    shape: tuple[int, ...]
    box: tuple[slice, ...]
    values: Array
    slopes: Array

    @property
    def products(self) -> Array:
        return self.values * self.slopes

    @property
    def sum(self) -> float:
        return float(self.products.sum(dtype=np.float64))

    @property
    def rest(self) -> float:
        return self.before - self.sum


def window(model: Sequential, picture: Array, layer: str, index: Index) -> Window:
    """The window that a number of a layer's output was computed from, by `trace`.

    - `picture`: float32, (H, W, C), in [0, 1]; `layer`: a layer's name; `index`: in its output.

    The number of an activation that stands as a layer of its own is followed through it, to the
    convolution, dense layer or normalisation before. Dropout and flattening, which change nothing
    in prediction, are passed over. Raises `UnknownNameError` for a layer, `ShapeError` for an
    index that is not there.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Conv2D(1, 2, activation="relu"), input_shape=(3, 3, 1))
    >>> kernel, bias = np.array([[1.0, 2.0], [0.0, -3.0]]).reshape(2, 2, 1, 1), np.array([0.5])
    >>> model.set_weights({"conv2d.weight": kernel, "conv2d.bias": bias})
    >>> picture = np.arange(9, dtype=np.float32).reshape(3, 3, 1) / 8
    >>> found = window(model, picture, "conv2d", (0, 1, 0))
    >>> found.values[..., 0].tolist(), found.slopes[..., 0].tolist()
    ([[0.125, 0.25], [0.5, 0.625]], [[1.0, 2.0], [0.0, -3.0]])
    >>> found.sum, found.rest, found.before, found.activation, found.value
    (-1.25, 0.5, -0.75, 'relu', 0.0)
    """
    model = looked_into(model)
    names = [str(each.name) for each in model.layers]
    if layer not in names:
        raise UnknownNameError("layer", layer, names)
    last = names.index(layer)
    first = _computing(model.layers, last)
    x, source = _input_of(model, picture, first)
    y = x
    for each in model.layers[first : last + 1]:
        y = each(y)
    activation = getattr(model.layers[last], "activation", None)
    if isinstance(model.layers[last], ReLU):
        activation = "relu"
    follows = first < last or not isinstance(model.layers[last], Activation | ReLU)
    before = y.node.inputs[0] if activation and follows and y.node else y
    found = trace(before, _batched(index, y), {"input": x})
    terms = _terms(found.source("input"), source.shape)
    box = _pooled(model.layers[first], x, found.index) or terms.box
    return Window(
        layer,
        found.index[1:],
        float(y.data[found.index]),
        activation if before is not y else None,
        found.value,
        source.name,
        source.shape,
        box,
        terms.left[box],
        terms.right[box],
    )


@dataclass(frozen=True)
class _From:
    """The last layer that made something new, and the shape of its output."""

    name: str
    shape: tuple[int, ...]


def _computing(layers: list[Module], place: int) -> int:
    """The place of the layer that computed what an activation at this place was given."""
    if isinstance(layers[place], Activation | ReLU) and place > 0:
        before = layers[place - 1]
        is_plain = isinstance(before, BatchNorm) or not getattr(before, "activation", None)
        if isinstance(before, Conv2D | Dense | BatchNorm) and is_plain:
            return place - 1
    return place


def _input_of(model: Sequential, picture: Array, place: int) -> tuple[Tensor, _From]:
    """What the layer at this place is given, with the start of a tape, and where it is from."""
    with no_grad():
        x = Tensor(np.asarray(picture)[np.newaxis])
        source = _From(PICTURE, x.shape[1:])
        for layer in model.layers[:place]:
            x = layer(x)
            if makes_something(layer):
                source = _From(str(layer.name), x.shape[1:])
    return Tensor(x.data, requires_grad=True), source


def _batched(index: Index, y: Tensor) -> tuple[int, ...]:
    given = (index,) if isinstance(index, int) else tuple(index)
    if any(each < 0 for each in given):
        raise ShapeError(f"the index {list(given)} is not one number of a layer {y.shape[1:]}")
    return (0, *given)


def _terms(found: Source, shape: tuple[int, ...]) -> Terms:
    """The terms in the shape that the input had before it was flattened."""
    values, slopes = found.values.reshape(shape), found.gradient.reshape(shape)
    return Terms(found.name, "value", "slope", values, slopes, slopes != 0, True)


def _pooled(layer: Module, x: Tensor, index: tuple[int, ...]) -> tuple[slice, ...] | None:
    """The whole window of a maximum, which one number alone moves: where a mean would look."""
    if type(layer) is not MaxPool2D:
        return None
    mean = AveragePool2D(layer.pool_size, layer.stride, layer.padding)(x)
    return _terms(trace(mean, index, {"input": x}).source("input"), x.shape[1:]).box

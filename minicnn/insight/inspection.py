"""What goes on inside a trained model: what each layer makes of a picture, and what decides."""

from dataclasses import dataclass

import numpy as np

from minicnn.errors import ShapeError, UnknownNameError
from minicnn.insight.terms import Terms
from minicnn.insight.trace import Index, Source, trace
from minicnn.nn import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    MeanProbability,
    Module,
    ReLU,
    Sequential,
)
from minicnn.tape import Array, no_grad
from minicnn.tensor import Tensor


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What one layer made of one picture: `values` has the layer's output shape."""

    name: str
    kind: str
    values: Array


def makes_something(layer: Module) -> bool:
    """Whether a layer makes something new of its input in prediction.

    >>> from minicnn import nn
    >>> makes_something(nn.Dropout(0.5)), makes_something(nn.ReLU())
    (False, True)
    """
    return not isinstance(layer, Dropout | Flatten)


def looked_into(model: Sequential) -> Sequential:
    """Return the model whose layers can be looked at: of several that answer together the first."""
    while isinstance(model.layers[0], MeanProbability):
        model = model.layers[0].members[0]
    return model


def layer_outputs(model: Sequential, picture: Array) -> list[LayerOutput]:
    """Return the output of every layer for one picture, in order, as in prediction.

    - `picture`: float32, (H, W, C), in [0, 1].

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(4), input_shape=(5, 5, 1))
    >>> [each.values.shape for each in layer_outputs(model, np.zeros((5, 5, 1), np.float32))]
    [(3, 3, 2), (18,), (4,)]
    """
    outputs = []
    with no_grad():
        x = model.as_input(Tensor(np.asarray(picture)[np.newaxis]))
        for layer in model.layers:
            x = layer(x)
            outputs.append(LayerOutput(str(layer.name), type(layer).__name__, x.data[0]))
    return outputs


def saliency(model: Sequential, pictures: Array) -> Array:
    """How the winning output moves with each pixel: its gradient by the input.

    K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", ICLR 2014 workshop,
    section 3. The gradients that the weights had are left as they were.

    - `pictures`: float32 or float64, (N, H, W, C).

    Gives the same shape. Raises `ShapeError` if the pictures do not fit the model.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(1, 2, 1))
    >>> model.set_weights({"dense.weight": np.array([[1, 4], [2, -3]]), "dense.bias": np.zeros(2)})
    >>> saliency(model, np.array([[[[1], [1]]], [[[1], [0]]]], np.float32))[:, 0, :, 0]
    array([[ 1.,  2.],
           [ 4., -3.]], dtype=float32)
    """
    x = Tensor(np.asarray(pictures), requires_grad=True)
    before = [weight.grad for weight in model.parameters()]
    model.zero_grad()  # so that `backward` does not add to these
    try:
        outputs = model(x)
        winners = np.zeros(outputs.shape, outputs.dtype)
        winners[np.arange(len(winners)), outputs.data.argmax(axis=1)] = 1
        if outputs.shape[1] == 1:  # one sigmoid: below a half it is the other class that wins
            winners[outputs.data <= 0.5] = -1
        outputs.backward(winners)
    finally:
        for weight, gradient in zip(model.parameters(), before, strict=True):
            weight.grad = gradient
    if x.grad is None:
        raise ShapeError("the model's output does not depend on its input")
    return x.grad


def first_filters(model: Sequential) -> tuple[str, Array] | None:
    """Return the name and the kernels (KH, KW, C, F) of the first convolution, or None without any.

    Of an ensemble it is that of the first member.
    """
    for layer in model.modules():
        if isinstance(layer, Conv2D):
            return str(layer.name), layer.weight.data
    return None


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
    """Return the window that a number of a layer's output was computed from, by `trace`.

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
    """Return the place of the layer that computed what an activation at this place was given."""
    if isinstance(layers[place], Activation | ReLU) and place > 0:
        before = layers[place - 1]
        is_plain = isinstance(before, BatchNorm) or not getattr(before, "activation", None)
        if isinstance(before, Conv2D | Dense | BatchNorm) and is_plain:
            return place - 1
    return place


def _input_of(model: Sequential, picture: Array, place: int) -> tuple[Tensor, _From]:
    """Return what the layer at this place is given, with the start of a tape, and where it is
    from.
    """
    with no_grad():
        x = Tensor(np.asarray(picture)[np.newaxis])
        source = _From(PICTURE, x.shape[1:])
        x = model.as_input(x)
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
    """Return the terms in the shape that the input had before it was flattened."""
    values, slopes = found.values.reshape(shape), found.gradient.reshape(shape)
    return Terms(found.name, "value", "slope", values, slopes, slopes != 0, True)


def _pooled(layer: Module, x: Tensor, index: tuple[int, ...]) -> tuple[slice, ...] | None:
    """Return the whole window of a maximum, which one number alone moves: where a mean would
    look.
    """
    if type(layer) is not MaxPool2D:
        return None
    mean = AveragePool2D(layer.pool_size, layer.stride, layer.padding)(x)
    return _terms(trace(mean, index, {"input": x}).source("input"), x.shape[1:]).box

"""What goes on inside a trained model: what each layer makes of a picture, and what decides."""

from dataclasses import dataclass

import numpy as np

from minicnn.errors import ShapeError
from minicnn.nn import Conv2D, Dropout, Flatten, MeanProbability, Module, Sequential
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
    """The model whose layers can be looked at: of several that answer together the first."""
    while isinstance(model.layers[0], MeanProbability):
        model = model.layers[0].members[0]
    return model


def layer_outputs(model: Sequential, picture: Array) -> list[LayerOutput]:
    """The output of every layer for one picture, in order, as in prediction.

    - `picture`: float32, (H, W, C), in [0, 1].

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(4), input_shape=(5, 5, 1))
    >>> [each.values.shape for each in layer_outputs(model, np.zeros((5, 5, 1), np.float32))]
    [(3, 3, 2), (18,), (4,)]
    """
    outputs = []
    with no_grad():
        x = Tensor(np.asarray(picture)[np.newaxis])
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
        outputs.backward(winners)
    finally:
        for weight, gradient in zip(model.parameters(), before, strict=True):
            weight.grad = gradient
    if x.grad is None:
        raise ShapeError("the model's output does not depend on its input")
    return x.grad


def first_filters(model: Sequential) -> tuple[str, Array] | None:
    """The name and the kernels (KH, KW, C, F) of the first convolution, or None without any.

    Of an ensemble it is that of the first member.
    """
    for layer in model.modules():
        if isinstance(layer, Conv2D):
            return str(layer.name), layer.weight.data
    return None

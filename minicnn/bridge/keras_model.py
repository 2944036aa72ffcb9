"""minicnn models of Keras's descriptions and weights: what becomes of a layer is in `keras_layers`.

minicnn's pictures are in [0, 1], most of Keras's from 0 to 255, with a `Rescaling` at the beginning
of the model. So a `Rescaling` of the input by a small number is read as one for pictures in [0, 1]:
`Rescaling(1/127.5, offset=-1)` becomes `Rescaling(2, offset=-1)`, and `Rescaling(1/255)` is left
out. The optimizer and its state, loss and metrics are not carried over.

A layer with ``use_bias=False`` gets a bias of zeros, for minicnn's layers have one always: its
outputs are the same, but it is trained along, and Keras counts it when the model goes back. So does
a batch normalisation with ``center=False`` or ``scale=False``.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import nn
from minicnn.bridge.keras_config import without_softmax
from minicnn.bridge.keras_layers import WITH_WEIGHTS, Config, is_own, read_layer
from minicnn.errors import FileError, ShapeError
from minicnn.files import Room
from minicnn.nn import Module, Rescaling, Sequential
from minicnn.nn.init import at_most
from minicnn.nn.module import Shape
from minicnn.tape import Array
from minicnn.training.checkpoint import BYTES, completed

BYTE = 255
SMALL = 1 / 32
"""A `Rescaling` of the input by less than this is meant for bytes."""

MOVES = (nn.Reshape, nn.Flatten, nn.Dropout, nn.MaxPool2D, nn.GlobalAveragePool2D)
"""Layers whose outputs have the scale of their inputs."""

ABSENT = {"use_bias": "bias", "center": "beta", "scale": "gamma"}
"""Settings of Keras's, and the weight that a layer does not have if they are False."""


@dataclass(frozen=True)
class Description:
    """What a description of Keras's says.

    - `layers`: minicnn's layers, not built; `configs`: Keras's descriptions of them.
    - `input_shape`: of one input.
    - `scaled_by`: the name of the layer that scales bytes in Keras, if there is one.
    """

    layers: list[Module]
    configs: list[Config]
    input_shape: Shape
    scaled_by: str | None


def model_of(
    config: Any,
    weights: Callable[[Config], Sequence[Array]],
    room: Room | None = None,
    class_names: Any = None,
) -> Sequential:
    """Return the minicnn model of a Keras description and its weights, less a softmax at the end.

    - `weights`: gives the arrays of a layer, from its description; asked for each layer that has
      weights, in their order.
    - `room`: what the file that they come from may unpack to, if they come from one.
    - `class_names`: what the file calls the classes.

    Raises `FileError` for a model that is not Sequential, for a layer or setting that minicnn
    does not have, and for weights that are missing or of another number or shape.
    """
    read = understood(config)
    with at_most(room.left // BYTES) if room else contextlib.nullcontext():
        model = Sequential(*without_softmax(read.layers), input_shape=read.input_shape)
    arrays: dict[str, Array] = {}
    for layer, described in zip(model.layers, read.configs, strict=False):  # a softmax has none
        if described["class_name"] in WITH_WEIGHTS:
            arrays |= named_arrays(layer, _completed(layer, described, weights(described)))
    return completed(model, arrays, class_names)


def _completed(layer: Module, described: Config, given: Sequence[Array]) -> list[Array]:
    """Return the arrays of a layer, and those that Keras's does not have as they begin: zeros or
    ones.
    """
    absent = {ABSENT[setting] for setting in ABSENT if described["config"].get(setting) is False}
    arrays = [*given]
    for place, (name, tensor) in enumerate(layer.named_tensors()):
        if name in absent:
            arrays.insert(place, tensor.data)
    return arrays


def understood(config: Any) -> Description:
    """Read a description of a model; raises `FileError` for what minicnn does not have."""
    described = layer_list(config)
    shape = inner = _input_shape(described, config)
    layers: list[Module] = []
    configs: list[Config] = []
    scaled_by, unscaled = None, True
    for each in described:
        layer = read_layer(each, inner)
        if isinstance(layer, Rescaling) and unscaled and np.abs(layer.scale).max() < SMALL:
            scaled_by, unscaled = layer.name, False
            layer = _for_unit_range(layer)
        if layer is None:
            continue
        unscaled = unscaled and isinstance(layer, MOVES)
        try:
            inner = layer.output_shape(inner)
        except ShapeError as error:
            raise layer.named(error) from None
        layers.append(layer)
        configs.append(each)
    if not layers:
        raise FileError("the model has no layers")
    return Description(layers, configs, shape, scaled_by)


def _for_unit_range(layer: Rescaling) -> Rescaling | None:
    """Return the scaling of bytes as one of numbers in [0, 1]; None if there is nothing left to
    do.
    """
    scale = np.multiply(layer.scale, BYTE)
    if np.allclose(scale, 1, rtol=1e-6, atol=0) and not np.any(layer.offset):
        return None
    return dataclasses.replace(layer, scale=tuple(scale) if scale.ndim else float(scale))


def layer_list(config: Any) -> list[Config]:
    """Return the descriptions of the layers; a model inside the model, as of augmentation, gives
    its own.

    Raises `FileError` for a model that is not a plain Sequential one, and for weights in one
    that is inside another.
    """
    kind = config["class_name"]
    if kind != "Sequential" or is_own(config):
        raise FileError(f"minicnn takes Sequential models alone, this is a {kind} one")
    inside = config["config"]
    layers: list[Config] = inside if isinstance(inside, list) else inside["layers"]
    flat: list[Config] = []
    for layer in layers:
        if layer["class_name"] != "Sequential":
            flat.append(layer)
            continue
        flat += (inner := layer_list(layer))
        if with_weights := {each["class_name"] for each in inner} & WITH_WEIGHTS:
            kinds = ", ".join(sorted(with_weights))
            raise FileError(
                f"minicnn takes no weights of a model inside a model: Sequential "
                f"{layer['config']['name']!r} has {kinds}"
            )
    return flat


def _input_shape(layers: list[Config], config: Config) -> Shape:
    """One input's shape: of the input layer, in Keras 2 also of the first, or of the model."""
    if not layers:
        raise FileError("the model has no layers")
    first = layers[0]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    if not shape and isinstance(config["config"], dict):  # in old files it is the list of layers
        shape = config["config"].get("build_input_shape")
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape[1:]):
        known = tuple(shape[1:]) if shape else None
        raise FileError(f"the shape of its input is {known}; minicnn needs one that is fixed")
    return tuple(shape[1:])


def named_arrays(layer: Module, arrays: Sequence[Array]) -> dict[str, Array]:
    """Return the arrays of a Keras layer, which have an order, under minicnn's names,
    ``layer.weight``.

    - `layer`: minicnn's, built; its `named_tensors` stand in Keras's order.

    Raises `FileError` if there are too few or too many, or if one holds NaN or infinity.

    >>> from minicnn import nn
    >>> dense = nn.Sequential(nn.Dense(1, name="out"), input_shape=(2,)).layers[0]
    >>> named_arrays(dense, [np.array([[3.0], [4.0]]), np.array([5.0])])
    {'out.weight': array([[3.],
           [4.]]), 'out.bias': array([5.])}
    """
    names = [name for name, _ in layer.named_tensors()]
    if len(arrays) != len(names):
        needed = f"{len(names)} ({', '.join(names)})" if names else "none"
        raise FileError(f"{layer.name!r} has {len(arrays)} arrays of weights, needs {needed}")
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FileError(f"'{layer.name}.{name}' holds what is not a number, or infinite")
    return {f"{layer.name}.{name}": a for name, a in zip(names, arrays, strict=True)}

"""Layers as Keras describes them: the same text in `.h5` and `.keras` files and in live models.

Carried over is what decides the outputs, and dropout's rate, batch norm's momentum and the names of
the initializers. Not carried over is what else belongs to training: the optimizer and its state,
loss, metrics, regularizers, constraints, frozen layers, seeds. A `Rescaling(1/255)` at the
beginning is left out, for minicnn's pictures are in [0, 1] already. What changes the outputs and
minicnn does not have is refused by name.

A layer with ``use_bias=False`` gets a bias of zeros, for minicnn's layers have one always: its
outputs are the same, but it is trained along, and Keras counts it when the model goes back.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minicnn.bridge.refusal import described_shape
from minicnn.bridge.softmax import with_softmax, without_softmax
from minicnn.errors import CheckpointError
from minicnn.kernels.geometry import Pair
from minicnn.nn import Module, Sequential
from minicnn.nn.init import INITIALIZERS
from minicnn.nn.layers import ACTIVATIONS, LAYERS, as_pair
from minicnn.nn.module import Shape
from minicnn.tape import Array

Config = dict[str, Any]
Weights = dict[str, dict[str, Array]]
"""Each layer's arrays by Keras's names for them, in Keras's order, which is minicnn's too."""

KERAS_CLASSES = {
    "Dense": "Dense",
    "Conv2D": "Conv2D",
    "BatchNorm": "BatchNormalization",
    "MaxPool2D": "MaxPooling2D",
    "AveragePool2D": "AveragePooling2D",
    "GlobalAveragePool2D": "GlobalAveragePooling2D",
    "Dropout": "Dropout",
    "Flatten": "Flatten",
    "Reshape": "Reshape",
    "Rescaling": "Rescaling",
    "ReLU": "ReLU",
    "Activation": "Activation",
}
"""minicnn's class and Keras's."""

KERAS_SETTINGS = {"stride": "strides", "init": "kernel_initializer"}
"""Settings that have another name in Keras."""

MINICNN_CLASSES = {theirs: mine for mine, theirs in KERAS_CLASSES.items()}

ONLY: dict[str, Any] = {
    "data_format": "channels_last",
    "dilation_rate": 1,
    "groups": 1,
    "center": True,
    "scale": True,
    "renorm": False,
    "max_value": None,
    "negative_slope": 0,
    "threshold": 0,
    "noise_shape": None,
    "keepdims": False,
}
"""Settings of Keras's layers that minicnn's do not have, and the one value that is as minicnn."""


# ------------------------------------------------------------------ minicnn to Keras


def keras_config(model: Sequential, softmax: bool, dtype: str | None = None) -> Config:
    """Keras 3's description of a model, as `keras.Sequential` and both file layouts hold it.

    - `softmax`: end in a softmax, which minicnn's models leave to the loss.
    - `dtype`: in what Keras's layers calculate; as the weights are if not given.

    Raises `ShapeError` before the model is built, `CheckpointError` for a name with a "/".
    """
    input_shape = described_shape(model)
    layers = with_softmax(model.layers) if softmax else model.layers
    dtype = dtype or _dtype(model)
    taken, name = {layer.name for layer in layers}, "input_layer"
    while name in taken:
        name += "_"
    shape = [None, *input_shape]
    first = _described("InputLayer", {"name": name, "batch_shape": shape})
    described = [_layer_config(layer, dtype) for layer in layers]
    config = {"name": "sequential", "layers": [first, *described], "build_input_shape": shape}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def _dtype(model: Sequential) -> str:
    """The type of the weights; float32 if there are none."""
    return next((str(tensor.data.dtype) for _, tensor in model.named_tensors()), "float32")


def _described(kind: str, config: Config) -> Config:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def _layer_config(layer: Module, dtype: str) -> Config:
    if "/" in str(layer.name):
        raise CheckpointError(f"layer {layer.name!r}: Keras has no names with a '/'")
    config: Config = {"name": layer.name, "dtype": dtype}
    for field in _fields(type(layer)):
        value = getattr(layer, field)
        config[KERAS_SETTINGS.get(field, field)] = _OUT[field](value) if field in _OUT else value
    if config.get("strides", 0) is None:
        config["strides"] = config["pool_size"]
    return _described(KERAS_CLASSES[type(layer).__name__], config)


def _fields(kind: type[Module]) -> list[str]:
    """The settings of a kind of layer, without its name."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    return [field.name for field in fields if field.init and field.name != "name"]


def _list(value: int | Pair | None) -> list[int] | None:
    return None if value is None else list(as_pair(value, "size"))


def _numbers(value: Any) -> Any:
    """Lists as tuples, which layers and their descriptions hold."""
    return tuple(value) if isinstance(value, list) else value


_OUT: dict[str, Callable[[Any], Any]] = {
    "kernel_size": _list,
    "stride": _list,
    "pool_size": _list,
    "activation": lambda name: name or "linear",
}
"""How a setting is written, where it is not as it is."""


def weights_of(model: Sequential) -> Weights:
    """The weights of every layer by the layer's name."""
    return {
        str(layer.name): {
            "kernel" if name == "weight" else name: tensor.data
            for name, tensor in layer.named_tensors()
        }
        for layer in model.layers
    }


# ------------------------------------------------------------------ Keras to minicnn


def model_of(config: Any, weights: Callable[[int, Config], Sequence[Array]]) -> Sequential:
    """The minicnn model of a Keras description and its weights, less a softmax at the end.

    - `weights`: gives the arrays of a layer, from its place in the description and the description.

    Raises `CheckpointError` for a model that is not Sequential, for a layer or setting that minicnn
    does not have, and for weights that are missing or of another number or shape.
    """
    described = _layer_list(config)
    shape = _input_shape(described, config)
    places = [i for i, layer in enumerate(described) if not left_out(layer, i)]
    layers, inner = [], shape
    for i in places:
        layers.append(_layer(described[i], inner))
        inner = layers[-1].output_shape(inner)
    if not layers:
        raise CheckpointError("the model has no layers")
    model = Sequential(*without_softmax(layers), input_shape=shape)
    arrays: dict[str, Array] = {}
    for i, layer in zip(places, model.layers, strict=False):  # a softmax has none
        arrays |= named_arrays(layer, [*weights(i, described[i]), *_zero_bias(described[i], layer)])
    model.set_weights(arrays)
    return model


def _layer_list(config: Any) -> list[Config]:
    kind = config["class_name"]
    if kind != "Sequential":
        raise CheckpointError(f"minicnn takes Sequential models alone, this is a {kind} one")
    inside = config["config"]
    layers: list[Config] = inside if isinstance(inside, list) else inside["layers"]
    return layers


def _input_shape(layers: list[Config], config: Config) -> Shape:
    """One input's shape: of the input layer, in Keras 2 also of the first, or of the model."""
    if not layers:
        raise CheckpointError("the model has no layers")
    first = layers[0]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape")
    if not shape and isinstance(config["config"], dict):  # in old files it is the list of layers
        shape = config["config"].get("build_input_shape")
    if not shape or not all(isinstance(size, int) for size in shape[1:]):
        known = tuple(shape[1:]) if shape else None
        raise CheckpointError(f"the shape of its input is {known}; minicnn needs one that is fixed")
    return tuple(shape[1:])


def left_out(layer: Config, place: int) -> bool:
    """Whether it is an input layer, or at the beginning a scaling of bytes to [0, 1]."""
    if layer["class_name"] == "Rescaling" and place < 2:
        settings = layer["config"]
        scale, offset = settings.get("scale"), settings.get("offset", 0)
        return (
            isinstance(scale, float) and math.isclose(scale, 1 / 255, rel_tol=1e-6) and not offset
        )
    return bool(layer["class_name"] == "InputLayer")


def _layer(described: Config, input_shape: Shape) -> Module:
    """A layer that is not built yet."""
    kind, config = described["class_name"], described["config"]
    title = f"{kind} {config.get('name')!r}"
    if kind == "Softmax":
        kind, config = "Activation", {**config, "activation": "softmax"}
    own = described.get("registered_name")  # a class of somebody's own, whatever it is called
    if kind not in MINICNN_CLASSES or own:
        known = ", ".join(KERAS_CLASSES.values())
        raise CheckpointError(f"minicnn has no layer as {title}; it takes {known}, Softmax")
    layer = LAYERS[MINICNN_CLASSES[kind]]
    others = {k: v for k, v in config.items() if k not in _fields(layer)}
    _refuse_other(title, others, len(input_shape))
    settings = {"name": config["name"]}
    for field in _fields(layer):
        theirs = KERAS_SETTINGS.get(field, field)
        if config.get(theirs) is not None:
            settings[field] = _IN[field](title, config[theirs]) if field in _IN else config[theirs]
    if settings.get("pool_size") == settings.get("stride"):
        settings.pop("stride", None)
    return layer(**settings)


def _refuse_other(title: str, config: Config, rank: int) -> None:
    """Raise `CheckpointError` for a setting that makes the layer another than minicnn's."""
    for setting, only in ONLY.items():
        value = config.get(setting, only)
        if value != only and not (
            isinstance(value, list | tuple) and all(v == only for v in value)
        ):
            raise CheckpointError(f"{title}: minicnn has no {setting}={value!r}, only {only!r}")
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if axis not in (-1, rank):
        raise CheckpointError(f"{title}: minicnn has no axis={axis!r}, only -1, the channels")


def _activation(title: str, value: Any) -> str | None:
    name = value.get("config") if isinstance(value, dict) else value
    if name in (None, "linear"):
        return None
    if name not in ACTIVATIONS:
        raise CheckpointError(
            f"{title}: minicnn has no activation {name!r}, only {', '.join(ACTIVATIONS)}, linear"
        )
    return str(name)


def _initializer(title: str, value: Any) -> str:
    """Keras's initializer if minicnn has it: the weights are drawn already."""
    name = value.get("class_name") if isinstance(value, dict) else value
    known = {"".join(word.title() for word in mine.split("_")): mine for mine in INITIALIZERS}
    return known.get(str(name), name if name in INITIALIZERS else "glorot_uniform")


def _size(title: str, value: Any) -> int | Pair:
    pair = as_pair(value, f"{title}: a size")
    return pair[0] if pair[0] == pair[1] else pair


_IN: dict[str, Callable[[str, Any], Any]] = {
    "kernel_size": _size,
    "stride": _size,
    "pool_size": _size,
    "activation": _activation,
    "init": _initializer,
    "target_shape": lambda _, value: tuple(value),
    "scale": lambda _, value: _numbers(value),
    "offset": lambda _, value: _numbers(value),
}
"""How a setting is read, where it is not as it is."""


def _zero_bias(described: Config, layer: Module) -> list[Array]:
    """What stands for the bias that a layer in Keras does not have."""
    if described["config"].get("use_bias", True):
        return []
    return [np.zeros_like(bias.data) for name, bias in layer.named_tensors() if name == "bias"]


def named_arrays(layer: Module, arrays: Sequence[Array]) -> dict[str, Array]:
    """The arrays of a Keras layer, which have an order, under minicnn's names, ``layer.weight``.

    - `layer`: minicnn's, built; its `named_tensors` stand in Keras's order.

    Raises `CheckpointError` if there are too few or too many, or if one holds NaN or infinity.

    >>> from minicnn import nn
    >>> dense = nn.Sequential(nn.Dense(1, name="out"), input_shape=(2,)).layers[0]
    >>> named_arrays(dense, [np.array([[3.0], [4.0]]), np.array([5.0])])
    {'out.weight': array([[3.],
           [4.]]), 'out.bias': array([5.])}
    """
    names = [name for name, _ in layer.named_tensors()]
    if len(arrays) != len(names):
        needed = f"{len(names)} ({', '.join(names)})" if names else "none"
        raise CheckpointError(f"{layer.name!r} has {len(arrays)} arrays of weights, needs {needed}")
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CheckpointError(f"'{layer.name}.{name}' holds what is not a number, or infinite")
    return {f"{layer.name}.{name}": a for name, a in zip(names, arrays, strict=True)}

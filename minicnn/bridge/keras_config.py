"""Models as Keras describes them: the same text in `.h5` and `.keras` files and in live models.

**Where the softmax stands**: a minicnn model ends in logits, a Keras classifier mostly in softmax.
So what comes in loses the softmax at its end, and what goes out gains one if it ends in logits; the
probabilities stay the same both ways.
"""

import dataclasses
import re
import warnings
from collections.abc import Container, Sequence
from typing import Any

from minicnn.bridge.keras_layers import Config, described_as, layer_config
from minicnn.errors import ExportError, Notice, ShapeError
from minicnn.nn import Activation, MeanProbability, Module, Sequential
from minicnn.nn.module import Shape
from minicnn.tape import Array

LEGAL = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.-]*")
"""A name that TensorFlow and Keras take for a layer."""


def described_shape(model: Sequential) -> Shape:
    """Return the shape of one input of a model that can be described to another engine.

    Raises `ShapeError` for a model that is not built, `UnknownNameError` for a layer that is not
    minicnn's own, `ExportError` for an ensemble.
    """
    if model.input_shape is None:
        raise ShapeError("the model has no weights yet; give it an input_shape or an input")
    model.config()
    for layer in model.layers:
        if isinstance(layer, MeanProbability):
            raise ExportError(
                f"layer {layer.name!r} is an ensemble of {len(layer.members)} models, for which "
                "other engines have no layer; export the models themselves"
            )
    return model.input_shape


# ------------------------------------------------------------------ the softmax


def ends_in_softmax(layers: Sequence[Module]) -> bool:
    """Whether the last layer is a softmax, or has one as its activation."""
    return getattr(layers[-1], "activation", None) == "softmax"


def without_softmax(layers: Sequence[Module]) -> list[Module]:
    """Return the layers, less the softmax at their end if there is one; the last is new and not
    built.

    >>> from minicnn import nn
    >>> without_softmax([nn.Flatten(), nn.Dense(10, activation="softmax")])[-1].activation
    >>> without_softmax([nn.Dense(10), nn.Activation("softmax")])[-1].units
    10
    """
    *before, last = layers
    if not ends_in_softmax(layers):
        return [*before, last]
    return before if isinstance(last, Activation) else [*before, _activated(last, None)]


def with_softmax(layers: Sequence[Module]) -> list[Module]:
    """Return the layers with one softmax more at the end: in the last if it has room for an
    activation.

    >>> from minicnn import nn
    >>> with_softmax([nn.Flatten(), nn.Dense(10)])[-1].activation
    'softmax'
    >>> with_softmax([nn.Dense(10), nn.ReLU()])[-1].activation
    'softmax'
    """
    *before, last = layers
    if getattr(last, "activation", "none at all") is None:
        return [*before, _activated(last, "softmax")]
    name = free("softmax", {str(layer.name) for layer in layers})
    return [*layers, Activation("softmax", name=name)]


def _activated(layer: Any, activation: str | None) -> Module:
    """Return a new layer, not built, with the same settings but for the activation."""
    changed: Module = dataclasses.replace(layer, activation=activation)
    changed.trainable = layer.trainable
    return changed


# ------------------------------------------------------------------ the description


def keras_config(model: Sequential, softmax: bool, dtype: str | None = None) -> Config:
    """Keras 3's description of a model, as `keras.Sequential` and both file layouts hold it.

    - `softmax`: end in a softmax, which a model that ends in logits leaves to the loss.
    - `dtype`: in what Keras's layers calculate; as the weights are if not given.

    Layers with names that TensorFlow refuses get others there; a `Notice` says which. Raises
    `ShapeError` before the model is built.
    """
    shape = [None, *described_shape(model)]
    one_more = softmax and model.head.kind == "logits"
    layers = with_softmax(model.layers) if one_more else model.layers
    mine = [str(layer.name) for layer in layers]
    names = legal_names(mine)
    _say_renamed(mine, names)
    dtype = dtype or _dtype(model)
    first = described_as("InputLayer", {"name": free("input_layer", names), "batch_shape": shape})
    described = [
        layer_config(layer, name, dtype) for layer, name in zip(layers, names, strict=True)
    ]
    config = {"name": "sequential", "layers": [first, *described], "build_input_shape": shape}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def legal_names(names: Sequence[str]) -> list[str]:
    """Return the names, with those that TensorFlow refuses for layers in letters that it takes.

    >>> legal_names(["dense", "first layer", "first_layer", "größe", "_"])
    ['dense', 'first_layer_', 'first_layer', 'gr__e', 'layer_']
    """
    taken = {name for name in names if LEGAL.fullmatch(name)}
    legal_ones = []
    for name in names:
        legal = name
        if name not in taken:
            legal = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
            legal = free(legal if LEGAL.fullmatch(legal) else f"layer{legal}", taken)
            taken.add(legal)
        legal_ones.append(legal)
    return legal_ones


def _say_renamed(mine: Sequence[str], theirs: Sequence[str]) -> None:
    pairs = zip(mine, theirs, strict=True)
    renamed = ", ".join(f"{name!r} is {legal!r}" for name, legal in pairs if name != legal)
    if renamed:
        warnings.warn(
            "Keras and TensorFlow take layers' names of ASCII letters, digits, '_', '-' and '.' "
            f"alone; there {renamed}",
            Notice,
            stacklevel=3,
        )


def free(name: str, taken: Container[str]) -> str:
    """Return the name, with as many "_" behind it as it takes to be a new one."""
    while name in taken:
        name += "_"
    return name


def _dtype(model: Sequential) -> str:
    """Return the type of the weights; float32 if there are none."""
    return next((str(tensor.data.dtype) for _, tensor in model.named_tensors()), "float32")


def weights_of(model: Sequential) -> list[dict[str, Array]]:
    """Each layer's weights by Keras's names for them, in Keras's order, which is minicnn's too."""
    return [
        {
            "kernel" if name == "weight" else name: tensor.data
            for name, tensor in layer.named_tensors()
        }
        for layer in model.layers
    ]

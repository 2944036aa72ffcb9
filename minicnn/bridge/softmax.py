"""Where the softmax stands: a minicnn model ends in logits, a Keras classifier mostly in softmax.

minicnn takes the softmax of a model's outputs to be its probabilities: in the loss, in `evaluate`,
in every command. So what comes in loses the softmax at its end, and what goes out gains one; the
probabilities stay the same both ways.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minicnn.nn import Activation, Module


def ends_in_softmax(layers: Sequence[Module]) -> bool:
    """Whether the last layer is a softmax, or has one as its activation."""
    return getattr(layers[-1], "activation", None) == "softmax"


def without_softmax(layers: Sequence[Module]) -> list[Module]:
    """The layers, less the softmax at their end if there is one; the last is new and not built.

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
    """The layers with one softmax more at the end: in the last if it has room for an activation.

    >>> from minicnn import nn
    >>> with_softmax([nn.Flatten(), nn.Dense(10)])[-1].activation
    'softmax'
    >>> with_softmax([nn.Dense(10), nn.ReLU()])[-1].activation
    'softmax'
    """
    *before, last = layers
    if getattr(last, "activation", "none at all") is None:
        return [*before, _activated(last, "softmax")]
    taken, name = {layer.name for layer in layers}, "softmax"
    while name in taken:
        name += "_"
    return [*layers, Activation("softmax", name=name)]


def _activated(layer: Any, activation: str | None) -> Module:
    """A new layer, not built, with the same settings but for the activation."""
    changed: Module = replace(layer, activation=activation)
    return changed

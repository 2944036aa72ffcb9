"""Which neighbouring layers are computed in one pass: the engine's choice, the same numbers.

A layer with weights and the ReLU behind it are one step, and a convolution takes max pooling of
windows side by side along: its full-sized output is never written to memory. Both ways of writing
it are found, ``Conv2D(32, 3, activation="relu")`` and ``Conv2D(32, 3), ReLU()``. A subclass may do
something else, so only the layers themselves are fused.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from minicnn.nn.layers import Conv2D, Dense, MaxPool2D, ReLU
from minicnn.nn.module import Module
from minicnn.tensor import Tensor


class Step(NamedTuple):
    """Layers that are computed in one pass, as a function of (x, training)."""

    layers: tuple[Module, ...]
    forward: Callable[[Tensor, bool], Tensor]


def fused_steps(layers: Sequence[Module]) -> list[Step]:
    """The layers in steps, neighbours that go together in one.

    >>> from minicnn import nn
    >>> steps = fused_steps([nn.Conv2D(8, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten()])
    >>> [len(step.layers) for step in steps]
    [3, 1]
    """
    steps: list[Step] = []
    start = 0
    while start < len(layers):
        step = _step(layers, start)
        steps.append(step)
        start += len(step.layers)
    return steps


def _step(layers: Sequence[Module], start: int) -> Step:
    """The step that begins with this layer."""
    layer, following = layers[start], layers[start + 1 : start + 3]
    if type(layer) not in (Conv2D, Dense):
        return Step((layer,), layer)
    inside = layer.activation == "relu"  # type: ignore[attr-defined]
    outside = layer.activation is None and bool(following) and type(following[0]) is ReLU  # type: ignore[attr-defined]
    if not (inside or outside):
        return Step((layer,), layer)
    end = start + 1 + outside
    if type(layer) is Dense:
        return Step(tuple(layers[start:end]), layer.forward_fused)
    pool = None
    if end < len(layers) and _pools_side_by_side(layers[end]):
        pool, end = layers[end]._pool, end + 1  # type: ignore[attr-defined]
    forward = functools.partial(layer.forward_fused, pool=pool)  # type: ignore[attr-defined]
    return Step(tuple(layers[start:end]), forward)


def _pools_side_by_side(layer: Module) -> bool:
    return type(layer) is MaxPool2D and layer._stride == layer._pool and layer.padding == "valid"

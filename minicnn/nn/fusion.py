"""Which neighbouring layers are computed in one pass: the engine's choice, the same numbers.

A layer with weights and the ReLU behind it are one step, and a convolution takes max pooling of
windows side by side along: its full-sized output is never written to memory. Both ways of writing
it are found, ``Conv2D(32, 3, activation="relu")`` and ``Conv2D(32, 3), ReLU()``. Batch
normalisation is one step with the ReLU behind it in training; in prediction, where it is the same
for every picture, the convolution before it takes it into its weights. A subclass may do something
else, so only the layers themselves are fused.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from minicnn.nn.batch_norm import BatchNorm
from minicnn.nn.layers import Conv2D, Dense, ReLU
from minicnn.nn.module import Module
from minicnn.nn.pooling import MaxPool2D
from minicnn.tensor import Tensor

M = TypeVar("M", bound=Module)


class FusedStep(NamedTuple):
    """Layers that are computed in one pass, as a function of (x, training)."""

    layers: tuple[Module, ...]
    forward: Callable[[Tensor, bool], Tensor]


def fused_steps(layers: Sequence[Module], training: bool) -> list[FusedStep]:
    """Return the layers in steps, neighbours that go together in one.

    >>> from minicnn import nn
    >>> layers = [nn.Conv2D(8, 3), nn.BatchNorm(), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten()]
    >>> [len(step.layers) for step in fused_steps(layers, training=True)]
    [1, 2, 1, 1]
    >>> [len(step.layers) for step in fused_steps(layers, training=False)]
    [4, 1]
    """
    steps: list[FusedStep] = []
    rest = list(layers)
    while rest:
        step = _step(rest, training)
        steps.append(step)
        rest = rest[len(step.layers) :]
    return steps


def _step(layers: Sequence[Module], training: bool) -> FusedStep:
    """Return the step that begins with the first of these layers."""
    first, *rest = layers
    taken = [first]

    def take(kind: type[M]) -> M | None:
        """Take the next layer, if it is of this very kind."""
        if not (rest and type(rest[0]) is kind):
            return None
        taken.append(rest[0])
        return rest.pop(0)  # type: ignore[return-value]

    def takes_relu(activation: str | None) -> bool:
        return activation == "relu" or (activation is None and take(ReLU) is not None)

    forward: Callable[[Tensor, bool], Tensor] = first
    if type(first) is Conv2D:
        norm = None if training or first.activation else take(BatchNorm)
        relu = takes_relu(first.activation)
        pool = take(MaxPool2D) if relu and rest and _pools_side_by_side(rest[0]) else None
        if norm or relu:
            size = pool._pool if pool else None
            forward = functools.partial(first.forward_fused, norm=norm, relu=relu, pool=size)
    elif type(first) is Dense:
        if takes_relu(first.activation):
            forward = first.forward_fused
    elif type(first) is BatchNorm and training and first.trainable and take(ReLU):
        forward = first.forward_fused
    return FusedStep(tuple(taken), forward)


def _pools_side_by_side(layer: Module) -> bool:
    return type(layer) is MaxPool2D and layer._stride == layer._pool and layer.padding == "valid"

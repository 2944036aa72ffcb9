"""Which neighbouring layers are computed in one pass: the engine's choice, the same numbers.

A convolution followed by ReLU, and then perhaps by max pooling of windows side by side, never
writes its full-sized output to memory. Both ways of writing it are found, ``Conv2D(32, 3,
activation="relu")`` and ``Conv2D(32, 3), ReLU()``. A subclass may do something else, so only the
layers themselves are fused.
"""

import functools
from collections.abc import Callable, Sequence

from minicnn.nn.layers import Conv2D, MaxPool2D, ReLU
from minicnn.nn.module import Module
from minicnn.tensor import Tensor

Step = Callable[[Tensor, bool], Tensor]


def fused_steps(layers: Sequence[Module]) -> list[Step]:
    """The layers as functions of (x, training), neighbours that go together as one.

    >>> from minicnn import nn
    >>> len(fused_steps([nn.Conv2D(8, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten()]))
    2
    """
    steps: list[Step] = []
    waiting = list(reversed(layers))
    while waiting:
        layer = waiting.pop()
        if type(layer) is Conv2D and _relu_follows(layer, waiting):
            if layer.activation is None:
                waiting.pop()
            pool = None
            if waiting and _pools_side_by_side(waiting[-1]):
                pool = waiting.pop()._pool  # type: ignore[attr-defined]
            steps.append(functools.partial(layer.forward_fused, pool=pool))
        else:
            steps.append(layer)
    return steps


def _relu_follows(layer: Conv2D, waiting: list[Module]) -> bool:
    if layer.activation is None:
        return bool(waiting) and type(waiting[-1]) is ReLU
    return layer.activation == "relu"


def _pools_side_by_side(layer: Module) -> bool:
    return type(layer) is MaxPool2D and layer._stride == layer._pool and layer.padding == "valid"

"""Several trained models as one layer, which answers with the mean of their probabilities."""

import functools
from collections.abc import Sequence
from typing import Any

from minicnn.errors import SettingError, ShapeError
from minicnn.nn.head import Head, mean_output
from minicnn.nn.layers import LAYERS
from minicnn.nn.module import Module, Shape
from minicnn.nn.sequential import Sequential
from minicnn.tensor import Tensor


class MeanProbability(Module):
    """The logarithm of the mean of the members' probabilities: logits, whose softmax is that mean.

    (N, ...) -> (N, classes), for whatever input the members take. Where all members end in a
    softmax, or all in sigmoids, it is the mean of their outputs itself.

    - `members`: two or more built models, or the `config()` of such models, which are built anew.

    Raises `ShapeError` if the members do not take the same inputs or give as many outputs, or if
    their outputs have no common meaning.

    >>> import numpy as np
    >>> from minicnn import kernels, nn
    >>> members = [nn.Sequential(nn.Dense(2), input_shape=(3,), rng=seed) for seed in (0, 1)]
    >>> x = np.ones((1, 3), np.float32)
    >>> mean = np.mean([kernels.softmax(member.predict(x)) for member in members], axis=0)
    >>> bool(np.allclose(kernels.softmax(MeanProbability(members)(x).data), mean))
    True
    """

    def __init__(self, members: Sequence[Sequential | dict[str, Any]], name: str | None = None):
        self.name = name
        shared: dict[int, Module] = {}
        self.members = [
            each if isinstance(each, Sequential) else Sequential.from_config(each, shared=shared)
            for each in members
        ]
        if len(self.members) < 2:
            raise SettingError(f"a mean needs two members or more, got {len(self.members)}")
        first, *others = map(_shapes, self.members)
        for number, shapes in enumerate(others, 2):
            if shapes != first:
                raise ShapeError(
                    f"member {number} takes inputs {shapes[0]} and gives {shapes[1]}, the first "
                    f"takes {first[0]} and gives {first[1]}; they must be the same"
                )

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.members[0].output_shape(input_shape)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return mean_output(self._heads, [member.forward(x, training) for member in self.members])

    @functools.cached_property
    def _heads(self) -> list[Head]:
        """The members' heads, found when they are first asked."""
        heads = [member.head for member in self.members]
        for head in heads:
            head.check()
        if len({head.kind == "sigmoids" for head in heads}) > 1:
            raise ShapeError("some members end in sigmoids and some do not; all must, or none")
        return heads

    def config(self) -> dict[str, Any]:
        """Return the members' descriptions; a layer in several has the same number in each,
        `shared`.
        """
        members = [member.config() for member in self.members]
        places: dict[int, list[dict[str, Any]]] = {}
        for member, description in zip(self.members, members, strict=True):
            for layer, described in zip(member.layers, description["layers"], strict=True):
                places.setdefault(id(layer), []).append(described)
        for number, same in enumerate(each for each in places.values() if len(each) > 1):
            for described in same:
                described["shared"] = number
        return {"members": members, "name": self.name}


def _shapes(model: Sequential) -> tuple[Shape, Shape]:
    """Of an input and of an output."""
    if model.input_shape is None:
        raise ShapeError("a member has no weights yet; give it an input_shape or an input")
    return model.input_shape, model.output_shape(model.input_shape)


LAYERS[MeanProbability.__name__] = MeanProbability

"""`Module`: what layers and models share: weights, building on first use, a forward pass."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from minicnn.errors import ShapeError
from minicnn.tape import Array
from minicnn.tensor import Tensor

Shape = tuple[int, ...]


class Module:
    """Base of every layer and model. A subclass writes `forward`, and `build` if it has weights.

    Weights are `Tensor` attributes: those that require a gradient are the trainable parameters, the
    others are state that is saved along (running averages). Modules as attributes, or in a list,
    are found too. A module is built once, by its first input:

    >>> class Scale(Module):
    ...     def build(self, input_shape, rng):
    ...         self.factor = Tensor(np.ones(input_shape[-1]), requires_grad=True)
    ...     def forward(self, x, training):
    ...         return x * self.factor
    >>> scale = Scale()
    >>> scale(np.zeros((2, 3))).shape, [name for name, _ in scale.named_tensors()]
    ((2, 3), ['factor'])
    """

    name: str | None = None
    built = False
    class_names: tuple[str, ...] | None = None
    """What the outputs stand for; set by training, saved with the model."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """The output for a batch; `training` switches dropout and batch statistics on."""
        raise TypeError(f"{type(self).__name__} has no forward(self, x, training)")

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        """Create the weights for inputs of this shape, the batch axis left out."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output for one input, the batch axis left out on both sides."""
        return input_shape

    def ensure_built(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        """Build now if it was not done. Without `rng` the weights are drawn from fresh entropy."""
        if not self.built:
            self.build(input_shape, np.random.default_rng() if rng is None else rng)
            self.built = True

    def __call__(self, x: Tensor | Array, training: bool = False) -> Tensor:
        """The output for a batch ``x`` of float arrays or a Tensor, the batch axis first."""
        x = x if isinstance(x, Tensor) else Tensor(_checked(x))
        try:
            self.ensure_built(x.shape[1:])
            return self.forward(x, training)
        except ShapeError as error:
            raise self.named(error) from None

    def named(self, error: ShapeError) -> ShapeError:
        """The error with this layer's name before it, unless one inside has put its own."""
        if self.name is None or hasattr(error, "layer"):
            return error
        named = ShapeError(f"{type(self).__name__} {self.name!r}: {error}")
        named.layer = self.name  # type: ignore[attr-defined]
        return named

    # -------------------------------------------------------------- weights

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules directly inside this one, with their names."""
        for attribute, value in vars(self).items():
            if isinstance(value, Module):
                yield attribute, value
            elif isinstance(value, list | tuple):
                for i, item in enumerate(value):
                    if isinstance(item, Module):
                        yield item.name or f"{attribute}.{i}", item

    def modules(self) -> Iterator["Module"]:
        """This module and all inside it."""
        yield self
        for _, child in self.children():
            yield from child.modules()

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every weight with its name, such as ``conv2d_1.weight``, in the order of definition."""
        for attribute, value in vars(self).items():
            if isinstance(value, Tensor):
                yield attribute, value
        for name, child in self.children():
            for inner, tensor in child.named_tensors():
                yield f"{name}.{inner}", tensor

    def parameters(self) -> list[Tensor]:
        """The trainable weights."""
        tensors = (t for module in self.modules() for t in vars(module).values())
        return [t for t in tensors if isinstance(t, Tensor) and t.requires_grad]

    def parameter_count(self) -> int:
        """How many trainable numbers there are."""
        return sum(p.size for p in self.parameters())

    def zero_grad(self) -> None:
        """Forget the gradients collected so far; `backward` adds to what is there."""
        for p in self.parameters():
            p.grad = None

    def weights(self) -> dict[str, Array]:
        """A copy of every weight by name."""
        return {name: tensor.data.copy() for name, tensor in self.named_tensors()}

    def set_weights(self, weights: dict[str, Array]) -> None:
        """Set every weight by name; if one does not fit, `ShapeError` and nothing changes."""
        mine = dict(self.named_tensors())
        if not mine and weights:
            raise ShapeError("the model has no weights yet; give it an input_shape or an input")
        if mine.keys() != weights.keys():
            missing, extra = sorted(mine.keys() - weights.keys()), weights.keys() - mine.keys()
            raise ShapeError(f"weights do not fit: missing {missing}, unknown {sorted(extra)}")
        for name, tensor in mine.items():
            if np.asarray(weights[name]).dtype.kind not in "fiu":
                raise ShapeError(f"weight {name!r} must be numbers, got {weights[name]!r}")
            if tensor.shape != np.shape(weights[name]):
                raise ShapeError(
                    f"weight {name!r} has shape {tensor.shape}, got {np.shape(weights[name])}"
                )
        for name, tensor in mine.items():
            tensor[...] = weights[name]

    def generators(self) -> list[np.random.Generator]:
        """The random generators inside (dropout's), each once, in the order of definition."""
        found = {}
        for module in self.modules():
            for value in vars(module).values():
                if isinstance(value, np.random.Generator):
                    found[id(value)] = value
        return list(found.values())

    # -------------------------------------------------------------- description

    def config(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults, to build it again."""
        return {
            field.name: value
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if field.init and (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def snake_name(cls) -> str:
        """The class's name as Keras would write it: ``MaxPool2D`` -> ``max_pool2d``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()


def _checked(x: Array) -> Array:
    """Refuse what would train silently wrong: unscaled bytes, NaN, infinity."""
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise ShapeError(
            f"the input must be float32 or float64, got {x.dtype}; scale pictures to 0..1 first: "
            "x.astype(np.float32) / 255, or dataset.scaled()"
        )
    if x.ndim < 2:
        raise ShapeError(f"the input must be a batch (N, ...), got shape {x.shape}")
    if not np.isfinite(x).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ShapeError(f"the input holds {x[where]} at {where}; every value must be finite")
    return x

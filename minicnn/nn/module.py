"""`Module`: what layers and models share: weights, building on first use, a forward pass."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from minicnn.errors import ShapeError
from minicnn.nn.building import Origin, inside, on_zeros, parents_generator, zeros
from minicnn.nn.inputs import checked
from minicnn.tape import Array
from minicnn.tensor import Tensor

Shape = tuple[int, ...]


class Module:
    """Base of every layer and model. A subclass writes `forward`, and `build` if it has weights.

    Weights are `Tensor` attributes: those that require a gradient are the trainable parameters, the
    others are state that is saved along (running averages). Modules and weights are found as
    attributes and in lists, tuples and dictionaries, each once, wherever else it stands. A module
    is built once, by its first input; modules inside that are not built yet are built with it, from
    the same generator, by passing zeros through `forward`:

    >>> class Twice(Module):
    ...     def __init__(self, layer):
    ...         self.layer = layer
    ...     def build(self, input_shape, rng):
    ...         self.factor = Tensor(np.ones(input_shape[-1]), requires_grad=True)
    ...     def forward(self, x, training):
    ...         return self.layer(self.layer(x * self.factor, training), training)
    >>> from minicnn import nn
    >>> twice = Twice(nn.Dense(3))
    >>> twice.ensure_built((3,), np.random.default_rng(0))
    >>> [name for name, _ in twice.named_tensors()]
    ['factor', 'layer.weight', 'layer.bias']
    """

    name: str | None = None
    built = False
    class_names: tuple[str, ...] | None = None
    """What the outputs stand for; set by training, saved with the model."""

    _trainable = True
    _frozen: tuple[str, ...] = ()
    """The weights of its own that a gradient reaches again when `trainable` is."""
    _reached = True
    """False if it is not built because `forward` of the module around it does not call it."""
    _origin: Origin | None = None

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        try:
            inspect.signature(cls.forward).bind("self", "x", "training")
        except TypeError as error:
            raise TypeError(f"{cls.__name__} needs a forward(self, x, training): {error}") from None

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output for a batch; `training` switches dropout and batch statistics on."""
        raise TypeError(f"{type(self).__name__} has no forward(self, x, training)")

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        """Create the weights for inputs of this shape, the batch axis left out."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for one input, the batch axis left out on both sides.

        Found by passing zeros through, unless a subclass can tell.
        """
        with on_zeros():
            return self(zeros(input_shape)).shape[1:]

    def ensure_built(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        """Build now what was not built, here and inside, from `rng`; fresh entropy without."""
        if not self.built:
            rng = np.random.default_rng(rng)
            with inside(rng):
                self.build(input_shape, rng)
            self.built = True
            self._origin = Origin(input_shape, rng)
            if not self.trainable:  # what `build` has made is frozen too
                self.trainable = False
        self._build_inside()

    def _build_inside(self) -> None:
        """Build the modules inside that `forward` reaches, in prediction and then in training."""
        for training in (False, True):
            if self._origin is None or not any(module._waits() for module in self.modules()):
                return
            with on_zeros(), inside(self._origin.rng):
                self.forward(zeros(self._origin.input_shape), training)
        for module in self.modules():
            module._reached = module.built

    def _waits(self) -> bool:
        return not self.built and self._reached

    def __call__(self, x: Tensor | Array, training: bool = False) -> Tensor:
        """Compute the output for a batch ``x`` of float arrays or a Tensor, the batch axis
        first.
        """
        x = x if isinstance(x, Tensor) else Tensor(self._checked(x))
        try:
            if not self.built:
                self.ensure_built(x.shape[1:], parents_generator.get())
            if self._origin is None:  # built by other means than `ensure_built`
                return self.forward(x, training)
            token = parents_generator.set(self._origin.rng)  # in full, for `inside` takes longer
            try:
                return self.forward(x, training)
            finally:
                parents_generator.reset(token)
        except ShapeError as error:
            raise self.named(error) from None

    def _checked(self, x: Array) -> Array:
        return checked(x)

    def named(self, error: ShapeError) -> ShapeError:
        """Put this layer's name before the error, unless one inside has put its own."""
        if self.name is None or hasattr(error, "layer"):
            return error
        named = ShapeError(f"{type(self).__name__} {self.name!r}: {error}")
        named.layer = self.name  # type: ignore[attr-defined]
        return named

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights here and inside; settable, as in Keras.

        No gradient is computed for frozen weights, and frozen batch normalisation normalises by its
        running averages, and leaves them as they are, in training too.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for module in self.modules():
            module._set_trainable(value)

    def _set_trainable(self, value: bool) -> None:
        self._trainable = value
        for name, tensor in self._contents():
            if isinstance(tensor, Tensor) and tensor.node is None:
                if value and name in self._frozen:
                    tensor.requires_grad = True
                elif not value and tensor.requires_grad:
                    tensor.requires_grad, tensor.grad = False, None
                    self._frozen = (*self._frozen, name)
        if value:
            self._frozen = ()

    # -------------------------------------------------------------- weights

    def _contents(self) -> "list[tuple[str, Module | Tensor]]":
        """Return what stands directly in here, by the name of the attribute and the place in it."""
        found: list[tuple[str, Module | Tensor]] = []
        for attribute, value in vars(self).items():
            if type(value) not in _PLAIN:
                _find(attribute, value, found)
        return found

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the modules directly inside this one, with their names."""
        return ((name, value) for name, value in self._contents() if isinstance(value, Module))

    def _inside(self) -> "list[tuple[str, Module | Tensor]]":
        """Return this module, the weights in it, and the same for every module inside.

        Each is given once, under the first of the names that it stands under: a layer may be shared
        by two, and may lead back to where one came from.
        """
        found: list[tuple[str, Module | Tensor]] = []
        self._collect("", set(), found)
        return found

    def _collect(self, prefix: str, seen: set[int], found: list[tuple[str, Any]]) -> None:
        seen.add(id(self))
        found.append((prefix, self))
        modules = []
        for name, value in self._contents():
            if isinstance(value, Module):
                modules.append((name, value))
            elif value.node is None and id(value) not in seen:  # an output that was kept is none
                seen.add(id(value))
                found.append((prefix + name, value))
        for name, module in modules:
            if id(module) not in seen:
                module._collect(f"{prefix}{name}.", seen, found)

    def modules(self) -> Iterator["Module"]:
        """Yield this module and all inside it."""
        return (value for _, value in self._inside() if isinstance(value, Module))

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every weight with its name, such as ``conv2d_1.weight``, in the order of definition."""
        taken = set()
        for name, tensor in self._tensors():
            while name in taken:
                name += "_"
            taken.add(name)
            yield name, tensor

    def _tensors(self) -> list[tuple[str, Tensor]]:
        inside = self._inside()
        if self.built and any(isinstance(v, Module) and v._waits() for _, v in inside):
            self._build_inside()  # a layer was put in after the module was built
            inside = self._inside()
        return [(name, value) for name, value in inside if isinstance(value, Tensor)]

    def parameters(self) -> list[Tensor]:
        """Return the trainable weights."""
        return [tensor for _, tensor in self._tensors() if tensor.requires_grad]

    def parameter_count(self) -> int:
        """How many trainable numbers there are."""
        return sum(p.size for p in self.parameters())

    def zero_grad(self) -> None:
        """Forget the gradients collected so far; `backward` adds to what is there."""
        for p in self.parameters():
            p.grad = None

    def weights(self) -> dict[str, Array]:
        """Copy every weight, by name."""
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
        """Return the random generators inside (dropout's), each once, in the order of
        definition.
        """
        found = {}
        for module in self.modules():
            for value in vars(module).values():
                if isinstance(value, np.random.Generator):
                    found[id(value)] = value
        return list(found.values())

    # -------------------------------------------------------------- description

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults, to build it again."""
        return {
            field.name: value
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if field.init and (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def snake_name(cls) -> str:
        """Return the class's name as Keras would write it: ``MaxPool2D`` -> ``max_pool2d``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()


_FOUND = (Module, Tensor)
_PLAIN = frozenset((str, int, bool, float, type(None), np.random.Generator, Origin))
"""What is passed over at once, for the tree is walked at every step of training."""


def _find(place: str, value: Any, found: list[tuple[str, Module | Tensor]]) -> None:
    """Append the modules and tensors that `value` is or holds; in a list by their own names."""
    if isinstance(value, _FOUND):
        found.append((place, value))
    elif isinstance(value, (list, tuple)):
        names = set()
        for i, item in enumerate(value):
            if isinstance(item, Module) and item.name and item.name not in names:
                names.add(item.name)
                found.append((item.name, item))
            elif type(item) not in _PLAIN:
                _find(f"{place}.{i}", item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            _find(f"{place}.{key}", item, found)
    elif isinstance(value, (set, frozenset)) and any(isinstance(item, _FOUND) for item in value):
        raise ShapeError(f"{place} is a set, which has no order; keep layers and weights in a list")


class SameShape(Module):
    """Base of the layers whose output has the shape of their input."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

"""`Sequential`: layers one after the other, with a summary, and a description to build it again."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from minicnn.errors import ShapeError, UnknownNameError
from minicnn.nn.building import on_zeros, parents_generator, zeros
from minicnn.nn.fusion import fused_steps
from minicnn.nn.head import Head
from minicnn.nn.inputs import check_pixels
from minicnn.nn.layers import LAYERS
from minicnn.nn.module import Module, Shape
from minicnn.nn.shaping import Rescaling
from minicnn.tape import Array, no_grad
from minicnn.tensor import Tensor

T = TypeVar("T", Tensor, Array)


class LayerRow(NamedTuple):
    """One layer of a model's summary; the shape is that of one output, without the batch axis."""

    name: str
    kind: str
    output_shape: Shape
    parameters: int


class Sequential(Module):
    """A model that passes its input through `layers` in turn.

    - `input_shape`: one input without the batch axis; builds the weights now instead of at the
      first input.
    - `rng`: a Generator, or a seed for one, for initial weights and dropout. By default it is that
      of the module around it, and 0 where there is none, so that a model is the same every time.

    A layer put into `layers` later is named and built like the others, and takes its place.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
    >>> model.parameter_count()
    7850
    """

    def __init__(
        self,
        *layers: Module,
        input_shape: Shape | None = None,
        rng: np.random.Generator | int | None = None,
    ):
        if not layers:
            raise ShapeError("Sequential needs at least one layer")
        self._layers = list(layers)
        self.rng = None if rng is None else np.random.default_rng(rng)
        self.input_shape: Shape | None = None
        self._name_layers()
        if input_shape is not None:
            self.ensure_built(tuple(input_shape))

    @property
    def layers(self) -> list[Module]:
        """The layers in their order."""
        self._take_in()
        return self._layers

    @layers.setter
    def layers(self, layers: Iterable[Module]) -> None:
        self._layers = list(layers)

    def _contents(self) -> list[tuple[str, Module | Tensor]]:
        self._take_in()
        return super()._contents()

    def _take_in(self) -> None:
        """Name and build layers that were put in after the model was built."""
        if self.input_shape is not None and not all(layer.built for layer in self._layers):
            self._name_layers()
            self._build_layers(self.input_shape)

    def _name_layers(self) -> None:
        """Keras's names: the kind of layer, numbered from the second of the kind on."""
        taken = {layer.name for layer in self._layers}
        counts: Counter[str] = Counter()
        for layer in self._layers:
            while layer.name is None:
                kind = layer.snake_name()
                name = f"{kind}_{counts[kind]}" if counts[kind] else kind
                counts[kind] += 1
                layer.name = None if name in taken else name
        names = Counter(layer.name for layer in self._layers)
        twice = ", ".join(str(name) for name, count in names.items() if count > 1)
        if twice and len({id(layer) for layer in self._layers}) < len(self._layers):
            raise ShapeError(
                f"a layer stands twice in the model: {twice}; make a second one, or share its "
                "weights in a Module of your own"
            )
        if twice:
            raise ShapeError(f"two layers have the same name: {twice}")

    def ensure_built(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.rng is None:
            parents = parents_generator.get()
            self.rng = np.random.default_rng(0) if parents is None else parents
        super().ensure_built(input_shape, self.rng)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        self._build_layers(input_shape)
        self.input_shape = input_shape

    def _build_layers(self, shape: Shape) -> None:
        for layer in self._layers:
            try:
                if layer.built:  # in another model, say: do its weights fit here?
                    with on_zeros():
                        layer(zeros(shape))
                layer.ensure_built(shape, self.rng)
                shape = layer.output_shape(shape)
            except ShapeError as error:
                raise layer.named(error) from None

    def output_shape(self, input_shape: Shape) -> Shape:
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape)
        return input_shape

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if self.input_shape is None:
            self.ensure_built(x.shape[1:])
        x = self.as_input(x)
        for step in fused_steps(self.layers, training):
            try:
                x = step.forward(x, training)
            except ShapeError as error:
                raise step.layers[0].named(error) from None
        return x

    def _checked(self, x: Array) -> Array:
        x = super()._checked(x)
        if not isinstance(self._layers[0], Rescaling):  # which makes the range its own affair
            check_pixels(x, trained=self.class_names is not None)
        return x

    @property
    def picture_shape(self) -> Shape | None:
        """The (H, W, C) of the pictures that the model takes; `as_input` gives them its shape.

        >>> from minicnn import nn
        >>> [nn.Sequential(nn.Flatten(), input_shape=s).picture_shape for s in [(28, 28), (784,)]]
        [(28, 28, 1), (28, 28, 1)]
        """
        shape = self.input_shape
        if shape and len(shape) == 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
            shape = (math.isqrt(shape[0]),) * 2
        return (*shape, 1) if shape and len(shape) == 2 else shape

    def as_input(self, x: T) -> T:
        """Reshape pictures (N, H, W, C) for a model that takes (N, H, W) or rows of all numbers.

        What has the right shape is given back as it is. Raises `ShapeError` for other shapes.
        """
        given: Shape = x.shape[1:]
        needed: Shape = self.input_shape or given
        if given == needed:
            return x
        as_rows, without_channel = (math.prod(given),), given[:2] if given[2:] == (1,) else None
        if len(given) == 3 and needed in (as_rows, without_channel):
            return x.reshape(len(x), *needed)
        raise ShapeError(f"the model takes {('N', *needed)}, got an input of {x.shape}")

    def predict(self, x: Array, batch_size: int = 512) -> Array:
        """Return the outputs for any number of inputs, batch by batch, without recording a tape."""
        with no_grad():
            parts = [self(x[i : i + batch_size]).data for i in range(0, len(x), batch_size)]
        if not parts:
            raise ShapeError("predict needs at least one input, got none")
        return np.concatenate(parts)

    def config(self) -> dict[str, Any]:
        """Layers and their settings as plain data; `from_config` builds the same model.

        Raises `UnknownNameError` for a layer, or a kind of model, of one's own.
        """
        if type(self) is not Sequential:
            raise UnknownNameError("model", type(self).__name__, ["Sequential"])
        layers = []
        for layer in self.layers:
            kind = type(layer).__name__
            if LAYERS.get(kind) is not type(layer):
                raise UnknownNameError("layer", kind, LAYERS)
            frozen = {} if layer.trainable else {"trainable": False}
            layers.append({"layer": kind, **layer.config(), **frozen})
        shape = None if self.input_shape is None else list(self.input_shape)
        return {"input_shape": shape, "layers": layers}

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        rng: np.random.Generator | int | None = None,
        shared: dict[int, Module] | None = None,
    ) -> "Sequential":
        """Return a new model from `config()`, with fresh weights.

        - `shared`: the layers so far that other models have too, by their number in `config`.
        """
        layers, shared = [], {} if shared is None else shared
        for description in config["layers"]:
            arguments = dict(description)
            kind, trainable = arguments.pop("layer"), arguments.pop("trainable", True)
            number = arguments.pop("shared", None)
            if number in shared:
                layers.append(shared[number])
                continue
            if kind not in LAYERS:
                raise UnknownNameError("layer", kind, LAYERS)
            lists = {k: tuple(v) for k, v in arguments.items() if isinstance(v, list)}
            layers.append(LAYERS[kind](**{**arguments, **lists}))
            layers[-1].trainable = trainable
            if number is not None:
                shared[number] = layers[-1]
        shape = config.get("input_shape")
        return cls(*layers, input_shape=tuple(shape) if shape else None, rng=rng)

    def layer_rows(self) -> list[LayerRow]:
        """Return what `summary` says of each layer; raise `ShapeError` before the model is built.

        >>> from minicnn import nn
        >>> nn.Sequential(nn.Conv2D(8, 3), input_shape=(5, 5, 1)).layer_rows()
        [LayerRow(name='conv2d', kind='Conv2D', output_shape=(3, 3, 8), parameters=80)]
        """
        if self.input_shape is None:
            raise ShapeError("summary() needs the input's shape; give input_shape or an input")
        rows, shape = [], self.input_shape
        for layer in self.layers:
            shape = layer.output_shape(shape)
            count = sum(tensor.size for _, tensor in layer.named_tensors())
            rows.append(LayerRow(str(layer.name), type(layer).__name__, shape, count))
        return rows

    @property
    def outputs(self) -> int:
        """The numbers that the last layer gives for each input.

        Raises `ShapeError` before the model is built.
        """
        return self.layer_rows()[-1].output_shape[-1]

    @property
    def classes(self) -> int:
        """The classes that the outputs tell apart: as many as outputs, but two of one sigmoid."""
        return self.outputs if self.outputs > 1 else self.head.classes

    @property
    def head(self) -> Head:
        """What the outputs are: logits, a softmax, sigmoids, or numbers; found by a pass of zeros.

        Raises `ShapeError` before the model is built.
        """
        if self.input_shape is None:
            raise ShapeError("the model has no weights yet; give it an input_shape or an input")
        return Head.of(self, zeros(self.input_shape).data)

    def summary(self) -> str:
        """Return a table of the layers: name, output shape and number of parameters, and the
        totals.

        Raises `ShapeError` before the model is built.
        """
        rows = [
            (f"{row.name} ({row.kind})", str((None, *row.output_shape)), f"{row.parameters:,}")
            for row in self.layer_rows()
        ]
        total = sum(tensor.size for _, tensor in self.named_tensors())
        trainable = self.parameter_count()
        return "\n".join(
            [
                *_table(("Layer (type)", "Output shape", "Param #"), rows),
                f"Total params: {total:,} ({total * 4 / 1024:,.2f} KB)",
                f"Trainable params: {trainable:,} ({trainable * 4 / 1024:,.2f} KB)",
                f"Non-trainable params: {total - trainable:,}",
            ]
        )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = [cell.ljust(w) for cell, w in zip(row[:-1], widths, strict=False)]
        return "  ".join([*cells, row[-1].rjust(widths[-1])])

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return [line(head), rule, *map(line, rows), rule]

"""Live Keras models: to minicnn, from minicnn, and layer by layer beside each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import kernels
from minicnn.bridge.extras import required
from minicnn.bridge.keras_config import ends_in_softmax, keras_config, weights_of
from minicnn.bridge.keras_layers import Config
from minicnn.bridge.keras_model import BYTE, Description, model_of, understood
from minicnn.errors import FileError, ShapeError
from minicnn.nn import Sequential
from minicnn.tape import Array, no_grad

TOLERANCE = 1e-5


def from_keras(model: Any) -> Sequential:
    """Return a minicnn model of the same layers, with a copy of all weights as float32.

    - `model`: a built `keras.Sequential`. A softmax at its end is left to minicnn's loss, the
      scaling of bytes at its beginning to minicnn's data (see `keras_model`).

    A layer with ``use_bias=False`` gets a bias of zeros. The optimizer and its settings are not
    carried over. Raises `FileError` for a model that is not Sequential or has a `call` of its
    own, and for layers, settings and functions that minicnn does not have, by name.
    """
    config = _config(model)
    if not model.built:
        raise FileError("the Keras model has no weights yet; give it a keras.Input")

    def arrays(layer: Config) -> list[Array]:
        weights: list[Array] = model.get_layer(layer["config"]["name"]).get_weights()
        return weights

    return model_of(config, arrays)


def _config(model: Any) -> Config:
    """Keras's description of a live model, which shows code of one's own that a file may hide."""
    classes: tuple[Any, ...] = type(model).__mro__
    kind = next((c for c in classes if c.__name__ in ("Sequential", "Functional")), classes[0])
    if kind.__name__ != "Sequential" or not _known(kind):
        raise FileError(f"minicnn takes Sequential models alone, this is a {kind.__name__} one")
    if classes[0].call is not kind.call:
        raise FileError(
            f"{classes[0].__name__} has a call of its own; minicnn takes plain Sequential models"
        )
    for layer in model.layers:
        activation = getattr(layer, "activation", None)
        if activation is not None and not _known(activation):
            raise FileError(
                f"{type(layer).__name__} {layer.name!r}: minicnn has no activation that is a "
                f"function of one's own, such as {getattr(activation, '__name__', activation)!r}"
            )
    return {"class_name": kind.__name__, "config": kind.get_config(model)}


def _known(code: Any) -> bool:
    """Whether a class or function is Keras's, or of an engine that Keras runs on."""
    engines = ("keras", "tf_keras", "tensorflow", "jax", "torch")
    return getattr(code, "__module__", "").split(".")[0] in engines


def to_keras(model: Sequential, softmax: bool = True) -> Any:
    """Return a `keras.Sequential` of the same layers and names, with a copy of all weights; not
    compiled.

    - `softmax`: end in a softmax, so that it gives the probabilities of minicnn. Without, it gives
      minicnn's logits, to be trained with ``SparseCategoricalCrossentropy(from_logits=True)``.

    It calculates in the dtype policy that Keras is set to, float32 unless somebody changed it. No
    optimizer comes with it. Raises `MissingPackageError` without Keras, `ShapeError` before the
    model is built.
    """
    keras = required("keras", "keras")
    config = keras_config(model, softmax, keras.config.dtype_policy().name)
    twin = keras.Sequential.from_config(config["config"])
    for layer, arrays in zip(twin.layers, weights_of(model), strict=False):  # a softmax has none
        if arrays:
            layer.set_weights(list(arrays.values()))
    return twin


# ------------------------------------------------------------------ layer by layer


@dataclass(frozen=True)
class LayerError:
    """How far a layer's output is from Keras's.

    - `name`, `shape`: minicnn's name of the layer and the shape of its output.
    - `keras_name`, `keras_shape`: Keras's.
    - `error`: the largest difference, as a share of the largest number that Keras gives; infinite
      if the shapes differ.
    """

    name: str
    shape: tuple[int, ...]
    keras_name: str
    keras_shape: tuple[int, ...]
    error: float


@dataclass(frozen=True)
class LayerComparison:
    """The outputs of two models, layer by layer; printed as a table.

    - `layers`: in order.
    - `tolerance`: the largest error that is not yet a difference.
    """

    layers: tuple[LayerError, ...]
    tolerance: float

    @property
    def first_difference(self) -> LayerError | None:
        """The first layer whose output diverges; None if none does."""
        return next((layer for layer in self.layers if not layer.error <= self.tolerance), None)

    def __str__(self) -> str:
        width = max(len(layer.name) for layer in self.layers)
        lines = [f"{layer.name:<{width}}  {layer.error:.1e}" for layer in self.layers]
        first = self.first_difference
        if first is None:
            lines.append(f"no layer differs by more than {self.tolerance:.0e}")
        else:
            lines.append(
                f"{first.name!r} is the first to differ: by {first.error:.1e}, output {first.shape}"
                f", {first.keras_shape} of {first.keras_name!r} in Keras"
            )
        return "\n".join(lines)


def compare_layers(
    model: Sequential, keras_model: Any, x: Array, tolerance: float = TOLERANCE
) -> LayerComparison:
    """Pass `x` through both models, and say at which layer they part.

    - `x`: float32 in minicnn's range, shape (N, ...); best of random numbers or real pictures.
    - `tolerance`: the largest error, as a share of the largest number, that counts as equal.

    A softmax at the end that only Keras has is applied to minicnn's logits; a Keras model that
    takes bytes is given ``255 * x`` where it scales them, and what does nothing in prediction is
    passed over. Raises `ShapeError` if the models have not as many layers.
    """
    read = understood(_config(keras_model))
    mine = _outputs(model, x)
    theirs = _keras_outputs(keras_model, read, x)
    one_more = len(theirs) == len(mine) + 1
    if ends_in_softmax(read.layers) and (one_more or not ends_in_softmax(model.layers)):
        name, logits = mine[-1]
        mine = [*(mine if one_more else mine[:-1]), (name, kernels.softmax(logits))]
    if len(mine) != len(theirs):
        raise ShapeError(f"the minicnn model has {len(mine)} layers, the Keras model {len(theirs)}")
    pairs = zip(mine, theirs, strict=True)
    errors = [
        LayerError(name, y.shape, keras_name, expected.shape, relative_error(y, expected))
        for (name, y), (keras_name, expected) in pairs
    ]
    return LayerComparison(tuple(errors), tolerance)


def relative_error(y: Array, expected: Array) -> float:
    """Return the largest difference as a share of the largest expected number; infinite for other
    shapes.

    >>> relative_error(np.array([1.0, 3.0]), np.array([1.0, 4.0]))
    0.25
    """
    if y.shape != expected.shape:
        return float("inf")
    scale = np.abs(expected).max()
    return float(np.abs(y - expected).max() / (scale if scale else 1))


def _outputs(model: Sequential, x: Array) -> list[tuple[str, Array]]:
    outputs = []
    with no_grad():
        for layer in model.layers:
            x = layer(x).data
            outputs.append((str(layer.name), x))
    return outputs


def _keras_outputs(model: Any, read: Description, x: Array) -> list[tuple[str, Array]]:
    kept = {config["config"]["name"] for config in read.configs}
    outputs = []
    for layer in model.layers:
        if read.scaled_by in [each.name for each in getattr(layer, "layers", [layer])]:
            x = x * np.float32(BYTE)
        x = np.asarray(layer(x, training=False))
        if layer.name in kept:
            outputs.append((layer.name, x))
    return outputs

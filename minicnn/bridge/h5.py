"""Keras's `.h5` files, written by Keras 2 and 3, read and written with h5py alone.

The root attribute `model_config` describes the layers; `model_weights/LAYER` holds the arrays that
its attribute `weight_names` lists. The optimizer is neither read nor written: see `keras_config`.
"""

import io
import json
from typing import Any

from minicnn.bridge.extras import required
from minicnn.bridge.keras_config import Config, keras_config, model_of, weights_of
from minicnn.bridge.reading import reading
from minicnn.errors import CheckpointError
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.tape import Array
from minicnn.training.checkpoint import class_names_of

VERSION = "3.0.0"
"""The version of Keras whose layout this is."""


def read_h5(path: StrPath) -> Sequential:
    """The model in a Keras `.h5` file, as float32, ending in logits if Keras's ended in softmax.

    Raises `CheckpointError` for what is not such a file, for models that are not Sequential, for
    layers and settings that minicnn does not have, and for weights that are missing or do not fit.
    """
    h5py = required("h5py", "keras")
    with reading(path, "a Keras .h5 file"), open(path, "rb") as file, h5py.File(file, "r") as h5:
        if "model_config" not in h5.attrs:
            raise CheckpointError("holds no description of a model (model_config), only weights")
        groups = h5["model_weights"]

        def arrays(place: int, layer: Config) -> list[Array]:
            return _arrays(groups, layer["config"]["name"])

        model = model_of(json.loads(_text(h5.attrs["model_config"])), arrays)
        names = json.loads(_text(h5.attrs.get("class_names", "null")))
        model.class_names = class_names_of(names, model)
    return model


def _arrays(groups: Any, layer: str) -> list[Array]:
    if layer not in groups:
        raise CheckpointError(f"the weights of the layer {layer!r} are missing")
    group = groups[layer]
    names = [_text(name) for name in group.attrs["weight_names"]]
    missing = [name for name in names if name not in group]
    if missing:
        raise CheckpointError(f"of the layer {layer!r} the weights {missing} are missing")
    return [group[name][()] for name in names]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def h5_bytes(model: Sequential, softmax: bool = True) -> bytes:
    """The content of a `.h5` file that Keras loads.

    - `softmax`: end in a softmax, so that the file gives the probabilities of minicnn.
    """
    h5py = required("h5py", "keras")
    config = keras_config(model, softmax)
    weights = weights_of(model)
    content = io.BytesIO()
    with h5py.File(content, "w") as h5:
        h5.attrs["model_config"] = json.dumps(config)
        if model.class_names is not None:  # Keras has no place for them, and passes over this one
            h5.attrs["class_names"] = json.dumps(model.class_names)
        groups = h5.create_group("model_weights")
        for place in (h5, groups):
            place.attrs.update(keras_version=VERSION, backend="tensorflow")
        names = [layer["config"]["name"] for layer in config["config"]["layers"][1:]]
        groups.attrs["layer_names"] = names
        for name in names:
            group, arrays = groups.create_group(name), weights.get(name, {})
            for weight, array in arrays.items():
                group[f"{name}/{weight}"] = array
            group.attrs["weight_names"] = [f"{name}/{weight}" for weight in arrays]
    return content.getvalue()

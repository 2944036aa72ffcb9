"""Keras's `.h5` files, written by Keras 2 and 3, read and written with h5py alone.

The root attribute `model_config` describes the layers; `model_weights/LAYER` holds the arrays that
its attribute `weight_names` lists. The optimizer is neither read nor written: see `keras_config`.
"""

import io
import json
from pathlib import Path

from minicnn.bridge.extras import required
from minicnn.bridge.hdf5 import array_of, contents, opened
from minicnn.bridge.keras_config import keras_config, weights_of
from minicnn.bridge.keras_layers import Config
from minicnn.bridge.keras_model import model_of
from minicnn.errors import FileError
from minicnn.files import Room, StrPath, reading
from minicnn.nn import Sequential
from minicnn.tape import Array

VERSION = "3.0.0"
"""The version of Keras whose layout this is."""


def read_h5(path: StrPath) -> Sequential:
    """Return the model in a Keras `.h5` file, as float32, ending in logits if Keras's ended in
    softmax.

    Raises `FileError` for what is not such a file, for models that are not Sequential, for
    layers and settings that minicnn does not have, and for weights that are missing or do not fit.
    """
    required("h5py")
    with reading(path, "a Keras .h5 file"), opened(Path(path).read_bytes()) as h5:
        if "model_config" not in h5.attrs:
            raise FileError(
                "holds no description of a model (model_config), only weights; save the whole "
                "model with Keras's model.save()"
            )
        room, found = Room(path), contents(h5)

        def arrays(layer: Config) -> list[Array]:
            name = layer["config"]["name"]
            group = f"model_weights/{name}"
            if group not in found:
                raise FileError(f"the weights of the layer {name!r} are missing")
            names = [_text(each) for each in found[group].attrs["weight_names"]]
            missing = [each for each in names if f"{group}/{each}" not in found]
            if missing:
                raise FileError(f"of the layer {name!r} the weights {missing} are missing")
            return [array_of(found[f"{group}/{each}"], room) for each in names]

        names = json.loads(_text(h5.attrs.get("class_names", "null")))
        return model_of(json.loads(_text(h5.attrs["model_config"])), arrays, room, names)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def h5_bytes(model: Sequential, softmax: bool = True) -> bytes:
    """Return the content of a `.h5` file that Keras loads.

    - `softmax`: end in a softmax, so that the file gives the probabilities of minicnn.
    """
    h5py = required("h5py")
    config = keras_config(model, softmax)
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
        for name, arrays in zip(names, [*weights_of(model), {}], strict=False):  # {}: a softmax
            group = groups.create_group(name)
            for weight, array in arrays.items():
                group[f"{name}/{weight}"] = array
            group.attrs["weight_names"] = [f"{name}/{weight}" for weight in arrays]
    return content.getvalue()

"""Keras's `.keras` files, read and written with h5py alone.

A zip: `config.json` describes the layers, `model.weights.h5` holds their arrays by number at
`layers/KIND_n/vars/`, where n counts the layers of a kind in the model's order, whatever their
names are. The optimizer is neither read nor written: see `keras_config`.
"""

import io
import json
import re
import zipfile
from collections import Counter
from typing import Any

from minicnn.bridge.extras import required
from minicnn.bridge.h5 import VERSION, read_h5
from minicnn.bridge.hdf5 import array_of, contents, opened
from minicnn.bridge.keras_config import keras_config, weights_of
from minicnn.bridge.keras_layers import Config
from minicnn.bridge.keras_model import layer_list, model_of
from minicnn.errors import FileError
from minicnn.files import Room, StrPath, reading
from minicnn.nn import Sequential
from minicnn.tape import Array

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"

ROOTS = "layers", "_layer_checkpoint_dependencies"
"""Where the layers' weights lie; the second in Keras 2.13."""

# Of a time that is always the same, so that the same model gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def read_keras(path: StrPath) -> Sequential:
    """Return the model in a `.keras` file, as float32, ending in logits if Keras's ended in
    softmax.

    Until Keras 2.12 such a file was one of HDF5; that is read too. Raises `FileError` for
    what is not such a file, for models that are not Sequential, for layers and settings that
    minicnn does not have, and for weights that are missing or do not fit.
    """
    required("h5py")
    if _is_hdf5(path):
        return read_h5(path)
    with reading(path, "a .keras file"):
        room = Room(path)
        with zipfile.ZipFile(path) as archive:
            there = archive.namelist()
            missing = {CONFIG, WEIGHTS} - {*there}
            if missing:
                raise FileError(f"holds no {' and no '.join(sorted(missing))}")
            config = json.loads(room.unpacked(archive, CONFIG))
            about = json.loads(room.unpacked(archive, METADATA)) if METADATA in there else {}
            weights = room.unpacked(archive, WEIGHTS)
        with opened(weights) as h5:
            stored = _Stored(contents(h5), config, room)
            return model_of(config, stored.arrays, room, about.get("class_names"))


def _is_hdf5(path: StrPath) -> bool:
    with reading(path, "a .keras file"), open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


class _Stored:
    """The weights of a `.keras` file, layer by layer in the model's order.

    The folders of a kind are numbered, but not without gaps: Keras 2.13 counted layers with weights
    twice. It also had another name for the folder around them.
    """

    def __init__(self, found: dict[str, Any], config: Config, room: Room):
        self.found, self.room = found, room
        self.root = next((r for r in ROOTS if any(f"{r}/" in name for name in found)), ROOTS[0])
        self.kinds = Counter(map(_kind, layer_list(config)))
        self.taken: Counter[str] = Counter()

    def arrays(self, layer: Config) -> list[Array]:
        """Return the arrays of the next layer of this kind."""
        kind, name = _kind(layer), layer["config"]["name"]
        folders = self._folders(kind)
        if len(folders) != self.kinds[kind]:
            raise FileError(
                f"there are weights for {len(folders)} layers of the kind of {name!r}, "
                f"needs {self.kinds[kind]}"
            )
        folder = f"{self.root}/{folders[self.taken[kind]]}/vars"
        self.taken[kind] += 1
        numbers = sorted(int(each) for each in self.found.get(folder, ()))
        if numbers != [*range(len(numbers))]:
            raise FileError(f"of the layer {name!r} there are only the weights {numbers}")
        return [array_of(self.found[f"{folder}/{number}"], self.room) for number in numbers]

    def _folders(self, kind: str) -> list[str]:
        """Return the folders of a kind, ``dense``, ``dense_2``, in the order of their numbers."""
        numbered = re.compile(rf"{self.root}/({kind}(?:_(\d+))?)")
        matches = filter(None, map(numbered.fullmatch, self.found))
        return [m[1] for m in sorted(matches, key=lambda m: int(m[2] or 0))]


def _kind(layer: Config) -> str:
    """Return a kind of layer as its folder is called.

    >>> [_kind({"class_name": name}) for name in ("Conv2D", "ReLU", "BatchNormalization")]
    ['conv2d', 're_lu', 'batch_normalization']
    """
    kind = re.sub(r"\W+", "", layer["class_name"])
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()


def keras_bytes(model: Sequential, softmax: bool = True) -> bytes:
    """Return the content of a `.keras` file that Keras loads.

    - `softmax`: end in a softmax, so that the file gives the probabilities of minicnn.
    """
    h5py = required("h5py")
    config = keras_config(model, softmax)
    layers = config["config"]["layers"]
    stored = io.BytesIO()
    with h5py.File(stored, "w") as h5:
        taken: Counter[str] = Counter()
        weights = [{}, *weights_of(model), {}]  # of the input, and of a softmax at the end
        for layer, arrays in zip(layers, weights, strict=False):
            kind = _kind(layer)
            folder = f"{kind}_{taken[kind]}" if taken[kind] else kind
            taken[kind] += 1
            group = h5.create_group(f"layers/{folder}/vars")
            for number, array in enumerate(arrays.values()):
                group[str(number)] = array
    metadata = {"keras_version": VERSION, "class_names": model.class_names}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in (
            (METADATA, json.dumps(metadata)),
            (CONFIG, json.dumps(config)),
            (WEIGHTS, stored.getvalue()),
        ):
            archive.writestr(zipfile.ZipInfo(name, DATE), part)
    return content.getvalue()

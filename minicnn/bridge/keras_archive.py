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
from collections.abc import Sequence
from typing import Any

from minicnn.bridge.extras import required
from minicnn.bridge.h5 import VERSION
from minicnn.bridge.keras_config import Config, keras_config, model_of, weights_of
from minicnn.bridge.reading import reading
from minicnn.errors import CheckpointError
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.tape import Array
from minicnn.training.checkpoint import class_names_of

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"

# Of a time that is always the same, so that the same model gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def read_keras(path: StrPath) -> Sequential:
    """The model in a `.keras` file, as float32, ending in logits if Keras's ended in softmax.

    Raises `CheckpointError` for what is not such a file, for models that are not Sequential, for
    layers and settings that minicnn does not have, and for weights that are missing or do not fit.
    """
    h5py = required("h5py", "keras")
    with reading(path, "a .keras file"), zipfile.ZipFile(path) as archive:
        missing = {CONFIG, WEIGHTS} - {*archive.namelist()}
        if missing:
            raise CheckpointError(f"holds no {' and no '.join(sorted(missing))}")
        config = json.loads(archive.read(CONFIG))
        with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as h5:

            def arrays(place: int, layer: Config) -> list[Array]:
                folder = f"layers/{_folders(config['config']['layers'])[place]}/vars"
                return _arrays(h5, folder, layer["config"]["name"])

            model = model_of(config, arrays)
        if METADATA in archive.namelist():
            names = json.loads(archive.read(METADATA)).get("class_names")
            model.class_names = class_names_of(names, model)
    return model


def _folders(layers: Sequence[Config]) -> list[str]:
    """Where each layer's weights lie.

    >>> _folders([{"class_name": "Conv2D"}, {"class_name": "ReLU"}, {"class_name": "Conv2D"}])
    ['conv2d', 're_lu', 'conv2d_1']
    """
    counts: Counter[str] = Counter()
    folders = []
    for layer in layers:
        kind = re.sub(r"\W+", "", layer["class_name"])
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
        folders.append(f"{kind}_{counts[kind]}" if counts[kind] else kind)
        counts[kind] += 1
    return folders


def _arrays(h5: Any, folder: str, layer: str) -> list[Array]:
    group = h5.get(folder, {})
    numbers = sorted(int(name) for name in group)
    if numbers != [*range(len(numbers))]:
        raise CheckpointError(f"of the layer {layer!r} there are only the weights {numbers}")
    return [group[str(number)][()] for number in numbers]


def keras_bytes(model: Sequential, softmax: bool = True) -> bytes:
    """The content of a `.keras` file that Keras loads.

    - `softmax`: end in a softmax, so that the file gives the probabilities of minicnn.
    """
    h5py = required("h5py", "keras")
    config = keras_config(model, softmax)
    layers = config["config"]["layers"]
    weights, stored = weights_of(model), io.BytesIO()
    with h5py.File(stored, "w") as h5:
        for folder, layer in zip(_folders(layers), layers, strict=True):
            group = h5.create_group(f"layers/{folder}/vars")
            for number, array in enumerate(weights.get(layer["config"]["name"], {}).values()):
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

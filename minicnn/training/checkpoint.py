"""Models and trainings as files: NumPy's `.npz` with a JSON description, no pickle, atomic.

>>> import tempfile
>>> from minicnn import nn
>>> model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
>>> with tempfile.TemporaryDirectory() as folder:
...     save_model(f"{folder}/model.npz", model)
...     load_model(f"{folder}/model.npz").parameter_count()
7850
"""

import contextlib
import io
import json
import math
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.errors import FileError, UnknownNameError, one_line
from minicnn.files import Room, StrPath, atomic, reading
from minicnn.nn import Module, Sequential
from minicnn.nn.init import at_most
from minicnn.tape import Array
from minicnn.training.callbacks import Callback, History, TrainingState

FORMAT = "minicnn 1"
BYTES = 4  # of a weight
LARGEST = 2**28
"""The most numbers that a layer may give for one picture: 1 GB."""


def save_model(path: StrPath, model: Sequential) -> None:
    """Write architecture, weights and class names; a file that was there is replaced whole."""
    about = {"kind": "model", "model": model.config(), "class_names": model.class_names}
    _write(path, about, {"weights": model.weights()})


def load_model(path: StrPath) -> Sequential:
    """Return the model that `save_model` wrote. Raises `FileError` for anything else."""
    with reading(path, "a file of minicnn"):
        room = Room(path)
        about, arrays = _read(path, "model", room)
        with at_most(room.left // BYTES):
            model = Sequential.from_config(about["model"])
        return completed(model, arrays.get("weights", {}), about["class_names"])


def completed(model: Sequential, weights: dict[str, Array], class_names: Any) -> Sequential:
    """Give a model the weights and the names of classes that a file has for it.

    Raises `FileError` for NaN and infinity, for names that do not fit, and for a layer of
    which a single picture would fill the memory; `ShapeError` for weights that do not fit.
    """
    _refuse_nan(weights)
    model.set_weights(weights)
    for row in model.layer_rows():
        if math.prod(row.output_shape) > LARGEST:
            raise FileError(f"{row.name!r} gives {row.output_shape}, too many numbers")
    if class_names is not None:
        count = model.classes
        if not isinstance(class_names, list) or [*map(type, class_names)] != [str] * count:
            raise FileError(
                f"its class_names must be a list of {count} names, got {class_names!r:.60}"
            )
        model.class_names = tuple(class_names)
    return model


def _refuse_nan(weights: dict[str, Array]) -> None:
    for name, array in weights.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FileError(f"{name!r} holds what is not a number, or infinite")
        if name.endswith("moving_variance") and array.min(initial=0) < 0:
            raise FileError(f"{name!r} holds {array.min():g}; a variance is not negative")


class Checkpoint(Callback):
    """Save the whole training to `path` at the start and after each epoch; with `resume`, go on.

    Saved are weights, optimizer, random generators, history and the other callbacks' memory, so
    that a training which is stopped and resumed gives the same as one that never stopped, bit for
    bit. Give it as the last of the callbacks: it saves what they have done. `on_start` raises
    `FileError` if the file does not belong to this model and optimizer, and changes nothing.
    """

    def __init__(self, path: StrPath, resume: bool = False):
        self.path, self.resume = Path(path), resume

    def on_start(self, training: TrainingState) -> None:
        if self.resume:
            _restore(self.path, training)
        else:
            _save(self.path, training)

    def on_epoch(self, training: TrainingState) -> None:
        _save(self.path, training)


def _describe(model: Module) -> Any:
    """Return what a checkpoint must agree with: the architecture, or at least the weights'
    shapes.
    """
    if isinstance(model, Sequential):
        with contextlib.suppress(UnknownNameError):  # of a layer of the user's own
            return json.loads(json.dumps(model.config()))
    return {name: list(tensor.shape) for name, tensor in model.named_tensors()}


def _named(callbacks: list[Callback]) -> dict[str, Callback]:
    """Each callback by its class, those after the first of a class with a number."""
    counts: Counter[str] = Counter()
    named = {}
    for callback in callbacks:
        kind = type(callback).__name__
        named[f"{kind} {counts[kind]}" if counts[kind] else kind] = callback
        counts[kind] += 1
    return named


State = tuple[dict[str, Any], dict[str, dict[str, Array]]]
"""Plain data, and arrays by name in groups."""


def _state(training: TrainingState) -> State:
    """All that a training needs to go on."""
    states = {name: state for name, c in _named(training.callbacks).items() if (state := c.state())}
    about = {
        "kind": "training",
        "model": _describe(training.model),
        "optimizer": type(training.optimizer).__name__,
        "steps": training.optimizer.steps,
        "history": training.history,
        "stop": training.stop,
        "lr": None if training.optimizer.lr == training.scheduled else float(training.optimizer.lr),
        "generators": [g.bit_generator.state for g in _generators(training)],
        "callbacks": {
            name: {key: value for key, value in state.items() if key != "weights"}
            for name, state in states.items()
        },
    }
    arrays = {"weights": training.model.weights(), "optimizer": training.optimizer.state()}
    for name, state in states.items():
        arrays[f"callback {name}"] = state.get("weights", {})
    return about, arrays


def _set_state(training: TrainingState, about: dict[str, Any], arrays: Any) -> None:
    """Take up a `_state`; what does not fit raises an error of some kind half-way."""
    parameters = training.model.parameters() if about["steps"] else []  # no step, no memory yet
    training.optimizer.set_state(arrays.get("optimizer", {}), parameters, about["steps"])
    training.model.set_weights(arrays.get("weights", {}))
    for generator, state in zip(_generators(training), about["generators"], strict=True):
        generator.bit_generator.state = state
    for name, callback in _named(training.callbacks).items():
        if name in about["callbacks"]:
            weights = arrays.get(f"callback {name}", {})
            callback.set_state({**about["callbacks"][name], "weights": weights})
    training.history, training.stop = History(about["history"]), about["stop"]
    if about.get("lr") is not None:  # a callback has set it
        training.optimizer.lr, training.scheduled = about["lr"], math.nan


def _save(path: Path, training: TrainingState) -> None:
    _write(path, *_state(training))


def _restore(path: Path, training: TrainingState) -> None:
    with reading(path, "a file of minicnn"):
        about, arrays = _read(path, "training", Room(path))
    before = _state(training)
    try:
        _refuse_nan(arrays.get("weights", {}))
        _check_fit(about, before[0])
        _set_state(training, about, arrays)
        if training.history.epochs > training.epochs:
            raise FileError(
                f"it has {training.history.epochs} epochs, more than the {training.epochs} wanted"
            )
    except Exception as error:  # whatever a file that is not of this training leads to
        _set_state(training, *before)
        raise FileError(f"{path}: does not fit this training: {one_line(error)}") from error


def _check_fit(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    if theirs["model"] != ours["model"]:
        raise FileError(f"it is of another architecture: {theirs['model']}")
    if theirs["optimizer"] != ours["optimizer"]:
        raise FileError(f"it was trained with {theirs['optimizer']}, not with {ours['optimizer']}")


def _generators(training: TrainingState) -> list[np.random.Generator]:
    return [training.rng, *training.model.generators()]


# ------------------------------------------------------------------ the file itself


def _write(path: StrPath, about: dict[str, Any], groups: dict[str, dict[str, Array]]) -> None:
    about = {"format": FORMAT, **about}
    arrays = {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with atomic(path) as partial, open(partial, "wb") as file:  # given a name, savez adds to it
        np.savez(file, allow_pickle=False, about=text, **arrays)


def _read(path: StrPath, kind: str, room: Room) -> State:
    groups: dict[str, dict[str, Array]] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            group, _, name = entry.removesuffix(".npy").partition("/")
            groups.setdefault(group, {})[name] = _array(room.unpacked(archive, entry))
    about = json.loads(groups["about"][""].tobytes())
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("kind") != kind:
        raise FileError(f"holds no {kind} in the format {FORMAT!r}")
    return about, groups


def _array(content: bytes) -> Array:
    """Return the array of a `.npy` file; NumPy's own reader makes it as large as its header
    says.
    """
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise FileError("an array is in another version of NumPy's format than 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise FileError("an array is pickled, which is not read, for it may be a program")
    array = np.ndarray(shape[::-1] if fortran else shape, dtype, content, stream.tell())
    return (array.T if fortran else array).copy()

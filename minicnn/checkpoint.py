"""Models and trainings as files: NumPy's `.npz` with a JSON description, no pickle, atomic.

>>> import tempfile
>>> from minicnn import nn
>>> model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
>>> with tempfile.TemporaryDirectory() as folder:
...     save_model(f"{folder}/model.npz", model)
...     load_model(f"{folder}/model.npz").parameter_count()
7850
"""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.callbacks import Callback, History, Training
from minicnn.errors import CheckpointError, MinicnnError
from minicnn.files import StrPath, atomic
from minicnn.nn import Module, Sequential
from minicnn.tensor import Array

FORMAT = "minicnn 1"


def save_model(path: StrPath, model: Sequential) -> None:
    """Write architecture, weights and class names; a file that was there is replaced whole."""
    about = {"kind": "model", "model": model.config(), "class_names": model.class_names}
    _write(path, about, {"weights": model.weights()})


def load_model(path: StrPath) -> Sequential:
    """The model that `save_model` wrote. Raises `CheckpointError` for anything else."""
    about, arrays = _read(path, "model")
    try:
        model = Sequential.from_config(about["model"])
        model.set_weights(arrays.get("weights", {}))
        names = about["class_names"]
    except (MinicnnError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a whole model: {error}") from error
    model.class_names = None if names is None else tuple(names)
    return model


class Checkpoint(Callback):
    """Save the whole training to `path` at the start and after each epoch; with `resume`, go on.

    Saved are weights, optimizer, random generators, history and the other callbacks' memory, so
    that a training which is stopped and resumed gives the same as one that never stopped, bit for
    bit. Give it as the last of the callbacks: it saves what they have done. `on_start` raises
    `CheckpointError` if the file does not belong to this model and optimizer, and changes nothing.
    """

    def __init__(self, path: StrPath, resume: bool = False):
        self.path, self.resume = Path(path), resume

    def on_start(self, training: Training) -> None:
        if self.resume:
            _restore(self.path, training)
        else:
            _save(self.path, training)

    def on_epoch(self, training: Training) -> None:
        _save(self.path, training)


def _describe(model: Module) -> Any:
    """What a checkpoint must agree with: the architecture, or at least the weights' shapes."""
    if isinstance(model, Sequential):
        return json.loads(json.dumps(model.config()))
    return {name: list(tensor.shape) for name, tensor in model.named_tensors()}


def _save(path: Path, training: Training) -> None:
    states = {type(c).__name__: state for c in training.callbacks if (state := c.state())}
    about = {
        "kind": "training",
        "model": _describe(training.model),
        "optimizer": type(training.optimizer).__name__,
        "steps": training.optimizer.steps,
        "history": training.history,
        "stop": training.stop,
        "generators": [g.bit_generator.state for g in _generators(training)],
        "callbacks": {
            name: {key: value for key, value in state.items() if key != "weights"}
            for name, state in states.items()
        },
    }
    arrays = {"weights": training.model.weights(), "optimizer": training.optimizer.state()}
    for name, state in states.items():
        arrays[name] = state.get("weights", {})
    _write(path, about, arrays)


def _restore(path: Path, training: Training) -> None:
    about, arrays = _read(path, "training")
    try:
        if about["model"] != _describe(training.model):
            raise CheckpointError(f"{path}: is of another architecture: {about['model']}")
        if about["optimizer"] != type(training.optimizer).__name__:
            raise CheckpointError(
                f"{path}: was trained with {about['optimizer']}, not with "
                f"{type(training.optimizer).__name__}"
            )
        generators = _generators(training)
        parameters = training.model.parameters()
        if about["steps"]:
            optimizer_state = arrays.get("optimizer", {})
            training.optimizer.set_state(optimizer_state, parameters, about["steps"])
        training.model.set_weights(arrays["weights"])
        for generator, state in zip(generators, about["generators"], strict=True):
            generator.bit_generator.state = state
        for callback in training.callbacks:
            name = type(callback).__name__
            if name in about["callbacks"]:
                weights = arrays.get(name, {})
                callback.set_state({**about["callbacks"][name], "weights": weights})
        training.history, training.stop = History(about["history"]), about["stop"]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: does not fit this training: {error}") from error


def _generators(training: Training) -> list[np.random.Generator]:
    return [training.rng, *training.model.generators()]


# ------------------------------------------------------------------ the file itself


def _write(path: StrPath, about: dict[str, Any], groups: dict[str, dict[str, Array]]) -> None:
    about = {"format": FORMAT, **about}
    arrays = {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with atomic(path) as partial:
        np.savez(partial, allow_pickle=False, about=text, **arrays)


def _read(path: StrPath, kind: str) -> tuple[dict[str, Any], dict[str, dict[str, Array]]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            groups: dict[str, dict[str, Array]] = {}
            for key in file.files:
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file[key]
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: there is no such file") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(
            f"{path}: not a file of minicnn, or damaged or cut off: {error}"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("kind") != kind:
        raise CheckpointError(f"{path}: holds no {kind} in the format {FORMAT!r}")
    return about, groups

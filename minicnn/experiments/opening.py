"""Trained models by where they are: a run's folder, a file of minicnn's, a file of Keras's."""

import os
from collections.abc import Callable
from pathlib import Path

from minicnn import zoo
from minicnn.bridge.h5 import read_h5
from minicnn.bridge.keras_archive import read_keras
from minicnn.errors import CheckpointError
from minicnn.experiments.runs import Run
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.training.checkpoint import load_model

SHIPPED = Path(zoo.__file__).with_name("best.npz")
"""The trained model that comes with minicnn: `best` of the zoo with seed 0, as
``python -m benchmarks.accuracy best`` trains it: 99.71 % of the test set right."""

READERS: dict[str, Callable[[StrPath], Sequential]] = {
    ".npz": load_model,
    ".h5": read_h5,
    ".keras": read_keras,
}
"""What reads a model's file, by the ending of its name."""


def open_model(path: StrPath) -> Sequential:
    """The model in a run's folder, in a file of minicnn's (.npz) or of Keras's (.keras, .h5).

    Raises `CheckpointError` for everything else.
    """
    path = Path(path)
    if path.is_dir():
        return Run.opened(path).model()
    if path.suffix in READERS:
        return READERS[path.suffix](path)
    what = "not a model's file" if path.exists() else "there is no such run folder or model's file"
    raise CheckpointError(f"{path}: {what}; those end in {', '.join(READERS)}")


def as_model(source: Sequential | Run | StrPath) -> Sequential:
    """Return the model behind `source`: a model, a run, or a path to either.

    Raises `CheckpointError` as `open_model` does.
    """
    if isinstance(source, Run):
        return source.model()
    return open_model(source) if isinstance(source, str | os.PathLike) else source


def is_saved_model(path: Path) -> bool:
    """Whether this is a run's folder, or has the name of a model's file."""
    return (path / "config.json").exists() or path.suffix in READERS


def named_model(name: str) -> Sequential:
    """The zoo's model of this name, with fresh weights, or else what `open_model` finds there."""
    is_there = name not in zoo.ENTRIES and Path(name).exists()
    return open_model(name) if is_there else zoo.build(name)

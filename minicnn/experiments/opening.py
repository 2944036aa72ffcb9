"""Trained models by where they are: a run's folder, a file of minicnn's, a file of Keras's."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minicnn import zoo
from minicnn.bridge.h5 import read_h5
from minicnn.bridge.keras_archive import read_keras
from minicnn.errors import FileError
from minicnn.experiments.run import Run, Sets, load_data
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.training.checkpoint import load_model

SHIPPED = Path(zoo.__file__).with_name("best.npz")
"""The trained model that comes with minicnn: `best` of the zoo with seed 0, as
``python -m benchmarks.accuracy best`` trains it: 99.71 % of the test set right."""

READERS: dict[str, Callable[[StrPath], Sequential]] = {
    ".npz": load_model,
    ".h5": read_h5,
    ".hdf5": read_h5,
    ".keras": read_keras,
}
"""What reads a model's file, by the ending of its name in small letters."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that was opened, and the run that it comes from, unless it is but a model's file."""

    path: Path
    model: Sequential
    run: Run | None = None

    @property
    def tta(self) -> int:
        """How many views of a picture the run's evaluation takes; 1 for a model's file."""
        return self.run.settings.tta if self.run else 1

    def data(self, directory: StrPath | None = None, prefix: str | None = None) -> Sets:
        """(train, test) of an IDX directory; else those of the run; MNIST for a model's file."""
        if directory is None and prefix is None and self.run:
            return self.run.load()
        return load_data(None if directory is None else os.fspath(directory), prefix=prefix)


def run_of(path: StrPath) -> Run | None:
    """Return the run in a folder; None for a file. Raises `FileError` for a folder of no run."""
    return Run.opened(path) if Path(path).is_dir() else None


def open_trained(path: StrPath) -> Trained:
    """Return what is in a run's folder, or in a model's file: minicnn's (.npz) or Keras's (.keras,
    .h5).

    Raises `FileError` for everything else.
    """
    path = Path(path)
    if run := run_of(path):
        return Trained(path, run.model(), run)
    if path.suffix.lower() in READERS:
        return Trained(path, READERS[path.suffix.lower()](path))
    what = "not a model's file" if path.exists() else "there is no such run folder or model's file"
    raise FileError(f"{path}: {what}; those end in {', '.join(READERS)}")


def open_model(path: StrPath) -> Sequential:
    """Return the model that `open_trained` finds; raises what it raises."""
    return open_trained(path).model


def as_model(source: Sequential | Run | StrPath) -> Sequential:
    """Return the model behind `source`: a model, a run, or a path to either.

    Raises `FileError` as `open_model` does.
    """
    if isinstance(source, Run):
        return source.model()
    return open_model(source) if isinstance(source, str | os.PathLike) else source


def is_saved_model(path: Path) -> bool:
    """Whether this is a run's folder, finished or not, or has the name of a model's file."""
    of_run = (path / name for name in ("config.json", "model.npz", "last.npz"))
    return path.suffix.lower() in READERS or any(file.exists() for file in of_run)


def named(name: str) -> Trained:
    """Return the zoo's model of this name, with fresh weights, or else what `open_trained` finds
    there.
    """
    is_there = name not in zoo.ENTRIES and Path(name).exists()
    return open_trained(name) if is_there else Trained(Path(name), zoo.build(name))

"""A run: a model trained with given settings, and the folder that holds all that came of it.

config.json      the settings
last.npz         the training after its last finished epoch, to resume it
model.npz        the model, with the weights of the epoch that was best in validation
history.json     the figures of each epoch
metrics.json     the figures of the finished run
curves.png  confusion.png  mistakes.png
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import kernels, optim, zoo
from minicnn.bridge.h5 import read_h5
from minicnn.bridge.keras_archive import read_keras
from minicnn.callbacks import Callback, EarlyStopping, KeepBest, Training
from minicnn.checkpoint import Checkpoint, load_model, save_model
from minicnn.data import Dataset, idx, mnist
from minicnn.errors import CheckpointError, TrainingError, UnknownNameError
from minicnn.files import StrPath, write_json
from minicnn.learn.own_code import own_code
from minicnn.metrics import confusion_matrix
from minicnn.nn import Sequential
from minicnn.training import Evaluation, check_loss, evaluate, fit


@dataclass(frozen=True)
class Settings:
    """All that decides a run; the same settings give the same weights, bit for bit.

    - `own_code`: a student's folder, whose functions the engine uses, of the lessons up to number
      `through` (see `minicnn.learn`).

    Raises `UnknownNameError` for a model, optimizer, schedule or kernel set that is not known, and
    `TrainingError` for a number that cannot be.
    """

    model: str = "cnn_classic"
    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    validation: float = 0.1
    patience: int | None = None
    seed: int = 0
    data: str | None = None
    kernels: str | None = None
    own_code: str | None = None
    through: int | None = None

    def __post_init__(self) -> None:
        zoo.entry(self.model)
        optim.optimizer(self.optimizer)
        optim.schedule(self.schedule)
        if self.kernels not in (None, *kernels.SETS):
            raise UnknownNameError("kernel set", self.kernels, kernels.SETS)
        needs = {
            "epochs must be at least 1": self.epochs >= 1,
            "batch_size must be at least 1": self.batch_size >= 1,
            "lr must be positive and finite": 0 < self.lr < math.inf,
            "momentum must be in [0, 1)": 0 <= self.momentum < 1,
            "momentum is for sgd alone": self.optimizer == "sgd" or not self.momentum,
            "weight_decay must be 0 or positive, and finite": 0 <= self.weight_decay < math.inf,
            "clip_norm must be positive": self.clip_norm is None or self.clip_norm > 0,
            "label_smoothing must be in [0, 1)": 0 <= self.label_smoothing < 1,
            "validation must be in [0, 1)": 0 <= self.validation < 1,
            "patience must be at least 1": self.patience is None or self.patience >= 1,
            "patience needs a validation set": self.patience is None or self.validation > 0,
            "seed must be 0 or positive": self.seed >= 0,
            "through needs own_code": self.through is None or self.own_code is not None,
        }
        for need, holds in needs.items():
            if not holds:
                raise TrainingError(f"{need}, got {getattr(self, need.split()[0])}")

    @classmethod
    def of(cls, model: str, **changes: Any) -> "Settings":
        """The model's recipe with these changes; those that are None are left as they are."""
        recipe = asdict(zoo.entry(model).recipe)
        if changes.get("optimizer") not in (None, recipe["optimizer"]):
            recipe = {key: recipe[key] for key in ("batch_size", "epochs", "schedule")}
            recipe["lr"] = optim.optimizer(changes["optimizer"]).lr
            recipe["weight_decay"] = optim.optimizer(changes["optimizer"]).weight_decay
        return cls(model=model, **{**recipe, **given(changes)})

    @classmethod
    def of_run(cls, folder: StrPath, **changes: Any) -> "Settings":
        """The settings of the run in this folder, with other `epochs` if they are given.

        Raises `CheckpointError` for any other change; those that are None are none.
        """
        run = Run.opened(folder)
        run.refuse_other(given(changes))
        return replace(run.settings, **given({"epochs": changes.get("epochs")}))

    def build_optimizer(self) -> optim.Optimizer:
        """The optimizer with these settings."""
        momentum = {"momentum": self.momentum} if self.optimizer == "sgd" else {}
        return optim.optimizer(
            self.optimizer, lr=self.lr, weight_decay=self.weight_decay, **momentum
        )

    def generator(self) -> np.random.Generator:
        """What draws the split and the batches' order; the weights come of the seed itself."""
        return np.random.default_rng((self.seed, 1))


def given(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes that are not None."""
    return {key: value for key, value in changes.items() if value is not None}


def load_data(directory: str | None) -> tuple[Dataset, Dataset]:
    """(train, test) of an IDX directory, or of MNIST if there is none."""
    return mnist() if directory is None else idx(directory)


def free_folder(model: str, parent: StrPath = "runs") -> Path:
    """A folder for a new run that does not exist yet: ``runs/cnn_classic-1``, ``-2``, …"""
    number = 1
    while (folder := Path(parent) / f"{model}-{number}").exists():
        number += 1
    return folder


def train(settings: Settings, out: StrPath, resume: bool = False, progress: bool = True) -> "Run":
    """Train, measure on the test set once, and write everything to the folder `out`.

    - `resume`: go on in a folder where a run with the same settings was stopped; more `epochs`
      than it had are allowed.

    Raises `CheckpointError` if `out` exists (without `resume`) or holds another run. The folder is
    made when nothing is left to refuse: what is raised before leaves none.
    """
    started = time.perf_counter()
    run = Run.resumed(out, settings) if resume else Run.created(out, settings)
    train_data, test_data = load_data(settings.data)
    with kernels.use(settings.kernels), own_code(settings.own_code, settings.through):
        model = zoo.build(settings.model, train_data.image_shape, train_data.classes, settings.seed)
        best = KeepBest("val_accuracy" if settings.validation else "accuracy")
        callbacks: list[Callback] = [best]
        if settings.patience is not None:
            callbacks.append(EarlyStopping(settings.patience))
        callbacks.append(_RunCheckpoint(run, resume))
        try:
            history = fit(
                model,
                train_data,
                optimizer=settings.build_optimizer(),
                epochs=settings.epochs,
                batch_size=settings.batch_size,
                validation=settings.validation,
                schedule=optim.schedule(settings.schedule),
                label_smoothing=settings.label_smoothing,
                clip_norm=settings.clip_norm,
                rng=settings.generator(),
                callbacks=callbacks,
                progress=progress,
            )
        except BaseException:  # the best epoch is kept, whatever ended the training
            if best.weights:
                save_model(run.folder / "model.npz", model)
            raise
        save_model(run.folder / "model.npz", model)
        result = evaluate(model, test_data)
    check_loss(result.loss, "on the test set", settings.lr)
    write_json(run.folder / "history.json", history)
    metrics = {
        "model": settings.model,
        "test_accuracy": result.accuracy,
        "test_loss": result.loss,
        "parameters": model.parameter_count(),
        "epochs": history.epochs,
        "best_epoch": best.epoch,
        "interrupted": history.interrupted,
        "training_seconds": sum(history.get("seconds", ())),
        "seconds": time.perf_counter() - started,
    }
    if settings.validation and history.epochs:
        metrics["validation_accuracy"] = best.best
    write_json(run.folder / "metrics.json", metrics)
    _draw(run.folder, history, test_data, result)
    return run


def _draw(folder: Path, history: dict[str, list[float]], data: Dataset, result: Evaluation) -> None:
    from minicnn.report import figures  # here, because matplotlib takes a while to import
    from minicnn.report.brightness import drawable

    names = data.class_names
    predictions = result.probabilities.argmax(axis=1)
    matrix = confusion_matrix(result.labels, predictions, len(names))
    if history:
        figures.save(figures.curves(history), folder / "curves.png")
    figures.save(figures.confusion(matrix, names), folder / "confusion.png")
    shown = drawable(data.images)
    mistakes = figures.mistakes(shown, result.labels, result.probabilities, names)
    figures.save(mistakes, folder / "mistakes.png")


class _RunCheckpoint(Checkpoint):
    """The training in the run's folder, which is made as late as can be."""

    def __init__(self, run: "Run", resume: bool):
        super().__init__(run.folder / "last.npz", resume)
        self.run = run

    def on_start(self, training: Training) -> None:
        new = not self.run.folder.exists()
        if not self.resume:
            self.run.make()
        try:
            super().on_start(training)
            write_json(self.run.folder / "config.json", asdict(self.run.settings))
        except BaseException:
            if not self.resume:  # half a run would block the command that is tried next
                self.path.unlink(missing_ok=True)
                (self.run.folder / "config.json").unlink(missing_ok=True)
            if new:
                self.run.folder.rmdir()
            raise


class Run:
    """The folder of a run."""

    def __init__(self, folder: StrPath, settings: Settings):
        self.folder, self.settings = Path(folder), settings

    @classmethod
    def created(cls, folder: StrPath, settings: Settings) -> "Run":
        """A new run, not on disk yet; raises `CheckpointError` if there is something already."""
        run = cls(folder, settings)
        run.refuse_taken()
        return run

    def refuse_taken(self) -> None:
        """Raise `CheckpointError` if the folder is there and not empty."""
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise CheckpointError(
                f"{self.folder} exists already and is not overwritten; choose another folder with "
                "--out, or go on with the run in it with --resume"
            )

    def make(self) -> None:
        """Make the folder; raises `CheckpointError` if that is not possible."""
        self.refuse_taken()  # again: another run may have begun there in the meantime
        try:
            self.folder.mkdir(parents=True, exist_ok=self.folder.exists())
        except OSError as error:
            raise CheckpointError(f"{self.folder}: cannot be made: {error.strerror}") from error

    @classmethod
    def resumed(cls, folder: StrPath, settings: Settings) -> "Run":
        """The stopped run in this folder; raises `CheckpointError` if its settings are others."""
        cls.opened(folder).refuse_other(asdict(settings))
        return cls(folder, settings)

    def refuse_other(self, settings: dict[str, Any]) -> None:
        """Raise `CheckpointError` if any but the number of epochs is not as in this run."""
        mine = {**asdict(self.settings), "epochs": settings.get("epochs")}
        other = [f"{k} {mine[k]!r}, now {v!r}" for k, v in settings.items() if mine[k] != v]
        if other:
            raise CheckpointError(
                f"{self.folder}: was started with other settings: {'; '.join(other)}"
            )

    @classmethod
    def opened(cls, folder: StrPath) -> "Run":
        """The run in this folder; raises `CheckpointError` if there is none."""
        folder = Path(folder)
        if not folder.is_dir():
            raise CheckpointError(f"{folder}: there is no such run folder")
        settings = _read_json(folder / "config.json")
        try:
            return cls(folder, Settings(**settings))
        except TypeError as error:
            raise CheckpointError(f"{folder / 'config.json'}: unknown settings: {error}") from error

    def model(self) -> Sequential:
        """The trained model; raises `CheckpointError` if there is none yet."""
        path = self.folder / "model.npz"
        if not path.exists():
            raise CheckpointError(
                f"{path}: there is no such file; the run is not finished (see --resume)"
            )
        return load_model(path)

    def metrics(self) -> dict[str, Any]:
        """The figures of the finished run."""
        return _read_json(self.folder / "metrics.json")

    def history(self) -> dict[str, Any]:
        """The figures of every epoch; empty if none was written."""
        path = self.folder / "history.json"
        return _read_json(path) if path.exists() else {}


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


def named_model(name: str) -> Sequential:
    """The zoo's model of this name, with fresh weights, or else what `open_model` finds there."""
    is_there = name not in zoo.MODELS and Path(name).exists()
    return open_model(name) if is_there else zoo.build(name)


def data_of(path: StrPath, directory: str | None = None) -> tuple[Dataset, Dataset]:
    """(train, test) of an IDX directory; else of the run in `path`; MNIST for a model's file."""
    if directory is None and Path(path).is_dir():
        directory = Run.opened(path).settings.data
    return load_data(directory)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: there is no such file; is {path.parent} the folder of a finished run?"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: holds no settings or figures")
    return value

"""A run: a model trained with given settings, and the folder that holds all that came of it.

config.json      the settings
last.npz         the training after its last finished epoch, to resume it
model.npz        the model, with the weights of the epoch that was best in validation, or the last
history.json     the figures of each epoch
metrics.json     the figures of the finished run
curves.png  confusion.png  mistakes.png
"""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from minicnn import kernels, optim, zoo
from minicnn.bridge.h5 import read_h5
from minicnn.bridge.keras_archive import read_keras
from minicnn.callbacks import Callback, EarlyStopping, History, KeepBest, KeepLast, Training
from minicnn.checkpoint import Checkpoint, load_model, save_model
from minicnn.data import Dataset, idx, mnist
from minicnn.data.augmentation import Augmentation
from minicnn.data.class_names import check_count, split_names
from minicnn.errors import CheckpointError, TrainingError, UnknownNameError
from minicnn.files import StrPath, write_json
from minicnn.learn.own_code import own_code
from minicnn.metrics import confusion_matrix
from minicnn.nn import Dropout, Sequential
from minicnn.training import Evaluation, check_loss, evaluate, fit
from minicnn.views import VIEWS

KEEPERS = {"best": KeepBest, "last": KeepLast}
"""What keeps the weights of an epoch, by the word for it."""

OF_THE_OPTIMIZER = ("optimizer", "lr", "momentum", "weight_decay", "beta1", "beta2")
"""Settings that are senseless with another optimizer than they were made for."""


@dataclass(frozen=True)
class Settings:
    """All that decides a run; the same settings give the same weights, bit for bit.

    - `augmentation`: how far the pictures of training are changed at random.
    - `averaging`: the decay of a running mean of the weights; 0 for none (see `minicnn.averaging`).
    - `views`: how many views of a test picture are averaged (see `minicnn.views`).
    - `keep`: the weights that the run ends with, of the "best" epoch in validation or the "last".
    - `dropout`: the rate of every dropout layer, in place of the model's own.
    - `classes`: names for the classes of `data`, with commas between them.
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
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    augmentation: Augmentation = zoo.UNMOVED
    averaging: float = 0.0
    views: int = 1
    keep: str = "best"
    dropout: float | None = None
    validation: float = 0.1
    patience: int | None = None
    seed: int = 0
    data: str | None = None
    classes: str | None = None
    kernels: str | None = None
    own_code: str | None = None
    through: int | None = None

    def __post_init__(self) -> None:
        zoo.entry(self.model)
        optim.optimizer(self.optimizer)
        optim.schedule(self.schedule)
        if self.classes is not None:
            split_names(self.classes)
        if self.kernels not in (None, *kernels.SETS):
            raise UnknownNameError("kernel set", self.kernels, kernels.SETS)
        if self.keep not in KEEPERS:
            raise UnknownNameError("epoch to keep", self.keep, KEEPERS)
        if not isinstance(self.augmentation, Augmentation):  # but what stands in a JSON file
            object.__setattr__(self, "augmentation", Augmentation(**self.augmentation))
        needs = {
            "epochs must be at least 1": self.epochs >= 1,
            "batch_size must be at least 1": self.batch_size >= 1,
            "lr must be positive and finite": 0 < self.lr < math.inf,
            "momentum must be in [0, 1)": 0 <= self.momentum < 1,
            "momentum is for sgd alone": self.optimizer == "sgd" or not self.momentum,
            "beta1 must be in [0, 1)": 0 <= self.beta1 < 1,
            "beta2 must be in [0, 1)": 0 <= self.beta2 < 1,
            "weight_decay must be 0 or positive, and finite": 0 <= self.weight_decay < math.inf,
            "clip_norm must be positive": self.clip_norm is None or self.clip_norm > 0,
            "label_smoothing must be in [0, 1)": 0 <= self.label_smoothing < 1,
            "dropout must be in [0, 1)": self.dropout is None or 0 <= self.dropout < 1,
            "averaging must be in [0, 1)": 0 <= self.averaging < 1,
            f"views must be 1 to {len(VIEWS)}": self.views in range(1, len(VIEWS) + 1),
            f"dropout needs a model that has it, not {self.model}": (
                self.dropout is None or len(zoo.dropout_rates(self.model)) > 0
            ),
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
            recipe = {key: value for key, value in recipe.items() if key not in OF_THE_OPTIMIZER}
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
        adam = {"beta1": self.beta1, "beta2": self.beta2}
        own = {"momentum": self.momentum} if self.optimizer == "sgd" else adam
        return optim.optimizer(self.optimizer, lr=self.lr, weight_decay=self.weight_decay, **own)

    def keeper(self) -> KeepBest:
        """What keeps the weights that the run ends with."""
        return KEEPERS[self.keep]("val_accuracy" if self.validation else "accuracy")

    def build_model(self, data: Dataset) -> Sequential:
        """The model for these pictures and classes, with the fresh weights of this seed."""
        model = zoo.build(self.model, data.image_shape, data.classes, self.seed)
        for layer in model.layers:
            if self.dropout is not None and isinstance(layer, Dropout):
                layer.rate = self.dropout
        return model

    def generator(self) -> np.random.Generator:
        """What draws the split and the batches' order; the weights come of the seed itself."""
        return np.random.default_rng((self.seed, 1))


def _plain(value: Any) -> Any:
    """A setting as it stands in a JSON file."""
    return asdict(value) if isinstance(value, Augmentation) else value


def given(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes that are not None."""
    return {key: value for key, value in changes.items() if value is not None}


def load_data(directory: str | None, classes: str | None = None) -> tuple[Dataset, Dataset]:
    """(train, test) of an IDX directory, or of MNIST if there is none.

    - `classes`: their names, with commas between them; the numbers if there are none.

    Raises `DataError` for a directory that cannot be read, and for more names or fewer than it has
    classes.
    """
    train, test = mnist() if directory is None else idx(directory)
    if classes is None:
        return train, test
    names = split_names(classes)
    check_count(names, train.classes - 1, directory or "MNIST")
    return replace(train, class_names=names), replace(test, class_names=names)


def free_folder(model: str, parent: StrPath = "runs") -> Path:
    """A folder for a new run that does not exist yet: ``runs/cnn_classic-1``, ``-2``, …"""
    number = 1
    while (folder := Path(parent) / f"{model}-{number}").exists():
        number += 1
    return folder


def train(
    settings: Settings,
    out: StrPath,
    resume: bool = False,
    progress: bool = True,
    watchers: Sequence[Callback] = (),
) -> "Run":
    """Train, measure on the test set once, and write everything to the folder `out`.

    - `resume`: go on in a folder where a run with the same settings was stopped; more `epochs`
      than it had are allowed.
    - `watchers`: callbacks that only look on, such as `minicnn.web.live.watch` gives.

    Raises `CheckpointError` if `out` exists (without `resume`) or holds another run. The folder is
    made when nothing is left to refuse: what is raised before leaves none.
    """
    started = time.perf_counter()
    run = Run.resumed(out, settings) if resume else Run.created(out, settings)
    train_data, test_data = load_data(settings.data, settings.classes)
    with kernels.use(settings.kernels), own_code(settings.own_code, settings.through):
        model = settings.build_model(train_data)
        best = settings.keeper()
        callbacks: list[Callback] = [best]
        if settings.patience is not None:
            callbacks.append(EarlyStopping(settings.patience))
        callbacks.append(_RunCheckpoint(run, resume))
        try:
            history = fit_model(settings, model, train_data, [*callbacks, *watchers], progress)
        except BaseException:  # the best epoch is kept, whatever ended the training
            if best.weights:
                save_model(run.folder / "model.npz", model)
            raise
        save_model(run.folder / "model.npz", model)
        result = evaluate(model, test_data, views=settings.views)
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


def go_on(settings: Settings, out: StrPath, progress: bool = True) -> "Run":
    """`train` from where it is in the folder `out`: the beginning, a stopped run, or a killed one.

    Raises `CheckpointError` if there is a run with other settings.
    """
    folder = Path(out)
    resume = (folder / "config.json").exists()
    if not resume and folder.is_dir():  # killed before the first file was whole
        for left in [folder / "last.npz", *folder.glob(".*")]:
            left.unlink(missing_ok=True)
    return train(settings, folder, resume, progress)


def fit_model(
    settings: Settings,
    model: Sequential,
    data: Dataset,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> History:
    """`fit` with these settings; raises what it raises."""
    return fit(
        model,
        data,
        optimizer=settings.build_optimizer(),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        validation=settings.validation,
        schedule=optim.schedule(settings.schedule),
        label_smoothing=settings.label_smoothing,
        clip_norm=settings.clip_norm,
        augment=None if settings.augmentation == zoo.UNMOVED else settings.augmentation,
        averaging=settings.averaging,
        rng=settings.generator(),
        callbacks=callbacks,
        progress=progress,
    )


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
        settings = {key: _plain(value) for key, value in settings.items()}
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
    is_there = name not in zoo.ENTRIES and Path(name).exists()
    return open_model(name) if is_there else zoo.build(name)


def data_of(path: StrPath, directory: str | None = None) -> tuple[Dataset, Dataset]:
    """(train, test) of an IDX directory; else of the run in `path`; MNIST for a model's file."""
    if directory is None and Path(path).is_dir():
        settings = Run.opened(path).settings
        return load_data(settings.data, settings.classes)
    return load_data(directory)


def views_of(path: StrPath) -> int:
    """How many views of a picture a run's evaluation takes; 1 for a model's file."""
    return Run.opened(path).settings.views if Path(path).is_dir() else 1


def read_config(path: StrPath) -> dict[str, Any]:
    """The settings in a JSON file, such as the `config.json` of a run: all of them, or some.

    Raises `CheckpointError` for a file that cannot be read and a value that no setting can have,
    `UnknownNameError` for a setting that is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file of settings")
    config = _read_json(path)
    augmentation = config.get("augmentation")
    _check_types(path, Settings, config)
    if isinstance(augmentation, dict):
        _check_types(path, Augmentation, augmentation)
        config["augmentation"] = Augmentation(**augmentation)
    if config.get("data") is not None:
        config["data"] = os.path.abspath(config["data"])
    return config


def _check_types(path: Path, owner: type, values: dict[str, Any]) -> None:
    """Refuse names that are no field of a dataclass, and values of another type than theirs."""
    types = get_type_hints(owner)
    for name, value in values.items():
        if name not in types:
            raise UnknownNameError(f"setting in {path}", name, types)
        wanted = dict if types[name] is Augmentation else types[name]
        whole = type(value) is int and isinstance(0.0, wanted)  # where any number will do
        if isinstance(value, bool) or not (whole or isinstance(value, wanted)):
            raise CheckpointError(f"{path}: {name} cannot be {value!r}")


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

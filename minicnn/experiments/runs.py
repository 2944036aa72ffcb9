"""A run: a model trained with given settings, and the folder that holds all that came of it.

config.json      the settings
last.npz         the training after its last finished epoch, to resume it
model.npz        the model, with the weights of the epoch that was best in validation, or the last
history.json     the figures of each epoch
metrics.json     the figures of the finished run
curves.png  confusion.png  mistakes.png
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from minicnn import kernels, optim, zoo
from minicnn.data import Dataset, idx, mnist
from minicnn.data.class_names import check_count, split_names
from minicnn.errors import CheckpointError
from minicnn.experiments.settings import Settings, given, plain
from minicnn.files import StrPath, read_json, write_json
from minicnn.learn.inject import own_code
from minicnn.metrics import confusion_matrix
from minicnn.nn import Sequential
from minicnn.training.callbacks import Callback, EarlyStopping, History, TrainingState
from minicnn.training.checkpoint import Checkpoint, load_model, save_model
from minicnn.training.fit import Evaluation, check_loss, evaluate, fit


def settings_of(folder: StrPath, **changes: Any) -> Settings:
    """The settings of the run in this folder, with other `epochs` if they are given.

    Raises `CheckpointError` for any other change; those that are None are none.
    """
    run = Run.opened(folder)
    run.refuse_other(given(changes))
    return replace(run.settings, **given({"epochs": changes.get("epochs")}))


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
        result = evaluate(model, test_data, tta=settings.tta)
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
        ema=settings.ema,
        rng=settings.generator(),
        callbacks=callbacks,
        progress=progress,
    )


def _draw(folder: Path, history: dict[str, list[float]], data: Dataset, result: Evaluation) -> None:
    from minicnn.experiments.report import (
        figures,  # here, because matplotlib takes a while to import
    )
    from minicnn.experiments.report.brightness import drawable

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

    def on_start(self, training: TrainingState) -> None:
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
        settings = {key: plain(value) for key, value in settings.items()}
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
        settings = read_json(folder / "config.json")
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
        return read_json(self.folder / "metrics.json")

    def history(self) -> dict[str, Any]:
        """The figures of every epoch; empty if none was written."""
        path = self.folder / "history.json"
        return read_json(path) if path.exists() else {}


def data_of(path: StrPath, directory: str | None = None) -> tuple[Dataset, Dataset]:
    """(train, test) of an IDX directory; else of the run in `path`; MNIST for a model's file."""
    if directory is None and Path(path).is_dir():
        settings = Run.opened(path).settings
        return load_data(settings.data, settings.classes)
    return load_data(directory)


def tta_of(path: StrPath) -> int:
    """How many views of a picture a run's evaluation takes; 1 for a model's file."""
    return Run.opened(path).settings.tta if Path(path).is_dir() else 1

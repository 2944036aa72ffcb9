"""`train`: a run is a model trained with given settings, and the folder of all that came of it.

config.json      the settings, and a checksum of the data
last.npz         the training after its last finished epoch, to resume it
model.npz        the model, with the weights of the epoch that was best in validation, or the last
history.json     the figures of each epoch
metrics.json     the figures of the finished run
curves.png  confusion.png  mistakes.png
"""

import time
from collections.abc import Sequence
from pathlib import Path

from minicnn import kernels, optim, zoo
from minicnn.data import Dataset
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings
from minicnn.files import StrPath, held, sweep
from minicnn.learn.inject import own_code
from minicnn.metrics import confusion_matrix
from minicnn.nn import Sequential
from minicnn.plain_data import write_json
from minicnn.training.callbacks import Callback, EarlyStopping, History, TrainingState
from minicnn.training.checkpoint import Checkpoint, save_model
from minicnn.training.fit import Evaluation, check_loss, evaluate, fit


def train(
    settings: Settings,
    out: StrPath,
    resume: bool = False,
    progress: bool = True,
    watchers: Sequence[Callback] = (),
) -> Run:
    """Train, measure on the test set once, and write everything to the folder `out`.

    - `resume`: go on in a folder where a run with the same settings was stopped; more `epochs`
      than it had are allowed, and the same data in another place.
    - `watchers`: callbacks that only look on, such as `minicnn.web.live.watch` gives.

    The folder is held until the end: no other process can train there. What is raised before the
    training begins leaves none behind. Raises `FileError` if `out` exists (without `resume`)
    or holds another run, `WriteError` if another process holds it.
    """
    started = time.perf_counter()
    folder = Path(out)
    (Run.refuse_none if resume else Run.refuse_taken)(folder)
    with held(folder):
        run = Run.resumed(folder, settings) if resume else Run.created(folder, settings)
        sweep(folder)
        return _trained(run, started, progress, watchers)


def _trained(run: Run, started: float, progress: bool, watchers: Sequence[Callback]) -> Run:
    settings = run.settings
    train_data, test_data = run.load()
    with kernels.use(settings.kernels), own_code(settings.own_code, settings.through):
        model = settings.build_model(train_data)
        best = settings.keeper()
        callbacks: list[Callback] = [best]
        if settings.patience is not None:
            callbacks.append(EarlyStopping(settings.patience))
        callbacks.append(_RunCheckpoint(run))
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


def go_on(settings: Settings, out: StrPath, progress: bool = True) -> Run:
    """`train` from where it is in the folder `out`: the beginning, a stopped run, or a killed one.

    Raises `FileError` if there is a run with other settings.
    """
    begun = all((Path(out) / name).exists() for name in ("config.json", "last.npz"))
    return train(settings, out, begun, progress)


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
    from minicnn.experiments.report.mosaic import drawable

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
    """The training in the run's folder; the settings are there before it."""

    def __init__(self, run: Run):
        super().__init__(run.folder / "last.npz", run.begun)
        self.run = run

    def on_start(self, training: TrainingState) -> None:
        if self.resume:
            super().on_start(training)
            self.run.write_config()
            return
        try:
            self.run.write_config()
            super().on_start(training)
        except BaseException:  # half a run would block the command that is tried next
            self.path.unlink(missing_ok=True)
            self.run.config_path.unlink(missing_ok=True)
            raise

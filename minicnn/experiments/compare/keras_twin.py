"""The Keras twin of a run: the same weights to begin with, the same batches, the same rule.

The loop is minicnn's own (`training.run_epochs`), and so are the order of the batches, the rate of
each step, the choice of the epoch that is kept and the checkpoints. A step is Keras's compiled
`train_on_batch`, as its users call it. Dropout draws masks of Keras's own.
"""

import math
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from minicnn import optim
from minicnn.bridge.extras import quiet, required
from minicnn.bridge.keras_archive import read_keras
from minicnn.bridge.live import from_keras, to_keras
from minicnn.data import Dataset
from minicnn.errors import FileError
from minicnn.experiments.run import Run, Sets, checksum_of
from minicnn.experiments.settings import Settings
from minicnn.files import StrPath, atomic, refuse_taken
from minicnn.nn import Module
from minicnn.optim import Optimizer
from minicnn.plain_data import write_json
from minicnn.tape import Array
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, EarlyStopping, TrainingState
from minicnn.training.checkpoint import Checkpoint
from minicnn.training.data_to_model import batch_size_for
from minicnn.training.fit import check_loss, evaluate, hold_out, run_epochs
from minicnn.training.progress import ShowProgress


class KerasModel(Module):
    """A Keras model that gives logits, in minicnn's clothes: to be measured, kept and saved."""

    built = True

    def __init__(self, keras_model: Any):
        self.keras_model = keras_model

    def forward(self, x: Tensor, training: bool) -> Tensor:
        return Tensor(np.asarray(self.keras_model(x.data, training=False)))

    def named_tensors(self) -> Iterator[tuple[str, Any]]:
        """Every variable of the model, dropout's generators among them, by its place.

        Keras's own names tell how many models were made before this one.
        """
        return ((str(place), each) for place, each in enumerate(self.keras_model.variables))

    def parameters(self) -> list[Tensor]:
        """None: Keras's optimizer has those that it changes."""
        return []

    def weights(self) -> dict[str, Array]:
        return {name: _array(variable) for name, variable in self.named_tensors()}

    def set_weights(self, weights: dict[str, Array]) -> None:
        for name, variable in self.named_tensors():
            variable.assign(weights[name])


class KerasOptimizer(Optimizer):
    """A Keras optimizer in minicnn's clothes: its rate is set before each step, its memory kept."""

    def __init__(self, lr: float, keras_optimizer: Any):
        super().__init__(lr=lr)
        self.keras_optimizer = keras_optimizer
        self.rate: float | None = None  # that Keras has now

    def pass_rate_on(self) -> None:
        """Give Keras the rate of the coming step."""
        if self.rate != self.lr:
            self.keras_optimizer.learning_rate = self.rate = self.lr

    def state(self) -> dict[str, Array]:
        return {
            str(place): _array(each) for place, each in enumerate(self.keras_optimizer.variables)
        }

    def set_state(self, state: dict[str, Array], parameters: Any, steps: int) -> None:
        for place, variable in enumerate(self.keras_optimizer.variables):
            variable.assign(state[str(place)])
        self.steps, self.rate = steps, None


def _array(variable: Any) -> Array:
    """Copy a Keras variable. (`np.array` would ask for it in a way that Keras lacks.)"""
    return np.asarray(variable).copy()


def twin_of(settings: Settings, data: Dataset) -> tuple[KerasModel, KerasOptimizer]:
    """Return the compiled Keras model with the weights that a run of these settings begins with.

    Loss and optimizer are of these settings, all else as Keras has it if nothing is said. The
    generators of the dropout layers are seeded by the run's seed, Keras's global one left alone.
    """
    keras = required("keras", "keras")
    model = to_keras(settings.build_model(data), softmax=False)
    rng = np.random.default_rng((settings.seed, 2))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
            layer.seed_generator.state.assign([rng.integers(2**31), 0])
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=settings.label_smoothing
    )
    model.compile(_optimizer(settings), loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return KerasModel(model), KerasOptimizer(settings.lr, model.optimizer)


def _optimizer(settings: Settings) -> Any:
    optimizers = required("keras", "keras").optimizers
    kinds = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "adamw": optimizers.AdamW}
    adam = {"beta_1": settings.beta1, "beta_2": settings.beta2}
    own = {"momentum": settings.momentum} if settings.optimizer == "sgd" else adam
    return kinds[settings.optimizer](
        settings.lr,
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.clip_norm,
        **own,
    )


def step(training: TrainingState, x: Array, labels: Array) -> tuple[float, float]:
    """One step of Keras's; gives the loss and the accuracy of the batch."""
    model: Any = training.model
    optimizer: Any = training.optimizer
    optimizer.pass_rate_on()
    one_hot = np.eye(model.keras_model.output_shape[-1], dtype=np.float32)[labels]
    figures = model.keras_model.train_on_batch(x, one_hot, return_dict=True)
    optimizer.steps += 1
    where = f"in epoch {training.history.epochs + 1}, batch {training.batch + 1}, in Keras"
    check_loss(figures["loss"], where, optimizer.lr)
    return figures["loss"], figures["accuracy"]


# ------------------------------------------------------------------ the folder


def train_twin(settings: Settings, folder: StrPath, data: Sets, progress: bool = True) -> Run:
    """Train the twin of a run with these settings, and write everything to `folder`.

    - `data`: (train, test).

    Goes on where the same was stopped. The folder is that of a run, but for `model.keras` in the
    place of `model.npz`: the model with the kept weights, ending in a softmax. Raises
    `FileError` if the folder holds another run, `MissingPackageError` without Keras.
    """
    train_data, test_data = data
    run = _opened(settings, folder, data)
    rng = settings.generator()
    part, held_out = hold_out(train_data, settings.validation, rng)
    batch_size = batch_size_for(part, settings.batch_size)
    with quiet():  # what TensorFlow says when its first model is built
        model, optimizer = twin_of(settings, train_data)
    best = settings.keeper()
    callbacks: list[Callback] = [best]
    if settings.patience is not None:
        callbacks.append(EarlyStopping(settings.patience))
    checkpoint = run.folder / "last.npz"
    callbacks.append(Checkpoint(checkpoint, resume=checkpoint.exists()))
    training = TrainingState(
        model=model,
        optimizer=optimizer,
        rng=rng,
        epochs=settings.epochs,
        batches=math.ceil(len(part) / batch_size),
        callbacks=[*callbacks, ShowProgress()] if progress else callbacks,
    )
    schedule = optim.schedule(settings.schedule)
    history = run_epochs(training, part, held_out, batch_size, schedule, step)
    with atomic(run.folder / "model.keras") as partial:
        to_keras(from_keras(model.keras_model)).save(partial)
    write_json(run.folder / "history.json", history)
    result = evaluate(model, test_data, tta=settings.tta)
    metrics = {
        "model": settings.model,
        "test_accuracy": result.accuracy,
        "test_loss": result.loss,
        "epochs": history.epochs,
        "best_epoch": best.epoch,
        "interrupted": history.interrupted,
        "training_seconds": sum(history.get("seconds", ())),
        "keras": version("keras"),
        "backend": required("keras", "keras").backend.backend(),
    }
    if settings.validation and history.epochs:
        metrics["validation_accuracy"] = best.best
    write_json(run.folder / "metrics.json", metrics)
    return run


def _opened(settings: Settings, folder: StrPath, data: Sets) -> Run:
    """Return the run in the folder, or a new one there."""
    run = Run(folder, settings, checksum_of(data))
    if run.config_path.exists():
        return Run.resumed(folder, settings)
    refuse_taken(folder)
    run.folder.mkdir(parents=True, exist_ok=True)
    run.write_config()
    return run


def kept_model(run: Run) -> KerasModel:
    """Return the finished twin in a folder; raise `FileError` if its file is not there or whole."""
    path = run.folder / "model.keras"
    if not path.exists():
        raise FileError(f"{path}: there is no such file; the run is not finished")
    return KerasModel(to_keras(read_keras(path), softmax=False))

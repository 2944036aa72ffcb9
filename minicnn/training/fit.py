"""`fit` trains a model, `evaluate` measures it."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from minicnn.data import Dataset
from minicnn.errors import SettingError, ShapeError, TrainingError
from minicnn.nn import Module
from minicnn.nn.head import Head
from minicnn.optim import Adam, Optimizer, Schedule, clip_gradients, constant
from minicnn.tape import Array, no_grad
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, History, TrainingState
from minicnn.training.data_to_model import batch_size_for, check_fit, check_order
from minicnn.training.ema import ExponentialMovingAverage
from minicnn.training.progress import ShowProgress
from minicnn.training.tta import predict_with_tta


@dataclass(frozen=True)
class Evaluation:
    """How a model does on a set: mean loss, accuracy, and the probabilities (N, classes) behind."""

    loss: float
    accuracy: float
    labels: Array
    probabilities: Array

    def __str__(self) -> str:
        count = len(self.labels)
        return f"accuracy {self.accuracy:.4f}, loss {self.loss:.4f} on {count:,} images"


Augment = Callable[[Array, np.random.Generator], Array]
"""Makes new pictures of a batch's, float32 (n, H, W, C), drawing from the generator."""

# Enough pictures for statistics that are as exact as those of all, in a fraction of an epoch.
SAMPLE, SAMPLES = 250, 20

FEW = 10  # pictures, of which a tenth is none

# A loss that is NaN tells of overflow better than the warnings that NumPy would print before it.
QUIET = np.errstate(over="ignore", invalid="ignore")


@QUIET
def evaluate(model: Module, data: Dataset, batch_size: int = 512, tta: int = 1) -> Evaluation:
    """Mean loss and accuracy of `model` on `data`, with dropout off, and every probability.

    - `tta`: how many views of each picture to average the probabilities over (see
      `minicnn.training.tta`); 1, the picture itself, by default.
    """
    total, parts, head = 0.0, [], Head.of(model, data.scaled([0]))
    head.check()
    check_order(model.class_names or (), data.class_names)
    with no_grad():
        for x, labels in data.batches(min(batch_size, len(data))):
            outputs = predict_with_tta(model, x, tta)
            parts.append(head.probabilities(outputs.data))
            total += head.loss(outputs, labels).item() * len(labels)
    probabilities = np.concatenate(parts)
    accuracy = float((probabilities.argmax(axis=1) == data.labels).mean())
    return Evaluation(total / len(data), accuracy, data.labels, probabilities)


def fit(
    model: Module,
    data: Dataset,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    validation: float | Dataset | None = 0.1,
    schedule: Schedule = constant,
    label_smoothing: float = 0.0,
    clip_norm: float | None = None,
    augment: Augment | None = None,
    ema: float = 0.0,
    rng: np.random.Generator | int = 0,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> History:
    """Train `model` on `data` with cross-entropy; returns the figures of each epoch.

    The model ends in logits, one for each class, whose softmax is the probabilities, or in
    sigmoids: one for each class, or a single one for two classes.

    - `optimizer`: ``Adam(1e-3)`` by default; its `lr` is multiplied by `schedule`, a function of
      progress from 0 to 1.
    - `batch_size`: 128 by default; of a smaller set all of it, and a `Notice` says so.
    - `validation`: the share of `data` to hold out, a set of its own, or None (or 0).
    - `label_smoothing`: the share of each label that is given to all classes equally, in [0, 1).
    - `clip_norm`: scale the gradients down to this common length if they are longer.
    - `augment`: called with the images of each training batch, float32 (n, H, W, C) in [0, 1], and
      `rng`; the model sees what it returns in their place. `data.augmentation.Augmentation` is one.
    - `ema`: the decay of a running mean of the weights, in [0, 1), which the model has after
      each epoch and in the end (see `minicnn.training.ema`); 0 for none.
    - `rng`: a Generator, or a seed for one, for the split and the order of the batches, for
      `augment`, and for the weights of a model that is not built yet.
    - `progress`: show it on the standard error stream.

    Ctrl-C ends it after the callbacks have put things in order; the history has the finished
    epochs. Raises `TrainingError` when the loss stops being a number, `DataError` or `ShapeError`
    when data and model do not fit.
    """
    rng = np.random.default_rng(rng)
    data, held_out = hold_out(data, validation, rng)
    _check_settings(epochs, label_smoothing, clip_norm, ema)
    batch_size = batch_size_for(data, batch_size)
    model.ensure_built(data.image_shape, rng)
    head = check_fit(model, data)
    if held_out is not None:
        check_fit(model, held_out)
        check_order(data.class_names, held_out.class_names)
    if not model.parameters():
        raise TrainingError("the model has no trainable weights; are all its layers frozen?")
    if ema:
        callbacks = [ExponentialMovingAverage(ema, partial(_sample, data, augment)), *callbacks]
    training = TrainingState(
        model=model,
        optimizer=optimizer or Adam(1e-3),
        rng=rng,
        epochs=epochs,
        batches=math.ceil(len(data) / batch_size),
        callbacks=[*callbacks, ShowProgress()] if progress else list(callbacks),
    )
    step = partial(
        _step, head=head, smoothing=label_smoothing, clip_norm=clip_norm, augment=augment
    )
    return run_epochs(training, data, held_out, batch_size, schedule, step)


def hold_out(
    data: Dataset, validation: float | Dataset | None, rng: np.random.Generator
) -> tuple[Dataset, Dataset | None]:
    """Return the parts to train on and to validate on, as `fit` draws them from `rng`.

    Of fewer than ten pictures at least one is held out, if that leaves one.
    """
    if isinstance(validation, Dataset):
        return data, validation
    if not validation or (len(data) == 1 and 0 < validation < 1):
        return data, None
    if len(data) < FEW and 0 < validation < 1 / len(data):
        validation = 1 / len(data)
    return data.split(validation, rng)


def run_epochs(
    training: TrainingState,
    data: Dataset,
    held_out: Dataset | None,
    batch_size: int,
    schedule: Schedule,
    step: Callable[[TrainingState, Array, Array], tuple[float, float]],
) -> History:
    """Run the loop of `fit` for whatever takes the steps: the same batches, rates and callbacks.

    - `step`: called with the training, images (n, H, W, C) and labels (n,); takes one step at the
      rate of `training.optimizer`, and gives the loss and the accuracy of this batch.
    """
    peak = training.scheduled = training.optimizer.lr
    _tell(training, "on_start")
    training.model.class_names = data.class_names
    try:
        while training.history.epochs < training.epochs and not training.stop:
            started = time.perf_counter()
            _tell(training, "on_epoch_start")
            for x, labels in data.batches(batch_size, training.rng):
                _set_rate(training, peak, schedule)
                _count(training, len(labels), *step(training, x, labels))
                _tell(training, "on_batch")
            _tell(training, "on_validation")
            _finish_epoch(training, held_out, time.perf_counter() - started)
    except KeyboardInterrupt:
        training.history.interrupted = True
    finally:
        if training.optimizer.lr == training.scheduled:
            training.optimizer.lr = peak
        _tell(training, "on_end")
    return training.history


def _set_rate(training: TrainingState, peak: float, schedule: Schedule) -> None:
    """Give the optimizer the schedule's rate for the coming step, unless a callback has set one."""
    if training.optimizer.lr != training.scheduled:
        training.scheduled = math.nan  # which nothing equals: the callback's rate holds
        return
    done = training.history.epochs * training.batches + training.batch
    rate = peak * schedule(done / (training.epochs * training.batches))
    training.optimizer.lr = training.scheduled = rate


def _check_settings(
    epochs: int, label_smoothing: float, clip_norm: float | None, ema: float
) -> None:
    if not isinstance(epochs, int | np.integer) or epochs < 1:
        raise SettingError(f"epochs must be a whole number from 1 on, got {epochs}")
    if not 0 <= label_smoothing < 1:
        raise SettingError(f"label_smoothing must be in [0, 1), got {label_smoothing}")
    if clip_norm is not None and not clip_norm > 0:
        raise SettingError(f"clip_norm must be positive, got {clip_norm}")
    if not 0 <= ema < 1:
        raise SettingError(f"ema must be in [0, 1), got {ema}")


def check_loss(loss: float, where: str, lr: float) -> None:
    """Raise the `TrainingError` that says what to try if the loss is no longer a number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} {where}, at a learning rate of {lr:g}; try a smaller learning "
            "rate or clip_norm=1, and look at the range of the data"
        )


@QUIET
def _step(
    training: TrainingState,
    x: Array,
    labels: Array,
    head: Head,
    smoothing: float,
    clip_norm: float | None,
    augment: Augment | None,
) -> tuple[float, float]:
    """One batch: forward, loss, backward, update; gives its loss and accuracy."""
    model, optimizer = training.model, training.optimizer
    if augment is not None:
        x = _augmented(augment, x, training.rng)
    outputs = model(Tensor(x), training=True)  # not looked through for NaN: the data set was
    loss = head.loss(outputs, labels, smoothing)
    where = f"in epoch {training.history.epochs + 1}, batch {training.batch + 1}"
    check_loss(loss.item(), where, optimizer.lr)
    parameters = model.parameters()
    for p in parameters:
        p.grad = None
    loss.backward()
    if clip_norm is not None:
        clip_gradients(parameters, clip_norm)
    optimizer.step(parameters)
    return loss.item(), float((head.winners(outputs.data) == labels).mean())


def _augmented(augment: Augment, x: Array, rng: np.random.Generator) -> Array:
    """Return what `augment` makes of a batch; `ShapeError` if that cannot take its place."""
    new = augment(x, rng)
    if not isinstance(new, np.ndarray) or new.shape != x.shape or new.dtype.kind != "f":
        got = f"{new.dtype} {new.shape}" if isinstance(new, np.ndarray) else type(new).__name__
        raise ShapeError(f"augment must return an array of floats {x.shape}, it returned {got}")
    return new.astype(x.dtype, copy=False)


def _sample(data: Dataset, augment: Augment | None, rng: np.random.Generator) -> Iterator[Array]:
    """Yield some of the pictures as they are trained on."""
    for x, _ in islice(data.batches(min(SAMPLE, len(data)), rng), SAMPLES):
        yield x if augment is None else _augmented(augment, x, rng)


def _count(training: TrainingState, images: int, loss: float, accuracy: float) -> None:
    """Bring the running means of the epoch up to date with those of a batch."""
    if training.batch == 0:
        training.images, training.loss, training.accuracy = 0, 0.0, 0.0
    training.batch += 1
    training.images += images
    share = images / training.images
    training.loss += share * (loss - training.loss)
    training.accuracy += share * (accuracy - training.accuracy)


def _finish_epoch(training: TrainingState, held_out: Dataset | None, seconds: float) -> None:
    figures = {"loss": training.loss, "accuracy": training.accuracy}
    if held_out is not None:
        result = evaluate(training.model, held_out)
        where = f"on the validation set after epoch {training.history.epochs + 1}"
        check_loss(result.loss, where, training.optimizer.lr)
        figures |= {"val_loss": result.loss, "val_accuracy": result.accuracy}
        training.validated = result.labels, result.probabilities
    figures |= {"lr": training.optimizer.lr, "seconds": seconds}
    training.history.add(**figures, images_per_second=training.images / seconds)
    training.batch = 0
    _tell(training, "on_epoch")


@QUIET
def _tell(training: TrainingState, occasion: str) -> None:
    for callback in training.callbacks:
        getattr(callback, occasion)(training)

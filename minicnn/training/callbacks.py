"""Callbacks: what `fit` calls before and after each epoch, after each batch, and at the end.

A callback sees the `TrainingState`. Whatever it must remember so that a stopped training goes on
bit for bit, it returns from `state` and takes back in `set_state`.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.errors import UnknownNameError
from minicnn.nn import Module
from minicnn.optim import Optimizer
from minicnn.tape import Array


class History(dict[str, list[float]]):
    """One list per figure, one number per epoch: loss, accuracy, val_loss, val_accuracy, lr, …

    `interrupted` says that Ctrl-C ended the training before its time.
    """

    interrupted = False

    def add(self, **figures: float) -> None:
        """Append the figures of one epoch."""
        for name, value in figures.items():
            self.setdefault(name, []).append(value)

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.get("loss", ()))


@dataclass
class TrainingState:
    """A training that is going on, as its callbacks see it."""

    model: Module
    optimizer: Optimizer
    rng: np.random.Generator
    epochs: int
    batches: int
    callbacks: "list[Callback]"
    history: History = field(default_factory=History)
    batch: int = 0
    """Batches done in this epoch."""
    images: int = 0
    """Images seen in this epoch."""
    loss: float = math.nan
    """Mean training loss of this epoch so far."""
    accuracy: float = math.nan
    """Training accuracy of this epoch so far."""
    validated: tuple[Array, Array] | None = None
    """Labels (N,) and probabilities (N, classes) of the validation set after the last epoch."""
    stop: bool = False
    """Set by a callback to finish after this epoch."""
    scheduled: float = math.nan
    """The rate that the schedule gave last; NaN once a callback has set another."""


class Callback:
    """Base: does nothing at every occasion.

    A rate that it gives to ``training.optimizer.lr`` holds from the next step on, in place of the
    schedule's, until it is given another, and after the training.
    """

    def on_start(self, training: TrainingState) -> None:
        """Before the first batch; may bring the training to an earlier state."""

    def on_epoch_start(self, training: TrainingState) -> None:
        """Before the first batch of each epoch."""

    def on_batch(self, training: TrainingState) -> None:
        """After each step of the optimizer."""

    def on_validation(self, training: TrainingState) -> None:
        """After the last batch of each epoch, before the model is measured, if it is."""

    def on_epoch(self, training: TrainingState) -> None:
        """After each epoch, its figures already in the history."""

    def on_end(self, training: TrainingState) -> None:
        """After the last epoch, or when training was interrupted."""

    def state(self) -> dict[str, Any]:
        """Return what must be remembered: plain data, and under "weights" arrays by name."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back a `state`."""


def _watched(training: TrainingState, metric: str) -> float:
    """Return the metric's newest value, signed so that larger is better."""
    if metric not in training.history:
        raise UnknownNameError("metric", metric, training.history)
    value = training.history[metric][-1]
    return -value if metric.endswith("loss") else value


class EarlyStopping(Callback):
    """Stop when `metric` has not got better for `patience` epochs."""

    def __init__(self, patience: int = 5, metric: str = "val_loss"):
        self.patience, self.metric = patience, metric
        self.best, self.waited = -math.inf, 0

    def on_epoch(self, training: TrainingState) -> None:
        value = _watched(training, self.metric)
        self.best, self.waited = (value, 0) if value > self.best else (self.best, self.waited + 1)
        training.stop = training.stop or self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]


class KeepBest(Callback):
    """Keep the weights of the epoch that was best by `metric`, and give them back at the end."""

    def __init__(self, metric: str = "val_accuracy"):
        self.metric = metric
        self.best, self.epoch = -math.inf, 0
        self.weights: dict[str, Array] = {}

    def on_epoch(self, training: TrainingState) -> None:
        value = _watched(training, self.metric)
        if value > self.best:
            self.best, self.epoch = value, training.history.epochs
            self.weights = training.model.weights()

    def on_end(self, training: TrainingState) -> None:
        if self.weights:
            training.model.set_weights(self.weights)

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "epoch": self.epoch, "weights": self.weights}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.epoch, self.weights = state["best"], state["epoch"], state["weights"]


class KeepLast(KeepBest):
    """Keep the weights of the last whole epoch, whatever `metric` says: nothing is chosen."""

    def on_epoch(self, training: TrainingState) -> None:
        self.best = -math.inf
        super().on_epoch(training)


KEEPERS = {"best": KeepBest, "last": KeepLast}
"""What keeps the weights of an epoch, by the word for it."""

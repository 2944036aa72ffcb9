"""Weight averaging: a running mean of the weights recognises better than the last ones do.

The steps of training circle around a good place; their mean lies nearer to it (B. T. Polyak and
A. B. Juditsky, SIAM Journal on Control and Optimization 30, 1992, 838-855; P. Izmailov and others,
2018, arXiv:1803.05407).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from minicnn.nn import BatchNorm, Dropout, Module
from minicnn.tape import Array, no_grad
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, TrainingState

Pictures = Callable[[np.random.Generator], Iterable[Array]]
"""Gives batches of pictures as training sees them, float32 (n, H, W, C), drawn by a generator."""


def update_average(average: Array, weight: Array, decay: float) -> None:
    """``average = decay * average + (1 - decay) * weight``, in place.

    >>> average = np.array([1.0, 2.0])
    >>> update_average(average, np.array([3.0, 2.0]), decay=0.75)
    >>> average
    array([1.5, 2. ])
    """
    change = weight - average
    change *= 1 - decay
    average += change


def warmed_up(decay: float, steps: int) -> float:
    """Return the decay after so many steps: less at first, so that the start is soon forgotten.

    As TensorFlow's `ExponentialMovingAverage` does it.

    >>> warmed_up(0.99, 0), warmed_up(0.99, 80), warmed_up(0.99, 10_000)
    (0.1, 0.9, 0.99)
    """
    return min(decay, (1 + steps) / (10 + steps))


class ExponentialMovingAverage(Callback):
    """Between epochs the model has the mean of its weights, within one those that are trained.

    What looks at the model after an epoch (validation, the choice of the best, a checkpoint) sees
    the means, and so does who gets it at the end. The statistics of batch normalisation are not
    averaged, but measured anew for the averaged weights.

    - `decay`: how much of the mean stays in a step, in (0, 1): 0.998 looks back some 500 steps.
    - `pictures`: what to measure statistics on; called once an epoch if there is `BatchNorm`.
    """

    def __init__(self, decay: float, pictures: Pictures):
        self.decay, self.pictures = decay, pictures
        self.averages: list[Array] = []
        self.trained: dict[str, Array] = {}
        """The weights that training goes on with, while the model has the means."""

    def on_epoch_start(self, training: TrainingState) -> None:
        self.averages = [p.data.copy() for p in training.model.parameters()]
        if self.trained:
            training.model.set_weights(self.trained)
            self.trained = {}

    def on_batch(self, training: TrainingState) -> None:
        decay = warmed_up(self.decay, training.optimizer.steps)
        for average, p in zip(self.averages, training.model.parameters(), strict=True):
            update_average(average, p._data, decay)

    def on_validation(self, training: TrainingState) -> None:
        self._put_in(training)

    def on_end(self, training: TrainingState) -> None:
        if self.averages and not self.trained:  # in the midst of an epoch
            self._put_in(training)

    def _put_in(self, training: TrainingState) -> None:
        """Put the means in place of the weights that are trained."""
        trained = training.model.weights()
        for average, p in zip(self.averages, training.model.parameters(), strict=True):
            p[...] = average
        recalibrate_batch_norm(training.model, self.pictures(training.rng))
        self.trained = trained

    def state(self) -> dict[str, Any]:
        return {"weights": self.trained}

    def set_state(self, state: dict[str, Any]) -> None:
        self.trained = state["weights"]


def recalibrate_batch_norm(model: Module, batches: Iterable[Array]) -> None:
    """Set the running averages of every trainable `BatchNorm` to mean and variance of `batches`.

    - `batches`: float32 (n, H, W, C). Each layer sees what those before it make of them with the
      statistics of the batch, and with dropout off, as in prediction.

    Does nothing, and asks for no batch, where there is no `BatchNorm`.
    """
    norms = [m for m in model.modules() if isinstance(m, BatchNorm) and m.trainable]
    if not norms:
        return
    count, sums = 0, [np.zeros((2, norm.gamma.size)) for norm in norms]
    with _newest_statistics_alone(model), no_grad():
        for x in batches:
            model(Tensor(x), training=True)
            count += len(x)
            for norm, total in zip(norms, sums, strict=True):
                mean = norm.moving_mean.data.astype(np.float64)
                total += len(x) * np.stack([mean, norm.moving_variance.data + mean**2])
    for norm, total in zip(norms, sums, strict=True):
        mean, mean_of_squares = total / count
        norm.moving_mean[...] = mean
        norm.moving_variance[...] = mean_of_squares - mean**2


@contextmanager
def _newest_statistics_alone(model: Module) -> Iterator[None]:
    """Within this block running averages are those of the last batch, and nothing is dropped."""
    with ExitStack() as stack:
        for module in model.modules():
            name = {BatchNorm: "momentum", Dropout: "rate"}.get(type(module))
            if name is not None:
                stack.callback(setattr, module, name, getattr(module, name))
                setattr(module, name, 0.0)
        yield

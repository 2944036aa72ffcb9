"""The training doctor: looks at a net and a batch, or along a training, for the usual mistakes."""

import copy
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from minicnn.data import Dataset
from minicnn.errors import ShapeError
from minicnn.insight.checks import (
    TOO_HIGH,
    check_gradients,
    check_labels,
    check_loss,
    check_pairing,
    check_pixels,
    check_relus,
    check_weights,
    probe,
)
from minicnn.insight.findings import Diagnosis, Finding
from minicnn.insight.formatting import number
from minicnn.nn import Module
from minicnn.tape import Array
from minicnn.training.callbacks import Callback, TrainingState

Batch = Dataset | tuple[Array, Array]

TrainingStep = Callable[[Module, Array, Array], object]
"""A step of training: takes a model, images (N, H, W, C) and labels (N,), and changes the model."""

MOST_IMAGES = 256  # that are drawn from a whole set
ENOUGH_STEPS, FALLEN = 20, 0.95  # in an epoch of so many, to what part the loss has fallen at least
ALIKE = 1e-3  # of the length of a gradient, what rounding may change

# Of ten steps, by which a sum of gradients that is never set to zero has grown.
WATCHED, GROWN, NEARLY_SAME = 10, 2.5, 0.6


def diagnose(model: Module, batch: Batch, step: TrainingStep | None = None) -> Diagnosis:
    """Look for the usual mistakes: in the data, in the net, and in a step of training.

    - `model`: built or not, trained or not; it is not changed.
    - `batch`: images (N, ...) and labels (N,) or one-hot (N, classes), at best 100 or more; or a
      data set, of which 256 are drawn.
    - `step`: your own step, a function of (model, images, labels); it is tried on copies of the
      model. Its optimizer should be one for this alone, for it will have taken two steps.

    Raises `ShapeError` if these are not images with a label each.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(4, 4, 1))
    >>> images = np.arange(480.0).reshape(30, 4, 4, 1) % 256
    >>> found = diagnose(model, (images, np.arange(30) % 3))
    >>> found.healthy
    False
    >>> print(found.of("problem")[0])
    problem  pixels: pixels go from 0 to 255; 0 to 1 is normal, or about -3 to 3 if \
standardised; divide by 255 before training
    """
    images, labels = _arrays(batch)
    return Diagnosis(tuple(_examine(copy.deepcopy(model), images, labels, step)))


def _examine(
    model: Module, images: Array, labels: Array, step: TrainingStep | None
) -> Iterator[Finding]:
    yield from check_pixels(images)
    if not np.isfinite(images).all():
        return  # nothing that comes after would be a number
    if images.dtype not in (np.float32, np.float64):
        images = images.astype(np.float32)
    model.ensure_built(images.shape[1:], np.random.default_rng(0))
    try:
        found = probe(model, images, labels)
    except ShapeError as error:  # says itself what is needed
        yield Finding("problem", "shapes", str(error))
        return
    yield from check_labels(labels, found.head.classes)
    yield from check_pairing(images, labels)
    yield from check_loss(found)
    yield from check_relus(found)
    yield from check_weights(found)
    yield from check_gradients(found)
    if step is not None:
        yield from check_step(step, model, images, labels)


def _arrays(batch: Batch) -> tuple[Array, Array]:
    """Images, and labels as class numbers."""
    if isinstance(batch, Dataset):
        count = min(len(batch), MOST_IMAGES)
        chosen = np.random.default_rng(0).choice(len(batch), count, replace=False)
        return batch.scaled(chosen), batch.labels[chosen]
    try:
        images, labels = (np.asarray(each) for each in batch)
    except (TypeError, ValueError):
        raise ShapeError("a batch is a pair, images and labels, or a Dataset") from None
    if labels.ndim == 2:
        labels = labels.argmax(axis=1)
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels) or not len(labels):
        raise ShapeError(
            f"a batch is images (N, ...) with labels (N,), at least one: got {images.shape} and "
            f"{labels.shape}"
        )
    if images.dtype.kind not in "fiub" or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ShapeError(
            f"images must be numbers and labels class numbers from 0 on, got {images.dtype} and "
            f"{labels.dtype}{f' from {labels.min()}' if labels.dtype.kind in 'iu' else ''}"
        )
    return images, labels


class DoctorCallback(Callback):
    """Look along a training: the first losses and gradients, and after each epoch the whole net.

    - `batch`: images and labels to look at the net with, or a data set; without it only losses and
      gradients are looked at.
    - `quiet`: only collect the findings; otherwise each is printed once, to the error stream.

    What it found is in `diagnosis`.

    >>> import minicnn as mc
    >>> from minicnn import nn
    >>> data = mc.data.Dataset(np.eye(6, dtype=np.float32).reshape(6, 6, 1, 1), [0, 1, 2, 0, 1, 2])
    >>> model, look = nn.Sequential(nn.Flatten(), nn.Dense(3)), DoctorCallback(quiet=True)
    >>> _ = mc.fit(model, data, epochs=2, batch_size=2, callbacks=[look], validation=None,
    ...            progress=False)
    >>> look.diagnosis.healthy
    True
    """

    def __init__(self, batch: Batch | None = None, quiet: bool = False):
        self.batch = None if batch is None else _arrays(batch)
        self.quiet = quiet
        self._found: dict[str, Finding] = {}
        self._gradients: list[Array] = []
        self._steps, self._first_loss = 0, math.nan

    @property
    def diagnosis(self) -> Diagnosis:
        """The problems and doubts so far, the first of each kind."""
        return Diagnosis(tuple(self._found.values()))

    def on_batch(self, training: TrainingState) -> None:
        self._steps += 1
        if self._steps == 1:
            self._first_loss = training.loss
            if training.history.epochs == 0:
                self._note(_check_first_loss(training))
        if self._steps <= WATCHED:
            gradients = [p.grad.ravel() for p in training.model.parameters() if p.grad is not None]
            self._gradients.append(np.concatenate(gradients) if gradients else np.zeros(1))
        if self._steps == WATCHED:
            self._note(check_growth(self._gradients))
            self._gradients = []  # as large as ten models

    def on_epoch(self, training: TrainingState) -> None:
        if training.history.epochs == 1:
            self._note(self._check_progress(training))
        if self.batch is not None:
            self._note(iter(diagnose(training.model, self.batch).findings))

    def _check_progress(self, training: TrainingState) -> Iterator[Finding]:
        last = training.history["loss"][-1]
        if training.batches >= ENOUGH_STEPS and last > FALLEN * self._first_loss:
            seen = f"it began at {number(self._first_loss)} and was {number(last)} in the mean"
            advice = (
                "the learning rate may be far too large or too small; or can the net learn 20 "
                "images by heart?"
            )
            yield Finding(
                "doubt", "progress", f"{seen} of the first epoch; it should fall clearly; {advice}"
            )

    def _note(self, findings: Iterator[Finding]) -> None:
        """Keep the first finding of each kind that is not fine."""
        for finding in findings:
            if finding.state != "fine" and finding.about not in self._found:
                self._found[finding.about] = finding
                if not self.quiet:
                    print(f"doctor: {finding}", file=sys.stderr)


def _check_first_loss(training: TrainingState) -> Iterator[Finding]:
    classes = len(training.model.class_names or ())
    if classes > 1 and training.loss > TOO_HIGH * math.log(classes):
        seen = f"it begins at {number(training.loss)}"
        normal = f"about ln({classes}) = {math.log(classes):.3f} is normal"
        yield Finding(
            "problem", "loss", f"{seen}; {normal}; scale the data, or begin with smaller weights"
        )


def check_step(
    step: TrainingStep, model: Module, images: Array, labels: Array
) -> Iterator[Finding]:
    """Take two steps on the same batch, and compare the second's gradient with the true one."""
    patient = copy.deepcopy(model)
    before = patient.weights()
    step(patient, images, labels)
    after = patient.weights()
    if all(np.array_equal(before[name], after[name]) for name in before):
        advice = "call optimizer.step(model.parameters()) after backward(), with a rate above 0"
        says = f"it changes none of {len(before)} weights; all should change a little; {advice}"
        yield Finding("problem", "step", says)
    earlier = _gradients(patient)
    twin = copy.deepcopy(patient)  # the same weights, and the same random numbers to come
    step(patient, images, labels)
    found = _gradients(patient)
    probe(twin, images, labels)
    true = _gradients(twin)
    if found is None or true is None:
        yield Finding("fine", "zero_grad", "no gradient is left after a step, so none adds up")
    elif _alike(found, true):
        yield Finding("fine", "zero_grad", "the second step's gradient is that of its loss alone")
    elif earlier is not None and _alike(found, earlier + true):
        seen = "the second step's gradient is the sum of both steps' gradients"
        advice = "call model.zero_grad() before backward()"
        yield Finding("problem", "zero_grad", f"{seen}; it should be its own alone; {advice}")
    else:
        seen = "the second step's gradient is not that of the mean cross-entropy of the batch"
        advice = "right for another loss, label smoothing or clipping; otherwise look at the step"
        yield Finding("doubt", "step", f"{seen}; normally they are equal; {advice}")


def _gradients(model: Module) -> Array | None:
    """All gradients as one vector, or None if there is none."""
    parameters = model.parameters()
    if all(p.grad is None for p in parameters):
        return None
    return np.concatenate(
        [np.zeros(p.size) if p.grad is None else p.grad.ravel() for p in parameters]
    )


def _alike(found: Array, expected: Array) -> bool:
    return float(np.linalg.norm(found - expected)) <= ALIKE * float(np.linalg.norm(expected))


def check_growth(gradients: Sequence[Array]) -> Iterator[Finding]:
    """Do the gradients of successive steps, a vector each, add up?

    What is never set to zero grows, and each is the one before with a little added.
    """
    lengths = [float(np.linalg.norm(each)) for each in gradients]
    if not np.isfinite(lengths).all() or not all(lengths):
        return
    later = list(pairwise(gradients))[len(gradients) // 2 :]
    added = float(np.median([np.linalg.norm(b - a) / np.linalg.norm(b) for a, b in later]))
    if lengths[-1] > GROWN * lengths[0] and added < NEARLY_SAME:
        seen = (
            f"the gradient has grown from a length of {number(lengths[0])} to "
            f"{number(lengths[-1])} in {len(lengths)} steps, each nearly the one before"
        )
        normal = "gradients of different batches normally differ, and do not grow"
        advice = "call model.zero_grad() before backward(), or they add up"
        yield Finding("problem", "zero_grad", f"{seen}; {normal}; {advice}")

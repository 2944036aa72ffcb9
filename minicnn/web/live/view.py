"""The callback behind the page: now and then it notes how the training is, and no more.

A note is a dictionary of plain data that is never changed afterwards, so that the server's thread
may read the newest one at any time. It is turned into JSON only when a page asks for it.
"""

import math
import time
import uuid
from typing import Any

from minicnn.metrics import confusion_matrix
from minicnn.training.callbacks import Callback, TrainingState
from minicnn.web.live.curve import Curve, Point
from minicnn.web.live.filters import filters

EVERY = 0.5
"""Seconds between two notes within an epoch."""

MOST_CLASSES = 64
"""Up to so many there is a confusion matrix."""

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_second")


class LiveView(Callback):
    """Keeps `note`, the state of the training, for whoever looks at it.

    - `title`: what is trained, as the page calls it.

    It changes nothing, draws no random number, and has nothing to remember in a checkpoint.
    """

    def __init__(self, title: str = "training"):
        self.curve = Curve()
        self.name, self.number = uuid.uuid4().hex[:8], 0
        self.note: dict[str, Any] = {}
        self._facts: dict[str, Any] = {"title": title, "state": "starting"}
        self._began = self._noted = 0.0
        self._done_before = 0
        self._images, self._loss, self._accuracy, self._seconds = 0, 0.0, 0.0, 0.0
        self._publish()

    def on_start(self, training: TrainingState) -> None:
        self._began = self._noted = time.perf_counter()
        self._done_before = self._done(training)
        self._forget_epoch()
        self._tell(training, state="training", parameters=_parameters(training))

    def on_batch(self, training: TrainingState) -> None:
        now = time.perf_counter()
        if now - self._noted >= EVERY:
            self._add(training, now - self._noted)
            self._noted = now
            self._tell(training)

    def on_epoch(self, training: TrainingState) -> None:
        # The clock of the training itself, which does not run during validation.
        seconds = training.history["seconds"][-1] - self._seconds
        self._add(training, max(seconds, 1e-6))
        self._forget_epoch()
        self._tell(training, confusion=_confusion(training))
        self._noted = time.perf_counter()

    def on_end(self, training: TrainingState) -> None:
        self._tell(training, state="interrupted" if training.history.interrupted else "measuring")

    def end(self, state: str, **facts: Any) -> None:
        """Say how it all ended: "ended", "interrupted", or "failed" with a `reason`."""
        self._facts |= {"state": state, **facts}
        self._publish()

    def _add(self, training: TrainingState, seconds: float) -> None:
        """Add a point for what came since the one before: the running means give the sums."""
        images = training.images - self._images
        if images > 0:
            loss, accuracy = training.loss * training.images, training.accuracy * training.images
            self.curve.add(
                Point(
                    self._done(training) / training.batches,
                    images,
                    seconds,
                    (loss - self._loss) / images,
                    (accuracy - self._accuracy) / images,
                )
            )
            self._images, self._loss, self._accuracy = training.images, loss, accuracy
            self._seconds += seconds

    def _forget_epoch(self) -> None:
        """Of which `_images` … `_seconds` are the sums so far."""
        self._images, self._loss, self._accuracy, self._seconds = 0, 0.0, 0.0, 0.0

    def _done(self, training: TrainingState) -> int:
        """Batches, in all epochs."""
        return training.history.epochs * training.batches + training.batch

    def _tell(self, training: TrainingState, **facts: Any) -> None:
        done, total = self._done(training), training.epochs * training.batches
        seconds = time.perf_counter() - self._began
        here = done - self._done_before
        self._facts |= {
            "epochs": training.epochs,
            "epoch": min(training.history.epochs + 1, training.epochs),
            "share": done / total,
            "seconds": seconds,
            "seconds_left": seconds * (total - done) / here if here else None,
            "curve": [_plain(point) for point in self.curve.points],
            "history": {
                name: [_finite(value) for value in training.history[name]]
                for name in FIGURES
                if name in training.history
            },
            "classes": list(training.model.class_names or ()),
            "filters": filters(training.model),
            **facts,
        }
        self._publish()

    def _publish(self) -> None:
        self.number += 1
        self.note = {"tag": f"{self.name}-{self.number}", **self._facts}


def _parameters(training: TrainingState) -> int:
    return sum(parameter.data.size for parameter in training.model.parameters())


def _confusion(training: TrainingState) -> list[list[int]] | None:
    """Of the validation set, row = true class; None without one, or for too many classes."""
    if training.validated is None:
        return None
    labels, probabilities = training.validated
    classes = probabilities.shape[1]
    if classes > MOST_CLASSES:
        return None
    matrix: list[list[int]] = confusion_matrix(
        labels, probabilities.argmax(axis=1), classes
    ).tolist()
    return matrix


def _plain(point: Point) -> list[float | None]:
    """Epoch, loss, accuracy, images a second."""
    rate = point.images / point.seconds
    values = (point.epoch, point.loss, point.accuracy, rate)
    return [_finite(float(f"{value:.6g}")) for value in values]  # more than a page can show


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None

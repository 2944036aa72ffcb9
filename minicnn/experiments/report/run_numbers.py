"""What a run came to, as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from minicnn import metrics
from minicnn.data import Dataset
from minicnn.errors import DataError
from minicnn.experiments.opening import open_trained
from minicnn.files import StrPath
from minicnn.insight.robustness import Robustness, measure_robustness
from minicnn.nn import Sequential
from minicnn.tape import Array
from minicnn.training.fit import Evaluation, evaluate

BINS = 15  # of the probabilities
MISTAKES = 25


@dataclass(frozen=True, eq=False)
class RunReport:
    """A trained model, measured on a test set, with all that is known of its training.

    - `name`: of the run.
    - `settings`, `training`, `history`: what the run's `config.json`, `metrics.json` and
      `history.json` say; all are empty if there is but a model's file.
    - `model`, `test`, `evaluation`: the model, and how it does on the test set.
    - `robustness`: how it does on test pictures made worse.
    """

    name: str
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    history: Mapping[str, Any]
    model: Sequential
    test: Dataset
    evaluation: Evaluation
    robustness: Robustness

    @property
    def class_names(self) -> tuple[str, ...]:
        """The model's classes, of which the test set need not have all."""
        return self.model.class_names or self.test.class_names

    @property
    def labels(self) -> Array:
        """The true classes, int64 `(N,)`."""
        return self.evaluation.labels

    @property
    def probabilities(self) -> Array:
        """Float32, `(N, C)`."""
        return self.evaluation.probabilities

    @cached_property
    def predictions(self) -> Array:
        """The classes of the highest probability, int64 `(N,)`."""
        return self.probabilities.argmax(axis=1)

    @property
    def interval(self) -> metrics.Interval:
        """Where the true accuracy lies with 95 % confidence (`metrics.wilson_interval`)."""
        right = int((self.predictions == self.labels).sum())
        return metrics.wilson_interval(right, len(self.labels))

    @cached_property
    def classification(self) -> metrics.ClassificationReport:
        """Precision, recall and F1 of every class."""
        return metrics.classification_report(self.labels, self.predictions, self.class_names)

    @cached_property
    def confusion(self) -> Array:
        """Rows true, columns predicted, int64 `(C, C)`."""
        return metrics.confusion_matrix(self.labels, self.predictions, len(self.class_names))

    @cached_property
    def reliability(self) -> metrics.Reliability:
        """Probability against accuracy in 15 equal bins."""
        return metrics.reliability(self.probabilities, self.labels, BINS)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error over the same bins."""
        return metrics.expected_calibration_error(self.probabilities, self.labels, BINS)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data for JSON; what is not a number is None."""
        found, bins = self.classification, self.reliability
        worst = metrics.worst_mistakes(self.labels, self.probabilities)[:MISTAKES]
        return {
            "run": self.name,
            "settings": dict(self.settings),
            "training": dict(self.training),
            "layers": [row._asdict() for row in self.model.layer_rows()],
            "parameters": self.model.parameter_count(),
            "images": len(self.labels),
            "test_accuracy": self.evaluation.accuracy,
            "test_loss": self.evaluation.loss,
            "interval": list(self.interval),
            "classes": {
                name: {"precision": p, "recall": r, "f1": f, "support": int(n)}
                for name, p, r, f, n in zip(
                    found.class_names,
                    found.precision.tolist(),
                    found.recall.tolist(),
                    found.f1.tolist(),
                    found.support,
                    strict=True,
                )
            },
            "macro": found.macro._asdict(),
            "weighted": found.weighted._asdict(),
            "confusion": self.confusion.tolist(),
            "expected_calibration_error": self.calibration_error,
            "reliability": [
                {"confidence": confidence, "accuracy": accuracy, "count": count}
                if count
                else {"confidence": None, "accuracy": None, "count": 0}
                for confidence, accuracy, count in zip(
                    bins.confidence.tolist(),
                    bins.accuracy.tolist(),
                    bins.count.tolist(),
                    strict=True,
                )
            ],
            "robustness": self.robustness.to_dict(),
            "worst_mistakes": [
                {
                    "index": int(i),
                    "true": self.class_names[self.labels[i]],
                    "predicted": self.class_names[self.predictions[i]],
                    "probability": float(self.probabilities[i].max()),
                }
                for i in worst
            ],
        }


def report_run(
    path: StrPath,
    data: StrPath | None = None,
    progress: bool = True,
    prefix: str | None = None,
) -> RunReport:
    """Measure the model of a finished run again, and gather what is known of its training.

    - `path`: the folder of a run, or a model's file, which says nothing of how it was trained.
    - `data`: an IDX directory to measure on; the run's own test set if not given, MNIST's for a
      model's file.
    - `progress`: show it on the standard error stream.
    - `prefix`: which set of the directory, if it holds several.

    Raises `FileError` if there is no finished run and no model, `DataError` if the data is
    not there or does not fit the model.
    """
    found = open_trained(path)
    run, model = found.run, found.model
    training, history = (run.metrics(), run.history()) if run else ({}, {})
    _, test = found.data(data, prefix)
    classes = model.classes
    if model.picture_shape != test.image_shape or int(test.labels.max()) >= classes:
        raise DataError(
            f"{path}: the model takes pictures {model.input_shape} of {classes} classes; the "
            f"test set has {test.image_shape} and labels up to {test.labels.max()}"
        )
    return RunReport(
        Path(path).resolve().name,
        run.settings.to_dict() if run else {},
        training,
        history,
        model,
        test,
        evaluate(model, test, tta=found.tta),
        measure_robustness(model, test, tta=found.tta, progress=progress),
    )

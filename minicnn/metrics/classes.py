"""Right and wrong by class: accuracy, the confusion matrix, precision and recall, mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minicnn.metrics.arguments import (
    Floats,
    Integers,
    class_numbers,
    class_probabilities,
    known_classes,
    labels_and_predictions,
    same_length,
)


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the share of predictions that are right, from 0 to 1.

    - `labels`, `predictions`: integers, `(N,)`.

    Raises `ShapeError` if they are not class numbers or not equally many.

    >>> accuracy([3, 1, 4, 1], [3, 1, 4, 7])
    0.75
    """
    true, predicted = labels_and_predictions(labels, predictions)
    return float(np.mean(true == predicted))


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, classes: int | None = None
) -> Integers:
    """How often each class was taken for each: `(C, C)` int64, row = true, column = predicted.

    - `labels`, `predictions`: integers, `(N,)`.
    - `classes`: `C`; without it, one more than the highest class number seen.

    Raises `ShapeError` if they are not class numbers below `classes`, or not equally many.

    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0])
    array([[1, 1, 0],
           [0, 1, 0],
           [1, 0, 0]])
    """
    true, predicted = labels_and_predictions(labels, predictions)
    if classes is None:
        classes = 1 + max(int(true.max()), int(predicted.max()))
    known_classes(true, classes, "labels")
    known_classes(predicted, classes, "predictions")
    # Each (row, column) pair becomes one number, so that a single bincount counts them all.
    cells = true.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


class Averages(NamedTuple):
    """One mean over the classes of each measure."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """Precision, recall and F1 of each class, and their averages; `print` shows the table.

    - `class_names`: `C` names.
    - `precision`, `recall`, `f1`: float64, `(C,)`.
    - `support`: int64, `(C,)`, how many examples have this true class.
    - `accuracy`: the share of all predictions that are right.
    - `macro`: the plain mean over the `C` classes, so that a rare class counts as much as any.
    - `weighted`: the mean weighted by `support`.
    """

    class_names: tuple[str, ...]
    precision: Floats
    recall: Floats
    f1: Floats
    support: Integers
    accuracy: float
    macro: Averages
    weighted: Averages

    def __str__(self) -> str:
        total = str(self.support.sum())
        scores = zip(self.precision, self.recall, self.f1, strict=True)
        rows = [["", "precision", "recall", "f1", "support"]]
        for name, score, support in zip(self.class_names, scores, self.support, strict=True):
            rows.append([name, *_three_digits(score), str(support)])
        rows.append([])
        rows.append(["accuracy", "", "", *_three_digits([self.accuracy]), total])
        rows.append(["macro average", *_three_digits(self.macro), total])
        rows.append(["weighted average", *_three_digits(self.weighted), total])
        return _aligned(rows)


def classification_report(
    labels: ArrayLike, predictions: ArrayLike, class_names: Sequence[str] | None = None
) -> ClassificationReport:
    """Precision, recall and F1 of every class.

    With TP the hits of a class: precision = TP / predicted as it, recall = TP / truly it, and
    F1 = 2 TP / (predicted + true), their harmonic mean. Where a class was never predicted or
    never occurs, 0 / 0 counts as 0.0, and the class still takes part in the macro average.

    - `labels`, `predictions`: integers, `(N,)`.
    - `class_names`: one name per class; without it, the class numbers up to the highest seen.

    Raises `ShapeError` if they are not class numbers with a name each, or not equally many.

    >>> print(classification_report([0, 0, 1, 1, 1], [0, 1, 1, 1, 1], ["cat", "dog"]))
                      precision  recall     f1  support
    cat                   1.000   0.500  0.667        2
    dog                   0.750   1.000  0.857        3
    <BLANKLINE>
    accuracy                             0.800        5
    macro average         0.875   0.750  0.762        5
    weighted average      0.850   0.800  0.781        5
    """
    matrix = confusion_matrix(
        labels, predictions, None if class_names is None else len(class_names)
    )
    names = range(len(matrix)) if class_names is None else class_names
    hits, predicted, support = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
    precision, recall = _ratio(hits, predicted), _ratio(hits, support)
    f1 = _ratio(2 * hits, predicted + support)
    scores = np.stack([precision, recall, f1])
    return ClassificationReport(
        tuple(str(name) for name in names),
        precision,
        recall,
        f1,
        support,
        accuracy=float(hits.sum() / support.sum()),
        macro=Averages(*scores.mean(axis=1).tolist()),
        weighted=Averages(*np.average(scores, axis=1, weights=support).tolist()),
    )


def _ratio(numerator: Integers, denominator: Integers) -> Floats:
    zeros = np.zeros(len(numerator))
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)


def _three_digits(values: Sequence[float]) -> list[str]:
    return [f"{value:.3f}" for value in values]


def _aligned(rows: list[list[str]]) -> str:
    """Align the first column left and the others right; an empty row is an empty line."""
    widths = [max(len(cell) for cell in column) for column in zip(*filter(None, rows), strict=True)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0]) if row else ""
        others = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([first, *others]))
    return "\n".join(lines)


def worst_mistakes(labels: ArrayLike, probabilities: ArrayLike) -> Integers:
    """Return the places of the wrong predictions, the surest first; among equals, the earlier.

    - `labels`: integers below `C`, `(N,)`.
    - `probabilities`: floats from 0 to 1, `(N, C)`; the highest of a row is the prediction.

    Raises `ShapeError` if they are not such, or not equally many.

    >>> worst_mistakes([0, 0, 1], [[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])
    array([1, 0])
    """
    scores = class_probabilities(probabilities, "probabilities")
    true = class_numbers(labels, "labels")
    same_length(probabilities=scores, labels=true)
    known_classes(true, scores.shape[1], "labels")
    wrong = np.flatnonzero(scores.argmax(axis=1) != true)
    return wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")]

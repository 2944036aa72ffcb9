"""How good a classifier is, from its predictions alone.

Labels and predictions are class numbers: 1-D integer arrays of one length `N`, counted from 0.
Whatever else arrives (one-hot rows, probabilities, floats, nothing) is refused by a `ShapeError`
that says what came and what is needed.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import ShapeError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# A softmax in float32 may end one rounding above 1.
ROUNDING = 1e-6


def class_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """`values` as an array, once it is sure that they are class numbers.

    - `values`: integers, 0 or more, shape `(N,)` with `N >= 1`.
    - `name`: what the error message calls them.

    >>> class_numbers([0.0, 1.0], "labels")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: labels: got float64, need integers (class numbers)
    """
    array = np.asarray(values)
    if array.ndim != 1:
        hint = "; take argmax(axis=1) of probabilities or one-hot rows" if array.ndim == 2 else ""
        raise ShapeError(f"{name}: got shape {array.shape}, need (N,){hint}")
    if array.size == 0:
        raise ShapeError(f"{name}: got none, need at least one")
    if array.dtype.kind not in "iu":
        raise ShapeError(f"{name}: got {array.dtype}, need integers (class numbers)")
    if array.min() < 0:
        raise ShapeError(f"{name}: got {array.min()}, but class numbers count from 0")
    return array


def class_probabilities(values: ArrayLike, name: str) -> Floats:
    """`values` as float64, once it is sure that they are one row of probabilities per example.

    - `values`: numbers from 0 to 1, shape `(N, C)` with `N >= 1` and `C >= 1`. That a row sums
      to 1 is not asked: the rows of an 8-bit model do so only roughly.
    - `name`: what the error message calls them.

    >>> class_probabilities([[2.5, -1.0]], "probabilities")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: probabilities: got values from -1 to 2.5, need 0 to 1; \
are these logits, before softmax?
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(f"{name}: got shape {array.shape}, need (N, C), both at least 1")
    if not np.isfinite(array).all():
        raise ShapeError(f"{name}: {np.count_nonzero(~np.isfinite(array))} of them are not finite")
    low, high = array.min(), array.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ShapeError(
            f"{name}: got values from {low:g} to {high:g}, need 0 to 1; "
            "are these logits, before softmax?"
        )
    return array


def same_length(**arrays: NDArray[Any]) -> None:
    """Refuse arrays, given by name, that do not have as many entries as the first.

    >>> same_length(images=np.zeros((3, 28, 28)), labels=np.zeros(2))
    Traceback (most recent call last):
    minicnn.errors.ShapeError: 3 images, but 2 labels
    """
    (first, reference), *rest = arrays.items()
    for name, array in rest:
        if len(array) != len(reference):
            raise ShapeError(f"{len(reference)} {first}, but {len(array)} {name}")


def known_classes(numbers: NDArray[Any], classes: int, name: str) -> None:
    """Refuse class numbers that are not below `classes`.

    >>> known_classes(np.array([1, 10]), 10, "labels")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: labels: got class 10, but there are 10 classes, counted from 0
    """
    if numbers.max() >= classes:
        raise ShapeError(
            f"{name}: got class {numbers.max()}, but there are {classes} classes, counted from 0"
        )


def _pair(labels: ArrayLike, predictions: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    true = class_numbers(labels, "labels")
    predicted = class_numbers(predictions, "predictions")
    same_length(labels=true, predictions=predicted)
    return true, predicted


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The share of predictions that are right, from 0 to 1.

    - `labels`, `predictions`: integers, `(N,)`.

    Raises `ShapeError` if they are not class numbers or not equally many.

    >>> accuracy([3, 1, 4, 1], [3, 1, 4, 7])
    0.75
    """
    true, predicted = _pair(labels, predictions)
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
    true, predicted = _pair(labels, predictions)
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
    """The first column flush left, the others flush right; an empty row is an empty line."""
    widths = [max(len(cell) for cell in column) for column in zip(*filter(None, rows), strict=True)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0]) if row else ""
        others = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join([first, *others]))
    return "\n".join(lines)


def worst_mistakes(labels: ArrayLike, probabilities: ArrayLike) -> Integers:
    """The places of the wrong predictions, the surest first; among equals, the earlier.

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


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Where the true accuracy lies when `correct` of `total` independent examples were right.

    The score interval, which stays inside 0 to 1 and holds for accuracies near 1, where the
    familiar p ± z √(p (1 - p) / n) fails. With k correct of n and z the normal quantile:

        (k + z²/2 ± z √(k (n - k) / n + z²/4)) / (n + z²)

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212.

    Raises `ShapeError` unless `0 <= correct <= total`, `total >= 1` and `0 < confidence < 1`.

    >>> low, high = wilson_interval(9_920, 10_000)
    >>> print(f"{low:.4f} to {high:.4f}")
    0.9901 to 0.9936
    """
    correct, total = _whole(correct, "correct"), _whole(total, "total")
    if total < 1 or not 0 <= correct <= total:
        raise ShapeError(
            f"got {correct} correct of {total}; need 0 <= correct <= total, total >= 1"
        )
    if not 0 < confidence < 1:
        raise ShapeError(f"confidence: got {confidence}, need a number between 0 and 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    # The upper end of the right is one minus the lower end of the wrong: exactly 1 for all right.
    return Interval(_wilson_low(correct, total, z), 1 - _wilson_low(total - correct, total, z))


def _whole(value: int, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ShapeError(f"{name}: got {value!r}, need a whole number") from None


def _wilson_low(correct: int, total: int, z: float) -> float:
    spread = z * math.sqrt(correct * (total - correct) / total + z * z / 4)
    return (correct + z * z / 2 - spread) / (total + z * z)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against accuracy, bin by bin; the bins are equal parts of 0 to 1.

    - `confidence`: float64, `(bins,)`, the mean highest probability of the examples in a bin.
    - `accuracy`: float64, `(bins,)`, the share of them that is right.
    - `count`: int64, `(bins,)`, how many there are. Where there are none, the other two are NaN.
    """

    confidence: Floats
    accuracy: Floats
    count: Integers


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Reliability:
    """Sort the examples by the probability of their predicted class into equal bins.

    Bin m of M holds the confidences in ((m - 1) / M, m / M], as in Guo et al. 2017 (see
    `expected_calibration_error`); the first bin also holds 0.

    - `probabilities`: floats from 0 to 1, `(N, C)`.
    - `labels`: integers below `C`, `(N,)`.

    Raises `ShapeError` if they are not such, not equally many, or `bins` is not 1 or more.

    >>> found = reliability([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 1, 1], bins=4)
    >>> found.count, found.accuracy
    (array([0, 0, 1, 2]), array([nan, nan, 1. , 0.5]))
    """
    rows = class_probabilities(probabilities, "probabilities")
    true = class_numbers(labels, "labels")
    same_length(probabilities=rows, labels=true)
    known_classes(true, rows.shape[1], "labels")
    if _whole(bins, "bins") < 1:
        raise ShapeError(f"bins: got {bins}, need 1 or more")
    right = rows.argmax(axis=1) == true
    confidence = rows.max(axis=1)
    inner_edges = np.arange(1, bins) / bins
    place = np.searchsorted(inner_edges, confidence, side="left")
    count = np.bincount(place, minlength=bins)
    per_bin = np.where(count > 0, count, np.nan)
    return Reliability(
        confidence=np.bincount(place, weights=confidence, minlength=bins) / per_bin,
        accuracy=np.bincount(place, weights=right, minlength=bins) / per_bin,
        count=count,
    )


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 15
) -> float:
    """How far confidence and accuracy lie apart, from 0 (calibrated) to 1.

    The mean over the examples of |accuracy - confidence| of their bin:
    ECE = Σ count / N · |accuracy - confidence|, over the bins of `reliability`, whose arguments
    and errors this shares.

    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
    ICML 2017, equation 3.

    >>> round(expected_calibration_error([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 1, 1], 4), 6)
    0.333333
    """
    found = reliability(probabilities, labels, bins)
    filled = found.count > 0
    gap = np.abs(found.accuracy - found.confidence)[filled]
    return float(np.average(gap, weights=found.count[filled]))


class McNemar(NamedTuple):
    """Of two classifiers: how often only the one is right, only the other, and how likely that is.

    `p_value` is the probability of counts at least this uneven if both are equally good.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's exact test of two classifiers on the same examples.

    Of the examples that only one of them gets right, each is as likely to be the first's as the
    second's if both are equally good: the counts are binomial with probability 1/2, two-sided.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions",
    Psychometrika 12 (1947), 153-157.

    - `labels`, `first`, `second`: integers, `(N,)`, the true classes and both predictions.

    Raises `ShapeError` if they are not class numbers, or not equally many.

    >>> mcnemar([0, 0, 0, 0, 0, 0], first=[0, 0, 0, 0, 0, 1], second=[1, 1, 1, 1, 1, 2])
    McNemar(only_first=5, only_second=0, p_value=0.0625)
    """
    from scipy.stats import binomtest  # here, because it takes a while to import

    true, one = _pair(labels, first)
    _, other = _pair(labels, second)
    only_first = int(((one == true) & (other != true)).sum())
    only_second = int(((one != true) & (other == true)).sum())
    parted = only_first + only_second
    p_value = float(binomtest(only_first, parted).pvalue) if parted else 1.0
    return McNemar(only_first, only_second, p_value)

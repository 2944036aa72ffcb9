"""Whether the probabilities are what they say: of answers given with 0.9, are nine of ten right?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from minicnn.errors import SettingError
from minicnn.metrics.arguments import (
    Floats,
    Integers,
    class_numbers,
    class_probabilities,
    known_classes,
    same_length,
    whole_number,
)


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
    if whole_number(bins, "bins") < 1:
        raise SettingError(f"bins: got {bins}, need 1 or more")
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

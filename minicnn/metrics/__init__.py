"""How good a classifier is, from its predictions alone.

Labels and predictions are class numbers: 1-D integer arrays of one length `N`, counted from 0.
Whatever else arrives (one-hot rows, probabilities, floats, nothing) is refused by a `ShapeError`
that says what came and what is needed.
"""

from minicnn.metrics.arguments import (
    class_numbers,
    class_probabilities,
    known_classes,
    same_length,
)
from minicnn.metrics.calibration import Reliability, expected_calibration_error, reliability
from minicnn.metrics.chance import Interval, McNemar, mcnemar, wilson_interval
from minicnn.metrics.classes import (
    Averages,
    ClassificationReport,
    accuracy,
    classification_report,
    confusion_matrix,
    worst_mistakes,
)

__all__ = [
    "Averages",
    "ClassificationReport",
    "Interval",
    "McNemar",
    "Reliability",
    "accuracy",
    "class_numbers",
    "class_probabilities",
    "classification_report",
    "confusion_matrix",
    "expected_calibration_error",
    "known_classes",
    "mcnemar",
    "reliability",
    "same_length",
    "wilson_interval",
    "worst_mistakes",
]

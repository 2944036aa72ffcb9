"""How much of a figure may be chance: an interval for an accuracy, a test of a difference."""

from typing import NamedTuple

from numpy.typing import ArrayLike

from minicnn.errors import SettingError
from minicnn.metrics.arguments import labels_and_predictions, whole_number


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Where the true accuracy lies when `correct` of `total` independent examples were right.

    The score interval, which stays inside 0 to 1 and holds for accuracies near 1, where the
    familiar p ± z √(p (1 - p) / n) fails: each end is a p with |k/n - p| = z √(p (1 - p) / n), for
    k correct of n and z the normal quantile. SciPy computes it.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212.

    Raises `SettingError` unless `0 <= correct <= total`, `total >= 1` and `0 < confidence < 1`.

    >>> low, high = wilson_interval(9_920, 10_000)
    >>> print(f"{low:.4f} to {high:.4f}")
    0.9901 to 0.9936
    """
    correct, total = whole_number(correct, "correct"), whole_number(total, "total")
    if total < 1 or not 0 <= correct <= total:
        raise SettingError(
            f"got {correct} correct of {total}; need 0 <= correct <= total, total >= 1"
        )
    if not 0 < confidence < 1:
        raise SettingError(f"confidence: got {confidence}, need a number between 0 and 1")
    from scipy.stats import binomtest  # here, because it takes a while to import

    found = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


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

    true, one = labels_and_predictions(labels, first)
    _, other = labels_and_predictions(labels, second)
    only_first = int(((one == true) & (other != true)).sum())
    only_second = int(((one != true) & (other == true)).sum())
    parted = only_first + only_second
    p_value = float(binomtest(only_first, parted).pvalue) if parted else 1.0
    return McNemar(only_first, only_second, p_value)

"""How many pictures each class has, and whether that is balanced."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minicnn.data import Dataset
from minicnn.tape import Array


class ChiSquared(NamedTuple):
    """A chi-squared test: the statistic, its degrees of freedom, and the p-value.

    - `smallest_expected`: the lowest count that was expected in any cell; below 5 the p-value is
      a rough one (W. G. Cochran, "Some methods for strengthening the common χ² tests",
      Biometrics 10 (1954), 417-451).
    """

    statistic: float
    degrees: int
    p_value: float
    smallest_expected: float


@dataclass(frozen=True, eq=False)
class Balance:
    """Pictures per class.

    - `train`, `test`: int64, `(C,)`.
    - `uniform`: the test of whether the classes that the training set has are equally frequent.
    - `test_follows_train`: the test of whether both sets have the same shares of the classes.
    """

    train: Array
    test: Array
    uniform: ChiSquared
    test_follows_train: ChiSquared

    @property
    def ratio(self) -> float:
        """The largest class of the training set over the smallest that is there."""
        present = self.train[self.train > 0]
        return float(present.max() / present.min())


def balance(train: Dataset, test: Dataset) -> Balance:
    """Count the classes of both sets and test their balance.

    Classes without a picture take no part: in `uniform` those that are not in the training set, in
    `test_follows_train` those that are in neither.

    >>> blank = np.zeros((60, 1, 1, 1), np.uint8)
    >>> train, test = Dataset(blank, [0] * 20 + [1] * 40), Dataset(blank[:6], [0, 0, 1, 1, 1, 1])
    >>> found = balance(train, test)
    >>> round(found.uniform.statistic, 3), round(found.uniform.p_value, 4)
    (6.667, 0.0098)
    >>> found.test_follows_train.p_value
    1.0
    """
    counts = np.stack([np.bincount(part.labels, minlength=train.classes) for part in (train, test)])
    return Balance(counts[0], counts[1], _uniform(counts[0]), _same_shares(counts))


def _uniform(counts: Array) -> ChiSquared:
    """Pearson's test of equal frequencies: Σ (n - N/C)² / (N/C) with C - 1 degrees of freedom."""
    from scipy.stats import chisquare

    present = counts[counts > 0]
    if len(present) == 1:  # nothing that could differ
        return ChiSquared(0.0, 0, 1.0, float(present[0]))
    result = chisquare(present)
    return ChiSquared(
        float(result.statistic), len(present) - 1, float(result.pvalue), float(present.mean())
    )


def _same_shares(counts: Array) -> ChiSquared:
    """Pearson's test of homogeneity of the 2 × C table."""
    from scipy.stats import chi2_contingency

    result = chi2_contingency(counts[:, counts.any(axis=0)], correction=False)
    return ChiSquared(
        float(result.statistic),
        int(result.dof),
        float(result.pvalue),
        float(result.expected_freq.min()),
    )

"""Arithmetic on rounds: medians, ratios of the same round, their spread, geometric means.

A round is a dictionary of seconds by engine, all measured within a few seconds of one another. The
machine's speed drifts, so engines are compared within a round, never across rounds.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

Round = dict[str, float]


class Spread(NamedTuple):
    """A median and the range around it."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Median, lowest and highest.

    >>> spread([3.0, 1.0, 2.0])
    Spread(median=2.0, low=1.0, high=3.0)
    """
    values = list(values)
    return Spread(median(values), min(values), max(values))


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios.

    >>> round(geometric_mean([0.5, 2.0, 8.0]), 6)
    2.0
    """
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def column(rounds: Sequence[Round], name: str) -> list[float]:
    """One engine's seconds, round by round."""
    return [one[name] for one in rounds]


def ratios(rounds: Sequence[Round], ours: str, peers: Sequence[str]) -> list[float]:
    """How many times faster we are than the faster of the peers, in each round.

    >>> ratios([{"us": 1.0, "a": 3.0, "b": 2.0}, {"us": 1.0, "a": 1.5, "b": 4.0}], "us", ["a", "b"])
    [2.0, 1.5]
    """
    return [min(one[peer] for peer in peers) / one[ours] for one in rounds]


def line_through(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float, float]:
    """Slope, intercept and R² of the straight line by least squares.

    >>> line_through([1, 2, 3], [5, 7, 9])
    (2.0, 3.0, 1.0)
    """
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    dx, dy = [x - mean_x for x in xs], [y - mean_y for y in ys]
    slope = sum(a * b for a, b in zip(dx, dy, strict=True)) / sum(a * a for a in dx)
    rest = sum((b - slope * a) ** 2 for a, b in zip(dx, dy, strict=True))
    total = sum(b * b for b in dy)
    return slope, mean_y - slope * mean_x, 1 - rest / total if total else 1.0

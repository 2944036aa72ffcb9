"""Where two outcomes of the same case differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minicnn.kernels.geometry import Array
from minicnn.learn.outcome import AFTERWARDS, Failure, Outcome

_SINGLE = 1e-4
"""Tolerance where numbers have only float32's precision."""


@dataclass(frozen=True)
class Difference:
    """The first thing in which yours differs from what is expected.

    - `kind`: "stop", "missing", "wrong_type", "shape", "dtype", "values", "changed" (an argument,
      in place) or "view".
    - `name`: of the array that differs.
    """

    kind: str
    name: str = ""
    yours: Array | None = None
    expected: Array | None = None
    stop: Failure | None = None
    type: str = ""


def first_difference(yours: Outcome, expected: Outcome, tolerance: float) -> Difference | None:
    """None if all is equal up to the tolerance."""
    return next(_differences(yours, expected, tolerance), None)


def _differences(yours: Outcome, expected: Outcome, tolerance: float) -> Iterator[Difference]:
    if yours.stop is not None:
        yield Difference("stop", stop=yours.stop)
    for name, right in expected.arrays.items():
        if name in yours.wrong_type:
            yield Difference("wrong_type", name, expected=right, type=yours.wrong_type[name])
        elif name not in yours.arrays:
            yield Difference("missing", name, expected=right)
        elif (kind := _difference(name, yours.arrays[name], right, tolerance)) is not None:
            yield Difference(kind, name, yours.arrays[name], right)
    for name in yours.views:
        if name not in expected.views:
            yield Difference("view", name)


def _difference(name: str, mine: Array, right: Array, tolerance: float) -> str | None:
    """Return the kind of difference between two arrays."""
    if mine.shape != right.shape:
        return "shape"
    if not close(mine, right, tolerance):
        return "changed" if name.endswith(AFTERWARDS) else "values"
    return None if mine.dtype == right.dtype else "dtype"


def same(one: Outcome, other: Outcome, tolerance: float) -> bool:
    """Did both do the same, mistakes included?

    Only `other` may show an argument's memory where `one` has a copy of it, which is no mistake.
    """
    if one.stop is not None or other.stop is not None:
        return (one.stop and one.stop.kind) == (other.stop and other.stop.kind)
    return (
        one.arrays.keys() == other.arrays.keys()
        and one.wrong_type == other.wrong_type
        and set(one.views) <= set(other.views)
        and first_difference(one, other, tolerance) is None
    )


def close(mine: Array, right: Array, tolerance: float) -> bool:
    """Equal up to the tolerance relative to the largest number; NaN and infinity must agree."""
    if right.dtype == np.float32 or mine.dtype in (np.float32, np.float16):
        tolerance = max(tolerance, _SINGLE)
    finite = np.isfinite(right)
    if not np.array_equal(finite, np.isfinite(mine)):
        return False
    largest = float(np.abs(right[finite]).max(initial=1.0))
    allowed = tolerance * largest
    return np.allclose(mine, right, rtol=0, atol=allowed, equal_nan=True)

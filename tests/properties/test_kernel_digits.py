"""Digits: in float32 a kernel is as near to float64 as float32 can be, at every magnitude."""

import math

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels
from minicnn.kernels.signatures import signature
from minicnn.tensor import Tensor

from .draws import ARGUMENTS, IN_PLACE, Case, both_sets, call

EPS = float(np.finfo(np.float32).eps)

CASE = Case(
    batch=3,
    image=(7, 6),
    channels=3,
    filters=4,
    kernel=(3, 3),
    stride=(2, 1),
    padding="same",
    pool=(2, 2),
    dtype=np.float32,
    seed=11,
)


SCALES = [10.0**power for power in (-35, -30, -20, -10, -5, -2, 2, 5, 10, 18, 25, 30, 35)]

FLOATS = [
    (name, i)
    for name in kernels.NAMES
    for i, parameter in enumerate(signature(name).takes)
    if parameter.kind in ("array", "changed")
]


def in_float64(arguments):
    return [
        a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a
        for a in arguments
    ]


@both_sets
@pytest.mark.parametrize(("name", "at"), FLOATS)
def test_float32_has_the_digits_of_float64_at_every_magnitude(name, at, kernel_set):
    """Each argument by itself very large or small, wherever float32 can hold the result."""
    held = 0
    for scale in SCALES:

        def arguments(scale=scale):
            drawn = ARGUMENTS[name](CASE)
            drawn[at] = drawn[at] * np.float32(scale)
            return drawn

        with kernels.use(kernel_set), np.errstate(under="ignore", over="ignore"):
            exact = call(getattr(kernels, name), in_float64(arguments()), name)
            if any(np.abs(right).max() > 1e37 for right in exact):
                continue
            found = call(getattr(kernels, name), arguments(), name)
        held += 1
        for one, right in zip(found, exact, strict=True):
            if one.dtype == np.float32:  # winners are others where float32 sees a tie
                off = 32 * EPS * np.abs(right).max() + 1e-44
                np.testing.assert_allclose(one, right, rtol=32 * EPS, atol=off, err_msg=f"{scale}")
    assert held >= 8

"""The exercises of lesson 2."""

import numpy as np

from minicnn.learn import Case, Exercise, draws, value_and_gradients
from minicnn.tensor import Tensor

_COPIES = [
    ((3,), (2, 3)),
    ((2, 1), (2, 3)),
    ((2, 3), (2, 3)),
    ((), (2,)),
    ((1, 3), (2, 3)),
    ((3,), (2, 2, 3)),
    ((2, 1), (3, 2, 2)),
    ((1, 1), (1, 3)),
]
"""Shapes before and after the copying."""

_SUMS = [((2, 3), 1), ((2, 3), 0), ((3,), 0), ((2, 2), 1), ((2, 2), None), ((2, 3, 2), (0, 2))]
"""Shapes before a sum, and its axis."""


def draw_unbroadcast(rng, size) -> Case:
    if size < len(_COPIES):
        shape, copied = _COPIES[size]
    else:
        copied = tuple(int(n) for n in rng.integers(1, 4, int(rng.integers(2, 5))))
        kept = copied[int(rng.integers(0, len(copied))) :]
        shape = tuple(1 if rng.integers(0, 2) else n for n in kept)
    return {"dy": draws.numbers(rng, copied), "shape": shape}


def draw_spread(rng, size) -> Case:
    keepdims = bool(size % 2)
    if size < len(_SUMS):
        shape, axis = _SUMS[size]
    else:
        shape = tuple(int(n) for n in rng.integers(1, 4, 3))
        axis = [None, -1, (1, 2), (-1, 0)][size % 4]
        keepdims = bool(rng.integers(0, 2))
    reduced = draws.numbers(rng, shape).sum(axis=axis, keepdims=keepdims)
    return {"reduced": np.asarray(reduced), "shape": shape, "axis": axis}


def _pair(rng, size) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Shapes of two arrays and of what comes of them: single numbers first."""
    if size < 3:
        return (), (), ()
    a, b = [((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((1, 3), (2, 2, 3))][size % 4]
    return a, b, np.broadcast_shapes(a, b)


def draw_subtract(rng, size) -> Case:
    a, b, y = (np.asarray(draws.numbers(rng, shape)) for shape in _pair(rng, size))
    return {"a": a, "b": b, "dy": y}


def draw_divide(rng, size) -> Case:
    a, b, y = _pair(rng, size)
    divisors = rng.choice([-4.0, -2.0, -0.5, 0.5, 2.0, 4.0], b)
    return {
        "a": np.asarray(draws.numbers(rng, a)),
        "b": np.asarray(divisors),
        "dy": np.asarray(draws.numbers(rng, y)),
    }


def draw_power(rng, size) -> Case:
    shape = () if size < 3 else (1 + size % 3, 3)
    exponent = (2, 3, 1, 3, -1, 0.5, 2, 0, 3, -2, 0, 1.5)[size % 12]
    if size == 10:  # with zeros, where the slope of x**0 is zero too
        x = np.array([[0.0, 1.0, -2.0], [3.0, 0.0, 2.0]])
        shape = x.shape
    elif exponent in (1, 2, 3):
        x = draws.numbers(rng, shape)
    else:
        x = rng.choice([0.25, 0.5, 1.0, 2.0, 4.0], shape)
    return {"x": np.asarray(x), "exponent": exponent, "dy": np.asarray(draws.reals(rng, shape))}


def centre_of_mass() -> None:
    """Every op of the lesson, and a sum."""
    x, j = Tensor(np.ones((2, 3)), requires_grad=True), Tensor(np.arange(3.0))
    centre = (x * j).sum() / x.sum()
    ((j - centre) ** 2).sum().backward()


EXERCISES = [
    Exercise(
        "minicnn.tape:unbroadcast",
        job="sum dy over the axes of the copying, so that it has the shape from before it.",
        draw=draw_unbroadcast,
        reached_by=centre_of_mass,
    ),
    Exercise(
        "minicnn.tensor:spread",
        job="bring back the axes that a sum over `axis` has lost, and copy along them up to shape.",
        draw=draw_spread,
        reached_by=centre_of_mass,
    ),
    Exercise(
        "minicnn.tensor:subtract",
        job="return the difference a - b, then the rule of a, then the rule of b.",
        draw=draw_subtract,
        observe=value_and_gradients,
        reached_by=centre_of_mass,
    ),
    Exercise(
        "minicnn.tensor:divide",
        job="return the quotient a / b, then the rule of a, then the rule of b.",
        draw=draw_divide,
        observe=value_and_gradients,
        reached_by=centre_of_mass,
    ),
    Exercise(
        "minicnn.tensor:power",
        job="return x to the power of a plain number, then the one rule, that of x.",
        draw=draw_power,
        observe=value_and_gradients,
        reached_by=centre_of_mass,
    ),
]

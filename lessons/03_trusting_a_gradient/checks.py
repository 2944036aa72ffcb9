"""The exercises of lesson 3."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minicnn.gradient_check import gradcheck
from minicnn.learn import Case, Exercise, draws


@dataclass(frozen=True)
class Formula:
    """A function of an array that shows itself as it is written."""

    text: str
    function: Callable[[np.ndarray], float]

    def __call__(self, x: np.ndarray) -> float:
        return self.function(x)

    def __repr__(self) -> str:
        return self.text


FORMULAS = [
    Formula("f(x) = sum of x**2", lambda x: (x**2).sum()),
    Formula("f(x) = sum of x**3", lambda x: (x**3).sum()),
    Formula("f(x) = (sum of x)**2", lambda x: x.sum() ** 2),
    Formula("f(x) = sum of exp(x / 4)", lambda x: np.exp(x / 4).sum()),
    Formula("f(x) = largest of x", lambda x: x.max()),
    Formula("f(x) = product of x + 5", lambda x: (x + 5).prod()),
]

STEPS = [0.5, 0.25, 0.125]
"""Long ones, so that formulas which agree for short steps differ."""


def _place(rng, size) -> tuple[Formula, np.ndarray]:
    shape = [(1,), (1,), (2,), (3,), (2, 2), (2, 1, 2), ()][size % 7]
    return FORMULAS[size % len(FORMULAS)], np.asarray(draws.numbers(rng, shape))


def draw_numerical_gradient(rng, size) -> Case:
    f, x = _place(rng, size)
    if size in (5, 9):
        x = x.astype(int)
    return {"f": f, "x": x, "epsilon": STEPS[size % 3]}


def draw_directional_derivative(rng, size) -> Case:
    f, x = _place(rng, size)
    direction = np.asarray(draws.numbers(rng, x.shape))
    return {"f": f, "x": x, "direction": direction, "epsilon": STEPS[size % 3]}


def check_square() -> None:
    """The engine's own check, of a small array."""
    gradcheck(lambda x: x * x, np.ones(2))


def check_large_square() -> None:
    """And of one that is checked along directions."""
    gradcheck(lambda x: x * x, np.ones(3), every_element_up_to=2)


EXERCISES = [
    Exercise(
        "minicnn.gradient_check:numerical_gradient",
        job="measure the slope of f along each element of x, by one step to each side of it.",
        draw=draw_numerical_gradient,
        reached_by=check_square,
    ),
    Exercise(
        "minicnn.gradient_check:directional_derivative",
        job="measure the slope of f at x along the direction, by one step to each side.",
        draw=draw_directional_derivative,
        reached_by=check_large_square,
    ),
]

"""The exercises of lesson 4."""

import numpy as np

from minicnn.learn import Case, Exercise, draws

_SHAPES = [(1, 2, 1), (2, 1, 1), (1, 1, 2), (2, 2, 2), (2, 3, 2), (3, 3, 3)]
"""N, I, U; square ones too, for which every order of factors has the right shape."""


def _shape(rng, size) -> tuple[int, int, int]:
    if size < len(_SHAPES):
        return _SHAPES[size]
    n, i, u = rng.integers(1, 6, 3)
    return int(n), int(i), int(u)


def draw_dweight(rng, size) -> Case:
    n, i, u = _shape(rng, size)
    return {"dy": draws.numbers(rng, (n, u)), "x": draws.numbers(rng, (n, i))}


def draw_dx(rng, size) -> Case:
    n, i, u = _shape(rng, size)
    return {"dy": draws.numbers(rng, (n, u)), "weight": draws.numbers(rng, (i, u))}


def draw_dbias(rng, size) -> Case:
    n, _, u = _shape(rng, size)
    return {"dy": draws.numbers(rng, (n, u))}


def draw_relu_vjp(rng, size) -> Case:
    shape = [(2,), (3,), (2, 2), (2, 3), (2, 2, 2, 2)][size % 5]
    return {"dy": draws.numbers(rng, shape), "y": np.maximum(draws.numbers(rng, shape), 0)}


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.linear:dense_dweight",
        job="give each weight the sum over the batch of its input times its output's gradient.",
        draw=draw_dweight,
    ),
    Exercise(
        "minicnn.kernels.reference.linear:dense_dx",
        job="give each input the sum over the outputs of their gradient times the weight between.",
        draw=draw_dx,
    ),
    Exercise(
        "minicnn.kernels.reference.linear:dense_dbias",
        job="give each bias the sum of the gradients of all numbers that it was added to.",
        draw=draw_dbias,
    ),
    Exercise(
        "minicnn.kernels.reference.activations:relu_vjp",
        job="let the gradient through where the output y is positive, and nothing elsewhere.",
        draw=draw_relu_vjp,
    ),
]

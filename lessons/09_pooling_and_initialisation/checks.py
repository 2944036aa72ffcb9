"""The exercises of lesson 9."""

import numpy as np

from minicnn.kernels import reference
from minicnn.learn import Case, Exercise, draws, returned_as


def draw_max_pool2d(rng, size) -> Case:
    x, pool, stride, padding = draws.window(rng, size)
    if size % 3 == 2:
        x -= 5  # all below zero
    return {"x": x, "pool": pool, "stride": stride, "padding": padding}


def draw_max_pool2d_vjp(rng, size) -> Case:
    x, pool, stride, padding = draws.window(rng, size)
    y, winner = reference.max_pool2d(x, pool, stride, padding)
    return {
        "dy": draws.numbers(rng, y.shape),
        "winner": winner,
        "x_shape": x.shape,
        "pool": pool,
        "stride": stride,
        "padding": padding,
    }


_SHAPES = [(2, 3), (3, 2), (5, 5), (2, 2, 1, 3), (1, 3, 2, 2), (3, 2, 4, 2), (7, 4), (2, 3, 3, 1)]


def draw_he_normal(rng, size) -> Case:
    """A seed for the generator that the function is given, and a shape."""
    return {"seed": int(rng.integers(0, 1000)), "shape": _SHAPES[size]}


def observe_draw(function, case) -> dict:
    return {"weight": function(np.random.default_rng(case["seed"]), case["shape"])}


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.pooling:max_pool2d",
        job=(
            "return the largest value of each window, and the number of the first cell that has "
            "it, as int32."
        ),
        draw=draw_max_pool2d,
        observe=returned_as("y", "winner"),
    ),
    Exercise(
        "minicnn.kernels.reference.pooling:max_pool2d_vjp",
        job="send the gradient of each window to the cell that won it, and sum where windows meet.",
        draw=draw_max_pool2d_vjp,
    ),
    Exercise(
        "minicnn.nn.init:he_normal",
        job=(
            "draw the weights by one rng.normal, of the size that keeps signals alive behind "
            "ReLU, as float32."
        ),
        draw=draw_he_normal,
        observe=observe_draw,
        cases=len(_SHAPES),
        in_float32=False,
    ),
]

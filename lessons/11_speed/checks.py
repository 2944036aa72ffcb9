"""The exercises of lesson 11."""

import numpy as np

from minicnn.kernels.geometry import out_size, pads
from minicnn.learn import Case, Exercise, compiled, draws


def draw_adam_step(rng, size) -> Case:
    count = 1 + size
    drawn = draws.numbers if size < 4 else draws.reals
    return {
        "weight": drawn(rng, (count,)),
        "grad": drawn(rng, (count,)),
        "m": drawn(rng, (count,)) if size % 4 else np.zeros(count),
        "v": drawn(rng, (count,)) ** 2 if size % 4 else np.zeros(count),
        "rate": 0.5,
        "share1": 0.25,
        "share2": 0.125,
        "epsilon": 1.0 if size < 4 else 0.01,
        "threads": 1 + size % 3,
    }


def draw_max_pool2d(rng, size) -> Case:
    x, pool, stride, padding = draws.window(rng, size)
    if size in (4, 8, 10):  # one NaN, so that of two in a window none has to be the winner
        x[0, 0, size % 2, 0] = np.nan
    (top, _), (left, _) = pads(x.shape[1:3], pool, stride, padding)
    y = np.full((len(x), *out_size(x.shape[1:3], pool, stride, padding), x.shape[3]), 9.0)
    return {
        "x": x,
        "pool": pool,
        "stride": stride,
        "top": top,
        "left": left,
        "y": y,  # as memory is before it is filled: of anything
        "winner": np.full(y.shape, 9, np.int32),
        "threads": 1 + size % 3,
    }


EXERCISES = [
    Exercise(
        "minicnn.kernels.fast.elementwise:_adam_step",
        job="in one loop over a thread's share, bring m and v up to date and move the weight.",
        draw=draw_adam_step,
        observe=compiled,
        seconds=40,
        in_float32=False,
    ),
    Exercise(
        "minicnn.kernels.fast.pooling:_max_pool2d",
        job="fill y with the largest number of each window, and winner with the cell that held it.",
        draw=draw_max_pool2d,
        observe=compiled,
        seconds=60,
        in_float32=False,
    ),
]

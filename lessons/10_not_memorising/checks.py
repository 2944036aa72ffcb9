"""The exercises of lesson 10."""

import numpy as np

from minicnn import nn
from minicnn.data import Dataset, augmentation
from minicnn.learn import Case, Exercise, draws
from minicnn.training.fit import fit


def draw_dropout_mask(rng, size) -> Case:
    shapes = [(6,), (2, 4), (8,), (3, 5), (2, 3, 3), (2, 3, 3, 2)]
    return {
        "rng": np.random.default_rng(size),
        "shape": shapes[size % len(shapes)],
        "rate": (0.5, 0.25, 0.0, 0.8)[size % 4],
        "dtype": (np.float64, np.float32)[size % 2],
    }


def draw_bilinear(rng, size) -> Case:
    n, h, w, c = [(1, 1, 2, 1), (1, 2, 2, 1), (1, 2, 3, 1), (2, 3, 2, 1), (2, 4, 3, 2)][
        min(size, 4)
    ]
    out = (n, 1 + size % 3, 2 + size % 2)
    if size < 2:  # inside
        last = np.array([h - 1, w - 1]).reshape(2, 1, 1, 1)
        rows, columns = rng.integers(0, 4, (2, *out)) / 4 * last
    elif size == 2:  # just outside
        rows, columns = np.array([[[0.5, -0.25, 1.0]]]), np.array([[[-0.25, 1.0, 2.75]]])
    else:  # in and around it, by up to two pixels
        rows, columns = rng.integers(-8, 4 * h + 5, out) / 4, rng.integers(-8, 4 * w + 5, out) / 4
    return {"images": draws.numbers(rng, (n, h, w, c)), "rows": rows, "columns": columns}


def draw_warp(rng, size) -> Case:
    n, h, w, c = [(1, 2, 3, 1), (1, 3, 2, 1), (1, 3, 4, 1), (2, 3, 2, 1), (2, 4, 5, 2)][
        min(size, 4)
    ]
    maps = np.tile(np.eye(3), (n, 1, 1))
    if size > 0:
        maps[:, :2, 2] = rng.integers(-2, 3, (n, 2)) / (1 if size < 3 else 2)
    if size > 1:
        maps[:, :2, :2] += rng.integers(-2, 3, (n, 2, 2)) / 4
    return {"images": draws.numbers(rng, (n, h, w, c)), "maps": maps}


def draw_shift(rng, size) -> Case:
    n = 1 + size // 2
    down, right = rng.integers(-8, 9, (2, n)) / (1 if size < 2 else 4)
    return {"down": down, "right": right}


def draw_rotate(rng, size) -> Case:
    first = [[30.0], [90.0], [-60.0], [0.0, 45.0]]
    degrees = first[size] if size < len(first) else rng.uniform(-180, 180, size // 2)
    return {"degrees": np.array(degrees)}


def training_on_moved_pictures() -> None:
    """One step of a small model on pictures that are turned and shifted."""
    data = Dataset(np.ones((4, 6, 6, 1), np.float32), [0, 1, 2, 3])
    model = nn.Sequential(nn.Flatten(), nn.Dense(4), input_shape=(6, 6, 1))
    fit(
        model,
        data,
        augment=augmentation.jitter,
        epochs=1,
        batch_size=4,
        validation=None,
        progress=False,
    )


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.activations:dropout_mask",
        job="draw which numbers are kept, and scale those so that the expected sum stays.",
        draw=draw_dropout_mask,
        in_float32=False,  # the dtype is an argument
    ),
    Exercise(
        "minicnn.kernels.reference.augmentation:bilinear",
        job="read each picture at any place, as the mean of the four pixels around it.",
        draw=draw_bilinear,
        reached_by=training_on_moved_pictures,
    ),
    Exercise(
        "minicnn.data.augmentation:warp",
        job="ask the map where each new pixel was in the old picture, and read it there.",
        draw=draw_warp,
        reached_by=training_on_moved_pictures,
    ),
    Exercise(
        "minicnn.data.augmentation:shift",
        job="make the map of each shift: where a new pixel was before its picture moved.",
        draw=draw_shift,
        reached_by=training_on_moved_pictures,
    ),
    Exercise(
        "minicnn.data.augmentation:rotate",
        job="make the map of each turn: where a new pixel was before its picture turned.",
        draw=draw_rotate,
        reached_by=training_on_moved_pictures,
    ),
]

"""The exercises of lesson 13."""

import numpy as np

from minicnn import nn
from minicnn.learn import Case, Exercise, returned_as
from minicnn.reader.strings import read_digits


def draw_grouped(rng, size) -> Case:
    first = [
        ([2], [6]),
        ([0, 5], [4, 9]),
        ([5, 0], [9, 4]),
        ([0, 2], [8, 5]),
        ([0, 3], [4, 9]),
        ([6, 0, 1], [9, 5, 3]),
    ]
    if size < len(first):
        left, right = map(np.array, first[size])
    else:
        left = rng.integers(0, 24, 2 + size // 2)
        right = left + rng.integers(1, 11, len(left))
    return {"left": left, "right": right}


MASKS = [
    ["#.#"],
    ["#...#", ".#.#."],
    ["##...", ".....", "##.##", "##.##"],
    ["...##", "#..##", "##..."],
    [*3 * ["########...######"], "########.#.######", *3 * ["########...######"]],
    [f"{5 * '######.'}##", *3 * [f"{5 * '######.'}.."]],
]


def draw_segments(rng, size) -> Case:
    if size < len(MASKS):
        return {"mask": np.array([[pixel == "#" for pixel in row] for row in MASKS[size]])}
    mask = np.zeros((8, 18), bool)
    for _ in range(2 + size // 3):
        top, left = rng.integers(0, 5), rng.integers(0, 14)
        mask[top : top + rng.integers(1, 6), left : left + rng.integers(1, 6)] = True
    return {"mask": mask}


def draw_image(rng, size) -> Case:
    image = rng.integers(0, 5, (1 + size % 4, 2 + size % 3)) / 4
    image[-1, -1] = 1  # not all of it is paper
    return {"image": image}


def draw_centred(rng, size) -> Case:
    shape = (4 + size % 3, 6 + size % 2)
    height, width = (int(rng.integers(1, side)) for side in shape)
    digit = rng.random((height, width))  # so that no place is half a pixel off, to be rounded
    if size > 1:  # heavy at a corner, and nearly as large as the frame
        digit = rng.random((shape[0] - size % 2, shape[1] - 1))
        digit[(0, -1)[size % 2], (0, -1)[size // 2 % 2]] += 3 * size
    return {"digit": digit, "shape": shape}


def draw_classify(rng, size) -> Case:
    """Pictures, and the seed of the weights of a small model."""
    frames = rng.random((1 + size // 2, 3, 4 + size % 2)).astype(np.float32)
    return {"seed": size, "frames": frames}


def classified(function, case):
    """Ask a model with the weights of this seed."""
    shape = (*case["frames"].shape[1:], 1)
    layers = nn.Conv2D(2, 2), nn.Flatten(), nn.Dense(3)
    model = nn.Sequential(*layers, input_shape=shape, rng=case["seed"])
    observe = returned_as("classes", "probabilities")
    return observe(function, {"model": model, "frames": case["frames"]})


def reading_a_string() -> None:
    """Two strokes, read by a net that has learnt nothing."""
    model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
    page = np.ones((30, 60), np.float32)
    page[8:22, 15:18] = page[8:22, 40:44] = 0
    read_digits(model, page)


EXERCISES = [
    Exercise(
        "minicnn.reader.segmentation:grouped",
        job="walk over the pieces from left to right, and give each the number of its digit.",
        draw=draw_grouped,
        reached_by=reading_a_string,
    ),
    Exercise(
        "minicnn.reader.segmentation:segments",
        job="find the pieces of ink, drop the specks, and give every pixel its digit's number.",
        draw=draw_segments,
        reached_by=reading_a_string,
    ),
    Exercise(
        "minicnn.reader.frame:centre_of_mass",
        job="find the mean row and the mean column of the ink.",
        draw=draw_image,
        observe=returned_as("row", "column"),
        in_float32=False,  # a float is a float
        reached_by=reading_a_string,
    ),
    Exercise(
        "minicnn.reader.frame:centred",
        job="put the digit into an empty frame, its centre of mass in the middle.",
        draw=draw_centred,
        reached_by=reading_a_string,
    ),
    Exercise(
        "minicnn.reader.recognise:classify",
        job="ask the model about all frames at once, and make probabilities of what it says.",
        draw=draw_classify,
        observe=classified,
        reached_by=reading_a_string,
    ),
]

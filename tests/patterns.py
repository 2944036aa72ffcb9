"""A small data set that a model can learn, but not perfectly: what the tests of commands run on."""

from pathlib import Path

import numpy as np

from minicnn.data import write_idx


def write_data(
    folder: Path,
    size: int = 8,
    classes: int = 4,
    *,
    noise: float = 100,
    seed: int = 0,
    turn: int = 0,
) -> Path:
    """IDX files of noisy patterns, one for each class: 240 to train and 60 to test.

    - `noise`: its deviation; at 250 no model gets all of them right.
    - `turn`: by how much the labels of the test set are too high.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (classes, size, size))
    for part, count, off in ("train", 240, 0), ("t10k", 60, turn):
        labels = np.arange(count) % classes
        noisy = patterns[labels] + rng.normal(0, noise, (count, size, size))
        labels = ((labels + off) % classes).astype(np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte", noisy.clip(0, 255).astype(np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder

"""What augmentation makes of a few pictures."""

from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset
from minicnn.data.augmentation import Augmentation
from minicnn.tape import Array

SHOWN = 10
"""So many classes at most, one picture of each."""

VERSIONS = 8
"""So many new pictures of each."""


@dataclass(frozen=True, eq=False)
class Augmented:
    """A picture of each class and what training would see in its place.

    - `settings`: how the pictures were changed.
    - `index`: their positions in the training set, `(n,)`.
    - `pictures`: float32, `(n, 1 + 8, H, W, C)` in [0, 1], the original first.
    """

    settings: Augmentation
    index: Array
    pictures: Array


def augmented(train: Dataset, settings: Augmentation, rng: np.random.Generator) -> Augmented:
    """Change the first picture of each class, up to ten classes, eight times each."""
    _, first = np.unique(train.labels, return_index=True)
    index = first[:SHOWN]
    originals = train.scaled(index)
    new = settings(np.repeat(originals, VERSIONS, axis=0), rng)
    new = new.reshape(len(index), VERSIONS, *train.image_shape)
    return Augmented(settings, index, np.concatenate([originals[:, np.newaxis], new], axis=1))

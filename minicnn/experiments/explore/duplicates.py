"""Pictures that occur more than once, to the last pixel."""

import hashlib
from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset

Group = tuple[int, ...]


@dataclass(frozen=True)
class Duplicates:
    """Pictures that are equal, as positions in their set, counted from 0.

    - `train`, `test`: groups of two or more equal pictures within one set.
    - `between`: pairs (those of the training set, those of the test set) of equal pictures; each
      of these test pictures was seen in training.
    - `contradictions`: how many different pictures have more than one label, in both sets together.
    """

    train: list[Group]
    test: list[Group]
    between: list[tuple[Group, Group]]
    contradictions: int


def duplicates(train: Dataset, test: Dataset) -> Duplicates:
    """Find equal pictures within and between two sets; they are compared by their SHA-256.

    >>> pictures = np.array([1, 2, 1, 3], np.uint8).reshape(4, 1, 1, 1)
    >>> duplicates(Dataset(pictures, [0, 1, 2, 3]), Dataset(pictures[1:2], [1]))
    Duplicates(train=[(0, 2)], test=[], between=[((1,), (0,))], contradictions=1)
    """
    in_train, in_test = _places(train), _places(test)
    shared = [digest for digest in in_train if digest in in_test]
    labels: dict[bytes, set[int]] = {}
    for data, places in ((train, in_train), (test, in_test)):
        for digest, group in places.items():
            labels.setdefault(digest, set()).update(data.labels[list(group)].tolist())
    return Duplicates(
        [group for group in in_train.values() if len(group) > 1],
        [group for group in in_test.values() if len(group) > 1],
        [(in_train[digest], in_test[digest]) for digest in shared],
        sum(len(found) > 1 for found in labels.values()),
    )


def _places(data: Dataset) -> dict[bytes, Group]:
    """Where each different picture is."""
    found: dict[bytes, list[int]] = {}
    for place, picture in enumerate(data.images):
        found.setdefault(hashlib.sha256(np.ascontiguousarray(picture).data).digest(), []).append(
            place
        )
    return {digest: tuple(places) for digest, places in found.items()}

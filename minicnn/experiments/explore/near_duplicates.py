"""Pictures that are nearly equal: the same but for noise, brightness or contrast."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset
from minicnn.experiments.explore.blocks import pieces, rows
from minicnn.experiments.explore.duplicates import Duplicates
from minicnn.experiments.explore.pca import Components
from minicnn.tape import Array

ALIKE = 0.95
"""From this correlation of their pixels on, two pictures count as nearly equal."""

MOST_COMPARED = 100_000  # pictures; the time grows with the square of their number
MOST_PARTNERS = 50  # of a picture: where all are alike, the pairs would fill the memory
NAMED = 10  # closest pairs of each class, and of different classes
BLOCK = 256  # pictures that are compared with all at a time
PAIRS = 8_192  # whose pixels are compared at a time
ROUNDING = 1e-5


@dataclass(frozen=True)
class LikePair:
    """Two pictures, each as its set, "train" or "test", and its position there."""

    first: tuple[str, int]
    second: tuple[str, int]
    correlation: float


@dataclass(frozen=True)
class Count:
    """How many pictures are like another, and how many of them like one with another label."""

    pictures: int
    other_label: int


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Pictures whose pixels have a correlation of 0.95 and more; equal ones count as one picture.

    - `compared`: how many pictures were: those with anything on them, each different one once, and
      of more than 100,000 so many, taken evenly.
    - `train`, `test`: the pictures that are like another of the same set.
    - `between`: the test pictures that are like one of the training set.
    - `classes`: int64, `(C,)`, of how many pictures of each class, in both sets, any of it is true.
    - `closest`: for each class its ten closest pairs, the closest first.
    - `contradictions`: the ten closest pairs with different labels.
    """

    compared: int
    train: Count
    test: Count
    between: Count
    classes: Array
    closest: list[list[LikePair]]
    contradictions: list[LikePair]


def near_duplicates(
    train: Dataset, test: Dataset, found: Components, equal: Duplicates
) -> NearDuplicates:
    """Find nearly equal pictures within and between two sets, by the correlation of their pixels.

    - `found`: the components of the training set, which tell quickly who may be alike.
    - `equal`: the equal pictures of both.

    Pictures of more than 1,024 numbers are compared by the means of their blocks. Of a picture the
    fifty most promising partners that come after it are looked at.
    """
    places = _places(train, test, equal)
    unit = np.concatenate(
        [
            _unit(data, places[(places < len(train)) == is_train] - start, found.block)
            for data, is_train, start in ((train, True, 0), (test, False, len(train)))
        ]
    )
    drawn = unit.any(axis=1)  # not of one brightness all over
    places, unit = places[drawn], unit[drawn]
    pairs, correlations = _like_pairs(unit, found)
    labels = np.concatenate([train.labels, test.labels])
    return _summary(places[pairs], correlations, labels, len(train), train.classes, len(places))


def _places(train: Dataset, test: Dataset, equal: Duplicates) -> Array:
    """Return the pictures to compare; those of the test set are counted on from the training
    set's.
    """
    again = [place for group in equal.train for place in group[1:]]
    again += [len(train) + place for group in equal.test for place in group[1:]]
    again += [len(train) + place for _, group in equal.between for place in group]
    places = np.setdiff1d(np.arange(len(train) + len(test)), again)
    if len(places) > MOST_COMPARED:
        places = places[np.linspace(0, len(places) - 1, MOST_COMPARED).astype(int)]
    return places


def _unit(data: Dataset, chosen: Array, block: int) -> Array:
    """Pictures as rows of mean 0 and length 1, float32 (n, D), whose products are correlations."""
    parts = [np.empty((0, rows(data.scaled([0]), block).shape[1]), np.float32)]
    for _, images in pieces(data, chosen):
        centred = rows(images, block)
        centred = centred - centred.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        seen = length > ROUNDING * np.sqrt(centred.shape[1])
        parts.append(np.divide(centred, length, out=np.zeros_like(centred), where=seen))
    return np.concatenate(parts)


def _like_pairs(unit: Array, found: Components) -> tuple[Array, Array]:
    """Pairs of rows `(m, 2)`, the earlier row first, and their correlations `(m,)`."""
    every = [(np.empty((0, 2), int), np.empty(0, np.float32))]
    for pairs in _candidates(unit, found):
        exact = np.einsum("ij,ij->i", unit[pairs[:, 0]], unit[pairs[:, 1]])
        every.append((pairs[exact >= ALIKE], exact[exact >= ALIKE]))
    pairs, correlations = map(np.concatenate, zip(*every, strict=True))
    return pairs, correlations.clip(max=1)


def _candidates(unit: Array, found: Components) -> Iterator[Array]:
    """Pairs of rows that may be alike, a piece at a time.

    With p and q the parts of two rows in the space of the components and r and s the lengths of
    what is left of them, the rows' product is at most p·q + r s: one number more than the
    components decides for most pairs that they are not alike.
    """
    inside = unit @ found.axes.T.astype(np.float32)
    outside = np.sqrt((1 - (inside * inside).sum(axis=1)).clip(0))
    bounds = np.column_stack([inside, outside])
    columns = np.ascontiguousarray(bounds.T)
    for start in range(0, len(unit), BLOCK):
        most = bounds[start : start + BLOCK] @ columns[:, start:]
        most[np.tril_indices(len(most))] = 0  # each pair once, and no picture with itself
        first, second = np.divmod(np.flatnonzero(most >= ALIKE - ROUNDING), most.shape[1])
        for row in np.flatnonzero(np.bincount(first) > MOST_PARTNERS):
            mine = np.flatnonzero(first == row)
            order = np.argsort(-most[row, second[mine]], kind="stable")
            second[mine[order[MOST_PARTNERS:]]] = -1
        pairs = np.column_stack([first, second])[second >= 0] + start
        for piece in range(0, len(pairs), PAIRS):
            yield pairs[piece : piece + PAIRS]


def _summary(
    pairs: Array, correlations: Array, labels: Array, train: int, classes: int, compared: int
) -> NearDuplicates:
    """Return what the pairs come to; positions from `train` on are those of the test set."""
    order = np.argsort(-correlations, kind="stable")
    pairs, correlations = pairs[order], correlations[order]
    own, other = labels[pairs].T
    # The earlier picture of a pair stands first, and all of the training set before the test set.
    first_in_test, second_in_test = (pairs >= train).T

    def named(chosen: Array) -> list[LikePair]:
        return [
            LikePair(
                _position(pairs[i, 0], train), _position(pairs[i, 1], train), float(correlations[i])
            )
            for i in np.flatnonzero(chosen)[:NAMED]
        ]

    def count(chosen: Array, column: slice) -> Count:
        both = (np.unique(pairs[part, column]) for part in (chosen, chosen & (own != other)))
        return Count(*map(len, both))

    return NearDuplicates(
        compared,
        count(~second_in_test, np.s_[:]),
        count(first_in_test, np.s_[:]),
        count(first_in_test != second_in_test, np.s_[1:]),
        np.bincount(labels[np.unique(pairs)], minlength=classes),
        [named((own == label) & (other == label)) for label in range(classes)],
        named(own != other),
    )


def _position(place: int, train: int) -> tuple[str, int]:
    return ("train", int(place)) if place < train else ("test", int(place) - train)

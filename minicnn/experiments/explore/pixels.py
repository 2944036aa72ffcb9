"""What the pixels of a set are: their range, how often each brightness occurs, means by class."""

import math
from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset
from minicnn.experiments.explore.blocks import pieces
from minicnn.tape import Array

BINS = 256


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels of all pictures together, all channels alike.

    - `shape`, `dtype`: of the array of pictures, (N, H, W, C).
    - `minimum`, `maximum`: as stored, so 0 to 255 for uint8.
    - `mean`, `deviation`: after scaling to [0, 1]; the deviation is that of the population.
    - `edges`: float64, `(257,)`, of 256 equal bins from the lowest to the highest value that can
      be: uint8 has a bin for each of its values. Floats are binned from `minimum` to `maximum`.
    - `counts`: int64, `(256,)`, how many pixels are in each bin.
    """

    shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    mean: float
    deviation: float
    edges: Array
    counts: Array


def pixels(data: Dataset) -> Pixels:
    """Measure the pixels of a set.

    >>> found = pixels(Dataset(np.array([0, 0, 255, 51], np.uint8).reshape(2, 1, 2, 1), [0, 1]))
    >>> found.minimum, found.maximum, round(found.mean, 3), found.counts[[0, 51, 255]]
    (0.0, 255.0, 0.3, array([2, 1, 1]))
    """
    low, high = float(data.images.min()), float(data.images.max())
    whole = data.images.dtype == np.uint8
    edges = np.linspace(0, BINS, BINS + 1) if whole else _edges(low, high)
    counts = np.zeros(BINS, np.int64)
    total = squares = np.float64()
    for part, scaled in pieces(data):
        if whole:
            counts += np.bincount(data.images[part].ravel(), minlength=BINS)
        else:
            counts += np.histogram(scaled, edges)[0]
        total += scaled.sum(dtype=np.float64)
        squares += np.square(scaled, dtype=np.float64).sum()
    mean = float(total) / data.images.size
    deviation = math.sqrt(max(float(squares) / data.images.size - mean**2, 0))
    return Pixels(
        data.images.shape, str(data.images.dtype), low, high, mean, deviation, edges, counts
    )


def _edges(low: float, high: float) -> Array:
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


@dataclass(frozen=True, eq=False)
class ClassPictures:
    """The mean and the variance of each pixel within each class, of pictures scaled to [0, 1].

    - `mean`, `variance`: float64, `(C, H, W, channels)`; NaN for a class without a picture. The
      variance is that of the population: 0 for a class of one picture.
    """

    mean: Array
    variance: Array


def class_pictures(data: Dataset) -> ClassPictures:
    """Average the pictures of each class.

    >>> data = Dataset(np.array([0, 255, 51], np.uint8).reshape(3, 1, 1, 1), [0, 0, 1])
    >>> found = class_pictures(data)
    >>> found.mean.ravel().round(3), found.variance.ravel().round(3)
    (array([0.5, 0.2]), array([0.25, 0.  ]))
    """
    means = np.full((data.classes, *data.image_shape), np.nan)
    variances = means.copy()
    for label in np.unique(data.labels):
        members = np.flatnonzero(data.labels == label)
        mean = sum(part.sum(axis=0, dtype=np.float64) for _, part in pieces(data, members))
        means[label] = mean / len(members)
        spread = sum(
            np.square(part - means[label]).sum(axis=0) for _, part in pieces(data, members)
        )
        variances[label] = spread / len(members)
    return ClassPictures(means, variances)

"""Principal components of the pictures, and which pictures are least like their class in them."""

from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset
from minicnn.experiments.explore.blocks import pieces, rows
from minicnn.tape import Array

MOST_FEATURES = 1024  # numbers of a picture; their covariance is decomposed in about a second
KEPT = 50
FEWEST = 3  # pictures of a class, for one of them to be called unusual


@dataclass(frozen=True, eq=False)
class Components:
    """The principal components of a set, and its pictures in their coordinates.

    - `mean`: float64, `(D,)`, and `axes`: float64, `(k, D)`, orthonormal rows, `k <= 50`.
    - `variance`: float64, `(D,)`, along each axis, the largest first, those not kept too.
    - `points`: float32, `(N, k)`, the pictures of the set.
    - `residuals`: float32, `(N,)`, the length of what these coordinates leave of each picture.
    - `block`: the side of the blocks of pixels that were averaged first, so that a picture has no
      more than 1,024 numbers, `D`; 1 means that the pixels themselves were taken.
    """

    mean: Array
    axes: Array
    variance: Array
    points: Array
    residuals: Array
    block: int

    @property
    def shares(self) -> Array:
        """The part of the whole variance along each axis; float64, `(D,)`."""
        total = self.variance.sum()
        return self.variance / total if total > 0 else np.zeros_like(self.variance)


def components(data: Dataset) -> Components:
    """Return the eigenvectors of the pictures' covariance, of which the first 50 are kept.

    The sign of an axis is chosen so that its largest number is positive.

    >>> spread = np.array([[0, 0], [0, 0], [255, 0], [255, 0]], np.uint8)
    >>> found = components(Dataset(spread.reshape(4, 1, 2, 1), [0, 0, 1, 1]))
    >>> found.axes.round(9) + 0, found.shares
    (array([[1., 0.],
           [0., 1.]]), array([1., 0.]))
    """
    block = _block(data.image_shape)
    features = rows(data.scaled([0]), block).shape[1]
    mean = np.zeros(features)
    for _, images in pieces(data):
        mean += rows(images, block).sum(axis=0, dtype=np.float64) / len(data)
    covariance = np.zeros((features, features))
    for _, images in pieces(data):
        # In float32 for speed; centred before, so that nothing is cancelled after.
        centred = rows(images, block) - mean.astype(np.float32)
        covariance += centred.T @ centred / len(data)
    variance, vectors = np.linalg.eigh(covariance)  # ascending
    variance, axes = variance[::-1].clip(0), vectors.T[::-1]
    axes = _signed(axes[:KEPT])
    points = np.empty((len(data), len(axes)), np.float32)
    residuals = np.zeros(len(data), np.float32)
    kept = axes.astype(np.float32)
    for part, images in pieces(data):
        centred = rows(images, block) - mean.astype(np.float32)
        points[part] = centred @ kept.T
        if len(axes) < features:
            residuals[part] = np.linalg.norm(centred - points[part] @ kept, axis=1)
    return Components(mean, axes, variance, points, residuals, block)


def _block(image_shape: tuple[int, int, int]) -> int:
    height, width, channels = image_shape
    block = 1
    while -(-height // block) * -(-width // block) * channels > MOST_FEATURES:
        if block >= max(height, width):
            break
        block += 1
    return block


def _signed(axes: Array) -> Array:
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, np.newaxis], axis=1)
    return axes * np.where(largest < 0, -1, 1)


def distances(points: Array, labels: Array) -> Array:
    """How far each point lies from the mean of its class: Mahalanobis distance; float64, `(N,)`.

    √((z - μ)ᵀ S⁻¹ (z - μ)) with the mean μ of the class and its covariance S: a direction in which
    the class varies much counts little. For a class of n points in k dimensions S is
    (n Sₙ + k S₀) / (n + k), its own covariance Sₙ drawn towards the one that all classes share, S₀,
    so that few points are enough. Directions in which no class varies are left out.

    P. C. Mahalanobis, "On the generalised distance in statistics", Proceedings of the National
    Institute of Sciences of India 2 (1936), 49-55; J. H. Friedman, "Regularized discriminant
    analysis", Journal of the American Statistical Association 84 (1989), 165-175.

    >>> points = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]])
    >>> distances(points, np.array([0, 0, 0, 0])).round(3)
    array([1.414, 1.414, 1.414, 1.414])
    """
    centred = points.astype(np.float64)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for mine in members:
        centred[mine] -= centred[mine].mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    real = variance > 1e-9 * variance.max(initial=0)
    white = centred @ (axes[:, real] / np.sqrt(variance[real]))  # here S₀ is the identity
    shared = np.eye(white.shape[1])
    far = np.zeros(len(points))
    for mine in members:
        own = white[mine]  # (n, k)
        covariance = (own.T @ own + len(shared) * shared) / (len(own) + len(shared))
        far[mine] = np.sqrt((own * np.linalg.solve(covariance, own.T).T).sum(axis=1))
    return far


def most_unusual(far: Array, labels: Array, classes: int, count: int) -> list[Array]:
    """For each class the positions of its `count` farthest pictures, the farthest first.

    A class of fewer than three pictures has none: each of them is as usual as the other.

    >>> far = np.array([0.1, 0.9, 0.5, 0.2])
    >>> most_unusual(far, np.array([0, 0, 0, 1]), 2, 2)
    [array([1, 2]), array([], dtype=int64)]
    """
    found = []
    for label in range(classes):
        members = np.flatnonzero(labels == label)
        ranked = members[np.argsort(-far[members], kind="stable")]
        found.append(ranked[: count if len(members) >= FEWEST else 0])
    return found

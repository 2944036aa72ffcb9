"""What may be wrong with a batch before any net has seen it: its pixels, its labels, the two."""

from collections.abc import Iterator

import numpy as np

from minicnn.insight.findings import Finding
from minicnn.insight.formatting import number
from minicnn.tape import Array

# Standardised pixels (mean 0, deviation 1) stay within about 3 on either side.
MOST_USUAL = 10.0
LEAST_USUAL = 0.05

FEWEST_TO_JUDGE = 40
SURE = 0.005  # the chance to be this good by luck, for each of two tries


def check_pixels(images: Array) -> Iterator[Finding]:
    """Is the data scaled, and are there pictures at all? `images`: (N, ...), numbers."""
    low, high = float(images.min()), float(images.max())
    seen = f"pixels go from {number(low)} to {number(high)}"
    normal = "0 to 1 is normal, or about -3 to 3 if standardised"
    state, advice = "fine", ""
    if not np.isfinite([low, high]).all():
        state, advice = "problem", "take out the pictures that hold NaN or infinity"
    elif low == high:
        state, advice = "problem", "every picture is blank: look at how they were read"
    elif max(-low, high) > MOST_USUAL:
        by = "255" if high > 1 + 255 / 2 and high <= 255 else "their largest value"
        state, advice = "problem", f"divide by {by} before training"
    elif max(-low, high) < LEAST_USUAL:
        state, advice = "problem", "they seem to be scaled twice: divide by 255 once only"
    elif images.dtype.kind != "f":
        state, advice = "problem", "they are whole numbers: the net needs floats"
    yield Finding(state, "pixels", "; ".join(filter(None, [seen, normal, advice])))


def check_labels(labels: Array, classes: int) -> Iterator[Finding]:
    """Do the labels of the batch look drawn at random? `labels`: (N,) class numbers."""
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    # Of N drawn at random, so many classes are missing on the average.
    expected = classes * (1 - (1 - 1 / classes) ** len(labels))
    seen = f"{present} of {classes} classes are among {len(labels)} labels"
    normal = f"about {expected:.0f} are normal"
    if present == 1 and expected > 2:
        advice = "the data is sorted by class: shuffle it before it is cut into batches"
        yield Finding("problem", "labels", f"{seen}; {normal}; {advice}")
    elif present < 0.6 * expected:
        advice = "is the data sorted by class, or cut off? Shuffle it before taking batches"
        yield Finding("doubt", "labels", f"{seen}; {normal}; {advice}")
    else:
        yield Finding("fine", "labels", f"{seen}; {normal}")


def check_pairing(images: Array, labels: Array) -> Iterator[Finding]:
    """Do images and labels belong together, or was only one of them shuffled?

    Two classifiers that cannot fail to learn, nearest class mean and nearest neighbour, answer
    for each picture with that picture left out. If neither beats the commonest class, labels tell
    nothing about images that simple means could find.
    """
    counts = np.bincount(labels)
    classes = int((counts > 1).sum())  # a class of one has no other picture to be known by
    if len(labels) < FEWEST_TO_JUDGE or classes < 2:
        need = f"{FEWEST_TO_JUDGE} images of at least two classes"
        got = f"{len(labels)} of {classes}"
        yield Finding("fine", "pairing", f"not judged: that takes {need}, got {got}")
        return
    from scipy.stats import binom  # here, because it takes a while to import

    rows = images.reshape(len(images), -1).astype(np.float64)
    right = {
        "nearest class mean": int((_nearest_mean(rows, labels) == labels).sum()),
        "nearest neighbour": int((_nearest_neighbour(rows, labels) == labels).sum()),
    }
    best = max(right, key=lambda name: right[name])
    chance = counts.max() / len(labels)
    luck = float(binom.sf(right[best] - 1, len(labels), chance))
    seen = f"the {best} is right for {right[best] / len(labels):.0%} of {len(labels)} images"
    normal = f"the commonest class alone for {chance:.0%}"
    if luck < SURE:
        yield Finding("fine", "pairing", f"{seen}, {normal}: labels and images belong together")
    else:
        advice = (
            "no better than luck: were images and labels shuffled apart, or read from two files "
            "that do not belong together? Look at ten pictures with their labels"
        )
        yield Finding("problem", "pairing", f"{seen}, {normal}; {advice}")


def _nearest_mean(rows: Array, labels: Array) -> Array:
    """The class whose mean, without the row itself, is nearest to each row."""
    counts = np.bincount(labels)
    means = np.zeros((len(counts), rows.shape[1]))
    np.add.at(means, labels, rows)
    means /= np.maximum(counts, 1)[:, np.newaxis]
    distances = _squared_distances(rows, means)
    mine = np.arange(len(rows)), labels
    # Without the row its class's mean is n / (n - 1) times as far from it.
    others = counts[labels] - 1.0
    distances[mine] *= (counts[labels] / np.maximum(others, 1)) ** 2
    distances[mine] = np.where(others > 0, distances[mine], np.inf)
    distances[:, counts == 0] = np.inf
    return distances.argmin(axis=1)


def _nearest_neighbour(rows: Array, labels: Array) -> Array:
    """The class of the nearest other row."""
    distances = _squared_distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return labels[distances.argmin(axis=1)]


def _squared_distances(a: Array, b: Array) -> Array:
    lengths = (a * a).sum(axis=1)[:, np.newaxis] + (b * b).sum(axis=1)
    return np.maximum(lengths - 2 * a @ b.T, 0)

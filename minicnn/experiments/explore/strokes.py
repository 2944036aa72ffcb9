"""How each picture is drawn: how much ink, how far it leans, how wide it is."""

from dataclasses import dataclass

import numpy as np

from minicnn.data import Dataset
from minicnn.experiments.explore.blocks import pieces
from minicnn.tape import Array

MEASURES = ("ink", "slant", "aspect")


@dataclass(frozen=True, eq=False)
class Strokes:
    """Three numbers for each picture, float64, `(N,)`; NaN where a picture has none.

    - `ink`: the mean brightness, from 0 to 1; of colours, the mean of the channels. Where the
      background is light (the median of all borders is above one half), ink is what is dark.
    - `slant`: degrees by which the strokes lean to the right of the vertical, from the central
      second moments of the ink (y counted downwards): atan(-μ11 / μ02). Shearing the picture by it
      makes x and y uncorrelated, the usual way to set handwriting upright (Y. LeCun, L. Bottou,
      Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
      Proceedings of the IEEE 86 (1998), section III.A). NaN without ink, or with all ink in a row.
    - `aspect`: width over height of the box around the pixels that have at least half the ink of
      the darkest one. NaN without ink.
    - `dark_on_light`: whether the ink is what is dark.
    """

    ink: Array
    slant: Array
    aspect: Array
    dark_on_light: bool


def strokes(data: Dataset) -> Strokes:
    """Measure ink, slant and aspect of every picture.

    >>> stroke = np.zeros((1, 4, 4, 1), np.uint8)
    >>> stroke[0, [0, 1, 2, 3], [3, 2, 1, 0]] = 255  # a line from bottom left to top right: /
    >>> found = strokes(Dataset(stroke, [0]))
    >>> found.ink, found.slant.round(9), found.aspect
    (array([0.25]), array([45.]), array([1.]))
    """
    dark_on_light = _border_median(data) > 0.5
    measured = np.empty((len(MEASURES), len(data)))
    for part, images in pieces(data):
        grey = images.mean(axis=3, dtype=np.float64)  # (n, H, W)
        measured[:, part] = _measure(1 - grey if dark_on_light else grey)
    ink, slant, aspect = measured
    return Strokes(ink, slant, aspect, dark_on_light)


def _border_median(data: Dataset) -> float:
    images = data.images
    borders = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    median = float(np.median(np.concatenate([border.ravel() for border in borders])))
    return median / 255 if images.dtype == np.uint8 else median


def _measure(ink: Array) -> Array:
    """(n, H, W) -> (3, n): mean, slant and aspect."""
    total = ink.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):  # without ink: 0 / 0 is NaN, as it should
        slant = _slant(ink, total)
        aspect = _width_over_height(ink)
    aspect[total <= 0] = np.nan
    return np.stack([ink.mean(axis=(1, 2)), slant, aspect])


def _slant(ink: Array, total: Array) -> Array:
    rows, columns = ink.sum(axis=2), ink.sum(axis=1)  # (n, H), (n, W)
    y, x = np.arange(ink.shape[1]), np.arange(ink.shape[2])
    middle_y, middle_x = rows @ y / total, columns @ x / total
    variance = rows @ y**2 / total - middle_y**2
    covariance = (ink @ x) @ y / total - middle_x * middle_y
    variance[variance < 1e-9] = np.nan
    return np.degrees(np.arctan(-covariance / variance))


def _width_over_height(ink: Array) -> Array:
    drawn = ink >= ink.max(axis=(1, 2), keepdims=True) / 2
    return _extent(drawn.any(axis=1)) / _extent(drawn.any(axis=2))


def _extent(marked: Array) -> Array:
    """From the first to the last True of each row, both counted: (n, size) -> (n,)."""
    size = marked.shape[1]
    first, last = marked.argmax(axis=1), size - 1 - marked[:, ::-1].argmax(axis=1)
    return (last - first + 1).astype(np.float64)


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def class_quantiles(values: Array, labels: Array, classes: int) -> Array:
    """Return the `QUANTILES` of the values of each class: (N,) -> (C, 5), NaN where a class has
    none.

    >>> class_quantiles(np.array([1.0, 2.0, 3.0, np.nan, 7.0]), np.array([0, 0, 0, 0, 2]), 3)
    array([[1.1, 1.5, 2. , 2.5, 2.9],
           [nan, nan, nan, nan, nan],
           [7. , 7. , 7. , 7. , 7. ]])
    """
    found = np.full((classes, len(QUANTILES)), np.nan)
    for label in range(classes):
        mine = values[(labels == label) & np.isfinite(values)]
        if mine.size:
            found[label] = np.quantile(mine, QUANTILES)
    return found

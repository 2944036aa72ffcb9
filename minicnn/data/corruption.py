"""Pictures made worse in known ways and degrees, to see how much of it a model bears.

Pictures are float32 (N, H, W, C) in [0, 1], and so is what comes out. What is a matter of chance
(which way a picture is moved, where it is covered) is drawn from a generator; lengths are pixels
of the picture, of whatever size it is.

After D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", ICLR 2019.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minicnn.data import augmentation
from minicnn.tape import Array


@dataclass(frozen=True)
class Corruption:
    """A way in which pictures get worse.

    - `what`: the severity in words, with "{}" where the number stands; `scale`: what it counts.
    - `severities`: from mild to hard.
    - `apply`: takes pictures, a severity and a generator; the pictures stay as they are.
    """

    what: str
    scale: str
    severities: tuple[float, ...]
    apply: Callable[[Array, float, np.random.Generator], Array]

    def words(self, severity: float) -> str:
        """Describe the severity in words.

        >>> CORRUPTIONS["shift"].words(2)
        '2 px'
        """
        return self.what.format(f"{severity:g}")


def noise(images: Array, deviation: float, rng: np.random.Generator) -> Array:
    """Gaussian noise on every pixel, cut off at black and white."""
    drawn = rng.standard_normal(images.shape, np.float32)
    return np.clip(images + np.float32(deviation) * drawn, 0, 1)


def blur(images: Array, radius: float, rng: np.random.Generator) -> Array:
    """Gaussian blur; the radius is the standard deviation in pixels."""
    from scipy.ndimage import gaussian_filter  # here, because it takes a while to import

    blurred: Array = gaussian_filter(images, (0, radius, radius, 0))
    return blurred


def shift(images: Array, pixels: float, rng: np.random.Generator) -> Array:
    """Move each picture by so many pixels up, down, left or right; zeros follow.

    >>> shift(np.ones((1, 2, 2, 1), np.float32), 1, np.random.default_rng(0)).sum()
    np.float32(2.0)
    """
    ways = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])[rng.integers(4, size=len(images))]
    down, right = pixels * ways.T
    return augmentation.warp(images, augmentation.shift(down, right))


def rotation(images: Array, degrees: float, rng: np.random.Generator) -> Array:
    """Turn each picture about its middle, to the left or to the right; zeros in the corners."""
    ways = np.array([1, -1])[rng.integers(2, size=len(images))]
    return augmentation.warp(images, augmentation.rotate(degrees * ways))


def contrast(images: Array, factor: float, rng: np.random.Generator) -> Array:
    """Bring all pixels nearer to the picture's mean; a factor of 1 changes nothing.

    >>> contrast(np.array([0, 1], np.float32).reshape(1, 1, 2, 1), 0.5, None).ravel()
    array([0.25, 0.75], dtype=float32)
    """
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + np.float32(factor) * (images - mean)


def occlusion(images: Array, side: float, rng: np.random.Generator) -> Array:
    """Cover a square of each picture, somewhere inside it, with zeros."""
    _, height, width, _ = images.shape
    rows = _stretch(height, int(side), len(images), rng)
    columns = _stretch(width, int(side), len(images), rng)
    covered = rows[:, :, np.newaxis] & columns[:, np.newaxis, :]
    return np.where(covered[..., np.newaxis], np.float32(0), images)


def _stretch(length: int, part: int, count: int, rng: np.random.Generator) -> Array:
    """Bool (count, length), true in a stretch of `part` that begins anywhere."""
    start = rng.integers(max(length - part, 0) + 1, size=(count, 1))
    places = np.arange(length)
    return (places >= start) & (places < start + part)


CORRUPTIONS = {
    "noise": Corruption("deviation {}", "standard deviation", (0.1, 0.2, 0.3, 0.4), noise),
    "blur": Corruption("radius {} px", "radius in pixels", (0.5, 1, 1.5, 2), blur),
    "shift": Corruption("{} px", "pixels", (1, 2, 3, 4), shift),
    "rotation": Corruption("{}°", "degrees", (7.5, 15, 22.5, 30), rotation),
    "contrast": Corruption("× {}", "factor", (0.7, 0.5, 0.3, 0.1), contrast),
    "occlusion": Corruption("{0} × {0} px", "side in pixels", (4, 6, 8, 10), occlusion),
}
"""By name."""

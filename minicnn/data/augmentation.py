"""Augmentation: every picture moved a little at random, so that no epoch shows the same ones again.

A move is a map of the plane, one 3×3 matrix for each picture. `shift` and `rotate` make such maps,
``@`` joins them, and `warp` applies what came of it: however many moves, each pixel is interpolated
once. `jitter` draws the moves at random; it, or a function of one's own like it, is what
``fit(…, augment=…)`` takes.

`Augmentation` holds the settings of a recipe and does all of it fast: the same moves, and elastic
bending, erased boxes and thicker or thinner strokes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from minicnn import kernels
from minicnn.errors import DataError, SettingError
from minicnn.kernels.reference.augmentation import bilinear
from minicnn.plain_data import check_settings, setting, settings_of

Array = np.ndarray


def warp(images: Array, maps: Array) -> Array:
    """Each picture moved by its map.

    A map says where a pixel of the new picture comes from: ``map @ (row, column, 1)`` is its place
    in the old one, both counted from the middle of the picture, ((H - 1) / 2, (W - 1) / 2).

    - `images`: floats, (N, H, W, C); `maps`: (N, 3, 3), the last row of each is (0, 0, 1).

    Gives (N, H, W, C), interpolated by `bilinear`, with zeros from outside.
    """
    h, w = images.shape[1:3]
    middle = np.array([(h - 1) / 2, (w - 1) / 2, 0]).reshape(3, 1)
    row, column = np.indices((h, w)).reshape(2, h * w)
    new = np.stack([row, column, np.ones(h * w)]) - middle  # (3, H*W)
    old = (maps @ new + middle).reshape(-1, 3, h, w)
    return bilinear(images, old[:, 0], old[:, 1])


def shift(down: ArrayLike, right: ArrayLike) -> Array:
    """Return maps for `warp` that move pictures down and to the right, by so many pixels.

    A new pixel comes from further up and left, so the map takes `down` and `right` away.

    - `down`, `right`: (N,), whole numbers or not; negative ones move up and to the left.

    Gives (N, 3, 3), float64.

    >>> shift([2.0], [0.5])
    array([[[ 1. ,  0. , -2. ],
            [ 0. ,  1. , -0.5],
            [ 0. ,  0. ,  1. ]]])
    """
    down, right = np.asarray(down), np.asarray(right)
    maps = np.tile(np.eye(3), (len(down), 1, 1))
    maps[:, 0, 2] = -down
    maps[:, 1, 2] = -right
    return maps


def rotate(degrees: ArrayLike) -> Array:
    """Return maps for `warp` that turn pictures counterclockwise about their middle.

    With rows that count downwards a new pixel (r, c) comes from
    ``(cos·r + sin·c, -sin·r + cos·c)``.

    - `degrees`: (N,); negative ones turn clockwise.

    Gives (N, 3, 3), float64.
    """
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.tile(np.eye(3), (len(angle), 1, 1))
    maps[:, 0, 0], maps[:, 0, 1] = cos, sin
    maps[:, 1, 0], maps[:, 1, 1] = -sin, cos
    return maps


def jitter(
    images: Array, rng: np.random.Generator, pixels: float = 2.0, degrees: float = 10.0
) -> Array:
    """Each picture turned and shifted by amounts of its own, drawn evenly up to the largest ones.

    - `images`: (N, H, W, C), floats or uint8, which are rounded.
    - `pixels`: the largest shift each way; `degrees`: the largest turn either way.

    Gives a new array like `images`; the same generator state gives the same one again.
    """
    down, right = rng.uniform(-pixels, pixels, (2, len(images)))
    angle = rng.uniform(-degrees, degrees, len(images))
    maps = rotate(angle) @ shift(down, right)
    if images.dtype == np.uint8:
        return np.rint(warp(images.astype(np.float32), maps)).astype(np.uint8)
    return warp(images, maps)


def zoom(down: ArrayLike, across: ArrayLike) -> Array:
    """Return maps for `warp` that make pictures so many times as high and as wide, about their
    middle.

    - `down`, `across`: (N,), positive.

    Gives (N, 3, 3), float64.

    >>> zoom([2.0], [1.0])[0, :2, :2]
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    maps = np.tile(np.eye(3), (len(np.asarray(down)), 1, 1))
    maps[:, 0, 0], maps[:, 1, 1] = 1 / np.asarray(down), 1 / np.asarray(across)
    return maps


def shear(degrees: ArrayLike) -> Array:
    """Return maps for `warp` that let upright lines lean to the right, and rows stay where they
    are.

    - `degrees`: (N,), between -90 and 90; with negative ones they lean to the left.

    Gives (N, 3, 3), float64.
    """
    lean = np.tan(np.radians(degrees))
    maps = np.tile(np.eye(3), (len(lean), 1, 1))
    maps[:, 1, 0] = lean
    return maps


@dataclass(frozen=True)
class Augmentation:
    """Changes pictures at random, each by amounts of its own; with all settings 0, not at all.

    The settings say how far. Amounts are drawn evenly, up to so much either way:

    - `rotation`: degrees, from 0 to 180.
    - `zoom`: share of the height and, apart from it, the width: 0.1 makes 90 to 110 % of each.
    - `shift`: share of the picture's height and width.
    - `shear`: degrees by which upright lines lean, below 90.
    - `elastic`: pixels by which points that are `elastic_spacing` apart are moved, down and across;
      between them the picture bends evenly.
    - `erasing`: how probable it is that a box becomes 0; it is up to `erasing_size` as high and as
      wide as the picture.
    - `stroke`: how far each pixel is taken towards the brightest of the 3×3 around it, or the
      darkest, at most 1: what is written in light on dark becomes thicker or thinner.

    A picture is interpolated once. What comes in from outside is 0, the background of the digits.
    Raises `SettingError` for a setting outside its range.

    >>> tilted = Augmentation(rotation=15, zoom=0.15, shift=0.1)
    >>> tilted(np.zeros((5, 28, 28, 1), np.uint8), np.random.default_rng(0)).shape
    (5, 28, 28, 1)
    >>> Augmentation(zoom=1.5)
    Traceback (most recent call last):
    minicnn.errors.SettingError: zoom must be in [0, 1), got 1.5
    """

    rotation: float = setting(0.0, "Degrees.", "[0, 180]", search={"low": 0.0, "high": 20.0})
    zoom: float = setting(0.0, "Share of the size.", "[0, 1)", search={"low": 0.0, "high": 0.2})
    shift: float = setting(0.0, "Share of the side.", "[0, 1)", search={"low": 0.0, "high": 0.15})
    shear: float = setting(0.0, "Degrees.", "[0, 90)", search={"low": 0.0, "high": 20.0})
    elastic: float = setting(0.0, "Pixels.", "[0, inf)", search={"low": 0.0, "high": 2.0})
    erasing: float = setting(0.0, "Probability.", "[0, 1]", search={"low": 0.0, "high": 0.5})
    stroke: float = setting(0.0, "Share.", "[0, 1]", search={"low": 0.0, "high": 0.5})
    elastic_spacing: float = setting(6.0, "Pixels.", "[1, inf)")
    erasing_size: float = setting(0.4, "Share of the side.", "(0, 1)")

    def __post_init__(self) -> None:
        check_settings(self)
        for name in settings_of(Augmentation):
            object.__setattr__(self, name, float(getattr(self, name)))  # frozen to its users only
        if self.elastic > self.elastic_spacing / 2:
            raise SettingError(
                f"elastic must be at most half of elastic_spacing, {self.elastic_spacing / 2:g} "
                f"pixels, or pictures fold; got {self.elastic:g}"
            )

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """Return augmented copies of the images, float32 (N, H, W, C).

        - `images`: (N, H, W, C), uint8, which are divided by 255, or floats in [0, 1].
        - `rng`: in the same state it gives the same pictures with any number of threads, and, up to
          rounding, with either set of kernels.

        Raises `DataError` for images that are not such.
        """
        images = np.asarray(images)
        known = images.dtype == np.uint8 or images.dtype.kind == "f"
        if images.ndim != 4 or images.size == 0 or not known:
            raise DataError(
                f"augmentation: the images are {images.dtype} {images.shape}; need uint8 or floats "
                "(N, H, W, C)"
            )
        if images.dtype != np.uint8:
            images = images.astype(np.float32, copy=False)
        return kernels.augment(images, *self.draw(images.shape, rng))

    def draw(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[Array, Array, Array, Array]:
        """Draw what `kernels.augment` is to do to images (N, H, W, C): maps, bends, strokes,
        boxes.
        """
        n, h, w, _ = shape
        return (
            self._maps(n, h, w, rng),
            self._bends(n, h, w, rng),
            rng.uniform(-self.stroke, self.stroke, n) if self.stroke else np.zeros(n),
            self._boxes(n, h, w, rng),
        )

    def _maps(self, n: int, h: int, w: int, rng: np.random.Generator) -> Array:
        """Draw maps that turn, then shear, zoom and shift; a setting of 0 costs neither time nor
        draws.
        """

        maps = np.tile(np.eye(3), (n, 1, 1))
        if self.rotation:
            maps = rotate(rng.uniform(-self.rotation, self.rotation, n))
        if self.shear:
            maps = maps @ shear(rng.uniform(-self.shear, self.shear, n))
        if self.zoom:
            maps = maps @ zoom(*rng.uniform(1 - self.zoom, 1 + self.zoom, (2, n)))
        if self.shift:
            down, right = rng.uniform(-self.shift, self.shift, (2, n))
            maps = maps @ shift(h * down, w * right)
        return maps

    def _bends(self, n: int, h: int, w: int, rng: np.random.Generator) -> Array:
        if not self.elastic:
            return np.zeros((n, 1, 1, 2))
        points = [2 + int((side - 1) / self.elastic_spacing) for side in (h, w)]
        return rng.uniform(-self.elastic, self.elastic, (n, *points, 2))

    def _boxes(self, n: int, h: int, w: int, rng: np.random.Generator) -> Array:
        boxes = np.zeros((n, 4), np.int64)
        if self.erasing:
            for first, side in ((0, h), (2, w)):
                length = np.ceil(rng.random(n) * self.erasing_size * side)
                start = np.floor(rng.random(n) * (side - length + 1))
                boxes[:, first], boxes[:, first + 1] = start, start + length
            boxes[rng.random(n) >= self.erasing] = 0
        return boxes

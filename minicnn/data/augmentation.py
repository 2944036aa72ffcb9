"""Augmentation: every picture moved a little at random, so that no epoch shows the same ones again.

A move is a map of the plane, one 3×3 matrix for each picture. `shift` and `rotate` make such maps,
``@`` joins them, and `warp` applies what came of it: however many moves, each pixel is interpolated
once. `jitter` draws the moves at random; it, or a function of one's own like it, is what
``fit(…, augment=…)`` takes.
"""

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray


def bilinear(images: Array, rows: Array, columns: Array) -> Array:
    """The brightness at places between the pixels.

    Pixel ``[i, j]`` lies at row i and column j. Elsewhere it is the mean of the four pixels around,
    each weighted by how near it is: ``(1 - distance in rows) * (1 - distance in columns)``. Outside
    the picture all pixels are 0.

    - `images`: floats, (N, H, W, C).
    - `rows`, `columns`: places in each picture, (N, OH, OW), any real numbers.

    Gives (N, OH, OW, C), of the dtype of `images`.

    >>> image = np.array([[10.0, 20.0]]).reshape(1, 1, 2, 1)
    >>> at = np.array([[[0.0, 0.25, 1.5]]])
    >>> bilinear(image, np.zeros_like(at), at).ravel()
    array([10. , 12.5, 10. ])
    """
    n, h, w, c = images.shape
    picture = np.arange(n).reshape(n, 1, 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    y = np.zeros((*rows.shape, c), images.dtype)
    for i in (top, top + 1):
        for j in (left, left + 1):
            nearness = (1 - np.abs(rows - i)) * (1 - np.abs(columns - j))
            inside = (i >= 0) & (i < h) & (j >= 0) & (j < w)
            weight = np.where(inside, nearness, 0).astype(images.dtype)
            y += weight[..., np.newaxis] * images[picture, i.clip(0, h - 1), j.clip(0, w - 1)]
    return y


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
    """Maps for `warp` that move pictures down and to the right, by so many pixels.

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
    """Maps for `warp` that turn pictures counterclockwise about their middle.

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

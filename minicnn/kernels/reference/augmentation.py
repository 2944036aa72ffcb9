"""Pictures changed a little: moved, bent, drawn thicker or thinner, partly erased."""

import numpy as np

from minicnn.kernels.geometry import Array


def bilinear(images: Array, rows: Array, columns: Array) -> Array:
    """Interpolate the brightness at places between the pixels.

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


def augment(images: Array, maps: Array, bends: Array, strokes: Array, boxes: Array) -> Array:
    """Each picture moved by its map and bent, its strokes changed, and a box of it erased.

    - `images`: (N, H, W, C), floats, or uint8, which are divided by 255 to become float32.
    - `maps`: (N, 3, 3), as `data.augmentation.warp` takes them: where each new pixel comes from.
    - `bends`: (N, GH, GW, 2), a coarse grid over each picture, its corners on those of the picture:
      by how many rows and columns to look elsewhere than the map says, `bilinear` in between.
    - `strokes`: (N,), from -1 to 1: how far each pixel is taken to the largest of the 3×3 around it
      or, if negative, to the smallest.
    - `boxes`: (N, 4), whole numbers top, bottom, left, right: ``[top:bottom, left:right]`` becomes
      0, which is nothing where top equals bottom.

    Gives (N, H, W, C). A picture is interpolated once, with zeros from outside.
    """
    full_scale, dtype = (255, np.float32) if images.dtype == np.uint8 else (1, images.dtype)
    rows, columns = _places(maps, bends, *images.shape[1:3])
    y = bilinear(images / np.float64(full_scale), rows, columns)
    y = _with_strokes(y, strokes)
    for picture, (top, bottom, left, right) in zip(y, boxes, strict=True):
        picture[top:bottom, left:right] = 0
    return y.astype(dtype)


def _places(maps: Array, bends: Array, h: int, w: int) -> tuple[Array, Array]:
    """Row and column in the old picture of each pixel of the new one, (N, H, W) both."""
    middle = np.array([(h - 1) / 2, (w - 1) / 2, 0]).reshape(3, 1)
    row, column = np.indices((h, w)).reshape(2, h * w)
    new = np.stack([row, column, np.ones(h * w)]) - middle  # (3, H*W)
    old = (maps @ new + middle).reshape(-1, 3, h, w)
    gh, gw = bends.shape[1:3]
    on_grid = (row * (gh - 1) / max(h - 1, 1), column * (gw - 1) / max(w - 1, 1))
    everywhere = (np.broadcast_to(each.reshape(h, w), (len(maps), h, w)) for each in on_grid)
    bend = bilinear(bends.astype(np.float64), *everywhere)
    return old[:, 0] + bend[..., 0], old[:, 1] + bend[..., 1]


def _with_strokes(images: Array, strokes: Array) -> Array:
    """Each pixel taken towards the largest or the smallest around it, (N, H, W, C)."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    share = strokes.reshape(-1, 1, 1, 1)
    goal = np.where(share > 0, around.max(axis=(-2, -1)), around.min(axis=(-2, -1)))
    return images + np.abs(share) * (goal - images)

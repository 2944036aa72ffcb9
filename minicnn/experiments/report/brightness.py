"""Arrays of pictures made ready to be drawn."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import ShapeError


def drawable(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """What can be shown of (N, H, W, C): all of it if grey or RGB, else the first channel.

    >>> drawable(np.zeros((5, 8, 8, 2))).shape
    (5, 8, 8, 1)
    """
    return images if images.shape[3] in (1, 3) else images[..., :1]


def grey_or_rgb(images: ArrayLike) -> NDArray[np.generic]:
    """`(N, H, W)` if grey, `(N, H, W, 3)` if RGB; `ShapeError` if neither."""
    pictures = np.asarray(images)
    grey = pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 1)
    if pictures.size == 0 or not (grey or (pictures.ndim == 4 and pictures.shape[3] == 3)):
        need = "(N, H, W), (N, H, W, 1) or (N, H, W, 3), none of them 0"
        raise ShapeError(f"images: got shape {pictures.shape}, need {need}")
    return pictures.reshape(pictures.shape[:3]) if grey else pictures


def brightness(pictures: NDArray[np.generic]) -> NDArray[np.float64]:
    """The same shape in float64, from 0 (black) to 1 (white).

    Integers are read as 0 to 255. Floats outside of 0 to 1 are stretched, all pictures alike.
    """
    values = pictures.astype(np.float64)
    if not np.isfinite(values).all():
        raise ShapeError("images: there are pixels that are not finite numbers")
    if pictures.dtype.kind in "iu":
        values /= 255
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return values
    return (values - low) / ((high - low) or 1)

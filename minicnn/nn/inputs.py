"""What a model is given: checked once, where arrays come in."""

import numpy as np

from minicnn.errors import ShapeError
from minicnn.nn.pixels import wrong_range
from minicnn.tape import Array

BRIGHT = 10
"""More than pictures that are scaled, or standardised, come to, and less than bytes do."""


OVERSHOOT = 0.25
"""How far a picture may leave 0 to 1: one that was resized by splines does, beside its edges."""


def checked(x: Array) -> Array:
    """Refuse what would train silently wrong: bytes, integers, NaN, infinity."""
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise ShapeError(
            f"the input must be float32 or float64, got {x.dtype}; scale pictures to 0..1 first: "
            "x.astype(np.float32) / 255, or dataset.scaled()"
        )
    if x.ndim < 2:
        raise ShapeError(f"the input must be a batch (N, ...), got shape {x.shape}")
    if not np.isfinite(x).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ShapeError(f"the input holds {x[where]} at {where}; every value must be finite")
    return x


def check_pixels(x: Array, trained: bool) -> None:
    """Refuse pictures in another range than a model was trained on, or that look like bytes.

    - `trained`: whether the model was trained by `fit`, whose pictures go from 0 to 1. Otherwise
      only what must be unscaled bytes is refused, grey or in colours: nobody knows what it takes.
    """
    if not x.size:
        return
    low, high = float(x.min()), float(x.max())
    if trained and not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
        raise ShapeError(f"the model was trained on pixels from 0 to 1: {wrong_range(low, high)}")
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and low >= 0 and high > BRIGHT:
        raise ShapeError(f"the input seems to be of bytes: {wrong_range(low, high)}")

"""What a model is given: checked once, where arrays come in."""

import numpy as np

from minicnn.errors import ShapeError
from minicnn.tape import Array


def checked(x: Array) -> Array:
    """Refuse what would train silently wrong: unscaled bytes, NaN, infinity."""
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

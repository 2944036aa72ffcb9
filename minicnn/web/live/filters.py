"""The weights of a net's first layer as small pictures, packed for the page."""

import base64
import math
from typing import Any

import numpy as np

from minicnn.insight.inspection import first_filters
from minicnn.nn import Dense, Module, Sequential
from minicnn.tape import Array

MOST = 32


def filters(model: Module) -> dict[str, Any] | None:
    """Return the first layer's filters, or None for a model that has none that are pictures.

    - `layer`: its name; `count`, `height`, `width`: of the pictures.
    - `levels`: int8 of shape (count, height, width) in base64; ±127 is the largest weight.
    """
    found = _pictures(model)
    if found is None:
        return None
    name, pictures = found
    pictures = pictures[:MOST]
    reach = float(np.abs(pictures).max()) or 1.0
    levels = np.rint(127 / reach * pictures).astype(np.int8)
    count, height, width = levels.shape
    return {
        "layer": name,
        "count": count,
        "height": height,
        "width": width,
        "levels": base64.b64encode(levels.tobytes()).decode(),
    }


def _pictures(model: Module) -> tuple[str, Array] | None:
    """(F, H, W): a convolution's kernels, the mean over their channels, or what a unit weighs."""
    if not isinstance(model, Sequential):
        return None
    found = first_filters(model)
    if found is not None:
        name, weight = found  # (KH, KW, C, F)
        return name, weight.mean(axis=2).transpose(2, 0, 1)
    shape = model.picture_shape
    dense = next((layer for layer in model.layers if isinstance(layer, Dense)), None)
    if dense is None or shape is None or len(shape) != 3:
        return None
    if dense.weight.shape[0] != math.prod(shape):
        return None
    weight = dense.weight.data.T[:MOST]  # (units, H · W · C)
    return str(dense.name), weight.reshape(-1, *shape).mean(axis=3)

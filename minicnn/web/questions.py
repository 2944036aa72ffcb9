"""Questions about what goes on inside the model: JSON with the picture that it has ``seen``.

They take the answer of ``POST /predict`` as it came: what else is in it is passed over.
"""

import numpy as np
from numpy.typing import NDArray

from minicnn.errors import PictureError
from minicnn.nn import Sequential
from minicnn.reader.recognise import frame_shape
from minicnn.web.pictures import MalformedError, json_object


def seen(model: Sequential, body: bytes) -> NDArray[np.float32]:
    """The picture in ``{"seen": [[…], …]}`` as the model takes it: (H, W, 1) in [0, 1].

    Raises `MalformedError` for what is no such JSON, `PictureError` if the picture is not of the
    model's own shape, or holds other numbers than 0 (paper) to 255 (ink).
    """
    rows = json_object(body).get("seen")
    height, width = frame_shape(model)
    try:
        levels = np.asarray(rows)
    except (ValueError, OverflowError):
        levels = np.empty(0)
    if levels.shape != (height, width) or levels.dtype.kind not in "iuf":
        raise PictureError(f"in `seen` must be {height} rows of {width} numbers, as of /predict")
    if not (levels.min() >= 0 and levels.max() <= 255):
        raise PictureError(
            f"in `seen` goes from {levels.min():g} to {levels.max():g}; it must be from 0 to 255"
        )
    return (levels / 255).astype(np.float32)[..., np.newaxis]


def number(body: bytes) -> tuple[str, list[int]]:
    """The layer and the place of a number in its output, in ``{"layer": "…", "index": […]}``.

    >>> number(b'{"layer": "conv2d", "index": [3, 0, 7]}')
    ('conv2d', [3, 0, 7])
    """
    value = json_object(body)
    layer, index = value.get("layer"), value.get("index")
    if not isinstance(layer, str):
        raise MalformedError("the JSON needs a `layer`, the name of one of those of /model")
    if not isinstance(index, list) or any(type(each) is not int for each in index):
        raise MalformedError("the JSON needs an `index`, a list of whole numbers")
    return layer, index

"""Test-time augmentation: a picture is looked at several times, each time moved a little.

What the model says of each view is averaged. No view is drawn at random, so the same pictures give
the same answer.
"""

import numpy as np

from minicnn import kernels
from minicnn.data.augmentation import rotate, shift
from minicnn.errors import SettingError
from minicnn.nn import Module
from minicnn.nn.head import Head, mean_output
from minicnn.tape import Array
from minicnn.tensor import Tensor

VIEWS = np.concatenate(
    [
        shift([0, 0, 0, 1, -1], [0, 1, -1, 0, 0]),
        rotate([5, -5]),
        [np.diag([1.05, 1.05, 1]), np.diag([0.95, 0.95, 1])],
    ]
)
"""Maps (9, 3, 3) for `kernels.augment`: the picture itself, moved by a pixel, turned by 5°, 5 %
smaller and larger. The first 5, 7 or 9 lie evenly around the picture."""


def predict_with_tta(model: Module, x: Array, tta: int = 1) -> Tensor:
    """Return the outputs of `model` for pictures; from several views, those of the mean
    probability.

    - `x`: float32 (n, H, W, C) in [0, 1].
    - `tta`: how many, the first of `VIEWS`. Raises `SettingError` for a number that is not there.

    Gives (n, outputs), which are what the model's outputs are: logits, say.
    """
    if not 1 <= tta <= len(VIEWS):
        raise SettingError(f"tta must be 1 to {len(VIEWS)}, got {tta}")
    if tta == 1:
        return model(x)
    outputs = [model(x), *(model(_moved(x, view)) for view in VIEWS[1:tta])]
    return mean_output([Head.of(model, x[:1])] * tta, outputs)


def _moved(x: Array, view: Array) -> Array:
    n = len(x)
    nothing_else = np.zeros((n, 1, 1, 2)), np.zeros(n), np.zeros((n, 4), np.int64)
    moved: Array = kernels.augment(x, np.tile(view, (n, 1, 1)), *nothing_else)
    return moved

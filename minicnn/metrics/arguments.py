"""What the measures take: class numbers, probabilities; everything else is refused in words."""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import SettingError, ShapeError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# A softmax in float32 may end one rounding above 1.
ROUNDING = 1e-6


def class_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """`values` as an array, once it is sure that they are class numbers.

    - `values`: integers, 0 or more, shape `(N,)` with `N >= 1`.
    - `name`: what the error message calls them.

    >>> class_numbers([0.0, 1.0], "labels")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: labels: got float64, need integers (class numbers)
    """
    array = np.asarray(values)
    if array.ndim != 1:
        hint = "; take argmax(axis=1) of probabilities or one-hot rows" if array.ndim == 2 else ""
        raise ShapeError(f"{name}: got shape {array.shape}, need (N,){hint}")
    if array.size == 0:
        raise ShapeError(f"{name}: got none, need at least one")
    if array.dtype.kind not in "iu":
        raise ShapeError(f"{name}: got {array.dtype}, need integers (class numbers)")
    if array.min() < 0:
        raise ShapeError(f"{name}: got {array.min()}, but class numbers count from 0")
    return array


def class_probabilities(values: ArrayLike, name: str) -> Floats:
    """`values` as float64, once it is sure that they are one row of probabilities per example.

    - `values`: numbers from 0 to 1, shape `(N, C)` with `N >= 1` and `C >= 1`. That a row sums
      to 1 is not asked: the rows of an 8-bit model do so only roughly.
    - `name`: what the error message calls them.

    >>> class_probabilities([[2.5, -1.0]], "probabilities")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: probabilities: got values from -1 to 2.5, need 0 to 1; \
are these logits, before softmax?
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(f"{name}: got shape {array.shape}, need (N, C), both at least 1")
    if not np.isfinite(array).all():
        raise ShapeError(f"{name}: {np.count_nonzero(~np.isfinite(array))} of them are not finite")
    low, high = array.min(), array.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ShapeError(
            f"{name}: got values from {low:g} to {high:g}, need 0 to 1; "
            "are these logits, before softmax?"
        )
    return array


def same_length(**arrays: NDArray[Any]) -> None:
    """Refuse arrays, given by name, that do not have as many entries as the first.

    >>> same_length(images=np.zeros((3, 28, 28)), labels=np.zeros(2))
    Traceback (most recent call last):
    minicnn.errors.ShapeError: 3 images, but 2 labels
    """
    (first, reference), *rest = arrays.items()
    for name, array in rest:
        if len(array) != len(reference):
            raise ShapeError(f"{len(reference)} {first}, but {len(array)} {name}")


def known_classes(numbers: NDArray[Any], classes: int, name: str) -> None:
    """Refuse class numbers that are not below `classes`.

    >>> known_classes(np.array([1, 10]), 10, "labels")
    Traceback (most recent call last):
    minicnn.errors.ShapeError: labels: got class 10, but there are 10 classes, counted from 0
    """
    if numbers.max() >= classes:
        raise ShapeError(
            f"{name}: got class {numbers.max()}, but there are {classes} classes, counted from 0"
        )


def labels_and_predictions(
    labels: ArrayLike, predictions: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as arrays, once it is sure that they are class numbers and equally many."""
    true = class_numbers(labels, "labels")
    predicted = class_numbers(predictions, "predictions")
    same_length(labels=true, predictions=predicted)
    return true, predicted


def whole_number(value: int, name: str) -> int:
    """`value` as an int, once it is sure that it is one."""
    try:
        return operator.index(value)
    except TypeError:
        raise SettingError(f"{name}: got {value!r}, need a whole number") from None

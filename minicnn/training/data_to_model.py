"""A data set meets a model: whether the two fit together, checked before the first step."""

import warnings

import numpy as np

from minicnn.data import Dataset
from minicnn.errors import DataError, Notice, ShapeError
from minicnn.nn import Module
from minicnn.nn.head import Head


def check_fit(model: Module, data: Dataset) -> Head:
    """Pass one image through: only that says what comes out of a model that is not Sequential."""
    head = Head.of(model, data.scaled([0]))
    fits = head.shape == (data.classes,) or (head.shape == (1,) and head.classes == data.classes)
    if not fits:
        raise ShapeError(
            f"the model gives {head.shape} outputs for an image, "
            f"the data has {data.classes} classes"
        )
    if head.kind == "softmax":
        raise ShapeError(
            "the model ends in a softmax, which the loss of `fit` applies itself; leave it out, "
            "and end in logits: `evaluate` and `predict` give probabilities all the same"
        )
    head.check()
    return head


def check_order(mine: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    """Raise `DataError` if these are the same classes in two orders."""
    if mine != theirs and sorted(mine) == sorted(theirs):
        raise DataError(
            f"the model's classes are in the order {', '.join(mine)}, those of the data in the "
            f"order {', '.join(theirs)}; they must be in the same"
        )


def batch_size_for(data: Dataset, batch_size: int) -> int:
    """Return the batch size for a set: all of it, and a `Notice`, if the set has not that many
    pictures.

    Raises `SettingError` for what is no batch size.
    """
    if isinstance(batch_size, int | np.integer) and batch_size > len(data):
        says = f"a batch of {batch_size} is more than the {len(data)} pictures to train on"
        warnings.warn(f"{says}: each batch is all {len(data)}", Notice, stacklevel=3)
        return len(data)
    data.batches(batch_size)
    return batch_size

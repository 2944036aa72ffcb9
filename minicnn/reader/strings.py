"""A model's answer to a picture of several digits in a row: a number, a postal code."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from minicnn.data.dataset import numbered_classes
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.reader.frame import frame
from minicnn.reader.ink import EIGHT, Ink, find_ink
from minicnn.reader.picture import Grey, Source, open_picture
from minicnn.reader.recognise import classify, frame_shape, ready
from minicnn.reader.segmentation import segments
from minicnn.reader.sheet import without_table
from minicnn.runs import Run


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model reads on a picture, digit by digit from left to right.

    - `boxes`: the rows and columns of each of the n digits, on `grey`.
    - `answers`: int64, `(n,)`, the most probable class of each.
    - `probabilities`: float32, `(n, C)`, one for each of the `class_names`.
    - `seen`: float32, `(n, H, W)`, what the model was given.
    - `grey`: float32, the picture itself, reduced if it was large, from 0 (black) to 1 (white).
    - `notes`: what else there is to know, such as that it was the first of several pictures.
    """

    boxes: tuple[tuple[slice, slice], ...]
    answers: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    class_names: tuple[str, ...]
    seen: NDArray[np.float32]
    grey: Grey
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole string."""
        return "".join(self.class_names[answer] for answer in self.answers)

    @property
    def confidence(self) -> float:
        """The probability that all of it is right, if each digit's is that of its answer."""
        return float(self.probabilities.max(axis=1).prod())


def read_digits(model: Sequential | Run | StrPath, picture: Source) -> Reading:
    """What the digits on a picture are: one row of them, of any size, pen and paper, not touching.

    - `model`: a trained model for grey pictures, a run, or the folder of one or a model's file.
    - `picture`: a path, a file's bytes, a Pillow image, or an array; see `picture.open_picture`.

    Raises `PictureError` if the picture cannot be read or is blank, `ShapeError` if the model takes
    something else than `(H, W, 1)`, `CheckpointError` if the model cannot be opened.

    >>> import minicnn as mc
    >>> model = mc.zoo.build("mlp")  # not trained
    >>> train, _ = mc.data.mnist()
    >>> row = np.hstack(train.images[:4])  # (28, 112, 1)
    >>> reading = mc.read_digits(model, row)
    >>> len(reading.text), reading.seen.shape
    (4, (4, 28, 28))
    """
    model = ready(model)
    shape = frame_shape(model)
    opened = open_picture(picture)
    ink = find_ink(without_table(opened.grey), keep=any_digits)
    numbers = segments(ink.mask)
    seen = np.stack([frame(each, shape) for each in digits_of(ink, numbers)])
    answers, probabilities = classify(model, seen)
    names = model.class_names or numbered_classes(probabilities.shape[1] - 1)
    boxes = tuple(ndimage.find_objects(numbers))
    return Reading(boxes, answers, probabilities, names, seen, opened.grey, opened.notes)


def any_digits(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All writing that may be a digit: `find_ink` keeps that of one only."""
    return segments(mask) > 0


def digits_of(ink: Ink, numbers: NDArray[np.int64]) -> list[Ink]:
    """The ink of each digit by itself, with the soft edge around it; `numbers` as of `segments`."""
    found = []
    for number in range(1, numbers.max(initial=0) + 1):
        mask = numbers == number
        own = ndimage.binary_dilation(mask, EIGHT) & ((numbers == 0) | mask)
        found.append(Ink(ink.amount * own, mask))
    return found

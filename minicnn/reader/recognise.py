"""A model's answer to one picture of a digit."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.data.dataset import numbered_classes
from minicnn.errors import ShapeError
from minicnn.experiments.opening import as_model
from minicnn.experiments.run import Run
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.reader.frame import frame, is_framed
from minicnn.reader.ink import find_ink
from minicnn.reader.picture import Grey, PictureSource, open_picture
from minicnn.reader.sheet import without_table

DIGITS = tuple("0123456789")

# Of 3,000 validation digits, redrawn by `canvas.redrawn`, four models of the zoo (`cnn_classic`,
# `cnn_compact`, `cnn_baseline`, `mlp`) read 0.9 % to 2.0 % wrong; of the answers with a probability
# of 0.9 or more, 0.3 % to 0.5 %. Those with less are 2.5 % to 4.3 % of all, and hold two thirds to
# three quarters of the mistakes.
SURE = 0.9
"""The probability from which an answer counts as sure."""


@dataclass(frozen=True)
class Candidate:
    """A class that a picture may be of."""

    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model takes a picture for.

    - `probabilities`: float32, `(C,)`, one for each of the `class_names`.
    - `seen`: float32, `(H, W)`, what the model was given, from 0 (paper) to 1 (ink).
    - `grey`: float32, the picture itself, reduced if it was large, from 0 (black) to 1 (white).
    - `notes`: what else there is to know, such as that it was the first of several pictures.
    """

    probabilities: NDArray[np.float32]
    class_names: tuple[str, ...]
    seen: Grey
    grey: Grey
    notes: tuple[str, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The classes with their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return tuple(Candidate(self.class_names[i], float(self.probabilities[i])) for i in order)

    @property
    def label(self) -> str:
        """The name of the most probable class."""
        return self.candidates[0].label

    @property
    def probability(self) -> float:
        """The probability of the most probable class."""
        return self.candidates[0].probability

    @property
    def sure(self) -> bool:
        """Whether that probability is at least `SURE`."""
        return self.probability >= SURE

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, without the pictures."""
        return {
            "label": self.label,
            "probability": self.probability,
            "sure": self.sure,
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "notes": list(self.notes),
        }


def predict(model: Sequential | Run | StrPath, picture: PictureSource) -> Prediction:
    """Recognise the digit on a picture of any size, place, pen and paper, or framed as in MNIST.

    - `model`: a trained model for grey pictures, a run, or the folder of one or a model's file.
    - `picture`: a path, a file's bytes, a Pillow image, or an array; see `picture.open_picture`.

    Raises `PictureError` if the picture cannot be read or is blank, `ShapeError` if the model takes
    something else than `(H, W, 1)`, `FileError` if the model cannot be opened.

    >>> import minicnn as mc
    >>> model = mc.zoo.build("mlp")  # not trained
    >>> train, _ = mc.data.mnist()
    >>> prediction = mc.predict(model, train.images[0])
    >>> prediction.probabilities.shape, prediction.seen.shape, prediction.sure
    ((10,), (28, 28), False)
    """
    recogniser = Recogniser(model)
    opened = open_picture(picture)
    seen = framed(opened.grey, recogniser.shape)
    _, probabilities = recogniser(seen[np.newaxis])
    names = recogniser.class_names(probabilities)
    return Prediction(probabilities[0], names, seen, opened.grey, opened.notes)


class Recogniser:
    """A trained model for grey pictures, from whatever it was given as.

    - `model`: the model itself.
    - `shape`: the `(H, W)` of the frames that it takes.

    Raises `ShapeError` and `FileError` as `predict` does.
    """

    def __init__(self, model: Sequential | Run | StrPath):
        self.model = as_model(model)
        self.shape = frame_shape(self.model)

    def __call__(
        self, frames: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `classify`."""
        return classify(self.model, frames)

    @property
    def reads_digits(self) -> bool:
        """Whether its classes are the ten digits, by their names, as far as it has names."""
        return self.model.class_names in (None, DIGITS)

    def class_names(self, probabilities: NDArray[np.float32]) -> tuple[str, ...]:
        """Return the model's class names, or numbers for as many classes as it has
        probabilities.
        """
        return self.model.class_names or numbered_classes(probabilities.shape[1] - 1)


def classify(
    model: Sequential, frames: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ask the model about digits in MNIST's frame, all of them in one batch.

    - `model`: tells C classes apart, by logits, a softmax or sigmoids.
    - `frames`: float32, `(N, H, W)`, from 0 (paper) to 1 (ink).

    Gives the most probable class of each, `(N,)`, and all probabilities, `(N, C)`.
    """
    logits = model.predict(frames[..., np.newaxis])
    probabilities = model.head.probabilities(logits)
    return probabilities.argmax(axis=1), probabilities


def framed(grey: Grey, shape: tuple[int, int]) -> Grey:
    """Put the digit on a picture into a frame of this `shape`; keep a picture that is framed.

    Raises `PictureError` if the picture is blank.
    """
    if grey.shape == shape:
        for upright in (grey, 1 - grey):
            if is_framed(upright):
                return upright
    return frame(find_ink(without_table(grey)), shape)


def frame_shape(model: Sequential) -> tuple[int, int]:
    """Return the `(H, W)` of the pictures that a model takes; `ShapeError` if they are not grey."""
    shape = model.picture_shape
    if shape is None or len(shape) != 3 or shape[2] != 1:
        raise ShapeError(
            f"pictures are read for a model of inputs (H, W, 1), this takes {model.input_shape}"
        )
    return shape[0], shape[1]

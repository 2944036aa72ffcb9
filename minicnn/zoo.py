"""The named models, and how each is trained.

>>> model = build("cnn_classic")
>>> model.parameter_count()
225034
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minicnn.errors import UnknownNameError
from minicnn.nn import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Module, Sequential

DIGITS = (28, 28, 1)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained unless told otherwise."""

    optimizer: str = "adam"
    lr: float = 1e-3
    momentum: float = 0.0
    batch_size: int = 128
    epochs: int = 10
    schedule: str = "constant"


@dataclass(frozen=True)
class Entry:
    """A model of the zoo: what it is, its layers before the last, and its recipe."""

    about: str
    hidden: Callable[[], list[Module]]
    recipe: Recipe = Recipe()


def _mlp() -> list[Module]:
    return [Flatten(), Dense(784, activation="relu")]


def _cnn_baseline() -> list[Module]:
    return [
        Conv2D(32, 3, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(100, activation="relu"),
    ]


def _cnn_simple() -> list[Module]:
    return [
        Conv2D(32, 5, activation="relu"),
        MaxPool2D(2),
        Dropout(0.2),
        Flatten(),
        Dense(128, activation="relu"),
    ]


def _cnn_compact() -> list[Module]:
    return [
        Conv2D(30, 5, activation="relu"),
        MaxPool2D(2),
        Conv2D(15, 3, activation="relu"),
        MaxPool2D(2),
        Dropout(0.2),
        Flatten(),
        Dense(128, activation="relu"),
        Dense(50, activation="relu"),
    ]


def _cnn_light() -> list[Module]:
    return [
        Conv2D(32, 3, activation="relu"),
        MaxPool2D(2),
        Conv2D(64, 3, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(128, activation="relu"),
    ]


def _cnn_classic() -> list[Module]:
    return [*_cnn_light(), Dropout(0.5)]


def _cnn_deeper() -> list[Module]:
    return [
        Conv2D(32, 3, activation="relu"),
        Conv2D(32, 3, activation="relu"),
        MaxPool2D(2),
        Dropout(0.25),
        Conv2D(64, 3, activation="relu"),
        Conv2D(64, 3, activation="relu"),
        MaxPool2D(2),
        Dropout(0.25),
        Flatten(),
        Dense(256, activation="relu"),
        Dropout(0.5),
    ]


MODELS = {
    "mlp": Entry("one hidden layer of 784", _mlp, Recipe(batch_size=200)),
    "cnn_baseline": Entry(
        "one 3x3 convolution", _cnn_baseline, Recipe("sgd", 0.01, momentum=0.9, batch_size=32)
    ),
    # In 4-fold cross-validation on the training set a cosine has the lower loss in every fold
    # (0.041 against 0.046 on average), and 0.04 points more accuracy at the last epoch.
    "cnn_simple": Entry(
        "one 5x5 convolution, dropout", _cnn_simple, Recipe(batch_size=200, schedule="cosine")
    ),
    "cnn_compact": Entry(
        "two convolutions, 60 thousand weights", _cnn_compact, Recipe(batch_size=200)
    ),
    "cnn_classic": Entry("two 3x3 convolutions, dropout", _cnn_classic),
    "cnn_light": Entry("cnn_classic without dropout", _cnn_light),
    "cnn_deeper": Entry("four 3x3 convolutions, dropout", _cnn_deeper),
}


def entry(name: str) -> Entry:
    """The zoo's entry of this name; raises `UnknownNameError` with the nearest known one."""
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    return MODELS[name]


def build(
    name: str,
    input_shape: tuple[int, int, int] = DIGITS,
    classes: int = 10,
    rng: np.random.Generator | int = 0,
) -> Sequential:
    """A model of the zoo with fresh weights, for images (H, W, C) and so many classes."""
    return Sequential(*entry(name).hidden(), Dense(classes), input_shape=input_shape, rng=rng)

"""The named models, and how each is trained.

`MODELS` are those of the course, as they stand in its tables; `RECORDS` are made to recognise as
well, as small or as fast as can be, with recipes chosen on a validation split of the training set.

>>> model = build("cnn_classic")
>>> model.parameter_count()
225034
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from minicnn.data.augmentation import Augmentation
from minicnn.errors import UnknownNameError
from minicnn.nn import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Module,
    ReLU,
    Sequential,
)
from minicnn.zoo.recipe import UNMOVED, Recipe

DIGITS = (28, 28, 1)

MOVED = Augmentation(rotation=12, zoom=0.12, shift=0.07, shear=6, elastic=0.6)
"""What a digit may undergo and still be the same."""


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


def _normed(filters: int, size: int = 3, stride: int = 1, padding: str = "valid") -> list[Module]:
    """Return a convolution, batch normalisation, ReLU."""
    return [Conv2D(filters, size, stride, padding), BatchNorm(), ReLU()]


def _pooled(filters: int, size: int = 3) -> list[Module]:
    """Convolution, ReLU and pooling, which are one pass; what is normalised is a quarter."""
    return [Conv2D(filters, size, activation="relu"), MaxPool2D(2), BatchNorm()]


def _best() -> list[Module]:
    return [
        *_normed(32),
        *_normed(32),
        *_normed(32, 5, 2, "same"),
        Dropout(0.4),
        *_normed(64),
        *_normed(64),
        *_normed(64, 5, 2, "same"),
        Dropout(0.4),
        Flatten(),
        Dense(128),
        BatchNorm(),
        ReLU(),
        Dropout(0.4),
    ]


def _compact_best() -> list[Module]:
    return [
        *_normed(24),
        *_normed(24),
        MaxPool2D(2),
        *_normed(36),
        *_normed(36),
        MaxPool2D(2),
        *_normed(64),
        Flatten(),
        Dropout(0.2),
    ]


def _tiny_best() -> list[Module]:
    return [
        *_normed(8),
        *_pooled(16),
        *_normed(16),
        *_pooled(16),
        *_normed(24),
        GlobalAveragePool2D(),
    ]


def _speedrun() -> list[Module]:
    return [
        *_pooled(16, 5),
        *_pooled(32),
        Conv2D(64, 3, activation="relu"),
        BatchNorm(),
        Flatten(),
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
"""The models of the course."""

_FINAL = Recipe(
    optimizer="adamw",
    lr=5e-3,
    epochs=25,
    schedule="one_cycle",
    weight_decay=0.01,
    augmentation=MOVED,
    ema=0.998,
    tta=5,
    validation=0.0,
    keep="last",
)
"""What the records have in common: all pictures are trained on, and no epoch is chosen."""

RECORDS = {
    # Held out 10,000: 99.66 %, from five views 99.67 %, after 20 epochs on the other 50,000.
    "best": Entry("as accurate as 30 minutes allow", _best, _FINAL),
    # Held out 10,000: 99.54 % after 5 epochs on the other 50,000, from five views 99.58 %.
    "compact-best": Entry(
        "the same with no more weights than cnn_compact",
        _compact_best,
        replace(_FINAL, epochs=15),
    ),
    # Held out 10,000: 99.39 % after 6 epochs on the other 50,000; a net of 8,514 weights that was
    # normalised before the pooling 99.32 %. So small a net needs many more epochs, a higher rate,
    # and pictures that are changed less.
    "tiny-best": Entry(
        "the same with at most 10,000 weights",
        _tiny_best,
        replace(
            _FINAL,
            lr=0.01,
            epochs=30,
            augmentation=Augmentation(rotation=10, zoom=0.1, shift=0.05, shear=5),
        ),
    ),
    # Held out 10,000, three splits: 98.89 %; with 32, 48 and 64 filters 98.93 %, but half as long
    # again.
    "speedrun": Entry(
        "99 % from a standing start",
        _speedrun,
        Recipe(
            lr=0.01,
            epochs=1,
            schedule="one_cycle",
            beta1=0.7,
            beta2=0.9,
            ema=0.98,
            validation=0.0,
            keep="last",
        ),
    ),
}
"""The models that set the records."""

ENTRIES = MODELS | RECORDS
"""Every model by name."""


def entry(name: str) -> Entry:
    """Return the zoo's entry of this name; raise `UnknownNameError` with the nearest known one."""
    if name not in ENTRIES:
        raise UnknownNameError("model", name, ENTRIES)
    return ENTRIES[name]


def augmentation(name: str) -> Augmentation:
    """How pictures are changed for this model: as its recipe says, or as is usual for digits."""
    mine = entry(name).recipe.augmentation
    return MOVED if mine == UNMOVED else mine


def dropout_rates(name: str) -> list[float]:
    """Return the rates of the dropout layers that the model of this name has."""
    return [layer.rate for layer in entry(name).hidden() if isinstance(layer, Dropout)]


def build(
    name: str,
    input_shape: tuple[int, int, int] = DIGITS,
    classes: int = 10,
    rng: np.random.Generator | int = 0,
) -> Sequential:
    """Return a model of the zoo with fresh weights, for images (H, W, C) and so many classes."""
    return Sequential(*entry(name).hidden(), Dense(classes), input_shape=input_shape, rng=rng)

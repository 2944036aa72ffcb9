"""What a data set holds, before anything is trained on it: numbers and arrays, no drawing.

>>> import minicnn as mc
>>> train, test = mc.data.mnist()
>>> found = mc.explore(train[:2000], test[:500], progress=False)
>>> found.balance.train.sum(), len(found.duplicates.between)
(np.int64(2000), 0)
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minicnn.data import Dataset
from minicnn.data.augmentation import Augmentation
from minicnn.errors import DataError
from minicnn.experiments.explore.augmented import Augmented, augmented
from minicnn.experiments.explore.balance import Balance, ChiSquared, balance
from minicnn.experiments.explore.duplicates import Duplicates, duplicates
from minicnn.experiments.explore.near_duplicates import (
    ALIKE,
    LikePair,
    NearDuplicates,
    near_duplicates,
)
from minicnn.experiments.explore.pca import Components, components, distances, most_unusual
from minicnn.experiments.explore.pixels import ClassPictures, Pixels, class_pictures, pixels
from minicnn.experiments.explore.strokes import (
    MEASURES,
    QUANTILES,
    Strokes,
    class_quantiles,
    strokes,
)
from minicnn.tape import Array
from minicnn.training.progress import steps

__all__ = [
    "ALIKE",
    "MEASURES",
    "QUANTILES",
    "Augmented",
    "Balance",
    "ChiSquared",
    "ClassPictures",
    "Components",
    "Duplicates",
    "Exploration",
    "LikePair",
    "NearDuplicates",
    "Pixels",
    "Strokes",
    "explore",
]

UNUSUAL = 10
"""How many unusual pictures of each class are named."""


@dataclass(frozen=True, eq=False)
class Exploration:
    """All that `explore` found; the parts that speak of one set speak of the training set.

    - `train`, `test`: the sets themselves.
    - `pixels`, `test_pixels`: their shapes, ranges and histograms.
    - `quantiles`: for "ink", "slant" and "aspect" the 5, 25, 50, 75 and 95 % quantiles of each
      class, float64 `(C, 5)`.
    - `distance`: float64, `(N,)`, of each picture from its class (`components.distances`).
    - `unusual`: for each class the positions of its farthest pictures, the farthest first.
    - `augmented`: a few pictures as training would see them, if that was asked for.
    """

    train: Dataset
    test: Dataset
    balance: Balance
    pixels: Pixels
    test_pixels: Pixels
    classes: ClassPictures
    strokes: Strokes
    quantiles: dict[str, Array]
    components: Components
    distance: Array
    unusual: list[Array]
    duplicates: Duplicates
    near_duplicates: NearDuplicates
    augmented: Augmented | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data for JSON; what is not a number is None."""
        names = self.train.class_names
        plain = {
            "class_names": list(names),
            "train": _pixel_numbers(self.pixels),
            "test": _pixel_numbers(self.test_pixels),
            "balance": {
                "train": self.balance.train.tolist(),
                "test": self.balance.test.tolist(),
                "largest_over_smallest": self.balance.ratio,
                "uniform": self.balance.uniform._asdict(),
                "test_follows_train": self.balance.test_follows_train._asdict(),
            },
            "strokes": {
                "dark_on_light": self.strokes.dark_on_light,
                "quantiles": list(QUANTILES),
                **{measure: self.quantiles[measure].tolist() for measure in MEASURES},
            },
            "components": {
                "block": self.components.block,
                "shares": self.components.shares[: len(self.components.axes)].tolist(),
            },
            "unusual": {
                name: [{"index": int(i), "distance": self.distance[i]} for i in places]
                for name, places in zip(names, self.unusual, strict=True)
            },
            "duplicates": asdict(self.duplicates),
            "near_duplicates": {
                **asdict(self.near_duplicates),
                "classes": self.near_duplicates.classes.tolist(),
            },
        }
        if self.augmented is not None:
            plain["augmentation"] = {
                **asdict(self.augmented.settings),
                "pictures": self.augmented.index.tolist(),
            }
        return _without_nan(plain)


def _pixel_numbers(found: Pixels) -> dict[str, Any]:
    plain = asdict(found)
    plain["histogram"] = {
        "edges": plain.pop("edges").tolist(),
        "counts": plain.pop("counts").tolist(),
    }
    return plain


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def explore(
    train: Dataset,
    test: Dataset,
    *,
    augment: Augmentation | None = None,
    progress: bool = True,
) -> Exploration:
    """Measure a training and a test set: balance, pixels, strokes, components, duplicates.

    - `train`, `test`: of the same (H, W, C) and classes; a class may lack pictures in either.
    - `augment`: change a picture of each class with these settings, to see what they do.
    - `progress`: show it on the standard error stream.

    Raises `DataError` if the two do not fit together.
    """
    if (train.image_shape, train.class_names) != (test.image_shape, test.class_names):
        raise DataError(
            f"training and test set differ: {train} and {test}; need the same pictures and classes"
        )
    with steps(7, progress) as step:
        step("balance")
        balanced = balance(train, test)
        step("pixels")
        both = pixels(train), pixels(test)
        step("class means")
        means = class_pictures(train)
        step("strokes")
        drawn = strokes(train)
        step("principal components")
        found = components(train)
        # What the first components do not hold at all is unusual too.
        far = distances(np.column_stack([found.points, found.residuals]), train.labels)
        step("duplicates")
        equal = duplicates(train, test)
        step("near-duplicates")
        alike = near_duplicates(train, test, found, equal)
    return Exploration(
        train,
        test,
        balanced,
        *both,
        means,
        drawn,
        {
            measure: class_quantiles(getattr(drawn, measure), train.labels, train.classes)
            for measure in MEASURES
        },
        found,
        far,
        most_unusual(far, train.labels, train.classes, UNUSUAL),
        equal,
        alike,
        None if augment is None else augmented(train, augment, np.random.default_rng(0)),
    )

"""How much of a model's accuracy is left when the pictures are worse than those it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.data import Dataset
from minicnn.data.corruption import CORRUPTIONS
from minicnn.errors import SettingError
from minicnn.nn import Module
from minicnn.training.fit import evaluate
from minicnn.training.progress import steps

MOST = 2_000
"""Pictures of a test set that are looked at unless told otherwise: ± 0.4 points at 99 %."""


@dataclass(frozen=True)
class Robustness:
    """The accuracy of a model on pictures made worse (see `minicnn.data.corruption`).

    - `images`: how many pictures, of the `out_of` in the set.
    - `clean`: the accuracy on these pictures as they are.
    - `accuracy`: by the corruption's name, one number for each severity, from mild to hard.
    """

    images: int
    out_of: int
    clean: float
    accuracy: dict[str, tuple[float, ...]]

    def mean(self, corruption: str) -> float:
        """Over the severities of one corruption."""
        return float(np.mean(self.accuracy[corruption]))

    @property
    def overall(self) -> float:
        """The mean over the corruptions."""
        return float(np.mean([self.mean(name) for name in self.accuracy]))

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> "Robustness":
        """Back from `numbers`."""
        accuracy = {name: tuple(found.values()) for name, found in numbers["corruptions"].items()}
        return cls(numbers["images"], numbers["out_of"], numbers["clean"], accuracy)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return {
            "images": self.images,
            "out_of": self.out_of,
            "clean": self.clean,
            "overall": self.overall,
            "corruptions": {
                name: {
                    CORRUPTIONS[name].words(severity): accuracy
                    for severity, accuracy in zip(CORRUPTIONS[name].severities, found, strict=True)
                }
                for name, found in self.accuracy.items()
            },
        }


def measure_robustness(
    model: Module,
    data: Dataset,
    *,
    most: int = MOST,
    seed: int = 0,
    tta: int = 1,
    progress: bool = True,
) -> Robustness:
    """Measure a model on every corruption of a test set, at every severity.

    - `most`: so many pictures at most, drawn at random where there are more.
    - `seed`: decides which pictures, and what is done to them; the same for every model.
    - `tta`: how many views of a picture are averaged, as in `evaluate`.
    - `progress`: show it on the standard error stream.

    Raises `DataError` for a `most` below 1, and what `evaluate` raises if the data does not fit.

    >>> import minicnn as mc
    >>> _, test = mc.data.mnist()
    >>> found = measure_robustness(mc.zoo.build("mlp"), test, most=10, progress=False)
    >>> found.images, list(found.accuracy)
    (10, ['noise', 'blur', 'shift', 'rotation', 'contrast', 'occlusion'])
    """
    chosen = sample(data, most, seed)
    images = chosen.scaled()
    accuracy = {}
    with steps(len(CORRUPTIONS), progress) as step:
        for place, (name, corruption) in enumerate(CORRUPTIONS.items()):
            step(name)
            found = []
            for severity in corruption.severities:
                # The same draws for each severity: a picture is moved further the same way.
                rng = np.random.default_rng((seed, place))
                worse = corruption.apply(images, severity, rng)
                set_of_it = Dataset(worse, chosen.labels, chosen.class_names)
                found.append(evaluate(model, set_of_it, tta=tta).accuracy)
            accuracy[name] = tuple(found)
    clean = evaluate(model, chosen, tta=tta).accuracy
    return Robustness(len(chosen), len(data), clean, accuracy)


def sample(data: Dataset, most: int = MOST, seed: int = 0) -> Dataset:
    """Up to so many pictures of the set, drawn at random, in the order of the set."""
    if most < 1:
        raise SettingError(f"most is {most}; need at least one picture to measure")
    if len(data) <= most:
        return data
    drawn = np.random.default_rng(seed).choice(len(data), most, replace=False)
    return data[np.sort(drawn)]

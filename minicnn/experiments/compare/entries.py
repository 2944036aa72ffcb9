"""What is compared: models of the zoo and finished runs, all on the same data."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn import zoo
from minicnn.errors import (
    DataError,
    FileError,
    MinicnnError,
    TrainingError,
    UnknownNameError,
)
from minicnn.experiments.compare.measuring import training_figures
from minicnn.experiments.run import Run, Sets
from minicnn.experiments.settings import Settings
from minicnn.files import StrPath
from minicnn.training.fit import hold_out
from minicnn.zoo import Recipe

WITHOUT_TWIN = ("augmentation", "ema")
"""Settings that need steps of their own, which the twin in Keras does not have."""


@dataclass(frozen=True)
class ComparedModel:
    """One model to compare: its name and its settings, and its run if that is finished already."""

    name: str
    settings: Settings
    finished: Run | None = None

    @classmethod
    def of(cls, model: StrPath) -> "ComparedModel":
        """Return a model of the zoo, or the finished run in a folder."""
        if model in zoo.ENTRIES:
            return cls(str(model), Settings.of(str(model)))
        text = os.fspath(model)
        if os.sep not in text and not Path(text).exists():
            raise UnknownNameError("model or run folder", text, zoo.ENTRIES)
        run = Run.opened(text)
        metrics = run.metrics("interrupted")
        training_figures(run)
        if metrics["interrupted"]:
            raise FileError(
                f"{text}: this run was stopped; go on with it first: "
                f"minicnn train --out {text} --resume"
            )
        run.model()
        return cls(run.folder.resolve().name, run.settings, run)

    def completed(self, **changes: Any) -> "ComparedModel":
        """With these settings, unless it is trained already."""
        if self.finished:
            return self
        return ComparedModel(self.name, Settings.of(self.settings.model, **changes))

    def check(self, data: Sets, directory: str | None) -> None:
        """Raise what training, or measuring, would raise later: data and model do not fit.

        - `data`: (train, test), which are in `directory`; None for MNIST.
        """
        train, _ = data
        try:
            self.settings.build_model(train)
            part, _ = hold_out(train, self.settings.validation, self.settings.generator())
            part.batches(min(self.settings.batch_size, len(part)))
        except MinicnnError as error:
            raise DataError(f"{self.name}: {error}") from error
        if self.finished is None:
            return
        model = self.finished.model()
        fits = (model.input_shape, model.classes) == (train.image_shape, train.classes)
        if not (fits and self.finished.is_of(data, directory)):
            raise DataError(
                f"{self.finished.folder}: trained on {self.settings.data or 'MNIST'} (pictures "
                f"{model.input_shape}, {model.classes} classes), not on {directory or 'MNIST'} "
                f"(pictures {train.image_shape}, {train.classes} classes) as it is now; models of "
                "different data cannot stand in one table"
            )


def refuse_twins(entries: Sequence[ComparedModel]) -> None:
    """Raise `FileError` if two have one name: it is that of their folder and row."""
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise FileError(f"{name!r} is given {names.count(name)} times; need each once")


def refuse_without_twin(entries: Sequence[ComparedModel]) -> None:
    """Raise `TrainingError` for a recipe that the training of a Keras twin cannot follow."""
    plain = Recipe()
    for entry in entries:
        mine = entry.settings
        names = [n for n in WITHOUT_TWIN if getattr(mine, n) != getattr(plain, n)]
        if names:
            raise TrainingError(
                f"{entry.name}: its {' and '.join(names)} cannot be done in Keras; compare it "
                "without --keras"
            )


def common_place(
    entries: Sequence[ComparedModel], data: StrPath | None, prefix: str | None
) -> dict[str, str | None]:
    """Return the settings that say where the data of all is: as given, else as the first run has
    it.
    """
    if data is not None or prefix is not None:
        return {"data": None if data is None else os.path.abspath(data), "prefix": prefix}
    trained = [entry.settings for entry in entries if entry.finished] or [Settings()]
    return {"data": trained[0].data, "prefix": trained[0].prefix}

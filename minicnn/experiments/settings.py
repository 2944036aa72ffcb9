"""What decides a run, and the files that hold it."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import kernels, optim, zoo
from minicnn.data import Dataset
from minicnn.data.class_names import split_names
from minicnn.errors import DataError, FileError, SettingError, UnknownNameError
from minicnn.files import StrPath
from minicnn.nn import Dropout, Sequential
from minicnn.plain_data import checked_fields, from_dict, read_json, setting, settings_of
from minicnn.training.callbacks import KEEPERS, KeepBest
from minicnn.zoo.recipe import Recipe

CHECKSUM = "data_checksum"
"""What `config.json` calls the checksum of the data that the run was trained on."""


@dataclass(frozen=True)
class Settings(Recipe):
    """All that decides a run: a recipe, what it trains, and on what.

    The same settings give the same weights, bit for bit. Each is declared here or in `Recipe`; the
    options of ``minicnn train``, the check of a file, the report's table and what ``minicnn tune``
    searches follow from that.

    Raises `UnknownNameError` for a model or kernel set that is not known, `SettingError` for a
    number that cannot be, or that does not fit the others, and what `Recipe` raises.
    """

    model: str = setting("cnn_classic", "One of `minicnn models`.", known=zoo.ENTRIES)
    seed: int = setting(0, "The same seed gives the same run.", "[0, inf)")
    data: str | None = setting(
        None, "A directory of IDX files; MNIST if not given.", left_out="MNIST"
    )
    prefix: str | None = setting(
        None, "Which set of the directory, where it holds several.", left_out="the only one"
    )
    classes: str | None = setting(
        None,
        'Names of the classes, "A,B,C", or a file that maps labels.',
        left_out="numbers",
    )
    kernels: str | None = setting(
        None, "How to compute.", known=kernels.SETS, kind="kernel set", left_out="fast"
    )
    own_code: str | None = setting(
        None, "Your folder of lessons: train with your own functions.", option="--with"
    )
    through: int | None = setting(None, "With those of the lessons up to this one.", "[1, inf)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes is not None:
            split_names(self.classes)
        for need, holds in {
            "momentum is for sgd alone": self.optimizer == "sgd" or not self.momentum,
            f"dropout needs a model that has it, not {self.model}": (
                self.dropout is None or len(zoo.dropout_rates(self.model)) > 0
            ),
            "patience needs a validation set": self.patience is None or self.validation > 0,
            "through needs own_code": self.through is None or self.own_code is not None,
            "prefix needs data": self.prefix is None or self.data is not None,
        }.items():
            if not holds:
                raise SettingError(f"{need}, got {getattr(self, need.split()[0])}")

    @classmethod
    def of(cls, model: str, **changes: Any) -> "Settings":
        """Return the model's recipe with these changes; those that are None are left as they
        are.
        """
        recipe = {name: getattr(zoo.entry(model).recipe, name) for name in settings_of(Recipe)}
        chosen = changes.get("optimizer")
        if chosen not in (None, recipe["optimizer"]):
            own = {name for name, each in settings_of(Recipe).items() if each.of_optimizer}
            recipe = {name: value for name, value in recipe.items() if name not in own}
            recipe["lr"] = optim.optimizer(chosen).lr
            recipe["weight_decay"] = optim.optimizer(chosen).weight_decay
        return cls(model=model, **{**recipe, **given(changes)})

    @classmethod
    def from_dict(cls, plain: Any, where: str) -> "Settings":
        """Return the settings that `to_dict` gave; raises what `minicnn.plain_data.from_dict`
        raises.
        """
        return from_dict(cls, plain, where)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data, as they stand in `config.json`."""
        return asdict(self)

    def build_optimizer(self) -> optim.Optimizer:
        """Return the optimizer with these settings."""
        adam = {"beta1": self.beta1, "beta2": self.beta2}
        own = {"momentum": self.momentum} if self.optimizer == "sgd" else adam
        return optim.optimizer(self.optimizer, lr=self.lr, weight_decay=self.weight_decay, **own)

    def keeper(self) -> KeepBest:
        """Return what keeps the weights that the run ends with."""
        return KEEPERS[self.keep]("val_accuracy" if self.validation else "accuracy")

    def build_model(self, data: Dataset) -> Sequential:
        """Return the model for these pictures and classes, with the fresh weights of this seed."""
        if data.classes < 2:
            raise DataError(
                f"the data has one class, {data.class_names[0]!r}; a model needs two or more to "
                "tell apart"
            )
        model = zoo.build(self.model, data.image_shape, data.classes, self.seed)
        for layer in model.layers:
            if self.dropout is not None and isinstance(layer, Dropout):
                layer.rate = self.dropout
        return model

    def generator(self) -> np.random.Generator:
        """Return what draws the split and the batches' order; the weights come of the seed
        itself.
        """
        return np.random.default_rng((self.seed, 1))


def given(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes that are not None."""
    return {key: value for key, value in changes.items() if value is not None}


def read_config(path: StrPath) -> dict[str, Any]:
    """Return the settings in a JSON file, such as the `config.json` of a run: all of them, or some.

    Raises `FileError` for a file that cannot be read and a value that no setting can have,
    `UnknownNameError` for a setting that is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such file of settings")
    config = read_json(path)
    config.pop(CHECKSUM, None)
    for name in config:
        if name not in settings_of(Settings):
            raise UnknownNameError(f"setting in {path}", name, settings_of(Settings))
    config = checked_fields(Settings, config, str(path))
    if config.get("data") is not None:
        config["data"] = os.path.abspath(config["data"])
    return config

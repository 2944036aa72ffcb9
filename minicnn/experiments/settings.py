"""What decides a run, and the files that hold it."""

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from minicnn import kernels, optim, zoo
from minicnn.data import Dataset
from minicnn.data.augmentation import Augmentation
from minicnn.data.class_names import split_names
from minicnn.errors import CheckpointError, SettingError, UnknownNameError
from minicnn.files import StrPath, read_json
from minicnn.nn import Dropout, Sequential
from minicnn.training.callbacks import KeepBest, KeepLast
from minicnn.training.tta import VIEWS

KEEPERS = {"best": KeepBest, "last": KeepLast}
"""What keeps the weights of an epoch, by the word for it."""

OF_THE_OPTIMIZER = ("optimizer", "lr", "momentum", "weight_decay", "beta1", "beta2")
"""Settings that are senseless with another optimizer than they were made for."""


@dataclass(frozen=True)
class Settings:
    """All that decides a run; the same settings give the same weights, bit for bit.

    - `augmentation`: how far the pictures of training are changed at random.
    - `ema`: the decay of a running mean of the weights, 0 for none (`minicnn.training.ema`).
    - `tta`: how many views of a test picture are averaged (see `minicnn.training.tta`).
    - `keep`: the weights that the run ends with, of the "best" epoch in validation or the "last".
    - `dropout`: the rate of every dropout layer, in place of the model's own.
    - `classes`: names for the classes of `data`, with commas between them.
    - `own_code`: a student's folder, whose functions the engine uses, of the lessons up to number
      `through` (see `minicnn.learn`).

    Raises `UnknownNameError` for a model, optimizer, schedule or kernel set that is not known, and
    `TrainingError` for a number that cannot be.
    """

    model: str = "cnn_classic"
    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float = 1e-3
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    augmentation: Augmentation = zoo.UNMOVED
    ema: float = 0.0
    tta: int = 1
    keep: str = "best"
    dropout: float | None = None
    validation: float = 0.1
    patience: int | None = None
    seed: int = 0
    data: str | None = None
    classes: str | None = None
    kernels: str | None = None
    own_code: str | None = None
    through: int | None = None

    def __post_init__(self) -> None:
        zoo.entry(self.model)
        optim.optimizer(self.optimizer)
        optim.schedule(self.schedule)
        if self.classes is not None:
            split_names(self.classes)
        if self.kernels not in (None, *kernels.SETS):
            raise UnknownNameError("kernel set", self.kernels, kernels.SETS)
        if self.keep not in KEEPERS:
            raise UnknownNameError("epoch to keep", self.keep, KEEPERS)
        if not isinstance(self.augmentation, Augmentation):  # but what stands in a JSON file
            object.__setattr__(self, "augmentation", Augmentation(**self.augmentation))
        needs = {
            "epochs must be at least 1": self.epochs >= 1,
            "batch_size must be at least 1": self.batch_size >= 1,
            "lr must be positive and finite": 0 < self.lr < math.inf,
            "momentum must be in [0, 1)": 0 <= self.momentum < 1,
            "momentum is for sgd alone": self.optimizer == "sgd" or not self.momentum,
            "beta1 must be in [0, 1)": 0 <= self.beta1 < 1,
            "beta2 must be in [0, 1)": 0 <= self.beta2 < 1,
            "weight_decay must be 0 or positive, and finite": 0 <= self.weight_decay < math.inf,
            "clip_norm must be positive": self.clip_norm is None or self.clip_norm > 0,
            "label_smoothing must be in [0, 1)": 0 <= self.label_smoothing < 1,
            "dropout must be in [0, 1)": self.dropout is None or 0 <= self.dropout < 1,
            "ema must be in [0, 1)": 0 <= self.ema < 1,
            f"tta must be 1 to {len(VIEWS)}": self.tta in range(1, len(VIEWS) + 1),
            f"dropout needs a model that has it, not {self.model}": (
                self.dropout is None or len(zoo.dropout_rates(self.model)) > 0
            ),
            "validation must be in [0, 1)": 0 <= self.validation < 1,
            "patience must be at least 1": self.patience is None or self.patience >= 1,
            "patience needs a validation set": self.patience is None or self.validation > 0,
            "seed must be 0 or positive": self.seed >= 0,
            "through needs own_code": self.through is None or self.own_code is not None,
        }
        for need, holds in needs.items():
            if not holds:
                raise SettingError(f"{need}, got {getattr(self, need.split()[0])}")

    @classmethod
    def of(cls, model: str, **changes: Any) -> "Settings":
        """The model's recipe with these changes; those that are None are left as they are."""
        recipe = asdict(zoo.entry(model).recipe)
        if changes.get("optimizer") not in (None, recipe["optimizer"]):
            recipe = {key: value for key, value in recipe.items() if key not in OF_THE_OPTIMIZER}
            recipe["lr"] = optim.optimizer(changes["optimizer"]).lr
            recipe["weight_decay"] = optim.optimizer(changes["optimizer"]).weight_decay
        return cls(model=model, **{**recipe, **given(changes)})

    def build_optimizer(self) -> optim.Optimizer:
        """The optimizer with these settings."""
        adam = {"beta1": self.beta1, "beta2": self.beta2}
        own = {"momentum": self.momentum} if self.optimizer == "sgd" else adam
        return optim.optimizer(self.optimizer, lr=self.lr, weight_decay=self.weight_decay, **own)

    def keeper(self) -> KeepBest:
        """What keeps the weights that the run ends with."""
        return KEEPERS[self.keep]("val_accuracy" if self.validation else "accuracy")

    def build_model(self, data: Dataset) -> Sequential:
        """The model for these pictures and classes, with the fresh weights of this seed."""
        model = zoo.build(self.model, data.image_shape, data.classes, self.seed)
        for layer in model.layers:
            if self.dropout is not None and isinstance(layer, Dropout):
                layer.rate = self.dropout
        return model

    def generator(self) -> np.random.Generator:
        """What draws the split and the batches' order; the weights come of the seed itself."""
        return np.random.default_rng((self.seed, 1))


def plain(value: Any) -> Any:
    """A setting as it stands in a JSON file."""
    return asdict(value) if isinstance(value, Augmentation) else value


def given(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes that are not None."""
    return {key: value for key, value in changes.items() if value is not None}


def read_config(path: StrPath) -> dict[str, Any]:
    """The settings in a JSON file, such as the `config.json` of a run: all of them, or some.

    Raises `CheckpointError` for a file that cannot be read and a value that no setting can have,
    `UnknownNameError` for a setting that is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file of settings")
    config = read_json(path)
    augmentation = config.get("augmentation")
    _check_types(path, Settings, config)
    if isinstance(augmentation, dict):
        _check_types(path, Augmentation, augmentation)
        config["augmentation"] = Augmentation(**augmentation)
    if config.get("data") is not None:
        config["data"] = os.path.abspath(config["data"])
    return config


def _check_types(path: Path, owner: type, values: dict[str, Any]) -> None:
    """Refuse names that are no field of a dataclass, and values of another type than theirs."""
    types = get_type_hints(owner)
    for name, value in values.items():
        if name not in types:
            raise UnknownNameError(f"setting in {path}", name, types)
        wanted = dict if types[name] is Augmentation else types[name]
        whole = type(value) is int and isinstance(0.0, wanted)  # where any number will do
        if isinstance(value, bool) or not (whole or isinstance(value, wanted)):
            raise CheckpointError(f"{path}: {name} cannot be {value!r}")

"""What a search is of: its model, its settings and its space. Only equal plans share a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minicnn import zoo
from minicnn.data import Dataset
from minicnn.data.augmentation import Augmentation
from minicnn.errors import FileError, SettingError
from minicnn.experiments.settings import Settings, given
from minicnn.experiments.tune.space import Dimension, drawn, fixed_value, plain, rows_for
from minicnn.plain_data import settings_of
from minicnn.training.fit import hold_out

STRENGTHS = {*settings_of(Augmentation)}
"""The settings that are the augmentation's."""


@dataclass(frozen=True)
class Plan:
    """All that decides a search, but for how long it goes on.

    - `directory`, `prefix`: where the data is on this machine; None for MNIST.
    - `digest`: of the training pictures and labels, the same on every machine.
    """

    model: str
    epochs: int
    seed: int
    validation: float
    directory: str | None
    prefix: str | None
    digest: str
    fixed: dict[str, Any]
    rows: tuple[Dimension, ...]

    @classmethod
    def of(
        cls,
        model: str,
        data: Dataset,
        *,
        directory: str | None,
        prefix: str | None,
        epochs: int | None,
        seed: int,
        validation: float,
        only: Sequence[str] | None,
        fix: Mapping[str, Any] | None,
    ) -> "Plan":
        """Return the plan for a model and a training set.

        Raises `UnknownNameError` for a model or setting that is not known, `SettingError` for one
        that cannot be.
        """
        if not 0 < validation < 1:
            raise SettingError(f"validation must be in (0, 1), got {validation}")
        recipe = zoo.entry(model).recipe
        fixed = {name: fixed_value(name, value) for name, value in (fix or {}).items()}
        part, _ = hold_out(data, validation, Settings(model=model, seed=seed).generator())
        rows = rows_for(model, only, fixed, len(part))
        epochs = recipe.epochs if epochs is None else epochs
        plan = cls(model, epochs, seed, validation, directory, prefix, data.checksum(), fixed, rows)
        lone = {k: v for k, v in fixed.items() if k != "momentum" or not plan.draws_optimizer}
        settings = plan.settings(lone)
        settings.build_model(data)
        if all(row.name != "batch_size" for row in rows):
            part.batches(min(settings.batch_size, len(part)))  # refuses one that does not fit
        return plan

    @property
    def draws_optimizer(self) -> bool:
        """Whether the optimizer is one of the settings that are searched."""
        return any(row.name == "optimizer" for row in self.rows)

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Return the settings of a run with these values; what they leave open is the recipe's."""
        strengths = {name: values[name] for name in values if name in STRENGTHS}
        return Settings.of(
            self.model,
            epochs=self.epochs,
            seed=self.seed,
            validation=self.validation,
            data=self.directory,
            prefix=self.prefix,
            keep="last",
            augmentation=replace(zoo.entry(self.model).recipe.augmentation, **strengths),
            **{name: values[name] for name in values if name not in STRENGTHS},
        )

    def draw(self, trial: Any) -> dict[str, Any]:
        """Return the values that a trial of Optuna's draws for the rows."""
        optimizer = self.fixed.get("optimizer", zoo.entry(self.model).recipe.optimizer)
        return drawn(self.rows, trial, optimizer)

    def drawn_settings(self, values: Mapping[str, Any]) -> Settings:
        """Return the settings of a trial that drew these values."""
        fixed = dict(self.fixed)
        if values.get("optimizer", "sgd") != "sgd":
            fixed.pop("momentum", None)
        return self.settings({**fixed, **values})

    def recipe(self) -> dict[str, Any]:
        """Return what is tried first: the values in the space nearest to the model's recipe."""
        settings, rates = Settings.of(self.model), zoo.dropout_rates(self.model)
        own = {**vars(settings), **vars(settings.augmentation)}
        own["dropout"] = sum(rates) / len(rates) if rates else None
        nearest = {row.name: row.nearest(own[row.name]) for row in self.rows}
        return given(nearest)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, to be kept beside the study and compared."""
        return {
            "model": self.model,
            "epochs": self.epochs,
            "seed": self.seed,
            "validation": self.validation,
            "data": self.digest,
            "fixed": self.fixed,
            "space": plain(self.rows),
        }

    def refuse_other(self, kept: Any, where: str) -> None:
        """Raise `FileError` if what was kept `where` is not of this plan."""
        mine = self.to_dict()
        if not isinstance(kept, dict) or kept.keys() != mine.keys():
            raise FileError(f"{where}: holds no search of minicnn's")
        for key, now in mine.items():
            then = kept[key]
            if then == now:
                continue
            if key == "data":
                raise FileError(f"{where}: its search is on other data")
            if isinstance(then, dict):
                names = [k for k in {**then, **now} if then.get(k) != now.get(k)]
                then, now = ({k: each.get(k) for k in names} for each in (then, now))
                then, now = (_words(each) for each in (then, now))
            raise FileError(f"{where}: its search is another: {key} {then}, now {now}")


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {'–' if v is None else v}" for k, v in settings.items())

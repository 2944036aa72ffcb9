"""What a search has found so far: its trials, and the best of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minicnn.experiments.settings import Settings
from minicnn.experiments.tune.space import Dimension


@dataclass(frozen=True)
class Trial:
    """One set of settings, and what came of it.

    - `state`: "complete", "pruned" (stopped because others did better, or because the loss was no
      longer a number), "failed" (its process was stopped), "running" or "waiting".
    - `accuracies`: on the validation set after each epoch.
    - `values`: of the settings that are searched.
    """

    number: int
    state: str
    accuracies: tuple[float, ...]
    values: Mapping[str, Any]
    seconds: float | None = None

    @property
    def accuracy(self) -> float | None:
        """On the validation set after the last epoch that it has; None if it has none."""
        return self.accuracies[-1] if self.accuracies else None


@dataclass(frozen=True, eq=False)
class Tuning:
    """A search: what it was of, its trials and the best settings.

    - `wanted`: so many trials in all.
    - `best`, `settings`: the complete trial with the highest accuracy after its last epoch, and the
      settings of a run like it; None before there is one.
    - `importances`: how much each setting mattered, in shares of 1; empty if there are too few
      trials to tell.
    - `interrupted`: whether Ctrl-C ended it.
    """

    folder: Path
    model: str
    epochs: int
    wanted: int
    rows: Sequence[Dimension]
    trials: Sequence[Trial]
    best: Trial | None
    settings: Settings | None
    importances: Mapping[str, float] = field(default_factory=dict)
    interrupted: bool = False

    def count(self, *states: str) -> int:
        """How many trials are in one of these states."""
        return sum(trial.state in states for trial in self.trials)

    @property
    def finished(self) -> int:
        """How many trials need not be tried again."""
        return self.count("complete", "pruned")

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data for JSON."""
        return {
            "model": self.model,
            "epochs": self.epochs,
            "wanted": self.wanted,
            "finished": self.finished,
            "interrupted": self.interrupted,
            "best": None if self.best is None else _plain(self.best),
            "settings": None if self.settings is None else self.settings.to_dict(),
            "importances": dict(self.importances),
            "trials": [_plain(trial) for trial in self.trials],
        }


def _plain(trial: Trial) -> dict[str, Any]:
    return {"accuracy": trial.accuracy, **asdict(trial), "values": dict(trial.values)}

"""The training of a recipe, seed after seed, each kept as soon as it is there.

RUNS/MODEL/seed-N/         a run's folder (see `minicnn.experiments.runs`), and beside its files
    seed.json              the figures of the seed
    probabilities.npy      float32 (N, classes), of the test pictures
    robustness.json        the accuracy on pictures made worse, of those that were asked for it
"""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.processes import cli, timed
from minicnn import metrics
from minicnn.data import Dataset, write_idx
from minicnn.errors import FileError
from minicnn.experiments import runs
from minicnn.experiments.run import Run, load_data
from minicnn.experiments.settings import Settings
from minicnn.files import atomic
from minicnn.insight.robustness import Robustness, measure_robustness
from minicnn.plain_data import write_json
from minicnn.tape import Array
from minicnn.training.fit import evaluate

TIMED = ("speedrun",)
"""Recipes whose figure is the time of the whole process: a seed that was stopped begins anew."""

WARMING = 2_048
"""Pictures to train on before the first process that is timed, so that all kernels are compiled."""


@dataclass(frozen=True)
class Seed:
    """What came of one seed.

    - `accuracy`, `loss`, `calibration_error`: on the whole test set.
    - `mistakes`: the places of the wrong answers in the test set.
    - `training_seconds`: of the epochs; `process_seconds`: of the whole process, where it is timed.
    - `machine`: what it was trained on, when, and by which command.
    """

    seed: int
    accuracy: float
    loss: float
    calibration_error: float
    mistakes: list[int]
    training_seconds: float
    process_seconds: float | None
    machine: dict[str, Any]


@dataclass(frozen=True)
class Protocol:
    """A recipe with its seeds.

    - `folder`: of all runs.
    - `epochs`, `data`: instead of the recipe's own and of MNIST, to try the protocol out.
    """

    model: str
    seeds: int
    folder: Path
    epochs: int | None = None
    data: str | None = None
    progress: bool = True

    def settings(self, seed: int) -> Settings:
        """The recipe on all training pictures, ending with the last epoch."""
        last: dict[str, Any] = {"validation": 0.0, "keep": "last"}
        return Settings.of(self.model, seed=seed, epochs=self.epochs, data=self.data, **last)

    def run_folder(self, seed: int) -> Path:
        """Where the run of a seed is."""
        return self.folder / self.model / f"seed-{seed}"

    # -------------------------------------------------------------- one seed

    def figures(self, seed: int) -> Seed:
        """The figures of a seed: those that were kept, or else it is trained, to its end.

        Raises `FileError` if its folder holds a run with other settings, `KeyboardInterrupt`
        if it is stopped; the same call goes on.
        """
        if kept := self.kept(seed):
            return kept
        seconds = None
        if self.model in TIMED:
            seconds = self._train_timed(seed)
        else:
            run = runs.go_on(self.settings(seed), self.run_folder(seed), self.progress)
            if run.metrics()["interrupted"]:
                raise KeyboardInterrupt
        return self._measure(seed, seconds)

    def kept(self, seed: int) -> Seed | None:
        """The figures of a seed that is done; `FileError` if it has other settings."""
        folder = self.run_folder(seed)
        if not (folder / "config.json").exists():
            return None
        run, settings = Run.opened(folder), self.settings(seed)
        run.refuse_other(asdict(settings))
        for name in ("epochs", "data"):
            then, now = getattr(run.settings, name), getattr(settings, name)
            if then != now:
                raise FileError(
                    f"{folder}: was started with {name} {then!r}, now {now!r}; choose another "
                    "folder with --runs"
                )
        path = folder / "seed.json"
        return Seed(**json.loads(path.read_text())) if path.exists() else None

    def _measure(self, seed: int, process_seconds: float | None) -> Seed:
        run = Run.opened(self.run_folder(seed))
        result = evaluate(run.model(), self.test(), tta=run.settings.tta)
        labels, probabilities = result.labels, result.probabilities
        with atomic(run.folder / "probabilities.npy") as partial:
            np.save(partial, probabilities)
        found = Seed(
            seed,
            result.accuracy,
            result.loss,
            metrics.expected_calibration_error(probabilities, labels),
            np.flatnonzero(probabilities.argmax(axis=1) != labels).tolist(),
            run.metrics()["training_seconds"],
            process_seconds,
            describe("python -m benchmarks.accuracy"),
        )
        write_json(run.folder / "seed.json", asdict(found))  # the last: now the seed is done
        return found

    # -------------------------------------------------------------- whole processes

    def _train_timed(self, seed: int) -> float:
        """Train in a process of its own; its seconds, from its start to its end."""
        folder = self.run_folder(seed)
        if folder.exists():  # stopped in the middle: there is no time of the whole
            shutil.rmtree(folder)
        self._warm_up()
        return timed(self._command(seed, folder, self.epochs, self.data)).seconds

    def _warm_up(self) -> None:
        """Have all kernels compiled and all files read, as on any day but the first."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for part, data in zip(("train", "t10k"), load_data(self.data), strict=True):
                few = data[:WARMING]
                write_idx(folder / f"{part}-images-idx4-ubyte", few.images)
                write_idx(folder / f"{part}-labels-idx1-ubyte", few.labels.astype(np.uint8))
            timed(self._command(0, folder / "run", 1, name))

    def _command(self, seed: int, out: Path, epochs: int | None, data: str | None) -> list[str]:
        """What a user types to train a seed."""
        options = ["--seed", seed, "--validation", 0, "--keep", "last", "--out", out.absolute()]
        for name, value in ("--epochs", epochs), ("--data", data):
            options += [] if value is None else [name, value]
        return cli("train", self.model, *map(str, options))

    # -------------------------------------------------------------- what all seeds share

    def test(self) -> Dataset:
        """The test set."""
        return load_data(self.data)[1]

    def probabilities(self, seed: int) -> Array:
        """Of the test pictures, float32 (N, classes), by a seed that is done."""
        found: Array = np.load(self.run_folder(seed) / "probabilities.npy")
        return found

    def parameters(self) -> int:
        """Trainable numbers of the model of the first seed, which is done."""
        return Run.opened(self.run_folder(0)).model().parameter_count()

    def robustness(self) -> Robustness:
        """Of the first seed, which is done; kept once it was measured."""
        path = self.run_folder(0) / "robustness.json"
        if path.exists():
            return Robustness.from_dict(json.loads(path.read_text()))
        model, views = Run.opened(path.parent).model(), self.settings(0).tta
        found = measure_robustness(model, self.test(), tta=views, progress=self.progress)
        write_json(path, found.to_dict())
        return found

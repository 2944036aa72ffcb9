"""`compare`: several models trained, measured and put side by side, in minicnn and in Keras.

comparison.json   the job and the finished rows, after each model
comparison.md     the tables
comparison.png    the test accuracies with their intervals
best.npz          the model that was best in validation
MODEL/            a run folder (see `minicnn.runs`)
MODEL-keras/      its Keras twin: model.keras, history.json, metrics.json
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from minicnn import runs, zoo
from minicnn.bridge.extras import quiet, required
from minicnn.checkpoint import save_model
from minicnn.comparison.measuring import disagreement, measured, training_figures
from minicnn.comparison.table import (
    Cells,
    Disagreement,
    Result,
    Row,
    best_of,
    engines_table,
    layer_words,
    layers_table,
    markdown,
    results_table,
)
from minicnn.data import Dataset
from minicnn.errors import CheckpointError, DataError, MinicnnError, UnknownNameError
from minicnn.files import StrPath, atomic, new_folder, write_json
from minicnn.nn import Sequential
from minicnn.progress import steps
from minicnn.runs import Run, Settings
from minicnn.training import hold_out

__all__ = [
    "Cells",
    "Comparison",
    "Disagreement",
    "Result",
    "Row",
    "compare",
    "engines_table",
    "layers_table",
    "results_table",
]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    - `folder`: where it stands.
    - `rows`: one for each model, in the order that was asked for; only the finished ones if it
      was `interrupted`, by Ctrl-C.
    - `best`: the name of the model with the highest validation accuracy, the first of equals; None
      if none held out a validation set. The test set decides nothing.
    """

    folder: Path
    rows: tuple[Row, ...]
    best: str | None
    interrupted: bool = False

    def numbers(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "rows": [row.numbers() for row in self.rows],
            "best": self.best,
            "interrupted": self.interrupted,
        }


def compare(
    models: Sequence[StrPath] = (),
    *,
    out: StrPath,
    keras: bool = False,
    epochs: int | None = None,
    seed: int | None = None,
    data: StrPath | None = None,
    progress: bool = True,
) -> Comparison:
    """Train each model by its own recipe, measure all on the same test set, and name the best.

    - `models`: names of the zoo, and folders of finished runs, which are neither copied nor
      changed; the whole zoo if there are none.
    - `out`: the folder for all of it. The same call again goes on where the last one stopped.
    - `keras`: train each once more in Keras: the same weights to begin with, the same batches.
    - `epochs`, `seed`: in place of the recipes' own, for the models that are trained here.
    - `data`: an IDX directory; that of the runs, or MNIST, if not given.
    - `progress`: show it on the standard error stream.

    The best is chosen by validation accuracy and saved as `best.npz`. Ctrl-C ends it in order: the
    result has the finished rows and says `interrupted`.

    Raises, before anything is trained, `UnknownNameError` for a model that is not known,
    `CheckpointError` for a folder without a finished run, a model that is named twice, and a folder
    `out` of another comparison, `WriteError` for one that holds anything else, `DataError` for runs
    of other data, and `MissingPackageError` if Keras is wanted and not there.
    """
    given = [Entry.of(model) for model in models or zoo.MODELS]
    _refuse_twins(given)
    directory = _common_data(given, data)
    entries = [entry.completed(epochs=epochs, seed=seed, data=directory) for entry in given]
    if keras:
        with quiet():
            required("keras", "keras")
    sets = runs.load_data(directory)
    for entry in entries:
        entry.check(sets)
    job = _Job(Path(out), entries, keras, sets, progress)
    return job.run({"epochs": epochs, "seed": seed, "data": directory})


# ------------------------------------------------------------------ what is compared


@dataclass(frozen=True)
class Entry:
    """One model to compare: its name and its settings, and its run if that is finished already."""

    name: str
    settings: Settings
    finished: Run | None = None

    @classmethod
    def of(cls, model: StrPath) -> "Entry":
        """A model of the zoo, or the finished run in a folder."""
        if model in zoo.MODELS:
            return cls(str(model), Settings.of(str(model)))
        text = os.fspath(model)
        if os.sep not in text and not Path(text).exists():
            raise UnknownNameError("model or run folder", text, zoo.MODELS)
        run = Run.opened(text)
        metrics = run.metrics()
        training_figures(run)
        if metrics.get("interrupted"):
            raise CheckpointError(
                f"{text}: this run was stopped; go on with it first: "
                f"minicnn train --out {text} --resume"
            )
        run.model()
        return cls(run.folder.resolve().name, run.settings, run)

    def completed(self, **changes: Any) -> "Entry":
        """With these settings, unless it is trained already."""
        if self.finished:
            return self
        return Entry(self.name, Settings.of(self.settings.model, **changes))

    def check(self, data: tuple[Dataset, Dataset]) -> None:
        """Raise what training, or measuring, would raise later: data and model do not fit."""
        train, _ = data
        try:
            zoo.build(self.settings.model, train.image_shape, train.classes)
            part, _ = hold_out(train, self.settings.validation, self.settings.generator())
            part.batches(self.settings.batch_size)
        except MinicnnError as error:
            raise DataError(f"{self.name}: {error}") from error
        if self.finished is None:
            return
        model = self.finished.model()
        if (model.input_shape, _classes(model)) != (train.image_shape, train.classes):
            raise DataError(
                f"{self.finished.folder}: trained on {_about(self)}; the data is now pictures "
                f"{train.image_shape} of {train.classes} classes"
            )


def _refuse_twins(entries: Sequence[Entry]) -> None:
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise CheckpointError(f"{name!r} is given {names.count(name)} times; need each once")


def _common_data(entries: Sequence[Entry], data: StrPath | None) -> str | None:
    """The data set of all; raises `DataError` if a run was trained on another."""
    trained = [entry for entry in entries if entry.finished]
    if data is None and not trained:
        return None
    common = trained[0].settings.data if data is None else os.path.abspath(data)
    for entry in trained:
        if entry.settings.data != common:
            others = _about(trained[0]) if data is None else f"{common} (--data)"
            raise DataError(
                f"{entry.name}: trained on {_about(entry)}, not on {others}; "
                "models of different data cannot stand in one table"
            )
    return common


def _about(entry: Entry) -> str:
    """A run's data in words."""
    assert entry.finished is not None
    model = entry.finished.model()
    name = entry.settings.data or "MNIST"
    return f"{name} (pictures {model.input_shape}, {_classes(model)} classes)"


def _classes(model: Sequential) -> int:
    return model.layer_rows()[-1].output_shape[-1]


# ------------------------------------------------------------------ the job


class _Job:
    """All that is done for a comparison, each finished step on disk."""

    def __init__(
        self,
        folder: Path,
        entries: Sequence[Entry],
        keras: bool,
        data: tuple[Dataset, Dataset],
        progress: bool,
    ):
        self.folder, self.entries, self.keras = folder, entries, keras
        self.data, self.progress = data, progress
        self.console = Console(stderr=True)
        self.rows: list[Row] = []
        self.runs: dict[str, Run] = {}

    def run(self, changes: dict[str, Any]) -> Comparison:
        """Do what is not done yet; the whole comparison."""
        self.settings = {
            "models": [
                str(entry.finished.folder.resolve()) if entry.finished else entry.name
                for entry in self.entries
            ],
            "keras": self.keras,
            **changes,
        }
        kept = self._begin()
        interrupted = False
        try:
            for number, entry in enumerate(self.entries, 1):
                title = f"model {number} of {len(self.entries)}: {entry.name}"
                row = self._row(entry, title, kept.get(entry.name))
                self.rows.append(row)
                if row != kept.get(entry.name):
                    self._save(None)
            best = best_of(self.rows)
            self._finish(best)
        except KeyboardInterrupt:
            interrupted, best = True, None
        rows, name = tuple(self.rows), None if best is None else best.name
        return Comparison(self.folder, rows, name, interrupted)

    @property
    def path(self) -> Path:
        return self.folder / "comparison.json"

    def _begin(self) -> dict[str, Row]:
        """Make the folder, or take up the one that is there; its finished rows by name."""
        if not self.path.exists():
            with new_folder(self.folder) as partial:
                write_json(partial / self.path.name, {"settings": self.settings, "rows": []})
            return {}
        try:
            found = json.loads(self.path.read_text())
            settings, rows = found["settings"], [Row.of(plain) for plain in found["rows"]]
            mine = {key: settings[key] for key in self.settings}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{self.path}: not a comparison, or damaged") from error
        other = [f"{k} {mine[k]!r}, now {v!r}" for k, v in self.settings.items() if mine[k] != v]
        if other:
            raise CheckpointError(
                f"{self.folder}: was begun with other settings: {'; '.join(other)}"
            )
        return {row.name: row for row in rows}

    def _save(self, best: Row | None) -> None:
        numbers = Comparison(self.folder, tuple(self.rows), best.name if best else None).numbers()
        del numbers["interrupted"]
        write_json(self.path, {"settings": self.settings, **numbers})

    def _say(self, text: str) -> None:
        if self.progress:
            self.console.print(text, style="bold", highlight=False, soft_wrap=True, markup=False)

    # -------------------------------------------------------------- one model

    def _row(self, entry: Entry, title: str, kept: Row | None) -> Row:
        """The row of a model: trained, or gone on with, where that is not done."""
        run = entry.finished or self._trained(
            entry, self.folder / entry.name, f"{title}, in minicnn", self._train
        )
        twin = None
        if self.keras:
            folder = self.folder / f"{entry.name}-keras"
            twin = self._trained(entry, folder, f"{title}, in Keras", self._train_twin)
        self.runs[entry.name] = run
        if kept and _is_of(kept, run, twin):
            return replace(kept, folder=str(run.folder.resolve()))  # it may have been moved
        with steps(1 + self.keras, self.progress) as step:
            step(f"measuring {entry.name}")
            return self._measured(entry, run, twin, step)

    def _trained(
        self,
        entry: Entry,
        folder: Path,
        title: str,
        train: Callable[[Settings, Path], Run],
    ) -> Run:
        """The finished run in a folder, trained now if it is not."""
        with suppress(CheckpointError):  # not finished, or not begun
            run = Run.opened(folder)
            if run.settings == entry.settings and not run.metrics()["interrupted"]:
                return run
        self._say(title)
        run = train(entry.settings, folder)
        if run.metrics()["interrupted"]:
            raise KeyboardInterrupt
        return run

    def _train(self, settings: Settings, folder: Path) -> Run:
        resume = (folder / "config.json").exists()
        if not resume and folder.is_dir():  # killed before the first file was whole
            for left in [folder / "last.npz", *folder.glob(".*")]:
                left.unlink(missing_ok=True)
        return runs.train(settings, folder, resume, self.progress)

    def _train_twin(self, settings: Settings, folder: Path) -> Run:
        from minicnn.comparison.keras_twin import train_twin

        return train_twin(settings, folder, self.data, self.progress)

    def _measured(
        self, entry: Entry, run: Run, twin: Run | None, step: Callable[[str], None]
    ) -> Row:
        model = run.model()
        mine, predictions = measured(run, model, self.data)
        theirs = apart = None
        if twin is not None:
            from minicnn.comparison.keras_twin import kept_model

            step(f"measuring {entry.name} in Keras")
            theirs, others = measured(twin, kept_model(twin), self.data)
            apart = disagreement(self.data[1].labels, predictions, others)
        return Row(
            entry.name,
            str(run.folder.resolve()),
            layer_words(model),
            run.settings.optimizer,
            run.settings.lr,
            run.settings.schedule,
            model.parameter_count(),
            sum(p.size * 4 for p in model.parameters()),
            mine,
            theirs,
            apart,
        )

    # -------------------------------------------------------------- the end

    def _finish(self, best: Row | None) -> None:
        """Write the tables, the picture and the best model."""
        from minicnn.comparison.figure import accuracies
        from minicnn.report.figures import save

        if best is not None:
            save_model(self.folder / "best.npz", self.runs[best.name].model())
        with atomic(self.folder / "comparison.md") as partial:
            partial.write_text(_document(self.rows, best), encoding="utf-8")
        save(accuracies(self.rows), self.folder / "comparison.png")
        self._save(best)


def _is_of(row: Row, run: Run, twin: Run | None) -> bool:
    """Whether a row that was kept is of these runs as they are now."""
    pairs = [(row.minicnn, run), (row.keras, twin)]
    return all(
        (result is None) == (each is None)
        and (
            result is None
            or each is None
            or result.seconds == each.metrics().get("training_seconds")
        )
        for result, each in pairs
    )


def _document(rows: Sequence[Row], best: Row | None) -> str:
    """The tables in Markdown."""
    engines = any(row.keras for row in rows)
    parts = ["# Comparison", markdown(results_table(rows), right_from=2 if engines else 1)]
    if engines:
        parts += ["Test accuracy in both engines:", markdown(engines_table(rows))]
    parts.append(markdown(layers_table(rows), right_from=2))
    if best is not None:
        parts.append(
            f"Best in validation: `{best.name}` ({best.minicnn.validation_accuracy:.4f}), "
            "saved as `best.npz`. The test set decided nothing."
        )
    return "\n\n".join(parts) + "\n"

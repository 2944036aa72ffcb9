"""All that is done for a comparison, each finished step on disk, so that it can go on.

comparison.json   the job and the finished rows, after each model
comparison.md     the tables
comparison.png    the test accuracies with their intervals
best.npz          the model that was best in validation
MODEL/            a run folder (see `minicnn.experiments.runs`)
MODEL-keras/      its Keras twin: model.keras, history.json, metrics.json
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from minicnn.data import Dataset
from minicnn.errors import FileError, UnknownNameError
from minicnn.experiments import runs
from minicnn.experiments.compare.entries import ComparedModel
from minicnn.experiments.compare.measuring import disagreement, measured
from minicnn.experiments.compare.table import (
    Comparison,
    ComparisonRow,
    best_of,
    document,
    layer_words,
)
from minicnn.experiments.run import Run, checksum_of
from minicnn.experiments.settings import Settings
from minicnn.files import atomic, held, refuse_taken, sweep
from minicnn.plain_data import as_type, read_json, write_json
from minicnn.training.checkpoint import save_model
from minicnn.training.progress import steps


class ComparisonJob:
    """The models one after the other: what is not done yet is done, what is done is kept."""

    def __init__(
        self,
        folder: Path,
        entries: Sequence[ComparedModel],
        keras: bool,
        data: tuple[Dataset, Dataset],
        progress: bool,
    ):
        self.folder, self.entries, self.keras = folder, entries, keras
        self.data, self.progress = data, progress
        self.console = Console(stderr=True)
        self.rows: list[ComparisonRow] = []
        self.runs: dict[str, Run] = {}

    def run(self, changes: dict[str, Any]) -> Comparison:
        """Do what is not done yet; the whole comparison.

        Raises `WriteError` if another process is at work in the folder.
        """
        self.settings = {
            "models": [
                str(entry.finished.folder.resolve()) if entry.finished else entry.name
                for entry in self.entries
            ],
            "keras": self.keras,
            "checksum": checksum_of(self.data),
            **changes,
        }
        if not self.path.exists():
            refuse_taken(self.folder)
        with held(self.folder):
            return self._run()

    def _run(self) -> Comparison:
        kept = self._begin()
        sweep(self.folder)
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

    def _begin(self) -> dict[str, ComparisonRow]:
        """Begin in the folder, or take up what is there; its finished rows by name."""
        if not self.path.exists():
            refuse_taken(self.folder)
            write_json(self.path, {"settings": self.settings, "rows": []})
            return {}
        found, where = read_json(self.path), str(self.path)
        if "settings" not in found or "rows" not in found:
            raise FileError(f"{self.path}: not a comparison, or damaged")
        then = as_type(dict[str, Any], found["settings"], f"{where}: settings")
        plain = as_type(list[dict[str, Any]], found["rows"], f"{where}: rows")
        # Data is known by its content; a comparison of earlier days has but its path.
        free = ("data", "prefix") if "checksum" in then else ("checksum", "prefix")
        other = [
            f"{name} {then.get(name)!r}, now {now!r}"
            for name, now in self.settings.items()
            if name not in free and then.get(name) != now
        ]
        if other:
            raise FileError(f"{self.folder}: was begun with other settings: {'; '.join(other)}")
        rows = [ComparisonRow.from_dict(row, f"{where}: rows[{i}]") for i, row in enumerate(plain)]
        return {row.name: row for row in rows}

    def _save(self, best: ComparisonRow | None) -> None:
        numbers = Comparison(self.folder, tuple(self.rows), best.name if best else None).to_dict()
        del numbers["interrupted"]
        write_json(self.path, {"settings": self.settings, **numbers})

    def _say(self, text: str) -> None:
        if self.progress:
            self.console.print(text, style="bold", highlight=False, soft_wrap=True, markup=False)

    # -------------------------------------------------------------- one model

    def _row(self, entry: ComparedModel, title: str, kept: ComparisonRow | None) -> ComparisonRow:
        """Return the row of a model: trained, or gone on with, where that is not done."""
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
        entry: ComparedModel,
        folder: Path,
        title: str,
        train: Callable[[Settings, Path], Run],
    ) -> Run:
        """Return the finished run in a folder, trained now if it is not."""
        with suppress(FileError, UnknownNameError):  # not finished, or not begun
            run = Run.opened(folder)
            if run.is_finished(entry.settings):
                return run
        self._say(title)
        run = train(entry.settings, folder)
        if run.metrics("interrupted")["interrupted"]:
            raise KeyboardInterrupt
        return run

    def _train(self, settings: Settings, folder: Path) -> Run:
        return runs.go_on(settings, folder, self.progress)

    def _train_twin(self, settings: Settings, folder: Path) -> Run:
        from minicnn.experiments.compare.keras_twin import train_twin

        return train_twin(settings, folder, self.data, self.progress)

    def _measured(
        self, entry: ComparedModel, run: Run, twin: Run | None, step: Callable[[str], None]
    ) -> ComparisonRow:
        model = run.model()
        mine, predictions = measured(run, model, self.data)
        theirs = apart = None
        if twin is not None:
            from minicnn.experiments.compare.keras_twin import kept_model

            step(f"measuring {entry.name} in Keras")
            theirs, others = measured(twin, kept_model(twin), self.data)
            apart = disagreement(self.data[1].labels, predictions, others)
        return ComparisonRow(
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

    def _finish(self, best: ComparisonRow | None) -> None:
        """Write the tables, the picture and the best model."""
        from minicnn.experiments.compare.figure import accuracies
        from minicnn.experiments.report.figures import save

        if best is not None:
            save_model(self.folder / "best.npz", self.runs[best.name].model())
        with atomic(self.folder / "comparison.md") as partial:
            partial.write_text(document(self.rows, best), encoding="utf-8")
        save(accuracies(self.rows), self.folder / "comparison.png")
        self._save(best)


def _is_of(row: ComparisonRow, run: Run, twin: Run | None) -> bool:
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

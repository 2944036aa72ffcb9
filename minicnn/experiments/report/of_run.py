"""The report on a run folder or a model's file."""

from pathlib import Path

from minicnn.errors import DataError
from minicnn.experiments.opening import open_trained
from minicnn.experiments.report.run_numbers import RunReport
from minicnn.files import StrPath
from minicnn.insight.robustness import measure_robustness
from minicnn.training.fit import evaluate


def report_run(
    path: StrPath,
    data: StrPath | None = None,
    progress: bool = True,
    prefix: str | None = None,
) -> RunReport:
    """Measure the model of a finished run again, and gather what is known of its training.

    - `path`: the folder of a run, or a model's file, which says nothing of how it was trained.
    - `data`: an IDX directory to measure on; the run's own test set if not given, MNIST's for a
      model's file.
    - `progress`: show it on the standard error stream.
    - `prefix`: which set of the directory, if it holds several.

    Raises `CheckpointError` if there is no finished run and no model, `DataError` if the data is
    not there or does not fit the model.
    """
    found = open_trained(path)
    run, model = found.run, found.model
    training, history = (run.metrics(), run.history()) if run else ({}, {})
    _, test = found.data(data, prefix)
    classes = model.classes
    if model.input_shape != test.image_shape or int(test.labels.max()) >= classes:
        raise DataError(
            f"{path}: the model takes pictures {model.input_shape} of {classes} classes; the "
            f"test set has {test.image_shape} and labels up to {test.labels.max()}"
        )
    return RunReport(
        Path(path).resolve().name,
        run.settings.to_dict() if run else {},
        training,
        history,
        model,
        test,
        evaluate(model, test, tta=found.tta),
        measure_robustness(model, test, tta=found.tta, progress=progress),
    )

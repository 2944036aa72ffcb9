"""The report on a run folder."""

from pathlib import Path

from minicnn import runs
from minicnn.errors import DataError
from minicnn.files import StrPath
from minicnn.report.run_page import RunReport
from minicnn.training import evaluate


def report_run(folder: StrPath, data: StrPath | None = None) -> RunReport:
    """Measure the model of a finished run again, and gather what is known of its training.

    - `data`: an IDX directory to measure on; the run's own test set if not given.

    Raises `CheckpointError` if the folder holds no finished run, `DataError` if the data is not
    there or does not fit the model.
    """
    run = runs.Run.opened(folder)
    training, history, model = run.metrics(), run.history(), run.model()
    _, test = runs.load_data(run.settings.data if data is None else str(data))
    classes = model.layer_rows()[-1].output_shape[-1]
    if model.input_shape != test.image_shape or int(test.labels.max()) >= classes:
        raise DataError(
            f"{folder}: the model takes pictures {model.input_shape} of {classes} classes; the "
            f"test set has {test.image_shape} and labels up to {test.labels.max()}"
        )
    return RunReport(
        Path(folder).resolve().name,
        vars(run.settings),
        training,
        history,
        model,
        test,
        evaluate(model, test),
    )

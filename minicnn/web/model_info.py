"""What the service says of a model: ``GET /model``."""

from pathlib import Path

from minicnn import __version__
from minicnn.data.dataset import numbered_classes
from minicnn.errors import FileError
from minicnn.experiments.opening import run_of
from minicnn.experiments.run import Run
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.web.schemas import LayerInfo, ModelInfo


def model_info(model: Sequential, path: StrPath) -> ModelInfo:
    """Name, size, classes, layers, and the accuracy on the test set if its run has measured it."""
    path, run = Path(path), run_of(path)
    return ModelInfo(
        run=path.resolve().name,
        name=run.settings.model if run else path.stem,
        parameters=model.parameter_count(),
        input_shape=list(model.picture_shape or ()),
        classes=list(model.class_names or numbered_classes(model.classes - 1)),
        layers=[LayerInfo.model_validate(row._asdict()) for row in model.layer_rows()],
        test_accuracy=_accuracy(run),
        minicnn=__version__,
    )


def _accuracy(run: Run | None) -> float | None:
    try:
        return None if run is None else float(run.metrics("test_accuracy")["test_accuracy"])
    except FileError:  # of a stopped run
        return None

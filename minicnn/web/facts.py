"""What the service says of a model: ``GET /model``."""

from pathlib import Path
from typing import Any

from minicnn import __version__
from minicnn.data.dataset import numbered_classes
from minicnn.errors import CheckpointError
from minicnn.experiments.runs import Run
from minicnn.files import StrPath
from minicnn.nn import Sequential


def model_facts(model: Sequential, path: StrPath) -> dict[str, Any]:
    """Name, size, classes, layers, and the accuracy on the test set if its run has measured it.

    And `path`, for the service alone.
    """
    return {
        "path": str(path),
        "run": Path(path).resolve().name,
        "name": _name(Path(path)),
        "parameters": model.parameter_count(),
        "input_shape": list(model.input_shape or ()),
        "classes": list(model.class_names or numbered_classes(model.outputs - 1)),
        "layers": [
            {**row._asdict(), "output_shape": list(row.output_shape)} for row in model.layer_rows()
        ],
        "test_accuracy": _accuracy(Path(path)),
        "minicnn": __version__,
    }


def _name(path: Path) -> str:
    return Run.opened(path).settings.model if path.is_dir() else path.stem


def _accuracy(path: Path) -> float | None:
    try:
        return float(Run.opened(path).metrics()["test_accuracy"])
    except (CheckpointError, KeyError, TypeError, ValueError):  # a model's file, a stopped run
        return None

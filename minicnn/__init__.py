"""minicnn: a convolutional-network engine written from scratch on NumPy and numba.

>>> import minicnn as mc
>>> from minicnn import nn
>>> model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
>>> model.parameter_count()
7850

The names below are imported when they are first used, so that ``import minicnn`` is quick.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Tensor": "minicnn.tensor",
    "concatenate": "minicnn.tensor",
    "no_grad": "minicnn.tape",
    "op": "minicnn.tensor",
    "gradcheck": "minicnn.gradient_check",
    "fit": "minicnn.training.fit",
    "evaluate": "minicnn.training.fit",
    "measure_robustness": "minicnn.insight.robustness",
    "explore": "minicnn.experiments.explore",
    "save_model": "minicnn.training.checkpoint",
    "load_model": "minicnn.training.checkpoint",
    "train": "minicnn.experiments.runs",
    "compare": "minicnn.experiments.compare",
    "tune": "minicnn.experiments.tune",
    "report_run": "minicnn.experiments.report.of_run",
    "write_data_report": "minicnn.experiments.report.documents",
    "write_run_report": "minicnn.experiments.report.documents",
    "open_model": "minicnn.experiments.opening",
    "ensemble": "minicnn.experiments.ensembles",
    "export": "minicnn.bridge.export",
    "from_keras": "minicnn.bridge.live",
    "to_keras": "minicnn.bridge.live",
    "compare_layers": "minicnn.bridge.live",
    "predict": "minicnn.reader.recognise",
    "read_digits": "minicnn.reader.strings",
    "trace": "minicnn.insight.trace",
    "trace_gradient": "minicnn.insight.trace",
    "Walk": "minicnn.insight.walk",
    "draw_graph": "minicnn.insight.graph_figure",
    "doctor": "minicnn.insight.doctor",
    "Doctor": "minicnn.insight.doctor",
}
"""Where each name lives."""

_MODULES = ("data", "functional", "kernels", "metrics", "nn", "optim", "zoo")

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604 - the names of a table are strings too


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"minicnn.{name}")
    raise AttributeError(f"module 'minicnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

"""The figures of one trained model, and how two of them part."""

import statistics
from typing import Any

import numpy as np

from minicnn.data import Dataset
from minicnn.errors import FileError
from minicnn.experiments.compare.table import Disagreement, ModelResult
from minicnn.experiments.run import Run
from minicnn.metrics import mcnemar, wilson_interval
from minicnn.nn import Module
from minicnn.tape import Array
from minicnn.training.fit import evaluate, hold_out

Predictions = np.ndarray
"""Class numbers, int64 (N,), of the test pictures."""


def measured(
    run: Run, model: Module, data: tuple[Dataset, Dataset]
) -> tuple[ModelResult, Predictions]:
    """Return the result of a finished run with its kept weights, and its predictions for the test
    set.

    - `model`: with these weights, in whichever engine.
    - `data`: (train, test); the run's own split of the former is drawn again.

    Raises `FileError` if the run's files lack a figure.
    """
    train, test = data
    part, held_out = hold_out(train, run.settings.validation, run.settings.generator())
    views = run.settings.tta
    on_train, on_test = (evaluate(model, each, tta=views) for each in (part, test))
    on_held_out = None if held_out is None else evaluate(model, held_out, tta=views)
    predictions = on_test.probabilities.argmax(axis=1)
    result = ModelResult(
        train_accuracy=on_train.accuracy,
        train_loss=on_train.loss,
        validation_accuracy=None if on_held_out is None else on_held_out.accuracy,
        validation_loss=None if on_held_out is None else on_held_out.loss,
        test_accuracy=on_test.accuracy,
        test_loss=on_test.loss,
        interval=wilson_interval(int((predictions == test.labels).sum()), len(test)),
        **training_figures(run),
    )
    return result, predictions


def training_figures(run: Run) -> dict[str, Any]:
    """Return what a `ModelResult` says of the training itself.

    Raises `FileError` if the run is not finished, or its files lack one of the figures.
    """
    metrics = run.metrics("training_seconds", "epochs", "best_epoch")
    speeds = run.history().get("images_per_second")
    if not speeds:
        raise FileError(f"{run.folder / 'history.json'}: no images_per_second in it")
    return {
        "seconds": metrics["training_seconds"],
        "images_per_second": statistics.median(speeds),
        "epochs": metrics["epochs"],
        "best_epoch": metrics["best_epoch"],
    }


def disagreement(labels: Array, minicnn: Predictions, keras: Predictions) -> Disagreement:
    """Where the predictions of two models for the same pictures part, by McNemar's exact test.

    >>> labels = np.zeros(6, int)
    >>> disagreement(labels, np.array([0, 0, 0, 0, 0, 1]), np.array([1, 1, 1, 1, 1, 2]))
    Disagreement(pictures=6, only_minicnn=5, only_keras=0, p_value=0.0625)
    """
    return Disagreement(int((minicnn != keras).sum()), *mcnemar(labels, minicnn, keras))

"""The worst mistakes of a model: what it was surest of, and wrong about."""

from typing import Any

import numpy as np

from minicnn.data.dataset import numbered_classes
from minicnn.errors import DataError
from minicnn.experiments.runs import data_of
from minicnn.files import StrPath
from minicnn.metrics import worst_mistakes
from minicnn.nn import Sequential
from minicnn.training.fit import evaluate

MOST = 30


def mistakes(model: Sequential, path: StrPath) -> dict[str, Any]:
    """The answer to ``GET /mistakes``: of the test set of the run, or of MNIST for a model's file.

    If the model does not fit the pictures there, or they are not there any more, the list is empty
    and `note` says why.
    """
    try:
        _, test = data_of(path)
    except DataError:  # whose message names a folder, which no client needs to know
        return _none("The test set of this run cannot be read any more.")
    names = model.class_names or numbered_classes(model.outputs - 1)
    if model.input_shape != test.image_shape or len(names) < test.classes:
        return _none("The test set is not of pictures that the model takes.")
    found = evaluate(model, test)
    worst = worst_mistakes(found.labels, found.probabilities)
    shown = worst[:MOST]
    levels = np.round(255 * test.scaled(shown)[..., 0]).astype(int)
    return {
        "mistakes": [
            {
                "number": int(i),
                "label": names[found.labels[i]],
                "answer": names[found.probabilities[i].argmax()],
                "probability": float(found.probabilities[i].max()),
                "pixels": rows.tolist(),
            }
            for i, rows in zip(shown, levels, strict=True)
        ],
        "wrong": len(worst),
        "pictures": len(test),
        "note": "",
    }


def _none(note: str) -> dict[str, Any]:
    return {"mistakes": [], "wrong": 0, "pictures": 0, "note": note}

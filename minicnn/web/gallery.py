"""The worst mistakes of a model: what it was surest of, and wrong about."""

import numpy as np

from minicnn.data.dataset import numbered_classes
from minicnn.errors import DataError
from minicnn.experiments.opening import run_of
from minicnn.experiments.run import load_data
from minicnn.files import StrPath
from minicnn.metrics import worst_mistakes
from minicnn.nn import Sequential
from minicnn.training.fit import evaluate
from minicnn.web.schemas import Mistake, Mistakes

MOST = 30


def mistakes(model: Sequential, path: StrPath) -> Mistakes:
    """Return those of the test set of the run, or of MNIST for a model's file.

    If the model does not fit the pictures there, or they are not there any more, there are none,
    and `note` says why.
    """
    try:
        run = run_of(path)
        _, test = run.load() if run else load_data(None)
    except DataError:  # whose message names a folder, which no client needs to know
        return Mistakes(note="The test set of this run cannot be read any more.")
    names = model.class_names or numbered_classes(model.classes - 1)
    if model.picture_shape != test.image_shape or len(names) < test.classes:
        return Mistakes(note="The test set is not of pictures that the model takes.")
    found = evaluate(model, test)
    worst = worst_mistakes(found.labels, found.probabilities)
    shown = worst[:MOST]
    levels = np.round(255 * test.scaled(shown)[..., 0]).astype(int)
    return Mistakes(
        mistakes=[
            Mistake(
                number=int(i),
                label=names[found.labels[i]],
                answer=names[found.probabilities[i].argmax()],
                probability=float(found.probabilities[i].max()),
                pixels=rows.tolist(),
            )
            for i, rows in zip(shown, levels, strict=True)
        ],
        wrong=len(worst),
        pictures=len(test),
    )

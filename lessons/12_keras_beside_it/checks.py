"""The exercises of lesson 12."""

import numpy as np

from minicnn import metrics, nn
from minicnn.bridge.keras_config import keras_config, weights_of
from minicnn.bridge.keras_model import model_of
from minicnn.errors import FileError
from minicnn.experiments.report import figures
from minicnn.learn import Case, Exercise, draws


def draw_layer(rng, size) -> Case:
    """A layer, and what Keras's `get_weights()` gives for it, under Keras's names."""
    units, name = 1 + size % 3, f"layer_{size}"
    layer, inputs, shapes = (
        (nn.Dense(units, name=name), (2,), {"kernel": (2, units), "bias": (units,)}),
        (nn.Flatten(name=name), (2, 2, 1), {}),
        (nn.Conv2D(units, 2, name=name), (3, 3, 2), {"kernel": (2, 2, 2, units), "bias": (units,)}),
        (
            nn.BatchNorm(name=name),
            (2,),
            dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (2,)),
        ),
    )[size % 4]
    layer.ensure_built(inputs, np.random.default_rng(0))
    arrays = {each: draws.numbers(rng, shape) for each, shape in shapes.items()}
    if size in (4, 7):  # a layer without bias, an array that was lost
        arrays.popitem()
    if size == 6:
        arrays["bias"][0] = np.nan
    return {"layer": layer, **arrays}


def observe_names(function, case) -> dict:
    layer, *arrays = case.values()
    try:
        named = function(layer, arrays)
    except FileError:
        return {"refused": np.array(True)}
    return {"refused": np.array(False), **named} if isinstance(named, dict) else {"result": named}


def from_keras_and_back() -> None:
    model = nn.Sequential(nn.Conv2D(2, 2), nn.Flatten(), nn.Dense(2), input_shape=(4, 4, 1))
    arrays = iter(each for each in weights_of(model) if each)
    model_of(keras_config(model, softmax=False), lambda layer: [*next(arrays).values()])


def draw_confusion(rng, size) -> Case:
    count, classes = 1 + 3 * size, 2 + size % 5
    kind = np.int64
    if size == 9:  # more cells than a byte can count
        classes, kind = 20, np.uint8
    labels, predictions = rng.integers(0, classes, (2, count)).astype(kind)
    if size == 2:
        labels[:] = 0  # a class that is only predicted
    return {
        "labels": labels,
        "predictions": predictions,
        "classes": None if size in (2, 7) else classes,
    }


def draw_mistakes(rng, size) -> Case:
    classes = 2 + size % 4
    probabilities = rng.dirichlet(np.ones(classes), 2 + 2 * size)
    labels = rng.integers(0, classes, len(probabilities))
    if size == 5:  # two that are wrong and equally sure
        probabilities[3] = probabilities[1]
        labels[[1, 3]] = (probabilities[1].argmax() + 1) % classes
    return {"labels": labels, "probabilities": probabilities}


EXERCISES = [
    Exercise(
        "minicnn.bridge.keras_model:named_arrays",
        job="give each array of a Keras layer its name in minicnn, and refuse those that do not "
        "fit.",
        draw=draw_layer,
        observe=observe_names,
        in_float32=False,
        reached_by=from_keras_and_back,
    ),
    Exercise(
        "minicnn.metrics.classes:confusion_matrix",
        job="count, for every digit, how often it was taken for every digit.",
        draw=draw_confusion,
        in_float32=False,
        reached_by=lambda: metrics.classification_report([0, 1], [1, 1]),
    ),
    Exercise(
        "minicnn.metrics.classes:worst_mistakes",
        job="give the places of the wrong predictions, the one that the net was surest of first.",
        draw=draw_mistakes,
        in_float32=False,
        reached_by=lambda: figures.mistakes(np.zeros((1, 2, 2)), [0], [[0.2, 0.8]], ["a", "b"]),
    ),
]

"""Models that the tests share: every kind of layer, with random weights."""

import numpy as np
import pytest

from minicnn import nn

SHAPE = (9, 8, 2)

# Keras's own warning, when it saves, with NumPy 2.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def every_layer() -> nn.Sequential:
    """Each kind of layer with settings that are not the defaults, ending in logits."""
    model = nn.Sequential(
        nn.Rescaling((0.5, -2.0), offset=0.25),
        nn.Conv2D(4, (3, 2), stride=(1, 2), padding="same", activation="tanh", init="he_normal"),
        nn.BatchNorm(momentum=0.7, epsilon=1e-2),
        nn.MaxPool2D(2, stride=1),
        nn.AveragePool2D((2, 1), padding="same"),
        nn.Conv2D(5, 2),
        nn.ReLU(name="mine"),
        nn.Dropout(0.25),
        nn.Activation("sigmoid"),
        nn.Reshape((2, -1)),
        nn.Flatten(),
        nn.Dense(7, activation="relu", init="glorot_normal"),
        nn.BatchNorm(),
        nn.Dense(6, activation="softmax"),
        nn.Activation("tanh"),
        nn.Dense(3),
        input_shape=SHAPE,
    )
    model.class_names = ("ä", "b", "c")
    return randomised(model)


def randomised(model: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """Every weight random: a bias of 0 or a gamma of 1 would hide its own mistakes."""
    rng = np.random.default_rng(seed)
    weights = {n: rng.uniform(-1, 1, w.shape).astype("f4") for n, w in model.weights().items()}
    for name, weight in weights.items():
        if name.endswith("variance"):
            weight[...] = np.abs(weight) + 0.1
    model.set_weights(weights)
    return model


def inputs(model: nn.Sequential, count: int = 16) -> np.ndarray:
    """Random pictures for a model."""
    return np.random.default_rng(1).random((count, *model.input_shape), np.float32)


def assert_same_weights(mine, theirs) -> None:
    """Bit for bit, in order."""
    mine, theirs = list(mine), list(theirs)
    assert len(mine) == len(theirs)
    for left, right in zip(mine, theirs, strict=True):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)

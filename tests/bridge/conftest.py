"""TensorFlow, quiet, digits to compare with, and a small model that knows them."""

import os

# TensorFlow reads these when it is imported, so they stand before that.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """100 test pictures, float32 (100, 28, 28, 1)."""
    return mc.data.mnist()[1].scaled(np.arange(100))


@pytest.fixture(scope="session")
def trained() -> nn.Sequential:
    """A model of two layers after one pass over a third of MNIST; nobody changes it."""
    model = nn.Sequential(
        nn.Conv2D(8, 5, stride=2, activation="relu"),
        nn.Flatten(),
        nn.Dense(10),
        input_shape=(28, 28, 1),
    )
    train, _ = mc.data.mnist()
    adam = optim.Adam(5e-3)
    mc.fit(model, train[:20_000], optimizer=adam, epochs=1, validation=None, progress=False)
    return model

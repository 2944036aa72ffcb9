"""Softmax cross-entropy against Keras's losses on logits, from ordinary to extreme."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from minicnn import functional as F
from minicnn.tensor import Tensor

from .twin import assert_close

MAGNITUDES = [1, 20, 1e4]  # the largest logit, of either sign

# The largest difference, as a share of the largest number.
LOSS, GRADIENT = 3e-7, 6e-7  # measured 1.3e-7, 2.8e-7

N, CLASSES = 32, 10


def draw(magnitude):
    """Logits of this magnitude, whole labels, and probabilities that are no label's."""
    rng = np.random.default_rng(0)
    logits = rng.uniform(-magnitude, magnitude, (N, CLASSES)).astype(np.float32)
    logits[0], logits[1], logits[2, 3] = magnitude, -magnitude, magnitude
    return logits, rng.integers(0, CLASSES, N), rng.dirichlet(np.ones(CLASSES), N)


def compare(logits, labels, smoothing, loss):
    mine = Tensor(logits, requires_grad=True)
    value = F.softmax_cross_entropy(mine, labels, smoothing)
    (value * 1.7).backward()  # an upstream gradient that is not 1
    theirs = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(theirs)
        expected = loss(labels, theirs)
        scaled = expected * 1.7
    gradient = tape.gradient(scaled, theirs).numpy()
    assert_close("cross-entropy: loss", value.data, expected.numpy(), LOSS)
    assert_close("cross-entropy: gradient", mine.grad, gradient, GRADIENT)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("magnitude", MAGNITUDES)
def test_whole_labels(magnitude):
    logits, labels, _ = draw(magnitude)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compare(logits, labels, 0.0, loss)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("magnitude", MAGNITUDES)
def test_one_hot_labels_and_probabilities(magnitude, smoothing):
    logits, labels, probabilities = draw(magnitude)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
    compare(logits, one_hot, smoothing, loss)
    compare(logits, probabilities.astype(np.float32), smoothing, loss)


@pytest.mark.usefixtures("kernel_set")
def test_smoothed_whole_labels_are_smoothed_one_hot_ones():
    logits, labels, _ = draw(20)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    one_hot = keras.ops.one_hot(labels, CLASSES)
    compare(logits, labels, 0.1, lambda _, theirs: loss(one_hot, theirs))


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("magnitude", MAGNITUDES)
def test_a_single_example_of_two_classes(magnitude):
    logits = np.array([[magnitude, -magnitude]], np.float32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for label in (0, 1):
        compare(logits, np.array([label]), 0.0, loss)

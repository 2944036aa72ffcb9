"""The Keras twin of a minicnn model: the same layers, weights and gradients, to be compared.

minicnn keeps its weights as Keras does, so they are copied without a transpose.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from minicnn import functional as F
from minicnn import nn, optim
from minicnn.bridge.live import to_keras
from minicnn.tape import Array
from minicnn.tensor import Tensor

Batches = Iterable[tuple[Array, Array]]

measured: dict[str, float] = {}
"""The largest error that `assert_close` has met so far, by what was compared."""


# ------------------------------------------------------------------ models


def twin_of(model: nn.Sequential) -> keras.Sequential:
    """A Keras model of the same layers, with a copy of all weights."""
    return to_keras(model, softmax=False)


def randomised(model: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """Give every weight random numbers: a bias of 0 or a gamma of 1 would hide its own mistakes."""
    rng = np.random.default_rng(seed)
    for name, tensor in model.named_tensors():
        values = rng.standard_normal(tensor.shape) / np.sqrt(np.prod(tensor.shape[:-1]))
        tensor[...] = np.abs(values) + 0.1 if name.endswith("variance") else values
    return model


def without_dropout(model: nn.Sequential) -> nn.Sequential:
    """Set every dropout rate to 0, since the two draw different masks."""
    for layer in model.layers:
        if isinstance(layer, nn.Dropout):
            layer.rate = 0.0
    return model


def in_float64(model: nn.Sequential) -> nn.Sequential:
    """The same weights in double precision."""
    for layer in model.layers:
        for name, tensor in list(layer.named_tensors()):
            setattr(layer, name, Tensor(tensor.data.astype(np.float64), tensor.requires_grad))
    return model


@contextmanager
def keras_in_float64() -> Iterator[None]:
    """Within this block Keras's new layers and optimizers calculate in double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


# ------------------------------------------------------------------ values, gradients, training


@dataclass
class Passed:
    """What a forward and a backward pass gave."""

    output: Array
    dx: Array
    dweights: list[Array]


def pass_through(model: nn.Sequential, x: Array, dy: Array, training: bool) -> Passed:
    """Output, and the gradients of ``(output * dy).sum()``, by minicnn."""
    images = Tensor(x, requires_grad=True)
    y = model(images, training)
    model.zero_grad()
    y.backward(dy)
    return Passed(y.data, images.grad, [p.grad for p in model.parameters()])


def pass_through_twin(twin: keras.Sequential, x: Array, dy: Array, training: bool) -> Passed:
    """The same by Keras."""
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        y = twin(images, training=training)
    dx, *dweights = tape.gradient(y, [images, *twin.trainable_variables], tf.constant(dy))
    return Passed(y.numpy(), dx.numpy(), [d.numpy() for d in dweights])


def gradients(twin: keras.Sequential, x: tf.Tensor, labels: tf.Tensor) -> tuple:
    """The loss of a classifier in training, and the gradients of its trainable weights."""
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = loss_of(labels, twin(x, training=True))
    return loss, tape.gradient(loss, twin.trainable_variables)


def train(model: nn.Sequential, optimizer: optim.Optimizer, batches: Batches) -> list[float]:
    """Train the model; the loss of every step."""
    losses = []
    for x, labels in batches:
        loss = F.softmax_cross_entropy(model(x, training=True), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step(model.parameters())
        losses.append(loss.item())
    return losses


def train_twin(twin: keras.Sequential, optimizer: keras.Optimizer, batches: Batches) -> list[float]:
    """The same by Keras."""
    variables = twin.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(x, labels):
        loss, grads = gradients(twin, x, labels)
        optimizer.apply(grads, variables)
        return loss

    return [step(tf.constant(x), tf.constant(labels)).numpy().item() for x, labels in batches]


# ------------------------------------------------------------------ comparison


def error(mine: Array, theirs: Array) -> float:
    """The largest difference, as a share of the largest of their numbers."""
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.shape == theirs.shape
    assert mine.dtype == theirs.dtype
    scale = np.abs(theirs).max()
    return float(np.abs(mine - theirs).max() / (scale if scale else 1))


def assert_close(what: str, mine: Array, theirs: Array, tolerance: float) -> None:
    """The `error` is at most `tolerance`; and a number, which every comparison with NaN denies."""
    found = error(mine, theirs)
    measured[what] = max(found, measured.get(what, 0.0))
    assert found <= tolerance, f"{what}: off by {found:.2e}, allowed are {tolerance:.0e}"

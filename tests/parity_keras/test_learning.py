"""A net learns real digits just as fast as it must: a gradient that is 10 % off is found out.

That a loss falls proves little, since an optimizer forgives a gradient of the wrong length. So one
test compares the losses with Keras's to the last digits, another measures the slope that each
gradient promises. Both are put to the proof: with any one rule of the engine 10 % too long or too
short, they fail. All is in float64, where neither rounding nor chance blurs the figures.
"""

import functools
from contextlib import contextmanager

import keras
import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn import kernels, nn, optim, zoo

from .twin import in_float64, keras_in_float64, train, train_twin, twin_of

LOSSES = 2e-14  # how far each loss may be off, as a share of it; measured 2.2e-15
LOSSES_OF_A_WRONG_RULE = 1e-3  # how far off the last loss is at least; measured 8e-3 to 0.16

PROMISES = 1e-6  # how far each slope may be off, as a share of it; measured 2e-8
PROMISES_OF_A_WRONG_RULE = 0.09  # how far off one is at least: 1 - 1 / 1.1

# Every rule of the engine: the kernel, and which of its results if it has several. A kernel that
# comes new to the table comes to this list too, and its test fails until `net` makes use of it.
RULES = [
    *((name, None) for name in kernels.NAMES if name.startswith(("conv2d_d", "dense_d"))),
    *((name, None) for name in kernels.NAMES if name.endswith("_vjp") and "batch" not in name),
    *((f"batch_norm{relu}_vjp", part) for relu in ("", "_relu") for part in range(3)),
]


def wrongly(test):
    """Every rule too long; too short it is found out in the same way."""
    too_short = pytest.param(0.9, marks=pytest.mark.slow)
    test = pytest.mark.parametrize("factor", [too_short, 1.1])(test)
    return pytest.mark.parametrize(("name", "part"), RULES)(test)


@contextmanager
def wrong(name, part, factor):
    """Within this block the engine's rule gives `factor` times its gradient."""
    kernel = getattr(kernels, name)

    def replaced(*args):
        found = kernel(*args)
        if part is None:
            return found * factor
        return tuple(d * factor if i == part else d for i, d in enumerate(found))

    with kernels.use(**{name: replaced}):
        yield


def net():
    """Every layer with a rule, and every neighbourhood that the engine computes in its own way."""
    model = nn.Sequential(
        nn.Conv2D(6, 5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(8, 3, padding="same", activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(8, 3),
        nn.ReLU(),
        nn.MaxPool2D(2, stride=1),
        nn.AveragePool2D(2, padding="same"),
        nn.Flatten(),
        nn.BatchNorm(),
        nn.Dense(16, activation="relu"),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.Dense(10),
        input_shape=(28, 28, 1),
    )
    return in_float64(model)


@functools.cache
def digits():
    """20 batches of 64."""
    data, _ = mc.data.mnist()
    walk = data.batches(64, np.random.default_rng(7))
    return [(x.astype(np.float64), labels) for x, labels in (next(walk) for _ in range(20))]


def optimizer():
    return optim.SGD(0.05, momentum=1 - 2**-4)  # of few bits, since Keras rounds it to float32


# ------------------------------------------------------------------ the losses of Keras


@functools.cache
def losses_of_keras():
    with keras_in_float64():
        return train_twin(twin_of(net()), keras.optimizers.SGD(0.05, 1 - 2**-4), digits())


def distances_from_keras():
    """How far the loss of each step is from that of Keras, as a share of it."""
    return np.abs(np.divide(train(net(), optimizer(), digits()), losses_of_keras()) - 1)


@pytest.mark.usefixtures("kernel_set")
def test_it_learns_by_the_same_losses_as_keras():
    losses = losses_of_keras()
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    assert distances_from_keras().max() <= LOSSES


@wrongly
def test_a_wrong_rule_leads_to_another_loss(name, part, factor):
    with wrong(name, part, factor):
        assert distances_from_keras()[-1] >= LOSSES_OF_A_WRONG_RULE


# ------------------------------------------------------------------ what a gradient promises


@functools.cache
def weights_on_the_way():
    """After 10 steps: at the start all biases are 0, and a blank background at the bend of ReLU."""
    model = net()
    train(model, optimizer(), digits()[:10])
    return model.weights()


def broken_promises():
    """For each weight, how far the loss is from the slope that its gradient promises.

    Along its own direction a gradient g promises the slope ``|g|``. What the loss does is
    ``(loss(w + d) - loss(w - d)) / (2 |d|)``, with a small step d in that direction.
    """
    model, (x, labels) = net(), digits()[10]
    model.set_weights(weights_on_the_way())

    def loss():
        return F.softmax_cross_entropy(model(x, training=True), labels)

    loss().backward()
    broken = []
    for weight in model.parameters():
        old, promised = weight.data.copy(), np.linalg.norm(weight.grad)
        d = 1e-7 * weight.grad / promised
        weight[...] = old + d
        above = loss().item()
        weight[...] = old - d
        below = loss().item()
        weight[...] = old
        broken.append(abs((above - below) / 2e-7 / promised - 1))
    return broken


@pytest.mark.usefixtures("kernel_set")
def test_the_loss_has_the_slope_that_each_gradient_promises():
    assert max(broken_promises()) <= PROMISES


@wrongly
def test_a_wrong_rule_promises_what_is_not_so(name, part, factor):
    weights_on_the_way()  # learnt by the right rules
    with wrong(name, part, factor):
        assert max(broken_promises()) >= PROMISES_OF_A_WRONG_RULE


# ------------------------------------------------------------------ as a user trains


def test_fit_learns():
    data, _ = mc.data.mnist()
    model = zoo.build("cnn_light")
    history = mc.fit(model, data[:4000], epochs=2, batch_size=64, progress=False)
    # Seen with three seeds: 0.907 to 0.913 after the first epoch, 0.935 to 0.955 after the second
    assert history["val_accuracy"][0] > 0.85
    assert history["val_accuracy"][1] > 0.91

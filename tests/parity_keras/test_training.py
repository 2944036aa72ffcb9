"""Training against Keras: the same weights, the same batches of real digits, the same losses.

In float32 two engines that add in a different order cannot stay together for long. Where the two
largest values in a pooling window are equal but for rounding, the one's winner is not the other's,
and the gradient goes elsewhere. Of 100 steps of `cnn_classic`, each from equal weights, 6 had such
windows: one or two of the 200,000 in the second pooling, their values within 7e-7 of each other. In
these steps the gradients were up to 1.5e-2 apart, in all others at most 3e-6. After the first such
step the weights differ, so that ever more windows do, and left to themselves the losses are 1e-4
apart after 5 to 50 steps. So may be Keras and Keras, if the images of a batch change places.

Hence three comparisons: in float64, where no window is that close, 100 steps and the losses agree
in 14 digits; in float32, 100 steps that each start from equal weights; and the weights after one.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import minicnn as mc
from minicnn import functional as F
from minicnn import nn, optim, zoo

from .twin import (
    assert_close,
    error,
    gradients,
    in_float64,
    keras_in_float64,
    pass_through,
    pass_through_twin,
    randomised,
    train,
    train_twin,
    twin_of,
    without_dropout,
)

TOLERANCE = {
    # The largest difference, as a share of the largest number of an array.
    "zoo: output": 2e-6,  # measured 8.6e-7
    "zoo: gradients": 3e-6,  # measured 1.3e-6
    # A weight of 0.1 cannot be told from one 4e-9 larger, which is much of a change of 1e-3; and
    # where a gradient is near epsilon, 1e-7, Adam makes a large change of its rounding.
    "Adam: changes of the weights in a step": 1.5e-3,  # measured 7.0e-4
    "SGD: changes of the weights in a step": 2e-4,  # measured 9.1e-5
    "Adam in float64: the losses of 100 steps": 1e-14,  # measured 1.5e-15
    "SGD in float64: the losses of 100 steps": 1e-14,  # measured 2.5e-15
    "float32 from equal weights: loss": 2e-6,  # measured 8.7e-7
    "float32 from equal weights: gradients in 80 of 100 steps": 6e-6,  # measured 2.4e-6
    "fit": 3e-6,  # measured 1.1e-6
}

OPTIMIZERS = {
    "Adam": (lambda: optim.Adam(1e-3), lambda: keras.optimizers.Adam(1e-3)),
    "SGD": (
        lambda: optim.SGD(0.01, momentum=0.9),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    ),
}

# Settings that float32 holds exactly: Keras rounds them to that even when it works in float64.
OPTIMIZERS_OF_FEW_BITS = {
    "Adam": (
        lambda: optim.Adam(1e-3, beta1=1 - 2**-4, beta2=1 - 2**-10),
        lambda: keras.optimizers.Adam(1e-3, beta_1=1 - 2**-4, beta_2=1 - 2**-10),
    ),
    "SGD": (
        lambda: optim.SGD(0.01, momentum=1 - 2**-4),
        lambda: keras.optimizers.SGD(0.01, momentum=1 - 2**-4),
    ),
}


@functools.cache
def digits(steps, dtype=np.float32):
    """So many batches of 128 of one walk over MNIST's training set."""
    data, _ = mc.data.mnist()
    walk = data.batches(128, np.random.default_rng(5))
    return [(x.astype(dtype), labels) for x, labels in (next(walk) for _ in range(steps))]


def classic():
    return without_dropout(zoo.build("cnn_classic"))


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("name", zoo.MODELS)
def test_zoo(name):
    model = randomised(without_dropout(zoo.build(name)))
    twin = twin_of(model)
    x, _ = digits(100)[0]
    assert_close("zoo: output", model(x).data, twin(x).numpy(), TOLERANCE["zoo: output"])
    # Few images, so that hardly a pooling window among them is undecided. (Those of a blank
    # background are, but all their values come of the same zeros, so that no weight feels it.)
    x, dy = x[:4], np.random.default_rng(1).standard_normal((4, 10)).astype(np.float32)
    mine = pass_through(model, x, dy, training=True)
    theirs = pass_through_twin(twin, x, dy, training=True)
    for dweight, expected in zip(mine.dweights, theirs.dweights, strict=True):
        assert_close("zoo: gradients", dweight, expected, TOLERANCE["zoo: gradients"])


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_step(name):
    mine, theirs = OPTIMIZERS[name]
    model = classic()
    twin = twin_of(model)
    # Of the first 60 batches the one with the clearest winners for these weights: no two largest
    # values in a pooling window are closer than 8e-7, in the second layer 6e-6, of themselves.
    batch = digits(100)[41:42]
    losses = train(model, mine(), batch), train_twin(twin, theirs(), batch)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    what = f"{name}: changes of the weights in a step"
    weights = zip(model.parameters(), twin.trainable_variables, classic().parameters(), strict=True)
    for weight, expected, before in weights:
        change, of_twin = weight.data - before.data, expected.numpy() - before.data
        assert_close(what, change, of_twin, TOLERANCE[what])


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS_OF_FEW_BITS)
def test_100_steps_in_float64(name):
    mine, theirs = OPTIMIZERS_OF_FEW_BITS[name]
    batches = digits(100, np.float64)
    with keras_in_float64():
        expected = train_twin(twin_of(classic()), theirs(), batches)
    losses = train(in_float64(classic()), mine(), batches)
    assert losses[-1] < 0.2 * losses[0]  # it has learnt, and gone far from where it started
    what = f"{name} in float64: the losses of 100 steps"
    for loss, of_twin in zip(losses, expected, strict=True):
        assert_close(what, np.float64(loss), of_twin, TOLERANCE[what])


def test_100_steps_in_float32_each_from_equal_weights():
    """The loss, and the gradients but for those steps in which a pooling window is undecided."""
    model, optimizer = classic(), optim.Adam(1e-3)
    twin = twin_of(model)
    of_twin = tf.function(functools.partial(gradients, twin))
    errors = []
    for x, labels in digits(100):
        loss = F.softmax_cross_entropy(model(x, training=True), labels)
        model.zero_grad()
        loss.backward()
        expected, grads = of_twin(tf.constant(x), tf.constant(labels))
        what = "float32 from equal weights: loss"
        assert_close(what, loss.data, expected.numpy(), TOLERANCE[what])
        pairs = list(zip(model.parameters(), grads, strict=True))
        errors.append(max(error(weight.grad, grad.numpy()) for weight, grad in pairs))
        optimizer.step(model.parameters())
        for weight, variable in zip(model.parameters(), twin.trainable_variables, strict=True):
            variable.assign(weight.data)
    what = "float32 from equal weights: gradients in 80 of 100 steps"
    assert sorted(errors)[79] <= TOLERANCE[what]


def test_fit_equals_the_fit_of_keras():
    """Shuffled epochs, a last batch that is smaller, smoothing, clipping, momentum, a schedule."""
    data, _ = mc.data.mnist()
    data, epochs, seed = data[:500], 2, 3
    model = nn.Sequential(
        nn.Conv2D(4, 5, stride=2, activation="tanh"),
        nn.AveragePool2D(2),
        nn.Flatten(),
        nn.Dense(10),
        input_shape=data.image_shape,
    )
    twin = twin_of(model)
    history = mc.fit(
        model,
        data,
        optimizer=optim.SGD(0.5, momentum=0.9),
        epochs=epochs,
        batch_size=64,
        validation=None,
        schedule=optim.cosine,
        label_smoothing=0.1,
        clip_norm=0.2,
        rng=seed,
        progress=False,
    )

    schedule = keras.optimizers.schedules.CosineDecay(0.5, epochs * 8)
    twin.compile(
        keras.optimizers.SGD(schedule, momentum=0.9, global_clipnorm=0.2),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["accuracy"],
    )
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(500)
        images, labels = data.scaled(order), data.one_hot()[order]
        expected = twin.fit(images, labels, batch_size=64, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(expected["loss"][0], rel=1e-5)
        assert history["accuracy"][epoch] == pytest.approx(expected["accuracy"][0], rel=1e-6)
    for weight, variable in zip(model.parameters(), twin.trainable_variables, strict=True):
        assert_close("fit", weight.data, variable.numpy(), TOLERANCE["fit"])

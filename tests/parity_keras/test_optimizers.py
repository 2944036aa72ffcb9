"""Optimizers against Keras's: 20 steps on the same random gradients, compared after every step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from minicnn import kernels, optim
from minicnn.tensor import Tensor

from .twin import assert_close, keras_in_float64

STEPS = 20
SHAPES = [(3, 3, 2, 4), (4,), (50, 10), (1,)]

# The largest difference of a weight, as a share of the largest weight of its array.
TOLERANCE = {
    "SGD in float32": 1e-6,  # measured 4.2e-7; without decay and clipping 0
    "Adam in float32": 4e-6,  # measured 2.1e-6
    "AdamW in float32": 2e-6,  # measured 1.1e-6
    "SGD in float64": 1e-14,  # measured 3.6e-15
    "Adam in float64": 2e-14,  # measured 8.3e-15
    "AdamW in float64": 6e-14,  # measured 2.6e-14
}

# Keras rounds its settings to float32, whatever the weights are, and takes powers of the result:
# of 1 - 0.999 that leaves five digits. Settings of few bits are not rounded, so that in float64
# the formulas themselves are compared.
MOMENTUM, DECAY = 1 - 2**-4, 2**-5
FEW_BITS = {"beta1": 1 - 2**-4, "beta2": 1 - 2**-10, "epsilon": 2**-23}

KERAS_NAMES = {"lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2"}


def gradients(rng, dtype):
    """Of all sizes, so that Adam's epsilon counts in some weights and not in others."""
    return [
        (rng.standard_normal(shape) * 10.0 ** rng.uniform(-9, 1, shape)).astype(dtype)
        for shape in SHAPES
    ]


def steps_of_keras(kind, settings, clip_norm, start, grads_of_steps):
    """The weights after each step."""
    translated = {KERAS_NAMES.get(name, name): value for name, value in settings.items()}
    theirs = getattr(keras.optimizers, kind)(**translated, global_clipnorm=clip_norm)
    variables = [keras.Variable(w) for w in start]
    theirs.build(variables)
    step = tf.function(lambda grads: theirs.apply(grads, variables))
    for grads in grads_of_steps:
        step([tf.constant(g) for g in grads])
        yield [v.numpy() for v in variables]


def compare(kind, settings, clip_norm, dtype):
    """Walk both optimizers with these settings along the same gradients, with both kernel sets."""
    rng = np.random.default_rng(0)
    start = [(rng.standard_normal(shape) / 10).astype(dtype) for shape in SHAPES]
    grads_of_steps = [gradients(rng, dtype) for _ in range(STEPS)]
    expected = list(steps_of_keras(kind, settings, clip_norm, start, grads_of_steps))
    what = f"{kind} in {np.dtype(dtype)}"
    for kernel_set in kernels.SETS:
        mine = getattr(optim, kind)(**settings)
        weights = [Tensor(w, requires_grad=True) for w in start]
        with kernels.use(kernel_set):
            for grads, of_keras in zip(grads_of_steps, expected, strict=True):
                for weight, grad in zip(weights, grads, strict=True):
                    weight.grad = grad.copy()
                if clip_norm:
                    optim.clip_gradients(weights, clip_norm)
                mine.step(weights)
                for weight, value in zip(weights, of_keras, strict=True):
                    assert_close(what, weight.data, value, TOLERANCE[what])


@pytest.mark.parametrize(
    ("kind", "settings", "clip_norm"),
    [
        ("SGD", {}, None),
        ("SGD", {"lr": 0.1, "momentum": 0.9}, None),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, None),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}, None),
        ("SGD", {"lr": 0.1}, 0.5),
        ("SGD", {"lr": 0.1}, 500.0),  # longer than any of the gradients
        ("Adam", {}, None),
        ("Adam", {"epsilon": 1e-3}, None),
        ("Adam", {"beta1": 0.7, "beta2": 0.9}, None),
        ("Adam", {"weight_decay": 0.1}, None),
        ("Adam", {}, 0.5),
        ("AdamW", {}, None),
        ("AdamW", {"lr": 1e-4, "weight_decay": 0.1}, 0.5),
    ],
)
def test_usual_settings(kind, settings, clip_norm):
    compare(kind, settings, clip_norm, np.float32)


@pytest.mark.parametrize(
    ("kind", "settings", "clip_norm"),
    [
        ("SGD", {"lr": 0.1}, None),
        ("SGD", {"lr": 0.1, "momentum": MOMENTUM}, None),
        ("SGD", {"lr": 0.1, "momentum": MOMENTUM, "nesterov": True}, None),
        ("SGD", {"lr": 0.1, "momentum": MOMENTUM, "weight_decay": DECAY}, 0.5),
        ("Adam", {"lr": 0.1, **FEW_BITS}, None),
        ("Adam", {"lr": 0.1, **FEW_BITS, "weight_decay": DECAY}, 0.5),
        ("AdamW", {"lr": 0.1, **FEW_BITS, "weight_decay": DECAY}, None),
    ],
)
def test_the_formulas_in_float64(kind, settings, clip_norm):
    with keras_in_float64():
        compare(kind, settings, clip_norm, np.float64)


def test_cosine_schedule():
    steps = 17
    theirs = keras.optimizers.schedules.CosineDecay(0.3, steps)
    for step in range(steps + 1):
        mine = 0.3 * optim.cosine(step / steps)
        assert mine == pytest.approx(float(theirs(step)), rel=1e-6, abs=1e-8)

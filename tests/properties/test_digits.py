"""What float32 keeps: values and gradients of ops against float64, where digits are easily lost."""

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels
from minicnn.tensor import Tensor, concatenate

from .draws import both_sets

UNIT = float(np.finfo(np.float32).eps)


def value_and_gradient(function, x, dtype):
    x = Tensor(np.asarray(x, dtype), requires_grad=True)
    y = function(x)
    y.backward(np.ones(y.shape))
    return y.data, x.grad


def assert_digits(function, x, units=4):
    """float32 gives what float64 does, up to so many units of its last digit."""
    with np.errstate(over="ignore", under="ignore"):
        found = value_and_gradient(function, x, np.float32)
        exact = value_and_gradient(function, np.asarray(x, np.float32), np.float64)
    for one, other in zip(found, exact, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=units * UNIT, atol=1e-44)


@pytest.mark.parametrize("function", [F.sigmoid, F.tanh], ids=["sigmoid", "tanh"])
def test_curves_that_flatten_keep_their_digits_at_both_ends(function):
    """float32's sigmoid(-17) is 4.1e-8, no multiple of 2**-24; its slope at 20 is not 0."""
    assert_digits(function, np.linspace(-80, 80, 801), units=6)
    assert_digits(function, [-1e4, -20, -17, -1e-30, 0, 1e-30, 17, 20, 1e4], units=6)


def test_sigmoid_by_hand():
    x = np.array([-20.0, -17, 17], np.float32)
    np.testing.assert_allclose(F.sigmoid(x).data, 1 / (1 + np.exp(-x.astype(float))), rtol=2e-7)


@pytest.mark.parametrize("size", [1e-30, 1e-25, 1e-10, 1.0, 1e10, 1e25, 1e30])
def test_a_quotients_gradient_squares_no_divisor(size):
    """d(a / b)/db is -a / b**2, though b**2 is infinite or 0 in float32."""
    a, b = np.array([3.0, -2.0]) * size, np.array([1.5, 4.0]) * size
    assert_digits(lambda x: Tensor(a.astype(np.float32)) / x, b)
    small = np.float32(1e-3)
    assert_digits(lambda x: small / x, b[np.abs(small / b / b) < 1e38])


REDUCTIONS = {
    "sum over rows": lambda x: x.sum(axis=0),
    "mean over rows": lambda x: x.mean(axis=0),
    "mean": lambda x: x.mean(),
    "sum of a column": lambda x: x[:, :1].sum(),
    "sum of joined rows": lambda x: concatenate([x, x]).sum(axis=-2),
}


@pytest.mark.parametrize("reduce", REDUCTIONS.values(), ids=REDUCTIONS.keys())
def test_a_long_sum_keeps_its_digits(reduce):
    """Adding 400,000 times 0.1 in float32, one by one, is off by 1e-3."""
    assert_digits(reduce, np.full((400_000, 2), 0.1))


def test_the_gradient_of_what_was_copied_often_keeps_its_digits():
    bias = Tensor(np.zeros(2, np.float32), requires_grad=True)
    y = Tensor(np.zeros((400_000, 2), np.float32)) + bias
    y.backward(np.full(y.shape, 0.1))
    np.testing.assert_allclose(bias.grad, [40_000] * 2, rtol=UNIT)


EMPTY = {
    "sum": lambda x: x.sum(),
    "sum of an axis": lambda x: x.sum(axis=0),
    "mean of an axis": lambda x: x.mean(axis=1),
    "max of an axis": lambda x: x.max(axis=1),
    "reshape": lambda x: x.reshape(4, 0),
    "transpose": lambda x: x.T,
    "relu": F.relu,
    "softmax": F.softmax,
    "matmul": lambda x: x @ np.ones((4, 2)),
    "dense": lambda x: F.dense(x, np.ones((4, 2)), np.ones(2)),
    "dense_relu": lambda x: F.dense_relu(x, np.ones((4, 2)), np.ones(2)),
    "max_pool2d": lambda x: F.max_pool2d(x.reshape(0, 2, 2, 1)),
    "avg_pool2d": lambda x: F.avg_pool2d(x.reshape(0, 2, 2, 1)),
    "dropout": lambda x: F.dropout(x, 0.5, np.random.default_rng(0)),
    "batch_norm": lambda x: F.batch_norm(x, *np.ones((4, 4))),
    "batch_norm_inference": lambda x: F.batch_norm_inference(x, *np.ones((4, 4))),
}


@both_sets
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_batch_goes_forward_and_back(name, kernel_set):
    x = Tensor(np.zeros((0, 4)), requires_grad=True)
    with kernels.use(kernel_set):
        y = EMPTY[name](x)
        y.backward(np.zeros(y.shape))
    assert x.grad.shape == (0, 4)


def test_no_warning_of_a_slope_that_nobody_asks_for():
    assert (Tensor(np.zeros(2)) ** 0.5).data.tolist() == [0, 0]
    assert (Tensor(np.full(2, 1e-30, np.float32)) ** -1).dtype == np.float32

"""Every rule against the numerical derivative, in float64, over drawn shapes and settings.

Where a function has a kink, values keep away from it, and the rule at the kink is held by hand.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn import functional as F
from minicnn import kernels, tensor
from minicnn.gradient_check import gradcheck
from minicnn.kernels import reference
from minicnn.tensor import Tensor, concatenate

from . import naive
from .draws import (
    KINK,
    away_from_zero,
    between,
    both_sets,
    cases,
    distinct,
    few,
    lay_out,
    seeds,
    small_shapes,
    some,
    tied,
)


def test_no_op_is_forgotten():
    """Each differentiable function stands in a table below."""
    ops = {
        name.strip("_")
        for module in (tensor, F)
        for name, function in vars(module).items()
        if getattr(function, "__wrapped__", None) and function.__module__ == module.__name__
    }
    ops -= {"no_grad"}
    assert ops - {"mean_cross_entropy"} <= {*ELEMENTWISE, *PAIRS, *WINDOWS, *OTHERS}


# ------------------------------------------------------------------ of one tensor, any shape


def positive(rng, shape):
    return rng.uniform(0.5, 2, shape)


def dropped(x):
    return F.dropout(x, 0.4, np.random.default_rng(1))


ELEMENTWISE = {
    "exp": (F.exp, between),
    "log": (F.log, positive),
    "sqrt": (F.sqrt, positive),
    "tanh": (F.tanh, between),
    "sigmoid": (F.sigmoid, between),
    "softmax": (F.softmax, between),
    "relu": (F.relu, away_from_zero),
    "dropout": (dropped, between),
    "negative": (lambda x: -x, between),
    "power": (lambda x: x**3 + x**2.0 - x**1, between),
    "power of a fraction": (lambda x: x**0.5 + x**-1.5, positive),
    "number on the right": (lambda x: (x + 2) * 3 - 1 / (x / 4), positive),
    "number on the left": (lambda x: 2 - 3 * (1 + x), between),
    "used twice": (lambda x: x * x + F.exp(x) * x, between),
    "reshape": (lambda x: x.reshape(-1) * np.arange(x.size), between),
    "transpose": (lambda x: x.T + x.T, between),
}


@both_sets
@pytest.mark.parametrize("name", ELEMENTWISE)
@some
@given(shape=small_shapes, seed=seeds)
def test_ops_of_one_tensor(name, kernel_set, shape, seed):
    function, draw = ELEMENTWISE[name]
    with kernels.use(kernel_set):
        gradcheck(function, draw(np.random.default_rng(seed), shape), seed=seed)


@both_sets
@given(shape=small_shapes, seed=seeds)
@some
def test_relu_passes_nothing_at_zero_and_below(kernel_set, shape, seed):
    rng = np.random.default_rng(seed)
    values, dy = rng.integers(-1, 2, shape).astype(float), between(rng, shape)
    x = Tensor(values, requires_grad=True)
    with kernels.use(kernel_set):
        F.relu(x).backward(dy)
    np.testing.assert_array_equal(x.grad, dy * (values == 1))


# ------------------------------------------------------------------ of two tensors that broadcast

PAIRS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
}

broadcast_shapes = hnp.mutually_broadcastable_shapes(
    num_shapes=2, min_dims=0, max_dims=4, max_side=3
)


@pytest.mark.parametrize("name", PAIRS)
@some
@given(shapes=broadcast_shapes, seed=seeds)
def test_ops_of_two_tensors_that_broadcast(name, shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (positive(rng, shape) for shape in shapes.input_shapes)
    gradcheck(PAIRS[name], a, b, seed=seed)
    gradcheck(lambda x: PAIRS[name](a, x), b, seed=seed)  # an array on the left
    gradcheck(lambda x: PAIRS[name](x, b), a, seed=seed)


matrix_shapes = hnp.mutually_broadcastable_shapes(
    signature="(m,k),(k,n)->(m,n)", min_dims=0, max_dims=2, max_side=3
)


@both_sets
@given(shapes=matrix_shapes, seed=seeds)
@some
def test_matrix_products_of_single_and_stacked_matrices(kernel_set, shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (between(rng, shape) for shape in shapes.input_shapes)
    with kernels.use(kernel_set):
        gradcheck(lambda a, b: a @ b, a, b, seed=seed)
        gradcheck(lambda x: a @ x, b, seed=seed)
        gradcheck(lambda x: x @ b, a, seed=seed)


@both_sets
@given(
    rows=st.integers(1, 30), inputs=st.integers(1, 5), units=st.sampled_from((1, 3, 50)), seed=seeds
)
@few
def test_dense_with_and_without_relu(kernel_set, rows, inputs, units, seed):
    rng = np.random.default_rng(seed)
    x, bias = positive(rng, (rows, inputs)), positive(rng, (units,))
    weight = positive(rng, (inputs, units))
    sides = rng.choice([-1, 1], units)  # no output of ReLU's input is near 0, some units are dead
    with kernels.use(kernel_set):
        gradcheck(F.dense, x, between(rng, weight.shape), bias, seed=seed)
        gradcheck(F.dense_relu, x, sides * weight, sides * bias, seed=seed)


# ------------------------------------------------------------------ reductions and shapes


@st.composite
def reductions(draw):
    shape = draw(small_shapes)
    axis = draw(
        st.none() | st.integers(-len(shape), len(shape) - 1) | hnp.valid_tuple_axes(len(shape))
    )
    return shape, axis, draw(st.booleans())


OTHERS = (
    "matmul",
    "dense",
    "dense_relu",
    "sum",
    "mean",
    "max",
    "getitem",
    "concatenate",
    "batch_norm",
    "batch_norm_relu",
    "batch_norm_inference",
)


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
@some
@given(reduction=reductions(), seed=seeds)
def test_reductions_over_one_several_and_all_axes(name, reduction, seed):
    shape, axis, keepdims = reduction
    x = distinct(np.random.default_rng(seed), shape)
    gradcheck(lambda x: getattr(x, name)(axis, keepdims), x, seed=seed)


@some
@given(reduction=reductions(), seed=seeds)
def test_equal_largest_values_share_the_gradient_equally(reduction, seed):
    shape, axis, keepdims = reduction
    rng = np.random.default_rng(seed)
    x = Tensor(tied(rng, shape), requires_grad=True)
    y = x.max(axis, keepdims)
    dy = between(rng, y.shape)
    y.backward(dy)
    largest = x.data == x.data.max(axis, keepdims=True)
    each = dy.reshape(x.data.max(axis, keepdims=True).shape) / largest.sum(axis, keepdims=True)
    np.testing.assert_allclose(x.grad, largest * each, rtol=1e-15)


INDICES = {
    "a number": 1,
    "a slice": np.s_[::2, 1:],
    "backwards": np.s_[::-1, ..., 0],
    "a new axis": np.s_[:, None, 2],
    "rows, some twice": np.array([2, 0, 2, 2]),
    "elements, some twice": (np.array([0, 1, 0]), np.array([1, 1, 1])),
    "a mask": np.arange(24).reshape(3, 4, 2) % 3 == 0,
    "nothing": np.s_[:0],
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())
def test_indexing(index):
    gradcheck(lambda x: x[index], between(np.random.default_rng(0), (3, 4, 2)))


@some
@given(data=st.data(), seed=seeds)
def test_transposing_in_any_order(data, seed):
    shape = data.draw(small_shapes)
    axes = data.draw(st.permutations(range(len(shape))))
    x = between(np.random.default_rng(seed), shape)
    gradcheck(lambda x: x.transpose(*axes), x, seed=seed)


@some
@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4), axis=st.integers(-3, 2), seed=seeds
)
def test_joining_tensors_of_different_sizes(sizes, axis, seed):
    rng = np.random.default_rng(seed)
    parts = [between(rng, [size if i == axis % 3 else 2 for i in range(3)]) for size in sizes]
    gradcheck(lambda *xs: concatenate(xs, axis), *parts, seed=seed)


def test_an_array_may_stand_among_the_joined():
    a, b = between(np.random.default_rng(0), (2, 2, 3))
    gradcheck(lambda x: concatenate([a, x, a], axis=1), b)


# ------------------------------------------------------------------ windows


def _image(case):
    return distinct(case.rng, case.x_shape)


def _convolution_arguments(case):
    rng = case.rng
    weight = between(rng, (*case.kernel, case.channels, case.filters))
    return between(rng, case.x_shape), weight, between(rng, (case.filters,))


def _away_from_kinks(case, pool=(1, 1)):
    """Arguments with no output of the convolution near 0, and in no pool two near the largest."""
    arguments = _convolution_arguments(case)
    z = reference.conv2d(*arguments, case.stride, case.padding)
    cells = reference.im2col(z, pool, pool).reshape(-1, math.prod(pool), case.filters)
    cells = np.sort(cells, axis=1)
    assume(np.abs(z).min() > KINK)
    assume(np.diff(cells[:, -2:], axis=1).min(initial=1) > KINK)
    return arguments


WINDOWS = {
    "conv2d": (
        lambda case: lambda *a: F.conv2d(*a, case.stride, case.padding),
        _convolution_arguments,
    ),
    "conv2d_relu": (
        lambda case: lambda *a: F.conv2d_relu(*a, case.stride, case.padding),
        _away_from_kinks,
    ),
    "conv2d_relu_max_pool2d": (
        lambda case: lambda *a: F.conv2d_relu_max_pool2d(*a, case.stride, case.padding, case.pool),
        lambda case: _away_from_kinks(case, case.pool),
    ),
    "max_pool2d": (lambda case: lambda x: F.max_pool2d(x, *case.windows), lambda c: [_image(c)]),
    "avg_pool2d": (lambda case: lambda x: F.avg_pool2d(x, *case.windows), lambda c: [_image(c)]),
}


@both_sets
@pytest.mark.parametrize("name", WINDOWS)
@some
@given(case=cases())
def test_ops_on_windows(name, kernel_set, case):
    function, arguments = WINDOWS[name]
    with kernels.use(kernel_set):
        gradcheck(function(case), *arguments(case), seed=case.seed)


@both_sets
@some
@given(case=cases())
def test_of_equal_values_in_a_window_exactly_one_gets_the_gradient(kernel_set, case):
    """The first one, which is found here by loops over single numbers."""
    x = Tensor(tied(case.rng, case.x_shape), requires_grad=True)
    with kernels.use(kernel_set):
        y = F.max_pool2d(x, *case.windows)
        dy = between(case.rng, y.shape)
        y.backward(dy)
    value, first = naive.max_pool2d(x.data, *case.windows)
    np.testing.assert_array_equal(y.data, value)
    expected = naive.max_pool2d_vjp(dy, first, x.shape, *case.windows)
    np.testing.assert_allclose(x.grad, expected, rtol=0, atol=1e-15)


@both_sets
@some
@given(case=cases())
def test_the_fused_convolution_is_the_three_ops_it_stands_for(kernel_set, case):
    """Also at ties and zeros, where a numerical derivative cannot look: values are integers."""
    arguments = [(2 * a).round() for a in _convolution_arguments(case)]

    def gradients(function):
        tensors = [Tensor(a, requires_grad=True) for a in arguments]
        y = function(*tensors)
        y.backward(between(case.rng, y.shape))
        return [y.data, *[t.grad for t in tensors]]

    def one_by_one(*a):
        y = F.conv2d(*a, case.stride, case.padding)
        return F.relu(F.max_pool2d(y, case.pool))

    with kernels.use("reference"):
        expected = gradients(one_by_one)
    with kernels.use(kernel_set):
        found = gradients(WINDOWS["conv2d_relu_max_pool2d"][0](case))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-13)


@both_sets
@pytest.mark.parametrize("layout", ["transposed", "sliced"])
def test_inputs_of_any_memory_layout(kernel_set, layout):
    rng = np.random.default_rng(0)
    x, weight, bias = between(rng, (2, 5, 4, 3)), between(rng, (3, 2, 3, 2)), between(rng, (2,))
    dy = between(rng, (2, 3, 3, 2))

    def gradients(lay):
        tensors = [Tensor(lay(a)) for a in (x, weight, bias)]
        for t in tensors:
            t.requires_grad = True
        F.tanh(F.conv2d(*tensors)).backward(lay(dy))
        return [t.grad for t in tensors]

    with kernels.use(kernel_set):
        pairs = zip(gradients(lambda a: lay_out(a, layout)), gradients(lambda a: a), strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@both_sets
@pytest.mark.parametrize("name", [name for name in WINDOWS if name.startswith("conv2d")])
@pytest.mark.parametrize("single", [0, 1], ids=["x", "weight"])
@few
@given(case=cases())
def test_a_convolution_of_float32_and_float64_together(name, single, kernel_set, case):
    """A single-precision model may be given double-precision data, and the other way round."""
    function = WINDOWS[name][0](case)
    arguments = _away_from_kinks(case, case.pool)
    arguments = [a.astype(np.float32) if i == single else a for i, a in enumerate(arguments)]

    def gradients(arguments):
        tensors = [Tensor(a, requires_grad=True) for a in arguments]
        y = function(*tensors)
        y.backward(between(case.rng, y.shape))
        return [y.data, *[t.grad for t in tensors]]

    with kernels.use("reference"):
        expected = gradients([a.astype(np.float64) for a in arguments])
    with kernels.use(kernel_set):
        found = gradients(arguments)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@both_sets
@some
@given(shape=hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), seed=seeds)
def test_batch_norm_by_the_statistics_of_the_batch(kernel_set, shape, seed):
    rng = np.random.default_rng(seed)
    x = 10 * distinct(rng, shape)  # rows that lie close together bend the function too much

    def normalised(x, gamma, beta):
        return F.batch_norm(x, gamma, beta, *reference.moments(x.data))

    with kernels.use(kernel_set):
        gradcheck(normalised, x, *between(rng, (2, shape[-1])), seed=seed)


@both_sets
@some
@given(shape=hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), seed=seeds)
def test_batch_norm_by_averages(kernel_set, shape, seed):
    rng = np.random.default_rng(seed)
    mean, variance = rng.normal(0, 1, shape[-1]), rng.uniform(0.1, 2, shape[-1])

    def normalised(x, gamma, beta):
        return F.batch_norm_inference(x, gamma, beta, mean, variance)

    with kernels.use(kernel_set):
        gradcheck(normalised, between(rng, shape), *between(rng, (2, shape[-1])), seed=seed)


@both_sets
@some
@given(
    rows=st.integers(2, 9),
    pixels=st.integers(1, 3),
    channels=st.sampled_from((1, 3, 9)),
    seed=seeds,
)
def test_batch_norm_with_relu(kernel_set, rows, pixels, channels, seed):
    """Each channel is above 0 in some rows and below in others, never near it."""
    rng = np.random.default_rng(seed)
    sides = np.resize([-1.0, 1.0], rows)[:, None, None]
    x = rng.permuted(sides * rng.uniform(0.8, 1.2, (rows, pixels, channels)), axis=0)
    gamma = rng.uniform(0.5, 1, channels) * rng.choice([-1, 1], channels)

    def normalised(x, gamma, beta):
        return F.batch_norm_relu(x, gamma, beta, *reference.moments(x.data))

    with kernels.use(kernel_set):
        gradcheck(normalised, x, gamma, between(rng, (channels,)) / 10, seed=seed)

"""Drawn programs of ops: values as NumPy's, gradients as measured, whatever is changed in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn import functional as F
from minicnn import tensor
from minicnn.errors import GradientError
from minicnn.gradient_check import gradcheck
from minicnn.tensor import Tensor, concatenate

from .draws import distinct, seeds, some


def _axes(rng, ndim):
    """None, one axis or several, counted from either end."""
    axes = [int(a) - ndim * int(rng.integers(2)) for a in rng.permutation(ndim)]
    return [None, axes[0] if axes else None, tuple(axes[: rng.integers(ndim + 1)])][rng.integers(3)]


def _order(rng, ndim):
    return tuple(int(a) - ndim * int(rng.integers(2)) for a in rng.permutation(ndim))


def _reduction(name):
    def draw(rng, ndim):
        axis, keepdims = _axes(rng, ndim), bool(rng.integers(2))
        return (
            lambda t: getattr(t, name)(axis=axis, keepdims=keepdims),
            lambda a: getattr(a, name)(axis=axis, keepdims=keepdims),
        )

    return draw


def _transposed(rng, ndim):
    order = _order(rng, ndim)
    given_as = [lambda t: t.transpose(order), lambda t: tensor.transpose(axes=order, x=t)]
    return given_as[rng.integers(2)], lambda a: a.transpose(order)


def _joined(rng, ndim):
    axis = int(rng.integers(-ndim, ndim)) if ndim else 0
    if not ndim:
        return _same
    return (
        lambda t: concatenate([t, t * 2], axis=axis),
        lambda a: np.concatenate([a, a * 2], axis=axis),
    )


def _rows(rng, ndim):
    if not ndim:
        return _same
    rows = [rng.integers(0, 1, 3), np.s_[::-1], 0, np.s_[None, ..., :1]][rng.integers(4)]
    return lambda t: t[rows], lambda a: a[rows]


def _product(rng, ndim):
    if ndim < 2:
        return _same
    columns = rng.standard_normal((9, 2))
    return (
        lambda t: tensor.matmul(b=columns[: t.shape[-1]], a=t),
        lambda a: a @ columns[: a.shape[-1]],
    )


_same = (lambda t: -t + 1, lambda a: -a + 1)

STEPS = {
    **{name: _reduction(name) for name in ("sum", "mean", "max")},
    "transpose": _transposed,
    "flat": lambda rng, ndim: (lambda t: t.reshape((-1,)), lambda a: a.reshape(-1)),
    "axes": lambda rng, ndim: (lambda t: t[..., None], lambda a: a[..., None]),
    "concatenate": _joined,
    "rows": _rows,
    "matmul": _product,
    "tanh": lambda rng, ndim: (lambda t: F.tanh(x=t), np.tanh),
    "exp": lambda rng, ndim: (lambda t: F.exp(t * 0.1), lambda a: np.exp(a * 0.1)),
    "root": lambda rng, ndim: (lambda t: F.sqrt(t * t + 1), lambda a: np.sqrt(a * a + 1)),
    "power": lambda rng, ndim: (lambda t: (t * t + 1) ** -1.5, lambda a: (a * a + 1) ** -1.5),
    "quotient": lambda rng, ndim: (lambda t: 2 / (t * t + 1) - t, lambda a: 2 / (a * a + 1) - a),
}

programs = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4)


@some
@given(names=programs, shape=hnp.array_shapes(min_dims=0, max_dims=4, max_side=3), seed=seeds)
def test_a_drawn_program(names, shape, seed):
    rng = np.random.default_rng(seed)
    array, steps = 10 * distinct(rng, shape), []
    value = array
    for name in names:
        step, in_numpy = STEPS[name](rng, value.ndim)
        steps.append(step)
        value = np.asarray(in_numpy(value))

    def run(t):
        on_the_way = [t]
        for step in steps:
            on_the_way.append(step(on_the_way[-1]))
        return on_the_way

    y = run(Tensor(array))[-1]
    assert y.shape == value.shape
    np.testing.assert_allclose(y.data, value, rtol=1e-12, atol=1e-12)
    try:
        gradcheck(lambda t: run(t)[-1], array, seed=seed)
    except GradientError as error:
        assert "kink" in str(error)  # noqa: PT017 # two largest values that are alike
    _check_changes(array, run, rng)


def _check_changes(array, run, rng):
    """Whatever is changed before backward: the gradient of what was computed, or an error."""
    dy = rng.standard_normal(run(Tensor(array))[-1].shape)
    untouched = Tensor(array, requires_grad=True)
    run(untouched)[-1].backward(dy)
    count = len(run(Tensor(array)))
    for place in range(count):
        x = Tensor(array, requires_grad=True)
        on_the_way = run(x)
        on_the_way[place][...] = on_the_way[place].data + 1.5
        try:
            on_the_way[-1].backward(dy)
        except GradientError:
            continue
        np.testing.assert_array_equal(x.grad, untouched.grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@some
@given(names=programs, shape=hnp.array_shapes(min_dims=0, max_dims=4, max_side=3), seed=seeds)
def test_the_gradient_of_a_drawn_program_is_like_its_leaf(dtype, names, shape, seed):
    rng = np.random.default_rng(seed)
    x = Tensor(distinct(rng, shape).astype(dtype), requires_grad=True)
    y = x
    for name in names:
        y = STEPS[name](rng, y.ndim)[0](y)
    y.backward(np.ones(y.shape))
    assert (type(x.grad), x.grad.shape, x.grad.dtype) == (np.ndarray, shape, dtype)

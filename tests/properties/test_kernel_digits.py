"""Digits: in float32 a kernel is as near to float64 as float32 can be, at every magnitude."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import functional as F
from minicnn import kernels
from minicnn.kernels.signatures import signature
from minicnn.tensor import Tensor

from . import naive
from .draws import ARGUMENTS, Case, both_sets, call, cases, some, tied

EPS = float(np.finfo(np.float32).eps)

CASE = Case(
    batch=3,
    image=(7, 6),
    channels=3,
    filters=4,
    kernel=(3, 3),
    stride=(2, 1),
    padding="same",
    pool=(2, 2),
    dtype=np.float32,
    seed=11,
)


SCALES = [10.0**power for power in (-35, -30, -20, -10, -5, -2, 2, 5, 10, 18, 25, 30, 35)]

FLOATS = [
    (name, i)
    for name in kernels.NAMES
    for i, parameter in enumerate(signature(name).takes)
    if parameter.kind in ("array", "changed")
]


def in_float64(arguments):
    return [
        a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a
        for a in arguments
    ]


@both_sets
@pytest.mark.parametrize(("name", "at"), FLOATS)
def test_float32_has_the_digits_of_float64_at_every_magnitude(name, at, kernel_set):
    """Each argument by itself very large or small, wherever float32 can hold the result."""
    held = 0
    for scale in SCALES:

        def arguments(scale=scale):
            drawn = ARGUMENTS[name](CASE)
            drawn[at] = drawn[at] * np.float32(scale)
            return drawn

        with kernels.use(kernel_set), np.errstate(under="ignore", over="ignore"):
            exact = call(getattr(kernels, name), in_float64(arguments()), name)
            if any(np.abs(right).max() > 1e37 for right in exact):
                continue
            found = call(getattr(kernels, name), arguments(), name)
        held += 1
        for one, right in zip(found, exact, strict=True):
            if one.dtype == np.float32:  # winners are others where float32 sees a tie
                off = 32 * EPS * np.abs(right).max() + 1e-44
                np.testing.assert_allclose(one, right, rtol=32 * EPS, atol=off, err_msg=f"{scale}")
    assert held >= 8


ROWS = 400_000


@both_sets
@pytest.mark.parametrize("name", ["moments", "dense_dbias", "conv2d_dbias", "batch_norm_vjp"])
def test_a_sum_over_400_000_rows_keeps_its_digits(name, kernel_set):
    """Added up one by one in float32, the variance was off by 1e-4."""
    x = np.random.default_rng(0).uniform(0, 1, (ROWS, 3)).astype(np.float32)
    gamma = np.ones(3, np.float32)
    arguments = {
        "conv2d_dbias": [x.reshape(1, 500, -1, 3)],
        "batch_norm_vjp": [x, x, gamma, gamma / 2, gamma / 12, 1e-3],
    }.get(name, [x])
    with kernels.use(kernel_set):
        found = call(getattr(kernels, name), arguments, name)
        exact = call(getattr(kernels, name), in_float64(arguments), name)
    for one, right in zip(found, exact, strict=True):
        np.testing.assert_allclose(one, right, rtol=4 * EPS, atol=4 * EPS)


@both_sets
def test_a_mean_of_large_numbers_is_one_of_them(kernel_set):
    """Their sum is more than float32 holds."""
    x = np.full((1, 100, 100, 1), 3e38, np.float32)
    with kernels.use(kernel_set):
        assert kernels.avg_pool2d(x, (100, 100), (100, 100)).item() == np.float32(3e38)


@both_sets
@pytest.mark.parametrize("ahead", [1, 10, 17, 30, 80])
def test_a_small_loss_is_not_0(ahead, kernel_set):
    """Of a right answer that is so far ahead: log(1 + e^-ahead)."""
    with kernels.use(kernel_set):
        (loss,), _ = kernels.softmax_cross_entropy(
            np.array([[ahead, 0]], np.float32), np.array([[1, 0]], np.float32)
        )
    assert loss == pytest.approx(np.log1p(np.exp(-ahead)), rel=4 * EPS)


# ------------------------------------------------------------------ infinity


@both_sets
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_that_is_impossible_costs_nothing_unless_it_is_right(kernel_set, dtype):
    """0 times infinity would be NaN; one of two classes is as good as none else."""
    logits = np.array([[0, -np.inf, 0], [-np.inf, 3, -np.inf], [-np.inf, 0, 0]], dtype)
    with kernels.use(kernel_set):
        losses, p = kernels.softmax_cross_entropy(logits, np.eye(3, dtype=dtype))
        dx = kernels.softmax_cross_entropy_vjp(np.ones(3, dtype), p, np.eye(3, dtype=dtype))
        x = Tensor(logits[:2], requires_grad=True)
        loss = F.softmax_cross_entropy(x, np.array([0, 1]))
        loss.backward()
    np.testing.assert_allclose(losses, [np.log(2), 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(p, [[0.5, 0, 0.5], [0, 1, 0], [0, 0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(dx, p - np.eye(3), rtol=1e-6)
    assert loss.item() == pytest.approx(np.log(2) / 2, rel=1e-6)
    np.testing.assert_allclose(x.grad, dx[:2] / 2, rtol=1e-6)
    with kernels.use(kernel_set), np.errstate(invalid="ignore"):
        (loss,), _ = kernels.softmax_cross_entropy(logits[:1], np.eye(3, dtype=dtype)[1:2])
    assert loss == np.inf


@both_sets
@some
@given(case=cases(max_size=6, channels=(1, 2)), share=st.floats(0, 1))
def test_where_all_is_minus_infinity_a_cell_of_the_picture_wins_and_not_the_padding(
    kernel_set, case, share
):
    x = np.where(case.rng.random(case.x_shape) < share, -np.inf, tied(case.rng, case.x_shape))
    dy = np.ones((case.batch, *case.out, case.channels))
    with kernels.use(kernel_set):
        y, winner = kernels.max_pool2d(x, *case.windows)
        dx = kernels.max_pool2d_vjp(dy, winner, x.shape, *case.windows)
    expected = call(naive.max_pool2d, [x, *case.windows], "max_pool2d")
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(winner, expected[1])
    assert dx.sum() == dy.size, "each window has given its gradient to a pixel"


@both_sets
def test_a_winner_in_the_padding_has_its_gradient_outside_the_picture(kernel_set):
    """Cell 0 of the first window is padding; taken for a pixel it would be the last one."""
    dy, winner = np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 1), np.int32)
    with kernels.use(kernel_set):
        dx = kernels.max_pool2d_vjp(dy, winner, (1, 3, 3, 1), (3, 3), (2, 2), "same")
    assert dx[0, :, :, 0].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]

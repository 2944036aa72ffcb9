"""gradcheck is only worth something if it fails: planted errors must be found and named."""

import re

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn.errors import GradientError
from minicnn.gradient_check import directional_derivative, gradcheck, numerical_gradient
from minicnn.tensor import Tensor, op

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
LARGE = np.random.default_rng(1).uniform(0.5, 2, (50, 60))


def squared_with(wrong):
    """x**2 whose rule is spoilt by `wrong`."""

    @op
    def square(x):
        return x * x, lambda dy: wrong(2 * x * dy)

    return square


def one_element_off(dx):
    dx = dx.copy()
    dx[1, 2] *= 1.1
    return dx


def not_a_number(dx):
    dx = dx.copy()
    dx[1, 2] = np.nan
    return dx


PLANTED = {
    "a factor": lambda dx: 1.1 * dx,
    "a sign": lambda dx: -dx,
    "one element": one_element_off,
    "swapped axes": lambda dx: dx.reshape(dx.shape[::-1]).T,
    "rolled by one": lambda dx: np.roll(dx, 1),
    "nothing at all": np.zeros_like,
    "not a number": not_a_number,
    "infinite": lambda dx: dx / 0.0,
    "a factor of one part in 100,000": lambda dx: (1 + 1e-5) * dx,
}


@pytest.mark.parametrize("x", [X, LARGE], ids=["every element", "projections"])
@pytest.mark.parametrize("wrong", PLANTED.values(), ids=PLANTED.keys())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_planted_error_is_found(wrong, x):
    with pytest.raises(GradientError, match="the gradient is off at input 0"):
        gradcheck(squared_with(wrong), x)


@pytest.mark.parametrize("x", [X, LARGE], ids=["every element", "projections"])
def test_a_right_gradient_passes(x):
    gradcheck(squared_with(lambda dx: dx), x)


def test_the_message_names_input_element_both_numbers_and_their_ratio():
    @op
    def weighed(a, b):
        return a * b, lambda dy: dy * b, lambda dy: one_element_off(dy * a)

    with pytest.raises(GradientError) as caught:
        gradcheck(weighed, X, X + 1, seed=3)
    dy = np.random.default_rng(3).standard_normal(X.shape)
    right = dy[1, 2] * X[1, 2]
    numbers = re.fullmatch(
        r"the gradient is off at input 1, element \(1, 2\): backward gives (\S+), "
        r"the numerical derivative is (\S+), ratio 1\.1; 1 of 12 are off",
        str(caught.value),
    )
    assert [float(n) for n in numbers.groups()] == pytest.approx([1.1 * right, right], rel=1e-8)


def test_of_several_elements_the_worst_is_named():
    def wrong(dx):
        return dx + np.where(np.arange(12).reshape(3, 4) == 7, 5, 0.1)

    with pytest.raises(GradientError, match=r"element \(1, 3\).*; 12 of 12 are off"):
        gradcheck(squared_with(wrong), X)


def test_a_large_input_is_said_to_be_checked_along_directions():
    message = r"input 0 \(of 3000 elements\), random direction \(\d+,\).*ratio 1\.1; 20 of 20"
    with pytest.raises(GradientError, match=message):
        gradcheck(squared_with(lambda dx: 1.1 * dx), LARGE)


def test_the_bound_between_both_ways_is_a_setting():
    wrong = squared_with(one_element_off)
    with pytest.raises(GradientError, match=r"element \(1, 2\)"):
        gradcheck(wrong, LARGE, every_element_up_to=3000)
    with pytest.raises(GradientError, match="random direction"):
        gradcheck(wrong, X, every_element_up_to=11)


def test_a_gradient_where_the_numerical_one_is_zero_has_no_ratio():
    @op
    def constant(x):
        return np.ones_like(x), lambda dy: dy

    with pytest.raises(GradientError, match="derivative is 0, ratio undefined"):
        gradcheck(constant, X)


def test_an_input_without_influence_has_the_gradient_zero():
    gradcheck(lambda a, b: a * 2, X, X)


def test_a_derivative_that_cannot_be_measured_is_not_taken_for_agreement():
    """Every step leaves the domain of the root: the numerical derivative is NaN."""
    with np.errstate(divide="ignore"), pytest.raises(GradientError, match=r"element \(1,\).*nan"):
        gradcheck(lambda x: F.sqrt(x - 1), np.array([2.0, 1.0]))


def test_inputs_stay_as_they_are_and_may_be_integers_or_float32():
    x, n = X.astype(np.float32), np.arange(1, 5)
    before = x.copy(), n.copy()
    gradcheck(lambda x, n: F.log(x) * n, x, n)
    assert (x == before[0]).all()
    assert (n == before[1]).all()


def test_errors_that_cancel_in_a_plain_sum_are_found():
    """A softmax whose rule always says 0: the sum of softmax is constant, so a sum would agree."""

    @op
    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True), np.zeros_like

    with pytest.raises(GradientError, match="input 0"):
        gradcheck(softmax, X)


@pytest.mark.parametrize("dtype", [int, np.int8, np.float32, ">f4", float])
def test_numerical_derivatives_are_computed_in_float64(dtype):
    """Of the sum of x**3: 3 x**2; a step of a millionth is lost in the dtypes of small numbers."""
    x = np.array([[1, 2], [3, -4]]).astype(dtype)
    before = x.copy()
    gradient = numerical_gradient(lambda x: (x**3).sum(), x)
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, [[3, 12], [27, 48]], rtol=1e-8)
    direction = np.array([[1, 0], [0, -1]]).astype(dtype)
    slope = directional_derivative(lambda x: (x**3).sum(), x, direction)
    assert slope == pytest.approx(3 - 48, rel=1e-8)
    np.testing.assert_array_equal(x, before)


SCALED = {
    "x * x": lambda x: x * x,
    "x**3": lambda x: x**3,
    "x**-1.5": lambda x: x**-1.5,
    "1 / x": lambda x: 1 / x,
    "log": F.log,
    "sqrt": F.sqrt,
    "sigmoid": F.sigmoid,
    "softmax": F.softmax,
    "mean": lambda x: (x * x).mean(axis=0),
    "norm": lambda x: x / F.sqrt((x * x).sum(axis=1, keepdims=True)),
    "matrix": lambda x: x @ x.T,
    "loss": lambda x: F.softmax_cross_entropy(x, np.array([0, 1, 2])),
}


FLAT = ("sigmoid", "softmax", "loss", "x**-1.5")
"""Those that have hardly a slope where numbers are large."""


def with_gradient_times(f, factor):
    """The same function, whose rule gives so much of its gradient."""

    @op
    def off(x):
        inner = Tensor(x, requires_grad=True)
        y = f(inner)

        def rule(dy):
            y.backward(dy)
            return factor * inner.grad

        return y.data, rule

    return off


@pytest.mark.parametrize("every", [2000, 1], ids=["every element", "projections"])
@pytest.mark.parametrize("size", [1e-4, 1e-2, 1.0, 1e2, 1e4])
def test_right_gradients_pass_at_every_size_and_wrong_ones_fail(size, every):
    for name, f in SCALED.items():
        x = size * np.random.default_rng(len(name)).uniform(0.5, 2, (3, 4))
        gradcheck(f, x, every_element_up_to=every)
        if size < 100 or name not in FLAT:
            with pytest.raises(GradientError, match="the gradient is off"):
                gradcheck(with_gradient_times(f, 1.1), x, every_element_up_to=every)


@pytest.mark.parametrize(("count", "draws"), [(3000, 10), (100_000, 5)])
def test_an_error_of_1e_4_in_one_element_of_many_is_found(count, draws):
    """Whichever it is: 10 of 10 and 5 of 5 draws."""
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        x, place = rng.standard_normal(count), rng.integers(count)

        def spoilt(dx, place=place):
            dx[place] += 1e-4
            return dx

        with pytest.raises(GradientError, match="random direction"):
            gradcheck(squared_with(spoilt), x, seed=seed)
        gradcheck(squared_with(lambda dx: dx), x, seed=seed)


KINKS = {
    "relu": (F.relu, [1.0, 0.0, -1.0], (1,), "0 below and"),
    "a tie": (lambda x: x.max(), [1.0, 3.0, 3.0], (1,), "0 below and"),
    "the size": (op(lambda x: (np.abs(x), lambda dy: dy * np.sign(x))), [2.0, 0.0], (1,), "below"),
    "a pool": (lambda x: F.max_pool2d(x.reshape(1, 2, 2, 1)), [1.0, 2, 2, 0], (1,), "0 below"),
    "behind others": (lambda x: F.relu(x * 3 - 6) * x, [1.0, 2.0, 3.0], (1,), "0 below"),
}


@pytest.mark.parametrize("every", [2000, 1], ids=["every element", "projections"])
@pytest.mark.parametrize(("f", "x", "index", "slopes"), KINKS.values(), ids=KINKS.keys())
def test_at_a_kink_there_is_no_gradient_and_it_is_said(f, x, index, slopes, every):
    where = rf"f has a kink at input 0, element \({index[0]},\).*{slopes}.*backward gives"
    with pytest.raises(GradientError, match=where):
        gradcheck(f, np.array(x), every_element_up_to=every)
    gradcheck(f, np.array(x) + [0.01, -0.02, 0.03, 0.04][: len(x)], every_element_up_to=every)


@pytest.mark.parametrize("value", [np.zeros(2), 1.0, None, [1.0]])
def test_what_gives_no_tensor_cannot_be_checked(value):
    with pytest.raises(GradientError, match=rf"must return a Tensor, got {type(value).__name__}"):
        gradcheck(lambda x: value, np.ones(2))


def test_a_function_that_gives_other_values_each_time_is_told():
    rng = np.random.default_rng(0)
    with pytest.raises(GradientError, match="other values the second time"):
        gradcheck(lambda x: F.dropout(x, 0.5, rng), np.ones(20))


def test_where_the_value_is_not_finite_no_slope_can_be_measured():
    with np.errstate(divide="ignore"), pytest.raises(GradientError, match=r"gives -inf at \(1,\)"):
        gradcheck(F.log, np.array([1.0, 0.0]))


def test_a_single_number_is_an_input_too():
    gradcheck(lambda x: x * x, np.array(1e-9))
    with pytest.raises(GradientError, match=r"element \(\).*ratio 1\.1;"):
        gradcheck(with_gradient_times(F.exp, 1.1), np.array(0.3))


def test_tensors_and_empty_arrays_may_be_inputs():
    gradcheck(lambda x, y: x * 2 + y.sum(), Tensor(X, requires_grad=True), np.zeros((0, 3)))


def test_the_numerical_gradient_by_hand():
    """d(x*y**2) at (3, 2): 4 and 12."""
    slope = numerical_gradient(lambda v: float(v[0] * v[1] ** 2), np.array([3.0, 2.0]))
    np.testing.assert_allclose(slope, [4, 12], rtol=1e-9)


def test_it_is_the_same_function_at_the_top_of_the_package_each_time():
    """Importing the module of the same name must not put it in the function's place."""
    assert mc.gradcheck is mc.gradcheck is gradcheck

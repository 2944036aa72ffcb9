"""gradcheck is only worth something if it fails: planted errors must be found and named."""

import re

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn.errors import GradientError
from minicnn.gradient_check import gradcheck, numerical_gradient
from minicnn.tensor import op

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


def test_the_numerical_gradient_by_hand():
    """d(x*y**2) at (3, 2): 4 and 12."""
    slope = numerical_gradient(lambda v: float(v[0] * v[1] ** 2), np.array([3.0, 2.0]))
    np.testing.assert_allclose(slope, [4, 12], rtol=1e-9)


def test_it_is_the_same_function_at_the_top_of_the_package_each_time():
    """Importing the module of the same name must not put it in the function's place."""
    assert mc.gradcheck is mc.gradcheck is gradcheck
